// See Sources.h.
#include "ingot/train/Sources.h"
#include "runtime/core/Random.h"

#include <algorithm>
#include <cstring>

namespace ingot::train {

//===----------------------------------------------------------------------===//
// EpochOrder

void EpochOrder::set(bool shuffle, uint64_t newSeed) {
  shuffled = shuffle;
  seed = newSeed;
  order = nullptr;
}

EpochOrder::Order EpochOrder::of(int64_t epoch, int64_t count) {
  if (!shuffled)
    return nullptr;
  std::lock_guard<std::mutex> lock(mutex);
  if (!order || orderedEpoch != epoch || int64_t(order->size()) != count) {
    auto fresh = std::make_shared<std::vector<int64_t>>(size_t(count));
    shuffleOrder(seed, epoch, *fresh);
    order = std::move(fresh);
    orderedEpoch = epoch;
  }
  return order;
}

//===----------------------------------------------------------------------===//
// ArraySource

ArraySource::ArraySource(Arrays inputs, Arrays targets, Arrays sampleWeights, int64_t begin,
                         int64_t end, int64_t batchSize)
    : inputs(std::move(inputs)), targets(std::move(targets)),
      sampleWeights(std::move(sampleWeights)), begin(begin), end(end), batchSize(batchSize) {}

ArraySource::~ArraySource() = default;

std::optional<int64_t> ArraySource::batchCount() const {
  return (end - begin) / batchSize + ((end - begin) % batchSize != 0);
}

void ArraySource::setOrder(bool shuffle, uint64_t seed) { order.set(shuffle, seed); }

/// `rows` count from `begin`; NULL: those from `first`.
Status ArraySource::take(const Arrays &arrays, const int64_t *rows, int64_t first, int64_t count,
                         std::vector<Tensor> &out) const {
  out.resize(arrays.size());
  for (size_t i = 0; i < arrays.size(); ++i) {
    const TensorView &array = arrays[i];
    Shape shape(array.dims, array.dims + array.rank);
    const int64_t all = shape[0];
    const size_t rowBytes = all > 0 ? byteSize(array.dtype, elementCount(array)) / size_t(all) : 0;
    const char *base = static_cast<const char *>(array.data) + size_t(begin) * rowBytes;
    shape[0] = count;
    if (!rows) {
      void *lent = const_cast<char *>(base + size_t(first) * rowBytes); // read only, as agreed
      INGOT_ASSIGN_OR_RETURN(out[i], Tensor::borrow(array.dtype, shape, lent));
      continue;
    }
    INGOT_RETURN_IF_ERROR(out[i].resize(array.dtype, shape));
    char *to = static_cast<char *>(out[i].rawData());
    for (int64_t row = 0; row < count && rowBytes > 0; ++row, to += rowBytes)
      std::memcpy(to, base + size_t(rows[row]) * rowBytes, rowBytes);
  }
  return Status();
}

Result<bool> ArraySource::fill(int64_t epoch, int64_t batch, Batch &out) {
  const int64_t first = batch * batchSize, count = std::min(batchSize, end - begin - first);
  const EpochOrder::Order kept = order.of(epoch, end - begin);
  const int64_t *rows = kept ? kept->data() + first : nullptr;
  INGOT_RETURN_IF_ERROR(take(inputs, rows, first, count, out.inputs));
  INGOT_RETURN_IF_ERROR(take(targets, rows, first, count, out.targets));
  INGOT_RETURN_IF_ERROR(take(sampleWeights, rows, first, count, out.sampleWeights));
  return true;
}

//===----------------------------------------------------------------------===//
// PyDataset

void PyDataset::setOrder(bool shuffle, uint64_t seed) { order.set(shuffle, seed); }

Result<bool> PyDataset::fill(int64_t epoch, int64_t batch, Batch &out) {
  int64_t index = batch;
  if (const std::optional<int64_t> count = size(); count && batch < *count)
    if (const EpochOrder::Order kept = order.of(epoch, *count))
      index = (*kept)[size_t(batch)];
  Result<Batch> made = getItem(index);
  if (!made.isOk())
    return made.status().withContext("getItem(" + std::to_string(index) + ")");
  out = std::move(*made);
  return true;
}

//===----------------------------------------------------------------------===//
// GeneratorSource

Result<bool> GeneratorSource::fill(int64_t, int64_t batch, Batch &out) {
  if (batch == 0)
    next = start();
  return next(out);
}

} // namespace ingot::train
