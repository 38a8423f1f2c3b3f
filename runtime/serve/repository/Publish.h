// Writing a version that the server takes: the files, and MANIFEST.json with their digests, in a
// directory that appears whole or not at all. Used by `ingot compile --publish`; docs/Serving.md
// has the format.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_PUBLISH_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_PUBLISH_H

#include "ingot/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ingot::serve {

struct PublishFile {
  std::string name;   ///< within the version: "model.so", "assets/labels.txt"
  std::string source; ///< a file to copy
};

/// Writes `<modelDirectory>/<version>/` of these files, `model.so` among them; version 0 is the
/// next free number. `targets`: CPU levels that there is code for, where they are known. Returns
/// the version. InvalidArgument (it is there already, names), NotFound, IoError, ResourceExhausted
/// (disk full).
Result<int64_t> publishVersion(const std::string &modelDirectory, int64_t version,
                               const std::vector<PublishFile> &files,
                               const std::string &compilerVersion,
                               const std::vector<std::string> &targets = {});

/// Is the version in this directory complete, and are its files those of its manifest? NotFound (no
/// manifest), DataLoss (names the file), InvalidArgument (not a manifest of ours).
Status checkVersion(const std::string &directory);

/// The number that a directory's name is, in decimal digits ("3", "0003"), or none.
std::optional<int64_t> parseVersion(std::string_view name);

} // namespace ingot::serve

#endif
