// The phase `layout`: contractions read the operand that runs along the lanes contiguously.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// Gives every contraction whose lane operand is not contiguous along the lane loop, or is a large
/// variable, a packed copy of it, made by a movement nest (which `derive` takes over where the
/// operand is a variable). Operands of bytes, and those extended from bf16, are packed in groups,
/// and the latter read as they are.
void packContractions(mlir::func::FuncOp function);

/// A copy of the operand with these dimensions: its element at source(loops), zero where `lane` is
/// not below `lanes`; without a lane there is no such place.
mlir::Value packedCopy(mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<Dim> dims,
                       mlir::Value operand, mlir::AffineMap source, mlir::AffineExpr lane,
                       int64_t lanes);

} // namespace ingot
