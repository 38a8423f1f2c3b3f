// Layers that prepare data, and augment images in training. Part of Layers.h.
//
// They are part of the compiled model. The random ones act in training alone, each sample drawing
// numbers of its own, which follow from the model's seed, the step and the layer's name; a `seed`
// of their own takes the place of the model's.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

struct RescalingOptions {
  Numbers offset = 0.0;
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// x * scale + offset; of arrays one number for each element of the last dimension.
struct Rescaling : Layer {
  explicit Rescaling(Numbers scale, RescalingOptions options = {});
};

struct NormalizationOptions {
  Axes axis = -1; ///< each position along these has its own mean and variance; {}: one for all
  std::optional<Numbers> mean = {}, variance = {}; ///< both or none, which are then weights
  bool invert = false;
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// (x - mean) / sqrt(variance), or back. Weights, unless given: mean, variance, count.
struct Normalization : Layer {
  explicit Normalization(NormalizationOptions options = {});
  /// Sets mean and variance to those of the data, of any number type, with the batch.
  void adapt(const TensorView &data);
};

struct DiscretizationOptions {
  std::string outputMode = "int";      ///< or "one_hot", "multi_hot", "count"
  std::optional<int64_t> numBins = {}; ///< in the place of boundaries: `adapt` finds them
  double epsilon = 0.01;               ///< how far from exact quantiles those may be, as a share
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// The number of boundaries that are not above x.
struct Discretization : Layer {
  explicit Discretization(std::vector<double> binBoundaries, DiscretizationOptions options = {});
  /// Of a layer with `numBins` and no boundaries: sets them to the quantiles of the data, of any
  /// number type, as Keras estimates them. Call it before the layer is used in a model that runs.
  void adapt(const TensorView &data);
};

struct CategoryEncodingOptions {
  std::string outputMode = "multi_hot"; ///< or "one_hot", "count"
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// Whole numbers below `numTokens` as zeros and ones, or as how often each is there in a sample.
struct CategoryEncoding : Layer {
  explicit CategoryEncoding(int64_t numTokens, CategoryEncodingOptions options = {});
};

struct ResizingOptions {
  std::string interpolation = "bilinear"; ///< or as in UpSampling2D
  bool cropToAspectRatio = false;
  bool padToAspectRatio = false;
  double fillValue = 0;
  bool antialias = false;
  std::string dataFormat = "channels_last";
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
struct Resizing : Layer {
  Resizing(int64_t height, int64_t width, ResizingOptions options = {});
};
/// The middle of the image; one that is too small is cropped to that shape and enlarged.
struct CenterCrop : Layer {
  CenterCrop(int64_t height, int64_t width, FormatOptions options = {});
};

struct RandomOptions {
  std::optional<int64_t> seed = {};
  std::string dataFormat = "channels_last";
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// The image turned round along both axes, or one: "horizontal_and_vertical", "horizontal",
/// "vertical".
struct RandomFlip : Layer {
  explicit RandomFlip(const std::string &mode = "horizontal_and_vertical",
                      RandomOptions options = {});
};
/// In training one place for the whole batch; otherwise the middle.
struct RandomCrop : Layer {
  RandomCrop(int64_t height, int64_t width, RandomOptions options = {});
};

/// Of layers that move pixels. What comes from outside the image is, by `fillMode`, a b c d being
/// a line of it: "reflect" (d c b a | a b c d | d c b a), "wrap" (a b c d | a b c d | a b c d),
/// "nearest" (a a a a | a b c d | d d d d) or "constant", `fillValue`.
struct MotionOptions {
  std::string fillMode = "reflect";
  std::string interpolation = "bilinear"; ///< or "nearest"
  std::optional<int64_t> seed = {};
  double fillValue = 0;
  std::string dataFormat = "channels_last";
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// By a fraction of a whole turn.
struct RandomRotation : Layer {
  explicit RandomRotation(Factor factor, MotionOptions options = {});
};
/// By fractions of height and width; positive: down, to the right.
struct RandomTranslation : Layer {
  RandomTranslation(Factor heightFactor, Factor widthFactor, MotionOptions options = {});
};
/// Positive: out, by that fraction; without a factor for the width as the height.
struct RandomZoom : Layer {
  explicit RandomZoom(Factor heightFactor, MotionOptions options = {});
  RandomZoom(Factor heightFactor, Factor widthFactor, MotionOptions options = {});
};
/// Lines move along by a fraction of their distance; to either side.
struct RandomShear : Layer {
  RandomShear(Factor xFactor, Factor yFactor, MotionOptions options = {});
};

struct ColorOptions {
  ValueRange valueRange = {0, 255}; ///< what results are kept within
  std::optional<int64_t> seed = {};
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// Distances from each channel's mean times 1 to 1 + factor, or 1 - lower to 1 + upper.
struct RandomContrast : Layer {
  explicit RandomContrast(Factor factor, ColorOptions options = {});
};
/// Plus a fraction of the range of values.
struct RandomBrightness : Layer {
  explicit RandomBrightness(Factor factor, ColorOptions options = {});
};

} // namespace ingot::keras::layers
