// Part of the phase `layout`: sums of products that a loop makes bit by bit are made at once.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// A scan that only adds a matrix product to what it carries, as the gradient of a recurrent
/// layer's kernel is summed over time, stacks the product's operands instead (or has them as its
/// inputs), and one product sums over iterations too: as many operations, but a large product and
/// no pass over the matrix in each iteration. Comes first in the phase.
void hoistSums(mlir::func::FuncOp function);

} // namespace ingot
