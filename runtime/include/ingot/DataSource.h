// DataSource: where the batches of fit, evaluate and predict come from: arrays, files, a generator.
//
// Invariant: what fill makes follows from (epoch, batch) alone, never from which thread asks or in
// which order; so training gives the same bits for any number of workers, and one that was
// interrupted goes on where it was. Implemented by ingot_train (arrays, PyDataset, generators) and
// by ingot_data (pictures); called by ingot_train.
#ifndef INGOT_DATASOURCE_H
#define INGOT_DATASOURCE_H

#include "ingot/Tensor.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ingot {

/// One batch: a tensor for each input of the model and for each target, whose first dimensions are
/// the same. Element types are converted to the model's, see train::Arrays.
struct Batch {
  std::vector<Tensor> inputs, targets;
  /// Weights of the samples in the loss, one tensor a target or one for all; empty: all are 1.
  std::vector<Tensor> sampleWeights;
};

class DataSource {
public:
  virtual ~DataSource() = default;

  /// Batches of an epoch. None: it is not known, and fill says when there are no more.
  virtual std::optional<int64_t> batchCount() const = 0;

  /// Makes batch `batch` of pass `epoch` over the data, both from 0, in `out`, which may hold an
  /// earlier batch: memory that it has is best used again (Tensor::resize). False: that pass has no
  /// such batch; allowed where batchCount knows nothing. Several threads call it at once unless
  /// isSequential says otherwise. An error's message need not name the batch; the caller does.
  virtual Result<bool> fill(int64_t epoch, int64_t batch, Batch &out) = 0;

  /// True: one thread calls fill, with batch 0, 1, 2, … of a pass. A pass may be left at any batch,
  /// and begun again from 0.
  virtual bool isSequential() const { return false; }

  /// What fit was told of shuffling, before the first batch. Sources with an order of their own
  /// leave it as it is.
  virtual void setOrder(bool shuffle, uint64_t seed) {
    (void)shuffle;
    (void)seed;
  }

  /// Around each pass, while no thread is in fill.
  virtual void onEpochBegin() {}
  virtual void onEpochEnd() {}
};

} // namespace ingot

#endif // INGOT_DATASOURCE_H
