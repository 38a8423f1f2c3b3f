// See ModelJson.h.
#include "runtime/serve/rest/ModelJson.h"

#include "runtime/serve/inference/DataTypes.h"
#include "runtime/serve/rest/JsonWriter.h"
#include "runtime/serve/rest/StatusMap.h"

#include <string>

namespace ingot::serve::rest {

namespace {

/// Writes commas between what a list or object has.
class Commas {
public:
  explicit Commas(Bytes &out) : out_(out) {}
  void next() {
    out_ += isFirst_ ? "" : ",";
    isFirst_ = false;
  }

private:
  Bytes &out_;
  bool isFirst_ = true;
};

void appendKey(Bytes &out, std::string_view key) {
  appendQuoted(out, key);
  out += ':';
}

/// {"dtype": "DT_FLOAT", "tensor_shape": …, "name": "x:0"} by name.
void appendTensorInfos(Bytes &out, const std::vector<TensorDescription> &tensors) {
  out += '{';
  Commas commas(out);
  for (const TensorDescription &tensor : tensors) {
    commas.next();
    appendKey(out, tensor.name);
    out += "{\"dtype\":\"";
    out += tensorFlowName(tensor.dtype);
    out += "\",\"tensor_shape\":{\"dim\":[";
    Commas dims(out);
    for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
      dims.next();
      out += "{\"size\":\"";
      appendNumber(out, tensor.shape[axis]);
      out += "\",\"name\":";
      appendQuoted(out, tensor.dims[axis]);
      out += '}';
    }
    out += "],\"unknown_rank\":false},\"name\":";
    appendQuoted(out, std::string(tensor.name) + ":0");
    out += '}';
  }
  out += '}';
}

void appendNumbers(Bytes &out, const std::vector<int64_t> &numbers) {
  out += '[';
  Commas commas(out);
  for (int64_t number : numbers) {
    commas.next();
    appendNumber(out, number);
  }
  out += ']';
}

/// [{"name", "datatype", "shape"}].
void appendTensorMetadata(Bytes &out, const std::vector<TensorDescription> &tensors) {
  out += '[';
  Commas commas(out);
  for (const TensorDescription &tensor : tensors) {
    commas.next();
    out += "{\"name\":";
    appendQuoted(out, tensor.name);
    out += ",\"datatype\":\"";
    out += tensor.datatype;
    out += "\",\"shape\":";
    appendNumbers(out, tensor.shape);
    out += '}';
  }
  out += ']';
}

/// Triton's ModelInput and ModelOutput.
void appendConfigTensors(Bytes &out, const std::vector<TensorDescription> &tensors) {
  out += '[';
  Commas commas(out);
  for (const TensorDescription &tensor : tensors) {
    commas.next();
    out += "{\"name\":";
    appendQuoted(out, tensor.name);
    out += ",\"data_type\":\"";
    out += configType(tensor);
    out += "\",\"dims\":";
    appendNumbers(out, tensor.shape);
    out += '}';
  }
  out += ']';
}

void appendPolicy(Bytes &out, const VersionPolicy &policy) {
  switch (policy.kind) {
  case VersionPolicy::Kind::Latest:
    out += "{\"latest\":{\"num_versions\":";
    appendNumber(out, policy.count);
    out += "}}";
    return;
  case VersionPolicy::Kind::All:
    out += "{\"all\":{}}";
    return;
  case VersionPolicy::Kind::Specific:
    break;
  }
  out += "{\"specific\":{\"versions\":";
  appendNumbers(out, policy.versions);
  out += "}}";
}

void appendBatching(Bytes &out, const ConfigDescription::DynamicBatching &batching) {
  out += "{\"max_queue_delay_microseconds\":";
  appendNumber(out, batching.maxQueueDelayMicroseconds);
  out += ",\"priority_levels\":";
  appendNumber(out, batching.priorityLevels);
  out += ",\"default_priority_level\":";
  appendNumber(out, batching.defaultPriorityLevel);
  out += ",\"default_queue_policy\":{\"timeout_action\":\"REJECT\","
         "\"default_timeout_microseconds\":";
  appendNumber(out, batching.defaultTimeoutMicroseconds);
  out += ",\"allow_timeout_override\":true,\"max_queue_size\":";
  appendNumber(out, uint64_t{batching.maxQueueSize});
  out += "}}";
}

/// "success": {"count": n, "ns": t}, ….
template <size_t N>
void appendDurations(Bytes &out, const std::array<StatisticsDescription::Duration, N> &durations) {
  Commas commas(out);
  for (const StatisticsDescription::Duration &duration : durations) {
    commas.next();
    appendKey(out, duration.name);
    out += "{\"count\":";
    appendNumber(out, duration.count);
    out += ",\"ns\":";
    appendNumber(out, duration.nanoseconds);
    out += '}';
  }
}

void appendVersionStatistics(Bytes &out, const StatisticsDescription &statistics) {
  out += "{\"name\":";
  appendQuoted(out, statistics.name);
  out += ",\"version\":\"";
  appendNumber(out, statistics.version);
  out += "\",\"last_inference\":";
  appendNumber(out, statistics.lastInferenceMs);
  out += ",\"inference_count\":";
  appendNumber(out, statistics.inferences);
  out += ",\"execution_count\":";
  appendNumber(out, statistics.executions);
  out += ",\"inference_stats\":{";
  appendDurations(out, statistics.durations);
  out += "},\"batch_stats\":[";
  Commas commas(out);
  for (const StatisticsDescription::Batch &batch : statistics.batches) {
    commas.next();
    out += "{\"batch_size\":";
    appendNumber(out, batch.rows);
    out += ',';
    appendDurations(out, batch.durations);
    out += '}';
  }
  // Of replies in several parts, which there are none of.
  out += "],\"response_stats\":{},\"memory_usage\":[{\"type\":\"CPU\",\"id\":0,\"byte_size\":";
  appendNumber(out, statistics.memoryBytes);
  out += "}]}";
}

} // namespace

