// Part of the phase `layout`: which convolutions are computed by Winograd's algorithm.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// Replaces each f32 convolution of a 3 x 3 window with stride 1, whose kernel depends on variables
/// alone, by exec.winograd where that takes less time: F(2 x 2) or F(4 x 4), by the operations and
/// bytes of each. The shape alone decides, never a stopwatch or the number of threads. Zero padding
/// before it is taken in. Functions that write variables keep direct convolutions, as their kernels
/// would be transformed in each run. docs/Performance.md states the bound of the errors.
void chooseWinograd(mlir::func::FuncOp function);

} // namespace ingot
