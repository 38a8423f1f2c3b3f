#include "backends/gpu/prelude/Prelude.h"

namespace ingot::gpu {

llvm::StringRef cudaPrelude() {
  static constexpr char text[] =
#include "cuda.h.inc"
      ;
  return {text, sizeof(text) - 1};
}

llvm::StringRef openclPrelude() {
  static constexpr char text[] =
#include "opencl.h.inc"
      ;
  return {text, sizeof(text) - 1};
}

llvm::StringRef shimPrelude() {
  // The second would include the first, were it not there.
  static constexpr char text[] =
#include "shim_abi.h.inc"
      "\n"
#include "shim.h.inc"
      ;
  return {text, sizeof(text) - 1};
}

} // namespace ingot::gpu
