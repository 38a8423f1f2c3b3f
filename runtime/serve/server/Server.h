// Server: repository, scheduler and protocols together, from start to drained.
#ifndef INGOT_RUNTIME_SERVE_SERVER_SERVER_H
#define INGOT_RUNTIME_SERVE_SERVER_SERVER_H

#include "runtime/serve/server/Options.h"

#include <memory>

namespace ingot::serve {

class Server {
public:
  /// Listens first (a port that is taken is told before anything is loaded), then loads; ready when
  /// the models are. InvalidArgument, NotFound, IoError.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, std::string version);
  virtual ~Server() = default;

  /// The ports that are listened on, -1 where there is none.
  virtual int restPort() const = 0;
  virtual int grpcPort() const = 0;
  virtual bool isReady() const = 0;

  /// What SIGHUP does: looks at models and configuration now, begins new log files.
  virtual void reload() = 0;
  /// What SIGTERM does: not ready at once; after the delay no new connections; waits for the
  /// requests in flight. Returns how many were cut off because the timeout was over.
  virtual int64_t drain() = 0;

protected:
  Server() = default;
};

/// `ingot-serve`: options, signals, exit code.
int serveMain(int argc, char **argv, const char *version);

} // namespace ingot::serve

#endif
