// Training of a module that another frontend made: an imported ONNX model is fine-tuned with
// Keras's losses and optimizers.
//
// Invariant: `predict` stays as it is; `evaluate`, `train_step` and `initialize` work on the same
// variables, whose values are the weights that training starts from. Called by the command line
// and by tests.
#pragma once
#include "frontends/keras/Model.h"
#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace ingot::keras {

struct TrainModuleOptions {
  Loss loss = "mse"; ///< of a cross-entropy `isLogits` stands for its fromLogits
  /// Whether a cross-entropy takes the output as logits. None: unless a softmax (of
  /// binary_crossentropy: a sigmoid) makes it.
  std::optional<bool> isLogits;
  Optimizer optimizer = "adam";
  std::vector<Metric> metrics;
  std::string output; ///< which of `predict`'s outputs the loss is of; empty: the only one
  /// Patterns (`*`, `?`, `[a-z]`) of variables' names. Trained are those that a pattern of
  /// `trainable` matches (without one: all) and none of `freeze`. Statistics of batch
  /// normalisation are never trained.
  std::vector<std::string> trainable, freeze;
  /// train_step normalises by each batch's own statistics and moves the stored ones towards them;
  /// this is the share of the old that is kept. None: the stored ones serve, as in inference.
  std::optional<double> batchNormMomentum;
  bool recompute = false; ///< TrainStepOptions::recompute
};

/// What was made, to be told.
struct TrainModuleReport {
  std::string output;               ///< the one that the loss is of
  std::string meaning;              ///< "logits", "probabilities" or, for other losses, "values"
  std::vector<std::string> trained; ///< variables, in their order
  std::vector<std::string> kept;    ///< the other ones that `predict` reads
};

/// Adds `evaluate` (loss and metrics), `train_step`, `metrics` where a metric needs it, and
/// `initialize` (optimizer state, learning rate and step; the weights stay) to a module with
/// `predict`. Their inputs are those of `predict` and `target` (`target_` where an input is called
/// so), of the type that the loss wants. On failure all that is wrong went to the context's
/// diagnostic handlers, at its node where there is one.
mlir::FailureOr<TrainModuleReport> addTraining(mlir::ModuleOp module,
                                               const TrainModuleOptions &options);

} // namespace ingot::keras
