// ImageDataGenerator::flow, and what flows have in common: orders, ranges, saved pictures.
#include "ingot/data/Arrays.h"
#include "ingot/data/ImageDataset.h"
#include "ingot/data/Picture.h"
#include "runtime/core/Random.h"
#include "runtime/data/GeneratorImpl.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace ingot::data {

std::shared_ptr<const std::vector<int64_t>> EpochOrders::of(int64_t epoch) const {
  const std::lock_guard<std::mutex> lock(mutex);
  for (const auto &[known, order] : recent)
    if (known == epoch)
      return order;
  auto order = std::make_shared<std::vector<int64_t>>(static_cast<size_t>(samples));
  if (shuffle)
    shuffleOrder(seed, epoch, *order);
  else
    for (size_t i = 0; i < order->size(); ++i)
      (*order)[i] = int64_t(i);
  constexpr size_t kept = 4; // a loop fetches ahead into the next epoch, and validates beside
  if (recent.size() == kept)
    recent.erase(recent.begin());
  recent.emplace_back(epoch, order);
  return order;
}

int64_t countBatches(int64_t samples, int64_t batchSize) {
  return (samples + batchSize - 1) / batchSize;
}

Result<BatchRange> batchRange(int64_t samples, int64_t batchSize, int64_t epoch, int64_t index) {
  const int64_t count = countBatches(samples, batchSize);
  if (epoch < 0 || index < 0 || index >= count)
    return Status(StatusCode::OutOfRange, "there is no batch " + std::to_string(index) +
                                              " in epoch " + std::to_string(epoch) +
                                              ": an epoch has " + std::to_string(count));
  const int64_t begin = index * batchSize;
  return BatchRange{begin, std::min(begin + batchSize, samples)};
}

Result<BatchRange> subsetRange(const std::string &subset, double validationSplit, int64_t samples) {
  if (subset.empty())
    return BatchRange{0, samples};
  if (subset != "training" && subset != "validation")
    return Status(StatusCode::InvalidArgument,
                  "subset '" + subset + "' is neither \"training\" nor \"validation\"");
  const auto split = int64_t(double(samples) * validationSplit);
  return subset == "validation" ? BatchRange{0, split} : BatchRange{split, samples};
}

Status saveImage(const TensorView &image, const SavedImages &how, int64_t epoch, int64_t sample) {
  if (how.directory.empty())
    return Status();
  INGOT_ASSIGN_OR_RETURN(const Tensor picture, arrayToPicture(image, true));
  const uint64_t mark =
      CounterRandom(how.seed, {uint64_t(epoch), uint64_t(sample), 1}).below(10000);
  return writePicture(how.directory + "/" + how.prefix + "_" + std::to_string(sample) + "_" +
                          std::to_string(mark) + "." + how.format,
                      picture);
}

Status augmentInto(const ImageDataGenerator &generator, const TensorView &image, uint64_t seed,
                   int64_t epoch, int64_t sample, float *to) {
  const TransformParameters how =
      generator.getRandomTransform(image.dims[0], image.dims[1], seed, epoch, sample);
  INGOT_ASSIGN_OR_RETURN(Tensor made, generator.applyTransform(image, how));
  INGOT_RETURN_IF_ERROR(generator.standardize(made));
  std::memcpy(to, made.rawData(), made.byteSize());
  return Status();
}

struct ImageFlow::Impl {
  /// A borrowed array: its shape is kept, since views borrow theirs.
  struct Array {
    DType dtype = DType::F32;
    Shape shape;
    const char *data = nullptr;

    Array() = default;
    explicit Array(const TensorView &view)
        : dtype(view.dtype), shape(view.dims, view.dims + view.rank),
          data(static_cast<const char *>(view.data)) {}
    bool isThere() const { return data != nullptr; }
    int64_t rowElements() const {
      int64_t count = 1;
      for (size_t axis = 1; axis < shape.size(); ++axis)
        count *= shape[axis];
      return count;
    }
    size_t rowBytes() const { return byteSize(dtype, rowElements()); }
    TensorView rows(int64_t begin, Shape &dims) const {
      return {dtype, int64_t(dims.size()), dims.data(), data + size_t(begin) * rowBytes()};
    }
  };

  Impl(ImageDataGenerator generator, const FlowOptions &options, BatchRange range)
      : generator(std::move(generator)), options(options), range(range),
        orders(range.end - range.begin, options.shuffle, options.seed) {}

  ImageDataGenerator generator;
  FlowOptions options;
  BatchRange range;
  EpochOrders orders;
  Array x, y, weights;

  static Status take(const Array &array, const std::vector<int64_t> &rows, std::vector<Tensor> &to);
};

