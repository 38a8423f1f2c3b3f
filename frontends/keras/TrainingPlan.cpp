// See TrainingPlan.h. Which loss and which metrics an output has, and how they are called, follows
// keras/src/trainers/compile_utils.py.
#include "frontends/keras/TrainingPlan.h"
#include "frontends/keras/Names.h"

#include <set>

namespace ingot::keras::detail {

namespace {

std::string count(size_t n, const std::string &what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : what.ends_with("s") ? "es" : "s");
}

std::string list(const std::vector<std::string> &names) {
  return "'" + llvm::join(names, "', '") + "'";
}

/// Entries by output's name in the order of outputs, null where there is none.
template <typename T>
std::vector<const T *> byName(const std::vector<std::pair<std::string, T>> &entries,
                              const std::vector<std::string> &names, const std::string &what) {
  std::vector<const T *> result(names.size(), nullptr);
  for (const auto &[output, entry] : entries) {
    auto it = llvm::find(names, output);
    if (it == names.end())
      throw Error(what + ": " + unknownName("output", output, names));
    const T *&place = result[it - names.begin()];
    if (place)
      throw Error(what + ": output '" + output + "' is given twice");
    place = &entry;
  }
  return result;
}

std::vector<Loss> lossesOf(const CompileOptions &options, const std::vector<std::string> &names) {
  const Losses &losses = options.loss;
  std::vector<Loss> result;
  if (losses.empty())
    throw Error("compile needs a loss, for example .loss = \"mse\"");
  if (losses.byOutput.empty()) {
    if (losses.each.size() != 1 && losses.each.size() != names.size())
      throw Error("got " + count(losses.each.size(), "loss") + " for " +
                  count(names.size(), "output") + "; give one, or one an output");
    for (size_t i = 0; i < names.size(); ++i)
      result.push_back(losses.each.size() == 1 ? losses.each[0] : losses.each[i]);
    return result;
  }
  std::vector<const Loss *> found = byName(losses.byOutput, names, "loss");
  for (auto [name, loss] : llvm::zip(names, found)) {
    if (!loss)
      throw Error("loss: output '" + name + "' has none; give each of " + list(names) + " a loss");
    result.push_back(*loss);
  }
  return result;
}

std::vector<double> weightsOf(const CompileOptions &options,
                              const std::vector<std::string> &names) {
  const LossWeights &weights = options.lossWeights;
  std::vector<double> result(names.size(), 1);
  if (!weights.byOutput.empty()) {
    std::vector<const double *> found = byName(weights.byOutput, names, "loss weight");
    for (size_t i = 0; i < names.size(); ++i) {
      if (!found[i])
        throw Error("loss weight: output '" + names[i] + "' has none; give each of " + list(names) +
                    " a weight");
      result[i] = *found[i];
    }
  } else if (!weights.each.empty()) {
    if (weights.each.size() != names.size())
      throw Error("got " + count(weights.each.size(), "loss weight") + " for " +
                  count(names.size(), "output") + "; give one an output");
    result = weights.each;
  }
  return result;
}

/// The metrics of each output.
std::vector<std::vector<Metric>> metricsOf(const Metrics &metrics, const char *what,
                                           const std::vector<std::string> &names) {
  std::vector<std::vector<Metric>> result(names.size());
  if (!metrics.byOutput.empty()) {
    auto found = byName(metrics.byOutput, names, what);
    for (size_t i = 0; i < names.size(); ++i)
      if (found[i])
        result[i] = *found[i];
  } else if (names.size() == 1) {
    for (const std::vector<Metric> &entry : metrics.each)
      result[0].insert(result[0].end(), entry.begin(), entry.end());
  } else if (!metrics.each.empty()) {
    if (metrics.each.size() != names.size())
      throw Error(std::string(what) + ": a list has one entry an output, got " +
                  std::to_string(metrics.each.size()) + " for " + count(names.size(), "output") +
                  "; name the outputs instead: {{\"" + names[0] + "\", {\"accuracy\"}}}");
    result = metrics.each;
  }
  return result;
}

/// Names in History as Keras's CompileMetrics.result gives them.
class Keys {
public:
  std::string plain(const std::string &prefix, const Metric &metric) {
    std::string key = prefix + metric.name;
    return counted(key);
  }
  std::string weighted(const std::string &prefix, const Metric &metric) {
    std::string key = prefix + metric.name;
    if (counts.try_emplace(key, 1).second)
      return key;
    return counted(prefix + "weighted_" + metric.name);
  }

private:
  std::string counted(const std::string &key) {
    auto [it, isNew] = counts.try_emplace(key, 1);
    return isNew ? key : key + "_" + std::to_string(it->second++);
  }
  std::map<std::string, int64_t> counts;
};

/// Of metrics that come to one name the last is kept, as in Keras; one that is called like a loss
/// would hide it.
void settleKeys(TrainingPlan &plan) {
  std::set<std::string> losses = {"loss"}, seen;
  if (plan.outputs.size() > 1)
    for (const OutputPlan &output : plan.outputs)
      losses.insert(output.name + "_loss");
  std::vector<std::pair<bool, size_t>> order; // as Keras asks for results: the weighted ones last
  for (size_t i = 0; i < 2 * plan.outputs.size(); ++i)
    order.emplace_back(i < plan.outputs.size(), plan.outputs.size() - 1 - i % plan.outputs.size());
  for (auto [isWeighted, i] : order) {
    auto &metrics = plan.outputs[i].metrics;
    for (size_t k = metrics.size(); k-- > 0;) {
      if (metrics[k].isWeighted != isWeighted)
        continue;
      if (losses.count(metrics[k].key))
        throw Error("metric '" + metrics[k].key + "' of output '" + plan.outputs[i].name +
                    "' has the name of a loss; give it another name");
      if (!seen.insert(metrics[k].key).second)
        metrics.erase(metrics.begin() + static_cast<ptrdiff_t>(k));
    }
  }
}

} // namespace

