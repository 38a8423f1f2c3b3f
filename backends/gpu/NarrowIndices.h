// Indices of a kernel's code, 64 bits in the emitters, in 32 bits where that is the same.
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace ingot::gpu {

/// Computes in 32 bits what only needs that: offsets of addresses, which the plan keeps below 2^31
/// elements, what is made 32 bits wide afterwards, comparisons of what is known to fit, and loops
/// that count no further. `most`: what the function's second argument is at most.
void narrowIndices(mlir::func::FuncOp function, int64_t most);

} // namespace ingot::gpu
