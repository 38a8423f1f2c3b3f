// Cuts the code of one variant into modules that can be compiled at the same time. The cuts depend
// on the code alone, never on the number of processors, so that an artifact's bytes do not either.
// Called by CodeEmitter on the LLVM dialect.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <vector>

namespace ingot::cpu {

/// Moves the functions of `code` into new modules, in their order. A function that another module
/// defines is declared there with hidden visibility; globals are copied to where they are used, so
/// they have to be constants.
std::vector<mlir::OwningOpRef<mlir::ModuleOp>> splitCode(mlir::ModuleOp code);

} // namespace ingot::cpu
