// Control flow of the exec dialect in C++: include this to work with regions that run by condition
// or repeatedly. Used by the phases from `lower` on and by back ends.
#pragma once
#include "ir/exec/Exec.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"
#define GET_OP_CLASSES
#include "ir/exec/ControlOps.h.inc"

namespace ingot::exec {

/// An attribute of an exec.scan that carries nothing: its iterations may run side by side, each on
/// one thread, and nothing in it may fail.
constexpr llvm::StringLiteral kParallelAttr = "exec.parallel";

/// Whether the op runs regions of program (not a nest's or kernel's body).
bool isControl(mlir::Operation *op);

/// All values that the op needs from outside: its operands, and what its regions capture.
llvm::SetVector<mlir::Value> valuesUsedBy(mlir::Operation *op);

/// The dimension symbols that the op, or one inside it, computes with or has results of; repeats
/// them.
void forEachSymbol(mlir::Operation *op, llvm::function_ref<void(llvm::StringRef)> visit);

/// The op's symbol, and those that `graph.lets` of its function makes of it.
llvm::StringSet<> symbolsBoundBy(BindOp bind);

/// Calls `visit` for the function's body and then for every region of control inside it, outer
/// blocks before inner ones.
void forEachBlock(mlir::func::FuncOp function, llvm::function_ref<void(mlir::Block &)> visit);

} // namespace ingot::exec
