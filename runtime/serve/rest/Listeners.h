// Listeners: the sockets on which clients arrive, one for TCP and one for Unix, either of them
// optional.
#ifndef INGOT_RUNTIME_SERVE_REST_LISTENERS_H
#define INGOT_RUNTIME_SERVE_REST_LISTENERS_H

#include "ingot/Status.h"
#include "runtime/serve/rest/Transport.h"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace ingot::serve::rest {

class Listeners {
public:
  /// Called for each client, on a thread of the io_context; `peer` as in RequestRecord.
  using OnClient = std::function<void(Socket socket, std::string peer, bool isTcp)>;

  Listeners(asio::io_context &io, OnClient onClient);
  ~Listeners();

  /// IoError, InvalidArgument: the address, and what is wrong with it.
  Status listenTcp(const std::string &address, int port);
  /// Replaces a socket that nobody listens on any more.
  Status listenUnix(const std::string &path);
  /// After listenTcp: the port that it got.
  int port() const { return port_; }

  void start();
  /// Takes whoever has connected already, then no more. From any thread; returns at once.
  void stop();

private:
  template <typename Protocol>
  using Acceptor = asio::basic_socket_acceptor<Protocol, asio::io_context::executor_type>;

  template <typename Protocol> void acceptNext(Acceptor<Protocol> &acceptor);
  template <typename Protocol, typename Peer> void take(Peer peer);
  template <typename Protocol> void stopOne(std::optional<Acceptor<Protocol>> &acceptor);

  asio::io_context &io_;
  std::mutex mutex_; ///< of the acceptors, which stop on another thread than they accept on
  OnClient onClient_;
  std::optional<Acceptor<asio::ip::tcp>> tcp_;
  std::optional<Acceptor<asio::local::stream_protocol>> unix_;
  asio::basic_waitable_timer<std::chrono::steady_clock> retry_;
  std::string path_; ///< of the Unix socket, to be removed
  int port_ = -1;
};

} // namespace ingot::serve::rest

#endif
