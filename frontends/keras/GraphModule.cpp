// From a model's nodes to a graph module: variables, `initialize`, `predict`, `evaluate`, the loss
// function and, made of it by the compiler, `train_step`.
//
// Invariant: every op carries its layer's name as location. Called by Engine, ModelDirectory and
// tests.
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"
#include "frontends/keras/TrainingPlan.h"
#include "mlir/IR/Verifier.h"

namespace ingot::keras::detail {

namespace {

using namespace mlir;

class ModuleBuilder {
public:
  ModuleBuilder(const ModelImpl &model, MLIRContext *context)
      : model(model), weights(weightsOf(model)), b(context),
        module(ModuleOp::create(b.getUnknownLoc(), llvm::StringRef(model.name))) {
    b.setInsertionPointToEnd(module->getBody());
  }
  void declareVariables(bool withValues);
  void buildInitialize();
  void buildPredict();
  /// Forward, loss and metrics. Returns the metrics that are accumulated.
  std::vector<StreamedMetric> buildLoss(llvm::StringRef name, bool training);
  OwningOpRef<ModuleOp> take() { return std::move(module); }

private:
  Dims dimsOfInput(const Node &input);
  func::FuncOp makeFunction(llvm::StringRef name, llvm::ArrayRef<Type> arguments,
                            llvm::ArrayRef<std::string> names);
  void finish(func::FuncOp function, llvm::ArrayRef<Value> results,
              llvm::ArrayRef<std::string> names);
  llvm::SmallVector<Type> inputTypes();
  std::vector<std::string> inputNames() const;
  llvm::SmallVector<Value> forward(Emitter &emitter, ValueRange inputs);
  graph::Expr withRegularization(Emitter &emitter, graph::Expr loss);

