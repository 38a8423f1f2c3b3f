// The frame of a function, its constants, and the functions of a module one by one. See Generate.h.
#include "backends/cpu/FunctionGenerator.h"
#include "compiler/package/Describe.h"
#include "ir/exec/Text.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

using namespace mlir;

namespace ingot::cpu {

LogicalResult FunctionGenerator::generate() {
  if (failed(checkSymbols()) || failed(checkText()))
    return failure();
  for (Dim &size : slots)
    size = bounded(size);
  layoutPlan();
  layoutFrame();
  emitConstants();
  emitPlan();
  emitRun();
  return success();
}

bool FunctionGenerator::makesText() {
  return function
      .walk([](Operation *op) {
        return llvm::isa<exec::TextConcatOp, exec::TextCaseOp>(op) ? WalkResult::interrupt()
                                                                   : WalkResult::advance();
      })
      .wasInterrupted();
}

LogicalResult FunctionGenerator::checkText() {
  if (!makesText() || function.getBody().getOps<exec::AssignVariableOp>().empty())
    return success();
  return function.emitError("`") << function.getName()
                                 << "` makes text (joins strings or changes their case) and "
                                    "assigns variables; do the one in a function of its own";
}

void FunctionGenerator::addStorage(Value v) {
  if (Storage storage = storageOf(v); storage.kind != Storage::Kind::Constant)
    addPlace(storage);
}

void FunctionGenerator::layoutFrame() {
  for (const std::string &symbol : allSymbols())
    frame.symbols[symbol] = frame.words++;
  frame.error = frame.words++;
  if (makesText()) {
    frame.text = frame.words;
    frame.words += 3;
  }
  if (function.walk([](exec::CustomCallOp) { return WalkResult::interrupt(); }).wasInterrupted()) {
    frame.run = frame.words++;
    frame.customStatus = frame.words++;
  }
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

void FunctionGenerator::addLoop(Operation *op) {
  if (!llvm::isa<exec::ScanOp, exec::WhileOp>(op))
    return;
  for (int64_t slot : loopStorage(op).temporaries)
    if (slot >= 0)
      addPlace({Storage::Kind::Slot, slot, ""});
  auto scan = llvm::dyn_cast<exec::ScanOp>(op);
  if (!scan)
    return;
  if (LoopStorage storage = loopStorage(op); storage.workspace >= 0) {
    addPlace({Storage::Kind::Slot, storage.workspace, ""});
    frame.taken.try_emplace(op, frame.taken.size());
    for (auto [pointer, offset] : storage.places)
      addPlace({Storage::Kind::Local, pointer, ""});
  }
  frame.positions[op] = frame.words++;
  int64_t count = 1 + scan.getInputs().size() + scan.getNumResults() - scan.getCarried().size();
  for (int64_t i = 0; i < count; ++i)
    addPlace(local(scan, i));
}

void FunctionGenerator::addPlace(const Storage &storage) {
  if (frame.storages.try_emplace(Frame::key(storage), frame.words).second) {
    placed.push_back(storage);
    ++frame.words;
  }
}

void FunctionGenerator::emitTexts(exec::ConstantOp constant, llvm::StringRef name) {
  auto elements = llvm::cast<DenseElementsAttr>(constant.getValue());
  std::string bytes;
  llvm::SmallVector<std::pair<int64_t, int64_t>> places; // offset and size
  for (Attribute text : elements.getValues<Attribute>()) {
    llvm::StringRef value = llvm::cast<StringAttr>(text).getValue();
    places.emplace_back(bytes.size(), value.size());
    bytes += value;
  }
  Location loc = constant.getLoc();
  auto bytesType = LLVM::LLVMArrayType::get(b.getI8Type(), std::max<size_t>(bytes.size(), 1));
  if (bytes.empty())
    bytes.push_back(0);
  std::string bytesName = name.str() + "_bytes";
  LLVM::GlobalOp::create(b, loc, bytesType, true, LLVM::Linkage::Internal, bytesName,
                         b.getStringAttr(bytes), 1);
  // In blocks: each insertion into a constant array makes a new array.
  constexpr size_t blockSize = 128;
  size_t blocks = llvm::divideCeil(places.size(), blockSize);
  auto recordType = LLVM::LLVMStructType::getLiteral(b.getContext(), {cb.pointer(), cb.i64()});
  auto blockType = LLVM::LLVMArrayType::get(recordType, blockSize);
  auto type = LLVM::LLVMArrayType::get(blockType, blocks);
  auto global =
      LLVM::GlobalOp::create(b, loc, type, true, LLVM::Linkage::Internal, name, Attribute(), 64);
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&global.getInitializerRegion());
  auto insert = [&](Value to, Value value, int64_t at) -> Value {
    return LLVM::InsertValueOp::create(b, loc, to, value, llvm::ArrayRef<int64_t>{at});
  };
  Value base = LLVM::AddressOfOp::create(b, loc, cb.pointer(), bytesName);
  Value all = LLVM::ZeroOp::create(b, loc, type);
  for (size_t block = 0; block < blocks; ++block) {
    Value records = LLVM::ZeroOp::create(b, loc, blockType);
    size_t first = block * blockSize;
    for (size_t i = first; i < std::min(places.size(), first + blockSize); ++i) {
      Value data =
          LLVM::GEPOp::create(b, loc, cb.pointer(), b.getI8Type(), base,
                              llvm::ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(places[i].first)});
      Value record = insert(LLVM::ZeroOp::create(b, loc, recordType), data, 0);
      Value size = LLVM::ConstantOp::create(b, loc, b.getI64IntegerAttr(places[i].second));
      records = insert(records, insert(record, size, 1), static_cast<int64_t>(i - first));
    }
    all = insert(all, records, static_cast<int64_t>(block));
  }
  LLVM::ReturnOp::create(b, loc, all);
}

