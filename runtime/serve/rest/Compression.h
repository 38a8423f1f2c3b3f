// Content-Encoding: gzip and deflate, of requests and replies, by zlib.
#ifndef INGOT_RUNTIME_SERVE_REST_COMPRESSION_H
#define INGOT_RUNTIME_SERVE_REST_COMPRESSION_H

#include "ingot/Status.h"
#include "runtime/serve/rest/Bytes.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ingot::serve::rest {

enum class Encoding { Identity, Gzip, Deflate };

/// The value of Content-Encoding; empty: identity. None: one that is not known, or several.
std::optional<Encoding> parseContentEncoding(std::string_view value);
/// What a client that sent this Accept-Encoding likes best of what we have, by its weights (RFC
/// 9110, 12.5.3); of equals gzip, then deflate.
Encoding chooseEncoding(std::string_view acceptEncoding);

/// Appends what `bytes` unpack to. Streams of zlib and of raw deflate are both "deflate", since
/// clients send both. InvalidArgument (damaged, or bytes behind the end), ResourceExhausted (more
/// than `most` bytes), Unavailable (no memory).
Status decompress(std::string_view bytes, Encoding encoding, uint64_t most, Bytes &out);
/// Appends `parts`, packed, fast rather than small. Unavailable where zlib has no memory.
Status compress(const std::vector<std::string_view> &parts, Encoding encoding, Bytes &out);

} // namespace ingot::serve::rest

#endif
