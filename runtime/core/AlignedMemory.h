// Blocks of memory as an artifact wants them: aligned to INGOT_ALIGNMENT, never of zero size, so
// that a block always has an address. Used by Tensor, State and Session.
#ifndef INGOT_RUNTIME_CORE_ALIGNEDMEMORY_H
#define INGOT_RUNTIME_CORE_ALIGNEDMEMORY_H

#include "ingot/artifact.h"

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace ingot {

struct AlignedFree {
  void operator()(void *block) const { std::free(block); }
};
using AlignedBlock = std::unique_ptr<void, AlignedFree>;

/// At least `bytes` bytes with undefined contents, or NULL when they cannot be had.
inline AlignedBlock allocateAligned(uint64_t bytes) {
  constexpr uint64_t mask = INGOT_ALIGNMENT - 1;
  if (bytes > PTRDIFF_MAX - mask)
    return nullptr;
  uint64_t rounded = bytes == 0 ? INGOT_ALIGNMENT : (bytes + mask) & ~mask;
  return AlignedBlock(std::aligned_alloc(INGOT_ALIGNMENT, rounded));
}

} // namespace ingot

#endif // INGOT_RUNTIME_CORE_ALIGNEDMEMORY_H
