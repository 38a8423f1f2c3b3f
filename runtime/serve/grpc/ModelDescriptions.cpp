// See ModelDescriptions.h.
#include "runtime/serve/grpc/ModelDescriptions.h"

#include "runtime/serve/inference/DataTypes.h"
#include "runtime/serve/inference/Readiness.h"

#include <algorithm>
#include <limits>
#include <map>

namespace ingot::serve {

namespace {

using tensorflow::SignatureDef;
using tensorflow::TensorInfo;

/// What clients give: without what a stream carries from run to run.
std::vector<const ingot_tensor_info *> inputsOf(const ModelVersion &model,
                                                const ingot_function &function) {
  const std::vector<ingot_carry> carries = model.artifact->carries(function);
  std::vector<const ingot_tensor_info *> inputs;
  for (int64_t i = 0; i < function.input_count; ++i)
    if (std::none_of(carries.begin(), carries.end(),
                     [i](const ingot_carry &carry) { return carry.input == i; }))
      inputs.push_back(&function.inputs[i]);
  return inputs;
}

std::vector<const ingot_tensor_info *> outputsOf(const ingot_function &function) {
  std::vector<const ingot_tensor_info *> outputs;
  for (int64_t i = 0; i < function.output_count; ++i)
    outputs.push_back(&function.outputs[i]);
  return outputs;
}

/// -1 for what is not fixed, as all protocols write it.
int64_t extentOf(const ingot_dim &dim) { return std::max<int64_t>(dim.size, -1); }

TensorInfo tensorInfo(const ingot_tensor_info &info) {
  TensorInfo made;
  made.set_name(std::string(info.name) + ":0");
  made.set_dtype(
      static_cast<tensorflow::DataType>(tensorFlowNumber(static_cast<DType>(info.dtype))));
  made.mutable_tensor_shape(); // a scalar has a shape, too
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    auto &dim = *made.mutable_tensor_shape()->add_dim();
    dim.set_size(extentOf(info.dims[axis]));
    if (info.dims[axis].size < 0)
      dim.set_name(info.dims[axis].text);
  }
  return made;
}

SignatureDef signatureOf(const ModelVersion &model, const ingot_function &function) {
  SignatureDef signature;
  for (const ingot_tensor_info *info : inputsOf(model, function))
    (*signature.mutable_inputs())[info->name] = tensorInfo(*info);
  for (const ingot_tensor_info *info : outputsOf(function))
    (*signature.mutable_outputs())[info->name] = tensorInfo(*info);
  signature.set_method_name("tensorflow/serving/predict");
  return signature;
}

/// Types that Open Inference has not are named as we do.
std::string typeName(const ingot_tensor_info &info) {
  const auto dtype = static_cast<DType>(info.dtype);
  const char *name = openInferenceName(dtype);
  return *name ? name : toString(dtype);
}

void add(const ingot_tensor_info &info, inference::ModelMetadataResponse::TensorMetadata &tensor) {
  tensor.set_name(info.name);
  tensor.set_datatype(typeName(info));
  for (int32_t axis = 0; axis < info.rank; ++axis)
    tensor.add_shape(extentOf(info.dims[axis]));
}

/// Triton leaves the batch's dimension out.
template <typename Tensor> void add(const ingot_tensor_info &info, bool isBatched, Tensor &tensor) {
  tensor.set_name(info.name);
  inference::DataType type = inference::TYPE_INVALID;
  inference::DataType_Parse(
      "TYPE_" + (info.dtype == INGOT_STRING ? std::string("STRING") : typeName(info)), &type);
  tensor.set_data_type(type);
  for (int32_t axis = isBatched ? 1 : 0; axis < info.rank; ++axis)
    tensor.add_dims(extentOf(info.dims[axis]));
}

void add(const CountAndTime &value, inference::StatisticDuration &sum) {
  sum.set_count(sum.count() + value.count.load(std::memory_order_relaxed));
  sum.set_ns(sum.ns() + value.nanoseconds.load(std::memory_order_relaxed));
}

void set(inference::StatisticDuration &duration, uint64_t count, std::chrono::nanoseconds time) {
  duration.set_count(count);
  duration.set_ns(static_cast<uint64_t>(time.count()));
}

} // namespace

void describeSignatures(const ModelVersion &model, tensorflow::serving::SignatureDefMap &map) {
  for (const ServedFunction &served : model.functions)
    (*map.mutable_signature_def())[served.function->name] = signatureOf(model, *served.function);
  (*map.mutable_signature_def())["serving_default"] =
      signatureOf(model, *model.defaultFunction().function);
}

