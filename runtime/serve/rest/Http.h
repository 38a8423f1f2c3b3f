// A request and a reply of HTTP, without the connection they travel on.
#ifndef INGOT_RUNTIME_SERVE_REST_HTTP_H
#define INGOT_RUNTIME_SERVE_REST_HTTP_H

#include "ingot/Status.h"
#include "runtime/serve/rest/Bytes.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve::rest {

struct HttpRequest {
  std::string method; ///< "POST"
  std::string target; ///< as received
  std::string path;   ///< of it, without query, scheme and host
  /// Headers that something here looks at; empty: not there.
  std::string contentEncoding, acceptEncoding, authorization, inferenceHeaderLength, traceparent,
      requestId, timeoutMs, origin, requestedHeaders;
  const char *timeoutHeader = ""; ///< the name under which timeoutMs came
  uint64_t contentLength = 0;
  bool hasLength = false, isChunked = false, expectsContinue = false, expectsOther = false;
  bool keepsAlive = false;  ///< the client wants the connection kept
  bool isVersion10 = false; ///< HTTP/1.0
  /// As received, then decompressed. Inputs of a model may share it.
  std::shared_ptr<Bytes> body;

  bool isHead() const { return method == "HEAD"; }
  /// Empty again, with the memory it has.
  void clear();
};

struct HttpReply {
  int status = 200;
  const char *contentType = "application/json";
  std::string headers; ///< whole lines, "Allow: GET\r\n"
  Bytes body;
  std::vector<std::string_view> segments; ///< what follows `body`; `owner` keeps it
  std::shared_ptr<const void> owner;
  std::string error; ///< what the body says, where it is an error
  bool closes = false;

  uint64_t bodyBytes() const;
  void clear();
  /// {"error": message} with this status.
  void fail(int httpStatus, std::string_view message);
  /// What a failed Status is in HTTP.
  void fail(const Status &failure);
};

/// The status line and headers of a reply, `Date` among them, up to the empty line.
void appendHead(Bytes &out, const HttpReply &reply, bool keepsAlive, bool isVersion10);

} // namespace ingot::serve::rest

#endif
