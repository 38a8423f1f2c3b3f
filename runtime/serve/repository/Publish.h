// Writing a version that the server takes: the files, and MANIFEST.json with their digests, in a
// directory that appears whole or not at all. Used by `ingot compile --publish`; docs/Serving.md
// has the format.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_PUBLISH_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_PUBLISH_H

#include "ingot/Status.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ingot::serve {

struct PublishFile {
  std::string name;   ///< within the version: "model.so", "assets/labels.txt"
  std::string source; ///< a file to copy
};

/// Writes `<modelDirectory>/<version>/` of these files; version 0 is the next free number. Returns
/// the version. InvalidArgument (it is there already), IoError, ResourceExhausted (disk full).
Result<int64_t> publishVersion(const std::string &modelDirectory, int64_t version,
                               const std::vector<PublishFile> &files,
                               const std::string &compilerVersion);

/// Is the version in this directory complete, and are its files those of its manifest? NotFound (no
/// manifest), DataLoss (names the file), InvalidArgument (not a manifest of ours).
Status checkVersion(const std::string &directory);

} // namespace ingot::serve

#endif
