// One walk over each function, asking every op for its lowering. See LowerToExec.h.
#include "compiler/lowering/LowerToExec.h"
#include "ir/exec/Exec.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot {
namespace {

/// [name, type] of each input or output; a missing name is made from the position.
ArrayAttr describe(func::FuncOp function, bool results) {
  OpBuilder b(function.getContext());
  auto types = results ? function.getResultTypes() : function.getArgumentTypes();
  llvm::SmallVector<Attribute> list;
  for (auto [i, type] : llvm::enumerate(types)) {
    auto name = results ? function.getResultAttrOfType<StringAttr>(i, "graph.name")
                        : function.getArgAttrOfType<StringAttr>(i, "graph.name");
    if (!name)
      name = b.getStringAttr((results ? "output_" : "input_") + std::to_string(i));
    list.push_back(b.getArrayAttr({name, TypeAttr::get(type)}));
  }
  return b.getArrayAttr(list);
}

class FunctionLowering {
public:
  FunctionLowering(func::FuncOp from, func::FuncOp to) : to(to), b(to.getContext()) {
    Block *entry = to.addEntryBlock();
    for (auto [a, v] : llvm::zip(from.getArguments(), entry->getArguments()))
      mapping.map(a, v);
    b.setInsertionPointToStart(entry);
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
      results.push_back(assigned ? assigned->value
                                 : Value(exec::ReadVariableOp::create(
                                       b, op.getLoc(), exec::signless(read.getResult().getType()),
                                       read.getVariableAttr())));
    } else if (auto assign = llvm::dyn_cast<graph::AssignOp>(op)) {
      Value value = ownMemory(operands[0]);
      if (Assigned *assigned = findAssigned(assign.getVariable()))
        *assigned = {assign, value};
      else
        assignments.push_back({assign, value});
    } else if (llvm::isa<func::ReturnOp>(op)) {
      for (Assigned &assigned : assignments)
        exec::AssignVariableOp::create(b, assigned.op.getLoc(), assigned.op.getVariableAttr(),
                                       assigned.value);
      func::ReturnOp::create(b, op.getLoc(), operands);
    } else {
      return op.emitOpError("has no lowering to loops");
    }
    for (auto [result, value] : llvm::zip(op.getResults(), results))
      mapping.map(result, value);
    return success();
  }

private:
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

LogicalResult lowerFunction(func::FuncOp function) {
  OpBuilder b(function);
  auto signless = [](TypeRange types) {
    return llvm::map_to_vector(types, [](Type t) -> Type { return exec::signless(t); });
  };
  auto type =
      b.getFunctionType(signless(function.getArgumentTypes()), signless(function.getResultTypes()));
  auto lowered = func::FuncOp::create(b, function.getLoc(), function.getName(), type);
  lowered->setAttr("exec.inputs", describe(function, false));
  lowered->setAttr("exec.outputs", describe(function, true));
  FunctionLowering lowering(function, lowered);
  for (Operation &op : function.getBody().front())
    if (failed(lowering.lower(op)))
      return failure();
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
