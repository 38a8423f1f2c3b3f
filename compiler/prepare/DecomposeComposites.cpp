// Replaces composite ops by their formulas; see Prepare.h. After it, no composite op is left that
// the caller did not ask to keep.
#include "compiler/prepare/Prepare.h"

using namespace mlir;

namespace ingot {

void decomposeComposites(Operation *root, llvm::function_ref<bool(Operation *)> keep) {
  auto collect = [&](llvm::SmallVectorImpl<Operation *> &found) {
    root->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op != root && llvm::isa<graph::Composite>(op) && !(keep && keep(op)))
        found.push_back(op);
    });
  };
  llvm::SmallVector<Operation *> pending;
  for (collect(pending); !pending.empty(); collect(pending)) {
    // Inner ops first: an erased op takes its regions along.
    for (Operation *op : llvm::reverse(pending)) {
      OpBuilder b(op);
      op->replaceAllUsesWith(llvm::cast<graph::Composite>(op).decompose(b));
      op->erase();
    }
    pending.clear();
  }
}

} // namespace ingot
