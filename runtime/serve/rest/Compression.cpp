// See Compression.h.
#include "runtime/serve/rest/Compression.h"

#include "runtime/serve/rest/Text.h"

#include <algorithm>
#include <string>
#include <zlib.h>

namespace ingot::serve::rest {

namespace {

constexpr int gzipWindow = 15 + 16, zlibWindow = 15, rawWindow = -15;

/// zlib counts in 32 bits.
constexpr size_t mostAtOnce = size_t{1} << 30;

class Inflater {
public:
  explicit Inflater(int window) : isReady_(inflateInit2(&stream_, window) == Z_OK) {}
  ~Inflater() {
    if (isReady_)
      inflateEnd(&stream_);
  }
  Inflater(const Inflater &) = delete;
  Inflater &operator=(const Inflater &) = delete;

  /// One member of a gzip file, or a stream; removes it from `bytes`.
  Status run(std::string_view &bytes, uint64_t most, Bytes &out) {
    if (!isReady_)
      return Status(StatusCode::Unavailable, "there is not enough memory to decompress the body");
    for (;;) {
      const size_t in = std::min(bytes.size(), mostAtOnce);
      // As much again as there is, so that growing stays cheap; one more than allowed tells excess.
      size_t room = std::clamp<size_t>(out.size(), size_t{64} << 10, size_t{64} << 20);
      room = std::min<uint64_t>(room, most + 1 - out.size());
      stream_.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(bytes.data()));
      stream_.avail_in = static_cast<uInt>(in);
      stream_.next_out = reinterpret_cast<Bytef *>(out.room(room));
      stream_.avail_out = static_cast<uInt>(room);
      const int code = inflate(&stream_, Z_NO_FLUSH);
      bytes.remove_prefix(in - stream_.avail_in);
      out.advance(room - stream_.avail_out);
      if (out.size() > most)
        return Status(StatusCode::ResourceExhausted,
                      "the body has more than " + std::to_string(most) +
                          " bytes once it is decompressed, the most that this server takes");
      if (code == Z_STREAM_END)
        return {};
      if (code == Z_BUF_ERROR || (code == Z_OK && bytes.empty() && stream_.avail_out > 0))
        return Status(StatusCode::InvalidArgument, "the compressed body ends too early");
      if (code == Z_MEM_ERROR)
        return Status(StatusCode::Unavailable, "there is not enough memory to decompress the body");
      if (code != Z_OK)
        return Status(StatusCode::InvalidArgument,
                      std::string("the compressed body is damaged: ") +
                          (stream_.msg ? stream_.msg : "it needs a dictionary"));
    }
  }

private:
  z_stream stream_{};
  bool isReady_;
};

/// CMF and FLG of RFC 1950.
bool beginsAsZlib(std::string_view bytes) {
  if (bytes.size() < 2)
    return true;
  const unsigned first = static_cast<unsigned char>(bytes[0]),
                 second = static_cast<unsigned char>(bytes[1]);
  return (first & 15) == 8 && (first * 256 + second) % 31 == 0;
}

class Deflater {
public:
  explicit Deflater(int window)
      : isReady(deflateInit2(&stream, 1, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK) {}
  ~Deflater() {
    if (isReady)
      deflateEnd(&stream);
  }
  Deflater(const Deflater &) = delete;
  Deflater &operator=(const Deflater &) = delete;

  z_stream stream{};
  const bool isReady;
};

/// "q=0.25" in thousandths; what is no weight is taken for none, 1000.
int weightOf(std::string_view parameter) {
  parameter = trim(parameter);
  if (parameter.size() < 3 || toLower(parameter[0]) != 'q' || parameter[1] != '=' ||
      !isDigit(parameter[2]))
    return 1000;
  int weight = (parameter[2] - '0') * 1000, unit = 100;
  for (size_t i = 4; i < parameter.size() && isDigit(parameter[i]); ++i, unit /= 10)
    weight += (parameter[i] - '0') * unit;
  return std::min(weight, 1000);
}

} // namespace

std::optional<Encoding> parseContentEncoding(std::string_view value) {
  value = trim(value);
  if (value.empty() || equalsIgnoreCase(value, "identity"))
    return Encoding::Identity;
  if (equalsIgnoreCase(value, "gzip") || equalsIgnoreCase(value, "x-gzip"))
    return Encoding::Gzip;
  if (equalsIgnoreCase(value, "deflate"))
    return Encoding::Deflate;
  return std::nullopt;
}

Encoding chooseEncoding(std::string_view acceptEncoding) {
  // Weights, in thousandths; -1: not named.
  int gzip = -1, deflate = -1, identity = -1, others = -1;
  while (!acceptEncoding.empty()) {
    const size_t comma = std::min(acceptEncoding.find(','), acceptEncoding.size());
    std::string_view item = acceptEncoding.substr(0, comma);
    acceptEncoding.remove_prefix(std::min(comma + 1, acceptEncoding.size()));
    int weight = 1000;
    if (const size_t semicolon = item.find(';'); semicolon != std::string_view::npos) {
      weight = weightOf(item.substr(semicolon + 1));
      item = item.substr(0, semicolon);
    }
    item = trim(item);
    if (equalsIgnoreCase(item, "gzip") || equalsIgnoreCase(item, "x-gzip"))
      gzip = weight;
    else if (equalsIgnoreCase(item, "deflate"))
      deflate = weight;
    else if (equalsIgnoreCase(item, "identity"))
      identity = weight;
    else if (item == "*")
      others = weight;
  }
  gzip = gzip < 0 ? others : gzip;
  deflate = deflate < 0 ? others : deflate;
  const int best = std::max(gzip, deflate);
  if (best <= 0 || identity > best)
    return Encoding::Identity;
  return gzip >= deflate ? Encoding::Gzip : Encoding::Deflate;
}

Status decompress(std::string_view bytes, Encoding encoding, uint64_t most, Bytes &out) {
  if (encoding == Encoding::Identity) {
    out.append(bytes);
    return {};
  }
  const int window = encoding == Encoding::Gzip ? gzipWindow
                     : beginsAsZlib(bytes)      ? zlibWindow
                                                : rawWindow;
  do {
    Inflater inflater(window);
    INGOT_RETURN_IF_ERROR(inflater.run(bytes, most, out));
    // A gzip file may have several members.
  } while (encoding == Encoding::Gzip && !bytes.empty() && bytes[0] == '\x1f');
  if (!bytes.empty())
    return Status(StatusCode::InvalidArgument,
                  std::to_string(bytes.size()) + " bytes stand behind the compressed body");
  return {};
}

Status compress(const std::vector<std::string_view> &parts, Encoding encoding, Bytes &out) {
  Deflater deflater(encoding == Encoding::Gzip ? gzipWindow : zlibWindow);
  if (!deflater.isReady)
    return Status(StatusCode::Unavailable, "there is not enough memory to compress the reply");
  z_stream &stream = deflater.stream;
  for (size_t i = 0; i <= parts.size(); ++i) {
    const bool isEnd = i == parts.size();
    std::string_view part = isEnd ? std::string_view() : parts[i];
    do {
      const size_t in = std::min(part.size(), mostAtOnce);
      stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(part.data()));
      stream.avail_in = static_cast<uInt>(in);
      part.remove_prefix(in);
      do {
        constexpr size_t room = size_t{64} << 10;
        stream.next_out = reinterpret_cast<Bytef *>(out.room(room));
        stream.avail_out = room;
        deflate(&stream, isEnd ? Z_FINISH : Z_NO_FLUSH);
        out.advance(room - stream.avail_out);
      } while (stream.avail_out == 0);
    } while (!part.empty());
  }
  return {};
}

} // namespace ingot::serve::rest
