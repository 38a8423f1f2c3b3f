// The registry of targets: one line each.
#include "backends/cpu/CpuBackend.h"

namespace ingot {

std::unique_ptr<Target> createTarget(llvm::StringRef name) {
  if (name == "cpu")
    return cpu::createCpuBackend();
  return nullptr;
}

} // namespace ingot
