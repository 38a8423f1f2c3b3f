// Feed: batches as a source makes them, turned into what a function of the artifact takes: checked,
// converted to its element types, with the sample weights it needs.
//
// Invariant: views of a FedBatch that was arranged fit the function's inputs, one each, in order. A
// Feed is not changed by arrange, so any number of threads may use one.
#ifndef INGOT_RUNTIME_TRAIN_FEED_H
#define INGOT_RUNTIME_TRAIN_FEED_H

#include "ingot/train/Trainer.h"
#include "runtime/train/Convert.h"

namespace ingot::train {

/// A batch and the memory of what was made of it; used again for batch after batch.
struct FedBatch {
  Batch batch;
  std::vector<Tensor> buffers; ///< of inputs that are not the source's own tensors
  std::vector<Shape> shapes;
  std::vector<TensorView> views;
  int64_t rows = 0;
};

using ClassWeights = std::map<int64_t, double>;

class Feed {
public:
  /// The function's inputs are the model's (those of `predict`; without one the first
  /// `modelInputs`), then targets, then sample weights, which are known by their names.
  Feed(const ingot_function &function, const ingot_function *predict, size_t modelInputs);

  /// Weights by class from here on. InvalidArgument: the function has more targets than one.
  Status setClassWeights(ClassWeights weights);

  /// Whether arrays of all samples fit, before any work is done. InvalidArgument names the array
  /// and what it should be.
  Status check(const Arrays &inputs, const Arrays &targets, const Arrays &sampleWeights) const;

  Status arrange(FedBatch &batch) const;

private:
  Status checkCounts(size_t inputs, size_t targets, size_t sampleWeights) const;
  Status checkTensor(size_t input, const TensorView &array, Shape &shape, Convert &convert) const;
  Status checkRows(size_t input, const TensorView &array, int64_t rows) const;
  Status place(size_t input, const TensorView &array, FedBatch &batch) const;
  Status placeWeights(size_t input, FedBatch &batch) const;
  Status weighByClass(const TensorView &target, float *weights) const;
  std::string nameOf(size_t input) const;

  const ingot_function *function;
  size_t inputs = 0, targets = 0, weights = 0; // how many of each
  ClassWeights classWeights;
};

} // namespace ingot::train

#endif
