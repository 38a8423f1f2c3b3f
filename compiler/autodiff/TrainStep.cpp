// The training step: a copy of the loss function, its gradients, the optimizer's updates, and at
// the very end all assignments, so that a step that fails leaves every variable as it was.
#include "compiler/autodiff/Recompute.h"
#include "compiler/autodiff/Reverse.h"
#include "compiler/autodiff/Updates.h"
#include "compiler/prepare/Prepare.h"

using namespace mlir;

namespace ingot {
namespace {

using graph::AssignOp;
using graph::ReadOp;
using graph::VariableOp;

constexpr llvm::StringLiteral kTrainStep = "train_step", kInitialize = "initialize",
                              kFinalize = "finalize";

class TrainStepBuilder : VariableAccess {
public:
  TrainStepBuilder(ModuleOp module, const OptimizerSpec &spec, const TrainStepOptions &options)
      : module(module), spec(spec), options(options) {}
  LogicalResult build(func::FuncOp lossFunction);

private:
  LogicalResult settleVariables();
  void collectTrainable();
  VariableOp declare(llvm::StringRef name, Type type, llvm::StringRef role);
  LogicalResult declareControl();
  void declareState();
  Value read(OpBuilder &b, llvm::StringRef name) override;
  void write(llvm::StringRef name, Value value) override;
  void emitSteps(llvm::ArrayRef<Value> gradients);
  OpBuilder functionEnd(llvm::StringRef name);
  void emitInitialization();
  void emitFinalization();

  ModuleOp module;
  const OptimizerSpec &spec;
  const TrainStepOptions &options;
  func::FuncOp function;
  llvm::MapVector<StringAttr, Value> entryReads; // variable -> its value when the step starts
  llvm::MapVector<StringAttr, Value> pending;    // variable -> its value when the step ends
  llvm::SmallVector<VariableOp> trainable;
  std::vector<Parameter> parameters; // the trainable variables
  std::vector<OptimizerVariable> state;
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

/// A rate that a schedule computes is the optimizer's, not the caller's to set.
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
  VariableOp learningRate = declare(kLearningRate, f32, spec.schedule ? "optimizer" : "control");
  VariableOp step = declare(kStep, si64, "control");
  declareState(); // scalars: the loss scale is read before there are gradients
  return success(succeeded(check(learningRate, f32)) && succeeded(check(step, si64)));
}

/// The optimizer's variables, those of parameters once these have their gradients.
void TrainStepBuilder::declareState() {
  state.clear();
  std::vector<std::string> names;
  for (const Parameter &parameter : parameters)
    names.push_back(parameter.name);
  OpBuilder b(module.getContext());
  Type f32 = RankedTensorType::get({}, b.getF32Type());
  Type si64 = RankedTensorType::get({}, b.getIntegerType(64, /*isSigned=*/true));
  for (const OptimizerVariable &variable : optimizerVariables(spec, names)) {
    if (!isKept(variable, parameters))
      continue;
    Type type = variable.parameter   ? parameters[*variable.parameter].value.getType()
                : variable.isInteger ? si64
                                     : f32;
    declare(variable.name, type, "optimizer");
    state.push_back(variable);
  }
}

Value TrainStepBuilder::read(OpBuilder &b, llvm::StringRef name) {
  auto variable = module.lookupSymbol<VariableOp>(name);
  Value &value = entryReads[variable.getSymNameAttr()];
  if (!value)
    value = ReadOp::create(b, variable.getLoc(), variable.getType(), variable.getSymName());
  return value;
}

void TrainStepBuilder::write(llvm::StringRef name, Value value) {
  pending[module.lookupSymbol<VariableOp>(name).getSymNameAttr()] = value;
}

/// The updates, and all assignments.
void TrainStepBuilder::emitSteps(llvm::ArrayRef<Value> gradients) {
  for (auto [parameter, gradient] : llvm::zip_equal(parameters, gradients))
    parameter.gradient = gradient;
  declareState();
  OpBuilder b(function.getBody().front().getTerminator());
  Location loc = NameLoc::get(b.getStringAttr("optimizer"), function.getLoc());
  emitUpdates(b, loc, spec, options, parameters, *this);
  for (auto [name, value] : pending)
    AssignOp::create(b, value.getLoc(), FlatSymbolRefAttr::get(name), value);
}

/// Where to go on in a function without arguments and results, which is made if there is none.
OpBuilder TrainStepBuilder::functionEnd(llvm::StringRef name) {
  OpBuilder b(module.getContext());
  auto found = module.lookupSymbol<func::FuncOp>(name);
  if (!found) {
    b.setInsertionPointToEnd(module.getBody());
    found = func::FuncOp::create(b, function.getLoc(), name, b.getFunctionType({}, {}));
    found.addEntryBlock();
    b.setInsertionPointToEnd(&found.getBody().front());
    func::ReturnOp::create(b, function.getLoc());
  }
  b.setInsertionPoint(found.getBody().front().getTerminator());
  return b;
}

/// Appends to `initialize` what training needs at its start; variables without a value have it too,
/// so that a module with weights trains as it is.
void TrainStepBuilder::emitInitialization() {
  OpBuilder b = functionEnd(kInitialize);
  auto set = [&](llvm::StringRef name, double value) {
    auto variable = module.lookupSymbol<VariableOp>(name);
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
  for (const OptimizerVariable &variable : state)
    set(variable.name, variable.initial);
  if (spec.schedule)
    set(kLearningRate, spec.learningRate);
}

/// `finalize`: the weights become their averages.
void TrainStepBuilder::emitFinalization() {
  OpBuilder b = functionEnd(kFinalize);
  for (const OptimizerVariable &average : state)
    if (average.slot == kAverage) {
      auto from = module.lookupSymbol<VariableOp>(average.name);
      Value value = ReadOp::create(b, from.getLoc(), from.getType(), from.getSymName());
      AssignOp::create(b, from.getLoc(), parameters[*average.parameter].name, value);
    }
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
  llvm::SmallVector<Value> targets;
  if (failed(declareControl()))
    return undo();
  for (VariableOp variable : trainable) {
    targets.push_back(entryReads[variable.getSymNameAttr()]);
    parameters.push_back({variable.getSymName().str(), variable.getLoc(), targets.back(), {}});
  }
  Block &body = function.getBody().front();
  b.setInsertionPoint(body.getTerminator());
  Value loss = scaleLoss(b, body.getTerminator()->getOperand(0), spec, *this);
  Operation *firstBackward = nullptr;
  auto gradients = gradientsOrNull(function, loss, targets, &firstBackward);
  if (failed(gradients))
    return undo();
  llvm::DenseSet<Operation *> forward;
  for (Operation &op : body) {
    if (&op == firstBackward)
      break;
    forward.insert(&op);
  }
  emitSteps(*gradients);
  eraseDead(body);
  if (options.recompute)
    for (Operation &op : llvm::reverse(body))
      if (forward.contains(&op)) {
        recomputeCheapValues(body, &op);
        break;
      }
  emitInitialization();
  if (spec.emaMomentum)
    emitFinalization();
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
