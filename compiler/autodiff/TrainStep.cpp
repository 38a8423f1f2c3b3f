// The training step: a copy of the loss function, its gradients, the optimizer's updates, and at
// the very end all assignments, so that a step that fails leaves every variable as it was.
#include "compiler/autodiff/Optimizer.h"
#include "compiler/autodiff/Recompute.h"
#include "compiler/autodiff/Reverse.h"
#include "compiler/prepare/Prepare.h"

using namespace mlir;

namespace ingot {
namespace {

using graph::AssignOp;
using graph::ReadOp;
using graph::VariableOp;

constexpr llvm::StringLiteral kTrainStep = "train_step", kInitialize = "initialize";
constexpr llvm::StringLiteral kLearningRate = "learning_rate", kStep = "step";

class TrainStepBuilder {
public:
  TrainStepBuilder(ModuleOp module, const OptimizerSpec &spec, const TrainStepOptions &options)
      : module(module), spec(spec), options(options) {}
  LogicalResult build(func::FuncOp lossFunction);

private:
  LogicalResult settleVariables();
  void collectTrainable();
  VariableOp declare(llvm::StringRef name, Type type, llvm::StringRef role);
  LogicalResult declareControl();
  Value read(OpBuilder &b, VariableOp variable);
  void emitUpdates(llvm::ArrayRef<Value> gradients);
  void emitInitialization();

  ModuleOp module;
  const OptimizerSpec &spec;
  const TrainStepOptions &options;
  func::FuncOp function;
  llvm::MapVector<StringAttr, Value> entryReads; // variable -> its value when the step starts
  llvm::MapVector<StringAttr, Value> pending;    // variable -> its value when the step ends
  llvm::SmallVector<VariableOp> trainable, slots;
  VariableOp learningRate, step;
};

VariableOp TrainStepBuilder::declare(llvm::StringRef name, Type type, llvm::StringRef role) {
  if (auto known = module.lookupSymbol<VariableOp>(name))
    return known;
  OpBuilder b(module.getContext());
  b.setInsertionPointToStart(module.getBody());
  for (auto variable : module.getOps<VariableOp>())
    b.setInsertionPointAfter(variable);
  Location loc = NameLoc::get(b.getStringAttr(name), function.getLoc());
  return VariableOp::create(b, loc, b.getStringAttr(name), TypeAttr::get(type),
                            b.getStringAttr(role), ElementsAttr());
}

/// Makes one read of each variable, at the entry, and takes all assignments out into `pending`:
/// reads that come after an assignment become the value assigned.
LogicalResult TrainStepBuilder::settleVariables() {
  LogicalResult ok = success();
  llvm::SmallVector<Operation *> done;
  OpBuilder b(function.getContext());
  b.setInsertionPointToStart(&function.getBody().front());
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto readOp = llvm::dyn_cast<ReadOp>(op)) {
      StringAttr name = readOp.getVariableAttr().getAttr();
      Value &value = pending.contains(name) ? pending[name] : entryReads[name];
      if (!value) {
        value = b.clone(*op)->getResult(0);
        b.setInsertionPointAfterValue(value);
      }
      if (value != readOp.getResult())
        readOp.replaceAllUsesWith(value);
      done.push_back(op);
    } else if (auto assign = llvm::dyn_cast<AssignOp>(op)) {
      if (op->getParentOp() != function) {
        op->emitError("variable `")
            << assign.getVariable()
            << "` is assigned inside control flow; a training step needs assignments at the top "
               "level of its loss function: yield the value and assign it there";
        ok = failure();
        return;
      }
      pending[assign.getVariableAttr().getAttr()] = assign.getX();
      done.push_back(op);
    }
  });
  for (Operation *op : done)
    op->erase();
  return ok;
}

/// In the order of declaration, so that the step does not depend on the order of reads.
void TrainStepBuilder::collectTrainable() {
  for (auto variable : module.getOps<VariableOp>())
    if (variable.getRole() == "trainable" && entryReads.contains(variable.getSymNameAttr()))
      trainable.push_back(variable);
}

LogicalResult TrainStepBuilder::declareControl() {
  auto check = [](VariableOp variable, Type type) -> LogicalResult {
    if (variable.getType() == type)
      return success();
    return variable.emitError("variable `") << variable.getSymName() << "` must be of " << type
                                            << " for a training step, it is " << variable.getType();
  };
  OpBuilder b(module.getContext());
  Type f32 = RankedTensorType::get({}, b.getF32Type());
  Type si64 = RankedTensorType::get({}, b.getIntegerType(64, /*isSigned=*/true));
  learningRate = declare(kLearningRate, f32, "control");
  step = declare(kStep, si64, "control");
  return success(succeeded(check(learningRate, f32)) && succeeded(check(step, si64)));
}

Value TrainStepBuilder::read(OpBuilder &b, VariableOp variable) {
  Value &value = entryReads[variable.getSymNameAttr()];
  if (!value)
    value = ReadOp::create(b, variable.getLoc(), variable.getType(), variable.getSymName());
  return value;
}

