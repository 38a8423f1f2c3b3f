// What a GPU can do at most, as its maker publishes it: one GPU for each architecture that code is
// made for. Called by KernelCost, and by whoever says which GPU was meant.
#pragma once
#include "backends/gpu/nvrtc/Architecture.h"

namespace ingot::gpu {

struct GpuMachine {
  int architecture; ///< of Architecture::number
  const char *name; ///< "A100 SXM 40 GB"
  int64_t multiprocessors;
  double clock;          ///< cycles a second, boosted
  double bytesPerSecond; ///< of its memory
  // What a multiprocessor does in a cycle.
  int64_t fp32Lanes, fp64Lanes, integerLanes; ///< results: multiply-adds; additions of integers
  /// Operations of tensor cores on f16 or bf16, summed in f32: those of a warp group (HGMMA), and
  /// those that a warp's own instructions (HMMA) reach. On tf32 half as many.
  int64_t tensorFlops, warpTensorFlops;

  double cycles() const {
    return static_cast<double>(multiprocessors) * clock;
  } ///< a second, of all
  double fp32Flops() const { return cycles() * 2 * static_cast<double>(fp32Lanes); } ///< a second
};

/// Of a known architecture.
const GpuMachine &gpuMachine(Architecture architecture);

} // namespace ingot::gpu