TrainingPlan planTraining(const CompileOptions &options, const std::vector<std::string> &names,
                          const std::vector<Shape> &shapes) {
  std::vector<Loss> losses = lossesOf(options, names);
  std::vector<double> weights = weightsOf(options, names);
  auto metrics = metricsOf(options.metrics, "metrics", names);
  auto weighted = metricsOf(options.weightedMetrics, "weightedMetrics", names);
  TrainingPlan plan;
  auto whereOf = [&](size_t i) {
    return "output '" + names[i] + "' of shape " + toString(shapes[i]);
  };
  for (size_t i = 0; i < names.size(); ++i) {
    Loss loss = resolveLoss(losses[i], shapes[i], whereOf(i));
    checkLoss(loss, shapes[i], whereOf(i));
    plan.outputs.push_back({names[i], loss, weights[i], {}});
  }
  Keys keys;
  for (bool isWeighted : {false, true})
    for (size_t i = 0; i < names.size(); ++i)
      for (const Metric &given : isWeighted ? weighted[i] : metrics[i]) {
        OutputPlan &output = plan.outputs[i];
        Metric metric = resolveMetric(given, output.loss, shapes[i]);
        checkMetric(metric, output.loss, shapes[i], whereOf(i));
        std::string prefix = names.size() > 1 ? names[i] + "_" : "";
        std::string key = isWeighted ? keys.weighted(prefix, metric) : keys.plain(prefix, metric);
        output.metrics.push_back({metric, key, isWeighted});
      }
  settleKeys(plan);
  return plan;
}

TrainingPlan planOf(const ModelImpl &model, const CompileOptions &options) {
  std::vector<Shape> shapes;
  for (const TensorRef &output : model.outputs)
    shapes.push_back(output->shape);
  return planTraining(options, model.outputNames(), shapes);
}

void checkTraining(const ModelImpl &model, const CompileOptions &options) {
  try {
    (void)planOf(model, options);
  } catch (const Error &error) {
    throw Error("model '" + model.name + "': " + error.what(), error.code());
  }
  if (options.memoryBudget.bytes != 0 && options.memoryBudget.batchSize < 1)
    throw Error("model '" + model.name + "': the memory budget is for batches of " +
                std::to_string(options.memoryBudget.batchSize) + " samples; give at least 1");
}

mlir::RankedTensorType targetType(const OutputPlan &output, llvm::ArrayRef<Dim> dims,
                                  mlir::MLIRContext *context) {
  mlir::Type index = mlir::IntegerType::get(context, 64, mlir::IntegerType::Signed);
  switch (targetsOf(output.loss)) {
  case Targets::Classes:
    return tensorType(dims.drop_back(), index);
  case Targets::Sequences:
    return tensorType({dims[0], Dim::symbol(context, output.name + "_labels")}, index);
  default:
    return tensorType(dims, mlir::Float32Type::get(context));
  }
}

