// The phase `plan`: where every tensor of a function lives.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// Where a tensor is stored.
struct Storage {
  enum class Kind { Input, Output, Variable, Constant, Slot } kind;
  int64_t index = -1;   // of the input, output or arena slot
  std::string variable; // Kind::Variable
  bool operator==(const Storage &other) const {
    return kind == other.kind && index == other.index && variable == other.variable;
  }
};

/// Gives every tensor that a kernel or scatter makes a place: an output, the variable it is
/// assigned to (where writing it in place is safe), or a slot of the arena; slots are reused once
/// their tensor is dead. Written as attributes: `storage` on the ops, `exec.slots` (bytes, by
/// dimension expressions) on the function.
void planMemory(mlir::func::FuncOp function);

/// Follows views to the op or argument that owns the memory.
mlir::Value storageRoot(mlir::Value value);
/// The place of a tensor in a planned function.
Storage storageOf(mlir::Value value);
/// Sizes in bytes of the function's arena slots.
Dims slotSizes(mlir::func::FuncOp function);
/// Bytes that a tensor takes in memory, rounded up to the artifact's alignment.
Dim storageBytes(mlir::Type tensor);

} // namespace ingot
