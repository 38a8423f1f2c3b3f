// See GpuTarget.h.
#include "backends/gpu/GpuTarget.h"

namespace ingot::gpu {

const GpuTarget *lookupTarget(llvm::StringRef family) {
  static const GpuTarget targets[] = {
      {"opencl", "opencl", false, false},
      {"sm_75", "cuda", true, false},
      {"sm_80", "cuda", true, true},
  };
  for (const GpuTarget &target : targets)
    if (target.family == family)
      return &target;
  return nullptr;
}

} // namespace ingot::gpu
