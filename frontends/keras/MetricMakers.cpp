// The functions of keras::metrics: options structs to arguments. See Metrics.h.
#include "frontends/keras/Metrics.h"
#include "frontends/keras/Names.h"

namespace ingot::keras::metrics {

namespace {

Argument optional(const auto &value) { return value ? Argument(*value) : Argument(); }
Argument list(const auto &values) { return values.empty() ? Argument() : Argument(values); }
Argument word(const std::string &text) { return text.empty() ? Argument() : Argument(text); }

Metric make(const char *className, const std::string &name, Arguments rest = {}) {
  if (!name.empty())
    rest.emplace_back("name", name);
  return Metric::object(className, rest);
}

Metric at(const char *className, const char *argument, double value, const AtOptions &o) {
  return make(
      className, o.name,
      {{argument, value}, {"num_thresholds", o.numThresholds}, {"class_id", optional(o.classId)}});
}

Arguments precision(const PrecisionOptions &o) {
  return {{"thresholds", optional(o.threshold)},
          {"top_k", optional(o.topK)},
          {"class_id", optional(o.classId)}};
}

Arguments overlap(int64_t classes, const IoUOptions &o) {
  return {{"num_classes", classes},
          {"ignore_class", optional(o.ignoreClass)},
          {"sparse_y_true", o.sparseYTrue},
          {"sparse_y_pred", o.sparseYPred},
          {"axis", o.axis}};
}
Arguments overlap(int64_t classes, const OneHotIoUOptions &o) {
  return {{"num_classes", classes},
          {"ignore_class", optional(o.ignoreClass)},
          {"sparse_y_pred", o.sparseYPred},
          {"axis", o.axis}};
}
Arguments withTargets(Arguments arguments, const std::vector<int64_t> &ids) {
  arguments.emplace_back("target_class_ids", list(ids));
  return arguments;
}

} // namespace

#define INGOT_PLAIN_METRIC(CLASS)                                                                  \
  Metric CLASS(const MetricOptions &o) { return make(#CLASS, o.name); }
INGOT_PLAIN_METRIC(Accuracy)
INGOT_PLAIN_METRIC(CategoricalAccuracy)
INGOT_PLAIN_METRIC(SparseCategoricalAccuracy)
INGOT_PLAIN_METRIC(MeanSquaredError)
INGOT_PLAIN_METRIC(RootMeanSquaredError)
INGOT_PLAIN_METRIC(MeanAbsoluteError)
INGOT_PLAIN_METRIC(MeanAbsolutePercentageError)
INGOT_PLAIN_METRIC(MeanSquaredLogarithmicError)
INGOT_PLAIN_METRIC(LogCoshError)
INGOT_PLAIN_METRIC(KLDivergence)
INGOT_PLAIN_METRIC(Poisson)
INGOT_PLAIN_METRIC(Hinge)
INGOT_PLAIN_METRIC(SquaredHinge)
INGOT_PLAIN_METRIC(CategoricalHinge)
#undef INGOT_PLAIN_METRIC

Metric MeanMetricWrapper(const Loss &loss, const MetricOptions &o) {
  Metric metric(loss);
  detail::checkName("metric", o.name);
  if (!o.name.empty())
    metric.name = o.name;
  return metric;
}

Metric BinaryAccuracy(const BinaryAccuracyOptions &o) {
  return make("BinaryAccuracy", o.name, {{"threshold", o.threshold}});
}
Metric TopKCategoricalAccuracy(const TopKOptions &o) {
  return make("TopKCategoricalAccuracy", o.name, {{"k", o.k}});
}
Metric SparseTopKCategoricalAccuracy(const TopKOptions &o) {
  return make("SparseTopKCategoricalAccuracy", o.name, {{"k", o.k}});
}
Metric CosineSimilarity(const AxisOptions &o) {
  return make("CosineSimilarity", o.name, {{"axis", o.axis}});
}
Metric PearsonCorrelation(const AxisOptions &o) {
  return make("PearsonCorrelation", o.name, {{"axis", o.axis}});
}
Metric ConcordanceCorrelation(const AxisOptions &o) {
  return make("ConcordanceCorrelation", o.name, {{"axis", o.axis}});
}
Metric BinaryCrossentropy(const CrossentropyOptions &o) {
  return make("BinaryCrossentropy", o.name,
              {{"from_logits", o.fromLogits}, {"label_smoothing", o.labelSmoothing}});
}
Metric CategoricalCrossentropy(const CrossentropyOptions &o) {
  return make(
      "CategoricalCrossentropy", o.name,
      {{"from_logits", o.fromLogits}, {"label_smoothing", o.labelSmoothing}, {"axis", o.axis}});
}
Metric SparseCategoricalCrossentropy(const SparseCrossentropyOptions &o) {
  return make("SparseCategoricalCrossentropy", o.name,
              {{"from_logits", o.fromLogits}, {"ignore_class", optional(o.ignoreClass)}});
}

Metric Precision(const PrecisionOptions &o) { return make("Precision", o.name, precision(o)); }
Metric Recall(const PrecisionOptions &o) { return make("Recall", o.name, precision(o)); }

#define INGOT_COUNT(CLASS)                                                                         \
  Metric CLASS(const CountOptions &o) {                                                            \
    return make(#CLASS, o.name, {{"thresholds", o.threshold}});                                    \
  }
INGOT_COUNT(TruePositives)
INGOT_COUNT(TrueNegatives)
INGOT_COUNT(FalsePositives)
INGOT_COUNT(FalseNegatives)
#undef INGOT_COUNT

Metric AUC(const AUCOptions &o) {
  return make("AUC", o.name,
              {{"num_thresholds", o.numThresholds},
               {"curve", o.curve},
               {"summation_method", o.summationMethod},
               {"thresholds", list(o.thresholds)},
               {"multi_label", o.multiLabel},
               {"label_weights", list(o.labelWeights)},
               {"from_logits", o.fromLogits}});
}

Metric SensitivityAtSpecificity(double specificity, const AtOptions &o) {
  return at("SensitivityAtSpecificity", "specificity", specificity, o);
}
Metric SpecificityAtSensitivity(double sensitivity, const AtOptions &o) {
  return at("SpecificityAtSensitivity", "sensitivity", sensitivity, o);
}
Metric PrecisionAtRecall(double recall, const AtOptions &o) {
  return at("PrecisionAtRecall", "recall", recall, o);
}
Metric RecallAtPrecision(double precision, const AtOptions &o) {
  return at("RecallAtPrecision", "precision", precision, o);
}

Metric F1Score(const F1ScoreOptions &o) {
  return make("F1Score", o.name,
              {{"average", word(o.average)}, {"threshold", optional(o.threshold)}});
}
Metric FBetaScore(const FBetaScoreOptions &o) {
  return make(
      "FBetaScore", o.name,
      {{"average", word(o.average)}, {"beta", o.beta}, {"threshold", optional(o.threshold)}});
}

Metric IoU(int64_t numClasses, const std::vector<int64_t> &targetClassIds, const IoUOptions &o) {
  return make("IoU", o.name, withTargets(overlap(numClasses, o), targetClassIds));
}
Metric MeanIoU(int64_t numClasses, const IoUOptions &o) {
  return make("MeanIoU", o.name, overlap(numClasses, o));
}
Metric OneHotIoU(int64_t numClasses, const std::vector<int64_t> &targetClassIds,
                 const OneHotIoUOptions &o) {
  return make("OneHotIoU", o.name, withTargets(overlap(numClasses, o), targetClassIds));
}
Metric OneHotMeanIoU(int64_t numClasses, const OneHotIoUOptions &o) {
  return make("OneHotMeanIoU", o.name, overlap(numClasses, o));
}
Metric BinaryIoU(const BinaryIoUOptions &o) {
  return make("BinaryIoU", o.name,
              {{"target_class_ids", list(o.targetClassIds)}, {"threshold", o.threshold}});
}

Metric R2Score(const R2ScoreOptions &o) {
  return make("R2Score", o.name,
              {{"class_aggregation", o.classAggregation}, {"num_regressors", o.numRegressors}});
}

} // namespace ingot::keras::metrics
