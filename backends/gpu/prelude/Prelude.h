// What gives kernels' text its meaning: put in front of it, before a compiler sees it.
//
// The texts are the files cuda.h, opencl.h and shim.h beside this one, as they are.
#pragma once
#include "llvm/ADT/StringRef.h"

namespace ingot::gpu {

/// For NVRTC.
llvm::StringRef cudaPrelude();
/// For an OpenCL driver: SIMT kernels alone.
llvm::StringRef openclPrelude();
/// For clang++-22, which makes images for tests without a GPU: tests/gpu/shim.
llvm::StringRef shimPrelude();

} // namespace ingot::gpu
