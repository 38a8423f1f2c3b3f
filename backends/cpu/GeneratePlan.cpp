// The generated `plan`: checks the symbols, computes sizes and offsets. See FunctionGenerator.h.
#include "backends/cpu/FunctionGenerator.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace ingot::cpu {

llvm::SmallVector<std::pair<std::string, Dim>> FunctionGenerator::lets() {
  llvm::SmallVector<std::pair<std::string, Dim>> all;
  if (auto list = function->getAttrOfType<ArrayAttr>("graph.lets"))
    for (Attribute entry : list) {
      auto let = llvm::cast<ArrayAttr>(entry);
      all.emplace_back(llvm::cast<StringAttr>(let[0]).str(),
                       Dim(llvm::cast<graph::DimsAttr>(let[1]).getExprs()[0]));
    }
  return all;
}

std::vector<std::string> FunctionGenerator::allSymbols() {
  std::vector<std::string> all = description.symbols;
  for (const auto &[name, value] : lets())
    all.push_back(name);
  return all;
}

LogicalResult FunctionGenerator::checkSymbols() {
  llvm::StringRef unknown;
  std::vector<std::string> known = allSymbols();
  auto check = [&](llvm::StringRef name) {
    if (!llvm::is_contained(known, name.str()))
      unknown = name;
  };
  Operation *where = function;
  for (Operation &op : function.getBody().front()) {
    exec::forEachSymbol(&op, check);
    if (!unknown.empty() && where == function.getOperation())
      where = &op;
  }
  if (unknown.empty())
    return checkRuntimeSizes();
  return where->emitError("dimension `")
         << unknown << "` is not a dimension of any input of `" << function.getName()
         << "`: give it a size, or an input that has it";
}

void FunctionGenerator::layoutPlan() {
  plan.outputDims = 1 + allSymbols().size();
  plan.slots = plan.outputDims;
  for (const TensorDescription &output : description.outputs)
    plan.slots += output.dims.size();
  plan.words = plan.slots + slots.size();
  description.planWords = plan.words;
  description.outputDims = plan.outputDims;
}

llvm::MapVector<Attribute, Operation *> FunctionGenerator::extentsThatMayBeNegative() {
  llvm::MapVector<Attribute, Operation *> found;
  // A shape input's elements may be negative themselves.
  llvm::StringSet<> values;
  for (auto [name, source] : llvm::zip(description.symbols, description.sources))
    if (!isNeverNegative(source.kind))
      values.insert(name);
  for (const auto &[name, value] : lets())
    values.insert(name);
  auto mayBeNegative = [&](Dim d) {
    return d.fold<bool>([](int64_t v) { return v < 0; },
                        [&](llvm::StringRef name) { return values.contains(name); },
                        [](Dim::Op, bool x, bool y) { return x || y; });
  };
  function.walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      if (llvm::isa<RankedTensorType>(type))
        for (Dim d : dimsOf(type))
          if (!d.isStatic() && mayBeNegative(d))
            found.try_emplace(d.asAttribute(), op);
  });
  return found;
}

llvm::MapVector<Attribute, Operation *> FunctionGenerator::symbolicCounts() {
  llvm::MapVector<Attribute, Operation *> found;
  function.walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      if (llvm::isa<RankedTensorType>(type))
        if (Dim count = numElements(b.getContext(), dimsOf(type)); !count.isStatic())
          found.try_emplace(count.asAttribute(), op);
  });
  return found;
}

llvm::SmallVector<exec::ViewOp> FunctionGenerator::checkedViews() {
  llvm::SmallVector<exec::ViewOp> views;
  function.walk([&](exec::ViewOp view) {
    if (view.getChecked())
      views.push_back(view);
  });
  return views;
}

