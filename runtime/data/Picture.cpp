// Tells the formats apart, brings pictures to the channels that are asked for, and writes files.
#include "ingot/data/Picture.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/data/ByteSource.h"
#include "runtime/data/PictureFormats.h"

#include <algorithm>
#include <cstring>

namespace ingot::data {

namespace {

Result<Pixels> decodeByContent(const uint8_t *data, size_t size, bool luminance, Decoder decoder) {
  if (looksLikePng(data, size))
    return decodePng(data, size);
  if (looksLikeJpeg(data, size))
    return decodeJpeg(data, size, luminance, decoder == Decoder::TensorFlow);
  if (looksLikeBmp(data, size))
    return decodeBmp(data, size);
  if (looksLikePnm(data, size))
    return decodePnm(data, size);
  if (looksLikeGif(data, size))
    return decodeGif(data, size);
  const auto begins = [&](const char *with, size_t length) {
    return size >= length && std::memcmp(data, with, length) == 0;
  };
  const bool isTiff = begins("II*\0", 4) || begins("MM\0*", 4);
  const bool isWebP = begins("RIFF", 4) && size >= 12 && !std::memcmp(data + 8, "WEBP", 4);
  if (isTiff || isWebP)
    return Status(StatusCode::Unsupported, std::string(isTiff ? "TIFF" : "WebP") +
                                               " pictures are not read; convert it to PNG or JPEG");
  return Status(StatusCode::DataLoss,
                size == 0 ? "the file is empty; remove it or put the picture there"
                          : "not a picture: it begins as neither PNG, JPEG, GIF, BMP nor PPM does; "
                            "remove it or convert it to PNG");
}

/// ITU-R 601-2 luma in Pillow's fixed-point arithmetic.
uint8_t luma(const uint8_t *rgb) {
  return uint8_t((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

/// The same in libpng's arithmetic: 15 bits, cut.
uint8_t lumaOfLibpng(const uint8_t *rgb) {
  return uint8_t((rgb[0] * 9797u + rgb[1] * 19234u + rgb[2] * 3737u) >> 15);
}

/// `from` with other channels: gray is repeated, colours weighed, alpha dropped or opaque.
void convertPixels(const uint8_t *from, int64_t channels, uint8_t *to, int64_t wanted,
                   int64_t count, uint8_t (*gray)(const uint8_t *)) {
  const bool isColor = channels >= 3;
  const bool hasAlpha = channels == 2 || channels == 4;
  for (int64_t i = 0; i < count; ++i, from += channels, to += wanted) {
    if (wanted == 1) {
      to[0] = isColor ? gray(from) : from[0];
      continue;
    }
    to[0] = from[0];
    to[1] = from[isColor ? 1 : 0];
    to[2] = from[isColor ? 2 : 0];
    if (wanted == 4)
      to[3] = hasAlpha ? from[channels - 1] : 255;
  }
}

Result<Tensor> withChannels(Pixels pixels, int64_t wanted, Decoder decoder) {
  const int64_t channels = pixels.dim(2);
  if (channels == wanted)
    return pixels;
  Tensor result;
  INGOT_RETURN_IF_ERROR(result.resize(DType::U8, {pixels.dim(0), pixels.dim(1), wanted}));
  convertPixels(pixels.data<uint8_t>(), channels, result.data<uint8_t>(), wanted,
                pixels.dim(0) * pixels.dim(1), decoder == Decoder::Pillow ? luma : lumaOfLibpng);
  return result;
}

} // namespace

Status checkExtents(int64_t width, int64_t height, uint64_t mostPixels, size_t fileBytes) {
  const std::string claim = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  if (width <= 0 || height <= 0)
    return Status(StatusCode::DataLoss, "the header claims " + claim);
  uint64_t pixels = 0;
  if (__builtin_mul_overflow(uint64_t(width), uint64_t(height), &pixels) ||
      pixels > uint64_t(maxPicturePixels))
    return Status(StatusCode::Unsupported, "the picture has " + claim + ", more than the " +
                                               std::to_string(maxPicturePixels) +
                                               " that are read; make it smaller");
  if (pixels > mostPixels)
    return Status(StatusCode::DataLoss, "the header claims " + claim + ", more than a file of " +
                                            std::to_string(fileBytes) + " bytes can hold");
  return Status();
}

Status checkPicture(const TensorView &picture) {
  const bool isPicture = picture.dtype == DType::U8 && picture.rank == 3 &&
                         isPictureSize(picture.dims[0], picture.dims[1]) &&
                         (picture.dims[2] == 1 || picture.dims[2] == 3 || picture.dims[2] == 4);
  return isPicture ? Status()
                   : Status(StatusCode::InvalidArgument,
                            describe(picture) +
                                " is no picture: expected u8[height, width, 1, 3 or 4], with "
                                "extents of at most " +
                                std::to_string(maxPictureExtent));
}

Result<ColorMode> parseColorMode(const std::string &name) {
  if (name == "grayscale")
    return ColorMode::Grayscale;
  if (name == "rgb")
    return ColorMode::Rgb;
  if (name == "rgba")
    return ColorMode::Rgba;
  return Status(StatusCode::InvalidArgument,
                "color_mode '" + name + "' is none of \"grayscale\", \"rgb\", \"rgba\"");
}

Result<Tensor> decodePicture(const void *data, size_t size, const std::string &name,
                             std::optional<ColorMode> mode, Decoder decoder) {
  const bool luminance = decoder == Decoder::TensorFlow && mode == ColorMode::Grayscale;
  Result<Pixels> pixels =
      decodeByContent(static_cast<const uint8_t *>(data), size, luminance, decoder);
  if (!pixels.isOk())
    return pixels.status().withContext("'" + name + "'");
  const int64_t own = pixels->dim(2) == 2 ? 4 : pixels->dim(2);
  Result<Tensor> result = withChannels(std::move(*pixels), mode ? int64_t(*mode) : own, decoder);
  if (!result.isOk())
    return result.status().withContext("'" + name + "'");
  return result;
}

Result<Tensor> readPicture(const std::string &path, std::optional<ColorMode> mode,
                           Decoder decoder) {
  INGOT_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, readWholeFile(path));
  return decodePicture(bytes.data(), bytes.size(), path, mode, decoder);
}

static std::string extensionOf(const std::string &path) {
  const size_t dot = path.find_last_of("./");
  if (dot == std::string::npos || path[dot] != '.')
    return "";
  std::string extension = path.substr(dot + 1);
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return extension;
}

Status writePicture(const std::string &path, const TensorView &picture) {
  const std::string extension = extensionOf(path);
  const bool isPng = extension == "png";
  if (!isPng && extension != "jpg" && extension != "jpeg")
    return Status(StatusCode::InvalidArgument, "cannot write the picture '" + path +
                                                   "': its name must end in .png, .jpg or .jpeg");
  Result<std::vector<uint8_t>> bytes = isPng ? encodePng(picture) : encodeJpeg(picture);
  if (!bytes.isOk())
    return bytes.status().withContext("cannot write the picture '" + path + "'");
  INGOT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  INGOT_RETURN_IF_ERROR(file.write(bytes->data(), bytes->size()));
  return file.commit();
}

} // namespace ingot::data
