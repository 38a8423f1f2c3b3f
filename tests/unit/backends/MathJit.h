// Compiles code of func, scf, arith, math and vector for a CPU target in memory, for tests.
//
// Invariant: nothing outside the module can be called: a symbol left undefined is an error here.
#pragma once
#include "backends/cpu/CpuTarget.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <memory>
#include <string>

namespace llvm::orc {
class LLJIT;
}

namespace ingot::cpu {

class MathJit {
public:
  /// Parses the text, expands its math for the target and compiles it. On failure `error` says
  /// why and functions cannot be looked up.
  MathJit(const std::string &text, const CpuTarget &target, bool fastMath = false);
  ~MathJit();
  /// The address of a function, or null with `error` set.
  void *lookup(const std::string &name);
  std::string error;

private:
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

} // namespace ingot::cpu
