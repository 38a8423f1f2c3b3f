// The generated `run`: fills a frame on the stack and dispatches the kernels in order. See
// FunctionGenerator.h.
#include "backends/cpu/FunctionGenerator.h"
#include "compiler/package/Describe.h"

using namespace mlir;

namespace ingot::cpu {

void FunctionGenerator::fillFrame(Value run, Value words) {
  Value planBlock = cb.loadPointer(run, Plan);
  for (auto [i, symbol] : llvm::enumerate(allSymbols()))
    storeWord(words, frame.symbol(symbol), cb.loadI64(planBlock, plan.symbols + i));
  storeWord(words, frame.error, cb.integer(Frame::noError));
  if (frame.run >= 0)
    storeWord(words, frame.run, run);
  Value inputs = cb.loadPointer(run, Inputs), outputs = cb.loadPointer(run, Outputs);
  Value state = cb.loadPointer(run, State), arena = cb.loadPointer(run, Arena);
  for (const Storage &storage : placed) {
    Value p;
    switch (storage.kind) {
    case Storage::Kind::Input:
      p = cb.loadPointer(inputs, storage.index);
      break;
    case Storage::Kind::Output:
      p = cb.loadPointer(outputs, storage.index);
      break;
    case Storage::Kind::Variable:
      p = cb.address(state, cb.integer(variableOffset(storage.variable)), b.getI8Type());
      break;
    case Storage::Kind::Slot:
      p = cb.address(arena, cb.loadI64(planBlock, plan.slots + storage.index), b.getI8Type());
      break;
    case Storage::Kind::Constant:
    case Storage::Kind::Local: // a loop sets it
      continue;
    }
    storeWord(words, frame.storage(storage), p);
  }
}

void FunctionGenerator::fillText() {
  if (frame.text < 0)
    return;
  for (int64_t word = 0; word < 3; ++word)
    storeWord(words, frame.text + word, cb.integer(0));
  whereRunHas(TextUsed, [&] {
    storeWord(words, frame.text, cb.loadPointer(run, Text));
    storeWord(words, frame.text + 1, cb.loadI64(run, TextCapacity));
  });
}

void FunctionGenerator::reportText() {
  if (frame.text >= 0)
    whereRunHas(TextUsed, [&] { storeWord(run, TextUsed, cb.loadI64(words, frame.text + 2)); });
}

int64_t FunctionGenerator::variableOffset(const std::string &name) {
  for (const auto *list : {&artifact.variables, &artifact.derived})
    for (const VariableDescription &variable : *list)
      if (variable.name == name)
        return variable.offset;
  llvm_unreachable("a planned function uses a variable that the module lacks");
}

void FunctionGenerator::emitRun() {
  made = beginFunction(description.runSymbol, {cb.pointer()});
  run = made.getArgument(0);
  int64_t ofRun = frame.words + static_cast<int64_t>(frame.taken.size());
  words = LLVM::AllocaOp::create(b, cb.loc, cb.pointer(), cb.i64(), cb.integer(ofRun), 64);
  fillFrame(run, words);
  fillText();
  if (debugArena)
    prepareArena();
  emitBlock(function.getBody().front());
  for (auto [i, result] :
       llvm::enumerate(function.getBody().front().getTerminator()->getOperands()))
    copy(result, {Storage::Kind::Output, static_cast<int64_t>(i), ""});
  for (auto assign : function.getBody().getOps<exec::AssignVariableOp>())
    copy(assign.getX(), {Storage::Kind::Variable, -1, assign.getVariable().str()});
  reportExtents();
  reportText();
  func::ReturnOp::create(b, cb.loc, status(INGOT_OK));
}

void FunctionGenerator::emitBlock(Block &block) {
  for (Operation &op : block) {
    if (auto choice = llvm::dyn_cast<exec::IfOp>(op))
      emitIf(choice);
    else if (auto scan = llvm::dyn_cast<exec::ScanOp>(op))
      emitScan(scan);
    else if (auto loop = llvm::dyn_cast<exec::WhileOp>(op))
      emitWhile(loop);
    else if (auto bind = llvm::dyn_cast<exec::BindOp>(op))
      emitBind(bind);
    else if (exec::isDispatch(&op))
      emitDispatch(&op);
    if (debugArena)
      examineArena(&op);
    noteWrites(&op);
  }
}

void FunctionGenerator::noteWrites(Operation *op) {
  for (Value result : op->getResults())
    if (llvm::isa<exec::KernelOp>(op))
      wroteState |= storageOf(result).kind == Storage::Kind::Variable;
}

ZonedSlot FunctionGenerator::zonedSlot(int64_t slot, Value words) {
  return {cb.loadPointer(words, frame.storage({Storage::Kind::Slot, slot, ""})),
          evaluate(slots[slot], words)};
}

void FunctionGenerator::prepareArena() {
  poison(cb, cb.loadPointer(run, Arena), cb.loadI64(cb.loadPointer(run, Plan), 0));
  for (size_t slot = 0; slot < slots.size(); ++slot)
    fillZones(cb, zonedSlot(slot, words));
}

void FunctionGenerator::examineArena(Operation *op) {
  if (exec::isDispatch(op)) {
    Value broken = func::CallOp::create(b, cb.loc, arenaCheck(), words).getResult(0);
    returnIf(made, broken, [&] {
      storeWord(run, FailedNode, nodeNumber(op));
      return status(INGOT_MEMORY_ERROR);
    });
  }
  if (op->hasTrait<OpTrait::IsTerminator>() || llvm::isa<exec::AssignVariableOp>(op))
    return; // their copies are yet to come
  for (Operation &other : *op->getBlock())
    for (Value result : other.getResults())
      if (storageRoot(result) == result && lastUser(result) == op)
        if (Storage storage = storageOf(result); storage.kind == Storage::Kind::Slot) {
          ZonedSlot slot = zonedSlot(storage.index, words);
          poison(cb, slot.data, slot.bytes);
        }
}

func::FuncOp FunctionGenerator::arenaCheck() {
  std::string name = function.getName().str() + "_arena_check";
  if (auto existing = context.module.lookupSymbol<func::FuncOp>(name))
    return existing;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(context.module.getBody());
  auto check =
      func::FuncOp::create(b, cb.loc, name, b.getFunctionType({cb.pointer()}, b.getI1Type()));
  check.setPrivate();
  b.setInsertionPointToStart(check.addEntryBlock());
  Value broken = arith::ConstantOp::create(b, cb.loc, b.getBoolAttr(false));
  for (size_t slot = 0; slot < slots.size(); ++slot)
    broken = arith::OrIOp::create(
        b, cb.loc, broken,
        zonesAreBroken(cb, context.module, zonedSlot(slot, check.getArgument(0))));
  func::ReturnOp::create(b, cb.loc, broken);
  return check;
}

void FunctionGenerator::emitDispatch(Operation *op) {
  int64_t number = description.kernels.size();
  std::string symbol = function.getName().str() + "_k" + std::to_string(number);
  auto here = b.saveInsertionPoint();
  KernelCode code;
  if (auto kernel = llvm::dyn_cast<exec::KernelOp>(op))
    code = KernelEmitter(context, frame, kernel).emit(symbol);
  else if (auto custom = llvm::dyn_cast<exec::CustomCallOp>(op))
    code = emitCustomCall(context, frame, custom, symbol);
  else
    code = emitAlgorithm(context, frame, op, symbol);
  b.restoreInsertionPoint(here);
  codes[op] = code;
  description.kernels.push_back(describeKernel(op));

  callBegin(number);
  dispatch(code.task, evaluate(code.tasks));
  callEnd(number);
  if (code.makesText) {
    Value isTooLong =
        arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ugt,
                              cb.loadI64(words, frame.text + 2), cb.loadI64(words, frame.text + 1));
    returnIf(made, isTooLong, [&] {
      reportText();
      return status(INGOT_TEXT_TOO_SHORT);
    });
  }
  if (!code.mayFail)
    return;
  Value error = cb.loadI64(words, frame.error);
  Value failed =
      arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ne, error, cb.integer(Frame::noError));
  returnIf(made, failed, [&] {
    storeWord(run, FailedNode, error);
    if (!llvm::isa<exec::CustomCallOp>(op))
      return status(INGOT_INDEX_OUT_OF_RANGE);
    whereRunHas(CustomStatus,
                [&] { storeWord(run, CustomStatus, cb.loadI64(words, frame.customStatus)); });
    return status(INGOT_CUSTOM_OP_FAILED);
  });
}