void FunctionGenerator::emitConstants() {
  function.walk([&](exec::ConstantOp constant) {
    auto elements = llvm::cast<DenseElementsAttr>(constant.getValue());
    Type element = exec::signlessElement(elements.getElementType());
    int64_t count = elements.getNumElements();
    std::string name = function.getName().str() + "_constant_" + std::to_string(constants++);
    constant->setAttr("exec.global", b.getStringAttr(name));
    b.setInsertionPointToEnd(context.module.getBody());
    if (llvm::isa<DenseStringElementsAttr>(elements))
      return emitTexts(constant, name);
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
    LLVM::GlobalOp::create(b, constant.getLoc(), LLVM::LLVMArrayType::get(element, count), true,
                           LLVM::Linkage::Internal, name, value, 64);
  });
}

func::FuncOp FunctionGenerator::beginFunction(llvm::StringRef name,
                                              llvm::ArrayRef<Type> arguments) {
  b.setInsertionPointToEnd(context.module.getBody());
  auto made = func::FuncOp::create(b, function.getLoc(), name,
                                   b.getFunctionType(arguments, b.getI32Type()));
  b.setInsertionPointToStart(made.addEntryBlock());
  return made;
}

Value FunctionGenerator::status(int32_t code) {
  return arith::ConstantOp::create(b, cb.loc, b.getI32IntegerAttr(code));
}

Value FunctionGenerator::wordAddress(Value base, int64_t index) {
  return LLVM::GEPOp::create(b, cb.loc, cb.pointer(), cb.i64(), base,
                             llvm::ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
}

void FunctionGenerator::storeWord(Value base, int64_t index, Value v) {
  LLVM::StoreOp::create(b, cb.loc, v, wordAddress(base, index), 8);
}

void FunctionGenerator::returnIf(func::FuncOp of, Value condition,
                                 llvm::function_ref<Value()> leave) {
  Block *last = of.addBlock(), *next = of.addBlock();
  cf::CondBranchOp::create(b, cb.loc, condition, last, next);
  b.setInsertionPointToStart(last);
  func::ReturnOp::create(b, cb.loc, leave());
  b.setInsertionPointToStart(next);
}

Value FunctionGenerator::nodeNumber(Operation *op) {
  return cb.integer(context.nodes.indexOf(graph::layerName(op->getLoc())));
}

Value FunctionGenerator::evaluate(Dim d, Value words) {
  return cb.evaluate(d,
                     [&](llvm::StringRef name) { return cb.loadI64(words, frame.symbol(name)); });
}

Value FunctionGenerator::pointerTo(Value tensor) { return tensorPointer(cb, frame, words, tensor); }

Value FunctionGenerator::loadScalar(Value tensor, Type element) {
  return LLVM::LoadOp::create(b, cb.loc, element, pointerTo(tensor), alignmentOf(element));
}

Value FunctionGenerator::holds(Value scalar) {
  Value byte = loadScalar(scalar, b.getI8Type());
  Value zero = arith::ConstantOp::create(b, cb.loc, b.getI8IntegerAttr(0));
  return arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ne, byte, zero);
}

void FunctionGenerator::copy(Value from, const Storage &to) {
  if (!(storageOf(from) == to))
    copyBytes(from, pointerTo(from), to);
}

void FunctionGenerator::copyBytes(Value like, Value from, const Storage &to) {
  copyBytes(from, cb.loadPointer(words, frame.storage(to)), evaluate(tensorBytes(like.getType())));
}

void FunctionGenerator::copyBytes(Value from, Value to, Value bytes) {
  LLVM::MemcpyOp::create(b, cb.loc, to, from, bytes, false);
}

LogicalResult checkCustomCode(ModuleOp planned, const CompileOptions &options) {
  LogicalResult result = success();
  planned.walk([&](exec::CustomCallOp call) {
    if (options.customCode.count(call.getCallee().str()))
      return;
    result = call.emitError("the code of the custom op `")
             << call.getCallee() << "` is not given; give its description with --custom-op";
  });
  return result;
}

FailureOr<Variant> generateCode(ModuleOp given, const CpuTarget &target,
                                const CompileOptions &options) {
  if (failed(checkCustomCode(given, options)))
    return failure();
  // What is noted on ops meanwhile is no part of the program, nor of the key of its code.
  OwningOpRef<ModuleOp> copy = given.clone();
  ModuleOp planned = *copy;
  Variant variant;
  variant.target = &target;
  variant.description = describeArtifact(planned, options);
  variant.code = ModuleOp::create(planned.getLoc());
  NodeTable nodes;
  CodeContext context{target, options, *variant.code, nodes,
                      options.sanitize == "thread" ? 128 : 1};
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