void appendModelStatus(Bytes &out, const ModelStatus &status, int64_t only) {
  out += "{\"model_version_status\":[";
  Commas commas(out);
  // The newest first, as TF Serving has them.
  for (auto version = status.versions.rbegin(); version != status.versions.rend(); ++version) {
    if (only != 0 && version->version != only)
      continue;
    commas.next();
    out += "{\"version\":\"";
    appendNumber(out, version->version);
    out += "\",\"state\":\"";
    out += toString(version->state);
    out += "\",\"status\":{\"error_code\":\"";
    out += canonicalName(version->error.code());
    out += "\",\"error_message\":";
    appendQuoted(out, version->error.message());
    out += "}}";
  }
  out += "]}";
}

void appendSignatures(Bytes &out, const ModelVersion &model) {
  out += "{\"model_spec\":{\"name\":";
  appendQuoted(out, model.model);
  out += ",\"signature_name\":\"\",\"version\":\"";
  appendNumber(out, model.version);
  out += "\"},\"metadata\":{\"signature_def\":{\"signature_def\":{";
  Commas commas(out);
  for (const auto &[name, function] : describeSignatures(model)) {
    commas.next();
    appendKey(out, name);
    out += "{\"inputs\":";
    appendTensorInfos(out, describeInputs(*function));
    out += ",\"outputs\":";
    appendTensorInfos(out, describeOutputs(*function));
    out += ",\"method_name\":\"tensorflow/serving/predict\",\"defaults\":{}}";
  }
  out += "}}}}";
}

void appendMetadata(Bytes &out, const ModelMetadata &metadata) {
  out += "{\"name\":";
  appendQuoted(out, metadata.name);
  out += ",\"versions\":[";
  Commas commas(out);
  for (int64_t version : metadata.versions) {
    commas.next();
    out += '"';
    appendNumber(out, version);
    out += '"';
  }
  out += "],\"platform\":";
  appendQuoted(out, platformName);
  out += ",\"inputs\":";
  appendTensorMetadata(out, metadata.inputs);
  out += ",\"outputs\":";
  appendTensorMetadata(out, metadata.outputs);
  out += '}';
}

void appendConfig(Bytes &out, const ConfigDescription &config) {
  out += "{\"name\":";
  appendQuoted(out, config.name);
  out += ",\"platform\":";
  appendQuoted(out, platformName);
  out += ",\"backend\":";
  appendQuoted(out, platformName);
  out += ",\"version_policy\":";
  appendPolicy(out, config.versions);
  out += ",\"max_batch_size\":";
  appendNumber(out, config.maxBatchSize);
  out += ",\"input\":";
  appendConfigTensors(out, config.inputs);
  out += ",\"output\":";
  appendConfigTensors(out, config.outputs);
  if (config.sequenceBatching) {
    out += ",\"sequence_batching\":{\"max_sequence_idle_microseconds\":";
    appendNumber(out, config.sequenceBatching->maxSequenceIdleMicroseconds);
    out += '}';
  }
  if (config.dynamicBatching) {
    out += ",\"dynamic_batching\":";
    appendBatching(out, *config.dynamicBatching);
  }
  out += ",\"model_transaction_policy\":{\"decoupled\":false},\"parameters\":{}}";
}

void appendStatistics(Bytes &out,
                      const std::vector<std::shared_ptr<const ModelVersion>> &versions) {
  out += "{\"model_stats\":[";
  Commas commas(out);
  for (const auto &version : versions) {
    commas.next();
    appendVersionStatistics(out, describeStatistics(*version));
  }
  out += "]}";
}

void appendIndex(Bytes &out, const std::vector<IndexEntry> &entries) {
  out += '[';
  Commas commas(out);
  for (const IndexEntry &entry : entries) {
    commas.next();
    out += "{\"name\":";
    appendQuoted(out, entry.model);
    if (entry.version != 0) {
      out += ",\"version\":\"";
      appendNumber(out, entry.version);
      out += '"';
    }
    if (*entry.state) {
      out += ",\"state\":";
      appendQuoted(out, entry.state);
    }
    if (!entry.reason.empty()) {
      out += ",\"reason\":";
      appendQuoted(out, entry.reason);
    }
    out += '}';
  }
  out += ']';
}

} // namespace ingot::serve::rest
