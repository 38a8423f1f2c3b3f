// From `predict` to `evaluate` and `train_step`. See TrainModule.h.
#include "frontends/keras/TrainModule.h"
#include "compiler/autodiff/Differentiate.h"
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"
#include "frontends/keras/TrainingPlan.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/Support/GlobPattern.h"

namespace ingot::keras {

using namespace detail;
using namespace mlir;

namespace {

std::string outputName(func::FuncOp function, unsigned index) {
  auto name = function.getResultAttrOfType<StringAttr>(index, "graph.name");
  return name ? name.str() : "output_" + std::to_string(index);
}

class TrainingBuilder {
public:
  TrainingBuilder(ModuleOp module, const TrainModuleOptions &options)
      : module(module), options(options), b(module.getContext()) {}
  FailureOr<TrainModuleReport> build();

private:
  LogicalResult findOutput();
  void separateStatistics();
  LogicalResult selectVariables();
  bool matches(llvm::ArrayRef<std::string> patterns, const std::string &option,
               std::vector<bool> &matched, llvm::ArrayRef<std::string> names);
  void buildEvaluate();
  Loss lossOfOutput(Emitter &emitter, Value output);
  void emitLossAndMetrics(Value output, Value target);
  LogicalResult checkReach();
  FailureOr<func::FuncOp> withBatchStatistics();

