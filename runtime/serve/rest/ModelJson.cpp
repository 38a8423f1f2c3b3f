// See ModelJson.h.
#include "runtime/serve/rest/ModelJson.h"

#include "runtime/serve/inference/DataTypes.h"
#include "runtime/serve/inference/Readiness.h"
#include "runtime/serve/rest/JsonWriter.h"
#include "runtime/serve/rest/Signature.h"
#include "runtime/serve/rest/StatusMap.h"

#include <algorithm>
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

/// The name under which Open Inference has the type; of those that it has not, ours.
const char *typeName(const ingot_tensor_info &info) {
  const DType dtype = static_cast<DType>(info.dtype);
  const char *name = openInferenceName(dtype);
  return *name ? name : ingot::toString(dtype);
}

/// {"dtype": "DT_FLOAT", "tensor_shape": …, "name": "x:0"} by name.
void appendTensorInfos(Bytes &out, const std::vector<const ingot_tensor_info *> &infos) {
  out += '{';
  Commas commas(out);
  for (const ingot_tensor_info *info : infos) {
    commas.next();
    appendKey(out, info->name);
    out += "{\"dtype\":\"";
    out += tensorFlowName(static_cast<DType>(info->dtype));
    out += "\",\"tensor_shape\":{\"dim\":[";
    Commas dims(out);
    for (int32_t axis = 0; axis < info->rank; ++axis) {
      const ingot_dim &dim = info->dims[axis];
      dims.next();
      out += "{\"size\":\"";
      appendNumber(out, std::max<int64_t>(dim.size, -1));
      out += "\",\"name\":";
      appendQuoted(out, dim.size < 0 ? dim.text : "");
      out += '}';
    }
    out += "],\"unknown_rank\":false},\"name\":";
    appendQuoted(out, std::string(info->name) + ":0");
    out += '}';
  }
  out += '}';
}

void appendSignature(Bytes &out, std::string_view name, const Signature &signature) {
  appendKey(out, name);
  out += "{\"inputs\":";
  appendTensorInfos(out, signature.inputs);
  out += ",\"outputs\":";
  appendTensorInfos(out, signature.outputs);
  out += ",\"method_name\":\"tensorflow/serving/predict\",\"defaults\":{}}";
}

/// [{"name", "datatype", "shape"}].
void appendTensorMetadata(Bytes &out, const std::vector<const ingot_tensor_info *> &infos) {
  out += '[';
  Commas commas(out);
  for (const ingot_tensor_info *info : infos) {
    commas.next();
    out += "{\"name\":";
    appendQuoted(out, info->name);
    out += ",\"datatype\":\"";
    out += typeName(*info);
    out += "\",\"shape\":[";
    Commas dims(out);
    for (int32_t axis = 0; axis < info->rank; ++axis) {
      dims.next();
      appendNumber(out, std::max<int64_t>(info->dims[axis].size, -1));
    }
    out += "]}";
  }
  out += ']';
}

/// Triton's ModelInput and ModelOutput: without the batch's dimension, types as TYPE_FP32.
void appendConfigTensors(Bytes &out, const std::vector<const ingot_tensor_info *> &infos,
                         bool isBatched) {
  out += '[';
  Commas commas(out);
  for (const ingot_tensor_info *info : infos) {
    commas.next();
    out += "{\"name\":";
    appendQuoted(out, info->name);
    out += ",\"data_type\":\"TYPE_";
    out += info->dtype == INGOT_STRING ? "STRING" : typeName(*info);
    out += "\",\"dims\":[";
    Commas dims(out);
    for (int32_t axis = isBatched ? 1 : 0; axis < info->rank; ++axis) {
      dims.next();
      appendNumber(out, std::max<int64_t>(info->dims[axis].size, -1));
    }
    out += "]}";
  }
  out += ']';
}

/// {"count": n, "ns": t}.
void appendCount(Bytes &out, std::string_view name, uint64_t count, uint64_t nanoseconds) {
  appendKey(out, name);
  out += "{\"count\":";
  appendNumber(out, count);
  out += ",\"ns\":";
  appendNumber(out, nanoseconds);
  out += '}';
}