namespace {

Status invalid(const std::string &what) { return Status(StatusCode::InvalidArgument, what); }

Status checkArray(const char *name, const TensorView &array, int64_t samples) {
  if (array.data == nullptr)
    return Status();
  if (array.rank < 1 || array.dims[0] != samples)
    return invalid("x has " + std::to_string(samples) + " samples, " + name + " is " +
                   describe(array) + "; both need one row a sample");
  if (array.dtype == DType::String || elementsPerByte(array.dtype) != 1)
    return invalid(std::string(name) + " is " + describe(array) +
                   ", expected elements of at least a byte");
  return Status();
}

/// Different values of rows [begin, end).
Result<std::set<float>> valuesOf(const TensorView &y, int64_t begin, int64_t end) {
  INGOT_ASSIGN_OR_RETURN(const Tensor all, toFloat(y));
  const int64_t row = y.dims[0] ? all.elementCount() / y.dims[0] : 0;
  const float *values = all.data<float>();
  return std::set<float>(values + begin * row, values + end * row);
}

Status checkClasses(const TensorView &y, double validationSplit) {
  const auto split = int64_t(double(y.dims[0]) * validationSplit);
  INGOT_ASSIGN_OR_RETURN(const std::set<float> first, valuesOf(y, 0, split));
  INGOT_ASSIGN_OR_RETURN(const std::set<float> rest, valuesOf(y, split, y.dims[0]));
  return first == rest
             ? Status()
             : invalid("training and validation subsets have different classes after the split; "
                       "shuffle arrays that are sorted by their labels, or set ignoreClassSplit");
}

} // namespace

Result<ImageFlow> ImageDataGenerator::flow(const TensorView &x, const TensorView &y,
                                           const FlowOptions &options) const {
  if (x.rank != 4 || elementCount(x) == 0)
    return invalid("flow takes x of [samples, height, width, channels], not " + describe(x));
  INGOT_RETURN_IF_ERROR(checkArray("y", y, x.dims[0]));
  INGOT_RETURN_IF_ERROR(checkArray("sampleWeight", options.sampleWeight, x.dims[0]));
  const Shape one = {0};
  INGOT_RETURN_IF_ERROR(toFloat({x.dtype, 1, one.data(), x.data}).status());
  if (options.batchSize < 1)
    return invalid("batch_size " + std::to_string(options.batchSize) + " is not positive");
  const double split = impl->options.validationSplit;
  INGOT_ASSIGN_OR_RETURN(const BatchRange range, subsetRange(options.subset, split, x.dims[0]));
  if (range.begin == range.end)
    return invalid("the " + options.subset + " subset of " + std::to_string(x.dims[0]) +
                   " samples is empty; give the generator a validationSplit that leaves some");
  if (!options.subset.empty() && y.data && !options.ignoreClassSplit)
    INGOT_RETURN_IF_ERROR(checkClasses(y, split));
  auto flow = std::make_shared<ImageFlow::Impl>(*this, options, range);
  flow->x = ImageFlow::Impl::Array(x);
  if (y.data)
    flow->y = ImageFlow::Impl::Array(y);
  if (options.sampleWeight.data)
    flow->weights = ImageFlow::Impl::Array(options.sampleWeight);
  flow->options.sampleWeight = {}; // its dims may go
  return ImageFlow(std::move(flow));
}

int64_t ImageFlow::sampleCount() const { return impl->range.end - impl->range.begin; }
int64_t ImageFlow::batchSize() const { return impl->options.batchSize; }
std::optional<int64_t> ImageFlow::batchCount() const {
  return countBatches(sampleCount(), batchSize());
}

/// The rows of `array` that are samples `rows`.
Status ImageFlow::Impl::take(const Array &array, const std::vector<int64_t> &rows,
                             std::vector<Tensor> &to) {
  to.resize(array.isThere());
  if (!array.isThere())
    return Status();
  Shape shape = array.shape;
  shape[0] = int64_t(rows.size());
  INGOT_RETURN_IF_ERROR(to[0].resize(array.dtype, shape));
  auto *out = static_cast<char *>(to[0].rawData());
  for (int64_t row : rows) {
    std::memcpy(out, array.data + size_t(row) * array.rowBytes(), array.rowBytes());
    out += array.rowBytes();
  }
  return Status();
}

Result<bool> ImageFlow::fill(int64_t epoch, int64_t batch, Batch &out) {
  INGOT_ASSIGN_OR_RETURN(const BatchRange range,
                         batchRange(sampleCount(), batchSize(), epoch, batch));
  const std::shared_ptr<const std::vector<int64_t>> order = impl->orders.of(epoch);
  std::vector<int64_t> rows(order->begin() + range.begin, order->begin() + range.end);
  for (int64_t &row : rows)
    row += impl->range.begin;
  out.inputs.resize(1);
  Shape dims = impl->x.shape;
  dims[0] = int64_t(rows.size());
  INGOT_RETURN_IF_ERROR(out.inputs[0].resize(DType::F32, dims));
  float *to = out.inputs[0].data<float>();
  Shape one(dims.begin() + 1, dims.end());
  const FlowOptions &options = impl->options;
  const SavedImages saved = {options.saveToDir, options.savePrefix, options.saveFormat,
                             options.seed};
  for (int64_t row : rows) {
    INGOT_ASSIGN_OR_RETURN(const Tensor image, toFloat(impl->x.rows(row, one)));
    INGOT_RETURN_IF_ERROR(augmentInto(impl->generator, image, options.seed, epoch, row, to));
    INGOT_RETURN_IF_ERROR(saveImage({DType::F32, 3, one.data(), to}, saved, epoch, row));
    to += impl->x.rowElements();
  }
  INGOT_RETURN_IF_ERROR(Impl::take(impl->y, rows, out.targets));
  INGOT_RETURN_IF_ERROR(Impl::take(impl->weights, rows, out.sampleWeights));
  return true;
}

} // namespace ingot::data
