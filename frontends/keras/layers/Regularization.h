// Layers that change something in training alone. Part of Layers.h.
//
// Their numbers follow from the model's seed, the step and the layer's name; a `seed` of their own
// takes the place of the model's.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

struct DropoutOptions {
  /// Which elements share their fate: extents of the input, 1 where all of a dimension do, None for
  /// the input's own.
  std::optional<Shape> noiseShape = {};
  std::optional<int64_t> seed = {};
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// In training zeroes each element with probability `rate` and divides the others by 1 - rate.
struct Dropout : Layer {
  explicit Dropout(double rate, DropoutOptions options = {});
};
/// Keeps mean and variance of what selu makes: what is dropped gets its lowest value.
struct AlphaDropout : Layer {
  explicit AlphaDropout(double rate, DropoutOptions options = {});
};

struct NoiseOptions {
  std::optional<int64_t> seed = {};
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// Adds normal numbers.
struct GaussianNoise : Layer {
  explicit GaussianNoise(double stddev, NoiseOptions options = {});
};
/// Multiplies by normal numbers of mean 1 and variance rate / (1 - rate).
struct GaussianDropout : Layer {
  explicit GaussianDropout(double rate, NoiseOptions options = {});
};

struct SpatialDropoutOptions {
  std::string dataFormat = "channels_last";
  std::optional<int64_t> seed = {};
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// Drops whole channels of a sample.
template <int N> struct SpatialDropout : Layer {
  explicit SpatialDropout(double rate, SpatialDropoutOptions options = {});
};
using SpatialDropout1D = SpatialDropout<1>;
using SpatialDropout2D = SpatialDropout<2>;
using SpatialDropout3D = SpatialDropout<3>;

struct ActivityRegularizationOptions {
  double l1 = 0, l2 = 0;
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// Passes its input on and adds to the loss l1 times its magnitudes and l2 times its squares,
/// summed over a sample and averaged over the batch.
struct ActivityRegularization : Layer {
  explicit ActivityRegularization(ActivityRegularizationOptions options = {});
};

} // namespace ingot::keras::layers
