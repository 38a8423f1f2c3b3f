// Labels, sequences and splits. Pictures as arrays are in LoadPicture.cpp.
#include "ingot/data/Arrays.h"
#include "ingot/data/ImageDataset.h"
#include "runtime/core/Random.h"
#include "runtime/data/Rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace ingot::data {

namespace {

Status invalid(const std::string &what) { return Status(StatusCode::InvalidArgument, what); }

template <typename T>
Result<Tensor> pad(const std::vector<std::vector<T>> &sequences, const PadOptions &options) {
  for (const std::string *side : {&options.padding, &options.truncating})
    if (*side != "pre" && *side != "post")
      return invalid(std::string(side == &options.padding ? "padding" : "truncating") + " '" +
                     *side + "' is neither \"pre\" nor \"post\"");
  size_t length = 0;
  for (const std::vector<T> &sequence : sequences)
    length = std::max(length, sequence.size());
  if (options.maxlen && *options.maxlen < 1)
    return invalid("maxlen " + std::to_string(*options.maxlen) + " is not positive");
  length = options.maxlen ? size_t(*options.maxlen) : length;
  Tensor result;
  INGOT_RETURN_IF_ERROR(
      result.resize(DTypeOf<T>::value, {int64_t(sequences.size()), int64_t(length)}));
  T *row = result.template data<T>();
  std::fill(row, row + result.elementCount(), T(options.value));
  for (const std::vector<T> &sequence : sequences) {
    const size_t kept = std::min(sequence.size(), length);
    const auto from =
        sequence.begin() + ptrdiff_t(options.truncating == "pre" ? sequence.size() - kept : 0);
    std::copy_n(from, kept, row + (options.padding == "pre" ? length - kept : 0));
    row += length;
  }
  return result;
}

/// A share as a number of samples.
Result<int64_t> sizeOf(const char *name, double size, int64_t samples) {
  const bool isFraction = size > 0 && size < 1;
  const double count = isFraction ? std::nearbyint(size * double(samples)) : size;
  if (!(count >= 0) || count != std::floor(count) || (!isFraction && count >= double(samples)) ||
      size <= 0)
    return invalid(std::string(name) + " " + std::to_string(size) +
                   " is neither a fraction between 0 and 1 nor a number of samples below " +
                   std::to_string(samples));
  return int64_t(count);
}

struct Sides {
  int64_t left, right;
};

Result<Sides> sidesOf(const SplitOptions &options, int64_t samples) {
  if (!options.leftSize && !options.rightSize)
    return invalid("split_dataset needs a left_size or a right_size");
  Sides sides = {0, 0};
  if (options.leftSize) {
    INGOT_ASSIGN_OR_RETURN(sides.left, sizeOf("left_size", *options.leftSize, samples));
  }
  if (options.rightSize) {
    INGOT_ASSIGN_OR_RETURN(sides.right, sizeOf("right_size", *options.rightSize, samples));
  }
  if (!options.leftSize)
    sides.left = samples - sides.right;
  if (!options.rightSize)
    sides.right = samples - sides.left;
  if (sides.left < 1 || sides.right < 1 || sides.left + sides.right > samples)
    return invalid("left and right of " + std::to_string(sides.left) + " and " +
                   std::to_string(sides.right) + " samples: of " + std::to_string(samples) +
                   " each side needs one at least, and they may not overlap");
  return sides;
}

} // namespace

Result<Tensor> takeRows(const TensorView &array, const std::vector<int64_t> &rows) {
  Shape shape(array.dims, array.dims + array.rank);
  const size_t bytes = shape[0] ? byteSize(array.dtype, elementCount(array)) / size_t(shape[0]) : 0;
  shape[0] = int64_t(rows.size());
  Tensor result;
  INGOT_RETURN_IF_ERROR(result.resize(array.dtype, shape));
  auto *to = static_cast<char *>(result.rawData());
  for (int64_t row : rows) {
    std::memcpy(to, static_cast<const char *>(array.data) + size_t(row) * bytes, bytes);
    to += bytes;
  }
  return result;
}

