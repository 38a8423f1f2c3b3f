// Everything that runs no model: status, metadata, health, statistics, repository, shared memory.
// See RestApi.h.
#include "runtime/serve/rest/JsonReader.h"
#include "runtime/serve/rest/JsonWriter.h"
#include "runtime/serve/rest/ModelJson.h"
#include "runtime/serve/rest/RestApi.h"
#include "runtime/serve/rest/StatusMap.h"
#include "runtime/serve/rest/UniqueKeys.h"

#include <new>
#include <optional>

namespace ingot::serve::rest {

namespace {

Status twice(std::string_view key) { return invalid("'" + std::string(key) + "' is there twice"); }

/// What a body of the repository's APIs may say.
struct RepositoryBody {
  bool onlyReady = false;
  std::optional<std::string> config;
};

Status readRepositoryBody(std::string_view text, int maxDepth, RepositoryBody &body) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return {};
  JsonReader reader(text, maxDepth);
  if (!reader.beginObject())
    return reader.status();
  UniqueKeys keys{"ready", "parameters"}, parameters{"config"};
  for (std::string_view key; reader.nextKey(key);) {
    if (keys.repeats(key))
      return twice(key);
    if (key == "ready") {
      reader.readBool(body.onlyReady);
    } else if (key == "parameters") {
      if (!reader.beginObject())
        break;
      for (std::string_view name; reader.nextKey(name);) {
        if (parameters.repeats(name))
          return twice(name);
        if (name == "config")
          reader.readString(body.config.emplace());
        else if (name.substr(0, 5) == "file:")
          reader.fail(
              Status(StatusCode::Unsupported, "files of a model are not taken over the network ('" +
                                                  std::string(name.substr(0, 60)) +
                                                  "'): put them into the model repository"));
        else
          reader.skipValue();
      }
    } else {
      reader.skipValue();
    }
  }
  return reader.status();
}

struct RegionBody {
  std::string key;
  uint64_t offset = 0;
  std::optional<uint64_t> bytes;
};

Status readRegionBody(std::string_view text, int maxDepth, RegionBody &body) {
  JsonReader reader(text, maxDepth);
  UniqueKeys keys{"key", "offset", "byte_size"};
  if (reader.beginObject()) {
    for (std::string_view key; reader.nextKey(key);) {
      if (keys.repeats(key))
        return twice(key);
      if (key == "key")
        reader.readString(body.key);
      else if (key == "offset")
        reader.readInteger(body.offset, "a number of bytes for 'offset'");
      else if (key == "byte_size")
        reader.readInteger(body.bytes.emplace(), "a number of bytes for 'byte_size'");
      else
        reader.skipValue();
    }
  }
  INGOT_RETURN_IF_ERROR(reader.status());
  if (body.key.empty() || !body.bytes)
    return Status(StatusCode::InvalidArgument,
                  std::string("the body lacks '") + (body.key.empty() ? "key" : "byte_size") +
                      "': expected {\"key\": NAME, \"offset\": BYTES, \"byte_size\": BYTES}");
  return {};
}

} // namespace

void RestApi::note(Exchange &exchange, const ModelVersion &model) {
  exchange.record.model = model.model;
  exchange.record.version = model.version;
}

void RestApi::modelStatus(Exchange &exchange) {
  const Route &route = exchange.route;
  const Result<ModelStatus> status = context_.repository.status(route.model);
  if (!status.isOk()) {
    exchange.reply.fail(status.status());
    return;
  }
  int64_t only = route.version.number;
  bool isThere = route.version.kind == VersionChoice::Kind::Latest;
  for (const VersionStatus &version : status->versions) {
    bool isLabelled = false;
    for (const std::string &label : version.labels)
      isLabelled |=
          route.version.kind == VersionChoice::Kind::Label && label == route.version.label;
    if (isLabelled)
      only = version.version;
    isThere |= isLabelled ||
               (route.version.kind == VersionChoice::Kind::Number && version.version == only);
  }
  if (!isThere) {
    // The repository knows the words for what there is instead.
    const auto found = context_.repository.find(route.model, route.version);
    exchange.reply.fail(found.isOk() ? Status(StatusCode::NotFound, "no such version")
                                     : found.status());
    return;
  }
  exchange.record.model = route.model;
  appendModelStatus(exchange.reply.body, *status, only);
}

void RestApi::metadata(Exchange &exchange) {
  const Route &route = exchange.route;
  const auto model = context_.repository.find(route.model, route.version);
  if (!model.isOk()) {
    exchange.reply.fail(model.status());
    return;
  }
  note(exchange, **model);
  if (route.api == Api::Metadata)
    return appendSignatures(exchange.reply.body, **model);
  if (route.api == Api::ModelConfig)
    return appendConfig(exchange.reply.body, describeConfig(**model));
  appendMetadata(exchange.reply.body, describeMetadata(context_.repository, **model));
}

