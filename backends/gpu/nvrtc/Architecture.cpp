// See Architecture.h.
#include "backends/gpu/nvrtc/Architecture.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

namespace ingot::gpu {
namespace {

constexpr Architecture known[] = {
    {75, false},  // Turing: mma of f16
    {80, false},  // A100: cp.async, mma of bf16 and tf32
    {86, false},  // RTX 30; code for 8.0 runs here, with less shared memory and other latencies
    {89, false},  // RTX 40, L4
    {90, true},   // H100: TMA and wgmma are features of sm_90a
    {100, false}, // B200
    {120, false}, // RTX 50
};

} // namespace

std::string Architecture::name() const {
  return "sm_" + std::to_string(number) + (isSpecific ? "a" : "");
}

std::string Architecture::ptxTarget() const {
  return "compute_" + std::to_string(number) + (isSpecific ? "a" : "");
}

llvm::ArrayRef<Architecture> knownArchitectures() { return known; }

std::string architectureNames(llvm::ArrayRef<Architecture> architectures) {
  return llvm::join(llvm::map_range(architectures, [](Architecture it) { return it.name(); }), " ");
}

llvm::Expected<std::vector<Architecture>> parseArchitectures(llvm::StringRef list) {
  if (list == "all")
    return std::vector<Architecture>(std::begin(known), std::end(known));
  llvm::SmallVector<llvm::StringRef> names;
  list.split(names, ',');
  std::vector<Architecture> result;
  for (llvm::StringRef name : names) {
    const auto *found = llvm::find_if(known, [&](Architecture it) { return it.name() == name; });
    if (found == std::end(known))
      return llvm::createStringError("no GPU architecture is called '" + name.str() +
                                     "'; there are " + architectureNames(known) +
                                     ", with commas between them, and 'all'");
    result.push_back(*found);
  }
  llvm::sort(result);
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

std::optional<Architecture> ptxFallback(llvm::ArrayRef<Architecture> architectures) {
  std::optional<Architecture> lowest;
  for (Architecture architecture : architectures)
    if (!architecture.isSpecific && (!lowest || architecture < *lowest))
      lowest = architecture;
  return lowest;
}

} // namespace ingot::gpu
