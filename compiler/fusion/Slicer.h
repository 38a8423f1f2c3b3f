// Runs of kernels slice by slice: what SliceBatches.cpp decides is done here.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// What is sliced, and how.
struct Slicing {
  Dim batch;
  int64_t leastBytes;     // that an op reads and makes of a slice
  bool parallel = false;  // slices side by side, each by one thread
  bool products = false;  // only runs that have a product of slices with slices, of this very batch
  int64_t mostShared = 1; // times what passes through an op: what it may read again for each slice
  /// Where a number of rows that is not known is cut: the number, and how many are in a slice. The
  /// last slice is filled up with rows of zeros, of which nothing is kept.
  Dim rows = {};
  int64_t rowsInSlice = 0;
};

/// Whether the loop runs over products of matrices: both operands move with it.
bool isBatched(exec::NestOp nest, unsigned loop);
/// Whether it does in one of the kernel's nests; false for what is no kernel.
bool isBatched(mlir::Operation *op, unsigned loop);

/// Makes each run of kernels of the block that compute slice by slice, are large enough and leave
/// less than they keep to themselves an exec.scan over the slices. A kernel that asks for its
/// indices gets the slice's number as one more input.
void slice(mlir::Block &block, const Slicing &how);

/// A kernel of one map over `domain` that reads one tensor; `nest` makes it inside.
mlir::Value mapKernel(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                      mlir::Value input, llvm::ArrayRef<Dim> domain,
                      llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Value)> nest);

} // namespace ingot
