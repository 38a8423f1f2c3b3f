// See StatusPage.h; the page itself is status.html.
#include "runtime/serve/server/StatusPage.h"

#include "runtime/serve/inference/DataTypes.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace ingot::serve {

namespace {

using Json = rapidjson::Writer<rapidjson::StringBuffer>;

void text(Json &json, std::string_view value) {
  json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void addTensors(Json &json, const char *key, const ingot_tensor_info *tensors, int64_t count) {
  json.Key(key);
  json.StartArray();
  for (int64_t i = 0; i < count; ++i) {
    json.StartObject();
    json.Key("name");
    text(json, tensors[i].name);
    json.Key("datatype");
    text(json, openInferenceName(static_cast<DType>(tensors[i].dtype)));
    json.Key("shape");
    json.StartArray();
    for (int32_t axis = 0; axis < tensors[i].rank; ++axis)
      json.Int64(tensors[i].dims[axis].size);
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
}

void addFunction(Json &json, const ServedFunction &served) {
  const FunctionStatistics &statistics = *served.statistics;
  auto count = [&](const char *key, uint64_t value) {
    json.Key(key);
    json.Uint64(value);
  };
  json.StartObject();
  json.Key("name");
  text(json, served.function->name);
  addTensors(json, "inputs", served.function->inputs, served.function->input_count);
  addTensors(json, "outputs", served.function->outputs, served.function->output_count);
  count("requests", statistics.success.count.load(std::memory_order_relaxed));
  count("failures", statistics.fail.count.load(std::memory_order_relaxed));
  count("rows", statistics.inferences.load(std::memory_order_relaxed));
  count("runs", statistics.executions.load(std::memory_order_relaxed));
  json.Key("queued");
  json.Int64(served.queue->status().queuedRequests);
  json.Key("latency_counts");
  json.StartArray();
  for (size_t bucket = 0; bucket <= secondsBounds.size(); ++bucket)
    json.Uint64(statistics.requestSeconds.count(bucket));
  json.EndArray();
  json.EndObject();
}

} // namespace

std::string_view statusPage() {
  static constexpr std::string_view page =
#include "status.html.inc"
      ;
  return page;
}

std::string statusJson(const Repository &repository, std::string_view serverVersion, bool isReady,
                       int64_t requestsInFlight, std::chrono::duration<double> uptime) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  auto loaded = repository.loaded();
  json.StartObject();
  json.Key("version");
  text(json, serverVersion);
  json.Key("ready");
  json.Bool(isReady);
  json.Key("uptime_seconds");
  json.Double(uptime.count());
  json.Key("in_flight");
  json.Int64(requestsInFlight);
  json.Key("latency_bounds");
  json.StartArray();
  for (double bound : secondsBounds)
    json.Double(bound);
  json.EndArray();
  json.Key("models");
  json.StartArray();
  for (const ModelStatus &model : repository.index()) {
    json.StartObject();
    json.Key("name");
    text(json, model.model);
    json.Key("error");
    text(json, model.error.message());
    json.Key("versions");
    json.StartArray();
    for (const VersionStatus &version : model.versions) {
      json.StartObject();
      json.Key("version");
      json.Int64(version.version);
      json.Key("state");
      text(json, toString(version.state));
      json.Key("error");
      text(json, version.error.message());
      json.Key("labels");
      json.StartArray();
      for (const std::string &label : version.labels)
        text(json, label);
      json.EndArray();
      const ModelVersion *serving = nullptr;
      for (const auto &candidate : loaded)
        if (candidate->model == model.model && candidate->version == version.version)
          serving = candidate.get();
      json.Key("memory_bytes");
      json.Uint64(serving ? serving->memoryBytes : 0);
      json.Key("functions");
      json.StartArray();
      if (serving)
        for (const ServedFunction &served : serving->functions)
          addFunction(json, served);
      json.EndArray();
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

} // namespace ingot::serve
