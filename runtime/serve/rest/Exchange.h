// Exchange: one request and its reply, from the head to the last byte. Made and reused by a
// connection; the APIs fill in the reply.
//
// Invariant: between serve and complete an exchange belongs to whom it was given, then again to its
// connection; so nothing in it needs a lock.
#ifndef INGOT_RUNTIME_SERVE_REST_EXCHANGE_H
#define INGOT_RUNTIME_SERVE_REST_EXCHANGE_H

#include "runtime/serve/inference/InferenceService.h"
#include "runtime/serve/inference/RequestRecord.h"
#include "runtime/serve/rest/Http.h"
#include "runtime/serve/rest/InferJson.h"
#include "runtime/serve/rest/RestServer.h"
#include "runtime/serve/rest/Routes.h"

#include <memory>
#include <string>

namespace ingot::serve::rest {

class RestApi;

/// RequestRecord::peer of who came by the Unix socket.
inline constexpr const char *localPeer = "unix:";

class Exchange : public std::enable_shared_from_this<Exchange> {
public:
  virtual ~Exchange() = default;

  HttpRequest request;
  Route route;
  const RestPage *page = nullptr; ///< of Api::Page
  HttpReply reply;
  RequestRecord record;
  std::shared_ptr<Cancellation> cancellation;

  /// Of inference: what came of it, and what its reply needs to know of the request.
  InferenceResponse response;
  bool isRowForm = false;
  InferRequest infer;
  std::chrono::milliseconds timeout{0}; ///< by a header; zero: none
  const ServedFunction *function = nullptr;
  std::shared_ptr<const ModelVersion> model; ///< keeps it
  /// Makes the reply of `response`, on a thread of the connection rather than of a worker. Null:
  /// the reply is there.
  void (*encode)(RestApi &, Exchange &) = nullptr;

  /// The client is on this machine, at the Unix socket.
  bool isLocal() const { return record.peer == localPeer; }

  /// From now on a client that goes away sets `cancellation`, which is there.
  virtual void watch() = 0;
  /// The outcome is there. Once, on any thread; nothing of the exchange is touched afterwards.
  virtual void complete() = 0;

  void clear() {
    route = Route();
    page = nullptr;
    reply.clear();
    cancellation.reset();
    response = InferenceResponse();
    isRowForm = false;
    infer = InferRequest();
    timeout = timeout.zero();
    function = nullptr;
    model.reset();
    encode = nullptr;
  }
};

} // namespace ingot::serve::rest

#endif
