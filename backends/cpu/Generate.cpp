// The generated host code: `plan` computes sizes and offsets, `run` fills a frame on the stack and
// dispatches the kernels in order. See Generate.h.
#include "backends/cpu/Generate.h"
#include "backends/cpu/DebugArena.h"
#include "backends/cpu/KernelEmitter.h"
#include "compiler/fusion/Structure.h"
#include "compiler/package/Describe.h"
#include "compiler/package/Manifest.h"
#include "ir/exec/Control.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

/// Words of ingot_run, in order; see artifact.h.
enum RunField {
  Plan = 1,
  Inputs,
  Outputs,
  State,
  Arena,
  ParallelFor,
  Pool,
  Begin,
  End,
  User,
  FailedNode
};

/// What a plan holds: the arena's size, symbol values, output extents, slot offsets.
struct PlanLayout {
  int64_t symbols = 1, outputDims = 0, slots = 0, words = 0;
};

class FunctionGenerator {
public:
  FunctionGenerator(CodeContext &context, func::FuncOp function, FunctionDescription &description,
                    const ArtifactDescription &artifact, bool debugArena)
      : context(context), function(function), description(description), artifact(artifact),
        debugArena(debugArena), slots(slotSizes(function)), b(context.module.getContext()),
        cb(b, function.getLoc(), 1) {}

  LogicalResult generate() {
    if (failed(checkSymbols()))
      return failure();
    layoutPlan();
    layoutFrame();
    emitConstants();
    emitPlan();
    emitRun();
    return success();
  }

private:
  /// Every dimension must follow from the shapes of the inputs.
  LogicalResult checkSymbols() {
    llvm::StringRef unknown;
    auto check = [&](llvm::StringRef name) {
      if (!llvm::is_contained(description.symbols, name.str()))
        unknown = name;
    };
    Operation *where = function;
    auto checkDims = [&](graph::DimsAttr dims, Operation *op) {
      for (Attribute d : dims.getExprs())
        Dim(d).collectSymbols(check);
      if (!unknown.empty() && where == function.getOperation())
        where = op;
    };
    function.walk([&](Operation *op) {
      if (auto nest = llvm::dyn_cast<exec::NestOp>(op))
        checkDims(nest.getBounds(), op);
      if (auto extent = llvm::dyn_cast<exec::ExtentOp>(op))
        checkDims(extent.getDim(), op);
      if (auto scan = llvm::dyn_cast<exec::ScanOp>(op))
        checkDims(scan.getTrips(), op);
    });
    if (unknown.empty())
      return success();
    return where->emitError("dimension `")
           << unknown << "` is not a dimension of any input of `" << function.getName()
           << "`: give it a size, or an input that has it";
  }

  void layoutPlan() {
    plan.outputDims = 1 + description.symbols.size();
    plan.slots = plan.outputDims;
    for (const TensorDescription &output : description.outputs)
      plan.slots += output.dims.size();
    plan.words = plan.slots + slots.size();
    description.planWords = plan.words;
    description.outputDims = plan.outputDims;
  }

  void addStorage(Value v) {
    Storage storage = storageOf(v);
    if (storage.kind != Storage::Kind::Constant &&
        frame.storages.try_emplace(Frame::key(storage), frame.words).second) {
      placed.push_back(storage);
      ++frame.words;
    }
  }

  void layoutFrame() {
    for (const std::string &symbol : description.symbols)
      frame.symbols[symbol] = frame.words++;
    frame.error = frame.words++;
    exec::forEachBlock(function, [&](Block &block) {
      for (Operation &op : block) {
        for (Value v : op.getOperands())
          addStorage(v);
        for (Value v : op.getResults())
          addStorage(v);
        if (auto assign = llvm::dyn_cast<exec::AssignVariableOp>(op))
          addPlace({Storage::Kind::Variable, -1, assign.getVariable().str()});
        addLoop(&op);
      }
    });
    for (size_t i = 0; i < description.outputs.size(); ++i)
      addPlace({Storage::Kind::Output, static_cast<int64_t>(i), ""});
  }
  /// A loop's pointers to slices, its position, and the slots its carried values pass through.
  void addLoop(Operation *op) {
    if (!llvm::isa<exec::ScanOp, exec::WhileOp>(op))
      return;
    for (int64_t slot : loopStorage(op).temporaries)
      if (slot >= 0)
        addPlace({Storage::Kind::Slot, slot, ""});
    auto scan = llvm::dyn_cast<exec::ScanOp>(op);
    if (!scan)
      return;
    frame.positions[op] = frame.words++;
    int64_t count = 1 + scan.getInputs().size() + scan.getNumResults() - scan.getCarried().size();
    for (int64_t i = 0; i < count; ++i)
      addPlace(local(scan, i));
  }
  static Storage local(exec::ScanOp scan, int64_t i) {
    return {Storage::Kind::Local, loopStorage(scan).firstLocal + i, ""};
  }
  void addPlace(const Storage &storage) {
    if (frame.storages.try_emplace(Frame::key(storage), frame.words).second) {
      placed.push_back(storage);
      ++frame.words;
    }
  }

