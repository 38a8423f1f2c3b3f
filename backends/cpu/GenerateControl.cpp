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
  Block *after = made.addBlock();
  if (loopStorage(op).workspace < 0)
    return emitIterations(op, trips, after);
  // Slices side by side where there are several, and threads; kernel by kernel for an observer.
  Value several = arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::sgt, trips, cb.integer(1));
  Value isObserved = isSet(cb.loadPointer(run, Begin));
  Value yes = arith::ConstantOp::create(b, cb.loc, b.getBoolAttr(true));
  Value sideBySide = arith::AndIOp::create(
      b, cb.loc, arith::AndIOp::create(b, cb.loc, several, isSet(cb.loadPointer(run, ParallelFor))),
      arith::XOrIOp::create(b, cb.loc, isObserved, yes));
  Block *shared = made.addBlock(), *inOrder = made.addBlock();
  cf::CondBranchOp::create(b, cb.loc, sideBySide, shared, inOrder);
  b.setInsertionPointToStart(inOrder);
  pointAtWorkspace(op, cb.integer(0));
  emitIterations(op, trips, after); // generates the kernels that the tasks call
  auto here = b.saveInsertionPoint();
  func::FuncOp task = sliceTask(op);
  b.setInsertionPointToStart(shared);
  storeWord(words, frame.words + frame.taken.at(op), cb.integer(0));
  dispatch(task, cb.minimum(trips, cb.integer(LoopStorage::mostTasks)));
  cf::BranchOp::create(b, cb.loc, after);
  b.restoreInsertionPoint(here);
}

void FunctionGenerator::emitIterations(exec::ScanOp op, Value trips, Block *after) {
  Block *head = made.addBlock(), *body = made.addBlock();
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

func::FuncOp FunctionGenerator::sliceTask(exec::ScanOp op) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(context.module.getBody());
  std::string name = function.getName().str() + "_s" + std::to_string(sliceTasks++);
  auto task =
      func::FuncOp::create(b, cb.loc, name, b.getFunctionType({cb.pointer(), cb.i64()}, {}));
  task.setPrivate();
  b.setInsertionPointToStart(task.addEntryBlock());
  Value ofRun = words, index = task.getArgument(1);
  words = LLVM::AllocaOp::create(b, cb.loc, cb.pointer(), cb.i64(), cb.integer(frame.words), 64);
  LLVM::MemcpyOp::create(b, cb.loc, words, task.getArgument(0),
                         cb.integer(frame.words * int64_t{sizeof(int64_t)}), false);
  Value taken = wordAddress(task.getArgument(0), frame.words + frame.taken.at(op));
  Value workspace = takeWorkspace(task, taken);
  Value trips = evaluate(op.getTripCount());
  Value tasks = cb.minimum(trips, cb.integer(LoopStorage::mostTasks));
  pointAtWorkspace(op, workspace);
  auto bound = [&](Value i) { return cb.floorDiv(cb.mul(i, trips), cb.nonZero(tasks)); };
  Value low = bound(index), high = bound(cb.add(index, cb.integer(1)));
  emitInTask(op, low, high);
  Value bit = arith::ShLIOp::create(b, cb.loc, cb.integer(1), workspace);
  Value others = arith::XOrIOp::create(b, cb.loc, bit, cb.integer(-1));
  LLVM::AtomicRMWOp::create(b, cb.loc, LLVM::AtomicBinOp::_and, taken, others,
                            LLVM::AtomicOrdering::release);
  func::ReturnOp::create(b, cb.loc);
  words = ofRun;
  return task;
}

void FunctionGenerator::emitInTask(exec::ScanOp scan, Value low, Value high) {
  cb.loop(low, high, 1, [&](Value iteration) {
    pointAtSlices(scan, iteration);
    for (Operation &op : scan.getBody().front()) {
      if (auto inner = llvm::dyn_cast<exec::ScanOp>(op))
        emitInTask(inner, cb.integer(0), evaluate(inner.getTripCount()));
      if (!exec::isDispatch(&op))
        continue;
      const KernelCode &code = codes.at(&op);
      assert(!code.mayFail && !code.makesText && "slices that run side by side cannot fail");
      cb.loop(cb.integer(0), evaluate(code.tasks), 1,
              [&](Value i) { func::CallOp::create(b, cb.loc, code.task, ValueRange{words, i}); });
    }
    auto yielded = scan.getBody().front().getTerminator()->getOperands();
    for (auto [i, value] : llvm::enumerate(yielded))
      copy(value, local(scan, 1 + scan.getInputs().size() + i));
  });
}

Value FunctionGenerator::takeWorkspace(func::FuncOp task, Value word) {
  Block *look = task.addBlock(), *go = task.addBlock();
  cf::BranchOp::create(b, cb.loc, look);
  b.setInsertionPointToStart(look);
  auto load = LLVM::LoadOp::create(b, cb.loc, cb.i64(), word, 8);
  load.setOrdering(LLVM::AtomicOrdering::monotonic);
  Value isFree = arith::XOrIOp::create(b, cb.loc, load, cb.integer(-1));
  Value number = LLVM::CountTrailingZerosOp::create(b, cb.loc, cb.i64(), isFree, false);
  Value bit = arith::ShLIOp::create(b, cb.loc, cb.integer(1), number);
  Value before = LLVM::AtomicRMWOp::create(b, cb.loc, LLVM::AtomicBinOp::_or, word, bit,
                                           LLVM::AtomicOrdering::acquire);
  Value wasTaken =
      arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ne,
                            arith::AndIOp::create(b, cb.loc, before, bit), cb.integer(0));
  cf::CondBranchOp::create(b, cb.loc, wasTaken, look, go);
  b.setInsertionPointToStart(go);
  return number;
}

void FunctionGenerator::pointAtWorkspace(exec::ScanOp op, Value number) {
  LoopStorage storage = loopStorage(op);
  Value base = cb.loadPointer(words, frame.storage({Storage::Kind::Slot, storage.workspace, ""}));
  Value first = cb.mul(number, evaluate(storage.taskBytes));
  for (auto [pointer, offset] : storage.places) {
    Value place = cb.address(base, cb.add(first, evaluate(offset)), b.getI8Type());
    storeWord(words, frame.storage({Storage::Kind::Local, pointer, ""}), place);
  }
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

void FunctionGenerator::storePosition(exec::ScanOp op, Value position) {
  int64_t word = frame.positions.at(op);
  storeWord(words, word, position);
  storeWord(words, frame.storage(local(op, 0)), wordAddress(words, word));
}

void FunctionGenerator::pointAtSlices(exec::ScanOp op, Value position) {
  storePosition(op, position);
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
