// Keras's load_img and array_to_img.
#include "ingot/data/Arrays.h"
#include "ingot/data/Picture.h"
#include "ingot/data/Resize.h"
#include "runtime/data/PictureFormats.h"

#include <algorithm>
#include <cmath>

namespace ingot::data {

Result<Tensor> arrayToPicture(const TensorView &image, bool scale) {
  if (image.dtype != DType::F32 || image.rank != 3 || elementCount(image) == 0 ||
      (image.dims[2] != 1 && image.dims[2] != 3 && image.dims[2] != 4))
    return Status(StatusCode::InvalidArgument,
                  describe(image) + " is no picture: expected f32[height, width, 1, 3 or 4]");
  const auto *values = static_cast<const float *>(image.data);
  const int64_t count = elementCount(image);
  Tensor picture;
  INGOT_RETURN_IF_ERROR(picture.resize(DType::U8, image.dims, image.rank));
  uint8_t *bytes = picture.data<uint8_t>();
  float least = 0, most = 0;
  if (scale) {
    least = *std::min_element(values, values + count);
    most = *std::max_element(values, values + count) - least;
  }
  for (int64_t i = 0; i < count; ++i) {
    float value = values[i];
    if (scale) {
      value -= least;
      value = most != 0 ? value / most * 255 : value * 255;
    }
    // NumPy cuts; where it is undefined, the nearest byte is taken.
    bytes[i] = std::isnan(value) ? 0 : uint8_t(std::clamp(value, 0.0f, 255.0f));
  }
  return picture;
}

Result<Tensor> loadPicture(const std::string &path, const LoadPictureOptions &options) {
  INGOT_ASSIGN_OR_RETURN(const ColorMode mode, parseColorMode(options.colorMode));
  INGOT_ASSIGN_OR_RETURN(Tensor picture, readPicture(path, mode));
  if (!options.targetSize)
    return picture;
  const auto [height, width] = *options.targetSize;
  if (picture.dim(0) == height && picture.dim(1) == width)
    return picture;
  PictureBox box;
  if (options.keepAspectRatio && isPictureSize(height, width))
    box = cropToAspectRatio(picture.dim(0), picture.dim(1), height, width, true);
  return resizePillow(picture, height, width, options.interpolation, box);
}

} // namespace ingot::data
