// What clients are told about the server and its models, before a protocol writes it down: both
// protocols say the same.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_MODELDESCRIPTION_H
#define INGOT_RUNTIME_SERVE_INFERENCE_MODELDESCRIPTION_H

#include "runtime/serve/repository/Repository.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ingot::serve {

/// Extensions of the Open Inference protocol that the server has, in Triton's words.
inline constexpr const char *openInferenceExtensions[] = {"binary_tensor_data",
                                                          "model_configuration",
                                                          "model_repository",
                                                          "model_repository(unload_dependents)",
                                                          "parameters",
                                                          "schedule_policy",
                                                          "sequence",
                                                          "statistics",
                                                          "system_shared_memory"};
/// Of models: who runs them.
inline constexpr const char *platformName = "ingot";

struct TensorDescription {
  const char *name = "";
  DType dtype = DType::F32;
  const char *datatype = "";      ///< as Open Inference says it: typeName
  std::vector<int64_t> shape;     ///< -1: free
  std::vector<const char *> dims; ///< the names of those that are free, else ""
};

struct ModelMetadata {
  std::string name;
  std::vector<int64_t> versions; ///< that serve
  std::vector<TensorDescription> inputs, outputs;
};
/// Of the default function.
ModelMetadata describeMetadata(const Repository &repository, const ModelVersion &model);

/// Triton's ModelConfig of the default function.
struct ConfigDescription {
  std::string name;
  VersionPolicy versions;
  int64_t maxBatchSize = 0;                       ///< 0: no dimension is a batch
  std::vector<TensorDescription> inputs, outputs; ///< without the batch's dimension
  struct DynamicBatching {
    uint64_t maxQueueDelayMicroseconds = 0;
    uint64_t priorityLevels = 0, defaultPriorityLevel = 0; ///< 0: requests have no priorities
    uint64_t defaultTimeoutMicroseconds = 0;
    uint32_t maxQueueSize = 0;
  };
  struct SequenceBatching {
    uint64_t maxSequenceIdleMicroseconds = 0;
  };
  std::optional<DynamicBatching> dynamicBatching; ///< at most one of these
  std::optional<SequenceBatching> sequenceBatching;
};
ConfigDescription describeConfig(const ModelVersion &model);
/// "TYPE_FP32", "TYPE_STRING": as Triton's ModelConfig says it.
std::string configType(const TensorDescription &tensor);

/// Triton's ModelStatistics: the functions of a version together, since Triton knows one a model.
struct StatisticsDescription {
  struct Duration {
    const char *name = "";
    uint64_t count = 0, nanoseconds = 0;
  };
  struct Batch {
    uint64_t rows = 0;
    std::array<Duration, 3> durations; ///< compute_input, compute_infer, compute_output
  };
  std::string name;
  int64_t version = 0;
  uint64_t lastInferenceMs = 0, inferences = 0, executions = 0;
  /// success, fail, queue, compute_input, compute_infer, compute_output, cache_hit, cache_miss.
  std::array<Duration, 8> durations;
  std::vector<Batch> batches;
  uint64_t memoryBytes = 0; ///< of the CPU
};
StatisticsDescription describeStatistics(const ModelVersion &model);
/// Of the version that is asked for, of all that serve of the model, or ("") of all models'.
/// NotFound, Unavailable: as Repository::find.
Result<std::vector<std::shared_ptr<const ModelVersion>>>
chooseForStatistics(const Repository &repository, const std::string &model,
                    const VersionChoice &choice);

/// Triton's repository index: a version, or a model of which nothing was seen yet.
struct IndexEntry {
  std::string model;
  int64_t version = 0;    ///< 0: none
  const char *state = ""; ///< "READY", …; "": none
  std::string reason;     ///< why it is not ready
};
std::vector<IndexEntry> describeIndex(const Repository &repository, bool onlyReady);

/// What TF Serving calls signatures: every function by its name, the default one as
/// "serving_default" too.
std::vector<std::pair<const char *, const ServedFunction *>>
describeSignatures(const ModelVersion &model);
std::vector<TensorDescription> describeInputs(const ServedFunction &function);
std::vector<TensorDescription> describeOutputs(const ServedFunction &function);

} // namespace ingot::serve

#endif
