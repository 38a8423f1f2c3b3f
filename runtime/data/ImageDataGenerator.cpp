// Options, random draws, transformation and standardisation of single pictures.
#include "ingot/data/ImageDataGenerator.h"
#include "ingot/data/Arrays.h"
#include "runtime/core/Random.h"
#include "runtime/data/GeneratorImpl.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ingot::data {

namespace {

Status invalid(const std::string &what) { return Status(StatusCode::InvalidArgument, what); }

Result<FillMode> parseFillMode(const std::string &name) {
  if (name == "nearest")
    return FillMode::Nearest;
  if (name == "constant")
    return FillMode::Constant;
  if (name == "reflect")
    return FillMode::Reflect;
  if (name == "wrap")
    return FillMode::Wrap;
  return invalid("fill_mode '" + name +
                 "' is none of \"nearest\", \"constant\", \"reflect\", \"wrap\"");
}

double drawShift(const ShiftRange &range, int64_t extent, CounterRandom &random) {
  switch (range.kind) {
  case ShiftRange::Kind::None:
    return 0;
  case ShiftRange::Kind::Continuous: {
    const double shift = random.uniform(-range.values[0], range.values[0]);
    return range.values[0] < 1 ? shift * double(extent) : shift;
  }
  case ShiftRange::Kind::Integer: {
    const auto pixels = double(random.below(uint64_t(range.values[0])));
    return random.below(2) ? pixels : -pixels;
  }
  case ShiftRange::Kind::List:
    break;
  }
  const double value = range.values[random.below(range.values.size())];
  const double shift = random.below(2) ? value : -value;
  const bool areFractions = *std::max_element(range.values.begin(), range.values.end()) < 1;
  return areFractions ? shift * double(extent) : shift;
}

Status checkShift(const char *name, const ShiftRange &range) {
  const bool isEmpty = range.kind == ShiftRange::Kind::List && range.values.empty();
  const bool isNegative = range.kind == ShiftRange::Kind::Integer && range.values[0] < 0;
  if (isEmpty || isNegative)
    return invalid(std::string(name) + (isEmpty ? " is an empty list" : " is a negative integer"));
  for (double value : range.values)
    if (!std::isfinite(value))
      return invalid(std::string(name) + " is not finite");
  return Status();
}

Status checkOptions(const ImageDataGeneratorOptions &options) {
  INGOT_RETURN_IF_ERROR(checkShift("width_shift_range", options.widthShiftRange));
  INGOT_RETURN_IF_ERROR(checkShift("height_shift_range", options.heightShiftRange));
  if (options.validationSplit != 0 && !(options.validationSplit > 0 && options.validationSplit < 1))
    return invalid("validation_split " + std::to_string(options.validationSplit) +
                   " is not strictly between 0 and 1");
  if (options.interpolationOrder != 0 && options.interpolationOrder != 1)
    return invalid("interpolation_order " + std::to_string(options.interpolationOrder) +
                   " is neither 0 (nearest) nor 1 (linear)");
  for (double value : {options.rotationRange, options.shearRange, options.zoomRange.low,
                       options.zoomRange.high, options.channelShiftRange, options.rescale})
    if (!std::isfinite(value))
      return invalid("an option of ImageDataGenerator is not finite");
  return Status();
}

Status checkImage(const TensorView &image) {
  const bool isImage = image.dtype == DType::F32 && image.rank == 3 && elementCount(image) > 0;
  return isImage
             ? Status()
             : invalid(describe(image) + " is no picture: expected f32[height, width, channels]");
}

Status checkParameters(const TransformParameters &how) {
  for (double value : {how.theta, how.tx, how.ty, how.shear, how.zx, how.zy,
                       how.channelShiftIntensity.value_or(0), how.brightness.value_or(0)})
    if (!std::isfinite(value))
      return invalid("a parameter of the transformation is not finite");
  return Status();
}

void shiftChannels(float *values, int64_t count, double intensity) {
  const auto [low, high] = std::minmax_element(values, values + count);
  const float least = *low, most = *high;
  for (int64_t i = 0; i < count; ++i)
    values[i] = std::clamp(float(values[i] + intensity), least, most);
}

void flipColumns(float *values, int64_t height, int64_t width, int64_t channels) {
  for (int64_t y = 0; y < height; ++y, values += width * channels)
    for (int64_t left = 0, right = width - 1; left < right; ++left, --right)
      std::swap_ranges(values + left * channels, values + (left + 1) * channels,
                       values + right * channels);
}

void flipRows(float *values, int64_t height, int64_t line) {
  for (int64_t top = 0, bottom = height - 1; top < bottom; ++top, --bottom)
    std::swap_ranges(values + top * line, values + (top + 1) * line, values + bottom * line);
}

/// Pillow's blend with black, in bytes; alpha stays.
void brighten(Tensor &picture, float factor) {
  uint8_t *bytes = picture.data<uint8_t>();
  const int64_t channels = picture.dim(2);
  for (int64_t i = 0; i < picture.elementCount(); ++i)
    if (channels != 4 || i % 4 != 3)
      bytes[i] = uint8_t(std::clamp(factor * float(bytes[i]), 0.0f, 255.0f));
}

/// Through bytes, as Keras does: values outside of 0 … 255 are scaled there and back.
Status shiftBrightness(Tensor &image, double brightness) {
  float *values = image.data<float>();
  const int64_t count = image.elementCount();
  const auto [low, high] = std::minmax_element(values, values + count);
  const float least = *low, most = *high;
  const bool scale = least < 0 || most > 255;
  INGOT_ASSIGN_OR_RETURN(Tensor picture, arrayToPicture(image, scale));
  brighten(picture, float(brightness));
  for (int64_t i = 0; i < count; ++i) {
    const auto value = float(picture.data<uint8_t>()[i]);
    values[i] = scale ? value / 255 * (most - least) + least : value;
  }
  return Status();
}

double meanOf(const float *values, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += values[i];
  return sum / double(count);
}

/// Subtracts the picture's mean, and divides by its deviation.
void standardizeSample(float *values, int64_t count, const ImageDataGeneratorOptions &options) {
  if (options.samplewiseCenter) {
    const double mean = meanOf(values, count);
    for (int64_t i = 0; i < count; ++i)
      values[i] -= float(mean);
  }
  if (!options.samplewiseStdNormalization)
    return;
  const double mean = meanOf(values, count);
  double squares = 0;
  for (int64_t i = 0; i < count; ++i)
    squares += (values[i] - mean) * (values[i] - mean);
  const double deviation = std::sqrt(squares / double(count)) + 1e-6;
  for (int64_t i = 0; i < count; ++i)
    values[i] = float(values[i] / deviation);
}

Status notFitted(const char *option) {
  return Status(StatusCode::FailedPrecondition,
                std::string("this ImageDataGenerator has ") + option +
                    ", but was not fitted; call fit with the training pictures first");
}

/// values times the symmetric matrix.
void whiten(float *values, size_t count, const std::vector<float> &matrix) {
  std::vector<double> sums(count, 0.0);
  for (size_t i = 0; i < count; ++i)
    for (size_t j = 0; j < count; ++j)
      sums[j] += double(values[i]) * double(matrix[i * count + j]);
  std::copy(sums.begin(), sums.end(), values);
}

} // namespace

