// Chooses greedily, from the last forward value to the first, what to compute again; see
// Recompute.h. The results of the function do not change in a bit.
#include "compiler/autodiff/Recompute.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace ingot {
namespace {

/// The largest number of ops done again for one value.
constexpr size_t kConeLimit = 16;
constexpr int64_t kTypicalSymbol = 64;

int64_t bytesOf(Value v) {
  auto type = llvm::cast<RankedTensorType>(v.getType());
  int64_t bytes = reference::elementBytes(type.getElementType());
  for (Dim d : dimsOf(type))
    bytes *= d.evaluate([](llvm::StringRef) { return kTypicalSymbol; });
  return bytes;
}

class Recomputation {
public:
  Recomputation(Block &block, Operation *lastForward) : block(block) {
    for (Operation &op : block) {
      forward.insert(&op);
      if (&op == lastForward)
        break;
    }
  }

  int64_t run() {
    int64_t count = 0;
    for (Operation &op : llvm::reverse(block))
      if (forward.contains(&op))
        for (Value v : op.getResults())
          if (isKept(v) && cheaper(v)) {
            moveToBackward(v);
            ++count;
          }
    return count;
  }

  /// A forward value that takes memory until the backward pass reads it.
  bool isKept(Value v) const {
    return !isFree(v) &&
           llvm::any_of(v.getUsers(), [&](Operation *user) { return backwardOp(user) != nullptr; });
  }

private:
  /// The op of the block that `user` is or is inside of, if it belongs to the backward pass. What
  /// is returned or assigned is there at the end in any case: that is no use of the backward pass.
  Operation *backwardOp(Operation *user) const {
    Operation *top = block.findAncestorOpInBlock(*user);
    return top && !forward.contains(top) && top->getNumResults() != 0 ? top : nullptr;
  }
  bool isFree(Value v) const {
    Operation *op = v.getDefiningOp();
    return !op || !forward.contains(op) || op->getNumOperands() == 0;
  }
  static bool isCheap(Operation *op) {
    return llvm::isa<graph::Scalar, graph::BroadcastOp, graph::ReshapeOp>(op) && isPure(op);
  }

  /// Finds the ops that compute v from values that are free or kept, and compares what would have
  /// to be kept in its stead.
  bool cheaper(Value v) {
    cone.clear();
    int64_t price = 0;
    llvm::SmallVector<Value> open = {v};
    llvm::DenseSet<Value> seen;
    while (!open.empty()) {
      Value next = open.pop_back_val();
      if (!seen.insert(next).second || (next != v && (isFree(next) || isKept(next))))
        continue;
      if (!isCheap(next.getDefiningOp())) {
        price += bytesOf(next);
        continue;
      }
      cone.insert(next.getDefiningOp());
      llvm::append_range(open, next.getDefiningOp()->getOperands());
    }
    return !cone.empty() && cone.size() <= kConeLimit && price < bytesOf(v);
  }

  void moveToBackward(Value v) {
    Operation *first = nullptr;
    for (Operation *user : v.getUsers())
      if (Operation *top = backwardOp(user); top && (!first || top->isBeforeInBlock(first)))
        first = top;
    OpBuilder b(first);
    IRMapping mapping;
    llvm::SmallVector<Operation *> order(cone.begin(), cone.end());
    llvm::sort(order, [](Operation *x, Operation *y) { return x->isBeforeInBlock(y); });
    for (Operation *op : order)
      b.clone(*op, mapping)->setAttr("graph.recompute", b.getUnitAttr());
    v.replaceUsesWithIf(mapping.lookup(v),
                        [&](OpOperand &use) { return backwardOp(use.getOwner()) != nullptr; });
  }

  Block &block;
  llvm::DenseSet<Operation *> forward;
  llvm::SetVector<Operation *> cone;
};

} // namespace

int64_t bytesKept(Block &block, Operation *lastForward) {
  Recomputation state(block, lastForward);
  int64_t bytes = 0;
  for (Operation &op : block) {
    for (Value v : op.getResults())
      if (state.isKept(v))
        bytes += bytesOf(v);
    if (&op == lastForward)
      break;
  }
  return bytes;
}

int64_t recomputeCheapValues(Block &block, Operation *lastForward) {
  return Recomputation(block, lastForward).run();
}

} // namespace ingot
