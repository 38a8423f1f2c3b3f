// MetricTotals: what train_step or evaluate returned, over the batches so far, as metrics.
//
// Invariant: an output that the artifact's function `metrics` takes is added up as it is; any other
// is a mean over its batch, and weighs as many samples as that had. Sums are f64.
#ifndef INGOT_RUNTIME_TRAIN_METRICTOTALS_H
#define INGOT_RUNTIME_TRAIN_METRICTOTALS_H

#include "ingot/train/Callback.h"

#include <vector>

namespace ingot::train {

class MetricTotals {
public:
  /// `metrics` may be NULL. Unsupported: an output is neither an f32 scalar nor what `metrics`
  /// takes, there is no `loss`, or `metrics` takes or returns something else.
  static Result<MetricTotals> create(const ingot_function &function, const ingot_function *metrics);

  void reset();
  /// Adds the outputs of the session's last run, on a batch of so many samples.
  void add(const Session &session, int64_t rows);
  /// The mean loss; NaN before the first batch.
  double loss() const;
  bool isEmpty() const { return samples == 0; }

  /// Sorted by name; none before the first batch. `metrics`: a session of that function.
  Result<Logs> logs(State &state, Session *metrics);

  /// For checkpoints: all sums and the number of samples.
  const std::vector<double> &values() const { return sums; }
  int64_t sampleCount() const { return samples; }
  /// False: these are not the sums of these functions.
  bool restore(const std::vector<double> &values, int64_t sampleCount);

private:
  struct Output {
    const ingot_tensor_info *info;
    size_t index, begin, count; // of the function's outputs; where its sums are
    bool isMean;
  };

  size_t lossIndex = 0;          // into sums
  std::vector<Output> outputs;   // as the function returns them
  std::vector<size_t> arguments; // of `metrics`: indices into outputs
  std::vector<Tensor> buffers;   // the values of those
  std::vector<double> sums;
  int64_t samples = 0;
};

} // namespace ingot::train

#endif
