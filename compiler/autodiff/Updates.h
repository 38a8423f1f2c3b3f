// From gradients to the values that a training step assigns: what Keras's base optimizer does
// around an update rule, in its order: unscale, accumulate, clip, decay and update, average,
// constrain, count. Internal to compiler/autodiff; called by buildTrainStep.
#pragma once
#include "compiler/autodiff/Differentiate.h"
#include "compiler/autodiff/Optimizer.h"

namespace ingot {

inline constexpr llvm::StringLiteral kLearningRate = "learning_rate", kStep = "step",
                                     kAverage = "average";

/// A trained variable.
struct Parameter {
  std::string name;
  mlir::Location loc;
  mlir::Value value;    // when the step starts
  mlir::Value gradient; // null: the loss does not depend on it
};

/// The variables that optimizerVariables lists, by name.
class VariableAccess {
public:
  virtual ~VariableAccess() = default;
  /// The value when the step starts.
  virtual mlir::Value read(mlir::OpBuilder &b, llvm::StringRef name) = 0;
  /// The value when the step ends.
  virtual void write(llvm::StringRef name, mlir::Value value) = 0;
};

/// The loss as it is differentiated: multiplied by the loss scale, if there is one.
mlir::Value scaleLoss(mlir::OpBuilder &b, mlir::Value loss, const OptimizerSpec &spec,
                      VariableAccess &variables);

/// Whether a step keeps this variable: a parameter without a gradient has its average alone.
bool isKept(const OptimizerVariable &variable, llvm::ArrayRef<Parameter> parameters);

void emitUpdates(mlir::OpBuilder &b, mlir::Location loc, const OptimizerSpec &spec,
                 const TrainStepOptions &options, llvm::ArrayRef<Parameter> parameters,
                 VariableAccess &variables);

} // namespace ingot
