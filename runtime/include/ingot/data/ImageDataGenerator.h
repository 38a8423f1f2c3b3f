// Keras's ImageDataGenerator: random rotations, shifts, shears, zooms, flips and brightness, then
// standardisation, of pictures in memory or in directories.
//
// Pictures are f32 [height, width, channels] here. `applyTransform` equals Keras's for the same
// parameters; the parameters themselves are drawn by counter from (seed, epoch, sample), so a
// sample is augmented alike whatever the batch size, the order and the number of threads.
// A generator is a handle: copies share options and statistics. `fit` belongs to one thread before
// the others begin; all else may run on any threads.
#ifndef INGOT_DATA_IMAGEDATAGENERATOR_H
#define INGOT_DATA_IMAGEDATAGENERATOR_H

#include "ingot/DataSource.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ingot::data {

/// A range of shifts as Keras reads it: of a float f, anything from -f to f, as a fraction of the
/// extent where f < 1, else in pixels; of an int n, one of 0 … n - 1 with either sign; of a list,
/// one of its values with either sign, as fractions where all are below 1.
struct ShiftRange {
  enum class Kind { None, Continuous, Integer, List } kind = Kind::None;
  std::vector<double> values;
  ShiftRange() = default;
  ShiftRange(double range) : kind(range != 0 ? Kind::Continuous : Kind::None), values{range} {}
  ShiftRange(int pixels) : kind(pixels != 0 ? Kind::Integer : Kind::None), values{double(pixels)} {}
  ShiftRange(std::initializer_list<double> list) : kind(Kind::List), values(list) {}
};

/// Of z: from 1 - z to 1 + z; or the lowest and the highest.
struct ZoomRange {
  double low = 1, high = 1;
  ZoomRange() = default;
  ZoomRange(double range) : low(1 - range), high(1 + range) {}
  ZoomRange(double low, double high) : low(low), high(high) {}
};

/// Keras's arguments with Keras's defaults.
struct ImageDataGeneratorOptions {
  bool featurewiseCenter = false;           ///< subtract the mean that `fit` found
  bool samplewiseCenter = false;            ///< subtract each picture's own mean
  bool featurewiseStdNormalization = false; ///< divide by fit's deviation; implies centering
  bool samplewiseStdNormalization = false;  ///< divide by its own deviation; implies centering
  bool zcaWhitening = false;                ///< implies featurewiseCenter
  double zcaEpsilon = 1e-6;
  double rotationRange = 0; ///< degrees
  ShiftRange widthShiftRange = {};
  ShiftRange heightShiftRange = {};
  std::optional<std::pair<double, double>> brightnessRange = {};
  double shearRange = 0; ///< degrees
  ZoomRange zoomRange = {};
  double channelShiftRange = 0;
  std::string fillMode = "nearest"; ///< "nearest", "constant", "reflect", "wrap"
  double cval = 0;                  ///< for "constant"
  bool horizontalFlip = false;
  bool verticalFlip = false;
  double rescale = 0; ///< factor; 0: none
  /// Applied to each picture before rescaling; it may change values, not the shape. Called from
  /// any thread.
  std::function<Status(Tensor &)> preprocessingFunction = nullptr;
  double validationSplit = 0;
  int interpolationOrder = 1; ///< 0: nearest, 1: bilinear
};

/// One draw. Keras's names: shifts are in pixels, tx along rows' axis (down), ty along columns.
struct TransformParameters {
  double theta = 0, tx = 0, ty = 0, shear = 0, zx = 1, zy = 1;
  bool flipHorizontal = false, flipVertical = false;
  std::optional<double> channelShiftIntensity = {}, brightness = {};
};

struct FitGeneratorOptions {
  bool augment = false; ///< fit on augmented pictures
  int64_t rounds = 1;   ///< how many times over, where they are augmented
  uint64_t seed = 0;
};

struct FlowOptions {
  int64_t batchSize = 32;
  bool shuffle = true;
  TensorView sampleWeight = {}; ///< one a sample; data NULL: none
  uint64_t seed = 0;            ///< order and augmentation follow from it and the epoch
  std::string saveToDir = {};   ///< writes each picture that is made there, for a look
  std::string savePrefix = {};
  std::string saveFormat = "png"; ///< "png" or "jpeg"
  std::string subset = {};        ///< "training", "validation", of validationSplit
  bool ignoreClassSplit = false;  ///< subsets may have different classes
};

