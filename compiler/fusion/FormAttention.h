// The phase `fuse` for GPUs, its first step: products of scores, what is made of these, and
// products with what was made become kernels that store no scores.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// Finds scores (products of queries and keys, over a batch or heads, of at most 128 elements each)
/// and wraps what reads them, up to sums over a row (softmax's) and products (with values, of the
/// gradients), in kernels that compute scores where they need them: flash attention (Dao et al.,
/// 2022; Milakov & Gimelshein, 2018, for the sums), forward and, where a training step reads the
/// scores again, backward. A kernel's domain is the batch and rows, or columns, of the scores; of
/// rows other kernels get the sums. Scores that anything else reads are left as they are.
///
/// A kernel of this kind has kStreamedAttr. Its nests are, in the loops of the domain and those
/// behind them (y is the axis of scores that is not in the domain; depth and lanes are at most
/// 128):
///   - scores: products over [domain, y | depth], which are not stored;
///   - maps over [domain, y], and over less;
///   - sums of rows: reductions over [domain | y];
///   - products over [domain, lanes | y], of one factor in [domain, y] and one that does not move
///     along x, and maps over [domain, lanes] of these.
void formAttention(mlir::func::FuncOp function);

/// An attribute of kernels, i64: the loop x of their domain that is an axis of scores.
constexpr llvm::StringLiteral kStreamedAttr = "exec.streamed";

} // namespace ingot
