// What all APIs share: admission, encodings, headers. See RestApi.h.
#include "runtime/serve/rest/RestApi.h"

#include "runtime/serve/rest/Compression.h"
#include "runtime/serve/rest/StatusMap.h"
#include "runtime/serve/rest/Text.h"
#include "runtime/serve/rest/Utf8.h"

#include <new>
#include <utility>

namespace ingot::serve::rest {

namespace {

/// Below, packing costs more than it saves.
constexpr uint64_t leastPackedBytes = 1024;

} // namespace

void RestApi::identify(Exchange &exchange) {
  const HttpRequest &request = exchange.request;
  RequestRecord &record = exchange.record;
  record.method = toUtf8(request.method);
  record.target = toUtf8(request.target);
  record.traceparent = toUtf8(request.traceparent, mostIdBytes);
  record.id = toUtf8(request.requestId, mostIdBytes);
  if (record.id.empty())
    record.id = "r" + std::to_string(nextId_.fetch_add(1, std::memory_order_relaxed));
}

bool RestApi::admit(Exchange &exchange) {
  HttpRequest &request = exchange.request;
  HttpReply &reply = exchange.reply;
  RequestRecord &record = exchange.record;
  exchange.route = findRoute(request.method, request.path);
  if (exchange.route.status == 404)
    for (const RestPage &page : pages_)
      if (page.path == request.path) {
        exchange.route = Route();
        exchange.route.api = Api::Page;
        exchange.page = &page;
      }
  const Route &route = exchange.route;
  const ApiTraits &traits = traitsOf(route.api);
  identify(exchange);
  record.api = traits.name;
  record.isInference = traits.isInference;

  if (route.status != 0) {
    reply.fail(route.status, route.error);
    return false;
  }
  if (request.method == "OPTIONS") {
    reply.status = 204;
    reply.headers = std::string("Allow: ") + traits.allow + "\r\n";
    if (!corsOrigin_.empty()) {
      reply.headers += std::string("Access-Control-Allow-Methods: ") + traits.allow + "\r\n";
      if (!request.requestedHeaders.empty())
        reply.headers += "Access-Control-Allow-Headers: " + request.requestedHeaders + "\r\n";
      reply.headers += "Access-Control-Max-Age: 600\r\n";
    }
    return false;
  }
  if (!allowsMethod(route.api, request.method)) {
    reply.fail(405, request.method + " is not for " + request.path + ": use " + traits.allow);
    reply.headers = std::string("Allow: ") + traits.allow + "\r\n";
    return false;
  }
  switch (context_.access.check(traits.group, request.authorization)) {
  case AccessControl::Answer::Allowed:
    break;
  case AccessControl::Answer::Unauthenticated:
    reply.fail(401, std::string("the APIs of the group '") + toString(traits.group) +
                        "' want a token: send the header Authorization: Bearer TOKEN");
    reply.headers = "WWW-Authenticate: Bearer\r\n";
    return false;
  case AccessControl::Answer::Forbidden:
    reply.fail(403, std::string("this token may not call the APIs of the group '") +
                        toString(traits.group) + "'");
    return false;
  }
  if (request.expectsOther) {
    reply.fail(417, "of Expect, 100-continue alone is known");
    return false;
  }
  if (traits.isInference && !request.hasLength && !request.isChunked) {
    reply.fail(411, "the body has no length: send Content-Length, or Transfer-Encoding: chunked");
    return false;
  }
  if (!parseContentEncoding(request.contentEncoding)) {
    reply.fail(415, "Content-Encoding '" + request.contentEncoding.substr(0, 40) +
                        "' is not known here: use gzip, deflate or none");
    reply.headers = "Accept-Encoding: gzip, deflate\r\n";
    return false;
  }
  if (!request.timeoutMs.empty()) {
    const auto timeout = parseNumber<uint32_t>(request.timeoutMs);
    if (!timeout) {
      reply.fail(400, std::string(request.timeoutHeader) + " is '" +
                          request.timeoutMs.substr(0, 40) +
                          "': a whole number of milliseconds is expected, 0 for none");
      return false;
    }
    exchange.timeout = std::chrono::milliseconds(*timeout);
  }
  return true;
}

/// Replaces a packed body by what it is. False: the reply says why not.
bool RestApi::unpack(Exchange &exchange) {
  const Encoding encoding =
      parseContentEncoding(exchange.request.contentEncoding).value_or(Encoding::Identity);
  if (encoding == Encoding::Identity)
    return true;
  auto body = std::make_shared<Bytes>();
  const Status status =
      decompress(exchange.request.body->view(), encoding, context_.limits.decompressedBytes, *body);
  if (status.isOk()) {
    exchange.request.body = std::move(body);
    return true;
  }
  if (status.code() == StatusCode::ResourceExhausted)
    exchange.reply.fail(413, status.message());
  else
    exchange.reply.fail(status);
  return false;
}

void RestApi::serve(Exchange &exchange) {
  if (!unpack(exchange)) {
    exchange.complete();
    return;
  }
  switch (exchange.route.api) {
  case Api::Predict:
    return predict(exchange);
  case Api::Classify:
  case Api::Regress:
    return classifyOrRegress(exchange);
  case Api::Infer:
    return infer(exchange);
  case Api::Load:
  case Api::Unload:
    return loadOrUnload(exchange);
  case Api::Status:
    modelStatus(exchange);
    break;
  case Api::Metadata:
  case Api::ModelMetadata:
  case Api::ModelConfig:
    metadata(exchange);
    break;
  case Api::ServerMetadata:
    serverMetadata(exchange);
    break;
  case Api::Live:
  case Api::Ready:
  case Api::ModelReady:
    health(exchange);
    break;
  case Api::Statistics:
    statistics(exchange);
    break;
  case Api::Index:
    index(exchange);
    break;
  case Api::SharedMemoryStatus:
  case Api::SharedMemoryRegister:
  case Api::SharedMemoryUnregister:
  case Api::CudaMemoryStatus:
  case Api::CudaMemoryRegister:
  case Api::CudaMemoryUnregister:
    sharedMemory(exchange);
    break;
  case Api::Metrics:
    exchange.reply.contentType = "text/plain; version=0.0.4; charset=utf-8";
    exchange.reply.body.append(context_.metrics());
    break;
  case Api::Page:
    exchange.reply.contentType = exchange.page->contentType.c_str();
    exchange.reply.body.append(exchange.page->body());
    break;
  case Api::Unsupported:
    exchange.reply.fail(501, "this server has no " + exchange.request.path +
                                 ": traces and logs are set by its options; results come whole, "
                                 "from /infer");
    break;
  case Api::None:
    exchange.reply.fail(404, "there is nothing at " + exchange.request.path);
    break;
  }
  exchange.complete();
}

void RestApi::encode(Exchange &exchange) {
  const auto make = std::exchange(exchange.encode, nullptr);
  if (!make)
    return;
  try {
    make(*this, exchange);
  } catch (const std::bad_alloc &) {
    exchange.reply.body = Bytes();
    exchange.response = InferenceResponse();
    exchange.reply.fail(503, "there is not enough memory for this reply");
  }
}

void RestApi::finish(Exchange &exchange) {
  encode(exchange);
  HttpReply &reply = exchange.reply;
  if (reply.status == 500)
    reply.fail(reply.status, reply.error + " (request " + exchange.record.id + ")");
  // Who still listens learns why.
  if (reply.status == 499 && !exchange.isLocal())
    reply.fail(reply.status, reply.error + " (over TCP, a client that closes its sending side "
                                           "before the reply is there counts as gone)");
  if (!exchange.request.requestId.empty())
    reply.headers += "X-Request-Id: " + exchange.request.requestId + "\r\n";
  addCors(exchange);
  pack(exchange);
}

void RestApi::addCors(Exchange &exchange) {
  if (corsOrigin_.empty())
    return;
  exchange.reply.headers += "Access-Control-Allow-Origin: " + corsOrigin_ + "\r\n";
  if (corsOrigin_ != "*")
    exchange.reply.headers += "Vary: Origin\r\n";
}

void RestApi::pack(Exchange &exchange) {
  HttpReply &reply = exchange.reply;
  // Within one machine, packing is slower than sending.
  if (exchange.request.acceptEncoding.empty() || exchange.isLocal() ||
      reply.bodyBytes() < leastPackedBytes)
    return;
  const Encoding encoding = chooseEncoding(exchange.request.acceptEncoding);
  if (encoding == Encoding::Identity)
    return;
  std::vector<std::string_view> parts{reply.body.view()};
  parts.insert(parts.end(), reply.segments.begin(), reply.segments.end());
  Bytes packed;
  try {
    if (!compress(parts, encoding, packed).isOk() || packed.size() >= reply.bodyBytes())
      return;
  } catch (const std::bad_alloc &) {
    return; // as it is, then
  }
  reply.body = std::move(packed);
  reply.segments.clear();
  reply.headers +=
      encoding == Encoding::Gzip ? "Content-Encoding: gzip\r\n" : "Content-Encoding: deflate\r\n";
  reply.headers += "Vary: Accept-Encoding\r\n";
}

} // namespace ingot::serve::rest