struct FlowFromDirectoryOptions {
  std::pair<int64_t, int64_t> targetSize = {256, 256}; ///< height, width
  std::string colorMode = "rgb";                       ///< "grayscale", "rgb", "rgba"
  std::vector<std::string> classes = {};               ///< subdirectories; empty: all, sorted
  /// "categorical", "binary", "sparse", "input" (the picture itself), "none".
  std::string classMode = "categorical";
  int64_t batchSize = 32;
  bool shuffle = true;
  uint64_t seed = 0;
  std::string saveToDir = {};
  std::string savePrefix = {};
  std::string saveFormat = "png";
  bool followLinks = false;
  std::string subset = {};
  std::string interpolation = "nearest"; ///< as resizePillow
  bool keepAspectRatio = false;
};

class ImageFlow;
class DirectoryFlow;

class ImageDataGenerator {
public:
  /// InvalidArgument names the option.
  static Result<ImageDataGenerator> create(ImageDataGeneratorOptions options);

  const ImageDataGeneratorOptions &options() const;

  /// What sample `sample` of `epoch` gets.
  TransformParameters getRandomTransform(int64_t height, int64_t width, uint64_t seed,
                                         int64_t epoch = 0, int64_t sample = 0) const;

  /// Affine transformation, channel shift, flips and brightness. InvalidArgument for what is no
  /// f32 picture of 1, 3 or 4 channels.
  Result<Tensor> applyTransform(const TensorView &image, const TransformParameters &how) const;

  Result<Tensor> randomTransform(const TensorView &image, uint64_t seed) const;

  /// Preprocessing function, rescaling, centering, normalisation, whitening, in place.
  /// FailedPrecondition where statistics are needed and fit was not called; Keras warns and goes
  /// on.
  Status standardize(Tensor &image) const;

  /// Finds mean, deviation and whitening matrix of `images` [samples, height, width, channels].
  Status fit(const TensorView &images, const FitGeneratorOptions &options = {});

  /// Batches of augmented pictures, of `x` [samples, height, width, channels], and rows of `y`
  /// (data NULL: none). Both are borrowed and outlive the flow. InvalidArgument as Keras's
  /// ValueErrors.
  Result<ImageFlow> flow(const TensorView &x, const TensorView &y,
                         const FlowOptions &options = {}) const;

  /// Batches of augmented pictures of files, with the labels that their subdirectories say.
  Result<DirectoryFlow> flowFromDirectory(const std::string &directory,
                                          const FlowFromDirectoryOptions &options = {}) const;

  struct Impl;

private:
  explicit ImageDataGenerator(std::shared_ptr<Impl> impl) : impl(std::move(impl)) {}
  std::shared_ptr<Impl> impl;
};

/// Keras's NumpyArrayIterator. A batch is pictures f32, rows of y in y's type, weights.
class ImageFlow : public DataSource {
public:
  int64_t sampleCount() const;
  int64_t batchSize() const;
  std::optional<int64_t> batchCount() const override;
  Result<bool> fill(int64_t epoch, int64_t batch, Batch &out) override;

  struct Impl;
  explicit ImageFlow(std::shared_ptr<const Impl> impl) : impl(std::move(impl)) {}

private:
  std::shared_ptr<const Impl> impl;
};

/// Keras's DirectoryIterator. Labels: f32 one-hot ("categorical"), f32 0 or 1 ("binary"), i64 index
/// ("sparse"; Keras has f32, which its losses take for indices).
class DirectoryFlow : public DataSource {
public:
  int64_t sampleCount() const;
  int64_t batchSize() const;
  std::optional<int64_t> batchCount() const override;
  /// What readPicture says of a file that is broken names its path.
  Result<bool> fill(int64_t epoch, int64_t batch, Batch &out) override;

  const std::vector<std::string> &classNames() const;
  /// class_indices: the class of each file, by its index in classNames.
  const std::vector<int32_t> &classes() const;
  /// Relative to the directory, in the order of samples.
  const std::vector<std::string> &filenames() const;

  struct Impl;
  explicit DirectoryFlow(std::shared_ptr<const Impl> impl) : impl(std::move(impl)) {}

private:
  std::shared_ptr<const Impl> impl;
};

} // namespace ingot::data

#endif
