// How much of a multiprocessor a kernel leaves to others, and whether it can be launched at all: by
// what NVIDIA documents of each architecture, not by asking a GPU. Called by CompileUnits' gate,
// and by whoever chooses tiles.
#pragma once
#include "backends/gpu/nvrtc/Architecture.h"
#include <cstdint>

namespace ingot::gpu {

/// What a multiprocessor has, and what it gives to one block. Sizes are bytes.
struct MultiprocessorLimits {
  int64_t threads;
  int64_t blocks;
  int64_t registers;
  int64_t sharedBytes;         ///< for all blocks
  int64_t blockSharedBytes;    ///< for one, static and dynamic
  int64_t reservedSharedBytes; ///< what the system keeps of each block's besides
  int64_t sharedGranularity;
};

/// Of a known architecture.
const MultiprocessorLimits &multiprocessorLimits(Architecture architecture);

/// A block's needs.
struct BlockNeeds {
  int64_t threads;
  int64_t registers;   ///< of a thread
  int64_t sharedBytes; ///< static and dynamic
};

struct Occupancy {
  int64_t blocks = 0; ///< at once on a multiprocessor; 0: the kernel cannot be launched
  int64_t warps = 0;  ///< of these blocks
  int64_t mostWarps = 0;
  /// What there is too little of for one more block: "threads", "blocks", "registers" or "shared
  /// memory".
  const char *limit = "";
};

/// With as much of the cache as shared memory as there can be.
Occupancy occupancy(const BlockNeeds &needs, Architecture architecture);

} // namespace ingot::gpu
