// See Occupancy.h. The figures are those of "Technical Specifications per Compute Capability" in
// the CUDA C++ Programming Guide 13.0; what is allocated at a time, and the rule by which registers
// are, those of cuda_occupancy.h 12.1 (CUDA 13.0), with which this was compared: 1,400,000 kernels.
#include "backends/gpu/nvrtc/Occupancy.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"

namespace ingot::gpu {
namespace {

constexpr int64_t kKiB = 1024;
constexpr int64_t kRegisters = 64 * kKiB;
constexpr int64_t kWarp = 32;
constexpr int64_t kMostThreadsOfBlock = 1024;
constexpr int64_t kMostRegistersOfThread = 255;
/// A multiprocessor has four parts, each with a quarter of the registers; a warp is in one of them.
constexpr int64_t kParts = 4;
constexpr int64_t kRegisterGranularity = 256; // of a warp

struct Row {
  int number;
  MultiprocessorLimits limits;
};

constexpr Row rows[] = {
    {75, {1024, 16, kRegisters, 64 * kKiB, 64 * kKiB, 0, 256}},
    {80, {2048, 32, kRegisters, 164 * kKiB, 163 * kKiB, kKiB, 128}},
    {86, {1536, 16, kRegisters, 100 * kKiB, 99 * kKiB, kKiB, 128}},
    {89, {1536, 24, kRegisters, 100 * kKiB, 99 * kKiB, kKiB, 128}},
    {90, {2048, 32, kRegisters, 228 * kKiB, 227 * kKiB, kKiB, 128}},
    {100, {2048, 32, kRegisters, 228 * kKiB, 227 * kKiB, kKiB, 128}},
    {120, {1536, 24, kRegisters, 100 * kKiB, 99 * kKiB, kKiB, 128}},
};

/// Blocks that the registers are enough for.
int64_t blocksByRegisters(const BlockNeeds &needs, const MultiprocessorLimits &limits) {
  int64_t warps = llvm::divideCeil(needs.threads, kWarp);
  int64_t ofWarp =
      llvm::alignTo(std::max<int64_t>(needs.registers, 1) * kWarp, kRegisterGranularity);
  // A launch is refused as if a block's warps were spread evenly over the parts.
  if (needs.registers > kMostRegistersOfThread ||
      ofWarp * static_cast<int64_t>(llvm::alignTo(warps, kParts)) > limits.registers)
    return 0;
  return limits.registers / kParts / ofWarp * kParts / warps;
}

int64_t blocksBySharedMemory(const BlockNeeds &needs, const MultiprocessorLimits &limits) {
  int64_t bytes =
      llvm::alignTo(needs.sharedBytes + limits.reservedSharedBytes, limits.sharedGranularity);
  if (needs.sharedBytes > limits.blockSharedBytes)
    return 0;
  return bytes ? limits.sharedBytes / bytes : limits.blocks;
}

} // namespace

const MultiprocessorLimits &multiprocessorLimits(Architecture architecture) {
  const Row *row =
      llvm::find_if(rows, [&](const Row &it) { return it.number == architecture.number; });
  assert(row != std::end(rows) && "not one of knownArchitectures()");
  return row->limits;
}

Occupancy occupancy(const BlockNeeds &needs, Architecture architecture) {
  const MultiprocessorLimits &limits = multiprocessorLimits(architecture);
  Occupancy result;
  result.mostWarps = limits.threads / kWarp;
  int64_t warps = llvm::divideCeil(std::max<int64_t>(needs.threads, 1), kWarp);
  std::pair<int64_t, const char *> bounds[] = {
      {needs.threads > kMostThreadsOfBlock ? 0 : result.mostWarps / warps, "threads"},
      {blocksByRegisters(needs, limits), "registers"},
      {blocksBySharedMemory(needs, limits), "shared memory"},
      {limits.blocks, "blocks"}};
  const auto *least = std::min_element(std::begin(bounds), std::end(bounds),
                                       [](auto &x, auto &y) { return x.first < y.first; });
  result.blocks = least->first;
  result.warps = result.blocks * warps;
  result.limit = least->second;
  return result;
}

} // namespace ingot::gpu
