// Manifest: what MANIFEST.json of a version says, and whether its files are those. docs/Serving.md
// has the format.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_MANIFEST_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_MANIFEST_H

#include "ingot/Status.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve {

inline constexpr const char *manifestName = "MANIFEST.json";
inline constexpr const char *artifactName = "model.so";

struct ManifestFile {
  uint64_t bytes = 0;
  std::string sha256; ///< 64 lower-case hexadecimal digits
};

struct Manifest {
  std::string compiler;             ///< "ingot 0.1.0"; empty: not known
  std::vector<std::string> targets; ///< CPU levels that there is code for; empty: not known
  std::map<std::string, ManifestFile> files;
};

/// After each piece of a file, with its bytes: may wait, so that reading leaves others room, and
/// says by a status that there is no need to go on.
using Progress = std::function<Status(size_t bytes)>;

/// May a version hold a file of this name: relative, of plain components ("assets/labels.txt")?
bool isFileName(std::string_view name);

std::string toJson(const Manifest &manifest);
/// `path` is for messages. InvalidArgument (not a manifest of ours).
Result<Manifest> parseManifest(const std::string &text, const std::string &path);
/// Of a version's directory. NotFound (there is none), InvalidArgument (not a manifest of ours),
/// IoError.
Result<Manifest> readManifest(const std::string &directory);
/// DataLoss: names the file that is missing, has another size or other contents. `take` is given
/// each file's bytes as they are read: what was checked, whatever becomes of the file.
using TakeBytes = std::function<Status(const std::string &name, const char *data, size_t bytes)>;
Status checkFiles(const std::string &directory, const Manifest &manifest,
                  const Progress &progress = {}, const TakeBytes &take = {});

/// Reads a file to its end, in pieces. NotFound, IoError, and what `take` says.
Status readPieces(const std::string &path,
                  const std::function<Status(const char *data, size_t bytes)> &take);
/// A whole small file. NotFound, IoError; InvalidArgument where it is larger than `most`.
Result<std::string> readText(const std::string &path, size_t most);

} // namespace ingot::serve

#endif
