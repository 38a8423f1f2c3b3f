// ModelVersion: a loaded version of a model, ready to be called. Made by the repository; held by
// whoever uses it, so that a version that is unloaded stays until its last request is done.
//
// Invariant: immutable but for statistics and what its queues do; its functions only read the
// state.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_MODELVERSION_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_MODELVERSION_H

#include "ingot/Model.h"
#include "ingot/serve/Scheduler.h"
#include "runtime/serve/repository/ModelConfig.h"
#include "runtime/serve/repository/Statistics.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve {

/// A function that clients may call. TF Serving calls it a signature.
struct ServedFunction {
  ServedFunction(const Artifact &artifact, const ingot_function &served);

  const ingot_function *function;
  /// What clients give: its inputs without those that a stream carries from run to run.
  std::vector<const ingot_tensor_info *> inputs;
  std::shared_ptr<Queue> queue;
  std::shared_ptr<FunctionStatistics> statistics;
  std::optional<bool> areRowsIndependent; ///< once it was found out (QueueOptions::trustRows)
  bool isStream() const { return inputs.size() < static_cast<size_t>(function->input_count); }
};

class ModelVersion {
public:
  std::string model;
  int64_t version = 0;
  std::string directory; ///< where it was loaded from
  std::shared_ptr<const Artifact> artifact;
  std::shared_ptr<State> state;
  /// At least one; the default one first: `predict`, or the artifact's first one that is served.
  std::vector<ServedFunction> functions;
  /// The artifact's other functions, and why clients cannot call them.
  std::map<std::string, std::string> notServed;
  ModelConfig config;
  /// Names of the classes, one a line in assets/labels.txt of the version; empty: there are none.
  std::vector<std::string> classNames;
  std::chrono::nanoseconds loadTime{0}, warmUpTime{0};
  uint64_t memoryBytes = 0; ///< weights and code; arenas are the queues' (QueueStatus)

  /// By name; "" and "serving_default" are the default function. NULL: there is none.
  const ServedFunction *find(std::string_view name) const;
  const ServedFunction &defaultFunction() const { return functions.front(); }
};

} // namespace ingot::serve

#endif
