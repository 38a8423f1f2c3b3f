// Recomputation instead of storage: cheap forward values that the backward pass reads are computed
// again there when that leaves less to keep. Internal to compiler/autodiff.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// What the forward pass, the ops of `block` up to and including `lastForward`, keeps for the ops
/// after it, in bytes, each dimension symbol taken as 64. Arguments, reads of variables and
/// constants do not count: they are there anyway.
int64_t bytesKept(mlir::Block &block, mlir::Operation *lastForward);

/// Clones cheap forward ops (elementwise, broadcast, reshape) next to their backward users wherever
/// bytesKept falls by it, and returns how many values are no longer kept. The clones carry
/// `graph.recompute`, which keeps later passes from merging them with the originals. Contractions,
/// reductions and convolutions are never done twice.
int64_t recomputeCheapValues(mlir::Block &block, mlir::Operation *lastForward);

} // namespace ingot
