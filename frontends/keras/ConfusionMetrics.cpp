// Metrics of what is taken for positive above thresholds: counts, precision, recall, AUC and their
// relatives.
//
// Each follows keras/src/metrics/confusion_metrics.py and metrics_utils.py. Sums are counts a
// threshold: all that is said to be positive at each, of which the rest follows. See
// MetricFormulas.h.
#include "frontends/keras/ArgumentTable.h"
#include "frontends/keras/MetricFormulas.h"

#include <cmath>

namespace ingot::keras::detail {

using graph::Expr;
using graph::Predicate;
using graph::ReduceKind;
using mlir::Value;

Expr vectorOf(Emitter &e, const std::vector<double> &values) {
  mlir::Type type = tensorType(Dim::constant(e.b.getContext(), static_cast<int64_t>(values.size())),
                               e.b.getF32Type());
  llvm::SmallVector<float> rounded(values.begin(), values.end());
  auto elements = mlir::DenseElementsAttr::get(
      mlir::RankedTensorType::get({static_cast<int64_t>(values.size())}, e.b.getF32Type()),
      llvm::ArrayRef<float>(rounded));
  return e.expr(graph::ConstantOp::create(e.b, e.loc, type, elements));
}

namespace {

/// Thresholds 0, 1 / (n - 1), …, 1; one alone is a half.
std::vector<double> evenThresholds(int64_t count) {
  if (count == 1)
    return {0.5};
  std::vector<double> result;
  for (int64_t i = 0; i < count; ++i)
    result.push_back(static_cast<double>(i) / static_cast<double>(count - 1));
  return result;
}

/// As numpy.allclose with an absolute tolerance of epsilon.
bool isEven(const std::vector<double> &thresholds) {
  std::vector<double> even = evenThresholds(static_cast<int64_t>(thresholds.size()));
  for (size_t i = 0; i < even.size(); ++i)
    if (std::abs(thresholds[i] - even[i]) > kEpsilon + 1e-5 * even[i])
      return false;
  return thresholds.size() >= 3;
}

/// Where predictions are positive, and how they are looked at.
struct Curve {
  std::vector<double> thresholds;
  bool isEven = false;  ///< Keras then counts by buckets, of which rounding may decide otherwise
  bool hasEnds = false; ///< thresholds below 0 and above 1: everything is in the first bucket
  bool isMultiLabel = false;
  std::vector<double> labelWeights = {};
};

/// x (…) as (1, …).
Expr withThresholds(Expr x) { return expandDims(x, 0); }

/// The k greatest as they are, the others far below every threshold; of equal ones the first.
Expr filterTopK(Emitter &e, Expr p, int64_t k) {
  constexpr double nothing = -1e10;
  auto last = static_cast<int64_t>(p.dims().size()) - 1;
  Value order = e.create<graph::ArgSortOp>({p}, {e.named("descending", e.b.getBoolAttr(true))});
  Dims sizes = p.dims();
  sizes[last] = Dim::constant(e.b.getContext(), k);
  Dims starts(sizes.size(), Dim::constant(e.b.getContext(), 0));
  Value first = graph::slice(e.b, e.loc, order, starts, sizes);
  Expr chosen =
      sum(e.expr(graph::oneHot(e.b, e.loc, first, p.dims()[last], e.b.getF32Type())), {last});
  return p * chosen + nothing * (1.0 - chosen);
}

/// One class of the last dimension, which stays with size 1.
Expr classOf(Expr x, int64_t id) {
  Dims sizes = x.dims(), starts(sizes.size(), Dim::constant(x.b->getContext(), 0));
  sizes.back() = Dim::constant(x.b->getContext(), 1);
  starts.back() = Dim::constant(x.b->getContext(), id);
  return x.with(graph::slice(*x.b, x.loc, x, starts, sizes));
}

/// Whether predictions (1, …) are positive at each threshold: (thresholds, …).
Expr positives(Emitter &e, Expr p, const Curve &curve) {
  auto count = static_cast<int64_t>(curve.thresholds.size());
  int64_t more = static_cast<int64_t>(p.dims().size()) - 1;
  if (!curve.isEven)
    return compare(Predicate::GT, p, expandDims(vectorOf(e, curve.thresholds), 1, more));
  Expr scaled = clamp(p, 0, 1) * static_cast<double>(count - 1);
  Expr bucket = scaled.unary<graph::CeilOp>() - 1.0;
  if (curve.hasEnds)
    bucket = bucket.unary<graph::ReluOp>();
  std::vector<double> indices;
  for (int64_t i = 0; i < count; ++i)
    indices.push_back(static_cast<double>(i));
  return compare(Predicate::GE, bucket, expandDims(vectorOf(e, indices), 1, more));
}

struct Counts {
  Expr truePositives, falsePositives, allPositives, allNegatives;
  Expr falseNegatives() const { return allPositives - truePositives; }
  Expr trueNegatives() const { return allNegatives - falsePositives; }
};

/// Keras's update_confusion_matrix_variables: counts (thresholds), or (thresholds, labels).
Counts confusion(const MetricCall &c, Expr p, Expr t, const Curve &curve) {
  Emitter &e = c.e;
  auto rank = static_cast<int64_t>(p.dims().size());
  Expr isTrue = compare(Predicate::NE, t, t.number(0));
  Expr weight = t.number(1);
  if (c.weight)
    weight = weight * (rank > 1 ? expandDims(e.expr(c.weight), 1, rank - 1) : e.expr(c.weight));
  if (!curve.labelWeights.empty() && !curve.isMultiLabel)
    weight = weight * vectorOf(e, curve.labelWeights);
  Expr ofTrue = withThresholds(select(isTrue, weight, weight.number(0)));
  Expr ofFalse = withThresholds(select(isTrue, weight.number(0), weight));
  Expr isPositive = positives(e, withThresholds(p), curve);
  llvm::SmallVector<int64_t> axes;
  for (int64_t axis = 1; axis <= (curve.isMultiLabel ? 1 : rank); ++axis)
    axes.push_back(axis);
  auto at = [&](Expr weights) { return sum(select(isPositive, weights, weights.number(0)), axes); };
  // (1), or (1, labels): broadcast against counts a threshold.
  return {at(ofTrue), at(ofFalse), sum(ofTrue, axes), sum(ofFalse, axes)};
}

/// Values (n) from the second on, or up to the last.
Expr shifted(Expr x, bool fromSecond) {
  Dims sizes = x.dims(), starts(sizes.size(), Dim::constant(x.b->getContext(), 0));
  sizes[0] = Dim::constant(x.b->getContext(), sizes[0].value() - 1);
  starts[0] = Dim::constant(x.b->getContext(), fromSecond ? 1 : 0);
  return x.with(graph::slice(*x.b, x.loc, x, starts, sizes));
}

Curve curveOf(const Metric &metric) {
  Curve curve;
  if (metric.className != "AUC") {
    curve.thresholds = evenThresholds(integer(metric.config, "num_thresholds"));
    curve.isEven = curve.thresholds.size() > 1;
    return curve;
  }
  std::vector<double> given = numbers(metric.config, "thresholds");
  llvm::sort(given);
  if (given.empty()) {
    curve.thresholds = evenThresholds(integer(metric.config, "num_thresholds"));
    curve.isEven = true;
  } else {
    curve.thresholds = given;
    curve.thresholds.insert(curve.thresholds.begin(), 0);
    curve.thresholds.push_back(1);
    curve.isEven = isEven(curve.thresholds);
  }
  curve.thresholds.front() = -kEpsilon;
  curve.thresholds.back() = 1 + kEpsilon;
  curve.hasEnds = true;
  curve.isMultiLabel = truth(metric.config, "multi_label");
  curve.labelWeights = numbers(metric.config, "label_weights");
  return curve;
}

/// Rates of the sums of `confusionCurve`.
struct Rates {
  Expr tp, fp, tn, fn;
  explicit Rates(const MetricResult &r)
      : tp(r.sum("true_positives")), fp(r.sum("false_positives")), tn(r.sum("true_negatives")),
        fn(r.sum("false_negatives")) {}
  Expr recall() const { return divideNoNan(tp, tp + fn); }
  Expr precision() const { return divideNoNan(tp, tp + fp); }
  Expr specificity() const { return divideNoNan(tn, tn + fp); }
};

/// The area a step of the curve of precision over recall, interpolated as Davis and Goadrich do.
Expr interpolatedPrecision(const Rates &r) {
  Expr p = r.tp + r.fp, before = shifted(p, false), after = shifted(p, true);
  Expr tp = shifted(r.tp, true), fn = shifted(r.fn, true), dtp = shifted(r.tp, false) - tp;
  Expr zero = dtp.number(0);
  Expr slope = divideNoNan(dtp, max(before - after, zero));
  Expr intercept = tp - slope * after;
  Expr ratio =
      select(both(compare(Predicate::GT, before, zero), compare(Predicate::GT, after, zero)),
             divideNoNan(before, max(after, zero)), after.number(1));
  return divideNoNan(slope * (dtp + intercept * log(ratio)), max(tp + fn, zero));
}

/// The curve's points: x and y.
std::pair<Expr, Expr> pointsOf(const Rates &r, llvm::StringRef curve) {
  if (curve == "ROC")
    return {divideNoNan(r.fp, r.fp + r.tn), r.recall()};
  if (curve == "PR")
    return {r.recall(), r.precision()};
  Expr scale = divideNoNan(r.tp + r.fn, r.tn + r.fp), zero = r.tp.number(0);
  Expr none = compare(Predicate::EQ, r.tp, zero);
  Expr recall = 1.0 - scale * divideNoNan(r.fn, r.tp);
  Expr precision = 1.0 - scale * divideNoNan(r.fp, r.tp);
  return {select(none, zero, recall).unary<graph::ReluOp>(),
          select(none, zero.number(1), precision)};
}

} // namespace

MetricSums confusionCounts(const MetricCall &c) {
  const Arguments &config = c.metric.config;
  llvm::StringRef name = c.metric.className;
  Curve curve;
  curve.thresholds = numbers(config, "thresholds");
  Expr p = c.p(), t = c.t();
  bool hasClasses = name == "Precision" || name == "Recall";
  std::optional<int64_t> topK, classId;
  if (hasClasses) {
    topK = optionalInteger(config, "top_k");
    classId = optionalInteger(config, "class_id");
  }
  if (curve.thresholds.empty())
    curve.thresholds = {topK ? -1e10 : 0.5};
  if (topK)
    p = filterTopK(c.e, p, *topK);
  if (classId) {
    p = classOf(p, *classId);
    t = classOf(t, *classId);
  }
  Counts counts = confusion(c, p, t, curve);
  if (name == "Precision")
    return {{"true_positives", counts.truePositives}, {"false_positives", counts.falsePositives}};
  if (name == "Recall")
    return {{"true_positives", counts.truePositives}, {"false_negatives", counts.falseNegatives()}};
  Expr count = name == "TruePositives"    ? counts.truePositives
               : name == "FalsePositives" ? counts.falsePositives
               : name == "TrueNegatives"  ? counts.trueNegatives()
                                          : counts.falseNegatives();
  return {{"accumulator", count}};
}

Expr countResult(const MetricResult &r) { return r.sum("accumulator"); }

Expr precisionResult(const MetricResult &r) {
  return divideNoNan(r.sum("true_positives"), r.sum("true_positives") + r.sum("false_positives"));
}

Expr recallResult(const MetricResult &r) {
  return divideNoNan(r.sum("true_positives"), r.sum("true_positives") + r.sum("false_negatives"));
}

MetricSums confusionCurve(const MetricCall &c) {
  Expr p = c.p(), t = c.t();
  if (c.metric.className != "AUC") {
    if (auto id = optionalInteger(c.metric.config, "class_id")) {
      p = classOf(p, *id);
      t = classOf(t, *id);
    }
  } else if (truth(c.metric.config, "from_logits")) {
    p = sigmoid(p);
  }
  Counts counts = confusion(c, p, t, curveOf(c.metric));
  return {{"true_positives", counts.truePositives},
          {"false_positives", counts.falsePositives},
          {"true_negatives", counts.trueNegatives()},
          {"false_negatives", counts.falseNegatives()}};
}

Expr atResult(const MetricResult &r) {
  Rates rates(r);
  llvm::StringRef name = r.metric.className;
  Expr recall = rates.recall();
  Expr other = name.contains("Precision") ? rates.precision() : rates.specificity();
  bool isOfRecall = name == "PrecisionAtRecall" || name == "SpecificityAtSensitivity";
  Expr given = isOfRecall ? recall : other, wanted = isOfRecall ? other : recall;
  const char *argument = name == "PrecisionAtRecall"          ? "recall"
                         : name == "RecallAtPrecision"        ? "precision"
                         : name == "SpecificityAtSensitivity" ? "sensitivity"
                                                              : "specificity";
  Expr feasible = compare(Predicate::GE, given, given.number(number(r.metric.config, argument)));
  Expr best = select(feasible, wanted, wanted.number(0));
  return best.with(graph::reduce(r.e.b, r.e.loc, best, ReduceKind::Max, {0}));
}

Expr aucResult(const MetricResult &r) {
  const Arguments &config = r.metric.config;
  std::string curve = text(config, "curve"), method = text(config, "summation_method");
  Rates rates(r);
  std::optional<Expr> areas;
  if (curve == "PR" && method == "interpolation") {
    areas = interpolatedPrecision(rates);
  } else {
    auto [x, y] = pointsOf(rates, curve);
    Expr before = shifted(y, false), after = shifted(y, true);
    Expr height = method == "interpolation" ? (before + after) / 2.0
                  : method == "minoring"    ? min(before, after)
                                            : max(before, after);
    areas = (shifted(x, false) - shifted(x, true)) * height;
  }
  Expr area = sum(*areas, {0});
  std::vector<double> weights = numbers(config, "label_weights");
  if (area.dims().empty() || weights.empty())
    return meanOfAll(area);
  Expr weight = vectorOf(r.e, weights);
  return divideNoNan(sumOfAll(area * weight), sumOfAll(weight));
}

} // namespace ingot::keras::detail
