// Resizing images as tf.image.resize does, axis by axis: each new element is a weighted sum of a
// few old ones, whose places and weights are computed when the model is built.
//
// Called by UpSampling2D, Resizing and the layers that crop.
#pragma once
#include "frontends/keras/LayerImpl.h"

namespace ingot::keras::detail {

/// Throws unless it is one of "nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area".
void checkInterpolation(const LayerImpl &layer, const std::string &interpolation);

/// x (batch, height, width, channels) with that height and width. Height and width must be known.
mlir::Value resized(Emitter &e, const LayerImpl &layer, mlir::Value x, int64_t height,
                    int64_t width, const std::string &interpolation, bool antialias = false);

/// The same of the middle of x that has the new image's shape, as large as it can be: Keras's
/// crop_to_aspect_ratio.
mlir::Value croppedToShape(Emitter &e, const LayerImpl &layer, mlir::Value x, int64_t height,
                           int64_t width, const std::string &interpolation, bool antialias = false);
/// The same of x with `fill` around it so that it has the new image's shape.
mlir::Value paddedToShape(Emitter &e, const LayerImpl &layer, mlir::Value x, int64_t height,
                          int64_t width, const std::string &interpolation, bool antialias,
                          double fill);
/// The axis, whose extent must be known, cut into `size` parts as even as can be, which may overlap
/// by one: the greatest or the mean of each.
mlir::Value pooledInto(Emitter &e, const LayerImpl &layer, mlir::Value x, int64_t axis,
                       int64_t size, bool takesGreatest);
/// Throws unless height and width are positive and within bounds.
void checkImageSize(const LayerImpl &layer, int64_t height, int64_t width);

} // namespace ingot::keras::detail