void FunctionGenerator::whereRunHas(RunField field, llvm::function_ref<void()> emit) {
  Value isThere = arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ugt, cb.loadI64(run, 0),
                                        cb.integer(field * int64_t{sizeof(int64_t)}));
  auto branch = scf::IfOp::create(b, cb.loc, isThere, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenBlock()->getTerminator());
  emit();
}

Value FunctionGenerator::isSet(Value pointer) {
  return LLVM::ICmpOp::create(b, cb.loc, LLVM::ICmpPredicate::ne, pointer,
                              LLVM::ZeroOp::create(b, cb.loc, cb.pointer()));
}

Value FunctionGenerator::callThrough(Value callee, TypeRange results, ValueRange arguments) {
  llvm::SmallVector<Type> types = llvm::to_vector(arguments.getTypes());
  Type result = results.empty() ? Type(LLVM::LLVMVoidType::get(b.getContext())) : results[0];
  auto type = LLVM::LLVMFunctionType::get(result, types);
  llvm::SmallVector<Value> operands{callee};
  operands.append(arguments.begin(), arguments.end());
  auto call = LLVM::CallOp::create(b, cb.loc, type, operands);
  return results.empty() ? Value() : call.getResult();
}

void FunctionGenerator::callBegin(int64_t number) {
  Value begin = cb.loadPointer(run, Begin);
  auto branch = scf::IfOp::create(b, cb.loc, TypeRange{b.getI32Type()}, isSet(begin), true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(branch.thenBlock());
    Value answer =
        callThrough(begin, b.getI32Type(), {cb.loadPointer(run, User), cb.integer(number)});
    scf::YieldOp::create(b, cb.loc, answer);
    b.setInsertionPointToEnd(branch.elseBlock());
    scf::YieldOp::create(b, cb.loc, status(0));
  }
  if (wroteState)
    return;
  Value cancelled =
      arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ne, branch.getResult(0), status(0));
  returnIf(made, cancelled, [&] { return status(INGOT_CANCELLED); });
}