void appendVersionStatistics(Bytes &out, const ModelVersion &model) {
  struct Sum {
    const char *name;
    CountAndTime FunctionStatistics::*member;
  };
  static constexpr Sum sums[] = {{"success", &FunctionStatistics::success},
                                 {"fail", &FunctionStatistics::fail},
                                 {"queue", &FunctionStatistics::queue},
                                 {"compute_input", &FunctionStatistics::computeInput},
                                 {"compute_infer", &FunctionStatistics::computeInfer},
                                 {"compute_output", &FunctionStatistics::computeOutput}};
  uint64_t inferences = 0, executions = 0;
  int64_t last = 0;
  std::map<int64_t, FunctionStatistics::Batch> batches;
  for (const ServedFunction &function : model.functions) {
    const FunctionStatistics &statistics = *function.statistics;
    inferences += statistics.inferences.load(std::memory_order_relaxed);
    executions += statistics.executions.load(std::memory_order_relaxed);
    last = std::max(last, statistics.lastInferenceMs.load(std::memory_order_relaxed));
    for (const auto &[rows, batch] : statistics.batches()) {
      FunctionStatistics::Batch &sum = batches[rows];
      sum.runs += batch.runs;
      sum.input += batch.input;
      sum.infer += batch.infer;
      sum.output += batch.output;
    }
  }
  out += "{\"name\":";
  appendQuoted(out, model.model);
  out += ",\"version\":\"";
  appendNumber(out, model.version);
  out += "\",\"last_inference\":";
  appendNumber(out, last);
  out += ",\"inference_count\":";
  appendNumber(out, inferences);
  out += ",\"execution_count\":";
  appendNumber(out, executions);
  out += ",\"inference_stats\":{";
  for (const Sum &sum : sums) {
    uint64_t count = 0, nanoseconds = 0;
    for (const ServedFunction &function : model.functions) {
      const CountAndTime &value = (*function.statistics).*sum.member;
      count += value.count.load(std::memory_order_relaxed);
      nanoseconds += value.nanoseconds.load(std::memory_order_relaxed);
    }
    appendCount(out, sum.name, count, nanoseconds);
    out += ',';
  }
  appendCount(out, "cache_hit", 0, 0);
  out += ',';
  appendCount(out, "cache_miss", 0, 0);
  out += "},\"batch_stats\":[";
  Commas commas(out);
  for (const auto &[rows, batch] : batches) {
    commas.next();
    out += "{\"batch_size\":";
    appendNumber(out, rows);
    out += ',';
    appendCount(out, "compute_input", batch.runs, static_cast<uint64_t>(batch.input.count()));
    out += ',';
    appendCount(out, "compute_infer", batch.runs, static_cast<uint64_t>(batch.infer.count()));
    out += ',';
    appendCount(out, "compute_output", batch.runs, static_cast<uint64_t>(batch.output.count()));
    out += '}';
  }
  out += "],\"memory_usage\":[{\"type\":\"CPU\",\"id\":0,\"byte_size\":";
  appendNumber(out, model.memoryBytes);
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
  for (const ServedFunction &function : model.functions) {
    const Signature signature = Signature::of(*model.artifact, function);
    if (&function == &model.defaultFunction()) {
      commas.next();
      appendSignature(out, "serving_default", signature);
    }
    commas.next();
    appendSignature(out, function.function->name, signature);
  }
  out += "}}}}";
}

void appendMetadata(Bytes &out, const ModelVersion &model, const std::vector<int64_t> &versions) {
  const Signature signature = Signature::of(*model.artifact, model.defaultFunction());
  out += "{\"name\":";
  appendQuoted(out, model.model);
  out += ",\"versions\":[";
  Commas commas(out);
  for (int64_t version : versions) {
    commas.next();
    out += '"';
    appendNumber(out, version);
    out += '"';
  }
  out += "],\"platform\":\"ingot\",\"inputs\":";
  appendTensorMetadata(out, signature.inputs);
  out += ",\"outputs\":";
  appendTensorMetadata(out, signature.outputs);
  out += '}';
}

void appendConfig(Bytes &out, const ModelVersion &model) {
  const ServedFunction &function = model.defaultFunction();
  const Signature signature = Signature::of(*model.artifact, function);
  const bool isBatched = function.queue->isBatched();
  const bool isStream = !model.artifact->carries(*function.function).empty();
  out += "{\"name\":";
  appendQuoted(out, model.model);
  out += ",\"platform\":\"ingot\",\"backend\":\"ingot\",\"version_policy\":{\"specific\":{"
         "\"versions\":[";
  appendNumber(out, model.version);
  out += "]}},\"max_batch_size\":";
  appendNumber(out, isBatched ? function.queue->maxBatchRows() : int64_t{0});
  out += ",\"input\":";
  appendConfigTensors(out, signature.inputs, isBatched);
  out += ",\"output\":";
  appendConfigTensors(out, signature.outputs, isBatched);
  if (isStream) {
    out += ",\"sequence_batching\":{}";
  } else if (isBatched) {
    out += ",\"dynamic_batching\":{\"max_queue_delay_microseconds\":";
    appendNumber(out, static_cast<int64_t>(model.config.queue.maxDelay.count()));
    out += '}';
  }
  out += ",\"model_transaction_policy\":{\"decoupled\":false},\"parameters\":{}}";
}

void appendStatistics(Bytes &out,
                      const std::vector<std::shared_ptr<const ModelVersion>> &versions) {
  out += "{\"model_stats\":[";
  Commas commas(out);
  for (const auto &version : versions) {
    commas.next();
    appendVersionStatistics(out, *version);
  }
  out += "]}";
}

void appendIndex(Bytes &out, const std::vector<ModelStatus> &models, bool onlyReady) {
  out += '[';
  Commas commas(out);
  for (const ModelStatus &model : models) {
    // A model of which nothing was seen yet is there all the same.
    if (model.versions.empty() && !onlyReady) {
      commas.next();
      out += "{\"name\":";
      appendQuoted(out, model.model);
      out += '}';
    }
    for (const VersionStatus &version : model.versions) {
      const auto [state, reason] = tritonReadiness(version);
      if (onlyReady && version.state != VersionState::Available)
        continue;
      commas.next();
      out += "{\"name\":";
      appendQuoted(out, model.model);
      out += ",\"version\":\"";
      appendNumber(out, version.version);
      out += "\",\"state\":\"";
      out += state;
      out += "\",\"reason\":";
      appendQuoted(out, reason);
      out += '}';
    }
  }
  out += ']';
}

} // namespace ingot::serve::rest
