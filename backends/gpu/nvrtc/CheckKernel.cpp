// See CheckKernel.h.
#include "backends/gpu/nvrtc/CheckKernel.h"

namespace ingot::gpu {
namespace {

std::string count(int64_t number, const char *what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

/// "kernel dense_gemm (node dense_3) for sm_80 ".
std::string subject(const UnitKernel &kernel, const KernelUse &use) {
  return "kernel " + kernel.symbol + " (node " + kernel.node + ") for " + use.architecture.name() +
         " ";
}

std::string leaveOut(const KernelUse &use) {
  return "; this is a mistake of the compiler, not of the model: leave " + use.architecture.name() +
         " out of --gpu until it is mended";
}

} // namespace

std::string checkKernel(const UnitKernel &kernel, const KernelUse &use, bool mayUseLocalMemory) {
  const KernelResources &has = use.resources;
  if (static_cast<int64_t>(has.parameters.size()) != kernel.parameters)
    return subject(kernel, use) + "has " + count(has.parameters.size(), "parameter") + ", not " +
           std::to_string(kernel.parameters) + leaveOut(use);
  if (has.maxThreads != 0 && kernel.threads > has.maxThreads)
    return subject(kernel, use) + "is launched with " + count(kernel.threads, "thread") +
           " a block, but was compiled for " + std::to_string(has.maxThreads) + " at most" +
           leaveOut(use);
  int64_t loads = has.count("LDL"), stores = has.count("STL");
  if ((has.localBytes || loads || stores) && !mayUseLocalMemory)
    return subject(kernel, use) +
           "keeps values outside of registers: " + count(has.localBytes, "byte") + " a thread, " +
           count(loads, "load") + " and " + count(stores, "store") + ", with " +
           count(has.registers, "register") + " of " + count(kernel.threads, "thread") +
           "; it wants smaller tiles, fewer threads a block, or arrays whose indices are known" +
           leaveOut(use);
  if (use.occupancy.blocks == 0)
    return subject(kernel, use) + "cannot be launched, for want of " + use.occupancy.limit + ": " +
           count(kernel.threads, "thread") + " a block, " + count(has.registers, "register") +
           " a thread, " + count(has.sharedBytes, "byte") + " of static and " +
           std::to_string(kernel.sharedBytes) + " of dynamic shared memory; there are " +
           std::to_string(multiprocessorLimits(use.architecture).blockSharedBytes) +
           " for a block" + leaveOut(use);
  return "";
}

} // namespace ingot::gpu