Result<ImageDataGenerator> ImageDataGenerator::create(ImageDataGeneratorOptions options) {
  INGOT_RETURN_IF_ERROR(checkOptions(options));
  auto impl = std::make_shared<Impl>();
  INGOT_ASSIGN_OR_RETURN(impl->fillMode, parseFillMode(options.fillMode));
  if (options.zcaWhitening)
    options.featurewiseCenter = true, options.featurewiseStdNormalization = false;
  if (options.featurewiseStdNormalization)
    options.featurewiseCenter = true;
  if (options.samplewiseStdNormalization)
    options.samplewiseCenter = true;
  impl->options = std::move(options);
  return ImageDataGenerator(std::move(impl));
}

const ImageDataGeneratorOptions &ImageDataGenerator::options() const { return impl->options; }

TransformParameters ImageDataGenerator::getRandomTransform(int64_t height, int64_t width,
                                                           uint64_t seed, int64_t epoch,
                                                           int64_t sample) const {
  const ImageDataGeneratorOptions &options = impl->options;
  CounterRandom random(seed, {uint64_t(epoch), uint64_t(sample)});
  TransformParameters how;
  if (options.rotationRange != 0)
    how.theta = random.uniform(-options.rotationRange, options.rotationRange);
  how.tx = drawShift(options.heightShiftRange, height, random);
  how.ty = drawShift(options.widthShiftRange, width, random);
  if (options.shearRange != 0)
    how.shear = random.uniform(-options.shearRange, options.shearRange);
  if (options.zoomRange.low != 1 || options.zoomRange.high != 1) {
    how.zx = random.uniform(options.zoomRange.low, options.zoomRange.high);
    how.zy = random.uniform(options.zoomRange.low, options.zoomRange.high);
  }
  how.flipHorizontal = (random.uniform() < 0.5) && options.horizontalFlip;
  how.flipVertical = (random.uniform() < 0.5) && options.verticalFlip;
  if (options.channelShiftRange != 0)
    how.channelShiftIntensity =
        random.uniform(-options.channelShiftRange, options.channelShiftRange);
  if (options.brightnessRange)
    how.brightness =
        random.uniform(options.brightnessRange->first, options.brightnessRange->second);
  return how;
}

