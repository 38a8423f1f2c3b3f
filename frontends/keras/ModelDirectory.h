// A saved model as a graph module: for `ingot compile MODEL_DIR` and whoever compiles saved models.
// The directory's format is in docs/Artifact.md.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>

namespace ingot::keras {

/// Reads `path`, a model directory or one of its versions, or a file of Keras's, into a module with
/// `predict` and `initialize` (and `evaluate` and `train_step`, when `withTraining` and the model
/// was saved compiled), the weights being its variables' values. `recompute` makes its train_step
/// with TrainStepOptions::recompute, whatever it was compiled with. On failure reports every error
/// to the context's diagnostic handlers and returns null. Throws nothing.
mlir::OwningOpRef<mlir::ModuleOp> loadModelDirectory(const std::string &path,
                                                     mlir::MLIRContext *context,
                                                     bool withTraining = false,
                                                     bool recompute = false);

} // namespace ingot::keras
