// Choices and loops in the generated `run`: it branches around the dispatches, moves pointers to
// slices and carries values over. See FunctionGenerator.h.
#include "backends/cpu/FunctionGenerator.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

using namespace mlir;

namespace ingot::cpu {

void FunctionGenerator::emitIf(exec::IfOp op) {
  Block *onTrue = made.addBlock(), *onFalse = made.addBlock(), *after = made.addBlock();
  cf::CondBranchOp::create(b, cb.loc, holds(op.getCondition()), onTrue, onFalse);
  for (auto [start, region] :
       {std::pair(onTrue, &op.getThenRegion()), std::pair(onFalse, &op.getElseRegion())}) {
    b.setInsertionPointToStart(start);
    emitBlock(region->front());
    for (auto [value, result] :
         llvm::zip(region->front().getTerminator()->getOperands(), op.getResults()))
      copy(value, storageOf(result));
    cf::BranchOp::create(b, cb.loc, after);
  }
  b.setInsertionPointToStart(after);
}

void FunctionGenerator::emitScan(exec::ScanOp op) {
  for (auto [initial, result] : llvm::zip(op.getCarried(), op.getResults()))
    copy(initial, storageOf(result));
  Value trips = evaluate(op.getTripCount());
  Block *head = made.addBlock(), *body = made.addBlock(), *after = made.addBlock();
  Value iteration = head->addArgument(cb.i64(), cb.loc);
  cf::BranchOp::create(b, cb.loc, head, cb.integer(0));
  b.setInsertionPointToStart(head);
  Value more = arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::slt, iteration, trips);
  cf::CondBranchOp::create(b, cb.loc, more, body, after);

  b.setInsertionPointToStart(body);
  pointAtSlices(op, op.getReverse() ? cb.sub(cb.sub(trips, cb.integer(1)), iteration) : iteration);
  emitBlock(op.getBody().front());
  auto yielded = op.getBody().front().getTerminator()->getOperands();
  size_t carried = op.getCarried().size(), inputs = op.getInputs().size();
  for (size_t i = carried; i < yielded.size(); ++i)
    copy(yielded[i], local(op, 1 + inputs + i - carried));
  carryOver(op, yielded.take_front(carried));
  cf::BranchOp::create(b, cb.loc, head, cb.add(iteration, cb.integer(1)));
  b.setInsertionPointToStart(after);
}

void FunctionGenerator::emitWhile(exec::WhileOp op) {
  for (auto [initial, result] : llvm::zip(op.getCarried(), op.getResults()))
    copy(initial, storageOf(result));
  Block *head = made.addBlock(), *body = made.addBlock(), *after = made.addBlock();
  cf::BranchOp::create(b, cb.loc, head);
  b.setInsertionPointToStart(head);
  emitBlock(op.getCondition().front());
  Value more = holds(op.getCondition().front().getTerminator()->getOperand(0));
  cf::CondBranchOp::create(b, cb.loc, more, body, after);
  b.setInsertionPointToStart(body);
  emitBlock(op.getBody().front());
  carryOver(op, op.getBody().front().getTerminator()->getOperands());
  cf::BranchOp::create(b, cb.loc, head);
  b.setInsertionPointToStart(after);
}

void FunctionGenerator::pointAtSlices(exec::ScanOp op, Value position) {
  int64_t word = frame.positions.at(op);
  storeWord(words, word, position);
  storeWord(words, frame.storage(local(op, 0)), wordAddress(words, word));
  int64_t next = 1;
  auto pointAt = [&](Value stacked) {
    auto type = llvm::cast<RankedTensorType>(stacked.getType());
    Dims slice = dimsOf(type);
    slice.erase(slice.begin());
    Value bytes = evaluate(numElements(b.getContext(), slice) *
                           reference::elementBytes(type.getElementType()));
    Value p = cb.address(pointerTo(stacked), cb.mul(position, bytes), b.getI8Type());
    storeWord(words, frame.storage(local(op, next++)), p);
  };
  for (Value input : op.getInputs())
    pointAt(input);
  for (Value result : op.getResults().drop_front(op.getCarried().size()))
    pointAt(result);
}

void FunctionGenerator::carryOver(Operation *loop, ValueRange values) {
  auto temporaries = loopStorage(loop).temporaries;
  for (auto [value, slot] : llvm::zip(values, temporaries))
    if (slot >= 0)
      copy(value, {Storage::Kind::Slot, slot, ""});
  for (auto [value, slot, result] : llvm::zip(values, temporaries, loop->getResults())) {
    Storage to = storageOf(result);
    if (slot >= 0)
      copyBytes(value, cb.loadPointer(words, frame.storage({Storage::Kind::Slot, slot, ""})), to);
    else
      copy(value, to);
  }
}

} // namespace ingot::cpu
