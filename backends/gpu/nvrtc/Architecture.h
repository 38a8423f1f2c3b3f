// The GPU architectures that code is made for, as users name them (`--gpu sm_80,sm_90a`) and as
// NVRTC does. Called by the command line, CompileUnits and the emitter.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace ingot::gpu {

/// One of knownArchitectures(), in their order.
struct Architecture {
  int number;      ///< ten times the compute capability: 86 is 8.6
  bool isSpecific; ///< "sm_90a": its code and PTX run on this compute capability alone

  std::string name() const;      ///< "sm_90a": what cubins are compiled for
  std::string ptxTarget() const; ///< "compute_90a"
  bool operator==(const Architecture &) const = default;
  auto operator<=>(const Architecture &) const = default;
};

/// sm_75 sm_80 sm_86 sm_89 sm_90a sm_100 sm_120.
llvm::ArrayRef<Architecture> knownArchitectures();

/// Their names, apart from each other by spaces.
std::string architectureNames(llvm::ArrayRef<Architecture> architectures);

/// The value of `--gpu`: names with commas between them, or "all". Each is in the result once, in
/// ascending order. An error names what is not known and lists what is.
llvm::Expected<std::vector<Architecture>> parseArchitectures(llvm::StringRef list);

/// For whose GPUs the one PTX text is: the lowest architecture whose PTX later GPUs take, too. None
/// when all are specific.
std::optional<Architecture> ptxFallback(llvm::ArrayRef<Architecture> architectures);

} // namespace ingot::gpu
