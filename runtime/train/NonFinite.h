// NonFiniteFinder: finds where the first NaN or infinity of a training came from, for
// FitOptions::detectNaN.
//
// It looks at each batch before the step and at outputs and variables after it. When something is
// wrong it puts the variables back to what they were and runs `evaluate` on the same batch, looking
// at the working memory after each kernel: the first one that leaves a NaN or an infinity there is
// named with its layer. When the forward pass is clean, the gradients were not.
#ifndef INGOT_RUNTIME_TRAIN_NONFINITE_H
#define INGOT_RUNTIME_TRAIN_NONFINITE_H

#include "ingot/Model.h"

#include <optional>
#include <vector>

namespace ingot::train {

class NonFiniteFinder {
public:
  static Result<NonFiniteFinder> create(State &state, ThreadPool *pool);

  /// Remembers the variables. FailedPrecondition: the batch holds such a value.
  Status before(const std::vector<TensorView> &batch, const ingot_function &function);
  /// FailedPrecondition names what is not finite after the step, and where that began.
  Status after(const Session &step);

private:
  std::string origin();

  State *state = nullptr;
  ThreadPool *pool = nullptr;
  std::vector<TensorView> batch;
  std::vector<Tensor> variables; // before the step, in the artifact's order
};

/// The index of the first element that is NaN or infinite; none for other types than floats.
std::optional<int64_t> findNonFinite(const TensorView &tensor);

} // namespace ingot::train

#endif
