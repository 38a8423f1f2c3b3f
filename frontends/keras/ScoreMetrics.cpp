// Metrics of classes and of variances: F scores, intersection over union, R2.
//
// Each follows keras/src/metrics (f_score_metrics.py, iou_metrics.py, regression_metrics.py). See
// MetricFormulas.h.
#include "frontends/keras/ArgumentTable.h"
#include "frontends/keras/MetricFormulas.h"

namespace ingot::keras::detail {

using graph::Expr;
using graph::Predicate;
using graph::ReduceKind;
using mlir::Value;

MetricSums fBetaSums(const MetricCall &c) {
  Expr p = c.p(), t = c.t();
  std::optional<double> threshold = optionalNumber(c.metric.config, "threshold");
  Expr isPositive = compare(Predicate::GT, p, p.number(threshold.value_or(0)));
  if (!threshold) { // the greatest, where it is not 0
    Expr most = p.with(graph::reduce(c.e.b, c.e.loc, p, ReduceKind::Max, {1}, /*keep=*/true));
    Expr size = abs(p);
    isPositive =
        both(compare(Predicate::GE, p, most), compare(Predicate::GT, size, size.number(1e-9)));
  }
  Expr said = toFloat(isPositive);
  bool isMicro = text(c.metric.config, "average") == "micro";
  auto weighted = [&](Expr x) {
    if (c.weight)
      x = x * expandDims(c.e.expr(c.weight), 1);
    return isMicro ? sumOfAll(x) : sum(x, {0});
  };
  return {{"true_positives", weighted(said * t)},
          {"false_positives", weighted(said * (1.0 - t))},
          {"false_negatives", weighted((1.0 - said) * t)},
          {"intermediate_weights", weighted(t)}};
}

Expr fBetaResult(const MetricResult &r) {
  double beta = r.metric.className == "F1Score" ? 1 : number(r.metric.config, "beta");
  Expr tp = r.sum("true_positives");
  Expr precision = tp / (tp + r.sum("false_positives") + kEpsilon);
  Expr recall = tp / (tp + r.sum("false_negatives") + kEpsilon);
  Expr score =
      precision * recall / (beta * beta * precision + recall + kEpsilon) * (1 + beta * beta);
  if (text(r.metric.config, "average") != "weighted")
    return meanOfAll(score);
  Expr weights = r.sum("intermediate_weights");
  return sumOfAll(score * (weights / (sumOfAll(weights) + kEpsilon)));
}

namespace {

/// Class numbers (n) of predictions or targets, as Keras's IoU takes them.
Expr classNumbers(const MetricCall &c, Value x, bool isSparse) {
  Expr ids = isSparse ? toInteger(c.e.expr(x))
                      : argmax(c.e, x, axisOf(integer(c.metric.config, "axis"), graph::rankOf(x)));
  return ids;
}

Expr flat(Expr x) {
  Dim count = Dim::constant(x.b->getContext(), 1);
  for (Dim dim : x.dims())
    count = count * dim;
  return x.with(graph::reshape(*x.b, x.loc, x, {count}));
}

} // namespace

MetricSums iouSums(const MetricCall &c) {
  const Arguments &config = c.metric.config;
  bool isBinary = c.metric.className == "BinaryIoU";
  bool isOneHot = llvm::StringRef(c.metric.className).starts_with("OneHot");
  int64_t classes = isBinary ? 2 : integer(config, "num_classes");
  std::optional<Expr> p, t;
  if (isBinary) {
    Expr limit = c.p().number(number(config, "threshold"));
    p = toInteger(compare(Predicate::GE, c.p(), limit));
    t = toInteger(c.t());
  } else {
    p = classNumbers(c, c.output, truth(config, "sparse_y_pred"));
    t = classNumbers(c, c.target, !isOneHot && truth(config, "sparse_y_true"));
  }
  // Classes that there are not have rows of zeros.
  Dim depth = Dim::constant(c.e.b.getContext(), classes);
  auto hot = [&](Expr ids) {
    return c.e.expr(graph::oneHot(c.e.b, c.e.loc, flat(ids), depth, c.e.b.getF32Type()));
  };
  Expr rows = hot(*t);
  std::optional<Expr> weight;
  if (!isBinary)
    if (auto ignored = optionalInteger(config, "ignore_class"))
      weight = toFloat(compare(Predicate::NE, *t, t->number(static_cast<double>(*ignored))));
  if (c.weight) {
    // Keras's matrix is of whole numbers unless it is told otherwise.
    Expr w = c.e.expr(c.weight);
    if (text(config, "dtype") != "float32")
      w = toFloat(toInteger(w));
    int64_t more = static_cast<int64_t>(t->dims().size()) - 1;
    Expr each =
        w.with(graph::broadcastTo(c.e.b, c.e.loc, more ? expandDims(w, 1, more) : w, t->dims()));
    weight = weight ? *weight * each : each;
  }
  if (weight)
    rows = rows * expandDims(flat(*weight), 1);
  Value matrix = c.e.create<graph::MatMulOp>({rows, hot(*p)},
                                             {c.e.named("transposeLhs", c.e.b.getBoolAttr(true))});
  return {{"total_confusion_matrix", matrix}};
}

Expr iouResult(const MetricResult &r) {
  Expr matrix = r.sum("total_confusion_matrix");
  int64_t classes = matrix.dims()[0].value();
  Dims square = matrix.dims();
  mlir::Type type = tensorType(square, r.e.b.getIntegerType(64, /*isSigned=*/true));
  auto index = [&](int64_t axis) {
    return r.e.expr(graph::IotaOp::create(r.e.b, r.e.loc, type, axis));
  };
  Expr diagonal = select(compare(Predicate::EQ, index(0), index(1)), matrix, matrix.number(0));
  Expr hits = sum(diagonal, {1}), all = sum(matrix, {0}) + sum(matrix, {1}) - hits;
  std::vector<double> counts(classes, 1); // how often a class is among the targets
  llvm::StringRef name = r.metric.className;
  if (!name.ends_with("MeanIoU")) {
    counts.assign(classes, 0);
    for (int64_t id : integers(r.metric.config, "target_class_ids"))
      counts[id] += 1;
  }
  Expr valid = toFloat(compare(Predicate::GT, all, all.number(1e-9))) * vectorOf(r.e, counts);
  return sumOfAll(hits / (all + kEpsilon) * valid) / (sumOfAll(valid) + kEpsilon);
}

MetricSums r2Sums(const MetricCall &c) {
  Expr p = c.p(), t = c.t(), weight = t.number(1);
  if (c.weight)
    weight = weight * expandDims(c.e.expr(c.weight), 1);
  Expr weighted = t * weight, error = t - p;
  return {{"sum", sum(weighted, {0})},
          {"squared_sum", sum(t * weighted, {0})},
          {"residual", sum(error * error * weight, {0})},
          {"count", sum(weight, {0})},
          {"num_samples", elementCount(t, {0, 1})}};
}

Expr r2Result(const MetricResult &r) {
  Expr total = r.sum("squared_sum") - r.sum("sum") * (r.sum("sum") / r.sum("count"));
  Expr raw = 1.0 - r.sum("residual") / total;
  Expr score = select(raw.unary<graph::IsInfOp>(), raw.number(0), raw);
  if (text(r.metric.config, "class_aggregation") == "variance_weighted_average")
    score = sumOfAll(total * score) / sumOfAll(total);
  else
    score = meanOfAll(score);
  auto regressors = static_cast<double>(integer(r.metric.config, "num_regressors"));
  if (regressors == 0)
    return score;
  // With too few samples it is the plain score.
  Expr samples = r.sum("num_samples"), left = samples - regressors - 1.0;
  Expr adjusted = 1.0 - (1.0 - score) * (samples - 1.0) / left;
  return select(compare(Predicate::GT, left, left.number(0)), adjusted, score);
}

} // namespace ingot::keras::detail
