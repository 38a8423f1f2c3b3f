// See ModelDescriptions.h.
#include "runtime/serve/grpc/ModelDescriptions.h"

#include "runtime/serve/inference/DataTypes.h"

#include <algorithm>
#include <limits>

namespace ingot::serve {

namespace {

using tensorflow::SignatureDef;
using tensorflow::TensorInfo;
using Duration = StatisticsDescription::Duration;

TensorInfo toTensorInfo(const TensorDescription &tensor) {
  TensorInfo made;
  made.set_name(std::string(tensor.name) + ":0");
  made.set_dtype(static_cast<tensorflow::DataType>(tensorFlowNumber(tensor.dtype)));
  made.mutable_tensor_shape(); // a scalar has a shape, too
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    auto &dim = *made.mutable_tensor_shape()->add_dim();
    dim.set_size(tensor.shape[axis]);
    dim.set_name(tensor.dims[axis]);
  }
  return made;
}

void encode(const TensorDescription &from,
            inference::ModelMetadataResponse::TensorMetadata &tensor) {
  tensor.set_name(from.name);
  tensor.set_datatype(from.datatype);
  tensor.mutable_shape()->Add(from.shape.begin(), from.shape.end());
}

template <typename Tensor> void encodeConfigTensor(const TensorDescription &from, Tensor &tensor) {
  inference::DataType type = inference::TYPE_INVALID;
  inference::DataType_Parse(configType(from), &type);
  tensor.set_name(from.name);
  tensor.set_data_type(type);
  tensor.mutable_dims()->Add(from.shape.begin(), from.shape.end());
}

void encode(const VersionPolicy &from, inference::ModelVersionPolicy &policy) {
  switch (from.kind) {
  case VersionPolicy::Kind::Latest:
    policy.mutable_latest()->set_num_versions(
        static_cast<uint32_t>(std::min<int64_t>(from.count, std::numeric_limits<uint32_t>::max())));
    return;
  case VersionPolicy::Kind::All:
    policy.mutable_all();
    return;
  case VersionPolicy::Kind::Specific:
    policy.mutable_specific()->mutable_versions()->Add(from.versions.begin(), from.versions.end());
    return;
  }
}

void encode(const ConfigDescription::DynamicBatching &from,
            inference::ModelDynamicBatching &batching) {
  batching.set_max_queue_delay_microseconds(from.maxQueueDelayMicroseconds);
  batching.set_priority_levels(from.priorityLevels);
  batching.set_default_priority_level(from.defaultPriorityLevel);
  auto &policy = *batching.mutable_default_queue_policy();
  policy.set_timeout_action(inference::ModelQueuePolicy::REJECT);
  policy.set_default_timeout_microseconds(from.defaultTimeoutMicroseconds);
  policy.set_allow_timeout_override(true);
  policy.set_max_queue_size(from.maxQueueSize);
}

/// Fields of a message are named as the durations are.
template <size_t N>
void encode(const std::array<Duration, N> &durations, google::protobuf::Message &message) {
  const auto &fields = *message.GetDescriptor();
  for (const Duration &from : durations) {
    auto &duration = static_cast<inference::StatisticDuration &>(
        *message.GetReflection()->MutableMessage(&message, fields.FindFieldByName(from.name)));
    duration.set_count(from.count);
    duration.set_ns(from.nanoseconds);
  }
}

} // namespace

void encodeSignatures(const ModelVersion &model, tensorflow::serving::SignatureDefMap &map) {
  for (const auto &[name, function] : describeSignatures(model)) {
    SignatureDef &signature = (*map.mutable_signature_def())[name];
    for (const TensorDescription &tensor : describeInputs(*function))
      (*signature.mutable_inputs())[tensor.name] = toTensorInfo(tensor);
    for (const TensorDescription &tensor : describeOutputs(*function))
      (*signature.mutable_outputs())[tensor.name] = toTensorInfo(tensor);
    signature.set_method_name("tensorflow/serving/predict");
  }
}

void encode(const ModelMetadata &metadata, inference::ModelMetadataResponse &reply) {
  reply.set_name(metadata.name);
  reply.set_platform(platformName);
  for (int64_t version : metadata.versions)
    reply.add_versions(std::to_string(version));
  for (const TensorDescription &tensor : metadata.inputs)
    encode(tensor, *reply.add_inputs());
  for (const TensorDescription &tensor : metadata.outputs)
    encode(tensor, *reply.add_outputs());
}

void encode(const ConfigDescription &from, inference::ModelConfig &config) {
  config.set_name(from.name);
  config.set_platform(platformName);
  config.set_backend(platformName);
  encode(from.versions, *config.mutable_version_policy());
  config.set_max_batch_size(static_cast<int32_t>(
      std::min<int64_t>(from.maxBatchSize, std::numeric_limits<int32_t>::max())));
  for (const TensorDescription &tensor : from.inputs)
    encodeConfigTensor(tensor, *config.add_input());
  for (const TensorDescription &tensor : from.outputs)
    encodeConfigTensor(tensor, *config.add_output());
  if (from.dynamicBatching)
    encode(*from.dynamicBatching, *config.mutable_dynamic_batching());
  if (from.sequenceBatching)
    config.mutable_sequence_batching()->set_max_sequence_idle_microseconds(
        from.sequenceBatching->maxSequenceIdleMicroseconds);
  config.mutable_model_transaction_policy()->set_decoupled(false);
}

void encode(const StatisticsDescription &from, inference::ModelStatistics &statistics) {
  statistics.set_name(from.name);
  statistics.set_version(std::to_string(from.version));
  statistics.set_last_inference(from.lastInferenceMs);
  statistics.set_inference_count(from.inferences);
  statistics.set_execution_count(from.executions);
  encode(from.durations, *statistics.mutable_inference_stats());
  for (const StatisticsDescription::Batch &batch : from.batches) {
    auto &added = *statistics.add_batch_stats();
    added.set_batch_size(batch.rows);
    encode(batch.durations, added);
  }
  auto &memory = *statistics.add_memory_usage();
  memory.set_type("CPU");
  memory.set_byte_size(from.memoryBytes);
}

void encode(const std::vector<IndexEntry> &entries, inference::RepositoryIndexResponse &reply) {
  for (const IndexEntry &entry : entries) {
    auto &added = *reply.add_models();
    added.set_name(entry.model);
    if (entry.version != 0)
      added.set_version(std::to_string(entry.version));
    added.set_state(entry.state);
    added.set_reason(entry.reason);
  }
}

} // namespace ingot::serve
