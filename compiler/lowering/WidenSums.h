// Part of the phase `layout`: reductions of f16 and bf16 combine in f32.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Every reduction whose result is of a 16-bit float type reads its inputs as f32, computes and
/// combines in f32, and is rounded once, at its end: what `ir/reference` means by one op, and what
/// a back end can do at full speed. Comes first in the phase, when a nest is still one op.
void widenSums(mlir::func::FuncOp function);

} // namespace ingot
