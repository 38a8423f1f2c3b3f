// ModelConfig: how a model is served: which versions, under which labels, how its requests are
// joined. From `config.json` in the model's directory, a TF Serving model_config_file, or a load
// request; docs/Serving.md has the keys, which are those of Triton's ModelConfig where it has one.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_MODELCONFIG_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_MODELCONFIG_H

#include "ingot/Status.h"
#include "ingot/serve/Scheduler.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve {

struct VersionPolicy {
  enum class Kind { Latest, All, Specific };
  Kind kind = Kind::Latest;
  int64_t count = 1;             ///< of Latest: how many
  std::vector<int64_t> versions; ///< of Specific
  bool operator==(const VersionPolicy &) const = default;
};
/// "latest 2", "all", "specific 1, 3".
std::string describe(const VersionPolicy &policy);

struct ModelConfig {
  VersionPolicy versions;
  std::map<std::string, int64_t> labels;           ///< "stable" -> 3
  QueueOptions queue;                              ///< of each function
  bool operator==(const ModelConfig &other) const; ///< field by field
};
bool isEqual(const QueueOptions &a, const QueueOptions &b); ///< field by field

/// Unknown keys, wrong types and values that cannot be are InvalidArgument and named; `defaults` is
/// what is not said.
Result<ModelConfig> parseModelConfig(std::string_view json, const ModelConfig &defaults);
/// What parseModelConfig reads, complete.
std::string toJson(const ModelConfig &config);

} // namespace ingot::serve

#endif
