// The phase `fuse`: nests are grouped into kernels.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Wraps every nest of the function, and of the regions of its control flow, in an exec.kernel,
/// alone or with others of its block:
///   - a cheap map is computed where it is used instead of being stored (its nest is copied into
///   its
///     users' kernels and not yielded there);
///   - maps over a contraction's or reduction's result run as its epilogue;
///   - maps over one domain run in one loop;
///   - nests that agree on their outer loops and meet only at equal outer indices (softmax, layer
///     norm, a loss) run one after another for each outer point.
void formKernels(mlir::func::FuncOp function);

/// What a kernel of these is called: their layers' names.
std::string kernelName(llvm::ArrayRef<mlir::Operation *> members);

/// An attribute of nests in a kernel: what they make, where the kernel does not yield it, is kept
/// for the outer point that it is made at (in registers or a buffer of the task) and is not
/// computed again where it is read.
constexpr llvm::StringLiteral kKeptAttr = "exec.kept";

} // namespace ingot
