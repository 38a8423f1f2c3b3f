// RequestParser: bytes of a connection into a request, by Boost.Beast. Knows no sockets.
//
// Invariant: a request that is not HTTP/1 to the letter where it could be read in two ways (two
// lengths, length and chunks, unknown transfer codings) is refused, so that no proxy before us sees
// other requests than we do.
#ifndef INGOT_RUNTIME_SERVE_REST_REQUESTPARSER_H
#define INGOT_RUNTIME_SERVE_REST_REQUESTPARSER_H

#include "runtime/serve/inference/Limits.h"
#include "runtime/serve/rest/Http.h"

#include <memory>
#include <string>
#include <string_view>

namespace ingot::serve::rest {

class RequestParser {
public:
  explicit RequestParser(const Limits &limits);
  ~RequestParser();

  enum class State {
    Head,  ///< more bytes are wanted
    Body,  ///< the head is there, see HttpRequest; the body is wanted
    Done,  ///< the whole request is there
    Failed ///< see errorStatus; the connection is of no more use
  };

  /// Begins a request, which it fills in.
  void reset(HttpRequest &request);
  /// Takes bytes from the front and returns how many; not the rest behind a request, nor an
  /// incomplete field or chunk header: give them again, with more. Stops when the head is there, so
  /// that it can be looked at. In state Head, and between chunks, `bytes` are all that there is of
  /// the request, so that the sizes of head, chunk header and trailers can be bounded.
  size_t put(std::string_view bytes);
  State state() const;

  /// Of a body with a length, in state Body: room for what is to come of it, so that it need not go
  /// through another buffer. At most `most` bytes; what was written there is told to `filled`.
  struct Room {
    char *data;
    size_t size;
  };
  Room room(size_t most);
  void filled(size_t bytes);

  int errorStatus() const;
  const std::string &error() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace ingot::serve::rest

#endif
