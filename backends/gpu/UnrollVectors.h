// Vectors of a kernel's code become scalars, which is what a thread computes with; what stays of
// them are loads and stores of whole pieces.
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace ingot::gpu {

/// Rewrites the function with a scalar for each lane of a vector. Loads and stores are of as many
/// neighbours as are known to be aligned together, of 16 bytes at most: vectors that are taken
/// apart by vector.extract, and made by vector.from_elements, at once. Pointers from the frame and
/// to shared memory are taken to be aligned to 16 bytes. Fails, and changes nothing, where lanes
/// are read or written in another way (gathers, masks).
mlir::LogicalResult unrollVectors(mlir::func::FuncOp function);

} // namespace ingot::gpu