  void emitConstants() {
    function.walk([&](exec::ConstantOp constant) {
      auto elements = llvm::cast<DenseElementsAttr>(constant.getValue());
      Type element = exec::signlessElement(elements.getElementType());
      int64_t count = elements.getNumElements();
      Attribute value;
      if (element.isInteger(1)) {
        llvm::SmallVector<int8_t> bytes;
        for (bool v : elements.getValues<bool>())
          bytes.push_back(v);
        value = DenseIntElementsAttr::get(RankedTensorType::get({count}, b.getI8Type()),
                                          llvm::ArrayRef<int8_t>(bytes));
        element = b.getI8Type();
      } else {
        value = DenseElementsAttr::getFromRawBuffer(RankedTensorType::get({count}, element),
                                                    elements.getRawData());
      }
      std::string name = function.getName().str() + "_constant_" + std::to_string(constants++);
      b.setInsertionPointToEnd(context.module.getBody());
      LLVM::GlobalOp::create(b, constant.getLoc(), LLVM::LLVMArrayType::get(element, count), true,
                             LLVM::Linkage::Internal, name, value, 64);
      constant->setAttr("exec.global", b.getStringAttr(name));
    });
  }

  func::FuncOp beginFunction(llvm::StringRef name, llvm::ArrayRef<Type> arguments) {
    b.setInsertionPointToEnd(context.module.getBody());
    auto made = func::FuncOp::create(b, function.getLoc(), name,
                                     b.getFunctionType(arguments, b.getI32Type()));
    b.setInsertionPointToStart(made.addEntryBlock());
    return made;
  }
  Value status(int32_t code) {
    return arith::ConstantOp::create(b, cb.loc, b.getI32IntegerAttr(code));
  }
  Value wordAddress(Value base, int64_t index) {
    return LLVM::GEPOp::create(b, cb.loc, cb.pointer(), cb.i64(), base,
                               llvm::ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
  }
  void storeWord(Value base, int64_t index, Value v) {
    LLVM::StoreOp::create(b, cb.loc, v, wordAddress(base, index), 8);
  }
  /// Returns `code` from the function where the condition holds and goes on in a new block.
  void returnIf(func::FuncOp of, Value condition, llvm::function_ref<Value()> code) {
    Block *leave = of.addBlock(), *next = of.addBlock();
    cf::CondBranchOp::create(b, cb.loc, condition, leave, next);
    b.setInsertionPointToStart(leave);
    func::ReturnOp::create(b, cb.loc, code());
    b.setInsertionPointToStart(next);
  }

  /// Extents of tensors that subtract something from a symbol, as a crop does.
  llvm::SmallVector<Dim> extentsThatMayBeNegative() {
    llvm::SetVector<Attribute> found;
    auto subtracts = [](Dim d) {
      return d.fold<bool>([](int64_t v) { return v < 0; }, [](llvm::StringRef) { return false; },
                          [](Dim::Op, bool x, bool y) { return x || y; });
    };
    function.walk([&](Operation *op) {
      for (Type type : op->getResultTypes())
        if (llvm::isa<RankedTensorType>(type))
          for (Dim d : dimsOf(type))
            if (!d.isStatic() && subtracts(d))
              found.insert(d.asAttribute());
    });
    return llvm::map_to_vector(found, [](Attribute d) { return Dim(d); });
  }

  void emitPlan() {
    auto made = beginFunction(description.planSymbol, {cb.pointer(), cb.pointer()});
    Value symbols = made.getArgument(0), out = made.getArgument(1);
    auto symbol = [&](llvm::StringRef name) {
      auto it = llvm::find(description.symbols, name.str());
      return cb.loadI64(symbols, it - description.symbols.begin());
    };
    for (const std::string &name : description.symbols) {
      Value negative =
          arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::slt, symbol(name), cb.integer(0));
      returnIf(made, negative, [&] { return status(INGOT_INVALID_ARGUMENT); });
    }
    for (Dim extent : extentsThatMayBeNegative()) {
      Value negative = arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::slt,
                                             cb.evaluate(extent, symbol), cb.integer(0));
      returnIf(made, negative, [&] { return status(INGOT_INVALID_ARGUMENT); });
    }
    for (size_t i = 0; i < description.symbols.size(); ++i)
      storeWord(out, plan.symbols + i, symbol(description.symbols[i]));
    int64_t word = plan.outputDims;
    for (Value result : function.getBody().front().getTerminator()->getOperands())
      for (Dim d : dimsOf(result))
        storeWord(out, word++, cb.evaluate(d, symbol));
    Value total = cb.integer(0);
    Dim formula = Dim::constant(b.getContext(), 0);
    for (Dim size : slots) {
      storeWord(out, word++, debugArena ? cb.add(total, cb.integer(redZoneBytes)) : total);
      Dim taken = debugArena ? zonedBytes(size) : size;
      total = cb.add(total, cb.evaluate(taken, symbol));
      formula = formula + taken;
    }
    storeWord(out, 0, total);
    description.arenaFormula = formula.str();
    func::ReturnOp::create(b, cb.loc, status(INGOT_OK));
  }

  void fillFrame(Value run, Value words) {
    Value planBlock = cb.loadPointer(run, Plan);
    for (size_t i = 0; i < description.symbols.size(); ++i)
      storeWord(words, frame.symbol(description.symbols[i]),
                cb.loadI64(planBlock, plan.symbols + i));
    storeWord(words, frame.error, cb.integer(0));
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
  int64_t variableOffset(const std::string &name) {
    for (const auto *list : {&artifact.variables, &artifact.derived})
      for (const VariableDescription &variable : *list)
        if (variable.name == name)
          return variable.offset;
    llvm_unreachable("a planned function uses a variable that the module lacks");
  }

  void emitRun() {
    made = beginFunction(description.runSymbol, {cb.pointer()});
    run = made.getArgument(0);
    words = LLVM::AllocaOp::create(b, cb.loc, cb.pointer(), cb.i64(), cb.integer(frame.words), 64);
    fillFrame(run, words);
    if (debugArena)
      prepareArena();
    emitBlock(function.getBody().front());
    for (auto [i, result] :
         llvm::enumerate(function.getBody().front().getTerminator()->getOperands()))
      copy(result, {Storage::Kind::Output, static_cast<int64_t>(i), ""});
    for (auto assign : function.getBody().getOps<exec::AssignVariableOp>())
      copy(assign.getX(), {Storage::Kind::Variable, -1, assign.getVariable().str()});
    func::ReturnOp::create(b, cb.loc, status(INGOT_OK));
  }

  void emitBlock(Block &block) {
    for (Operation &op : block) {
      if (auto choice = llvm::dyn_cast<exec::IfOp>(op))
        emitIf(choice);
      else if (auto scan = llvm::dyn_cast<exec::ScanOp>(op))
        emitScan(scan);
      else if (auto loop = llvm::dyn_cast<exec::WhileOp>(op))
        emitWhile(loop);
      else if (llvm::isa<exec::KernelOp, exec::ScatterAddOp>(op))
        emitDispatch(&op);
      if (debugArena)
        examineArena(&op);
      for (Value result : op.getResults())
        if (llvm::isa<exec::KernelOp>(op))
          wroteState |= storageOf(result).kind == Storage::Kind::Variable;
    }
  }

  void emitIf(exec::IfOp op) {
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

  void emitScan(exec::ScanOp op) {
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
    pointAtSlices(op,
                  op.getReverse() ? cb.sub(cb.sub(trips, cb.integer(1)), iteration) : iteration);
    emitBlock(op.getBody().front());
    auto yielded = op.getBody().front().getTerminator()->getOperands();
    size_t carried = op.getCarried().size(), inputs = op.getInputs().size();
    for (size_t i = carried; i < yielded.size(); ++i)
      copy(yielded[i], local(op, 1 + inputs + i - carried));
    carryOver(op, yielded.take_front(carried));
    cf::BranchOp::create(b, cb.loc, head, cb.add(iteration, cb.integer(1)));
    b.setInsertionPointToStart(after);
  }

  void emitWhile(exec::WhileOp op) {
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

  /// Sets a scan's position and its pointers to the slices there.
  void pointAtSlices(exec::ScanOp op, Value position) {
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

  /// The new carried values go where the loop keeps them; those that are old ones of others first
  /// leave the place that is overwritten.
  void carryOver(Operation *loop, ValueRange values) {
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

  Value evaluate(Dim d) { return evaluate(d, words); }
  Value evaluate(Dim d, Value words) {
    return cb.evaluate(d,
                       [&](llvm::StringRef name) { return cb.loadI64(words, frame.symbol(name)); });
  }
  Value pointerTo(Value tensor) {
    Storage source = storageOf(tensor);
    if (source.kind != Storage::Kind::Constant)
      return cb.loadPointer(words, frame.storage(source));
    return LLVM::AddressOfOp::create(
        b, cb.loc, cb.pointer(),
        storageRoot(tensor).getDefiningOp()->getAttrOfType<StringAttr>("exec.global").getValue());
  }
  /// The truth of a bool scalar in memory.
  Value holds(Value scalar) {
    Value byte = LLVM::LoadOp::create(b, cb.loc, b.getI8Type(), pointerTo(scalar), 1);
    Value zero = arith::ConstantOp::create(b, cb.loc, b.getI8IntegerAttr(0));
    return arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ne, byte, zero);
  }

  void copy(Value from, const Storage &to) {
    if (!(storageOf(from) == to))
      copyBytes(from, pointerTo(from), to);
  }
  /// As many bytes as `like` has.
  void copyBytes(Value like, Value from, const Storage &to) {
    auto type = llvm::cast<RankedTensorType>(like.getType());
    Value size = evaluate(tensorBytes(type));
    LLVM::MemcpyOp::create(b, cb.loc, cb.loadPointer(words, frame.storage(to)), from, size, false);
  }

  ZonedSlot zonedSlot(int64_t slot, Value words) {
    return {cb.loadPointer(words, frame.storage({Storage::Kind::Slot, slot, ""})),
            evaluate(slots[slot], words)};
  }
  void prepareArena() {
    poison(cb, cb.loadPointer(run, Arena), cb.loadI64(cb.loadPointer(run, Plan), 0));
    for (size_t slot = 0; slot < slots.size(); ++slot)
      fillZones(cb, zonedSlot(slot, words));
  }
  /// After an op: returns a status that names it when a zone is broken; poisons what it was the
  /// last to use.
  void examineArena(Operation *op) {
    if (llvm::isa<exec::KernelOp, exec::ScatterAddOp>(op)) {
      Value broken = func::CallOp::create(b, cb.loc, arenaCheck(), words).getResult(0);
      int64_t node = context.nodes.indexOf(graph::layerName(op->getLoc()));
      returnIf(made, broken, [&] {
        storeWord(run, FailedNode, cb.integer(node));
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
  /// "<function>_arena_check"(words) -> i1: whether a zone of any slot is broken.
  func::FuncOp arenaCheck() {
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

  void emitDispatch(Operation *op) {
    int64_t number = description.kernels.size();
    std::string symbol = function.getName().str() + "_k" + std::to_string(number);
    auto here = b.saveInsertionPoint();
    KernelCode code;
    if (auto kernel = llvm::dyn_cast<exec::KernelOp>(op))
      code = KernelEmitter(context, frame, kernel).emit(symbol);
    else
      code = emitScatterAdd(context, frame, llvm::cast<exec::ScatterAddOp>(op), symbol);
    b.restoreInsertionPoint(here);
    description.kernels.push_back(describeKernel(op));

    callBegin(number);
    Value count = evaluate(code.tasks);
    Value address = func::ConstantOp::create(b, cb.loc, code.task.getFunctionType(),
                                             FlatSymbolRefAttr::get(code.task.getSymNameAttr()));
    Value task =
        UnrealizedConversionCastOp::create(b, cb.loc, TypeRange{cb.pointer()}, ValueRange{address})
            .getResult(0);
    func::CallOp::create(b, cb.loc, dispatchFunction(), ValueRange{run, task, words, count});
    callEnd(number);
    if (!code.mayFail)
      return;
    Value error = cb.loadI64(words, frame.error);
    Value failed = arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ne, error, cb.integer(0));
    returnIf(made, failed, [&] {
      storeWord(run, FailedNode, cb.sub(error, cb.integer(1)));
      return status(INGOT_INDEX_OUT_OF_RANGE);
    });
  }

  Value isSet(Value pointer) {
    return LLVM::ICmpOp::create(b, cb.loc, LLVM::ICmpPredicate::ne, pointer,
                                LLVM::ZeroOp::create(b, cb.loc, cb.pointer()));
  }
  /// Calls through a pointer found in a field of the run.
  Value callThrough(Value callee, TypeRange results, ValueRange arguments) {
    llvm::SmallVector<Type> types = llvm::to_vector(arguments.getTypes());
    Type result = results.empty() ? Type(LLVM::LLVMVoidType::get(b.getContext())) : results[0];
    auto type = LLVM::LLVMFunctionType::get(result, types);
    llvm::SmallVector<Value> operands{callee};
    operands.append(arguments.begin(), arguments.end());
    auto call = LLVM::CallOp::create(b, cb.loc, type, operands);
    return results.empty() ? Value() : call.getResult();
  }

  /// A non-zero answer cancels the run as long as no variable has been changed.
  void callBegin(int64_t number) {
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
  void callEnd(int64_t number) {
    Value end = cb.loadPointer(run, End);
    auto branch = scf::IfOp::create(b, cb.loc, isSet(end), false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch.thenBlock()->getTerminator());
    callThrough(end, {}, {cb.loadPointer(run, User), cb.integer(number)});
  }

  /// dispatch(run, task, frame, count): through parallel_for, or here when there is none or one
  /// task.
  func::FuncOp dispatchFunction() {
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
    Value several =
        arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::sgt, count, cb.integer(1));
    Value useIt = arith::AndIOp::create(b, cb.loc, several, isSet(parallelFor));
    auto branch = scf::IfOp::create(b, cb.loc, useIt, true);
    func::ReturnOp::create(b, cb.loc);
    b.setInsertionPoint(branch.thenBlock()->getTerminator());
    callThrough(parallelFor, {}, {cb.loadPointer(run, Pool), task, words, count});
    b.setInsertionPoint(branch.elseBlock()->getTerminator());
    cb.loop(cb.integer(0), count, 1, [&](Value i) { callThrough(task, {}, {words, i}); });
    return made;
  }

  CodeContext &context;
  func::FuncOp function;
  FunctionDescription &description;
  const ArtifactDescription &artifact;
  bool debugArena;
  Dims slots; // sizes in bytes
  OpBuilder b;
  CodeBuilder cb;
  PlanLayout plan;
  Frame frame;
  std::vector<Storage> placed;
  int64_t constants = 0;
  // `run` under construction.
  func::FuncOp made;
  Value run, words;
  bool wroteState = false; // by what has been emitted so far
};

} // namespace

FailureOr<Variant> generateCode(ModuleOp planned, const CpuTarget &target,
                                const CompileOptions &options) {
  Variant variant;
  variant.target = &target;
  variant.description = describeArtifact(planned, options);
  variant.code = ModuleOp::create(planned.getLoc());
  NodeTable nodes;
  CodeContext context{target, *variant.code, nodes};
  auto generate = [&](FunctionDescription &description) {
    auto function = planned.lookupSymbol<func::FuncOp>(description.name);
    return FunctionGenerator(context, function, description, variant.description,
                             options.debugArena)
        .generate();
  };
  for (FunctionDescription &function : variant.description.functions)
    if (failed(generate(function)))
      return failure();
  if (variant.description.hasDerive && failed(generate(variant.description.derive)))
    return failure();
  variant.description.nodes = nodes.names;
  return variant;
}

} // namespace ingot::cpu
