// The constant part of an artifact as LLVM IR: the tables of runtime/include/ingot/artifact.h, and
// the one exported function, which picks the table for the CPU it runs on. Called by writeArtifact.
#pragma once
#include "backends/cpu/CpuTarget.h"
#include "compiler/package/ArtifactDescription.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace llvm {
class Constant;
class Module;
} // namespace llvm

namespace ingot::cpu {

/// What the table of one variant needs to know.
struct TableVariant {
  const CpuTarget *target;
  std::string name; // "x86-64-v3"; of a device's, its family: "sm_80"
  const ArtifactDescription *description;
  /// Put before the names of the variant's functions.
  std::string prefix;
  /// The hidden symbol of the initial state; empty when there is none.
  std::string stateSymbol;
};

/// What the artifact says of one family of devices.
struct TableDevice {
  TableVariant variant; // of the host code
  const DeviceDescription *description;
};

/// Adds one table per variant and the function `symbol`, which prefers variants in the given order.
/// Every variant's table has all devices.
llvm::Error addArtifactTables(llvm::Module &module, llvm::ArrayRef<TableVariant> variants,
                              llvm::ArrayRef<TableDevice> devices, const std::string &symbol);

/// Adds `symbol`: it returns the table of the first target whose features this CPU and its
/// operating system have, else null (SelectVariant.cpp).
llvm::Error addVariantSelector(llvm::Module &module, llvm::ArrayRef<const CpuTarget *> targets,
                               llvm::ArrayRef<llvm::Constant *> tables, const std::string &symbol);

} // namespace ingot::cpu
