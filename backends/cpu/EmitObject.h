// From the LLVM dialect, or an LLVM module, to relocatable objects in memory. Every defined symbol
// comes out hidden: what an artifact exports is made elsewhere (ArtifactTable). Called by
// writeArtifact.
#pragma once
#include "backends/cpu/CpuTarget.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/ThreadPool.h"
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

/// The object of an LLVM module that is complete as it stands.
llvm::Expected<ObjectBytes> emitObject(llvm::Module &module, llvm::TargetMachine &machine);

/// Generates code on all processors while the caller goes on. The objects and their order depend on
/// the code alone.
class CodeEmitter {
public:
  CodeEmitter();
  ~CodeEmitter();

  /// Takes the functions out of a module of the LLVM dialect and starts to compile them. `target`
  /// has to stay. The module's context may be used again when this returns.
  llvm::Error add(mlir::ModuleOp code, const CpuTarget &target, const EmitOptions &options);

  /// Waits, and gives the objects of each module that was added. Call it once.
  llvm::Expected<std::vector<std::vector<ObjectBytes>>> finish();

private:
  struct Unit;
  std::vector<std::unique_ptr<Unit>> units;
  size_t modules = 0;
  llvm::DefaultThreadPool pool; // ends before the units do
};

} // namespace ingot::cpu
