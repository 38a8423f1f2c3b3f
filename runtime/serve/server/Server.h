// Server: repository, scheduler and protocols together, from start to drained.
#ifndef INGOT_RUNTIME_SERVE_SERVER_SERVER_H
#define INGOT_RUNTIME_SERVE_SERVER_SERVER_H

#include "runtime/serve/server/Options.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace ingot::serve {

class Server {
public:
  /// Looks at the models and listens, and returns then; models are loaded meanwhile and afterwards,
  /// see isReady. InvalidArgument, NotFound, IoError.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, std::string version);
  virtual ~Server() = default;

  /// The ports that are listened on, -1 where there is none.
  virtual int restPort() const = 0;
  virtual int grpcPort() const = 0;
  virtual bool isReady() const = 0;

  /// What SIGHUP does: looks at models and their configuration now, begins new log files. Returns
  /// at once: what comes of it is logged.
  virtual void reload() = 0;
  /// What SIGTERM does: not ready at once, and nothing more is loaded; after the delay no new
  /// connections; waits for the requests in flight, within the timeout. Waits by `pause`, which
  /// takes so long at most and says by false that it is to end at once. Returns how many requests
  /// are cut off by ending now; logs are written then.
  using Pause = std::function<bool(std::chrono::milliseconds)>;
  virtual int64_t drain(const Pause &pause) = 0;

protected:
  Server() = default;
};

/// `ingot-serve`: options, signals, exit code.
int serveMain(int argc, char **argv, const char *version);

} // namespace ingot::serve

#endif
