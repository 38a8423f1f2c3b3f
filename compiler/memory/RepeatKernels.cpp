// See RepeatKernels.h.
#include "compiler/memory/RepeatKernels.h"
#include "compiler/memory/PlanMemory.h"
#include "ir/exec/Control.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace ingot {
namespace {

constexpr llvm::StringLiteral kRepetition = "exec.repetition", kAgain = " (again)";

class Repeater {
public:
  Repeater(func::FuncOp function, const std::vector<int> &from) : from(from) {
    for (auto [position, op] : llvm::enumerate(function.getBody().front())) {
      ops.push_back(&op);
      positions[&op] = static_cast<int>(position);
    }
  }

  void put(llvm::ArrayRef<StepRun> runs) {
    for (const StepRun &run : runs)
      if (run.isRepetition)
        repeat(run);
    for (auto [position, op] : llvm::enumerate(ops))
      if (!isView(op) && !isEnd(op))
        redirect(op, static_cast<int>(position));
  }

  /// Views and kernels that nothing reads, and what only they read.
  void eraseUnused() {
    for (Operation *op : llvm::reverse(ops)) {
      bool isRepeated = from[positions[op]] != INT32_MAX;
      if (!op->use_empty() || (!isView(op) && !isRepeated))
        continue;
      if (auto it = repetitions.find(op); it != repetitions.end())
        becomeOnly(it->second);
      op->erase();
    }
    for (auto &[original, copy] : repetitions)
      if (auto kernel = llvm::dyn_cast<exec::KernelOp>(copy))
        dropResults(kernel);
  }

private:
  static bool isView(Operation *op) { return llvm::isa<exec::ViewOp>(op); }
  /// An op that takes the first computation of what it reads: it is assigned, returned or bound.
  static bool isEnd(Operation *op) {
    return op->getNumResults() == 0 || llvm::isa<exec::BindOp>(op);
  }

  void repeat(const StepRun &run) {
    Operation *original = ops[run.step];
    OpBuilder b(ops[run.before]);
    Operation *copy = b.clone(*original);
    copy->setAttr(kRepetition, b.getUnitAttr());
    copy->walk([](exec::KernelOp kernel) { kernel.setName((kernel.getName() + kAgain).str()); });
    redirect(copy, run.before);
    for (auto [result, again] : llvm::zip_equal(original->getResults(), copy->getResults()))
      repeated[result] = again;
    repetitions[original] = copy;
  }

  /// The kernel runs once, later than it did.
  static void becomeOnly(Operation *copy) {
    copy->removeAttr(kRepetition);
    copy->walk([](exec::KernelOp kernel) {
      kernel.setName(kernel.getName().drop_back(kAgain.size()).str());
    });
  }

  /// Lets the op, which is or stands right before that of the position, read repetitions.
  void redirect(Operation *op, int position) {
    op->walk([&](Operation *inner) {
      for (OpOperand &operand : inner->getOpOperands()) {
        Value root = storageRoot(operand.get());
        Operation *maker = root.getDefiningOp();
        auto it = maker ? positions.find(maker) : positions.end();
        if (it != positions.end() && from[it->second] <= position && repeated.contains(root))
          operand.set(viewOf(operand.get()));
      }
    });
  }

  /// The same view of the repetition as `value` is of the first computation.
  Value viewOf(Value value) {
    if (auto it = repeated.find(value); it != repeated.end())
      return it->second;
    auto view = value.getDefiningOp<exec::ViewOp>();
    Value of = viewOf(view.getX());
    OpBuilder b(view.getContext());
    b.setInsertionPointAfterValue(of);
    IRMapping mapping;
    mapping.map(view.getX(), of);
    return repeated[value] = b.clone(*view, mapping)->getResult(0);
  }

  /// Makes the kernel anew without the results that are not read and may be left out.
  static void dropResults(exec::KernelOp kernel) {
    Operation *yield = kernel.getBody().front().getTerminator();
    llvm::SmallVector<Value> kept, yields;
    llvm::SmallVector<Type> types;
    for (OpResult result : kernel->getResults())
      if (!result.use_empty() || !isRepeatedAlone(result)) {
        kept.push_back(result);
        yields.push_back(yield->getOperand(result.getResultNumber()));
        types.push_back(result.getType());
      }
    if (kept.size() == kernel->getNumResults())
      return;
    yield->setOperands(yields);
    llvm::SmallVector<Operation *> body;
    for (Operation &op : kernel.getBody().front().without_terminator())
      body.push_back(&op);
    for (Operation *op : llvm::reverse(body))
      if (op->use_empty())
        op->erase();
    OpBuilder b(kernel);
    OperationState state(kernel.getLoc(), kernel->getName());
    state.addOperands(kernel->getOperands());
    state.addTypes(types);
    state.addAttributes(kernel->getAttrs());
    state.addRegion()->takeBody(kernel.getBody());
    Operation *smaller = b.create(state);
    for (auto [old, result] : llvm::zip_equal(kept, smaller->getResults()))
      old.replaceAllUsesWith(result);
    kernel.erase();
  }

  const std::vector<int> &from;
  llvm::SmallVector<Operation *> ops; // of the block, as it was
  llvm::DenseMap<Operation *, int> positions;
  llvm::DenseMap<Value, Value> repeated;                 // results and views of first computations
  llvm::MapVector<Operation *, Operation *> repetitions; // by the first computation
};

} // namespace

bool canRepeat(Operation *op) {
  bool isOfKernels = llvm::isa<exec::KernelOp, exec::ScanOp>(op);
  op->walk([&](Operation *inner) {
    isOfKernels &= !exec::isDispatch(inner) || llvm::isa<exec::KernelOp>(inner);
  });
  if (!isOfKernels || mayFail(op))
    return false;
  return llvm::none_of(op->getResults(), [](Value result) {
    return llvm::any_of(result.getUsers(), [](Operation *user) {
      return llvm::isa<exec::BindOp>(user) ||
             (llvm::isa<exec::ViewOp>(user) &&
              llvm::any_of(user->getUsers(), llvm::IsaPred<exec::BindOp>));
    });
  });
}

bool isRepeatedAlone(OpResult result) {
  auto kernel = llvm::dyn_cast<exec::KernelOp>(result.getOwner());
  if (!kernel)
    return false;
  Value inside = kernel.getBody().front().getTerminator()->getOperand(result.getResultNumber());
  auto nest = inside.getDefiningOp<exec::NestOp>();
  return nest && nest->getNumResults() == 1 && inside.hasOneUse();
}

bool isRepetition(Operation *op) {
  for (; op && !llvm::isa<func::FuncOp>(op); op = op->getParentOp())
    if (op->hasAttr(kRepetition))
      return true;
  return false;
}

void repeatKernels(func::FuncOp function, const std::vector<int> &from,
                   const StepProgram &program) {
  Repeater repeater(function, from);
  repeater.put(runsOf(program, from));
  repeater.eraseUnused();
}

} // namespace ingot
