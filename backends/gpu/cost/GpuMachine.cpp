// See GpuMachine.h. Multiprocessors, clocks, memory and dense products of tensor cores are those of
// NVIDIA's data sheets and architecture white papers (T4 2018, A100 2020, A10 and L4 data sheets,
// H100 2022, Blackwell data sheet 2024, RTX Blackwell 2025); of the H100's two clocks the one of
// tensor cores; the B200's is the one at which its 2.25 PFLOP/s of f16 come out. Lanes of FP32,
// FP64 and integers are from "Throughput of Native Arithmetic Instructions" in the CUDA C++
// Programming Guide 13.0.
//
// HMMA on 9.0 reaches 62 % of HGMMA's rate (Luo et al., "Benchmarking and Dissecting the Nvidia
// Hopper GPU Architecture", 2024, table of mma instructions). Of 10.0 nothing is published: it is
// taken to be 9.0's, for a multiprocessor.
#include "backends/gpu/cost/GpuMachine.h"
#include "llvm/ADT/STLExtras.h"

namespace ingot::gpu {
namespace {

constexpr GpuMachine machines[] = {
    {75, "T4", 40, 1.59e9, 320e9, 64, 2, 64, 1024, 1024},
    {80, "A100 SXM 40 GB", 108, 1.41e9, 1555e9, 64, 32, 64, 2048, 2048},
    {86, "A10", 72, 1.695e9, 600e9, 128, 2, 64, 1024, 1024},
    {89, "L4", 58, 2.04e9, 300e9, 128, 2, 64, 1024, 1024},
    {90, "H100 SXM", 132, 1.83e9, 3350e9, 128, 64, 64, 4096, 2540},
    {100, "B200", 148, 1.855e9, 8000e9, 128, 64, 64, 8192, 2540},
    {120, "RTX 5090", 170, 2.407e9, 1792e9, 128, 2, 128, 512, 512},
};

} // namespace

const GpuMachine &gpuMachine(Architecture architecture) {
  const GpuMachine *machine = llvm::find_if(
      machines, [&](const GpuMachine &it) { return it.architecture == architecture.number; });
  assert(machine != std::end(machines) && "not one of knownArchitectures()");
  return *machine;
}

} // namespace ingot::gpu
