// See Transport.h.
#include "runtime/serve/rest/Transport.h"

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <sys/socket.h>

namespace ingot::serve::rest {

namespace {

class PlainTransport final : public Transport {
public:
  explicit PlainTransport(Socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
  }

  void handshake(std::shared_ptr<TransportUser> user) override { user->onHandshake({}); }

  void read(char *data, size_t size, std::shared_ptr<TransportUser> user) override {
    socket_.async_read_some(
        asio::buffer(data, size),
        [user = std::move(user)](error_code error, size_t bytes) { user->onRead(error, bytes); });
  }

  size_t tryRead(char *data, size_t size, error_code &error) override {
    const size_t bytes = socket_.read_some(asio::buffer(data, size), error);
    forgive(error);
    return bytes;
  }

  size_t tryWrite(const std::vector<asio::const_buffer> &buffers, error_code &error) override {
    const size_t bytes = socket_.write_some(buffers, error);
    forgive(error);
    return bytes;
  }

  void write(const std::vector<asio::const_buffer> &buffers,
             std::shared_ptr<TransportUser> user) override {
    socket_.async_write_some(buffers, [user = std::move(user)](error_code error, size_t bytes) {
      user->onWritten(error, bytes);
    });
  }

  bool finishWriting(std::shared_ptr<TransportUser>) override {
    ::shutdown(handle(), SHUT_WR);
    return true;
  }

  int handle() override { return socket_.native_handle(); }

private:
  static void forgive(error_code &error) {
    if (error == asio::error::would_block || error == asio::error::try_again)
      error = {};
  }

  Socket socket_;
};

class TlsTransport final : public Transport {
public:
  TlsTransport(Socket socket, asio::ssl::context &context) : stream_(std::move(socket), context) {}

  void handshake(std::shared_ptr<TransportUser> user) override {
    stream_.async_handshake(
        asio::ssl::stream_base::server,
        [user = std::move(user)](error_code error) { user->onHandshake(error); });
  }

  void read(char *data, size_t size, std::shared_ptr<TransportUser> user) override {
    const auto done = [user = std::move(user)](error_code error, size_t bytes) {
      user->onRead(error, bytes);
    };
    if (isFinished_)
      stream_.next_layer().async_read_some(asio::buffer(data, size), done);
    else
      stream_.async_read_some(asio::buffer(data, size), done);
  }

  size_t tryRead(char *, size_t, error_code &) override { return 0; }
  size_t tryWrite(const std::vector<asio::const_buffer> &, error_code &) override { return 0; }

  void write(const std::vector<asio::const_buffer> &buffers,
             std::shared_ptr<TransportUser> user) override {
    // Each buffer would become a record and a segment of its own: small ones are joined.
    constexpr size_t joinedBytes = size_t{64} << 10;
    const auto done = [user = std::move(user)](error_code error, size_t bytes) {
      user->onWritten(error, bytes);
    };
    if (asio::buffer_size(buffers) > joinedBytes) {
      stream_.async_write_some(buffers, done);
      return;
    }
    joined_.resize(asio::buffer_size(buffers));
    asio::buffer_copy(asio::buffer(joined_), buffers);
    asio::async_write(stream_, asio::buffer(joined_), done);
  }

  /// With close_notify, by which the client knows that nobody cut the reply short.
  bool finishWriting(std::shared_ptr<TransportUser> user) override {
    isFinished_ = true;
    stream_.async_shutdown([this, user = std::move(user)](error_code error) {
      ::shutdown(handle(), SHUT_WR);
      user->onWritten(error, 0);
    });
    return false;
  }

  int handle() override { return stream_.lowest_layer().native_handle(); }

private:
  asio::ssl::stream<Socket> stream_;
  bool isFinished_ = false;
  std::vector<char> joined_;
};

} // namespace

std::unique_ptr<Transport> makePlain(Socket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

std::unique_ptr<Transport> makeTls(Socket socket, asio::ssl::context &context) {
  return std::make_unique<TlsTransport>(std::move(socket), context);
}

} // namespace ingot::serve::rest