Result<Tensor> toCategorical(const TensorView &labels, int64_t classes) {
  Shape shape(labels.dims, labels.dims + labels.rank);
  if (shape.size() > 1 && shape.back() == 1)
    shape.pop_back();
  INGOT_ASSIGN_OR_RETURN(const Tensor values, toFloat(labels));
  const float *indices = values.data<float>();
  const int64_t count = values.elementCount();
  if (classes < 0 || (classes == 0 && count == 0))
    return invalid("to_categorical of " + describe(labels) + " needs the number of classes");
  const auto bound = classes ? float(classes) : float(1 << 24); // from there on f32 skips integers
  for (int64_t i = 0; i < count; ++i)
    if (!(indices[i] >= 0 && indices[i] < bound && indices[i] == std::floor(indices[i])))
      return invalid("to_categorical: element " + std::to_string(i) + " is " +
                     std::to_string(indices[i]) + ", expected a class index from 0 to " +
                     std::to_string(int64_t(bound) - 1));
  if (classes == 0)
    classes = int64_t(*std::max_element(indices, indices + count)) + 1;
  shape.push_back(classes);
  INGOT_ASSIGN_OR_RETURN(Tensor result, Tensor::zeros(DType::F32, shape));
  for (int64_t i = 0; i < count; ++i)
    result.data<float>()[i * classes + int64_t(indices[i])] = 1;
  return result;
}

Result<Tensor> normalize(const TensorView &x, int64_t axis, int order) {
  if (order != 1 && order != 2)
    return invalid("normalize: order " + std::to_string(order) + " is neither 1 nor 2");
  const int64_t chosen = axis < 0 ? axis + x.rank : axis;
  if (chosen < 0 || chosen >= x.rank)
    return invalid("normalize: " + describe(x) + " has no axis " + std::to_string(axis));
  INGOT_ASSIGN_OR_RETURN(Tensor result, toFloat(x));
  int64_t inner = 1;
  for (int64_t i = chosen + 1; i < x.rank; ++i)
    inner *= x.dims[i];
  const int64_t extent = x.dims[chosen];
  float *values = result.data<float>();
  const int64_t lines = extent ? result.elementCount() / extent : 0;
  for (int64_t line = 0; line < lines; ++line) {
    float *first = values + line / inner * inner * extent + line % inner;
    double norm = 0;
    for (int64_t i = 0; i < extent; ++i) {
      const double value = first[i * inner];
      norm += order == 2 ? value * value : std::abs(value);
    }
    norm = order == 2 ? std::sqrt(norm) : norm;
    for (int64_t i = 0; norm != 0 && i < extent; ++i)
      first[i * inner] = float(first[i * inner] / norm);
  }
  return result;
}

Result<Tensor> padSequences(const std::vector<std::vector<int32_t>> &sequences,
                            const PadOptions &options) {
  return pad(sequences, options);
}

Result<Tensor> padSequences(const std::vector<std::vector<float>> &sequences,
                            const PadOptions &options) {
  return pad(sequences, options);
}

Result<Split> splitDataset(const std::vector<TensorView> &arrays, const SplitOptions &options) {
  for (const TensorView &array : arrays)
    if (array.rank < 1 || array.dims[0] < 1 || array.dims[0] != arrays[0].dims[0] ||
        array.dtype == DType::String || elementsPerByte(array.dtype) != 1)
      return invalid("split_dataset takes arrays with one row a sample, not " + describe(array) +
                     " beside " + describe(arrays[0]));
  if (arrays.empty())
    return invalid("split_dataset takes one array at least");
  const int64_t samples = arrays[0].dims[0];
  INGOT_ASSIGN_OR_RETURN(const Sides sides, sidesOf(options, samples));
  std::vector<int64_t> order(static_cast<size_t>(samples));
  if (options.shuffle)
    shuffleOrder(options.seed, 0, order);
  else
    std::iota(order.begin(), order.end(), int64_t(0));
  const std::vector<int64_t> leftRows(order.begin(), order.begin() + sides.left);
  const std::vector<int64_t> rightRows(order.end() - sides.right, order.end());
  Split split;
  for (const TensorView &array : arrays) {
    INGOT_ASSIGN_OR_RETURN(Tensor left, takeRows(array, leftRows));
    INGOT_ASSIGN_OR_RETURN(Tensor right, takeRows(array, rightRows));
    split.first.push_back(std::move(left));
    split.second.push_back(std::move(right));
  }
  return split;
}

} // namespace ingot::data
