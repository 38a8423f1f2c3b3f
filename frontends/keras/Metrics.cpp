// The metrics there are: names, arguments, what they demand of outputs and targets.
//
// Formulas are in MeanMetrics.cpp, ConfusionMetrics.cpp and ScoreMetrics.cpp. Called by users
// (Metric), TrainingPlan (checks, values) and ModelJson.
#include "frontends/keras/ArgumentTable.h"
#include "frontends/keras/MetricFormulas.h"
#include "frontends/keras/Names.h"

namespace ingot::keras {

namespace detail {

namespace {

using P = Parameter;

constexpr double kMostThresholds = 100000, kMostClasses = 10000;

P k() { return {"k", P::Integer, int64_t(5), 1, kMaxExtent}; }
P axis() { return {"axis", P::Integer, int64_t(-1), -kMaxRank, kMaxRank}; }
P fromLogits() { return {"from_logits", P::Truth, false}; }
P labelSmoothing() { return {"label_smoothing", P::Number, 0.0, 0, 1}; }
P optionalCount(const char *name, double low) { return {name, P::Integer, {}, low, kMaxExtent}; }
P thresholds() { return {"thresholds", P::Numbers, {}, 0, 1}; }
P numThresholds(double low) {
  return {"num_thresholds", P::Integer, int64_t(200), low, kMostThresholds};
}
P choice(const char *name, const char *fallback, std::vector<std::string> choices) {
  return {.name = name,
          .type = P::Text,
          .fallback = std::string(fallback),
          .choices = std::move(choices)};
}
P share(const char *name) { return P{name, P::Number, {}, 0, 1}.required(); }

Parameters classesOf(bool hasTargets, bool isOneHot) {
  Parameters all = {P{"num_classes", P::Integer, {}, 1, kMostClasses}.required()};
  if (hasTargets)
    all.push_back(P{"target_class_ids", P::Integers, {}, 0, kMostClasses}.required());
  all.push_back(optionalCount("ignore_class", -kMaxExtent));
  if (!isOneHot)
    all.push_back({"sparse_y_true", P::Truth, true});
  all.push_back({"sparse_y_pred", P::Truth, !isOneHot});
  all.push_back(axis());
  all.push_back(
      {.name = "dtype", .type = P::Text, .choices = {"int", "int32", "int64", "float32"}});
  return all;
}

Parameters fScore(bool hasBeta) {
  Parameters all = {{.name = "average", .type = P::Text, .choices = {"micro", "macro", "weighted"}},
                    {"threshold", P::Number, {}, 1e-30, 1}};
  if (hasBeta)
    all.push_back({"beta", P::Number, 1.0, 1e-30});
  return all;
}

MetricKind plain(const char *className, const char *name, Targets targets, LossFormula values,
                 Parameters parameters = {}) {
  return {className, name, targets, values, nullptr, weightedMean, std::move(parameters)};
}

/// The mean of a loss.
MetricKind ofLoss(const char *className, const char *name, const char *lossClass,
                  Parameters parameters = {}, Targets targets = Targets::Same) {
  return {className, name, targets, nullptr, nullptr, weightedMean, std::move(parameters),
          lossClass};
}

MetricKind count(const char *className) {
  return {className, nullptr, Targets::Same, nullptr, confusionCounts, countResult, {thresholds()}};
}

MetricKind at(const char *className, const char *argument) {
  return {className,
          nullptr,
          Targets::Same,
          nullptr,
          confusionCurve,
          atResult,
          {share(argument), numThresholds(1), optionalCount("class_id", 0)}};
}

MetricKind overlap(const char *className, bool hasTargets, bool isOneHot) {
  return {className, nullptr,   isOneHot ? Targets::Same : Targets::Any, nullptr,
          iouSums,   iouResult, classesOf(hasTargets, isOneHot)};
}

std::vector<MetricKind> meanKinds() {
  constexpr Targets same = Targets::Same, classes = Targets::Classes;
  return {plain("Accuracy", "accuracy", same, equality),
          plain("BinaryAccuracy", "binary_accuracy", same, binaryAccuracy,
                {{"threshold", P::Number, 0.5}}),
          plain("CategoricalAccuracy", "categorical_accuracy", same, categoricalAccuracy),
          plain("SparseCategoricalAccuracy", "sparse_categorical_accuracy", classes,
                sparseCategoricalAccuracy),
          plain("TopKCategoricalAccuracy", "top_k_categorical_accuracy", same,
                topKCategoricalAccuracy, {k()}),
          plain("SparseTopKCategoricalAccuracy", "sparse_top_k_categorical_accuracy", classes,
                sparseTopKCategoricalAccuracy, {k()}),
          plain("CosineSimilarity", "cosine_similarity", same, cosineOfVectors, {axis()}),
          plain("PearsonCorrelation", "pearson_correlation", same, pearsonCorrelation, {axis()}),
          plain("ConcordanceCorrelation", "concordance_correlation", same, concordanceCorrelation,
                {axis()}),
          ofLoss("MeanSquaredError", "mean_squared_error", "MeanSquaredError"),
          ofLoss("MeanAbsoluteError", "mean_absolute_error", "MeanAbsoluteError"),
          ofLoss("MeanAbsolutePercentageError", "mean_absolute_percentage_error",
                 "MeanAbsolutePercentageError"),
          ofLoss("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error",
                 "MeanSquaredLogarithmicError"),
          ofLoss("LogCoshError", "logcosh", "LogCosh"),
          ofLoss("KLDivergence", "kl_divergence", "KLDivergence"),
          ofLoss("Poisson", "poisson", "Poisson"),
          ofLoss("Hinge", "hinge", "Hinge"),
          ofLoss("SquaredHinge", "squared_hinge", "SquaredHinge"),
          ofLoss("CategoricalHinge", "categorical_hinge", "CategoricalHinge"),
          ofLoss("BinaryCrossentropy", "binary_crossentropy", "BinaryCrossentropy",
                 {fromLogits(), labelSmoothing()}),
          ofLoss("CategoricalCrossentropy", "categorical_crossentropy", "CategoricalCrossentropy",
                 {fromLogits(), labelSmoothing(), axis()}),
          ofLoss("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy",
                 "SparseCategoricalCrossentropy",
                 {fromLogits(), optionalCount("ignore_class", -kMaxExtent), axis()}, classes),
          plain("MeanMetricWrapper", nullptr, Targets::Any, nullptr),
          {"RootMeanSquaredError",
           "root_mean_squared_error",
           same,
           squaredElements,
           nullptr,
           rootOfMean,
           {}}};
}

std::vector<MetricKind> sumKinds() {
  constexpr Targets same = Targets::Same;
  Parameters precision = {thresholds(), optionalCount("top_k", 1), optionalCount("class_id", 0)};
  Parameters auc = {
      numThresholds(2),
      choice("curve", "ROC", {"ROC", "PR", "PRGAIN"}),
      choice("summation_method", "interpolation", {"interpolation", "minoring", "majoring"}),
      thresholds(),
      {"multi_label", P::Truth, false},
      optionalCount("num_labels", 1),
      {"label_weights", P::Numbers, {}},
      fromLogits()};
  Parameters r2 = {choice("class_aggregation", "uniform_average",
                          {"uniform_average", "variance_weighted_average"}),
                   {"num_regressors", P::Integer, int64_t(0), 0, kMaxExtent}};
  return {count("TruePositives"),
          count("TrueNegatives"),
          count("FalsePositives"),
          count("FalseNegatives"),
          {"Precision", nullptr, same, nullptr, confusionCounts, precisionResult, precision},
          {"Recall", nullptr, same, nullptr, confusionCounts, recallResult, precision},
          at("SensitivityAtSpecificity", "specificity"),
          at("SpecificityAtSensitivity", "sensitivity"),
          at("PrecisionAtRecall", "recall"),
          at("RecallAtPrecision", "precision"),
          {"AUC", nullptr, same, nullptr, confusionCurve, aucResult, auc},
          {"F1Score", "f1_score", same, nullptr, fBetaSums, fBetaResult, fScore(/*hasBeta=*/false)},
          {"FBetaScore", "fbeta_score", same, nullptr, fBetaSums, fBetaResult, fScore(true)},
          overlap("IoU", /*hasTargets=*/true, /*isOneHot=*/false),
          overlap("MeanIoU", false, false),
          overlap("OneHotIoU", true, true),
          overlap("OneHotMeanIoU", false, true),
          {"BinaryIoU",
           nullptr,
           same,
           nullptr,
           iouSums,
           iouResult,
           {{"target_class_ids", P::Integers, std::vector<int64_t>{0, 1}, 0, 1},
            {"threshold", P::Number, 0.5},
            {.name = "dtype", .type = P::Text, .choices = {"int", "int32", "int64", "float32"}}}},
          {"R2Score", "r2_score", same, nullptr, r2Sums, r2Result, r2}};
}

const std::vector<MetricKind> &metricKinds() {
  static const std::vector<MetricKind> table = [] {
    std::vector<MetricKind> all = meanKinds();
    for (MetricKind &kind : sumKinds())
      all.push_back(std::move(kind));
    return all;
  }();
  return table;
}

/// A class by its name in either spelling; the wrapper of losses has none.
const MetricKind *findName(llvm::StringRef name) {
  for (const MetricKind &kind : metricKinds())
    if ((name == kind.className || name == snakeCase(kind.className)) &&
        llvm::StringRef(kind.className) != "MeanMetricWrapper")
      return &kind;
  return findShortName(metricKinds(), name);
}

std::vector<std::string> knownNames() {
  std::vector<std::string> names = {"accuracy"};
  for (const MetricKind &kind : metricKinds())
    if (std::string name = snakeCase(kind.className); findName(name) && name != "accuracy")
      names.push_back(name);
  appendShortNames(names);
  return names;
}

/// The class with its arguments, of which "name" and, but where it matters, "dtype" are none of a
/// table's.
void completeMetric(Metric &metric, const MetricKind &kind, const Arguments &config) {
  Arguments rest;
  metric.className = kind.className;
  std::string who = std::string("metric ") + kind.className;
  bool hasDtype = llvm::any_of(kind.parameters, [](const P &parameter) {
    return llvm::StringRef(parameter.name) == "dtype";
  });
  for (const auto &[key, value] : config) {
    const auto *given = std::get_if<std::string>(&value);
    if (key == "name" && given && !given->empty())
      metric.name = *given;
    else if (key == "dtype" && !hasDtype && given && *given != "float32")
      throw Error(who + ": dtype must be float32, got " + *given);
    else if (key != "name" && (key != "dtype" || hasDtype))
      rest.emplace_back(key, value);
  }
  metric.config = complete(who, kind.parameters, rest);
  checkName("metric", metric.name);
}

[[noreturn]] void refuse(const Metric &metric, const std::string &why) {
  throw Error("metric " + metric.name + (metric.isNamed ? "" : " (" + metric.className + ")") +
              ": " + why);
}

bool has(const Metric &metric, llvm::StringRef parameter) {
  return llvm::any_of(metric.config, [&](const auto &entry) { return entry.first == parameter; });
}

/// What only makes one number for some arguments.
void checkNumbers(const Metric &metric, const Shape &shape) {
  if (has(metric, "thresholds") && metric.className != "AUC")
    if (size_t count = numbers(metric.config, "thresholds").size(); count > 1)
      refuse(metric, "it has one value for each of " + std::to_string(count) +
                         " thresholds, History has one number; make one metric a threshold");
  if (has(metric, "average") && isNone(metric.config, "average") && shape.back() != 1)
    refuse(metric, "it has one value a class, History has one number; choose an average: "
                   "\"micro\", \"macro\" or \"weighted\"");
}

/// Classes that arguments name must be there.
void checkClasses(const Metric &metric, const Shape &shape, const std::string &where) {
  int64_t last = shape.empty() ? 1 : shape.back();
  for (const char *key : {"class_id", "top_k"}) {
    std::optional<int64_t> given;
    if (has(metric, key))
      given = optionalInteger(metric.config, key);
    if (!given)
      continue;
    if (shape.size() < 2 || last == None)
      refuse(metric, std::string(key) + " needs an output of shape (batch, classes), got " + where);
    if (*given > (key == llvm::StringRef("top_k") ? last : last - 1))
      refuse(metric, std::string(key) + " " + std::to_string(*given) +
                         " is beyond the last dimension of " + where);
  }
  if (has(metric, "target_class_ids") && has(metric, "num_classes"))
    for (int64_t id : integers(metric.config, "target_class_ids"))
      if (id >= integer(metric.config, "num_classes"))
        refuse(metric, "target class " + std::to_string(id) + " is not below num_classes");
}

void checkShape(const Metric &metric, const Shape &shape, const std::string &where) {
  llvm::StringRef name = metric.className;
  auto rank = static_cast<int64_t>(shape.size());
  int64_t last = rank ? shape.back() : 1;
  bool isMatrix = name == "F1Score" || name == "FBetaScore" || name == "R2Score" ||
                  (name == "AUC" && truth(metric.config, "multi_label"));
  if (isMatrix && (rank != 2 || last == None))
    refuse(metric, "expected an output of shape (batch, classes), got " + where);
  if (has(metric, "axis"))
    if (int64_t axis = integer(metric.config, "axis"); axis < -rank || axis >= rank)
      refuse(metric, "axis " + std::to_string(axis) + " is none of " + where);
  if (has(metric, "label_weights"))
    if (auto count = static_cast<int64_t>(numbers(metric.config, "label_weights").size());
        count > 0 && count != last)
      refuse(metric, "it has " + std::to_string(count) + " label weights for " + where);
  checkClasses(metric, shape, where);
}

} // namespace

/// Class numbers of targets and predictions must be as many.
static void checkOverlap(const Metric &metric, Targets targets, const std::string &where) {
  if (kindOf(metric).sums != iouSums || metric.className == "BinaryIoU")
    return;
  bool isOneHot = llvm::StringRef(metric.className).starts_with("OneHot");
  bool hasClassAxis = targets == Targets::Same; // of the targets, unless they are class numbers
  bool areTargetsReduced = isOneHot || !truth(metric.config, "sparse_y_true");
  bool areOutputsReduced = !truth(metric.config, "sparse_y_pred");
  if (!hasClassAxis && areTargetsReduced)
    refuse(metric, "the targets of " + where + " are class numbers; set sparseYTrue = true");
  if ((areTargetsReduced || !hasClassAxis) != areOutputsReduced)
    refuse(metric,
           areOutputsReduced
               ? "the targets of " + where + " have a class dimension; set sparseYTrue = false"
               : where + " has a class dimension, the targets none; set sparseYPred = false");
}

const MetricKind &kindOf(const Metric &metric) {
  if (const MetricKind *kind = findClass(metricKinds(), metric.className))
    return *kind;
  throw Error("compile: " + unknownName("metric", metric.className, knownNames()));
}

Metric resolveMetric(const Metric &metric, const Loss &loss, const Shape &shape) {
  if (!metric.className.empty())
    return metric;
  bool isBinary = !shape.empty() && shape.back() == 1;
  Metric resolved = Metric::object(isBinary                           ? "BinaryAccuracy"
                                   : targetsOf(loss) != Targets::Same ? "SparseCategoricalAccuracy"
                                                                      : "CategoricalAccuracy");
  resolved.name = metric.name;
  resolved.isNamed = true;
  return resolved;
}

void checkMetric(const Metric &metric, const Loss &loss, const Shape &shape,
                 const std::string &where) {
  Targets wanted = metric.loss.empty() ? kindOf(metric).targets : targetsOf(metric.loss[0]);
  Targets given = targetsOf(loss);
  if (wanted != given && wanted != Targets::Any) {
    auto describe = [](Targets targets) {
      return targets == Targets::Same      ? "targets of the output's shape"
             : targets == Targets::Classes ? "class indices"
                                           : "sequences of labels";
    };
    throw Error("metric " + metric.name + " wants " + describe(wanted) + ", loss " + loss.name +
                " of " + where + " takes " + describe(given) +
                "; use \"accuracy\", which follows the loss");
  }
  if (!metric.loss.empty())
    checkLoss(metric.loss[0], shape, where);
  checkOverlap(metric, given, where);
  checkShape(metric, shape, where);
  checkNumbers(metric, shape);
}

Json toJson(const Metric &metric) {
  if (metric.isNamed)
    return metric.name;
  Json config = {{"name", metric.name}};
  config.update(toJson(metric.config));
  Json json = {{"class_name", metric.className}, {"config", config}};
  if (!metric.loss.empty())
    json["config"]["fn"] = toJson(metric.loss[0]);
  return json;
}

Metric metricFromJson(const Json &json) {
  if (json.is_string())
    return Metric(json.get<std::string>());
  const Json &config = json.at("config");
  auto className = json.at("class_name").get<std::string>();
  if (className == "MeanMetricWrapper")
    return metrics::MeanMetricWrapper(lossFromJson(config.at("fn")),
                                      {.name = config.at("name").get<std::string>()});
  Arguments arguments;
  for (const auto &[key, value] : config.items())
    arguments.emplace_back(key, argumentFromJson(value, key));
  return Metric::object(className, arguments);
}

} // namespace detail

using namespace detail;

Metric::Metric(const char *name) : Metric(std::string(name)) {}

Metric::Metric(const std::string &name) : name(name), isNamed(true) {
  std::string lower = llvm::StringRef(name).lower();
  if (lower == "accuracy" || lower == "acc")
    return;
  const MetricKind *kind = findName(name);
  if (!kind)
    throw Error(unknownName("metric", name, knownNames()));
  completeMetric(*this, *kind, {});
}

Metric::Metric(const Loss &loss) : name(loss.name), className("MeanMetricWrapper"), loss{loss} {
  if (loss.className.empty())
    throw Error("metric " + name +
                ": name one cross-entropy, such as \"categorical_crossentropy\"");
}

Metric Metric::object(const std::string &className, const Arguments &config) {
  const MetricKind *kind = findClass(metricKinds(), className);
  if (!kind || className == "MeanMetricWrapper")
    throw Error(unknownName("metric", className, knownNames()));
  Metric metric;
  completeMetric(metric, *kind, config);
  if (metric.name.empty())
    metric.name = kind->name ? kind->name : automaticName(className);
  return metric;
}

Metrics::Metrics(std::initializer_list<Metric> metrics) : Metrics(std::vector<Metric>(metrics)) {}

Metrics::Metrics(const std::vector<Metric> &metrics) {
  for (const Metric &metric : metrics)
    each.push_back({metric});
}

Metrics::Metrics(const std::vector<std::string> &names) {
  for (const std::string &name : names)
    each.push_back({Metric(name)});
}

} // namespace ingot::keras
