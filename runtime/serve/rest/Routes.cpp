// See Routes.h.
#include "runtime/serve/rest/Routes.h"

#include "runtime/serve/rest/Text.h"

#include <vector>

namespace ingot::serve::rest {

namespace {

constexpr const char *get = "GET, HEAD, OPTIONS", *post = "POST, OPTIONS";

/// In the order of Api.
constexpr ApiTraits traits[] = {
    {"other", ApiGroup::Status, get},
    {"predict", ApiGroup::Inference, post, true},
    {"classify", ApiGroup::Inference, post, true},
    {"regress", ApiGroup::Inference, post, true},
    {"status", ApiGroup::Metadata, get},
    {"metadata", ApiGroup::Metadata, get},
    {"server_metadata", ApiGroup::Metadata, get},
    {"health", ApiGroup::Health, get},
    {"health", ApiGroup::Health, get},
    {"health", ApiGroup::Health, get},
    {"metadata", ApiGroup::Metadata, get},
    {"config", ApiGroup::Metadata, get},
    {"statistics", ApiGroup::Statistics, get},
    {"infer", ApiGroup::Inference, post, true},
    {"repository", ApiGroup::Repository, "GET, HEAD, POST, OPTIONS"},
    {"repository", ApiGroup::Repository, post},
    {"repository", ApiGroup::Repository, post},
    {"shared_memory", ApiGroup::SharedMemory, get},
    {"shared_memory", ApiGroup::SharedMemory, post},
    {"shared_memory", ApiGroup::SharedMemory, post},
    {"shared_memory", ApiGroup::SharedMemory, get},
    {"shared_memory", ApiGroup::SharedMemory, post},
    {"shared_memory", ApiGroup::SharedMemory, post},
    {"unsupported", ApiGroup::Statistics, "GET, HEAD, POST, OPTIONS"},
    {"metrics", ApiGroup::Metrics, get},
    {"page", ApiGroup::Status, get},
};

/// Segments of a path from the front: "models/m/ready" gives "models", then "m" …
class Segments {
public:
  explicit Segments(std::string_view path) : left_(path) {}
  bool isEmpty() const { return left_.empty(); }
  /// Removes the first segment if it is this word, in any case.
  bool take(std::string_view word) {
    const std::string_view first = left_.substr(0, left_.find('/'));
    if (!equalsIgnoreCase(first, word))
      return false;
    remove(first.size());
    return true;
  }
  std::string_view take() {
    const std::string_view first = left_.substr(0, left_.find('/'));
    remove(first.size());
    return first;
  }

private:
  void remove(size_t size) {
    const bool isLast = size == left_.size();
    left_.remove_prefix(isLast ? size : size + 1);
    // "a/" has an empty segment behind it, which no route has.
    if (!isLast && left_.empty())
      left_ = "/";
  }
  std::string_view left_;
};

/// Version 0 asks for the latest, as ovmsclient does.
VersionChoice numbered(int64_t number) {
  return number == 0 ? VersionChoice::latest() : VersionChoice::of(number);
}

Route malformed(std::string_view method, std::string_view path) {
  Route route;
  route.status = 400;
  route.error = "Malformed request: " + std::string(method) + " " + std::string(path) +
                ": expected /v1/models/MODEL[/versions/NUMBER|/labels/LABEL][:predict|:classify|"
                ":regress|/metadata]";
  return route;
}

Route unknown(std::string_view method, std::string_view path) {
  Route route;
  route.status = 404;
  route.error = "there is nothing at " + std::string(method) + " " + std::string(path) +
                ": models are at /v1/models/MODEL (TF Serving) and /v2/models/MODEL (Open "
                "Inference)";
  return route;
}

/// What follows /v1/.
Route findV1(std::string_view method, std::string_view path, std::string_view rest) {
  Route route;
  Segments segments(rest);
  if (!segments.take("models"))
    return malformed(method, path);
  if (segments.isEmpty()) {
    route.status = 400;
    route.error = "Missing model name in request.";
    return route;
  }
  // The verb stands behind the last segment, "half_plus_two:predict".
  std::string_view verb;
  const auto splitVerb = [&](std::string_view segment) {
    const size_t colon = segment.find(':');
    if (colon == std::string_view::npos)
      return segment;
    verb = segment.substr(colon);
    return segment.substr(0, colon);
  };
  route.model = percentDecode(splitVerb(segments.take()));
  if (route.model.empty())
    return malformed(method, path);
  if (verb.empty() && segments.take("versions")) {
    const std::optional<int64_t> number = parseNumber<int64_t>(splitVerb(segments.take()));
    if (!number)
      return malformed(method, path);
    route.version = numbered(*number);
  } else if (verb.empty() && segments.take("labels")) {
    route.version = VersionChoice::labelled(percentDecode(splitVerb(segments.take())));
    if (route.version.label.empty())
      return malformed(method, path);
  }
  if (verb.empty() && segments.take("metadata"))
    route.api = Api::Metadata;
  else
    route.api = verb.empty()                          ? Api::Status
                : equalsIgnoreCase(verb, ":predict")  ? Api::Predict
                : equalsIgnoreCase(verb, ":classify") ? Api::Classify
                : equalsIgnoreCase(verb, ":regress")  ? Api::Regress
                                                      : Api::None;
  return route.api == Api::None || !segments.isEmpty() ? malformed(method, path) : route;
}

Api findModelApi(Segments &segments) {
  struct Row {
    const char *segment;
    Api api;
  };
  static constexpr Row rows[] = {{"infer", Api::Infer},
                                 {"ready", Api::ModelReady},
                                 {"config", Api::ModelConfig},
                                 {"stats", Api::Statistics},
                                 {"trace", Api::Unsupported},
                                 {"generate", Api::Unsupported},
                                 {"generate_stream", Api::Unsupported}};
  if (segments.isEmpty())
    return Api::ModelMetadata;
  for (const Row &row : rows)
    if (segments.take(row.segment)) {
      if (std::string_view(row.segment) == "trace" && !segments.take("setting"))
        return Api::None;
      return row.api;
    }
  return Api::None;
}

Api findMemoryApi(Segments &segments, Route &route, bool isCuda) {
  if (segments.take("region"))
    route.region = percentDecode(segments.take());
  if (segments.take("status"))
    return isCuda ? Api::CudaMemoryStatus : Api::SharedMemoryStatus;
  if (segments.take("register"))
    return isCuda ? Api::CudaMemoryRegister : Api::SharedMemoryRegister;
  if (segments.take("unregister"))
    return isCuda ? Api::CudaMemoryUnregister : Api::SharedMemoryUnregister;
  return Api::None;
}

/// What follows /v2/.
Route findV2(std::string_view method, std::string_view path, std::string_view rest) {
  Route route;
  Segments segments(rest);
  if (segments.isEmpty()) {
    route.api = Api::ServerMetadata;
  } else if (segments.take("health")) {
    route.api = segments.take("live") ? Api::Live : segments.take("ready") ? Api::Ready : Api::None;
  } else if (segments.take("models")) {
    route.model = percentDecode(segments.take());
    if (route.model == "stats" && segments.isEmpty()) {
      route.model.clear();
      route.api = Api::Statistics;
    } else if (!route.model.empty()) {
      if (segments.take("versions")) {
        const std::string_view version = segments.take();
        const std::optional<int64_t> number = parseNumber<int64_t>(version);
        route.version =
            number ? numbered(*number) : VersionChoice::labelled(percentDecode(version));
        if (version.empty())
          return unknown(method, path);
      }
      route.api = findModelApi(segments);
    }
  } else if (segments.take("repository")) {
    // A repository may be named: /v2/repository/R/index. There is one.
    if (!segments.take("index")) {
      if (!segments.take("models")) {
        segments.take();
        if (segments.take("index"))
          route.api = Api::Index;
        else if (!segments.take("models"))
          return unknown(method, path);
      }
      if (route.api == Api::None) {
        route.model = percentDecode(segments.take());
        route.api = route.model.empty()       ? Api::None
                    : segments.take("load")   ? Api::Load
                    : segments.take("unload") ? Api::Unload
                                              : Api::None;
      }
    } else {
      route.api = Api::Index;
    }
  } else if (segments.take("systemsharedmemory")) {
    route.api = findMemoryApi(segments, route, false);
  } else if (segments.take("cudasharedmemory")) {
    route.api = findMemoryApi(segments, route, true);
  } else if (segments.take("trace")) {
    route.api = segments.take("setting") ? Api::Unsupported : Api::None;
  } else if (segments.take("logging")) {
    route.api = Api::Unsupported;
  }
  return route.api == Api::None || !segments.isEmpty() ? unknown(method, path) : route;
}

} // namespace

const ApiTraits &traitsOf(Api api) { return traits[static_cast<size_t>(api)]; }

bool allowsMethod(Api api, std::string_view method) {
  std::string_view allow = traitsOf(api).allow;
  while (!allow.empty()) {
    const size_t comma = allow.find(", ");
    if (allow.substr(0, comma) == method)
      return true;
    allow.remove_prefix(comma == std::string_view::npos ? allow.size() : comma + 2);
  }
  return false;
}

Route findRoute(std::string_view method, std::string_view path) {
  if (equalsIgnoreCase(path.substr(0, 4), "/v1/"))
    return findV1(method, path, path.substr(4));
  if (equalsIgnoreCase(path, "/v2"))
    return findV2(method, path, "");
  if (equalsIgnoreCase(path.substr(0, 4), "/v2/") && path.size() > 4)
    return findV2(method, path, path.substr(4));
  if (path == "/metrics") {
    Route route;
    route.api = Api::Metrics;
    return route;
  }
  return unknown(method, path);
}

} // namespace ingot::serve::rest
