// How much a dispatch computes and moves, as formulas over the function's symbols: for descriptions
// of artifacts, and for passes that weigh doing something again. Seen from structure alone.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

struct Work {
  Dim flops; // floating-point operations; 0 where that is not known
  Dim bytes; // of operands and results
};

/// Of one run of the function, so that what is inside a scan counts for each of its trips.
Work workOf(mlir::Operation *dispatch);

} // namespace ingot
