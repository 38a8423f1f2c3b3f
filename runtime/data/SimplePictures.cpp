// Formats without compression: BMP (1 to 32 bits a pixel) and binary PGM and PPM.
#include "runtime/data/PictureFormats.h"

#include <cstring>

namespace ingot::data {

namespace {

Status damaged(const char *format, const std::string &what) {
  return Status(StatusCode::DataLoss,
                "the " + std::string(format) + " is damaged (" + what + "); replace or remove it");
}

uint32_t little32(const uint8_t *bytes) {
  return uint32_t(bytes[0]) | uint32_t(bytes[1]) << 8 | uint32_t(bytes[2]) << 16 |
         uint32_t(bytes[3]) << 24;
}

struct BmpHeader {
  int64_t width = 0, height = 0; // height as stored: negative from the top down
  int64_t bits = 0, stride = 0;
  size_t pixels = 0;                // offset
  const uint8_t *palette = nullptr; // four bytes a colour
  size_t colors = 0;
  int64_t rows() const { return height < 0 ? -height : height; }
};

Result<BmpHeader> readBmpHeader(const uint8_t *data, size_t size) {
  if (size < 54)
    return damaged("BMP", "its header is truncated");
  BmpHeader header;
  const uint64_t headerBytes = little32(data + 14);
  header.pixels = little32(data + 10);
  header.width = int32_t(little32(data + 18)), header.height = int32_t(little32(data + 22));
  header.bits = data[28] | data[29] << 8;
  const uint32_t compression = little32(data + 30);
  const bool isPlain = compression == 0 || (compression == 3 && header.bits == 32);
  if (headerBytes < 40 || !isPlain ||
      (header.bits != 1 && header.bits != 4 && header.bits != 8 && header.bits != 24 &&
       header.bits != 32))
    return Status(StatusCode::Unsupported, "this kind of BMP (compression " +
                                               std::to_string(compression) + ", " +
                                               std::to_string(header.bits) +
                                               " bits a pixel) is not read; convert it to PNG");
  if (header.pixels > size || headerBytes > size - 14)
    return damaged("BMP", "its pixels begin behind its end");
  INGOT_RETURN_IF_ERROR(checkExtents(header.width, header.rows(),
                                     uint64_t(size - header.pixels) * 8 / uint64_t(header.bits),
                                     size));
  header.stride = (header.width * header.bits + 31) / 32 * 4;
  if (uint64_t(header.stride) * uint64_t(header.rows()) > size - header.pixels)
    return damaged("BMP", "the file is truncated");
  if (header.bits <= 8) {
    const size_t used = little32(data + 46);
    header.colors = used ? used : size_t(1) << header.bits;
    header.palette = data + 14 + headerBytes;
    if (header.colors > 256 || header.colors * 4 > size - 14 - headerBytes)
      return damaged("BMP", "its palette is truncated");
  }
  return header;
}

/// The index of a pixel of at most 8 bits, the first in the highest bits of a byte.
size_t indexAt(const uint8_t *row, int64_t column, int64_t bits) {
  const int64_t bit = column * bits;
  return size_t(row[bit / 8]) >> (8 - bits - bit % 8) & ((size_t(1) << bits) - 1);
}

/// Reads the numbers of a PNM header: blanks and comments between them are skipped.
class PnmHeader {
public:
  PnmHeader(const uint8_t *data, size_t size) : data(data), size(size) {}

  /// -1 where there is no number below 2^31.
  int64_t number() {
    for (bool isComment = false; at < size && (isComment || isBlank(data[at]) || data[at] == '#');
         ++at)
      isComment = data[at] == '#' || (isComment && data[at] != '\n');
    int64_t value = -1;
    for (; at < size && data[at] >= '0' && data[at] <= '9' && value < (1 << 27); ++at)
      value = (value < 0 ? 0 : value) * 10 + data[at] - '0';
    return value;
  }
  /// Where the pixels begin: one blank after the last number.
  size_t end() const { return at + 1; }

private:
  static bool isBlank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  const uint8_t *data;
  size_t size;
  size_t at = 2;
};

} // namespace

bool looksLikeBmp(const uint8_t *data, size_t size) {
  return size >= 2 && std::memcmp(data, "BM", 2) == 0;
}

Result<Pixels> decodeBmp(const uint8_t *data, size_t size) {
  INGOT_ASSIGN_OR_RETURN(const BmpHeader header, readBmpHeader(data, size));
  Pixels pixels;
  INGOT_RETURN_IF_ERROR(pixels.resize(DType::U8, {header.rows(), header.width, 3}));
  uint8_t *to = pixels.data<uint8_t>();
  for (int64_t y = 0; y < header.rows(); ++y) {
    const int64_t stored = header.height < 0 ? y : header.rows() - 1 - y;
    const uint8_t *row = data + header.pixels + stored * header.stride;
    for (int64_t x = 0; x < header.width; ++x, to += 3) {
      const uint8_t *color = row + x * (header.bits / 8);
      if (header.palette) {
        const size_t index = indexAt(row, x, header.bits);
        if (index >= header.colors)
          return damaged("BMP", "a pixel has a colour that its palette has not");
        color = header.palette + index * 4;
      }
      to[0] = color[2], to[1] = color[1], to[2] = color[0];
    }
  }
  return pixels;
}

bool looksLikePnm(const uint8_t *data, size_t size) {
  return size >= 3 && data[0] == 'P' && (data[1] == '5' || data[1] == '6');
}

Result<Pixels> decodePnm(const uint8_t *data, size_t size) {
  PnmHeader header(data, size);
  const int64_t width = header.number(), height = header.number(), largest = header.number();
  const int64_t channels = data[1] == '6' ? 3 : 1;
  if (width < 0 || height < 0 || largest < 0)
    return damaged("PNM", "its header is not three numbers");
  if (largest < 1 || largest > 255)
    return Status(StatusCode::Unsupported, "PNM pictures with values to " +
                                               std::to_string(largest) +
                                               " are not read, to 255 they are; convert it to PNG");
  const size_t begin = header.end() < size ? header.end() : size;
  INGOT_RETURN_IF_ERROR(checkExtents(width, height, (size - begin) / uint64_t(channels), size));
  Pixels pixels;
  INGOT_RETURN_IF_ERROR(pixels.resize(DType::U8, {height, width, channels}));
  uint8_t *to = pixels.data<uint8_t>();
  for (size_t i = 0; i < pixels.byteSize(); ++i) {
    const int64_t value = data[begin + i] < largest ? data[begin + i] : largest;
    to[i] = uint8_t((value * 255 + largest / 2) / largest);
  }
  return pixels;
}

} // namespace ingot::data
