// scipy.ndimage.affine_transform for pictures, as ImageDataGenerator calls it: each channel alike,
// nearest or linear interpolation, in double precision with scipy's rules at the border.
// Used by ImageDataGenerator.cpp.
#ifndef INGOT_RUNTIME_DATA_AFFINETRANSFORM_H
#define INGOT_RUNTIME_DATA_AFFINETRANSFORM_H

#include "ingot/data/ImageDataGenerator.h"

namespace ingot::data {

enum class FillMode { Nearest, Constant, Reflect, Wrap };

/// From a pixel of the result (row, column) to a place in the picture:
/// row' = matrix[0] * row + matrix[1] * column + offset[0], column' likewise.
struct AffineMap {
  double matrix[4] = {1, 0, 0, 1};
  double offset[2] = {0, 0};
};

/// Keras's rotation, shift, shear and zoom around the middle, in that order.
AffineMap affineMapOf(const TransformParameters &how, int64_t height, int64_t width);

/// Whether `how` moves anything; else Keras leaves the picture as it is.
bool isAffine(const TransformParameters &how);

/// Writes `to` (of the same extents); `order` is 0 or 1.
void affineTransform(const float *from, float *to, int64_t height, int64_t width, int64_t channels,
                     const AffineMap &map, FillMode mode, double cval, int order);

} // namespace ingot::data

#endif