void RestApi::serverMetadata(Exchange &exchange) {
  Bytes &out = exchange.reply.body;
  out += "{\"name\":";
  appendQuoted(out, context_.name);
  out += ",\"version\":";
  appendQuoted(out, context_.version);
  out += ",\"extensions\":[";
  for (const char *extension : openInferenceExtensions) {
    out += extension == openInferenceExtensions[0] ? "" : ",";
    appendQuoted(out, extension);
  }
  out += "]}";
}

void RestApi::health(Exchange &exchange) {
  const Route &route = exchange.route;
  if (route.api == Api::Live)
    return;
  if (context_.lifecycle.isDraining()) {
    exchange.reply.fail(503, "the server is draining");
    return;
  }
  if (route.api == Api::Ready) {
    if (!context_.isReady())
      exchange.reply.fail(503, "the server is not ready: models are being loaded");
    return;
  }
  const auto model = context_.repository.find(route.model, route.version);
  if (model.isOk())
    note(exchange, **model);
  else
    exchange.reply.fail(model.status());
}

void RestApi::statistics(Exchange &exchange) {
  const Route &route = exchange.route;
  const auto versions = chooseForStatistics(context_.repository, route.model, route.version);
  if (!versions.isOk()) {
    exchange.reply.fail(versions.status());
    return;
  }
  if (route.version.kind != VersionChoice::Kind::Latest)
    note(exchange, *versions->front());
  else
    exchange.record.model = route.model;
  appendStatistics(exchange.reply.body, *versions);
}

void RestApi::index(Exchange &exchange) {
  RepositoryBody body;
  const Status status =
      readRepositoryBody(exchange.request.body->view(), context_.limits.jsonDepth, body);
  if (status.isOk())
    appendIndex(exchange.reply.body, describeIndex(context_.repository, body.onlyReady));
  else
    exchange.reply.fail(status);
}

void RestApi::loadOrUnload(Exchange &exchange) {
  RepositoryBody body;
  const auto readConfig = [&]() -> Result<std::optional<ModelConfig>> {
    INGOT_RETURN_IF_ERROR(
        readRepositoryBody(exchange.request.body->view(), context_.limits.jsonDepth, body));
    if (!body.config)
      return std::optional<ModelConfig>();
    INGOT_ASSIGN_OR_RETURN(ModelConfig config,
                           parseModelConfig(*body.config, context_.modelDefaults));
    return std::optional<ModelConfig>(std::move(config));
  };
  Result<std::optional<ModelConfig>> config = readConfig();
  if (!config.isOk()) {
    exchange.reply.fail(config.status());
    exchange.complete();
    return;
  }
  runSlowly_([this, self = exchange.shared_from_this(), config = std::move(*config)] {
    try {
      Repository &repository = context_.repository;
      const std::string &model = self->route.model;
      const Status status =
          self->route.api == Api::Load ? repository.load(model, config) : repository.unload(model);
      if (status.isOk())
        self->record.model = model;
      else
        self->reply.fail(status);
    } catch (const std::bad_alloc &) {
      self->reply.fail(503, "there is not enough memory for this request");
    }
    self->complete();
  });
}

void RestApi::sharedMemory(Exchange &exchange) {
  const Route &route = exchange.route;
  HttpReply &reply = exchange.reply;
  switch (route.api) {
  case Api::CudaMemoryStatus:
    reply.body += "[]";
    return;
  case Api::CudaMemoryUnregister: // of none: there is nothing to do, and clients clean up so
    return;
  case Api::CudaMemoryRegister:
    reply.fail(501, "there is no CUDA memory here: use system shared memory");
    return;
  case Api::SharedMemoryUnregister:
    context_.sharedMemory.remove(route.region);
    return;
  case Api::SharedMemoryRegister: {
    RegionBody body;
    Status status =
        route.region.empty()
            ? Status(StatusCode::InvalidArgument, "the path lacks the region: "
                                                  "/v2/systemsharedmemory/region/NAME/register")
            : readRegionBody(exchange.request.body->view(), context_.limits.jsonDepth, body);
    if (status.isOk())
      status = context_.sharedMemory.add(route.region, body.key, body.offset, *body.bytes);
    if (!status.isOk())
      reply.fail(status);
    return;
  }
  default:
    break;
  }
  const auto regions = context_.sharedMemory.list(route.region);
  if (!regions.isOk()) {
    reply.fail(regions.status());
    return;
  }
  Bytes &out = reply.body;
  out += '[';
  for (const auto &region : *regions) {
    out += region == regions->front() ? "" : ",";
    out += "{\"name\":";
    appendQuoted(out, region->name);
    out += ",\"key\":";
    appendQuoted(out, region->key);
    out += ",\"offset\":";
    appendNumber(out, region->offset);
    out += ",\"byte_size\":";
    appendNumber(out, region->bytes);
    out += '}';
  }
  out += ']';
}

} // namespace ingot::serve::rest
