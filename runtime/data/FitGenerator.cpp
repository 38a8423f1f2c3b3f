// ImageDataGenerator::fit: mean and deviation a channel, and the whitening matrix.
#include "runtime/data/GeneratorImpl.h"
#include "runtime/data/SymmetricEigen.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ingot::data {

namespace {

/// Of the whitening matrix, in f64 while it is made.
constexpr size_t maxWhitenedValues = 8192;

/// All pictures, rescaled and, where asked, augmented `rounds` times: [samples][values].
Result<Tensor> gather(const ImageDataGenerator &generator, const TensorView &images,
                      const FitGeneratorOptions &options) {
  const int64_t samples = images.dims[0], values = elementCount(images) / samples;
  const int64_t rounds = options.augment ? options.rounds : 1;
  Tensor all;
  INGOT_RETURN_IF_ERROR(all.resize(DType::F32, {samples * rounds, values}));
  const auto rescale = float(generator.options().rescale);
  const Shape shape(images.dims + 1, images.dims + 4);
  std::vector<float> image(static_cast<size_t>(values));
  for (int64_t row = 0; row < samples * rounds; ++row) {
    const float *from = static_cast<const float *>(images.data) + row % samples * values;
    float *to = all.data<float>() + row * values;
    for (int64_t i = 0; i < values; ++i)
      image[size_t(i)] = rescale != 0 ? from[i] * rescale : from[i];
    if (!options.augment) {
      std::copy(image.begin(), image.end(), to);
      continue;
    }
    INGOT_ASSIGN_OR_RETURN(const Tensor view, Tensor::borrow(DType::F32, shape, image.data()));
    const TransformParameters how = generator.getRandomTransform(shape[0], shape[1], options.seed,
                                                                 row / samples, row % samples);
    INGOT_ASSIGN_OR_RETURN(const Tensor made, generator.applyTransform(view, how));
    std::memcpy(to, made.rawData(), made.byteSize());
  }
  return all;
}

std::vector<float> channelMeans(const Tensor &all, size_t channels) {
  std::vector<double> sums(channels, 0.0);
  const float *values = all.data<float>();
  const auto count = size_t(all.elementCount());
  for (size_t i = 0; i < count; ++i)
    sums[i % channels] += values[i];
  std::vector<float> means;
  for (double sum : sums)
    means.push_back(float(sum / double(count / channels)));
  return means;
}

/// Of centred values.
std::vector<float> channelDeviations(const Tensor &all, size_t channels) {
  std::vector<double> sums(channels, 0.0), squares(channels, 0.0);
  const float *values = all.data<float>();
  const auto count = size_t(all.elementCount());
  for (size_t i = 0; i < count; ++i) {
    sums[i % channels] += values[i];
    squares[i % channels] += double(values[i]) * values[i];
  }
  std::vector<float> deviations;
  const double each = double(count / channels);
  for (size_t c = 0; c < channels; ++c) {
    const double mean = sums[c] / each;
    deviations.push_back(float(std::sqrt(std::max(squares[c] / each - mean * mean, 0.0))));
  }
  return deviations;
}

/// X X^T of the rows of X (rows x columns), or X^T X where that is smaller.
std::vector<double> gramMatrix(const float *x, size_t rows, size_t columns, bool ofColumns) {
  const size_t size = ofColumns ? columns : rows;
  std::vector<double> gram(size * size, 0.0);
  if (ofColumns) {
    for (size_t row = 0; row < rows; ++row, x += columns)
      for (size_t i = 0; i < columns; ++i)
        for (size_t j = 0; j < columns; ++j)
          gram[i * size + j] += double(x[i]) * x[j];
    return gram;
  }
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < rows; ++j)
      for (size_t k = 0; k < columns; ++k)
        gram[i * size + j] += double(x[i * columns + k]) * x[j * columns + k];
  return gram;
}

/// The left singular vectors of X^T, one a row, and the singular values, of X (rows x columns).
struct Singular {
  std::vector<double> vectors, values;
};

Singular singularVectors(const float *x, size_t rows, size_t columns) {
  const bool ofColumns = columns <= rows;
  const size_t size = ofColumns ? columns : rows;
  Singular result;
  std::vector<double> vectors = gramMatrix(x, rows, columns, ofColumns);
  result.values = symmetricEigen(vectors, size);
  for (double &value : result.values)
    value = std::sqrt(std::max(value, 0.0));
  if (ofColumns || result.values.empty()) {
    result.vectors = std::move(vectors);
    return result;
  }
  // u = X^T v / s. Where s is nothing, u is not determined: it is left out.
  const double least = 1e-7 * *std::max_element(result.values.begin(), result.values.end());
  result.vectors.assign(size * columns, 0.0);
  for (size_t i = 0; i < size; ++i)
    for (size_t row = 0; row < rows && result.values[i] > least; ++row)
      for (size_t k = 0; k < columns; ++k)
        result.vectors[i * columns + k] +=
            vectors[i * size + row] * x[row * columns + k] / result.values[i];
  return result;
}

/// u diag(sqrt(n) / (s + epsilon)) u^T, as Keras's.
Result<std::vector<float>> whiteningMatrix(const Tensor &all, double epsilon) {
  const auto rows = size_t(all.dim(0)), columns = size_t(all.dim(1));
  if (columns > maxWhitenedValues)
    return Status(StatusCode::InvalidArgument,
                  "zca_whitening takes pictures of at most " + std::to_string(maxWhitenedValues) +
                      " values, these have " + std::to_string(columns) +
                      "; make the pictures smaller");
  const Singular singular = singularVectors(all.data<float>(), rows, columns);
  if (singular.values.empty())
    return Status(StatusCode::InvalidArgument,
                  "zca_whitening finds no axes: the pictures hold values that are not finite");
  std::vector<double> matrix(columns * columns, 0.0);
  for (size_t v = 0; v < singular.values.size(); ++v) {
    const double factor = std::sqrt(double(rows)) / (singular.values[v] + epsilon);
    const double *vector = &singular.vectors[v * columns];
    for (size_t i = 0; i < columns; ++i)
      for (size_t j = 0; j < columns; ++j)
        matrix[i * columns + j] += factor * vector[i] * vector[j];
  }
  return std::vector<float>(matrix.begin(), matrix.end());
}

} // namespace

Status ImageDataGenerator::fit(const TensorView &images, const FitGeneratorOptions &options) {
  if (images.dtype != DType::F32 || images.rank != 4 || elementCount(images) == 0)
    return Status(StatusCode::InvalidArgument,
                  "fit takes f32[samples, height, width, channels] with at least one sample, not " +
                      describe(images));
  if (options.augment && options.rounds < 1)
    return Status(StatusCode::InvalidArgument, "fit: rounds must be at least 1");
  INGOT_ASSIGN_OR_RETURN(Tensor all, gather(*this, images, options));
  const auto channels = size_t(images.dims[3]);
  float *values = all.data<float>();
  const auto count = size_t(all.elementCount());
  if (impl->options.featurewiseCenter) {
    impl->mean = channelMeans(all, channels);
    for (size_t i = 0; i < count; ++i)
      values[i] -= impl->mean[i % channels];
  }
  if (impl->options.featurewiseStdNormalization)
    impl->deviation = channelDeviations(all, channels);
  if (!impl->options.zcaWhitening)
    return Status();
  INGOT_ASSIGN_OR_RETURN(impl->whitening, whiteningMatrix(all, impl->options.zcaEpsilon));
  return Status();
}

} // namespace ingot::data
