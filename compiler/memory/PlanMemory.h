// The phase `plan`: where every tensor of a function lives.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// Where a tensor is stored. Local: where one of the function's local pointers points, which a loop
/// moves from slice to slice.
struct Storage {
  enum class Kind { Input, Output, Variable, Constant, Slot, Local } kind;
  int64_t index = -1;   // of the input, output, arena slot or local pointer
  std::string variable; // Kind::Variable
  bool operator==(const Storage &other) const {
    return kind == other.kind && index == other.index && variable == other.variable;
  }
};

/// Gives every tensor that a kernel, scatter or control op makes a place: an output, the variable
/// it is assigned to (where writing it in place is safe), or a slot of the arena, where others are
/// when it is dead (ArrangeArena.h). Kernels of one launch (GroupLaunches.h) run at the same time.
/// What a region captures lives as long as the op that has the region. A value that a region yields
/// is made in the place of the op's result where that is safe, and else copied there; a loop's
/// carried values live where its carried results do. What a body whose iterations run side by side
/// makes lives in a workspace of its task. Written as attributes: `storage` on the ops,
/// `exec.slots` (their offsets, by dimension expressions) and `exec.arena` (its bytes) on the
/// function, and on loops what LoopStorage reads. With `debugArena` every tensor has a slot to
/// itself, of exactly its size, which is what `exec.slots` then says, and is copied from there to
/// where it leaves to.
void planMemory(mlir::func::FuncOp function, bool debugArena = false);

/// What exec.scan and exec.while have besides the places of their results.
struct LoopStorage {
  int64_t firstLocal = -1; // scan: position, then one pointer an input, then one a stacked result
  /// By carried value: the slot through which the new value passes at the end of an iteration,
  /// since it is the old one of another carried value; -1 where it does not.
  llvm::SmallVector<int64_t> temporaries;
  /// Where iterations run side by side: the slot in which each of the tasks that run at a time has
  /// `taskBytes` for what its body makes, which local pointers point at, each at its offset.
  int64_t workspace = -1; // -1: they do not
  Dim taskBytes;
  llvm::SmallVector<std::pair<int64_t, Dim>> places;
  static constexpr int64_t mostTasks = 32; // one bit a workspace in a word
};
LoopStorage loopStorage(mlir::Operation *loop);

/// Follows views to the op or argument that owns the memory.
mlir::Value storageRoot(mlir::Value value);
/// The place of a tensor in a planned function.
Storage storageOf(mlir::Value value);
/// What planMemory wrote as `exec.slots`, and as `exec.arena`.
Dims arenaSlots(mlir::func::FuncOp function);
Dim arenaBytes(mlir::func::FuncOp function);
/// The last op of the tensor's block that uses it, itself, through views or in a region; its own op
/// where nothing does.
mlir::Operation *lastUser(mlir::Value root);
/// Whether the op, or one inside it, may make the run fail, or does what is no computation. A
/// scatter does not fail behind a kernel of its block that has checked its indices.
bool mayFail(mlir::Operation *op);
/// Bytes of a tensor's elements.
Dim tensorBytes(mlir::Type tensor);

} // namespace ingot
