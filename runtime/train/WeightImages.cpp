// See WeightImages.h.
#include "runtime/train/WeightImages.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace ingot::train {

static void putBig(std::string &out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out += char(value >> shift);
}

static uint32_t crc32(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> made = {};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit)
        value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0);
      made[i] = value;
    }
    return made;
  }();
  uint32_t crc = ~0u;
  for (const char byte : bytes)
    crc = crc >> 8 ^ table[(crc ^ uint8_t(byte)) & 0xFF];
  return ~crc;
}

static void putChunk(std::string &out, std::string_view type, const std::string &data) {
  putBig(out, uint32_t(data.size()));
  const std::string body = std::string(type) + data;
  out += body;
  putBig(out, crc32(body));
}

/// A zlib stream of stored blocks.
static std::string store(const std::string &data) {
  std::string out = "\x78\x01";
  constexpr size_t most = 65535;
  for (size_t at = 0; at == 0 || at < data.size(); at += most) {
    const size_t count = std::min(most, data.size() - at);
    out += char(at + count >= data.size());
    for (const size_t number : {count, ~count}) {
      out += char(number);
      out += char(number >> 8);
    }
    out.append(data, at, count);
  }
  uint32_t a = 1, b = 0; // Adler-32
  for (const char byte : data) {
    a = (a + uint8_t(byte)) % 65521;
    b = (b + a) % 65521;
  }
  putBig(out, b << 16 | a);
  return out;
}

std::string encodePng(const std::vector<uint8_t> &pixels, int64_t height, int64_t width,
                      int64_t channels) {
  std::string header, rows;
  putBig(header, uint32_t(width));
  putBig(header, uint32_t(height));
  header += char(8);                                         // bits
  header += char(channels == 1 ? 0 : channels == 3 ? 2 : 6); // colour type
  header.append(3, '\0');                                    // deflate, filters, no interlace
  const auto rowBytes = size_t(width * channels);
  for (size_t row = 0; row < size_t(height); ++row) {
    rows += '\0'; // no filter
    rows.append(reinterpret_cast<const char *>(pixels.data()) + row * rowBytes, rowBytes);
  }
  std::string png("\x89PNG\r\n\x1a\n", 8);
  putChunk(png, "IHDR", header);
  putChunk(png, "IDAT", store(rows));
  putChunk(png, "IEND", "");
  return png;
}

std::vector<std::string> weightImages(const TensorView &weight) {
  Shape dims;
  for (int64_t axis = 0; axis < weight.rank; ++axis)
    if (weight.dims[axis] != 1)
      dims.push_back(weight.dims[axis]);
  // Extents and strides of picture, row, column, channel.
  std::array<int64_t, 4> extents = {1, 1, 1, 1}, strides = {0, 0, 0, 0};
  if (dims.size() == 1) {
    extents[1] = dims[0], strides[1] = 1;
  } else if (dims.size() == 2) {
    const bool turned = dims[0] > dims[1];
    extents[1] = std::min(dims[0], dims[1]), strides[1] = turned ? 1 : dims[1];
    extents[2] = std::max(dims[0], dims[1]), strides[2] = turned ? dims[1] : 1;
  } else if (dims.size() == 3) {
    extents = {dims[2], dims[0], dims[1], 1};
    strides = {1, dims[1] * dims[2], dims[2], 0};
  } else if (dims.size() == 4 && (dims[3] == 3 || dims[3] == 4)) {
    extents = {dims[0], dims[1], dims[2], dims[3]};
    strides = {dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1};
  } else {
    return {};
  }
  std::vector<std::string> images;
  const auto *values = static_cast<const float *>(weight.data);
  for (int64_t image = 0; image < std::min<int64_t>(extents[0], 3); ++image) {
    std::vector<uint8_t> pixels;
    for (int64_t row = 0; row < extents[1]; ++row)
      for (int64_t column = 0; column < extents[2]; ++column)
        for (int64_t channel = 0; channel < extents[3]; ++channel) {
          const float value = values[image * strides[0] + row * strides[1] + column * strides[2] +
                                     channel * strides[3]];
          pixels.push_back(uint8_t(std::min(255.0f, std::max(0.0f, value * 255.5f))));
        }
    images.push_back(encodePng(pixels, extents[1], extents[2], extents[3]));
  }
  return images;
}

} // namespace ingot::train
