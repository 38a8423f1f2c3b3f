// One walk over each function, asking every op for its lowering. See LowerToExec.h.
#include "compiler/lowering/LowerToExec.h"
#include "compiler/lowering/PackedElements.h"
#include "ir/exec/Control.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot {
namespace {

/// [name, type] of each input or output; a missing name is made from the position. A shape input
/// has a third entry: the symbols that stand for its elements.
ArrayAttr describe(func::FuncOp function, bool results) {
  OpBuilder b(function.getContext());
  auto types = results ? function.getResultTypes() : function.getArgumentTypes();
  llvm::SmallVector<Attribute> list;
  for (auto [i, type] : llvm::enumerate(types)) {
    auto name = results ? function.getResultAttrOfType<StringAttr>(i, "graph.name")
                        : function.getArgAttrOfType<StringAttr>(i, "graph.name");
    if (!name)
      name = b.getStringAttr((results ? "output_" : "input_") + std::to_string(i));
    llvm::SmallVector<Attribute> entry = {name, TypeAttr::get(type)};
    if (!results)
      if (auto symbols = function.getArgAttrOfType<ArrayAttr>(i, "graph.shape_symbols"))
        entry.push_back(symbols);
    list.push_back(b.getArrayAttr(entry));
  }
  return b.getArrayAttr(list);
}

llvm::SmallVector<Type> signlessTypes(TypeRange types) {
  return llvm::map_to_vector(types, [](Type t) -> Type { return exec::signless(t); });
}

class FunctionLowering {
public:
  FunctionLowering(func::FuncOp from, func::FuncOp to) : to(to), b(to.getContext()) {
    Block *entry = to.addEntryBlock();
    b.setInsertionPointToStart(entry);
    for (auto [a, v] : llvm::zip(from.getArguments(), entry->getArguments()))
      mapping.map(a, unpackElements(b, from.getLoc(), v, a.getType()));
  }

  LogicalResult lower(Operation &op) {
    llvm::SmallVector<Value> operands, results;
    for (Value operand : op.getOperands())
      operands.push_back(mapping.lookup(operand));
    if (auto scalar = llvm::dyn_cast<graph::Scalar>(op)) {
      RankedTensorType type = exec::signless(op.getResult(0).getType());
      results.push_back(exec::mapNest(
          b, op.getLoc(), dimsOf(type), operands, type.getElementType(),
          [&](OpBuilder &b, ValueRange args) { return scalar.emitScalar(b, op.getLoc(), args); }));
    } else if (auto structured = llvm::dyn_cast<graph::Structured>(op)) {
      structured.emitStructured(b, operands, results);
    } else if (auto read = llvm::dyn_cast<graph::ReadOp>(op)) {
      Assigned *assigned = findAssigned(read.getVariable());
      Type type = read.getResult().getType();
      Value stored = assigned ? assigned->value
                              : Value(exec::ReadVariableOp::create(b, op.getLoc(), storedType(type),
                                                                   read.getVariableAttr()));
      results.push_back(unpackElements(b, op.getLoc(), stored, type));
    } else if (auto assign = llvm::dyn_cast<graph::AssignOp>(op)) {
      if (!llvm::isa<func::FuncOp>(op.getParentOp()))
        return op.emitError("assigns variable `")
               << assign.getVariable() << "` inside `" << op.getParentOp()->getName()
               << "`; compiled functions change variables at their end: yield the new value and "
                  "assign what the region's op results in";
      Value value = ownMemory(packElements(b, op.getLoc(), operands[0], assign.getX().getType()));
      if (Assigned *assigned = findAssigned(assign.getVariable()))
        *assigned = {assign, value};
      else
        assignments.push_back({assign, value});
    } else if (Operation *control = createControl(op, operands)) {
      if (failed(lowerRegions(op, control)))
        return failure();
      llvm::append_range(results, control->getResults());
    } else if (llvm::isa<graph::YieldOp>(op)) {
      exec::YieldOp::create(b, op.getLoc(), operands);
    } else if (llvm::isa<func::ReturnOp>(op)) {
      for (Assigned &assigned : assignments)
        exec::AssignVariableOp::create(b, assigned.op.getLoc(), assigned.op.getVariableAttr(),
                                       assigned.value);
      for (auto [value, type] : llvm::zip(operands, op.getOperandTypes()))
        value = packElements(b, op.getLoc(), value, type);
      func::ReturnOp::create(b, op.getLoc(), operands);
    } else {
      return op.emitOpError("has no lowering to loops");
    }
    for (auto [result, value] : llvm::zip(op.getResults(), results))
      mapping.map(result, value);
    return success();
  }

private:
  /// The op's counterpart with empty regions; null where it is not control flow.
  Operation *createControl(Operation &op, ValueRange operands) {
    auto types = signlessTypes(op.getResultTypes());
    if (llvm::isa<graph::IfOp>(op))
      return exec::IfOp::create(b, op.getLoc(), types, operands[0]);
    if (llvm::isa<graph::WhileOp>(op))
      return exec::WhileOp::create(b, op.getLoc(), types, operands);
    if (auto scan = llvm::dyn_cast<graph::ScanOp>(op))
      return exec::ScanOp::create(
          b, op.getLoc(), types, scan.getTripsAttr(), operands.take_front(scan.getCarried().size()),
          operands.drop_front(scan.getCarried().size()), scan.getReverseAttr());
    return nullptr;
  }