void FunctionGenerator::emitPlan() {
  auto made = beginFunction(description.planSymbol, {cb.pointer(), cb.pointer()});
  Value symbols = made.getArgument(0), out = made.getArgument(1);
  std::vector<std::string> all = allSymbols();
  size_t given = description.symbols.size();
  auto symbol = [&](llvm::StringRef name) {
    int64_t i = llvm::find(all, name.str()) - all.begin();
    return i < static_cast<int64_t>(given) ? cb.loadI64(symbols, i)
                                           : cb.loadI64(out, plan.symbols + i);
  };
  auto refuse = [&](Value node) {
    storeWord(out, 0, node);
    return status(INGOT_INVALID_ARGUMENT);
  };
  for (auto [name, source] : llvm::zip(description.symbols, description.sources)) {
    if (!isNeverNegative(source.kind))
      continue;
    Value negative =
        arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::slt, symbol(name), cb.integer(0));
    returnIf(made, negative, [&] { return refuse(cb.integer(-1)); });
  }
  for (const SymbolBoundDescription &bound : description.bounds)
    for (auto [outside, limit] : {std::pair(arith::CmpIPredicate::slt, bound.least),
                                  std::pair(arith::CmpIPredicate::sgt, bound.most)}) {
      Value refused = arith::CmpIOp::create(b, cb.loc, outside, cb.loadI64(symbols, bound.symbol),
                                            cb.integer(limit));
      returnIf(made, refused, [&] { return refuse(cb.integer(-2 - bound.symbol)); });
    }
  for (size_t i = 0; i < given; ++i)
    storeWord(out, plan.symbols + i, symbol(all[i]));
  // What the caller gives may be any numbers: arithmetic that they take out of 64 bits is refused.
  Value overflow;
  auto evaluate = [&](Dim d) { return cb.evaluate(d, symbol, &overflow); };
  auto refuseIf = [&](Value condition, llvm::function_ref<Value()> node) {
    if (overflow && condition)
      condition = arith::OrIOp::create(b, cb.loc, condition, overflow);
    if (Value any = condition ? condition : overflow)
      returnIf(made, any, [&] { return refuse(node()); });
    overflow = {};
  };
  auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) -> Value {
    return arith::CmpIOp::create(b, cb.loc, predicate, x, y);
  };
  auto noNode = [&] { return cb.integer(-1); };
  for (auto [i, let] : llvm::enumerate(lets()))
    storeWord(out, plan.symbols + given + i, evaluate(let.second));
  refuseIf({}, noNode);
  for (auto [extent, op] : extentsThatMayBeNegative())
    refuseIf(compare(arith::CmpIPredicate::slt, evaluate(Dim(extent)), cb.integer(0)),
             [&] { return nodeNumber(op); });
  for (exec::ViewOp view : checkedViews()) {
    auto count = [&](Value v) { return evaluate(numElements(b.getContext(), dimsOf(v))); };
    refuseIf(compare(arith::CmpIPredicate::ne, count(view.getX()), count(view.getResult())),
             [&] { return nodeNumber(view); });
  }
  for (auto [count, op] : symbolicCounts())
    refuseIf(compare(arith::CmpIPredicate::sgt, evaluate(Dim(count)), cb.integer(mostElements())),
             [&] { return nodeNumber(op); });
  int64_t word = plan.outputDims;
  for (Attribute entry : function->getAttrOfType<ArrayAttr>("exec.outputs"))
    for (Dim d : dimsOf(llvm::cast<TypeAttr>(llvm::cast<ArrayAttr>(entry)[1]).getValue()))
      storeWord(out, word++, evaluate(d));
  Dim bytes = debugArena ? Dim::constant(b.getContext(), 0) : bounded(plannedBytes());
  for (Dim slot : slots) {
    Dim offset = debugArena ? bytes + redZoneBytes : slot;
    storeWord(out, word++, evaluate(offset));
    if (debugArena)
      bytes = bytes + zonedBytes(slot);
  }
  Value total = evaluate(bytes);
  refuseIf({}, noNode);
  storeWord(out, 0, total);
  description.arenaFormula = bytes.str();
  func::ReturnOp::create(b, cb.loc, status(INGOT_OK));
}

} // namespace ingot::cpu
