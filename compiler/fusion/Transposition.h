// Movements that read along one group of loops what they write along another.
#pragma once
#include "compiler/fusion/Structure.h"

namespace ingot {

/// A copy whose source is contiguous along some loops and whose result along others, so that
/// squares of it are read and written a vector at a time and turned in registers.
struct Transposition {
  mlir::Value source;
  Dims read, written; // strides by loop, in elements
  int64_t start = 0;  // where in the source the loops begin
  /// Loops by which the source is contiguous, and the result; each from the outermost, which alone
  /// may have an extent that is not known. `backwards`: rows that ran so are turned round.
  llvm::SmallVector<unsigned> rows, columns, others;
  llvm::SmallVector<bool> backwards; // by loop
};

/// What the nest, which copies `tensor` at `map` into its first result, is; of f32 or i32, and so
/// large that it matters.
std::optional<Transposition> transpositionOf(exec::NestOp nest, mlir::Value tensor,
                                             mlir::AffineMap map);
/// The same of a movement as it is.
std::optional<Transposition> transpositionOf(exec::NestOp nest);

} // namespace ingot
