// Transport: one open connection as bytes, be it TCP, a Unix socket or TLS. The only place that
// knows the kinds of sockets.
//
// At most one operation is pending at a time; with none pending it may be destroyed, which closes
// the connection. handle(), for ::shutdown, may be called from any thread.
#ifndef INGOT_RUNTIME_SERVE_REST_TRANSPORT_H
#define INGOT_RUNTIME_SERVE_REST_TRANSPORT_H

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <memory>
#include <vector>

namespace ingot::serve::rest {

namespace asio = boost::asio;
using boost::system::error_code;

/// Of any protocol, without the indirections of a type-erased executor.
using Socket =
    asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

/// Whoever waits for a transport; called on a thread of the io_context.
class TransportUser {
public:
  virtual void onHandshake(error_code error) = 0;
  virtual void onRead(error_code error, size_t bytes) = 0;
  virtual void onWritten(error_code error, size_t bytes) = 0;

protected:
  ~TransportUser() = default;
};

class Transport {
public:
  virtual ~Transport() = default;

  virtual void handshake(std::shared_ptr<TransportUser> user) = 0;
  virtual void read(char *data, size_t size, std::shared_ptr<TransportUser> user) = 0;
  /// What is there already, without waiting; 0 where nothing is, or where only `read` can tell.
  virtual size_t tryRead(char *data, size_t size, error_code &error) = 0;
  /// What can be written without waiting; 0 where only `write` can tell.
  virtual size_t tryWrite(const std::vector<asio::const_buffer> &buffers, error_code &error) = 0;
  /// Some of it, at least a byte.
  virtual void write(const std::vector<asio::const_buffer> &buffers,
                     std::shared_ptr<TransportUser> user) = 0;
  /// Nothing more comes from us, which the client is told; what is read then has no meaning. False:
  /// onWritten is called once that is done, or cannot be.
  virtual bool finishWriting(std::shared_ptr<TransportUser> user) = 0;
  virtual int handle() = 0;
};

std::unique_ptr<Transport> makePlain(Socket socket);
std::unique_ptr<Transport> makeTls(Socket socket, asio::ssl::context &context);

} // namespace ingot::serve::rest

#endif