  const ModelImpl &model;
  std::vector<WeightRef> weights;
  OpBuilder b;
  OwningOpRef<ModuleOp> module;
};

ElementsAttr elementsOf(const ingot::Tensor &value, RankedTensorType type) {
  llvm::ArrayRef<char> raw(static_cast<const char *>(value.rawData()), value.byteSize());
  return DenseElementsAttr::getFromRawBuffer(type, raw);
}

void ModuleBuilder::declareVariables(bool withValues) {
  for (const WeightRef &ref : weights) {
    auto type = RankedTensorType::get(ref.weight->shape, b.getF32Type());
    ElementsAttr value;
    if (withValues)
      if (std::optional<ingot::Tensor> newest = newestValue(*ref.weight->variable))
        value = elementsOf(*newest, type);
    graph::VariableOp::create(b, NameLoc::get(b.getStringAttr(ref.layerPath())),
                              b.getStringAttr(ref.name()), TypeAttr::get(type),
                              b.getStringAttr(ref.isTrainable() ? "trainable" : "state"), value);
  }
  auto scalar = RankedTensorType::get({}, b.getIntegerType(64, /*isSigned=*/true));
  for (const char *name : {"seed", "step"})
    graph::VariableOp::create(b, NameLoc::get(b.getStringAttr(name)), b.getStringAttr(name),
                              TypeAttr::get(scalar), b.getStringAttr("control"), ElementsAttr());
}

Dims ModuleBuilder::dimsOfInput(const Node &input) {
  MLIRContext *context = b.getContext();
  Dims dims = {Dim::symbol(context, "batch")};
  const Shape &shape = input.results[0].shape;
  for (size_t i = 1; i < shape.size(); ++i)
    dims.push_back(shape[i] == None
                       ? Dim::symbol(context, input.layer->name + "_dim" + std::to_string(i))
                       : Dim::constant(context, shape[i]));
  return dims;
}

llvm::SmallVector<Type> ModuleBuilder::inputTypes() {
  return llvm::map_to_vector(model.inputs, [&](const NodePtr &input) -> Type {
    return tensorType(dimsOfInput(*input), elementTypeOf(input->results[0].dtype, b.getContext()));
  });
}

std::vector<std::string> ModuleBuilder::inputNames() const {
  std::vector<std::string> names;
  for (const NodePtr &input : model.inputs)
    names.push_back(input->layer->name);
  return names;
}

func::FuncOp ModuleBuilder::makeFunction(llvm::StringRef name, llvm::ArrayRef<Type> arguments,
                                         llvm::ArrayRef<std::string> names) {
  b.setInsertionPointToEnd(module->getBody());
  Location loc = NameLoc::get(b.getStringAttr(name));
  auto function = func::FuncOp::create(b, loc, name, b.getFunctionType(arguments, {}));
  for (auto [i, argument] : llvm::enumerate(names))
    function.setArgAttr(i, "graph.name", b.getStringAttr(argument));
  b.setInsertionPointToEnd(function.addEntryBlock());
  return function;
}

void ModuleBuilder::finish(func::FuncOp function, llvm::ArrayRef<Value> results,
                           llvm::ArrayRef<std::string> names) {
  func::ReturnOp::create(b, function.getLoc(), results);
  llvm::SmallVector<Type> types =
      llvm::map_to_vector(results, [](Value result) { return result.getType(); });
  function.setFunctionType(b.getFunctionType(function.getArgumentTypes(), types));
  for (auto [i, name] : llvm::enumerate(names))
    function.setResultAttr(i, "graph.name", b.getStringAttr(name));
}

llvm::SmallVector<Value> ModuleBuilder::forward(Emitter &emitter, ValueRange inputs) {
  for (const WeightRef &ref : weights)
    emitter.variableNames.emplace(ref.weight->variable.get(), ref.name());
  return model.emitAll(emitter, inputs, {});
}

Value emitInitial(Emitter &emitter, const WeightRef &ref) {
  const Weight &weight = *ref.weight;
  graph::Expr value =
      emitter.expr(emitInitializer(emitter, weight.initializer, ref.name(), weight.shape));
  if (weight.onesFrom == weight.onesTo)
    return value;
  auto position = tensorType(value.dims(), emitter.b.getIntegerType(64, /*isSigned=*/true));
  graph::Expr at = emitter.expr(graph::IotaOp::create(emitter.b, emitter.loc, position, 0));
  auto before = [&](int64_t index) {
    return compare(graph::Predicate::LT, at, at.number(static_cast<double>(index)));
  };
  graph::Expr rest = select(before(weight.onesTo), value.number(1), value);
  return select(before(weight.onesFrom), value, rest);
}

void ModuleBuilder::buildInitialize() {
  func::FuncOp function = makeFunction("initialize", {}, {});
  Emitter emitter(b, /*training=*/false);
  for (const WeightRef &ref : weights) {
    emitter.enter(ref.layerPath());
    graph::AssignOp::create(b, emitter.loc, ref.name(), emitInitial(emitter, ref));
  }
  finish(function, {}, {});
}

void ModuleBuilder::buildPredict() {
  func::FuncOp function = makeFunction("predict", inputTypes(), inputNames());
  Emitter emitter(b, /*training=*/false);
  llvm::SmallVector<Value> outputs = forward(emitter, function.getArguments());
  finish(function, outputs, model.outputNames());
}

/// The loss with what regularizers add: of trainable weights, and of layers' results.
graph::Expr ModuleBuilder::withRegularization(Emitter &emitter, graph::Expr loss) {
  for (const WeightRef &ref : weights) {
    if (!ref.weight->regularizer || !ref.isTrainable())
      continue;
    emitter.enter(ref.layerPath());
    auto type = RankedTensorType::get(ref.weight->shape, b.getF32Type());
    Value weight = graph::ReadOp::create(b, emitter.loc, type, ref.name());
    loss = loss + emitter.expr(emitRegularizer(emitter, ref.weight->regularizer, weight));
  }
  for (Value term : emitter.losses)
    loss = loss + emitter.expr(term);
  return loss;
}

std::vector<StreamedMetric> ModuleBuilder::buildLoss(llvm::StringRef name, bool training) {
  TrainingPlan plan = planOf(model, *model.training);
  std::vector<std::string> arguments = inputNames();
  llvm::SmallVector<Type> types = inputTypes();
  const size_t inputCount = types.size(), count = plan.outputs.size();
  // Targets' types follow from the outputs' dimensions, which `predict` knows.
  auto predict = module->lookupSymbol<func::FuncOp>("predict");
  for (auto [output, type] : llvm::zip(plan.outputs, predict.getResultTypes())) {
    types.push_back(targetType(output, dimsOf(type), b.getContext()));
    arguments.push_back(output.name + "_target");
  }
  if (model.takesSampleWeights)
    for (auto [output, type] : llvm::zip(plan.outputs, predict.getResultTypes())) {
      types.push_back(tensorType(dimsOf(type)[0], b.getF32Type()));
      arguments.push_back(output.name + "_sample_weight");
    }
  func::FuncOp function = makeFunction(name, types, arguments);
  Emitter emitter(b, training);
  ValueRange all = function.getArguments();
  llvm::SmallVector<Value> outputs = forward(emitter, all.take_front(inputCount));
  TrainingResults results = emitTraining(
      emitter, plan,
      {outputs, outputs, all.slice(inputCount, count), all.drop_front(inputCount + count)});
  results.values[0] = withRegularization(emitter, emitter.expr(results.values[0]));
  finish(function, results.values, results.names);
  return results.streamed;
}

} // namespace

mlir::OwningOpRef<mlir::ModuleOp> buildModule(const ModelImpl &model, mlir::MLIRContext *context,
                                              bool withTraining, bool withValues) {
  constexpr size_t most = 10000;
  if (model.nodes.size() > most)
    throw Error("model '" + model.name + "' calls layers " + std::to_string(model.nodes.size()) +
                " times; at most " + std::to_string(most) + " can be compiled");
  context->loadDialect<graph::GraphDialect, func::FuncDialect>();
  std::string messages;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    std::string layer = graph::layerName(diagnostic.getLocation());
    messages +=
        (messages.empty() ? "" : "\n") + (layer.empty() ? "" : layer + ": ") + diagnostic.str();
  });
  ModuleBuilder builder(model, context);
  builder.declareVariables(withValues);
  builder.buildInitialize();
  builder.buildPredict();
  std::vector<StreamedMetric> streamed;
  if (withTraining) {
    builder.buildLoss("loss", /*training=*/true);
    streamed = builder.buildLoss("evaluate", /*training=*/false);
  }
  OwningOpRef<ModuleOp> module = builder.take();
  addMetricsFunction(*module, streamed);
  if (withTraining) {
    module->lookupSymbol<func::FuncOp>("loss").setPrivate();
    TrainStepOptions options;
    options.recompute = model.training->recompute;
    std::map<std::string, const Constraint *> constraints;
    for (const WeightRef &ref : weightsOf(model))
      if (ref.weight->constraint)
        constraints.emplace(ref.name(), &ref.weight->constraint);
    options.constrain = [&](OpBuilder &b, Location loc, llvm::StringRef name, Value value) {
      auto its = constraints.find(name.str());
      return its == constraints.end() ? value : emitConstraint(b, loc, *its->second, value);
    };
    if (failed(buildTrainStep(*module, "loss", specOf(model.training->optimizer), options)))
      throw Error("model '" + model.name + "': " + messages);
  }
  if (failed(verify(*module)))
    throw Error("model '" + model.name + "': " + messages, StatusCode::Internal);
  return module;
}

} // namespace ingot::keras::detail
