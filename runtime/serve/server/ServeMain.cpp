// The program: options, signals, what systemd wants to hear, exit codes.
#include "runtime/serve/server/Server.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ingot::serve {

namespace {

/// Tells systemd ("READY=1", "STOPPING=1"), where it started us with Type=notify (sd_notify(3)).
void notifySystemd(const char *message) {
  const char *path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (!path || (*path != '/' && *path != '@') || std::strlen(path) >= sizeof address.sun_path)
    return;
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path);
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  if (*path == '@')
    address.sun_path[0] = '\0'; // an abstract name
  int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0)
    return;
  ::sendto(socket, message, std::strlen(message), MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr *>(&address), length);
  ::close(socket);
}

/// Waits for one of the signals, `timeout` at most. 0: none came.
int awaitSignal(const sigset_t &signals, std::chrono::milliseconds timeout) {
  timespec wait{timeout.count() / 1000, timeout.count() % 1000 * 1000000};
  int signal = sigtimedwait(&signals, nullptr, &wait);
  return signal > 0 ? signal : 0;
}

} // namespace

int serveMain(int argc, char **argv, const char *version) {
  ServerOptions options;
  if (int code = parseOptions(argc, argv, version, options); code >= 0)
    return code;
  spdlog::set_default_logger(spdlog::stderr_color_mt("ingot-serve"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");

  // Before any thread is made, so that all have them blocked and sigtimedwait alone sees them.
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN); // a client that went away is an error of its write

  // Large bodies and tensors are mapped, and go back to the system when they are freed. By default
  // the C library raises the bound with each that is freed, up to 32 MiB, and bodies of many sizes
  // then leave holes in its heaps that make the process grow for hours.
  constexpr int mapped = 4 << 20;
  mallopt(M_MMAP_THRESHOLD, mapped);
  mallopt(M_TRIM_THRESHOLD, mapped);

  auto server = Server::start(std::move(options), version);
  if (!server.isOk()) {
    spdlog::error("{}", server.status().message());
    return 2;
  }
  bool wasReady = false;
  for (;;) {
    if (!wasReady && (*server)->isReady()) {
      wasReady = true;
      spdlog::info("ready");
      notifySystemd("READY=1");
    }
    int signal = awaitSignal(signals, std::chrono::milliseconds(wasReady ? 3600000 : 10));
    if (signal == SIGHUP)
      (*server)->reload();
    else if (signal != 0)
      break;
  }
  notifySystemd("STOPPING=1");
  int64_t lost = (*server)->drain([&](std::chrono::milliseconds longest) {
    int signal = awaitSignal(signals, longest);
    return signal == 0 || signal == SIGHUP; // another SIGTERM or SIGINT: at once
  });
  if (lost > 0) {
    // To stop in order would be to wait for them after all. What was being compiled was given up
    // when draining began, and its process is gone.
    spdlog::error("stopped; {} requests were cut off", lost);
    spdlog::default_logger()->flush();
    std::_Exit(2);
  }
  spdlog::info("stopped");
  return 0;
}

} // namespace ingot::serve
