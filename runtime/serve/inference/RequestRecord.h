// RequestRecord: what is to be said about one request once it is answered, and who wants to hear it
// (metrics, the access log, traces). Each protocol fills one in for each request, of any kind, and
// hands it to the observer when the last byte is given to the socket.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_REQUESTRECORD_H
#define INGOT_RUNTIME_SERVE_INFERENCE_REQUESTRECORD_H

#include "ingot/Status.h"
#include "ingot/serve/Scheduler.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace ingot::serve {

struct RequestRecord {
  const char *protocol = ""; ///< "http" or "grpc"
  std::string method; ///< "POST", or the gRPC method "inference.GRPCInferenceService/ModelInfer"
  std::string target; ///< path and query as received; empty for gRPC
  const char *api =
      "other"; ///< what it was, for labels: "predict", "infer", "health", "metadata", …
  std::string model, function;        ///< empty where it is about none
  int64_t version = 0;                ///< 0: none
  int status = 0;                     ///< HTTP's status or gRPC's code
  std::string error;                  ///< what the client was told
  uint64_t bytesIn = 0, bytesOut = 0; ///< bodies, as on the wire
  std::string id;                     ///< the client's, or ours
  std::string traceparent;            ///< W3C trace context as received, or empty
  std::string peer;                   ///< "127.0.0.1:51234", "unix:"
  Clock::time_point received;         ///< the first byte of the request was there
  Clock::time_point parsed;           ///< the request was understood and handed on
  Clock::time_point written;          ///< the reply was given to the socket
  bool isInference = false;
  Timing timing; ///< of inference
};

class RequestObserver {
public:
  virtual ~RequestObserver() = default;
  /// Called from any thread; must not block.
  virtual void onRequest(const RequestRecord &record) = 0;
};

} // namespace ingot::serve

#endif
