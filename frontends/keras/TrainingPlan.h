// What compile was given, settled for each output of a model: its loss and that loss's weight, its
// metrics and their names in History.
//
// Invariant: all names of a plan differ; every loss and metric fits its output. Called by Model
// (checks), GraphModule and TrainModule (functions of the plan), ModelJson.
#pragma once
#include "frontends/keras/MetricFormulas.h"
#include "frontends/keras/ModelImpl.h"

namespace ingot::keras::detail {

struct PlannedMetric {
  Metric metric;
  std::string key; ///< in History: "scores_accuracy_1"
  bool isWeighted; ///< one of weightedMetrics
};

struct OutputPlan {
  std::string name;
  Loss loss;
  double weight = 1;
  std::vector<PlannedMetric> metrics;
};

struct TrainingPlan {
  std::vector<OutputPlan> outputs;
};

/// Throws where losses, weights or metrics do not fit outputs of these names and shapes.
TrainingPlan planTraining(const CompileOptions &options, const std::vector<std::string> &names,
                          const std::vector<Shape> &shapes);
TrainingPlan planOf(const ModelImpl &model, const CompileOptions &options);

/// The targets that a loss takes for an output of these dimensions.
mlir::RankedTensorType targetType(const OutputPlan &output, llvm::ArrayRef<Dim> dims,
                                  mlir::MLIRContext *context);

/// A metric that is accumulated, and the results that are its sums.
struct StreamedMetric {
  PlannedMetric metric;
  std::vector<std::string> variables; ///< "true_positives"
  llvm::SmallVector<mlir::Type> types;
  /// The result's name: "auc/true_positives".
  std::string sumName(size_t i) const { return metric.key + "/" + variables[i]; }
};

/// What train_step and evaluate return: the loss, each output's where there are several, metrics
/// that are means over the batch, and sums.
struct TrainingResults {
  llvm::SmallVector<mlir::Value> values;
  std::vector<std::string> names;
  std::vector<StreamedMetric> streamed;
};
/// What a function with losses works on, one value an output.
struct TrainingValues {
  mlir::ValueRange outputs; ///< what losses are of
  mlir::ValueRange
      judged; ///< what metrics are of: the same, or probabilities where those are logits
  mlir::ValueRange targets;
  mlir::ValueRange weights = {}; ///< f32 (batch), or none at all
};
TrainingResults emitTraining(Emitter &emitter, const TrainingPlan &plan,
                             const TrainingValues &values);
/// The function `metrics`: accumulated sums, by the names of the results that they are sums of, to
/// the metrics by their names. Nothing where no metric is streamed.
void addMetricsFunction(mlir::ModuleOp module, const std::vector<StreamedMetric> &streamed);

} // namespace ingot::keras::detail
