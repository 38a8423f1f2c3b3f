// Reverse-mode differentiation as a graph transform, and the training step made of it.
#pragma once
#include "compiler/autodiff/OptimizerSpec.h"
#include "ir/Graph.h"

namespace ingot {

/// Appends to `function`, before its terminator, the gradients of the scalar `loss` with respect to
/// each of `targets` (values of the function: arguments, reads of variables, any intermediate).
/// Returns one value a target, a zero where the loss does not depend on it. Reports every op
/// without a gradient on the way, by layer, and fails then. Goes through graph.if and graph.scan.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
differentiate(mlir::func::FuncOp function, mlir::Value loss, llvm::ArrayRef<mlir::Value> targets);

/// The same for a tensor `y` of any shape, the sum of whose elements is differentiated; y and
/// targets are of the block where `b` stands, and that is where the gradients are put. Composites
/// on the way are replaced by their formulas.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
differentiateAt(mlir::OpBuilder &b, mlir::Value y, llvm::ArrayRef<mlir::Value> targets);

struct TrainStepOptions {
  /// Computes cheap forward values again in the backward pass where that leaves less to keep
  /// between the two. The results stay the same bit for bit.
  bool recompute = false;
  /// What becomes of a trained variable's new value before it is assigned (Keras's constraints):
  /// called with the variable's name and that value. Empty: nothing.
  std::function<mlir::Value(mlir::OpBuilder &, mlir::Location, llvm::StringRef, mlir::Value)>
      constrain = {};
};

/// Adds the public function `train_step` to the module: `lossFunction` (results: scalar loss, then
/// metrics), its gradients for all variables of role "trainable" that it reads, and the optimizer's
/// updates; declares the optimizer's variables ("optimizer/dense/kernel/momentum", role
/// "optimizer") and the control variables it lacks; `initialize` (made if there is none) sets them.
/// Every assignment, those of the loss function included, comes after all computations, so that a
/// step that fails leaves the state as it was. Increments `step`. With averages of the weights
/// there is also `finalize`, which makes them the weights: what ends a training. The loss function
/// is kept. On failure messages say why and there is no `train_step`.
mlir::LogicalResult buildTrainStep(mlir::ModuleOp module, llvm::StringRef lossFunction,
                                   const OptimizerSpec &optimizer,
                                   const TrainStepOptions &options = {});

} // namespace ingot
