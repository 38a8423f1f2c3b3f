// What the emitters of dispatches that are no kernels share: the task function, the tensors in the
// frame, loops and branches that read like code. Private to AlgorithmEmitter.cpp and
// TextEmitter.cpp.
#pragma once
#include "backends/cpu/KernelEmitter.h"

namespace ingot::cpu {

class AlgorithmTask {
public:
  AlgorithmTask(CodeContext &context, const Frame &frame, mlir::Operation *op,
                llvm::StringRef symbol)
      : context(context), frame(frame), op(op), b(context.module.getContext()),
        cb(b, op->getLoc(), 1), task(beginTask(context, cb, symbol)) {}

protected:
  using Values = llvm::SmallVector<mlir::Value>;
  using Make = llvm::function_ref<Values()>;

  mlir::Value dim(Dim d);
  /// The tensor's memory; a constant's too.
  mlir::Value pointer(mlir::Value tensor);
  mlir::Value load(mlir::Value base, mlir::Value at, mlir::Type element);
  void store(mlir::Value value, mlir::Value base, mlir::Value at);
  mlir::Value less(mlir::Value x, mlir::Value y) {
    return compare(mlir::arith::CmpIPredicate::slt, x, y);
  }
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpIOp::create(b, cb.loc, predicate, x, y);
  }
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y) {
    return mlir::arith::SelectOp::create(b, cb.loc, condition, x, y);
  }
  Values choose(mlir::Value condition, Make onTrue, Make onFalse);
  /// The carried values for which `condition` did not hold.
  Values repeatWhile(mlir::ValueRange init,
                     llvm::function_ref<mlir::Value(mlir::ValueRange)> condition,
                     llvm::function_ref<Values(mlir::ValueRange)> body);
  /// At most `most` of `count` a task: the part [low, high) that task `index` takes.
  std::pair<mlir::Value, mlir::Value> part(mlir::Value index, int64_t most, mlir::Value count) {
    mlir::Value low = cb.mul(index, cb.integer(most));
    return {low, cb.minimum(cb.add(low, cb.integer(most)), count)};
  }
  int64_t perTask(int64_t most) { return std::max<int64_t>(1, most / context.taskDivisor); }
  KernelCode finish(Dim tasks, bool mayFail) {
    finishTask(cb, task);
    return {task.function, tasks, mayFail};
  }

  CodeContext &context;
  const Frame &frame;
  mlir::Operation *op;
  mlir::OpBuilder b;
  CodeBuilder cb;
  TaskFunction task;
};

/// The dispatches over text.
KernelCode emitText(CodeContext &context, const Frame &frame, mlir::Operation *op,
                    llvm::StringRef symbol);

} // namespace ingot::cpu