void FunctionGenerator::callEnd(int64_t number) {
  Value end = cb.loadPointer(run, End);
  auto branch = scf::IfOp::create(b, cb.loc, isSet(end), false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenBlock()->getTerminator());
  callThrough(end, {}, {cb.loadPointer(run, User), cb.integer(number)});
}

void FunctionGenerator::dispatch(func::FuncOp task, Value count) {
  Value address = func::ConstantOp::create(b, cb.loc, task.getFunctionType(),
                                           FlatSymbolRefAttr::get(task.getSymNameAttr()));
  Value pointer =
      UnrealizedConversionCastOp::create(b, cb.loc, TypeRange{cb.pointer()}, ValueRange{address})
          .getResult(0);
  func::CallOp::create(b, cb.loc, dispatchFunction(), ValueRange{run, pointer, words, count});
}

func::FuncOp FunctionGenerator::dispatchFunction() {
  if (auto existing = context.module.lookupSymbol<func::FuncOp>("dispatch"))
    return existing;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(context.module.getBody());
  auto made = func::FuncOp::create(
      b, cb.loc, "dispatch",
      b.getFunctionType({cb.pointer(), cb.pointer(), cb.pointer(), cb.i64()}, {}));
  made.setPrivate();
  b.setInsertionPointToStart(made.addEntryBlock());
  Value run = made.getArgument(0), task = made.getArgument(1), words = made.getArgument(2),
        count = made.getArgument(3);
  Value parallelFor = cb.loadPointer(run, ParallelFor);
  Value several = arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::sgt, count, cb.integer(1));
  Value useIt = arith::AndIOp::create(b, cb.loc, several, isSet(parallelFor));
  auto branch = scf::IfOp::create(b, cb.loc, useIt, true);
  func::ReturnOp::create(b, cb.loc);
  b.setInsertionPoint(branch.thenBlock()->getTerminator());
  callThrough(parallelFor, {}, {cb.loadPointer(run, Pool), task, words, count});
  b.setInsertionPoint(branch.elseBlock()->getTerminator());
  cb.loop(cb.integer(0), count, 1, [&](Value i) { callThrough(task, {}, {words, i}); });
  return made;
}

} // namespace ingot::cpu
