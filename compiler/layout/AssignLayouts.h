// Chooses the order of dimensions in which tensors between nests are stored.
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace ingot {

/// Moves permutations of dimensions (a model's NCHW around channels-last convolutions, the heads of
/// attention) from before a map to behind it, which then runs in the order of what it reads. Where
/// one meets another, they become one, or none; reductions and contractions read through it where
/// that keeps their innermost accesses contiguous. What leaves the function keeps its order.
void assignLayouts(mlir::func::FuncOp function);

} // namespace ingot
