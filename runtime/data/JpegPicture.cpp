// JPEG through TurboJPEG.
#include "ingot/data/Picture.h"
#include "runtime/data/PictureFormats.h"

#include <cstring>
#include <memory>
#include <turbojpeg.h>

namespace ingot::data {

namespace {

struct DestroyHandle {
  void operator()(void *handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, DestroyHandle>;

Status damaged(tjhandle handle) {
  return Status(StatusCode::DataLoss, "the JPEG is damaged (" +
                                          std::string(tjGetErrorStr2(handle)) +
                                          "); replace or remove it");
}

/// Adobe's programs store inverted inks, and mark their files.
bool hasAdobeMarker(const uint8_t *data, size_t size) {
  for (size_t at = 2; at + 4 <= size && data[at] == 0xFF;) {
    const uint8_t marker = data[at + 1];
    if (marker == 0xDA)
      return false;
    const size_t length = size_t(data[at + 2]) << 8 | data[at + 3];
    if (marker == 0xEE && at + 9 <= size && std::memcmp(data + at + 4, "Adobe", 5) == 0)
      return true;
    at += 2 + length;
  }
  return false;
}

uint8_t multiply(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return uint8_t(((product >> 8) + product) >> 8);
}

/// Four inks to RGB.
Result<Pixels> fromInks(const Pixels &inks, bool inverted) {
  Pixels rgb;
  INGOT_RETURN_IF_ERROR(rgb.resize(DType::U8, {inks.dim(0), inks.dim(1), 3}));
  const uint8_t *from = inks.data<uint8_t>();
  uint8_t *to = rgb.data<uint8_t>();
  for (int64_t i = 0; i < inks.dim(0) * inks.dim(1); ++i, from += 4, to += 3) {
    const unsigned white = inverted ? from[3] : 255u - from[3];
    for (int k = 0; k < 3; ++k)
      to[k] = multiply(inverted ? from[k] : 255u - from[k], white);
  }
  return rgb;
}

} // namespace

bool looksLikeJpeg(const uint8_t *data, size_t size) {
  return size >= 3 && std::memcmp(data, "\xff\xd8\xff", 3) == 0;
}

Result<Pixels> decodeJpeg(const uint8_t *data, size_t size, bool luminance, bool fast) {
  const Handle handle(tjInitDecompress());
  if (!handle)
    return Status(StatusCode::ResourceExhausted, "no memory to read the JPEG");
  int width = 0, height = 0, sampling = 0, space = 0;
  if (tjDecompressHeader3(handle.get(), data, size, &width, &height, &sampling, &space) != 0 &&
      tjGetErrorCode(handle.get()) != TJERR_WARNING)
    return damaged(handle.get());
  // A block of 8 x 8 pixels takes a bit at least.
  INGOT_RETURN_IF_ERROR(checkExtents(width, height, uint64_t(size) * 8 * 64, size));
  const bool isGray = space == TJCS_GRAY, isInks = space == TJCS_CMYK || space == TJCS_YCCK;
  const int format = isInks ? TJPF_CMYK : isGray || luminance ? TJPF_GRAY : TJPF_RGB;
  Pixels pixels;
  INGOT_RETURN_IF_ERROR(pixels.resize(DType::U8, {height, width, tjPixelSize[format]}));
  const int flags = TJFLAG_LIMITSCANS | (fast ? TJFLAG_FASTDCT : TJFLAG_ACCURATEDCT);
  if (tjDecompress2(handle.get(), data, size, pixels.data<uint8_t>(), width, 0, height, format,
                    flags) != 0) {
    // Stray bytes between segments are common and harmless; a file that ends early is not.
    const bool isHarmless = tjGetErrorCode(handle.get()) == TJERR_WARNING &&
                            !std::strstr(tjGetErrorStr2(handle.get()), "Premature end of JPEG");
    if (!isHarmless)
      return damaged(handle.get());
  }
  if (isInks)
    return fromInks(pixels, hasAdobeMarker(data, size));
  return pixels;
}

/// RGB without the alpha of RGBA.
static std::vector<uint8_t> withoutAlpha(const TensorView &picture) {
  const int64_t count = picture.dims[0] * picture.dims[1];
  std::vector<uint8_t> rgb(size_t(count) * 3);
  const auto *from = static_cast<const uint8_t *>(picture.data);
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(&rgb[size_t(i) * 3], from + i * 4, 3);
  return rgb;
}

Result<std::vector<uint8_t>> encodeJpeg(const TensorView &picture, int quality) {
  INGOT_RETURN_IF_ERROR(checkPicture(picture));
  if (quality < 1 || quality > 100)
    return Status(StatusCode::InvalidArgument,
                  "quality " + std::to_string(quality) + " is not from 1 to 100");
  const Handle handle(tjInitCompress());
  if (!handle)
    return Status(StatusCode::ResourceExhausted, "no memory to write the JPEG");
  const bool isGray = picture.dims[2] == 1;
  std::vector<uint8_t> rgb;
  if (picture.dims[2] == 4)
    rgb = withoutAlpha(picture);
  const int sampling = isGray ? TJSAMP_GRAY : TJSAMP_420;
  const int width = int(picture.dims[1]), height = int(picture.dims[0]);
  std::vector<uint8_t> bytes(tjBufSize(width, height, sampling));
  unsigned char *to = bytes.data();
  unsigned long size = bytes.size();
  const auto *from = rgb.empty() ? static_cast<const uint8_t *>(picture.data) : rgb.data();
  if (tjCompress2(handle.get(), from, width, 0, height, isGray ? TJPF_GRAY : TJPF_RGB, &to, &size,
                  sampling, quality, TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT) != 0)
    return Status(StatusCode::Internal, tjGetErrorStr2(handle.get()));
  bytes.resize(size);
  return bytes;
}

} // namespace ingot::data
