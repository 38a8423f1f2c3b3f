// Resizing of pictures as Pillow and as TensorFlow do it: the two that Keras uses.
// Functions share no state and may run on any threads.
#ifndef INGOT_DATA_RESIZE_H
#define INGOT_DATA_RESIZE_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <cstdint>
#include <string>

namespace ingot::data {

/// A part of a picture: rows [top, top + height), columns [left, left + width).
struct PictureBox {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

/// Pillow's Image.resize of `box` (0 x 0: all) of a u8 picture: "nearest", "bilinear", "bicubic",
/// "box", "hamming" or "lanczos", with antialiasing, in its integer arithmetic: equal to the bit to
/// Pillow 13 (earlier versions take columns first at all sizes, which moves some results by 1).
/// InvalidArgument for another method (the message names them), an empty size or picture.
Result<Tensor> resizePillow(const TensorView &picture, int64_t height, int64_t width,
                            const std::string &interpolation, PictureBox box = {});

/// TensorFlow's tf.image.resize of `box`, without antialiasing, as f32: "nearest", "bilinear",
/// "bicubic", "area", "lanczos3", "lanczos5", "gaussian" or "mitchellcubic".
Result<Tensor> resizeTensorFlow(const TensorView &picture, int64_t height, int64_t width,
                                const std::string &interpolation, PictureBox box = {});

/// The largest part in the middle that has the proportions of height x width: Keras's
/// keep_aspect_ratio and crop_to_aspect_ratio. The two round differently; `isPillow` chooses.
PictureBox cropToAspectRatio(int64_t pictureHeight, int64_t pictureWidth, int64_t height,
                             int64_t width, bool isPillow);

} // namespace ingot::data

#endif
