// RestServer: TF Serving's REST API, the Open Inference protocol's, metrics and the status page, on
// one port and, if asked for, one Unix socket. HTTP/1.1 by Boost.Beast.
#ifndef INGOT_RUNTIME_SERVE_REST_RESTSERVER_H
#define INGOT_RUNTIME_SERVE_REST_RESTSERVER_H

#include "runtime/serve/inference/ServerContext.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ingot::serve {

/// Something to GET that is no API: the status page.
struct RestPage {
  std::string path; ///< "/", "/status.json"
  std::string contentType;
  std::function<std::string()> body; ///< called from any thread, for each request
};

struct RestOptions {
  std::string address = "0.0.0.0";
  int port = -1;               ///< 0: any free one, see RestServer::port; -1: none
  std::string unixSocket;      ///< path; empty: none
  TlsFiles tls;                ///< of the port; the Unix socket has none
  int threads = 0;             ///< 0: CPUs + 2
  std::string corsOrigin;      ///< Access-Control-Allow-Origin; empty: no CORS headers
  std::vector<RestPage> pages; ///< of the group "status"
};

class RestServer {
public:
  /// Listens and serves. InvalidArgument, IoError (names the address and the reason),
  /// ResourceExhausted (threads).
  static Result<std::unique_ptr<RestServer>> start(ServerContext &context,
                                                   const RestOptions &options);
  /// Stops at once: connections are closed. Drain first.
  virtual ~RestServer() = default;
  virtual int port() const = 0;
  /// No new connections; open ones get `Connection: close` with their next reply, idle ones are
  /// closed, and those that had no request yet have a second for one. Returns when no further one
  /// can be accepted.
  virtual void stopAccepting() = 0;
  /// After stopAccepting: every request that came, also one that waits unread in a socket, has its
  /// reply given to the socket, and no other can come.
  virtual bool isDrained() const = 0;

protected:
  RestServer() = default;
};

} // namespace ingot::serve

#endif
