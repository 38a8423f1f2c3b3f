// GIF: the first frame, on its canvas. Colours are LZW codes of indices into a palette.
#include "runtime/data/PictureFormats.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace ingot::data {

namespace {

/// A code of 12 bits stands for at most this many pixels; the shortest has 3 bits.
constexpr uint64_t maxPixelsPerByte = 4096 * 8 / 3;

Status damaged(const std::string &what) {
  return Status(StatusCode::DataLoss, "the GIF is damaged (" + what + "); replace or remove it");
}

struct Bytes {
  const uint8_t *next;
  size_t left;

  /// NULL when there are fewer.
  const uint8_t *take(size_t size) {
    if (size > left)
      return nullptr;
    const uint8_t *taken = next;
    next += size, left -= size;
    return taken;
  }
};

/// The codes of one image: a stream of bits in blocks of up to 255 bytes.
class Codes {
public:
  explicit Codes(Bytes &bytes) : bytes(bytes) {}

  std::optional<unsigned> next(unsigned width) {
    while (bits < width) {
      if (inBlock == 0) {
        const uint8_t *size = bytes.take(1);
        if (!size || *size == 0)
          return std::nullopt;
        inBlock = *size;
      }
      const uint8_t *byte = bytes.take(1);
      if (!byte)
        return std::nullopt;
      buffer |= uint32_t(*byte) << bits;
      bits += 8, --inBlock;
    }
    const unsigned code = buffer & ((1u << width) - 1);
    buffer >>= width, bits -= width;
    return code;
  }

private:
  Bytes &bytes;
  uint32_t buffer = 0;
  unsigned bits = 0, inBlock = 0;
};

/// Indices of `count` pixels; false when the codes end early or are none.
bool unpack(Bytes &bytes, unsigned minimum, uint8_t *out, size_t count) {
  const unsigned clear = 1u << minimum, end = clear + 1;
  std::array<uint16_t, 4096> prefix;
  std::array<uint8_t, 4096> last;
  std::array<uint8_t, 4097> stack;
  Codes codes(bytes);
  unsigned width = minimum + 1, known = end + 1;
  std::optional<unsigned> before;
  uint8_t first = 0;
  for (size_t done = 0; done < count;) {
    const std::optional<unsigned> code = codes.next(width);
    if (!code || *code == end || *code > known)
      return false;
    if (*code == clear) {
      width = minimum + 1, known = end + 1;
      before.reset();
      continue;
    }
    if (*code == known && !before)
      return false;
    size_t depth = 0;
    unsigned at = *code;
    if (at == known) // the string before and its first pixel again
      stack[depth++] = first, at = *before;
    for (; at >= clear; at = prefix[at])
      stack[depth++] = last[at];
    stack[depth++] = first = uint8_t(at);
    if (before && known < 4096) {
      prefix[known] = uint16_t(*before), last[known] = first;
      if (++known == 1u << width && width < 12)
        ++width;
    }
    before = code;
    while (depth > 0 && done < count)
      out[done++] = stack[--depth];
  }
  return true;
}

/// The row that comes as the `i`-th: every eighth, then those between.
int64_t interlacedRow(int64_t i, int64_t height) {
  constexpr int64_t starts[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
  for (int pass = 0; pass < 4; ++pass) {
    const int64_t rows = (height - starts[pass] + steps[pass] - 1) / steps[pass];
    if (i < rows)
      return starts[pass] + i * steps[pass];
    i -= rows > 0 ? rows : 0;
  }
  return 0;
}

struct Palette {
  const uint8_t *colors = nullptr;
  size_t count = 0;

  /// As the flags before it say; false when the file ends.
  bool read(Bytes &bytes, uint8_t flags) {
    if (!(flags & 0x80))
      return true;
    count = size_t(2) << (flags & 7);
    colors = bytes.take(count * 3);
    return colors != nullptr;
  }
};

int64_t little16(const uint8_t *bytes) { return bytes[0] | bytes[1] << 8; }

/// Skips extensions; the descriptor of the first image, or NULL.
const uint8_t *findImage(Bytes &bytes) {
  while (const uint8_t *kind = bytes.take(1)) {
    if (*kind == 0x2C)
      return bytes.take(9);
    if (*kind != 0x21 || !bytes.take(1))
      return nullptr;
    for (;;) {
      const uint8_t *size = bytes.take(1);
      if (!size || !bytes.take(*size))
        return nullptr;
      if (*size == 0)
        break;
    }
  }
  return nullptr;
}

} // namespace

bool looksLikeGif(const uint8_t *data, size_t size) {
  return size >= 6 && (std::memcmp(data, "GIF87a", 6) == 0 || std::memcmp(data, "GIF89a", 6) == 0);
}

Result<Pixels> decodeGif(const uint8_t *data, size_t size) {
  Bytes bytes{data + 6, size - 6};
  const uint8_t *screen = bytes.take(7);
  Palette palette;
  if (!screen || !palette.read(bytes, screen[4]))
    return damaged("its header is truncated");
  const uint8_t *image = findImage(bytes);
  if (!image || !palette.read(bytes, image[8]))
    return damaged("it has no image");
  const int64_t left = little16(image), top = little16(image + 2);
  const int64_t width = little16(image + 4), height = little16(image + 6);
  const int64_t wide = std::max(little16(screen), left + width);
  const int64_t high = std::max(little16(screen + 2), top + height);
  const uint8_t *minimum = bytes.take(1);
  if (!minimum || *minimum < 1 || *minimum > 8)
    return damaged("its codes have an impossible size");
  if (!palette.colors)
    return damaged("it has no palette");
  INGOT_RETURN_IF_ERROR(checkExtents(width, height, uint64_t(size) * maxPixelsPerByte, size));
  INGOT_RETURN_IF_ERROR(checkExtents(wide, high, uint64_t(size) * maxPixelsPerByte, size));
  Tensor indices, pixels;
  INGOT_RETURN_IF_ERROR(indices.resize(DType::U8, {height, width}));
  INGOT_RETURN_IF_ERROR(pixels.resize(DType::U8, {high, wide, 3}));
  std::memset(pixels.rawData(), 0, pixels.byteSize());
  if (!unpack(bytes, *minimum, indices.data<uint8_t>(), size_t(width * height)))
    return damaged("its pixels end early");
  for (int64_t y = 0; y < height; ++y) {
    const int64_t row = image[8] & 0x40 ? interlacedRow(y, height) : y;
    uint8_t *to = pixels.data<uint8_t>() + ((top + row) * wide + left) * 3;
    for (int64_t x = 0; x < width; ++x, to += 3) {
      const size_t index = indices.data<uint8_t>()[y * width + x];
      if (index >= palette.count)
        return damaged("a pixel has a colour that its palette has not");
      std::memcpy(to, palette.colors + index * 3, 3);
    }
  }
  return pixels;
}

} // namespace ingot::data
