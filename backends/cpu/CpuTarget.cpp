// The table of CPU levels and what this machine has of them.
#include "backends/cpu/CpuTarget.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include <unistd.h>

namespace ingot::cpu {

llvm::ArrayRef<CpuTarget> allTargets() {
  constexpr int64_t kib = 1 << 10;
  static const CpuTarget targets[] = {
      {"x86-64", "x86-64", "", 16, 16, false, false, false, false, false, 32 * kib, 256 * kib, 0},
      {"x86-64-v2", "x86-64-v2", "", 16, 16, false, false, false, false, false, 32 * kib, 256 * kib,
       1},
      {"x86-64-v3", "x86-64-v3", "", 32, 16, true, false, false, false, false, 32 * kib, 512 * kib,
       2},
      {"x86-64-v3+vnni", "x86-64-v3", "+avxvnni", 32, 16, true, false, true, false, false, 32 * kib,
       512 * kib, 3},
      {"x86-64-v4", "x86-64-v4", "-prefer-256-bit", 64, 32, true, true, false, false, false,
       32 * kib, 1024 * kib, 4},
      {"x86-64-v4+vnni", "x86-64-v4", "-prefer-256-bit,+avx512vnni", 64, 32, true, true, true,
       false, false, 32 * kib, 1024 * kib, 5},
      {"x86-64-v4+bf16", "x86-64-v4", "-prefer-256-bit,+avx512vnni,+avx512bf16", 64, 32, true, true,
       true, true, false, 32 * kib, 1024 * kib, 6},
      {"x86-64-v4+amx", "x86-64-v4",
       "-prefer-256-bit,+avx512vnni,+avx512bf16,+amx-tile,+amx-int8,+amx-bf16", 64, 32, true, true,
       true, true, true, 32 * kib, 1024 * kib, 7},
  };
  return targets;
}

const CpuTarget *lookupTarget(llvm::StringRef name) {
  if (name == "host")
    return &hostTarget();
  for (const CpuTarget &target : allTargets())
    if (target.name == name)
      return &target;
  return nullptr;
}

bool runsHere(const CpuTarget &target) {
  static const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  auto all = [&](std::initializer_list<const char *> names) {
    return llvm::all_of(names, [&](const char *name) { return features.lookup(name); });
  };
  bool hasV4 = all({"avx2", "fma", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"});
  switch (target.rank) {
  case 0:
    return true;
  case 1:
    return all({"sse3", "ssse3", "sse4.1", "sse4.2", "popcnt"});
  case 2:
    return all({"avx", "avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe"});
  case 3:
    return all({"avx2", "fma", "bmi2", "f16c", "movbe", "avxvnni"});
  case 4:
    return hasV4;
  case 5:
    return hasV4 && all({"avx512vnni"});
  case 6:
    return hasV4 && all({"avx512vnni", "avx512bf16"});
  default:
    return hasV4 && all({"avx512vnni", "avx512bf16", "amx-tile", "amx-int8", "amx-bf16"}) &&
           syscall(archPrctl, requestPermission, tileData) == 0;
  }
}

const CpuTarget &hostTarget() {
  for (const CpuTarget &target : llvm::reverse(allTargets()))
    if (runsHere(target))
      return target;
  return allTargets().front();
}

} // namespace ingot::cpu
