// What a metric is as ops: a mean over the batch, or sums over the batch and what they come to.
//
// Called by TrainingPlan.cpp.
#pragma once
#include "frontends/keras/ArgumentTable.h"
#include "frontends/keras/LossFormulas.h"
#include "frontends/keras/Metrics.h"

namespace ingot::keras::detail {

/// A metric and what it is of, while its ops are made.
struct MetricCall {
  Emitter &e;
  const Metric &metric;
  mlir::Value output, target;
  mlir::Value weight; ///< f32 (batch), or null
  graph::Expr p() const { return e.expr(output); }
  graph::Expr t() const { return e.expr(target); }
  int64_t rank() const { return graph::rankOf(output); }
};

/// Tensors that are added over batches, by the names of Keras's variables.
using MetricSums = std::vector<std::pair<std::string, mlir::Value>>;

/// The sums by name, while a metric's value is computed of them.
struct MetricResult {
  Emitter &e;
  const Metric &metric;
  const MetricSums &sums;
  graph::Expr sum(llvm::StringRef name) const;
};

/// One class of metrics: either `values`, whose mean it is, or `sums` and their `result`.
struct MetricKind {
  const char *className;
  const char *name; ///< of an object that is given none; null: the next automatic one
  Targets targets;
  LossFormula values;
  MetricSums (*sums)(const MetricCall &);
  graph::Expr (*result)(const MetricResult &);
  Parameters parameters;
  const char *lossClass = nullptr; ///< the values are this loss's, with the arguments both have
};

const MetricKind &kindOf(const Metric &metric);
/// The metric itself, or the one that "accuracy" means for this output and loss.
Metric resolveMetric(const Metric &metric, const Loss &loss, const Shape &shape);
/// Throws when the metric cannot be of an output of this shape that has this loss.
void checkMetric(const Metric &metric, const Loss &loss, const Shape &shape,
                 const std::string &where);
Json toJson(const Metric &metric);
Metric metricFromJson(const Json &json);

/// A metric over a batch: its mean, or sums.
struct BatchMetric {
  mlir::Value mean; ///< an f32 scalar, to be averaged over samples; or null
  MetricSums sums;
};
BatchMetric emitMetric(const MetricCall &call);
/// The metric, an f32 scalar, of its sums over all batches.
mlir::Value emitMetricResult(const MetricResult &result);

// MeanMetrics.cpp
LossValues equality(const LossCall &c);
LossValues binaryAccuracy(const LossCall &c);
LossValues categoricalAccuracy(const LossCall &c);
LossValues sparseCategoricalAccuracy(const LossCall &c);
LossValues topKCategoricalAccuracy(const LossCall &c);
LossValues sparseTopKCategoricalAccuracy(const LossCall &c);
LossValues cosineOfVectors(const LossCall &c);
LossValues pearsonCorrelation(const LossCall &c);
LossValues concordanceCorrelation(const LossCall &c);
LossValues squaredElements(const LossCall &c);
graph::Expr weightedMean(const MetricResult &r);
graph::Expr rootOfMean(const MetricResult &r);

// ConfusionMetrics.cpp
MetricSums confusionCounts(const MetricCall &c);
graph::Expr countResult(const MetricResult &r);
graph::Expr precisionResult(const MetricResult &r);
graph::Expr recallResult(const MetricResult &r);
MetricSums confusionCurve(const MetricCall &c);
graph::Expr atResult(const MetricResult &r);
graph::Expr aucResult(const MetricResult &r);

// ScoreMetrics.cpp
MetricSums fBetaSums(const MetricCall &c);
graph::Expr fBetaResult(const MetricResult &r);
MetricSums iouSums(const MetricCall &c);
graph::Expr iouResult(const MetricResult &r);
MetricSums r2Sums(const MetricCall &c);
graph::Expr r2Result(const MetricResult &r);

/// A tensor of these numbers.
graph::Expr vectorOf(Emitter &e, const std::vector<double> &values);
/// The greatest's index (si64) along the axis.
graph::Expr argmax(Emitter &e, mlir::Value x, int64_t axis);

} // namespace ingot::keras::detail