Result<Tensor> ImageDataGenerator::applyTransform(const TensorView &image,
                                                  const TransformParameters &how) const {
  INGOT_RETURN_IF_ERROR(checkImage(image));
  INGOT_RETURN_IF_ERROR(checkParameters(how));
  const int64_t height = image.dims[0], width = image.dims[1], channels = image.dims[2];
  Tensor result;
  INGOT_RETURN_IF_ERROR(result.resize(DType::F32, image.dims, image.rank));
  const auto *from = static_cast<const float *>(image.data);
  float *values = result.data<float>();
  if (isAffine(how))
    affineTransform(from, values, height, width, channels, affineMapOf(how, height, width),
                    impl->fillMode, impl->options.cval, impl->options.interpolationOrder);
  else
    std::memcpy(values, from, result.byteSize());
  if (how.channelShiftIntensity)
    shiftChannels(values, result.elementCount(), *how.channelShiftIntensity);
  if (how.flipHorizontal)
    flipColumns(values, height, width, channels);
  if (how.flipVertical)
    flipRows(values, height, width * channels);
  if (how.brightness)
    INGOT_RETURN_IF_ERROR(shiftBrightness(result, *how.brightness));
  return result;
}

Result<Tensor> ImageDataGenerator::randomTransform(const TensorView &image, uint64_t seed) const {
  INGOT_RETURN_IF_ERROR(checkImage(image));
  return applyTransform(image, getRandomTransform(image.dims[0], image.dims[1], seed));
}

Status ImageDataGenerator::standardize(Tensor &image) const {
  const ImageDataGeneratorOptions &options = impl->options;
  INGOT_RETURN_IF_ERROR(checkImage(image));
  const Shape shape = image.shape();
  if (options.preprocessingFunction) {
    INGOT_RETURN_IF_ERROR(
        options.preprocessingFunction(image).withContext("preprocessing_function"));
    if (image.dtype() != DType::F32 || image.shape() != shape)
      return invalid("preprocessing_function made " + describe(image) + " of f32" +
                     toString(shape) + "; it may not change type and shape");
  }
  float *values = image.data<float>();
  const auto count = size_t(image.elementCount()), channels = size_t(image.dim(2));
  if (options.rescale != 0)
    for (size_t i = 0; i < count; ++i)
      values[i] *= float(options.rescale);
  standardizeSample(values, int64_t(count), options);
  if (options.featurewiseCenter) {
    if (impl->mean.empty())
      return notFitted(options.zcaWhitening ? "zca_whitening" : "featurewise_center");
    if (impl->mean.size() != channels)
      return invalid("the picture has " + std::to_string(channels) +
                     " channels, those of fit had " + std::to_string(impl->mean.size()));
    for (size_t i = 0; i < count; ++i)
      values[i] -= impl->mean[i % channels];
  }
  if (options.featurewiseStdNormalization)
    for (size_t i = 0; i < count; ++i)
      values[i] /= impl->deviation[i % channels] + 1e-6f;
  if (!options.zcaWhitening)
    return Status();
  if (impl->whitening.size() != count * count)
    return invalid("the picture has " + std::to_string(count) +
                   " values, those of fit had another number");
  whiten(values, count, impl->whitening);
  return Status();
}

} // namespace ingot::data
