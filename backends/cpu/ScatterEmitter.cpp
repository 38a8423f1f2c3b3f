// scatter_add: rows of updates added to rows of a copy of the base, in order, so that the sums do
// not depend on threads; tasks are blocks of columns. See KernelEmitter.h.
#include "backends/cpu/KernelEmitter.h"

using namespace mlir;

namespace ingot::cpu {
namespace {
constexpr int64_t maxColumnsPerTask = 256;
}

KernelCode emitScatterAdd(CodeContext &context, const Frame &frame, exec::ScatterAddOp op,
                          llvm::StringRef symbol) {
  OpBuilder b(context.module.getContext());
  CodeBuilder cb(b, op.getLoc(), 1);
  TaskFunction task = beginTask(context, cb, symbol);
  Type element = getElementTypeOrSelf(op.getBase()),
       indexType = getElementTypeOrSelf(op.getIndices());
  Dims base = dimsOf(op.getBase());
  int64_t columnsPerTask = maxColumnsPerTask / context.taskDivisor;
  Dim columns = base[1];
  auto dim = [&](Dim d) {
    return cb.evaluate(
        d, [&](llvm::StringRef name) { return cb.loadI64(task.frame, frame.symbol(name)); });
  };
  auto pointer = [&](Value tensor) {
    return cb.loadPointer(task.frame, frame.storage(storageOf(tensor)));
  };
  Value from = pointer(op.getBase()), to = pointer(op.getResult()),
        indices = pointer(op.getIndices()), updates = pointer(op.getUpdates());
  Value rows = dim(base[0]), width = dim(columns), count = dim(dimsOf(op.getIndices())[0]);
  Value low = cb.mul(task.index, cb.integer(columnsPerTask));
  Value high = cb.minimum(cb.add(low, cb.integer(columnsPerTask)), width);
  unsigned bytes = element.getIntOrFloatBitWidth() / 8;
  auto at = [&](Value where, Value row, Value column) {
    return cb.address(where, cb.add(cb.mul(row, width), column), element);
  };
  auto read = [&](Value p) { return LLVM::LoadOp::create(b, cb.loc, element, p, bytes); };
  cb.loop(cb.integer(0), rows, 1, [&](Value row) {
    cb.loop(low, high, 1, [&](Value column) {
      LLVM::StoreOp::create(b, cb.loc, read(at(from, row, column)), at(to, row, column), bytes);
    });
  });
  cb.loop(cb.integer(0), count, 1, [&](Value i) {
    Value index = LLVM::LoadOp::create(b, cb.loc, indexType, cb.address(indices, i, indexType),
                                       indexType.getIntOrFloatBitWidth() / 8);
    if (indexType.getIntOrFloatBitWidth() < 64)
      index = arith::ExtSIOp::create(b, cb.loc, cb.i64(), index);
    // A negative index is a large unsigned one.
    Value inside = arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ult, index, rows);
    auto branch = scf::IfOp::create(b, cb.loc, inside, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch.thenBlock()->getTerminator());
    cb.loop(low, high, 1, [&](Value column) {
      Value p = at(to, index, column), x = read(p), u = read(at(updates, i, column));
      Value sum = llvm::isa<FloatType>(element) ? Value(arith::AddFOp::create(b, cb.loc, x, u))
                                                : Value(arith::AddIOp::create(b, cb.loc, x, u));
      LLVM::StoreOp::create(b, cb.loc, sum, p, bytes);
    });
    b.setInsertionPoint(branch.elseBlock()->getTerminator());
    reportNode(context, cb, frame, task.frame, op.getLoc());
  });
  finishTask(cb, task);
  return {task.function, columns.ceilDiv(columnsPerTask), true};
}

} // namespace ingot::cpu