void TrainStepBuilder::emitUpdates(llvm::ArrayRef<Value> gradients) {
  OpBuilder b(function.getBody().front().getTerminator());
  Value stepsDone = read(b, step);
  Optimizer optimizer(spec, read(b, learningRate), stepsDone);
  for (auto [variable, gradient] : llvm::zip_equal(trainable, gradients)) {
    if (!gradient)
      continue;
    std::string name = variable.getSymName().str();
    llvm::SmallVector<VariableOp> owned;
    llvm::SmallVector<Value> state;
    for (llvm::StringRef slot : optimizer.slots()) {
      owned.push_back(
          declare("optimizer/" + name + "/" + slot.str(), variable.getType(), "optimizer"));
      state.push_back(read(b, owned.back()));
    }
    Location loc = NameLoc::get(b.getStringAttr("update of " + name), variable.getLoc());
    pending[variable.getSymNameAttr()] =
        optimizer.update(b, loc, entryReads[variable.getSymNameAttr()], gradient, state);
    for (auto [slot, value] : llvm::zip_equal(owned, state)) {
      pending[slot.getSymNameAttr()] = value;
      slots.push_back(slot);
    }
  }
  graph::Expr done(b, step.getLoc(), stepsDone);
  pending[step.getSymNameAttr()] = done + 1.0;
  for (auto [name, value] : pending)
    AssignOp::create(b, value.getLoc(), FlatSymbolRefAttr::get(name), value);
}

/// Appends to `initialize`, which it makes if there is none, what training needs at its start;
/// variables without a value have it too, so that a module with weights trains as it is.
void TrainStepBuilder::emitInitialization() {
  OpBuilder b(module.getContext());
  auto initialize = module.lookupSymbol<func::FuncOp>(kInitialize);
  if (!initialize) {
    b.setInsertionPointToEnd(module.getBody());
    initialize = func::FuncOp::create(b, function.getLoc(), kInitialize, b.getFunctionType({}, {}));
    initialize.addEntryBlock();
    b.setInsertionPointToEnd(&initialize.getBody().front());
    func::ReturnOp::create(b, function.getLoc());
  }
  b.setInsertionPoint(initialize.getBody().front().getTerminator());
  auto set = [&](VariableOp variable, double value) {
    auto type = llvm::cast<RankedTensorType>(variable.getType());
    Value splat = graph::splat(b, variable.getLoc(), type.getElementType(), dimsOf(type), value);
    AssignOp::create(b, variable.getLoc(), variable.getSymName(), splat);
    if (variable.getValueAttr())
      return;
    Attribute element = llvm::isa<FloatType>(type.getElementType())
                            ? Attribute(b.getFloatAttr(type.getElementType(), value))
                            : b.getIntegerAttr(type.getElementType(), static_cast<int64_t>(value));
    variable.setValueAttr(DenseElementsAttr::get(type, element));
  };
  set(learningRate, spec.learningRate);
  set(step, 0);
  for (VariableOp slot : slots)
    set(slot, 0);
}

LogicalResult TrainStepBuilder::build(func::FuncOp lossFunction) {
  OpBuilder b(module.getContext());
  b.setInsertionPointAfter(lossFunction);
  function = llvm::cast<func::FuncOp>(b.clone(*lossFunction));
  function.setName(kTrainStep);
  function.setPublic();
  auto undo = [&] {
    function.erase();
    return failure();
  };
  if (failed(settleVariables()))
    return undo();
  collectTrainable();
  if (trainable.empty()) {
    lossFunction.emitError("`") << lossFunction.getName()
                                << "` reads no trainable variable: there is nothing to train; "
                                   "declare variables with role \"trainable\"";
    return undo();
  }
  llvm::SmallVector<Value> targets =
      llvm::map_to_vector(trainable, [&](VariableOp v) { return entryReads[v.getSymNameAttr()]; });
  Block &body = function.getBody().front();
  Value loss = body.getTerminator()->getOperand(0);
  Operation *firstBackward = nullptr;
  auto gradients = gradientsOrNull(function, loss, targets, &firstBackward);
  if (failed(gradients) || failed(declareControl()))
    return undo();
  llvm::DenseSet<Operation *> forward;
  for (Operation &op : body) {
    if (&op == firstBackward)
      break;
    forward.insert(&op);
  }
  emitUpdates(*gradients);
  eraseDead(body);
  if (options.recompute)
    for (Operation &op : llvm::reverse(body))
      if (forward.contains(&op)) {
        recomputeCheapValues(body, &op);
        break;
      }
  emitInitialization();
  return success();
}

} // namespace

LogicalResult buildTrainStep(ModuleOp module, llvm::StringRef lossFunction,
                             const OptimizerSpec &optimizer, const TrainStepOptions &options) {
  auto function = module.lookupSymbol<func::FuncOp>(lossFunction);
  if (!function || function.isDeclaration())
    return module.emitError("no function `") << lossFunction << "` to make a training step of";
  if (module.lookupSymbol(kTrainStep))
    return module.emitError("the module already has a `") << kTrainStep << "`";
  if (function.getNumResults() == 0)
    return function.emitError("`") << lossFunction << "` must return the loss first";
  // What is constant once it is simplified (an index) has a simpler gradient.
  if (failed(simplify(module)))
    return failure();
  return TrainStepBuilder(module, optimizer, options).build(function);
}

} // namespace ingot
