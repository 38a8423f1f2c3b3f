// What the meanings of ops that take indices share.
#pragma once
#include "ir/reference/Tensor.h"

namespace ingot::graph {

/// The index if it lies in 0 … limit - 1, else fails the run. Unsigned 64-bit values beyond the
/// signed range are negative here and so outside, as they should be.
inline llvm::FailureOr<int64_t> checkedIndex(reference::EvalContext &context,
                                             const reference::Tensor &indices, int64_t linear,
                                             int64_t limit) {
  int64_t index = indices.integer(linear);
  if (index >= 0 && index < limit)
    return index;
  return context.fail("index " + std::to_string(index) + " at position " + std::to_string(linear) +
                      " is outside 0 ... " + std::to_string(limit - 1));
}

/// The product of sizes.
inline int64_t product(llvm::ArrayRef<int64_t> sizes) {
  int64_t n = 1;
  for (int64_t s : sizes)
    n *= s;
  return n;
}

} // namespace ingot::graph
