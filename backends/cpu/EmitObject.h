// From the LLVM dialect, or an LLVM module, to relocatable objects in memory. Every defined symbol
// comes out hidden: what an artifact exports is made elsewhere (ArtifactTable). Called by
// writeArtifact; thread-safe on distinct contexts.
#pragma once
#include "backends/cpu/CpuTarget.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace ingot::cpu {

using ObjectBytes = llvm::SmallVector<char, 0>;

struct EmitOptions {
  /// Put before the name of each function that the code defines.
  std::string prefix;
  /// "", "address" or "thread".
  std::string sanitize;
  bool debugInfo = false;
};

/// Position-independent code for Linux; plain IEEE arithmetic, nothing contracted or reassociated
/// beyond what the IR asks for.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(const CpuTarget &target);

/// Adds the objects of a module of the LLVM dialect.
llvm::Error emitCode(mlir::ModuleOp code, const CpuTarget &target, const EmitOptions &options,
                     std::vector<ObjectBytes> &objects);

/// The object of an LLVM module that is complete as it stands.
llvm::Expected<ObjectBytes> emitObject(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace ingot::cpu
