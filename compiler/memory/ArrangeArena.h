// Where in the arena tensors are, so that those which are needed at one time do not overlap.
#pragma once
#include "ir/Dims.h"

namespace ingot {

/// A tensor's stay: its bytes, and the first and the last moment at which it is needed.
struct Stay {
  Dim bytes;
  int64_t first, last;
};

struct Arrangement {
  Dims offsets; // by stay, in bytes
  Dim bytes;    // of the arena
};

/// Offsets for any values of the dimensions' symbols. Tensors whose sizes are multiples of one
/// expression share a region of the arena; in each they are placed one after another, at the
/// least offset where nothing is meanwhile, in the one of some orders that takes least. Sizes are
/// rounded up to the artifact's alignment.
Arrangement arrangeArena(mlir::MLIRContext *context, llvm::ArrayRef<Stay> stays);

} // namespace ingot