namespace {

/// What an output's metrics are of a batch, added to `results`.
void emitMetrics(Emitter &emitter, const OutputPlan &plan, mlir::Value output, mlir::Value target,
                 mlir::Value weight, TrainingResults &results) {
  for (const PlannedMetric &planned : plan.metrics) {
    emitter.enter(planned.metric.name);
    mlir::Value own = planned.isWeighted ? weight : mlir::Value();
    BatchMetric made = emitMetric({emitter, planned.metric, output, target, own});
    if (made.mean) {
      results.values.push_back(made.mean);
      results.names.push_back(planned.key);
      continue;
    }
    StreamedMetric streamed = {planned, {}, {}};
    for (auto &[variable, value] : made.sums) {
      streamed.variables.push_back(variable);
      streamed.types.push_back(value.getType());
      results.values.push_back(value);
      results.names.push_back(streamed.sumName(streamed.variables.size() - 1));
    }
    results.streamed.push_back(std::move(streamed));
  }
}

} // namespace

TrainingResults emitTraining(Emitter &emitter, const TrainingPlan &plan, const TrainingValues &in) {
  TrainingResults results, metrics;
  llvm::SmallVector<mlir::Value> losses;
  for (auto [i, output] : llvm::enumerate(plan.outputs)) {
    mlir::Value weight = in.weights.empty() ? mlir::Value() : in.weights[i];
    emitter.enter(output.loss.name);
    mlir::Value value = emitter.toFloat32(in.outputs[i]), mask = emitter.maskOf(in.outputs[i]);
    mlir::Value judged = in.judged[i] == in.outputs[i] ? value : in.judged[i];
    emitter.setMask(judged, mask);
    LossValues values = lossValues(emitter, output.loss, value, in.targets[i]);
    addMask(emitter, values, mask);
    losses.push_back(reduceLoss(emitter, output.loss, values, weight));
    emitMetrics(emitter, output, judged, in.targets[i], weight, metrics);
  }
  emitter.enter("loss");
  graph::Expr total = emitter.expr(losses[0]) * plan.outputs[0].weight;
  for (size_t i = 1; i < losses.size(); ++i)
    total = total + emitter.expr(losses[i]) * plan.outputs[i].weight;
  results.values.push_back(total);
  results.names.push_back("loss");
  if (losses.size() > 1)
    for (auto [output, loss] : llvm::zip(plan.outputs, losses)) {
      results.values.push_back(loss);
      results.names.push_back(output.name + "_loss");
    }
  results.values.append(metrics.values);
  results.names.insert(results.names.end(), metrics.names.begin(), metrics.names.end());
  results.streamed = std::move(metrics.streamed);
  return results;
}

void addMetricsFunction(mlir::ModuleOp module, const std::vector<StreamedMetric> &streamed) {
  if (streamed.empty())
    return;
  mlir::OpBuilder b(module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  llvm::SmallVector<mlir::Type> types;
  for (const StreamedMetric &metric : streamed)
    types.append(metric.types);
  mlir::Location loc = mlir::NameLoc::get(b.getStringAttr("metrics"));
  auto function = mlir::func::FuncOp::create(b, loc, "metrics", b.getFunctionType(types, {}));
  b.setInsertionPointToEnd(function.addEntryBlock());
  Emitter emitter(b, /*training=*/false);
  llvm::SmallVector<mlir::Value> results;
  unsigned next = 0;
  for (const StreamedMetric &metric : streamed) {
    emitter.enter(metric.metric.metric.name);
    MetricSums sums;
    for (size_t i = 0; i < metric.variables.size(); ++i, ++next) {
      function.setArgAttr(next, "graph.name", b.getStringAttr(metric.sumName(i)));
      sums.emplace_back(metric.variables[i], function.getArgument(next));
    }
    results.push_back(emitMetricResult({emitter, metric.metric.metric, sums}));
  }
  mlir::func::ReturnOp::create(b, loc, results);
  function.setFunctionType(b.getFunctionType(types, mlir::ValueRange(results).getTypes()));
  for (auto [i, metric] : llvm::enumerate(streamed))
    function.setResultAttr(i, "graph.name", b.getStringAttr(metric.metric.key));
}

} // namespace ingot::keras::detail