  ModuleOp module;
  const TrainModuleOptions &options;
  OpBuilder b;
  func::FuncOp predict, evaluate;
  unsigned index = 0; // of the output
  TrainingPlan plan;  // of that output
  bool isLogits = false;
  TrainModuleReport report;
};

LogicalResult TrainingBuilder::findOutput() {
  predict = module.lookupSymbol<func::FuncOp>("predict");
  if (!predict || predict.isDeclaration())
    return module.emitError("the model has no function `predict` to train");
  for (const char *made : {"evaluate", "train_step", "initialize", "metrics"})
    if (module.lookupSymbol(made))
      return module.emitError("the model has a `")
             << made
             << "` already: it is trained as it was saved, and compiled with --functions all";
  std::vector<std::string> names;
  for (unsigned i = 0; i < predict.getNumResults(); ++i)
    names.push_back(outputName(predict, i));
  auto it = llvm::find(names, options.output);
  if (names.empty() || (!options.output.empty() && it == names.end()))
    return predict.emitError(unknownName("output", options.output, names));
  if (options.output.empty() && names.size() > 1)
    return predict.emitError("the model has ")
           << names.size() << " outputs (" << llvm::join(names, ", ")
           << "); say which one the loss is of";
  index = options.output.empty() ? 0 : static_cast<unsigned>(it - names.begin());
  report.output = names[index];
  auto type = llvm::cast<RankedTensorType>(predict.getResultTypes()[index]);
  if (!type.getElementType().isF32())
    return predict.emitError("the output `") << report.output << "` has elements of "
                                             << type.getElementType() << "; a loss is made of f32";
  return success();
}

/// Marks in `matched` the names that a pattern matches. False, with a message, for a pattern that
/// is none or matches nothing.
bool TrainingBuilder::matches(llvm::ArrayRef<std::string> patterns, const std::string &option,
                              std::vector<bool> &matched, llvm::ArrayRef<std::string> names) {
  bool isValid = true;
  for (const std::string &text : patterns) {
    auto pattern = llvm::GlobPattern::create(text, /*MaxSubPatterns=*/1024);
    if (!pattern) {
      isValid = false;
      module.emitError("`") << text << "` for " << option
                            << " is no pattern: " << llvm::toString(pattern.takeError());
      continue;
    }
    bool any = false;
    for (auto [i, name] : llvm::enumerate(names))
      if (name == text || pattern->match(name))
        any = matched[i] = true;
    if (any)
      continue;
    isValid = false;
    module.emitError("`") << text << "` for " << option << " matches no parameter; there are "
                          << llvm::join(names.take_front(8), ", ")
                          << (names.size() > 8 ? ", …" : "");
  }
  return isValid;
}

/// Means and variances that batch normalisation takes are statistics, which no optimizer changes:
/// each has a variable of its own, a copy where the model shares it with other nodes.
void TrainingBuilder::separateStatistics() {
  std::map<std::string, size_t> useCounts;
  predict.walk([&](graph::ReadOp read) {
    useCounts[read.getVariable().str()] += std::distance(read->use_begin(), read->use_end());
  });
  predict.walk([&](graph::BatchNormInferenceOp op) {
    for (unsigned i : {3U, 4U}) { // mean, variance
      auto read = op->getOperand(i).getDefiningOp<graph::ReadOp>();
      auto variable = read ? module.lookupSymbol<graph::VariableOp>(read.getVariable()) : nullptr;
      if (!variable)
        continue;
      if (useCounts[read.getVariable().str()] > 1) {
        std::string name = variable.getSymName().str();
        while (module.lookupSymbol(name))
          name += "_";
        variable = llvm::cast<graph::VariableOp>(OpBuilder(variable).clone(*variable));
        variable.setSymName(name);
        OpBuilder here(op);
        op->setOperand(i, graph::ReadOp::create(here, read.getLoc(), read.getType(), name));
      }
      variable.setRole("state");
    }
  });
}

LogicalResult TrainingBuilder::selectVariables() {
  std::vector<graph::VariableOp> parameters;
  std::vector<std::string> names;
  for (auto variable : module.getOps<graph::VariableOp>())
    if (variable.getRole() == "trainable") {
      parameters.push_back(variable);
      names.push_back(variable.getSymName().str());
    } else {
      report.kept.push_back(variable.getSymName().str());
    }
  if (names.empty())
    return module.emitError("the model has no parameters to train; those of an ONNX model are its "
                            "initializers of f32");
  std::vector<bool> isChosen(names.size(), options.trainable.empty()),
      isFrozen(names.size(), false);
  bool isValid = matches(options.trainable, "--trainable", isChosen, names);
  isValid &= matches(options.freeze, "--freeze", isFrozen, names);
  if (!isValid)
    return failure();
  for (size_t i = 0; i < names.size(); ++i) {
    if (isChosen[i] && !isFrozen[i])
      continue;
    parameters[i].setRole("state");
    report.kept.push_back(names[i]);
  }
  return success();
}

/// The value that `value` only lays out anew.
Value behindMovement(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!llvm::isa<graph::ReshapeOp, graph::TransposeOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// The function's name for an input that no other has.
std::string targetName(func::FuncOp function) {
  std::string name = "target";
  for (bool isTaken = true; isTaken;) {
    isTaken = false;
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto known = function.getArgAttrOfType<StringAttr>(i, "graph.name"))
        isTaken |= known.getValue() == name;
    if (isTaken)
      name += "_";
  }
  return name;
}

void TrainingBuilder::buildEvaluate() {
  b.setInsertionPointAfter(predict);
  evaluate = llvm::cast<func::FuncOp>(b.clone(*predict));
  evaluate.setName("evaluate");
  evaluate->removeAttr("graph.carries"); // of outputs that it does not have
  Operation *end = evaluate.getBody().front().getTerminator();
  Value output = end->getOperand(index);
  RankedTensorType type = targetType(plan.outputs[0], dimsOf(output), b.getContext());
  std::string name = targetName(evaluate);
  unsigned at = evaluate.getNumArguments();
  (void)evaluate.insertArgument(at, type, b.getDictionaryAttr({}), evaluate.getLoc());
  evaluate.setArgAttr(at, "graph.name", b.getStringAttr(name));
  b.setInsertionPoint(end);
  emitLossAndMetrics(output, evaluate.getArgument(at));
  end->erase();
}

/// The loss with what the output is to it: logits, probabilities or values.
Loss TrainingBuilder::lossOfOutput(Emitter &emitter, Value output) {
  Loss loss = plan.outputs[0].loss;
  auto fromLogits =
      llvm::find_if(loss.config, [](const auto &entry) { return entry.first == "from_logits"; });
  bool isCrossEntropy = fromLogits != loss.config.end();
  bool isBinary = llvm::StringRef(loss.className).starts_with("Binary");
  Operation *maker = behindMovement(output).getDefiningOp();
  bool isProbability = isBinary ? llvm::isa_and_nonnull<graph::SigmoidOp>(maker)
                                : llvm::isa_and_nonnull<graph::SoftmaxOp>(maker);
  isLogits = isCrossEntropy && options.isLogits.value_or(!isProbability);
  report.meaning = !isCrossEntropy ? "values" : isLogits ? "logits" : "probabilities";
  if (isCrossEntropy)
    fromLogits->second = isLogits;
  auto softmax = llvm::dyn_cast_or_null<graph::SoftmaxOp>(output.getDefiningOp());
  if (softmax && static_cast<int64_t>(softmax.getAxis()) == graph::rankOf(output) - 1 && !isLogits)
    emitter.logits[output] = {softmax.getOperand(), "softmax"};
  if (auto sigmoid = llvm::dyn_cast_or_null<graph::SigmoidOp>(output.getDefiningOp());
      sigmoid && !isLogits)
    emitter.logits[output] = {sigmoid.getOperand(), "sigmoid"};
  return loss;
}

void TrainingBuilder::emitLossAndMetrics(Value output, Value target) {
  Emitter emitter(b, /*training=*/false);
  plan.outputs[0].loss = lossOfOutput(emitter, output);
  // Metrics are of probabilities; which class has the greatest is the same of logits.
  bool isBinary = llvm::StringRef(plan.outputs[0].loss.className).starts_with("Binary");
  bool wantsShares = llvm::any_of(plan.outputs[0].metrics, [](const PlannedMetric &planned) {
    return !llvm::StringRef(planned.metric.className).ends_with("CategoricalAccuracy");
  });
  Value judged = output;
  if (isLogits && wantsShares) {
    auto last = b.getI64IntegerAttr(graph::rankOf(output) - 1);
    judged = isBinary ? Value(graph::sigmoid(emitter.expr(output)))
                      : emitter.create<graph::SoftmaxOp>({output}, {emitter.named("axis", last)});
    emitter.logits[judged] = {output, isBinary ? "sigmoid" : "softmax"};
  }
  TrainingResults results = emitTraining(emitter, plan, {output, judged, target});
  func::ReturnOp::create(b, evaluate.getLoc(), results.values);
  evaluate.setFunctionType(
      b.getFunctionType(evaluate.getArgumentTypes(), ValueRange(results.values).getTypes()));
  evaluate.removeResAttrsAttr();
  for (auto [i, result] : llvm::enumerate(results.names))
    evaluate.setResultAttr(static_cast<unsigned>(i), "graph.name", b.getStringAttr(result));
  addMetricsFunction(module, results.streamed);
}

/// What a parameter's value flows into, ops of the function's block.
struct Flow {
  bool reachesLoss = false;
  Operation *cut = nullptr; ///< the first op on a way to the loss whose result is no float
};

Flow flowOf(Value parameter, const llvm::SetVector<Operation *> &beforeLoss) {
  Block &block = *parameter.getParentBlock();
  Flow flow;
  llvm::SetVector<Operation *> reached;
  llvm::SmallVector<Value> work = {parameter};
  while (!work.empty()) {
    for (Operation *user : work.pop_back_val().getUsers()) {
      Operation *op = block.findAncestorOpInBlock(*user);
      if (!op || !beforeLoss.contains(op) || !reached.insert(op))
        continue;
      flow.reachesLoss |= op == block.getTerminator();
      for (Value result : op->getResults())
        if (llvm::isa<FloatType>(graph::elementType(result)))
          work.push_back(result);
        else if (!flow.cut)
          flow.cut = op;
    }
  }
  return flow;
}

/// Parameters that the loss does not depend on are kept as they are; one that it depends on only
/// through integers or truths is a mistake.
LogicalResult TrainingBuilder::checkReach() {
  Block &block = evaluate.getBody().front();
  llvm::SetVector<Operation *> beforeLoss;
  beforeLoss.insert(block.getTerminator());
  llvm::SmallVector<Value> work = {block.getTerminator()->getOperand(0)};
  while (!work.empty()) {
    Operation *op = work.pop_back_val().getDefiningOp();
    op = op ? block.findAncestorOpInBlock(*op) : nullptr;
    if (!op || !beforeLoss.insert(op))
      continue;
    llvm::append_range(work, op->getOperands());
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    llvm::append_range(work, captured);
  }
  std::map<std::string, Flow> flows;
  for (auto read : block.getOps<graph::ReadOp>()) {
    Flow flow = flowOf(read.getResult(), beforeLoss), &known = flows[read.getVariable().str()];
    known.reachesLoss |= flow.reachesLoss;
    known.cut = known.cut ? known.cut : flow.cut;
  }
  LogicalResult ok = success();
  for (auto variable : module.getOps<graph::VariableOp>()) {
    if (variable.getRole() != "trainable")
      continue;
    std::string name = variable.getSymName().str();
    const Flow &flow = flows[name];
    if (flow.reachesLoss) {
      report.trained.push_back(name);
    } else if (!flow.cut) {
      variable.setRole("state");
      report.kept.push_back(name);
    } else {
      emitError(flow.cut->getLoc())
          << "`" << graph::layerName(flow.cut->getLoc()) << "` makes "
          << graph::elementType(flow.cut->getResult(0)) << " of what `" << name
          << "` gives, and has no gradient; keep the parameter with --freeze, or train another "
             "output";
      ok = failure();
    }
  }
  if (succeeded(ok) && report.trained.empty())
    return evaluate.emitError("nothing is left to train: the loss depends on no parameter that is "
                              "not frozen");
  return ok;
}

/// A copy of `evaluate` that normalises by the batch and assigns the moved statistics at its end.
FailureOr<func::FuncOp> TrainingBuilder::withBatchStatistics() {
  b.setInsertionPointAfter(evaluate);
  auto loss = llvm::cast<func::FuncOp>(b.clone(*evaluate));
  loss.setName("loss");
  loss.setPrivate();
  double kept = *options.batchNormMomentum;
  size_t count = 0;
  for (auto op : llvm::to_vector(loss.getBody().front().getOps<graph::BatchNormInferenceOp>())) {
    auto mean = op.getMean().getDefiningOp<graph::ReadOp>(),
         variance = op.getVariance().getDefiningOp<graph::ReadOp>();
    if (!mean || !variance) {
      op.emitError("its statistics are no stored parameters, so that training cannot move them");
      return failure();
    }
    b.setInsertionPoint(op);
    auto batch = graph::tryCreate<graph::BatchNormOp>(
        b, op.getLoc(), {op.getX(), op.getGamma(), op.getBeta()},
        {b.getNamedAttr("axis", op.getAxisAttr()), b.getNamedAttr("epsilon", op.getEpsilonAttr())});
    if (failed(batch))
      return failure();
    op.getResult().replaceAllUsesWith(batch->getResult());
    b.setInsertionPoint(loss.getBody().front().getTerminator());
    auto move = [&](graph::ReadOp stored, Value now) {
      graph::Expr old(b, op.getLoc(), stored.getResult()), seen(b, op.getLoc(), now);
      graph::AssignOp::create(b, op.getLoc(), stored.getVariable(), old * kept + seen * (1 - kept));
    };
    move(mean, batch->getMean());
    move(variance, batch->getVariance());
    op.erase();
    ++count;
  }
  if (count == 0) {
    module.emitError("the model has no batch normalisation to train; exporters fold it into "
                     "convolutions unless they are told to export for training");
    return failure();
  }
  return loss;
}

FailureOr<TrainModuleReport> TrainingBuilder::build() {
  if (failed(findOutput()))
    return failure();
  separateStatistics();
  if (failed(selectVariables()))
    return failure();
  Shape shape;
  for (Dim dim : dimsOf(predict.getResultTypes()[index]))
    shape.push_back(dim.isStatic() ? dim.value() : None);
  CompileOptions chosen;
  chosen.loss = options.loss;
  chosen.metrics = options.metrics;
  plan = planTraining(chosen, {report.output}, {shape});
  buildEvaluate();
  if (failed(checkReach()))
    return failure();
  func::FuncOp loss = evaluate;
  if (options.batchNormMomentum) {
    auto made = withBatchStatistics();
    if (failed(made))
      return failure();
    loss = *made;
  }
  TrainStepOptions stepOptions;
  stepOptions.recompute = options.recompute;
  if (failed(buildTrainStep(module, loss.getName(), specOf(options.optimizer), stepOptions)) ||
      failed(verify(module)))
    return failure();
  return report;
}

} // namespace

FailureOr<TrainModuleReport> addTraining(ModuleOp module, const TrainModuleOptions &options) {
  try {
    return TrainingBuilder(module, options).build();
  } catch (const Error &error) {
    return module.emitError(error.what());
  }
}

} // namespace ingot::keras
