// What keras.utils offers for arrays: labels, sequences, splits, and pictures as arrays.
// Functions share no state and may run on any threads.
#ifndef INGOT_DATA_ARRAYS_H
#define INGOT_DATA_ARRAYS_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ingot::data {

/// One-hot rows, f32, of class indices in any type of integer (or float that holds one): the class
/// axis comes last, and takes the place of a last axis of 1. `classes` 0: the largest index + 1.
/// InvalidArgument for an index outside of [0, classes): the message names its place.
Result<Tensor> toCategorical(const TensorView &labels, int64_t classes = 0);

/// x over its norm along `axis`, f32; `order` 1 or 2. Rows of zeros stay.
Result<Tensor> normalize(const TensorView &x, int64_t axis = -1, int order = 2);

/// Keras's arguments.
struct PadOptions {
  std::optional<int64_t> maxlen = {}; ///< none: the longest sequence
  std::string padding = "pre";        ///< "pre", "post"
  std::string truncating = "pre";     ///< "pre", "post": which end is cut off
  double value = 0;
};

/// [sequences, maxlen], i32.
Result<Tensor> padSequences(const std::vector<std::vector<int32_t>> &sequences,
                            const PadOptions &options = {});
/// The same as f32.
Result<Tensor> padSequences(const std::vector<std::vector<float>> &sequences,
                            const PadOptions &options = {});

/// How many samples are left and right. One below 1 is a fraction (as Keras's float), else a count
/// (as its int); none: the rest.
struct SplitOptions {
  std::optional<double> leftSize = {}, rightSize = {};
  bool shuffle = false;
  uint64_t seed = 0;
};
using Split = std::pair<std::vector<Tensor>, std::vector<Tensor>>;

/// Keras's split_dataset: the first samples of all arrays, and the last. InvalidArgument where they
/// have different numbers of samples, or a side is empty or the sides overlap.
Result<Split> splitDataset(const std::vector<TensorView> &arrays, const SplitOptions &options);

/// Keras's array_to_img: f32 [height, width, 1, 3 or 4] to a picture (u8). `scale`: the least value
/// becomes 0, the largest 255; else values are cut to bytes.
Result<Tensor> arrayToPicture(const TensorView &array, bool scale = true);

/// Keras's arguments.
struct LoadPictureOptions {
  std::string colorMode = "rgb";                              ///< "grayscale", "rgb", "rgba"
  std::optional<std::pair<int64_t, int64_t>> targetSize = {}; ///< height, width
  std::string interpolation = "nearest";                      ///< as resizePillow
  bool keepAspectRatio = false;
};

/// Keras's load_img: a picture, u8.
Result<Tensor> loadPicture(const std::string &path, const LoadPictureOptions &options = {});

} // namespace ingot::data

#endif
