// The phase `fuse`, its second step: kernels that wait for memory run slice by slice.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Where consecutive kernels compute every slice of a batch from that slice alone, and what they
/// make of it is large beside the weights that they read, they run for one slice after another, in
/// an exec.scan over the batch: what one kernel makes is still in cache when the next one reads it,
/// and the arena holds one slice of it. Each slice is computed as it would be alone, by all
/// threads, so that no bit of a result changes. `leastBytes`: what a kernel reads and makes of one
/// slice, at least; less is no time beside a dispatch, and whole batches of it are in cache anyway.
void sliceBatches(mlir::func::FuncOp function, int64_t leastBytes = 128 << 10);

} // namespace ingot
