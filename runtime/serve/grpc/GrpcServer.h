// GrpcServer: TF Serving's PredictionService and ModelService, the Open Inference
// GRPCInferenceService, grpc.health.v1 and reflection, on one port and, if asked for, one Unix
// socket.
#ifndef INGOT_RUNTIME_SERVE_GRPC_GRPCSERVER_H
#define INGOT_RUNTIME_SERVE_GRPC_GRPCSERVER_H

#include "runtime/serve/inference/ServerContext.h"

#include <memory>
#include <string>

namespace ingot::serve {

struct GrpcOptions {
  std::string address = "0.0.0.0";
  int port = -1;          ///< 0: any free one, see GrpcServer::port; -1: none
  std::string unixSocket; ///< path; empty: none
  TlsFiles tls;           ///< of the port; the Unix socket has none
  int threads = 0;        ///< that wait for calls; 0: CPUs + 2
};

class GrpcServer {
public:
  /// Listens and serves. InvalidArgument, IoError (names the address and the reason).
  static Result<std::unique_ptr<GrpcServer>> start(ServerContext &context,
                                                   const GrpcOptions &options);
  /// Stops: calls in flight are given a second. Drain first.
  virtual ~GrpcServer() = default;
  virtual int port() const = 0;
  /// No new connections and calls (clients are told to go elsewhere, GOAWAY); calls in flight go
  /// on. Returns when no further one can be accepted.
  virtual void stopAccepting() = 0;
  /// After stopAccepting: every request that came has its reply given to the socket, and no other
  /// can come.
  virtual bool isDrained() const = 0;

protected:
  GrpcServer() = default;
};

} // namespace ingot::serve

#endif
