// See Listeners.h.
#include "runtime/serve/rest/Listeners.h"

#include <exception>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace ingot::serve::rest {

namespace {

using Tcp = asio::ip::tcp;
using Unix = asio::local::stream_protocol;

template <typename Protocol>
using PeerSocket = asio::basic_stream_socket<Protocol, asio::io_context::executor_type>;

Status ioError(const std::string &what, const error_code &error) {
  return Status(StatusCode::IoError, what + ": " + error.message());
}

} // namespace

Listeners::Listeners(asio::io_context &io, OnClient onClient)
    : io_(io), onClient_(std::move(onClient)) {}

Listeners::~Listeners() {
  if (!path_.empty())
    ::unlink(path_.c_str());
}

Status Listeners::listenTcp(const std::string &address, int port) {
  const std::string name = "REST on " + address + ":" + std::to_string(port);
  if (port > 65535)
    return Status(StatusCode::InvalidArgument, name + ": ports end at 65535");
  error_code error;
  Tcp::resolver resolver(io_);
  const auto found =
      resolver.resolve(address, std::to_string(port),
                       Tcp::resolver::passive | Tcp::resolver::numeric_service, error);
  if (error || found.empty())
    return Status(StatusCode::InvalidArgument,
                  name + ": no address of this machine: " + error.message());
  const Tcp::endpoint endpoint = found.begin()->endpoint();
  auto &acceptor = tcp_.emplace(io_).acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error)
    acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error)
    acceptor.bind(endpoint, error);
  if (!error)
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return ioError(name, error);
  port_ = acceptor.local_endpoint(error).port();
  return {};
}

Status Listeners::listenUnix(const std::string &path) {
  const std::string name = "REST on unix:" + path;
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return Status(StatusCode::InvalidArgument,
                  name + ": a path of a Unix socket has at most " +
                      std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
  error_code error;
  const Unix::endpoint endpoint(path);
  struct stat there{};
  if (::lstat(path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode))
      return Status(StatusCode::InvalidArgument, name + ": there is a file that is no socket");
    PeerSocket<Unix> probe(io_);
    probe.connect(endpoint, error);
    if (!error)
      return Status(StatusCode::IoError, name + ": another process listens there");
    ::unlink(path.c_str());
  }
  error = {};
  auto &acceptor = unix_.emplace(io_).acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error)
    acceptor.bind(endpoint, error);
  if (!error)
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return ioError(name, error);
  path_ = path;
  return {};
}

void Listeners::takeClients() {
  std::lock_guard lock(mutex_);
  acceptNext(tcp_);
  acceptNext(unix_);
}

template <typename Protocol, typename Peer> void Listeners::take(Peer peer) {
  try {
    if constexpr (std::is_same_v<Protocol, Tcp>) {
      error_code ignored;
      // A reply goes out at once, not when the client has acknowledged the one before.
      peer.set_option(Tcp::no_delay(true), ignored);
      const Tcp::endpoint endpoint = peer.remote_endpoint(ignored);
      std::string name = endpoint.address().to_string();
      if (endpoint.address().is_v6())
        name = "[" + name + "]";
      name += ":" + std::to_string(endpoint.port());
      onClient_(Socket(std::move(peer)), std::move(name), true);
    } else {
      onClient_(Socket(std::move(peer)), {}, false);
    }
  } catch (const std::exception &) {
    // Memory ended, or a file did: this client is let go, the next may find some.
  }
}

template <typename Protocol> void Listeners::acceptNext(MaybePort<Protocol> &port) {
  if (!port || port->isTaking || !port->acceptor.is_open())
    return;
  port->isTaking = true;
  try {
    port->acceptor.async_accept([this, &port](error_code error, PeerSocket<Protocol> peer) {
      std::lock_guard lock(mutex_);
      port->isTaking = false;
      if (!error)
        take<Protocol>(std::move(peer));
      const bool isExhausted = error == asio::error::no_descriptors ||
                               error == asio::error::no_memory ||
                               error == asio::error::no_buffer_space;
      if (!isExhausted)
        acceptNext(port);
    });
  } catch (const std::exception &) {
    port->isTaking = false;
  }
}

template <typename Protocol> void Listeners::stopOne(MaybePort<Protocol> &port) {
  if (!port || !port->acceptor.is_open())
    return;
  error_code error;
  port->acceptor.non_blocking(true, error);
  while (!error) {
    PeerSocket<Protocol> peer(io_);
    port->acceptor.accept(peer, error);
    if (!error)
      take<Protocol>(std::move(peer));
  }
  port->acceptor.close(error);
}

void Listeners::stop() {
  // Here, not on a thread of the io_context: all may be busy for as long as a model runs.
  std::lock_guard lock(mutex_);
  stopOne(tcp_);
  stopOne(unix_);
}

bool Listeners::isStopped() const {
  std::lock_guard lock(mutex_);
  return (!tcp_ || tcp_->isStopped()) && (!unix_ || unix_->isStopped());
}

} // namespace ingot::serve::rest
