// See ModelDescription.h.
#include "runtime/serve/inference/ModelDescription.h"

#include "runtime/serve/inference/DataTypes.h"

#include <algorithm>
#include <limits>
#include <map>

namespace ingot::serve {

namespace {

TensorDescription describeTensor(const ingot_tensor_info &info) {
  TensorDescription tensor;
  tensor.name = info.name;
  tensor.dtype = static_cast<DType>(info.dtype);
  tensor.datatype = typeName(tensor.dtype);
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    tensor.shape.push_back(std::max<int64_t>(info.dims[axis].size, -1));
    tensor.dims.push_back(info.dims[axis].size < 0 ? info.dims[axis].text : "");
  }
  return tensor;
}

/// Triton leaves the batch's dimension out.
std::vector<TensorDescription> withoutBatch(std::vector<TensorDescription> tensors) {
  for (TensorDescription &tensor : tensors)
    if (!tensor.shape.empty()) {
      tensor.shape.erase(tensor.shape.begin());
      tensor.dims.erase(tensor.dims.begin());
    }
  return tensors;
}

template <typename To> To clampTo(int64_t value) {
  return value < 0                  ? To()
         : std::in_range<To>(value) ? static_cast<To>(value)
                                    : std::numeric_limits<To>::max();
}

ConfigDescription::DynamicBatching describeBatching(const QueueOptions &queue) {
  ConfigDescription::DynamicBatching batching;
  batching.maxQueueDelayMicroseconds = clampTo<uint64_t>(queue.maxDelay.count());
  if (queue.priorityLevels > 1) {
    batching.priorityLevels = clampTo<uint64_t>(queue.priorityLevels);
    batching.defaultPriorityLevel = 1; // requests that say none are no worse
  }
  batching.defaultTimeoutMicroseconds = clampTo<uint64_t>(queue.defaultTimeout.count());
  batching.maxQueueSize = clampTo<uint32_t>(queue.maxQueued);
  return batching;
}

std::pair<const char *, std::string> readiness(const VersionStatus &version) {
  switch (version.state) {
  case VersionState::Available:
    return {"READY", version.error.message()};
  case VersionState::Start:
  case VersionState::Loading:
    return {"LOADING", ""};
  case VersionState::Unloading:
    return {"UNLOADING", ""};
  case VersionState::End:
    break;
  }
  return {"UNAVAILABLE", version.error.isOk() ? "unloaded" : version.error.message()};
}

} // namespace

std::vector<TensorDescription> describeInputs(const ServedFunction &function) {
  std::vector<TensorDescription> inputs;
  for (const ingot_tensor_info *info : function.inputs)
    inputs.push_back(describeTensor(*info));
  return inputs;
}

std::vector<TensorDescription> describeOutputs(const ServedFunction &function) {
  std::vector<TensorDescription> outputs;
  for (int64_t i = 0; i < function.function->output_count; ++i)
    outputs.push_back(describeTensor(function.function->outputs[i]));
  return outputs;
}

ModelMetadata describeMetadata(const Repository &repository, const ModelVersion &model) {
  ModelMetadata metadata;
  metadata.name = model.model;
  if (const auto status = repository.status(model.model); status.isOk())
    for (const VersionStatus &version : status->versions)
      if (version.state == VersionState::Available)
        metadata.versions.push_back(version.version);
  metadata.inputs = describeInputs(model.defaultFunction());
  metadata.outputs = describeOutputs(model.defaultFunction());
  return metadata;
}

ConfigDescription describeConfig(const ModelVersion &model) {
  const ServedFunction &function = model.defaultFunction();
  ConfigDescription config;
  config.name = model.model;
  config.versions = model.config.versions;
  config.inputs = describeInputs(function);
  config.outputs = describeOutputs(function);
  if (function.queue->isBatched()) {
    config.maxBatchSize = function.queue->maxBatchRows();
    config.inputs = withoutBatch(std::move(config.inputs));
    config.outputs = withoutBatch(std::move(config.outputs));
  }
  const QueueOptions &queue = model.config.queue;
  if (function.isStream())
    config.sequenceBatching.emplace().maxSequenceIdleMicroseconds = clampTo<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(queue.sequenceIdle).count());
  else if (function.queue->isBatched())
    config.dynamicBatching = describeBatching(queue);
  return config;
}

