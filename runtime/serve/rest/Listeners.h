// Listeners: the sockets on which clients arrive, one for TCP and one for Unix, either of them
// optional.
#ifndef INGOT_RUNTIME_SERVE_REST_LISTENERS_H
#define INGOT_RUNTIME_SERVE_REST_LISTENERS_H

#include "ingot/Status.h"
#include "runtime/serve/rest/Transport.h"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace ingot::serve::rest {

class Listeners {
public:
  /// Called for each client, from any thread, while no other is taken; `peer`, of
  /// TCP: address and port. It may throw: then this client is let go.
  using OnClient = std::function<void(Socket socket, std::string peer, bool isTcp)>;

  Listeners(asio::io_context &io, OnClient onClient);
  ~Listeners();

  /// IoError, InvalidArgument: the address, and what is wrong with it.
  Status listenTcp(const std::string &address, int port);
  /// Replaces a socket that nobody listens on any more.
  Status listenUnix(const std::string &path);
  /// After listenTcp: the port that it got.
  int port() const { return port_; }

  /// Takes clients. To be called every now and then: where files or memory ended, taking stops
  /// until the next call, since trying at once would only heat the CPU.
  void takeClients();
  /// Takes whoever has connected already, then no more. From any thread; does not wait.
  void stop();
  /// After stop: the last of them was given to onClient.
  bool isStopped() const;

private:
  template <typename Protocol>
  using Acceptor = asio::basic_socket_acceptor<Protocol, asio::io_context::executor_type>;

  template <typename Protocol> struct Port {
    explicit Port(asio::io_context &io) : acceptor(io) {}
    Acceptor<Protocol> acceptor;
    bool isTaking = false; ///< an accept is pending
    bool isStopped() const { return !acceptor.is_open() && !isTaking; }
  };
  template <typename Protocol> using MaybePort = std::optional<Port<Protocol>>;

  // Each with the lock held.
  template <typename Protocol> void acceptNext(MaybePort<Protocol> &port);
  template <typename Protocol, typename Peer> void take(Peer peer);
  template <typename Protocol> void stopOne(MaybePort<Protocol> &port);

  asio::io_context &io_;
  mutable std::mutex mutex_; ///< of the ports, which stop on another thread than they accept on
  OnClient onClient_;
  MaybePort<asio::ip::tcp> tcp_;
  MaybePort<asio::local::stream_protocol> unix_;
  std::string path_; ///< of the Unix socket, to be removed
  int port_ = -1;
};

} // namespace ingot::serve::rest

#endif
