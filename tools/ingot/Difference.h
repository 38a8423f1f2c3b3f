// How far two tensors of one type and shape are apart. Used by `run --expect` and `compare`.
#pragma once
#include "tools/ingot/TensorFile.h"

namespace ingot::cli {

/// `|actual - expected| <= relative * scale + absolute`, where scale is the largest magnitude that
/// is expected in the tensor (the error of a sum scales with its terms), or elementwise the
/// expected element's own. For integers and booleans only `absolute` counts.
struct Tolerance {
  double relative = 0, absolute = 0;
  bool isElementwise = false;
};

/// Where a maximum is: an element, of one of several runs.
struct Worst {
  double value = 0;
  int64_t index = -1, step = -1;
};

struct Difference {
  /// Over elements that are finite on both sides.
  Worst absolute, relative, ulp;
  double ofLargest = 0;    ///< the largest absolute error over the largest expected magnitude
  int64_t nanCount = 0;    ///< elements where NaN or an infinity is on one side only
  int64_t mismatches = 0;  ///< elements beyond the tolerance
  int64_t worstIndex = -1; ///< of the element that is farthest off; one with NaN comes first
  int64_t worstStep = -1;
};

Difference differenceOf(const TensorView &actual, const TensorView &expected,
                        const Tolerance &tolerance);

/// Takes in the difference of run number `step` of the same tensor.
void merge(Difference &all, const Difference &one, int64_t step);

} // namespace ingot::cli
