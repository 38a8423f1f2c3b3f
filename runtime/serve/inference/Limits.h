// Limits on what a client may ask of the server, in any protocol. Bytes unless said otherwise.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_LIMITS_H
#define INGOT_RUNTIME_SERVE_INFERENCE_LIMITS_H

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace ingot::serve {

struct Limits {
  uint32_t headerBytes = 64 << 10;          ///< request line and headers
  uint64_t bodyBytes = uint64_t{256} << 20; ///< as on the wire
  uint64_t decompressedBytes = uint64_t{256} << 20;
  int jsonDepth = 64;
  int connections = 4096; ///< of REST; of gRPC open streams, since it counts no connections
  int requests = 4096;    ///< in flight at the same time, all protocols together
  std::chrono::seconds headerTimeout{30}; ///< from the first byte of a request to its last header
  std::chrono::seconds bodyTimeout{300};  ///< until the body is there; of REST
  std::chrono::seconds idleTimeout{300};  ///< of a connection between two requests
  std::chrono::seconds writeTimeout{300}; ///< of a client that reads nothing of its reply
};

} // namespace ingot::serve

#endif
