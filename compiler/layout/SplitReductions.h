// Part of the phases `layout` and `fuse`: long reductions into few results are cut, so that they
// parallelise.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Cuts a reduction over several loops into few results (gradients of biases and small filters,
/// batch statistics) at every step of its outermost reduction loop: partial results first, then
/// their combination. The cut depends on the shape alone, never on the number of threads.
void splitReductions(mlir::func::FuncOp function);

/// For GPUs, before kernels are formed of what is not attention: cuts products of matrices with
/// long sums and few results (gradients of weights) at the outermost reduction loop into so many
/// parts that their tiles keep the device busy, and sums along one loop that is long by an unknown
/// factor (gradients of biases).
void splitForGpus(mlir::func::FuncOp function);

} // namespace ingot
