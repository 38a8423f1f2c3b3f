// ScanDirectory: what lies in directories of models, without opening a model: names, sizes, times.
// Cheap enough to be asked every second.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_SCANDIRECTORY_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_SCANDIRECTORY_H

#include "ingot/Status.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace ingot::serve {

inline constexpr const char *configName = "config.json";

/// A version's directory.
struct FoundVersion {
  enum class Content {
    Nothing,   ///< nothing that can be served; `problem` says what there should be
    Published, ///< MANIFEST.json: complete, or it never will be
    Source     ///< a model that is to be compiled; perhaps still being copied
  };
  int64_t number = 0;
  std::string directory;
  Content content = Content::Nothing;
  std::string source;      ///< what to compile: "model.onnx", "model.keras", "model.json"
  std::string fingerprint; ///< names, sizes and times of its files: others when these change
  std::chrono::system_clock::time_point changed; ///< when the last of its files did
  Status problem;
};

struct FoundModel {
  std::string directory;
  std::map<int64_t, FoundVersion> versions;
  std::string configFingerprint; ///< of config.json; empty: there is none
  bool isReadable = true;        ///< false: nothing else here is known
  Status problem;                ///< of the model as a whole
};

/// Of `<model>/<number>`.
FoundVersion scanVersion(const std::string &directory, int64_t number);
/// NotFound, IoError: nothing is known about it then.
Result<FoundModel> scanModel(const std::string &directory);
/// The models in a repository, by name: directories with a version, or a config. NotFound, IoError;
/// InvalidArgument where it is a model itself.
Result<std::map<std::string, FoundModel>> scanRepository(const std::string &directory);

} // namespace ingot::serve

#endif
