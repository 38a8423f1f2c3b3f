// What a launch of a kernel takes at least, by a static model: from the machine code, the launch,
// what is to be computed, and what is published of a GPU. No GPU is asked, and the figures were not
// compared with any: they are estimates. docs/Gpu.md has the formulas in words. Called by
// `ingot inspect --gpu-cost`.
#pragma once
#include "backends/gpu/cost/GpuMachine.h"
#include "backends/gpu/nvrtc/Cubin.h"
#include "backends/gpu/nvrtc/Occupancy.h"

namespace ingot::gpu {

struct KernelLaunch {
  int64_t blocks;      ///< at least 1
  int64_t threads;     ///< of a block
  int64_t sharedBytes; ///< dynamic, of a block
  double flops;        ///< what the launch computes
  double bytes;        ///< of its operands and results, each once
  /// What it would compute if no tile stuck out over the end of the result: flops or more. The code
  /// takes the time of whole tiles.
  double wholeTilesFlops;
};

/// Seconds. The roofline is what the whole machine would take for the launch's bytes and
/// operations; the other bounds follow from the code and from how the blocks fill the machine.
struct KernelCost {
  double roofline = 0;
  double seconds = 0; ///< expected: a launch, and the largest of the bounds
  /// What that is of: "memory", "FP32", "FP64", "tensor cores", "integers", "special functions",
  /// "loads and stores", "issue", "latency" or "launch".
  const char *bound = "";
  Occupancy occupancy;
  /// Of the loop that most operations are in: its instructions, those of them that are operations,
  /// and how often each warp goes through it. 0 where there is none.
  int64_t loopInstructions = 0, loopArithmetic = 0;
  double loopTrips = 0;

  double share() const { return roofline / seconds; }
};

/// Of a kernel that can be launched so. `kernel` is read from a cubin for the architecture.
KernelCost kernelCost(const KernelResources &kernel, const KernelLaunch &launch,
                      Architecture architecture);

/// Of a copy on the device, which reads and writes so many bytes each.
KernelCost copyCost(double bytes, Architecture architecture);

} // namespace ingot::gpu
