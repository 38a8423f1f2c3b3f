// Weights as pictures, for TensorBoard's writeImages: PNG files without compression, so that no
// library is needed.
#ifndef INGOT_RUNTIME_TRAIN_WEIGHTIMAGES_H
#define INGOT_RUNTIME_TRAIN_WEIGHTIMAGES_H

#include "ingot/Tensor.h"

#include <string>
#include <vector>

namespace ingot::train {

/// As Keras draws a weight, without dimensions of 1: a vector as a column, a matrix lying, three
/// dimensions as a picture for each of the last, four as pictures of 1, 3 or 4 channels; the first
/// three pictures, 0 black, 1 white. None for other shapes. `weight` is F32.
std::vector<std::string> weightImages(const TensorView &weight);

/// A PNG file of 8 bits a channel; 1, 3 or 4 channels, rows from the top.
std::string encodePng(const std::vector<uint8_t> &pixels, int64_t height, int64_t width,
                      int64_t channels);

} // namespace ingot::train

#endif
