// The phase `fuse`, its second step: kernels that wait for memory run slice by slice.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Where consecutive kernels compute every slice of a batch from that slice alone, and what they
/// make of it is large beside the weights that they read, they run for one slice after another, in
/// an exec.scan over the batch: what one kernel makes is still in cache when the next one reads it,
/// and the arena holds one slice of it. Each slice is computed as it would be alone, so that no bit
/// of a result changes: by all threads, kernel after kernel, where each of these reads and makes
/// `leastBytes` and more; else (less is no time beside a dispatch) slices run side by side, each on
/// one thread (exec::kParallelAttr). So do attention's heads: products of small matrices and what
/// is between them, of which there is then as much as there are tasks. Scores of long sequences,
/// and of those whose length is not known, are made in tiles of their rows; what grows with the
/// product of two unknown sizes is never stored whole where slices can be.
void sliceBatches(mlir::func::FuncOp function, int64_t leastBytes = 128 << 10);

} // namespace ingot
