// Math without a library, on devices: each function that kernels call becomes a function of the
// text, made of the CPU's formulas, so that both compute the same bits.
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringRef.h"
#include <map>
#include <string>

namespace ingot::gpu {

class MathFunctions {
public:
  explicit MathFunctions(bool fast) : fast(fast) {}

  /// Computes f16 and bf16 in f32, and replaces functions that are no instructions by calls. Fails
  /// where a function has no text, which is reported.
  mlir::LogicalResult outline(mlir::ModuleOp code);

  /// The definition of a called function; empty for any other name.
  llvm::StringRef text(llvm::StringRef name) const;

private:
  mlir::FailureOr<std::string> define(mlir::Operation *op);

  bool fast;
  std::map<std::string, std::string, std::less<>> texts; // by name
};

} // namespace ingot::gpu
