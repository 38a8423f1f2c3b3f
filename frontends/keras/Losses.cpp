// Losses and metrics: what they demand of outputs, their targets' types, and their formulas.
//
// Formulas and numerics are Keras's; see keras::Loss. Called by Model::compile (checks), by
// GraphModule (types, formulas) and by TrainModule (both).
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"

#include <map>

namespace ingot::keras::detail {

using graph::Expr;
using mlir::Value;

namespace {

constexpr double kEpsilon = 1e-7; // keras.backend.epsilon()

Expr clipped(Expr p) { return max(min(p, p.number(1 - kEpsilon)), p.number(kEpsilon)); }

Expr meanOfAll(Expr x) { return x.dims().empty() ? x : mean(x, graph::allAxes(x)); }

/// What `function` was applied to, or the output itself when it is logits; null: probabilities.
Value logitsOf(Emitter &e, const Loss &loss, Value output, llvm::StringRef function) {
  auto known = e.logits.find(output);
  if (known != e.logits.end() && known->second.function == function)
    return known->second.value;
  return loss.fromLogits ? output : Value();
}

Value sparseCategorical(Emitter &e, const Loss &loss, Value output, Value target) {
  Value logits = logitsOf(e, loss, output, "softmax");
  if (!logits)
    logits = log(clipped(e.expr(output)));
  return meanOfAll(e.expr(e.create<graph::SparseCrossEntropyOp>({logits, target})));
}

Value categorical(Emitter &e, const Loss &loss, Value output, Value target) {
  if (Value logits = logitsOf(e, loss, output, "softmax"))
    return meanOfAll(e.expr(e.create<graph::CrossEntropyOp>({logits, target})));
  Expr p = e.expr(output);
  int64_t last = graph::rankOf(output) - 1;
  Expr q = clipped(p / sum(p, {last}, /*keep=*/true));
  return meanOfAll(-sum(e.expr(target) * log(q), {last}));
}

Value binary(Emitter &e, const Loss &loss, Value output, Value target) {
  Expr t = e.expr(target);
  if (Value logits = logitsOf(e, loss, output, "sigmoid")) {
    Expr x = e.expr(logits);
    return meanOfAll(x.unary<graph::ReluOp>() - x * t + log(1.0 + exp(-abs(x))));
  }
  Expr p = clipped(e.expr(output));
  return meanOfAll(-(t * log(p) + (1.0 - t) * log(1.0 - p)));
}

Value squaredError(Emitter &e, const Loss &, Value output, Value target) {
  Expr d = e.expr(output) - e.expr(target);
  return meanOfAll(d * d);
}

Value absoluteError(Emitter &e, const Loss &, Value output, Value target) {
  return meanOfAll(abs(e.expr(output) - e.expr(target)));
}

struct LossKind {
  Value (*emit)(Emitter &, const Loss &, Value output, Value target);
  bool sparse;  // targets are class indices
  bool classes; // the last dimension counts classes
};

const LossKind &kindOf(const Loss &loss) {
  static const std::map<std::string, LossKind> table = {
      {"sparse_categorical_crossentropy", {sparseCategorical, true, true}},
      {"categorical_crossentropy", {categorical, false, true}},
      {"binary_crossentropy", {binary, false, false}},
      {"mse", {squaredError, false, false}},
      {"mae", {absoluteError, false, false}}};
  auto kind = table.find(loss.name);
  if (kind != table.end())
    return kind->second;
  std::vector<std::string> known; // the name was changed after the loss was made
  for (const auto &[name, value] : table)
    known.push_back(name);
  throw Error("compile: " + unknownName("loss", loss.name, known));
}

/// 1 where the prediction is right, averaged.
Value shareOf(Expr condition) {
  return meanOfAll(condition.with(
      graph::cast(*condition.b, condition.loc, condition, condition.b->getF32Type())));
}

Expr argmax(Emitter &e, Value x) {
  auto axis = e.named("axis", e.b.getI64IntegerAttr(graph::rankOf(x) - 1));
  return e.expr(e.create<graph::ArgMaxOp>({x}, {axis}));
}

Value sparseAccuracy(Emitter &e, Value output, Value target) {
  return shareOf(compare(graph::Predicate::EQ, argmax(e, output), e.expr(target)));
}
Value categoricalAccuracy(Emitter &e, Value output, Value target) {
  return shareOf(compare(graph::Predicate::EQ, argmax(e, output), argmax(e, target)));
}
Value binaryAccuracy(Emitter &e, Value output, Value target) {
  Expr p = e.expr(output), t = e.expr(target);
  Expr one = p.number(1), zero = p.number(0);
  Expr predicted = select(compare(graph::Predicate::GT, p, p.number(0.5)), one, zero);
  return shareOf(compare(graph::Predicate::EQ, predicted, t));
}

struct MetricKind {
  Value (*emit)(Emitter &, Value output, Value target);
  bool sparse;
};

const std::map<std::string, MetricKind> &metricKinds() {
  static const std::map<std::string, MetricKind> table = {
      {"sparse_categorical_accuracy", {sparseAccuracy, true}},
      {"categorical_accuracy", {categoricalAccuracy, false}},
      {"binary_accuracy", {binaryAccuracy, false}},
      {"mse",
       {[](Emitter &e, Value y, Value t) { return squaredError(e, Loss("mse"), y, t); }, false}},
      {"mae",
       {[](Emitter &e, Value y, Value t) { return absoluteError(e, Loss("mae"), y, t); }, false}}};
  return table;
}

/// "accuracy" means what the loss and the output's shape make of it, as in Keras.
std::string resolveMetric(const std::string &metric, const Loss &loss, int64_t lastExtent) {
  const std::map<std::string, std::string> aliases = {
      {"acc", "accuracy"}, {"mean_squared_error", "mse"}, {"mean_absolute_error", "mae"}};
  auto alias = aliases.find(metric);
  std::string name = alias == aliases.end() ? metric : alias->second;
  if (name != "accuracy")
    return name;
  if (kindOf(loss).sparse)
    return "sparse_categorical_accuracy";
  return lastExtent == 1 ? "binary_accuracy" : "categorical_accuracy";
}

const MetricKind &findMetric(const std::string &metric, const Loss &loss, int64_t lastExtent) {
  auto kind = metricKinds().find(resolveMetric(metric, loss, lastExtent));
  if (kind != metricKinds().end())
    return kind->second;
  std::vector<std::string> known = {"accuracy"};
  for (const auto &[key, value] : metricKinds())
    known.push_back(key);
  throw Error("compile: " + unknownName("metric", metric, known));
}

int64_t lastExtent(llvm::ArrayRef<Dim> dims) {
  return dims.empty() ? 1 : dims.back().isStatic() ? dims.back().value() : None;
}

std::string outputText(const Shape &shape, const std::string &outputName) {
  return "output '" + outputName + "' of shape " + toString(shape);
}

void checkLoss(const Loss &loss, const Shape &shape, const std::string &outputName) {
  if (!kindOf(loss).classes)
    return;
  if (shape.size() < 2)
    throw Error("loss " + loss.name + ": expected an output of shape (batch, classes), " +
                outputText(shape, outputName) + " has no class dimension; end with a Dense");
  if (shape.back() == 1)
    throw Error("loss " + loss.name + ": " + outputText(shape, outputName) +
                " has one class, so that its loss is always 0; use binary_crossentropy with a "
                "sigmoid, or a Dense with one unit a class");
}

void checkMetric(const std::string &metric, const Loss &loss, const Shape &shape,
                 const std::string &outputName) {
  const MetricKind &kind = findMetric(metric, loss, shape.empty() ? 1 : shape.back());
  if (kind.sparse != kindOf(loss).sparse)
    throw Error("metric " + metric + " wants " +
                (kind.sparse ? "class indices" : "targets of the output's shape") + ", loss " +
                loss.name + " of " + outputText(shape, outputName) + " takes " +
                (kind.sparse ? "targets of the output's shape" : "class indices") +
                "; use \"accuracy\", which follows the loss");
}

} // namespace

const Loss &lossOf(const CompileOptions &options, size_t output) {
  return options.loss.each.size() == 1 ? options.loss.each[0] : options.loss.each[output];
}

double lossWeightOf(const CompileOptions &options, size_t output) {
  return options.lossWeights.empty() ? 1 : options.lossWeights[output];
}

void checkLossFits(const Loss &loss, const std::vector<std::string> &metrics, const Shape &shape,
                   const std::string &outputName) {
  checkLoss(loss, shape, outputName);
  for (const std::string &metric : metrics)
    checkMetric(metric, loss, shape, outputName);
}

void checkTraining(const ModelImpl &model, const CompileOptions &options) {
  size_t outputs = model.outputs.size();
  std::string who = "model '" + model.name + "': ";
  auto losses = options.loss.each.size();
  if (losses == 0)
    throw Error(who + "compile needs a loss, for example .loss = \"mse\"");
  if (losses != 1 && losses != outputs)
    throw Error(who + "got " + std::to_string(losses) + " losses for " + std::to_string(outputs) +
                " outputs; give one, or one an output");
  if (!options.lossWeights.empty() && options.lossWeights.size() != outputs)
    throw Error(who + "got " + std::to_string(options.lossWeights.size()) + " loss weights for " +
                std::to_string(outputs) + " outputs; give one an output");
  if (options.memoryBudget.bytes != 0 && options.memoryBudget.batchSize < 1)
    throw Error(who + "the memory budget is for batches of " +
                std::to_string(options.memoryBudget.batchSize) + " samples; give at least 1");
  std::vector<std::string> names = model.outputNames();
  for (size_t i = 0; i < outputs; ++i)
    checkLossFits(lossOf(options, i), options.metrics, model.outputs[i]->shape, names[i]);
}

mlir::RankedTensorType targetType(const Loss &loss, llvm::ArrayRef<Dim> output,
                                  mlir::MLIRContext *context) {
  if (kindOf(loss).sparse)
    return tensorType(output.drop_back(),
                      mlir::IntegerType::get(context, 64, mlir::IntegerType::Signed));
  return tensorType(output, mlir::Float32Type::get(context));
}

Value emitLoss(Emitter &emitter, const Loss &loss, Value output, Value target) {
  return kindOf(loss).emit(emitter, loss, output, target);
}

Value emitMetric(Emitter &emitter, const std::string &metric, const Loss &loss, Value output,
                 Value target) {
  return findMetric(metric, loss, lastExtent(dimsOf(output))).emit(emitter, output, target);
}

} // namespace ingot::keras::detail
