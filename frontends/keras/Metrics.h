// Keras's metrics: by name, or as objects with arguments.
//
// Part of Keras.h. Formulas, defaults and names are Keras's. A metric that is no mean over samples
// (AUC, precision, R2) is accumulated as sums and taken of all samples, as Keras's streaming ones.
#pragma once
#include "frontends/keras/Losses.h"

namespace ingot::keras {

/// A metric: the name of one of Keras's ("accuracy", which follows the output and the loss; "mse",
/// "auc", "AUC"), what a function of `metrics` returns, or a loss: by name its mean over samples,
/// as an object its mean over batches, as in Keras. What there is not throws at once.
struct Metric {
  std::string name;      ///< as History has it, without the output's name before it
  std::string className; ///< "BinaryAccuracy"; empty: "accuracy"; of a loss "MeanMetricWrapper"
  Arguments config;      ///< every argument by Keras's name
  bool isNamed = false;  ///< given by name, and saved as that
  std::vector<Loss> loss = {}; ///< MeanMetricWrapper's one
  Metric(const char *name);
  Metric(const std::string &name);
  Metric(const Loss &loss);
  /// An object of that class; `config` may have its `name`, and leave out what has a default.
  static Metric object(const std::string &className, const Arguments &config = {});

private:
  Metric() = default;
};

namespace metrics {

struct MetricOptions {
  std::string name = {}; ///< empty: Keras's
};
Metric Accuracy(const MetricOptions &options = {}); ///< equal values
Metric CategoricalAccuracy(const MetricOptions &options = {});
Metric SparseCategoricalAccuracy(const MetricOptions &options = {});
Metric MeanSquaredError(const MetricOptions &options = {});
Metric RootMeanSquaredError(const MetricOptions &options = {});
Metric MeanAbsoluteError(const MetricOptions &options = {});
Metric MeanAbsolutePercentageError(const MetricOptions &options = {});
Metric MeanSquaredLogarithmicError(const MetricOptions &options = {});
Metric LogCoshError(const MetricOptions &options = {});
Metric KLDivergence(const MetricOptions &options = {});
Metric Poisson(const MetricOptions &options = {});
Metric Hinge(const MetricOptions &options = {});
Metric SquaredHinge(const MetricOptions &options = {});
Metric CategoricalHinge(const MetricOptions &options = {});

/// A loss under a name of its own.
Metric MeanMetricWrapper(const Loss &loss, const MetricOptions &options = {});

struct BinaryAccuracyOptions {
  double threshold = 0.5;
  std::string name = {};
};
Metric BinaryAccuracy(const BinaryAccuracyOptions &options = {});

struct TopKOptions {
  int64_t k = 5;
  std::string name = {};
};
Metric TopKCategoricalAccuracy(const TopKOptions &options = {});
Metric SparseTopKCategoricalAccuracy(const TopKOptions &options = {});

struct AxisOptions {
  int64_t axis = -1;
  std::string name = {};
};
Metric CosineSimilarity(const AxisOptions &options = {});
Metric PearsonCorrelation(const AxisOptions &options = {});
Metric ConcordanceCorrelation(const AxisOptions &options = {});

struct CrossentropyOptions {
  bool fromLogits = false;
  double labelSmoothing = 0;
  int64_t axis = -1; ///< of CategoricalCrossentropy
  std::string name = {};
};
Metric BinaryCrossentropy(const CrossentropyOptions &options = {});
Metric CategoricalCrossentropy(const CrossentropyOptions &options = {});
struct SparseCrossentropyOptions {
  bool fromLogits = false;
  std::optional<int64_t> ignoreClass = {};
  std::string name = {};
};
Metric SparseCategoricalCrossentropy(const SparseCrossentropyOptions &options = {});

/// Of what is said to be positive above the threshold; none: 0.5, or with `topK` all of those.
struct PrecisionOptions {
  std::optional<double> threshold = {};
  std::optional<int64_t> topK = {}, classId = {};
  std::string name = {};
};
Metric Precision(const PrecisionOptions &options = {});
Metric Recall(const PrecisionOptions &options = {});

struct CountOptions {
  double threshold = 0.5;
  std::string name = {};
};
Metric TruePositives(const CountOptions &options = {});
Metric TrueNegatives(const CountOptions &options = {});
Metric FalsePositives(const CountOptions &options = {});
Metric FalseNegatives(const CountOptions &options = {});

struct AUCOptions {
  int64_t numThresholds = 200;
  std::string curve = "ROC";                     ///< or "PR", "PRGAIN"
  std::string summationMethod = "interpolation"; ///< or "minoring", "majoring"
  std::string name = {};
  std::vector<double> thresholds = {}; ///< instead of numThresholds, between 0 and 1
  bool multiLabel = false;             ///< the mean of each label's
  std::vector<double> labelWeights = {};
  bool fromLogits = false;
};
Metric AUC(const AUCOptions &options = {});

struct AtOptions {
  int64_t numThresholds = 200;
  std::optional<int64_t> classId = {};
  std::string name = {};
};
Metric SensitivityAtSpecificity(double specificity, const AtOptions &options = {});
Metric SpecificityAtSensitivity(double sensitivity, const AtOptions &options = {});
Metric PrecisionAtRecall(double recall, const AtOptions &options = {});
Metric RecallAtPrecision(double precision, const AtOptions &options = {});

/// One number for all classes: `average` "micro", "macro" or "weighted". Without one there is a
/// number a class, which only an output of one class can have.
struct F1ScoreOptions {
  std::string average = {};
  std::optional<double> threshold = {}; ///< none: the greatest is positive
  std::string name = {};
};
Metric F1Score(const F1ScoreOptions &options = {});
struct FBetaScoreOptions {
  std::string average = {};
  double beta = 1;
  std::optional<double> threshold = {};
  std::string name = {};
};
Metric FBetaScore(const FBetaScoreOptions &options = {});

/// Of class numbers, or, not being sparse, of the greatest along `axis`.
struct IoUOptions {
  std::string name = {};
  std::optional<int64_t> ignoreClass = {};
  bool sparseYTrue = true, sparseYPred = true;
  int64_t axis = -1;
};
Metric IoU(int64_t numClasses, const std::vector<int64_t> &targetClassIds,
           const IoUOptions &options = {});
Metric MeanIoU(int64_t numClasses, const IoUOptions &options = {});
struct OneHotIoUOptions {
  std::string name = {};
  std::optional<int64_t> ignoreClass = {};
  bool sparseYPred = false;
  int64_t axis = -1;
};
Metric OneHotIoU(int64_t numClasses, const std::vector<int64_t> &targetClassIds,
                 const OneHotIoUOptions &options = {});
Metric OneHotMeanIoU(int64_t numClasses, const OneHotIoUOptions &options = {});
struct BinaryIoUOptions {
  std::vector<int64_t> targetClassIds = {0, 1};
  double threshold = 0.5;
  std::string name = {};
};
Metric BinaryIoU(const BinaryIoUOptions &options = {});

struct R2ScoreOptions {
  std::string classAggregation = "uniform_average"; ///< or "variance_weighted_average"
  int64_t numRegressors = 0;
  std::string name = {};
};
Metric R2Score(const R2ScoreOptions &options = {});

} // namespace metrics

/// Metrics of a model. With one output all are of that; with several a list has one an output, in
/// their order, and pairs name the output: `{{"boxes", {"mae"}}, {"classes", {"accuracy",
/// "auc"}}}`.
struct Metrics {
  std::vector<std::vector<Metric>> each;                             ///< a list's entries
  std::vector<std::pair<std::string, std::vector<Metric>>> byOutput; ///< instead, if not empty
  Metrics() = default;
  Metrics(const char *name) : each{{Metric(name)}} {}
  Metrics(const std::string &name) : each{{Metric(name)}} {}
  Metrics(const Metric &metric) : each{{metric}} {}
  Metrics(std::initializer_list<Metric> metrics);
  Metrics(const std::vector<Metric> &metrics);
  Metrics(const std::vector<std::string> &names);
  Metrics(std::vector<std::vector<Metric>> metrics) : each(std::move(metrics)) {}
  Metrics(std::initializer_list<std::pair<std::string, std::vector<Metric>>> metrics)
      : byOutput(metrics) {}
  Metrics(std::vector<std::pair<std::string, std::vector<Metric>>> metrics)
      : byOutput(std::move(metrics)) {}
  bool empty() const { return each.empty() && byOutput.empty(); }
};

} // namespace ingot::keras
