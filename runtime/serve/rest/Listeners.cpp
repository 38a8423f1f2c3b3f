// See Listeners.h.
#include "runtime/serve/rest/Listeners.h"

#include <boost/asio/post.hpp>
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
    : io_(io), onClient_(std::move(onClient)), retry_(io) {}

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
  tcp_.emplace(io_);
  tcp_->open(endpoint.protocol(), error);
  if (!error)
    tcp_->set_option(asio::socket_base::reuse_address(true), error);
  if (!error)
    tcp_->bind(endpoint, error);
  if (!error)
    tcp_->listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return ioError(name, error);
  port_ = tcp_->local_endpoint(error).port();
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
  unix_.emplace(io_);
  unix_->open(endpoint.protocol(), error);
  if (!error)
    unix_->bind(endpoint, error);
  if (!error)
    unix_->listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return ioError(name, error);
  path_ = path;
  return {};
}

void Listeners::start() {
  std::lock_guard lock(mutex_);
  if (tcp_)
    acceptNext(*tcp_);
  if (unix_)
    acceptNext(*unix_);
}

template <typename Protocol, typename Peer> void Listeners::take(Peer peer) {
  error_code ignored;
  if constexpr (std::is_same_v<Protocol, Tcp>) {
    // A reply goes out at once, not when the client has acknowledged the one before.
    peer.set_option(Tcp::no_delay(true), ignored);
    const Tcp::endpoint endpoint = peer.remote_endpoint(ignored);
    std::string name = endpoint.address().to_string();
    if (endpoint.address().is_v6())
      name = "[" + name + "]";
    name += ":" + std::to_string(endpoint.port());
    onClient_(Socket(std::move(peer)), std::move(name), true);
  } else {
    onClient_(Socket(std::move(peer)), "unix:", false);
  }
}

/// With the lock held.
template <typename Protocol> void Listeners::acceptNext(Acceptor<Protocol> &acceptor) {
  acceptor.async_accept([this, &acceptor](error_code error, PeerSocket<Protocol> peer) {
    if (!error)
      take<Protocol>(std::move(peer));
    std::lock_guard lock(mutex_);
    if (!acceptor.is_open())
      return;
    const bool isExhausted = error == asio::error::no_descriptors ||
                             error == asio::error::no_memory ||
                             error == asio::error::no_buffer_space;
    if (!isExhausted) {
      acceptNext(acceptor);
      return;
    }
    // What is missing comes back when connections end; trying at once would only heat the CPU.
    retry_.expires_after(std::chrono::milliseconds(50));
    retry_.async_wait([this, &acceptor](error_code) {
      std::lock_guard retryLock(mutex_);
      if (acceptor.is_open())
        acceptNext(acceptor);
    });
  });
}

template <typename Protocol> void Listeners::stopOne(std::optional<Acceptor<Protocol>> &acceptor) {
  std::vector<PeerSocket<Protocol>> waiting;
  {
    std::lock_guard lock(mutex_);
    if (!acceptor || !acceptor->is_open())
      return;
    error_code error;
    acceptor->non_blocking(true, error);
    while (!error)
      acceptor->accept(waiting.emplace_back(io_), error);
    waiting.pop_back();
    acceptor->close(error);
  }
  for (PeerSocket<Protocol> &peer : waiting)
    take<Protocol>(std::move(peer));
}

void Listeners::stop() {
  asio::post(io_, [this] {
    stopOne(tcp_);
    stopOne(unix_);
  });
}

} // namespace ingot::serve::rest