  LogicalResult lowerRegions(Operation &from, Operation *to) {
    for (auto [source, target] : llvm::zip(from.getRegions(), to->getRegions())) {
      OpBuilder::InsertionGuard guard(b);
      Block *block =
          b.createBlock(&target, {}, signlessTypes(source.getArgumentTypes()),
                        llvm::SmallVector<Location>(source.getNumArguments(), from.getLoc()));
      mapping.map(source.getArguments(), block->getArguments());
      for (Operation &op : source.front())
        if (failed(lower(op)))
          return failure();
    }
    return success();
  }

  /// Variables change at the function's end: a read after an assignment is the assigned value.
  struct Assigned {
    graph::AssignOp op;
    Value value;
  };
  /// A copy of what would be another variable's memory: two variables may trade their values.
  Value ownMemory(Value value) {
    Value root = value;
    while (auto view = root.getDefiningOp<exec::ViewOp>())
      root = view.getX();
    if (!root.getDefiningOp<exec::ReadVariableOp>())
      return value;
    return exec::mapNest(b, value.getLoc(), dimsOf(value), {value}, getElementTypeOrSelf(value),
                         [](OpBuilder &, ValueRange args) { return args[0]; });
  }
  Assigned *findAssigned(llvm::StringRef variable) {
    auto it =
        llvm::find_if(assignments, [&](Assigned &a) { return a.op.getVariable() == variable; });
    return it == assignments.end() ? nullptr : &*it;
  }

  llvm::SmallVector<Assigned> assignments;
  func::FuncOp to;
  OpBuilder b;
  IRMapping mapping;
};

/// What is made of a size that the program computes comes after it is: folding moves constants,
/// whose shape may be of such a size, to the function's start.
void orderBehindBinds(func::FuncOp function) {
  for (auto bind : function.getBody().front().getOps<exec::BindOp>()) {
    llvm::SmallVector<Operation *> early;
    llvm::StringSet<> symbols = exec::symbolsBoundBy(bind);
    for (Operation &op : function.getBody().front()) {
      if (&op == bind)
        break;
      bool isMadeOfIt = false;
      exec::forEachSymbol(&op, [&](llvm::StringRef name) { isMadeOfIt |= symbols.contains(name); });
      if (isMadeOfIt)
        early.push_back(&op);
    }
    for (Operation *op : llvm::reverse(early))
      op->moveAfter(bind);
  }
}

LogicalResult lowerFunction(func::FuncOp function) {
  OpBuilder b(function);
  auto stored = [](Type type) -> Type { return storedType(type); };
  auto type = b.getFunctionType(llvm::map_to_vector(function.getArgumentTypes(), stored),
                                llvm::map_to_vector(function.getResultTypes(), stored));
  auto lowered = func::FuncOp::create(b, function.getLoc(), function.getName(), type);
  lowered->setAttr("exec.inputs", describe(function, false));
  lowered->setAttr("exec.outputs", describe(function, true));
  for (const char *name : {"graph.lets", "graph.bounds", "graph.carries"})
    if (Attribute value = function->getAttr(name))
      lowered->setAttr(name, value);
  FunctionLowering lowering(function, lowered);
  for (Operation &op : function.getBody().front())
    if (failed(lowering.lower(op)))
      return failure();
  orderBehindBinds(lowered);
  function.erase();
  return success();
}

} // namespace

LogicalResult lowerToExec(ModuleOp module) {
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (function.isPrivate())
      function.erase();
    else if (failed(lowerFunction(function)))
      return failure();
  }
  return success();
}

} // namespace ingot
