// Optimizers as graph ops: one parameter's update, in the exact formula of the framework asked for.
// Internal to compiler/autodiff; called by buildTrainStep.
#pragma once
#include "compiler/autodiff/Differentiate.h"
#include "ir/Builder.h"

namespace ingot {

class Optimizer {
public:
  /// `learningRate` is an f32 scalar, `step` an si64 scalar: the number of steps done before this
  /// one.
  Optimizer(const OptimizerSpec &spec, mlir::Value learningRate, mlir::Value step)
      : spec(spec), learningRate(learningRate), step(step) {}

  /// What is kept from step to step for each parameter, of its type and zero at first:
  /// "momentum", "velocity".
  llvm::SmallVector<llvm::StringRef> slots() const;

  /// Returns the parameter's new value and puts new values into `state`, one a slot.
  mlir::Value update(mlir::OpBuilder &b, mlir::Location loc, mlir::Value parameter,
                     mlir::Value gradient, llvm::MutableArrayRef<mlir::Value> state) const;

private:
  using Expr = graph::Expr;
  Expr sgd(Expr p, Expr g, Expr lr, llvm::MutableArrayRef<mlir::Value> state) const;
  Expr adam(Expr p, Expr g, Expr lr, llvm::MutableArrayRef<mlir::Value> state) const;
  Expr rmsprop(Expr p, Expr g, Expr lr, llvm::MutableArrayRef<mlir::Value> state) const;
  Expr betaPower(Expr at, double beta) const;

  OptimizerSpec spec;
  mlir::Value learningRate, step;
};

} // namespace ingot
