// The sources of batches that fit knows: arrays, Keras's PyDataset, a generator.
//
// Each makes the same batches for any number of workers. See DataSource.h for the contract.
#ifndef INGOT_TRAIN_SOURCES_H
#define INGOT_TRAIN_SOURCES_H

#include "ingot/DataSource.h"

#include <functional>
#include <memory>
#include <mutex>

namespace ingot::train {

/// The order in which an epoch takes samples or batches, made once an epoch; any number of threads
/// may ask for it.
class EpochOrder {
public:
  using Order = std::shared_ptr<const std::vector<int64_t>>;
  void set(bool shuffle, uint64_t seed);
  /// A permutation of 0 … count - 1; NULL where it is not shuffled.
  Order of(int64_t epoch, int64_t count);

private:
  bool shuffled = false;
  uint64_t seed = 0;
  std::mutex mutex; // of the two below
  int64_t orderedEpoch = -1;
  Order order;
};

/// Rows of the caller's arrays, which outlive it. A batch that is a range of rows is lent, not
/// copied; a shuffled one is gathered.
class ArraySource : public DataSource {
public:
  using Arrays = std::vector<TensorView>;
  /// Rows begin … end of arrays that have as many: Trainer checks them.
  ArraySource(Arrays inputs, Arrays targets, Arrays sampleWeights, int64_t begin, int64_t end,
              int64_t batchSize);
  ~ArraySource() override;

  std::optional<int64_t> batchCount() const override;
  Result<bool> fill(int64_t epoch, int64_t batch, Batch &out) override;
  void setOrder(bool shuffle, uint64_t seed) override;

private:
  Status take(const Arrays &arrays, const int64_t *rows, int64_t first, int64_t count,
              std::vector<Tensor> &out) const;

  Arrays inputs, targets, sampleWeights;
  int64_t begin, end, batchSize;
  EpochOrder order;
};

/// Keras's PyDataset, once called Sequence: the user says how many batches there are and makes one
/// by its index. With fit's `shuffle` the batches come in another order each epoch.
class PyDataset : public DataSource {
public:
  /// Batches of an epoch; none: without end.
  virtual std::optional<int64_t> size() const = 0;
  /// Makes batch `index`; called by several threads at once.
  virtual Result<Batch> getItem(int64_t index) = 0;

  std::optional<int64_t> batchCount() const final { return size(); }
  Result<bool> fill(int64_t epoch, int64_t batch, Batch &out) final;
  void setOrder(bool shuffle, uint64_t seed) final;

private:
  EpochOrder order;
};

/// What a function gives, one batch after another.
class GeneratorSource : public DataSource {
public:
  /// Gives the next batch; false: there are no more.
  using Next = std::function<Result<bool>(Batch &out)>;
  /// Called at the beginning of each pass. To resume a training it is called again and the batches
  /// that were used are made and dropped.
  using Start = std::function<Next()>;
  explicit GeneratorSource(Start start) : start(std::move(start)) {}

  std::optional<int64_t> batchCount() const override { return std::nullopt; }
  Result<bool> fill(int64_t epoch, int64_t batch, Batch &out) override;
  bool isSequential() const override { return true; }

private:
  Start start;
  Next next;
};

} // namespace ingot::train

#endif
