// Pictures: PNG, JPEG, BMP, PNM (PPM, PGM) and a GIF's first frame read, PNG and JPEG written, told
// apart by content.
//
// A picture is a u8 tensor [height, width, channels] with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
// Files may be hostile: what a header claims is compared with the bytes that are there, and with
// maxPicturePixels, before memory is asked for; every failure is a Status that names the file.
// Functions share no state and may run on any threads.
#ifndef INGOT_DATA_PICTURE_H
#define INGOT_DATA_PICTURE_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <optional>
#include <string>
#include <vector>

namespace ingot::data {

/// Larger pictures are refused, as Pillow does.
constexpr int64_t maxPicturePixels = 178956970;

/// Keras's color_mode; the value is the number of channels.
enum class ColorMode { Grayscale = 1, Rgb = 3, Rgba = 4 };

/// "grayscale", "rgb", "rgba". InvalidArgument names the three.
Result<ColorMode> parseColorMode(const std::string &name);

/// Whose decoder is equalled. Pillow (Keras's load_img, ImageDataGenerator): gray is computed from
/// red, green and blue. TensorFlow (image_dataset_from_directory): the fast inverse DCT, and gray
/// of a JPEG is its luminance channel.
enum class Decoder { Pillow, TensorFlow };

/// Decodes a picture; `mode` none: the channels that the file has, of gray with alpha four. 16 bits
/// a channel are cut to the high 8. DataLoss (not a picture, truncated, corrupt, larger than its
/// bytes can be), Unsupported (a format or kind that is not read: the message says what to do).
Result<Tensor> decodePicture(const void *data, size_t size, const std::string &name,
                             std::optional<ColorMode> mode = std::nullopt,
                             Decoder decoder = Decoder::Pillow);

/// The same for a file. NotFound, IoError.
Result<Tensor> readPicture(const std::string &path, std::optional<ColorMode> mode = std::nullopt,
                           Decoder decoder = Decoder::Pillow);

/// InvalidArgument for what is no picture: see above.
Result<std::vector<uint8_t>> encodePng(const TensorView &picture);

/// Chroma at half the resolution, as Pillow's default; alpha is dropped. `quality` is 1 to 100.
Result<std::vector<uint8_t>> encodeJpeg(const TensorView &picture, int quality = 75);

/// Writes `.png`, `.jpg` or `.jpeg` by the path's extension. Appears whole or not at all.
Status writePicture(const std::string &path, const TensorView &picture);

} // namespace ingot::data

#endif
