// Named families of devices: what kernels may assume. Code generation asks nothing else.
#pragma once
#include "llvm/ADT/StringRef.h"
#include <string>

namespace ingot::gpu {

struct GpuTarget {
  std::string family;    // "sm_80"
  std::string api;       // "cuda" or "opencl"
  bool shuffles = false; // between the 32 threads of a warp
  bool mma = false;      // mma.sync of f16 and bf16, ldmatrix, asynchronous copies
};

/// Null for an unknown name.
const GpuTarget *lookupTarget(llvm::StringRef family);

} // namespace ingot::gpu
