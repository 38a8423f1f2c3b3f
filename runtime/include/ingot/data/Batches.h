// Batches by number: what data sets and generators offer to a training loop.
//
// Invariant: batch(epoch, index) depends on its arguments, the source's options and its data alone,
// not on what was asked before nor on the thread that asks, so any number of threads may fetch
// batches ahead, in any order, and training sees the same numbers.
#ifndef INGOT_DATA_BATCHES_H
#define INGOT_DATA_BATCHES_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <cstdint>
#include <vector>

namespace ingot::data {

class BatchSource {
public:
  virtual ~BatchSource() = default;

  /// Samples in an epoch.
  virtual int64_t sampleCount() const = 0;
  /// Samples in a batch; the last one of an epoch may be smaller.
  virtual int64_t batchSize() const = 0;
  int64_t batchCount() const { return (sampleCount() + batchSize() - 1) / batchSize(); }

  /// How the tensors of a batch divide: model inputs, then targets, then sample weights.
  virtual size_t inputCount() const = 0;
  virtual size_t targetCount() const = 0;
  virtual size_t weightCount() const = 0;

  /// Fills `tensors` (their memory is used again) with batch `index` of `epoch`, both from 0: the
  /// first dimension of each counts the samples. OutOfRange for an index that is not there.
  virtual Status batch(int64_t epoch, int64_t index, std::vector<Tensor> &tensors) const = 0;
};

} // namespace ingot::data

#endif
