// Part of the phase `layout` for GPUs: reductions read 16-bit floats as they are stored.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Where a reduction reads what a nest alone extends from f16 or bf16 to f32, it reads the half
/// itself and extends it: half the memory, and what tensor cores multiply.
void readHalves(mlir::func::FuncOp function);

} // namespace ingot