std::string configType(const TensorDescription &tensor) {
  return std::string("TYPE_") + (tensor.dtype == DType::String ? "STRING" : tensor.datatype);
}

StatisticsDescription describeStatistics(const ModelVersion &model) {
  struct Sum {
    const char *name;
    CountAndTime FunctionStatistics::*member; ///< null: there is no cache of replies
  };
  static constexpr std::array<Sum, 8> sums = {
      {{"success", &FunctionStatistics::success},
       {"fail", &FunctionStatistics::fail},
       {"queue", &FunctionStatistics::queue},
       {"compute_input", &FunctionStatistics::computeInput},
       {"compute_infer", &FunctionStatistics::computeInfer},
       {"compute_output", &FunctionStatistics::computeOutput},
       {"cache_hit", nullptr},
       {"cache_miss", nullptr}}};
  StatisticsDescription made;
  made.name = model.model;
  made.version = model.version;
  made.memoryBytes = model.memoryBytes;
  for (size_t i = 0; i < sums.size(); ++i)
    made.durations[i].name = sums[i].name;
  std::map<int64_t, FunctionStatistics::Batch> batches;
  for (const ServedFunction &function : model.functions) {
    const FunctionStatistics &from = *function.statistics;
    made.inferences += from.inferences.load(std::memory_order_relaxed);
    made.executions += from.executions.load(std::memory_order_relaxed);
    made.lastInferenceMs =
        std::max(made.lastInferenceMs,
                 clampTo<uint64_t>(from.lastInferenceMs.load(std::memory_order_relaxed)));
    for (size_t i = 0; i < sums.size(); ++i) {
      if (!sums[i].member)
        continue;
      const CountAndTime &value = from.*sums[i].member;
      made.durations[i].count += value.count.load(std::memory_order_relaxed);
      made.durations[i].nanoseconds += value.nanoseconds.load(std::memory_order_relaxed);
    }
    for (const auto &[rows, batch] : from.batches()) {
      FunctionStatistics::Batch &sum = batches[rows];
      sum.runs += batch.runs;
      sum.input += batch.input;
      sum.infer += batch.infer;
      sum.output += batch.output;
    }
  }
  for (const auto &[rows, batch] : batches)
    made.batches.push_back(
        {static_cast<uint64_t>(rows),
         {{{"compute_input", batch.runs, static_cast<uint64_t>(batch.input.count())},
           {"compute_infer", batch.runs, static_cast<uint64_t>(batch.infer.count())},
           {"compute_output", batch.runs, static_cast<uint64_t>(batch.output.count())}}}});
  return made;
}

Result<std::vector<std::shared_ptr<const ModelVersion>>>
chooseForStatistics(const Repository &repository, const std::string &model,
                    const VersionChoice &choice) {
  std::vector<std::shared_ptr<const ModelVersion>> chosen;
  if (!model.empty()) { // tells what is wrong, too, where nothing of that name serves
    INGOT_ASSIGN_OR_RETURN(auto found, repository.find(model, choice));
    if (choice.kind != VersionChoice::Kind::Latest) {
      chosen.push_back(std::move(found));
      return chosen;
    }
  }
  for (auto &version : repository.loaded())
    if (model.empty() || version->model == model)
      chosen.push_back(std::move(version));
  return chosen;
}

std::vector<IndexEntry> describeIndex(const Repository &repository, bool onlyReady) {
  std::vector<IndexEntry> entries;
  for (const ModelStatus &model : repository.index()) {
    if (model.versions.empty() && !onlyReady) // it is there, although nothing of it serves
      entries.push_back({model.model, 0, "", model.error.message()});
    for (const VersionStatus &version : model.versions) {
      if (onlyReady && version.state != VersionState::Available)
        continue;
      auto [state, reason] = readiness(version);
      entries.push_back({model.model, version.version, state, std::move(reason)});
    }
  }
  return entries;
}

std::vector<std::pair<const char *, const ServedFunction *>>
describeSignatures(const ModelVersion &model) {
  std::vector<std::pair<const char *, const ServedFunction *>> signatures = {
      {"serving_default", &model.defaultFunction()}};
  for (const ServedFunction &function : model.functions)
    signatures.emplace_back(function.function->name, &function);
  return signatures;
}

} // namespace ingot::serve
