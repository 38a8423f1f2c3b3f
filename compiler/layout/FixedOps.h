// What a function computes from variables and constants alone.
#pragma once
#include "ir/exec/Exec.h"
#include "llvm/ADT/SetVector.h"

namespace ingot {

/// The ops of a function's own block whose results depend on variables and constants alone, so that
/// `derive` can compute them once. None where the function writes variables.
struct FixedOps {
  explicit FixedOps(mlir::func::FuncOp function);
  /// Whether the value is fixed and depends on a variable.
  bool isDerivable(mlir::Value value) const { return reading.contains(value.getDefiningOp()); }

  llvm::SetVector<mlir::Operation *> all;    // in program order
  llvm::DenseSet<mlir::Operation *> reading; // of those, the ones that depend on a variable
};

} // namespace ingot