void describeMetadata(const ModelVersion &model, const std::vector<int64_t> &versions,
                      inference::ModelMetadataResponse &reply) {
  const ingot_function &function = *model.defaultFunction().function;
  reply.set_name(model.model);
  reply.set_platform("ingot");
  for (int64_t version : versions)
    reply.add_versions(std::to_string(version));
  for (const ingot_tensor_info *info : inputsOf(model, function))
    add(*info, *reply.add_inputs());
  for (const ingot_tensor_info *info : outputsOf(function))
    add(*info, *reply.add_outputs());
}

void describeConfig(const ModelVersion &model, inference::ModelConfig &config) {
  const ServedFunction &served = model.defaultFunction();
  const bool isBatched = served.queue->isBatched();
  config.set_name(model.model);
  config.set_platform("ingot");
  config.set_backend("ingot");
  config.mutable_version_policy()->mutable_specific()->add_versions(model.version);
  for (const ingot_tensor_info *info : inputsOf(model, *served.function))
    add(*info, isBatched, *config.add_input());
  for (const ingot_tensor_info *info : outputsOf(*served.function))
    add(*info, isBatched, *config.add_output());
  config.mutable_model_transaction_policy()->set_decoupled(false);
  if (!isBatched)
    return;
  config.set_max_batch_size(static_cast<int32_t>(
      std::min<int64_t>(served.queue->maxBatchRows(), std::numeric_limits<int32_t>::max())));
  const QueueOptions &options = model.config.queue;
  auto &batching = *config.mutable_dynamic_batching();
  batching.set_max_queue_delay_microseconds(static_cast<uint64_t>(options.maxDelay.count()));
  if (options.priorityLevels > 1)
    batching.set_priority_levels(static_cast<uint64_t>(options.priorityLevels));
  auto &policy = *batching.mutable_default_queue_policy();
  policy.set_allow_timeout_override(true);
  policy.set_default_timeout_microseconds(static_cast<uint64_t>(options.defaultTimeout.count()));
  policy.set_max_queue_size(static_cast<uint32_t>(
      std::min<int64_t>(options.maxQueued, std::numeric_limits<uint32_t>::max())));
}

void describeStatistics(const ModelVersion &model, inference::ModelStatistics &statistics) {
  statistics.set_name(model.model);
  statistics.set_version(std::to_string(model.version));
  auto &sums = *statistics.mutable_inference_stats();
  sums.mutable_cache_hit(); // there is no cache of replies
  sums.mutable_cache_miss();
  std::map<int64_t, FunctionStatistics::Batch> batches;
  for (const ServedFunction &served : model.functions) {
    const FunctionStatistics &from = *served.statistics;
    statistics.set_inference_count(statistics.inference_count() +
                                   from.inferences.load(std::memory_order_relaxed));
    statistics.set_execution_count(statistics.execution_count() +
                                   from.executions.load(std::memory_order_relaxed));
    statistics.set_last_inference(
        std::max(statistics.last_inference(),
                 static_cast<uint64_t>(from.lastInferenceMs.load(std::memory_order_relaxed))));
    add(from.success, *sums.mutable_success());
    add(from.fail, *sums.mutable_fail());
    add(from.queue, *sums.mutable_queue());
    add(from.computeInput, *sums.mutable_compute_input());
    add(from.computeInfer, *sums.mutable_compute_infer());
    add(from.computeOutput, *sums.mutable_compute_output());
    for (const auto &[rows, batch] : from.batches()) {
      FunctionStatistics::Batch &sum = batches[rows];
      sum.runs += batch.runs;
      sum.input += batch.input;
      sum.infer += batch.infer;
      sum.output += batch.output;
    }
  }
  for (const auto &[rows, batch] : batches) {
    auto &added = *statistics.add_batch_stats();
    added.set_batch_size(static_cast<uint64_t>(rows));
    set(*added.mutable_compute_input(), batch.runs, batch.input);
    set(*added.mutable_compute_infer(), batch.runs, batch.infer);
    set(*added.mutable_compute_output(), batch.runs, batch.output);
  }
  auto &memory = *statistics.add_memory_usage();
  memory.set_type("CPU");
  memory.set_byte_size(model.memoryBytes);
}

void describeIndex(const std::vector<ModelStatus> &models, bool onlyReady,
                   inference::RepositoryIndexResponse &reply) {
  for (const ModelStatus &model : models) {
    if (model.versions.empty() && !onlyReady) { // it is there, although nothing of it serves
      auto &added = *reply.add_models();
      added.set_name(model.model);
      added.set_reason(model.error.message());
    }
    for (const VersionStatus &version : model.versions) {
      if (onlyReady && version.state != VersionState::Available)
        continue;
      const auto [state, reason] = tritonReadiness(version);
      auto &added = *reply.add_models();
      added.set_name(model.model);
      added.set_version(std::to_string(version.version));
      added.set_state(state);
      added.set_reason(reason);
    }
  }
}

} // namespace ingot::serve
