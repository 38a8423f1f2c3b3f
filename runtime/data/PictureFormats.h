// What the decoders of picture formats have in common.
// Invariant: a decoder checks what a header claims (checkExtents) before it takes memory, and
// leaves no resource of its library behind. Messages do not name the file; Picture.cpp does.
#ifndef INGOT_RUNTIME_DATA_PICTUREFORMATS_H
#define INGOT_RUNTIME_DATA_PICTUREFORMATS_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <cstdint>

namespace ingot::data {

/// JPEG's bound of height and width, and ours of what is resized to.
constexpr int64_t maxPictureExtent = 65500;
inline bool isPictureSize(int64_t height, int64_t width) {
  return height >= 1 && width >= 1 && height <= maxPictureExtent && width <= maxPictureExtent;
}

/// u8 [height, width, channels]: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA.
using Pixels = Tensor;

bool looksLikePng(const uint8_t *data, size_t size);
bool looksLikeJpeg(const uint8_t *data, size_t size);
bool looksLikeBmp(const uint8_t *data, size_t size);
bool looksLikePnm(const uint8_t *data, size_t size);
bool looksLikeGif(const uint8_t *data, size_t size);

Result<Pixels> decodePng(const uint8_t *data, size_t size);
/// `luminance`: gray is the file's luminance channel. `fast`: the fast inverse DCT.
Result<Pixels> decodeJpeg(const uint8_t *data, size_t size, bool luminance, bool fast);
/// Uncompressed, 1 to 32 bits a pixel.
Result<Pixels> decodeBmp(const uint8_t *data, size_t size);
/// Binary PGM and PPM (P5, P6).
Result<Pixels> decodePnm(const uint8_t *data, size_t size);

/// The first frame; transparent pixels have their palette's colour.
Result<Pixels> decodeGif(const uint8_t *data, size_t size);

/// DataLoss for a picture that is empty, or that has more pixels than `mostPixels`, what the bytes
/// of the file can hold; Unsupported for more than maxPicturePixels.
Status checkExtents(int64_t width, int64_t height, uint64_t mostPixels, size_t fileBytes);

/// InvalidArgument for what is no picture to encode.
Status checkPicture(const TensorView &picture);

} // namespace ingot::data

#endif
