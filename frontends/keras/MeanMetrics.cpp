// Metrics that are means over samples: accuracies, similarities, and any metric's mean with
// weights.
//
// Each follows keras/src/metrics (accuracy_metrics.py, correlation_metrics.py,
// reduction_metrics.py). See MetricFormulas.h. Formulas see a metric's arguments as those of a
// loss.
#include "frontends/keras/ArgumentTable.h"
#include "frontends/keras/MetricFormulas.h"

namespace ingot::keras::detail {

using graph::Expr;
using graph::Predicate;
using mlir::Value;

Expr argmax(Emitter &e, Value x, int64_t axis) {
  return e.expr(e.create<graph::ArgMaxOp>({x}, {e.named("axis", e.b.getI64IntegerAttr(axis))}));
}

namespace {

LossValues share(Expr condition) { return {toFloat(condition), {}}; }

/// Whether fewer than k classes have a greater value than the label's; no where one is not finite.
LossValues inTopK(const LossCall &c, Value label) {
  int64_t last = c.rank() - 1;
  Expr p = c.p(), own = c.e.expr(c.e.create<graph::PickOp>({c.output, label}));
  Expr greater = toFloat(compare(Predicate::GT, p, expandDims(own, last)));
  Expr finite = toFloat(p.unary<graph::IsFiniteOp>());
  Expr all = p.with(graph::reduce(c.e.b, c.e.loc, finite, graph::ReduceKind::Min, {last}));
  Expr before = sum(greater, {last});
  return share(both(compare(Predicate::LT, before, before.number(number(c.loss.config, "k"))),
                    compare(Predicate::GT, all, all.number(0.5))));
}

int64_t axisArgument(const LossCall &c) { return axisOf(integer(c.loss.config, "axis"), c.rank()); }

struct Deviations {
  Expr mean, from, variance;
  Deviations(Expr x, int64_t axis)
      : mean(graph::mean(x, {axis}, /*keep=*/true)), from(x - mean),
        variance(graph::mean(from * from, {axis}, /*keep=*/true)) {}
};

} // namespace

LossValues equality(const LossCall &c) { return share(compare(Predicate::EQ, c.p(), c.t())); }

LossValues binaryAccuracy(const LossCall &c) {
  Expr p = c.p(), limit = p.number(number(c.loss.config, "threshold"));
  return share(compare(Predicate::EQ, toFloat(compare(Predicate::GT, p, limit)), c.t()));
}

LossValues categoricalAccuracy(const LossCall &c) {
  int64_t last = c.rank() - 1;
  return share(compare(Predicate::EQ, argmax(c.e, c.output, last), argmax(c.e, c.target, last)));
}

LossValues sparseCategoricalAccuracy(const LossCall &c) {
  return share(compare(Predicate::EQ, argmax(c.e, c.output, c.rank() - 1), c.t()));
}

LossValues topKCategoricalAccuracy(const LossCall &c) {
  return inTopK(c, argmax(c.e, c.target, c.rank() - 1));
}

LossValues sparseTopKCategoricalAccuracy(const LossCall &c) { return inTopK(c, c.target); }

LossValues cosineOfVectors(const LossCall &c) {
  int64_t axis = axisArgument(c);
  return {sum(normalized(c.t(), axis) * normalized(c.p(), axis), {axis}), {}};
}

LossValues pearsonCorrelation(const LossCall &c) {
  int64_t axis = axisArgument(c);
  Deviations t(c.t(), axis), p(c.p(), axis);
  return {mean(t.from / sqrt(t.variance) * (p.from / sqrt(p.variance)), {axis}), {}};
}

LossValues concordanceCorrelation(const LossCall &c) {
  int64_t axis = axisArgument(c);
  Deviations t(c.t(), axis), p(c.p(), axis);
  // Keras takes both from the mean of the predictions.
  Expr common = (c.t() - p.mean) * p.from, apart = t.mean - p.mean;
  Expr norm = t.variance + p.variance + apart * apart;
  return {mean(2.0 * common / (norm + kEpsilon), {axis}), {}};
}

LossValues squaredElements(const LossCall &c) {
  Expr error = c.p() - c.t();
  return {error * error, {}};
}

Expr MetricResult::sum(llvm::StringRef name) const {
  for (const auto &[key, value] : sums)
    if (key == name)
      return e.expr(value);
  throw Error("metric " + metric.name + " has no sum '" + name.str() + "'", StatusCode::Internal);
}

Expr weightedMean(const MetricResult &r) { return divideNoNan(r.sum("total"), r.sum("count")); }
Expr rootOfMean(const MetricResult &r) { return sqrt(weightedMean(r)); }

namespace {

Expr samplewise(Expr x) {
  llvm::SmallVector<int64_t> rest(llvm::drop_begin(graph::allAxes(x)));
  return rest.empty() ? x : mean(x, rest);
}

/// Keras's reduce_to_samplewise_values and Mean: values (batch, …) are weighed, averaged a sample
/// and added; those that a mask excludes do not count. A value that is the batch's counts once.
MetricSums sumsOfValues(const MetricCall &c, const LossValues &l) {
  Expr values = l.values(c.e);
  auto more = static_cast<int64_t>(values.dims().size()) - 1;
  if (more < 0) {
    if (c.weight)
      throw Error("metric " + c.metric.name +
                  " has one value a batch, which sample weights cannot weigh; move it from "
                  "weightedMetrics to metrics");
    return {{"total", values}, {"count", values.number(1)}};
  }
  if (!l.mask) {
    Expr samples = samplewise(values), weight = samples.number(1);
    if (c.weight)
      weight = c.e.expr(c.weight);
    return {{"total", sumOfAll(samples * weight)}, {"count", sumOfAll(weight)}};
  }
  Expr counted = toFloat(c.e.expr(l.mask));
  if (c.weight)
    counted = counted * (more ? expandDims(c.e.expr(c.weight), 1, more) : c.e.expr(c.weight));
  return {{"total", sumOfAll(samplewise(values * counted))},
          {"count", sumOfAll(samplewise(counted))}};
}

/// The metric's arguments as those of a loss, for formulas.
Loss lossOf(const Metric &metric) {
  const MetricKind &kind = kindOf(metric);
  if (!kind.lossClass) {
    Loss loss("mse");
    loss.name = metric.name;
    loss.config = metric.config;
    return loss;
  }
  Loss loss = Loss::object(kind.lossClass);
  loss.name = metric.name;
  for (auto &[key, value] : loss.config)
    for (const auto &[given, argument] : metric.config)
      if (given == key)
        value = argument;
  return loss;
}

} // namespace

BatchMetric emitMetric(const MetricCall &c) {
  const MetricKind &kind = kindOf(c.metric);
  if (kind.sums)
    return {{}, kind.sums(c)};
  if (!c.metric.loss.empty() && !c.metric.loss[0].isNamed) {
    const Loss &loss = c.metric.loss[0];
    Value value = reduceLoss(c.e, loss, lossValues(c.e, loss, c.output, c.target), {});
    return {{}, sumsOfValues(c, {value, {}})};
  }
  Loss loss = c.metric.loss.empty() ? lossOf(c.metric) : c.metric.loss[0];
  LossValues values = kind.values ? kind.values({c.e, loss, c.output, c.target})
                                  : lossValues(c.e, loss, c.output, c.target);
  const bool isMean = kind.result == weightedMean;
  Value mask = isMean ? c.e.maskOf(c.output) : Value();
  // As in Keras what a loss leaves out counts as 0, but where there are weights or a mask.
  if (!c.weight && !mask)
    values.mask = {};
  addMask(c.e, values, mask);
  bool isBatch = values.axis ? *values.axis == 0 : graph::rankOf(values.elements) == 0;
  if (isMean && !c.weight && !values.mask && !isBatch)
    return {meanOfAll(c.e.expr(values.elements)), {}};
  return {{}, sumsOfValues(c, values)};
}

Value emitMetricResult(const MetricResult &result) {
  Expr value = kindOf(result.metric).result(result);
  return value.dims().empty() ? value : meanOfAll(value); // one of one
}

} // namespace ingot::keras::detail
