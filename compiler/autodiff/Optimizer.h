// Update rules as graph ops: one parameter's update, in the exact formula of the framework asked
// for. Internal to compiler/autodiff; called by Updates.
#pragma once
#include "compiler/autodiff/OptimizerSpec.h"
#include "ir/Elementwise.h"

namespace ingot {

/// What a rule keeps from step to step: "momentum".
struct Slot {
  llvm::StringRef name;
  double initial = 0;
};
/// Slots of each parameter. Keras makes those of a group together, parameter by parameter, and one
/// group after the other.
using SlotGroups = std::vector<std::vector<Slot>>;

class Optimizer {
public:
  using State = llvm::MutableArrayRef<mlir::Value>;

  /// `learningRate` is an f32 scalar, `updates` an si64 scalar: the number of updates done before
  /// this one.
  Optimizer(const OptimizerSpec &spec, mlir::Value learningRate, mlir::Value updates)
      : spec(spec), learningRate(learningRate), updates(updates) {}

  static SlotGroups slotGroups(const OptimizerSpec &spec);
  /// The groups' slots one after another: what `update` takes as state.
  static std::vector<Slot> slots(const OptimizerSpec &spec);
  /// What is kept once for all parameters, f32 scalars.
  static std::vector<Slot> sharedSlots(const OptimizerSpec &spec);

  /// Once a step, before any update: puts new values into the shared state.
  void begin(mlir::OpBuilder &b, mlir::Location loc, State shared);
  /// Returns the new value of the parameter of this name and puts new values into `state`, one a
  /// slot.
  mlir::Value update(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                     mlir::Value parameter, mlir::Value gradient, State state) const;

private:
  using Expr = graph::Expr;
  struct Rule;
  static const Rule &ruleOf(const OptimizerSpec &spec);

  Expr sgd(Expr p, Expr g, Expr lr, State state) const;
  Expr adam(Expr p, Expr g, Expr lr, State state) const;
  Expr adamOfPyTorch(Expr p, Expr g, Expr lr, State state) const;
  Expr rmsprop(Expr p, Expr g, Expr lr, State state) const;
  Expr rmspropOfPyTorch(Expr p, Expr g, Expr lr, State state) const;
  Expr adagrad(Expr p, Expr g, Expr lr, State state) const;
  Expr adadelta(Expr p, Expr g, Expr lr, State state) const;
  Expr adamax(Expr p, Expr g, Expr lr, State state) const;
  Expr nadam(Expr p, Expr g, Expr lr, State state) const;
  Expr lion(Expr p, Expr g, Expr lr, State state) const;
  Expr ftrl(Expr p, Expr g, Expr lr, State state) const;

  bool decays(llvm::StringRef name) const;
  Expr powerInF64(Expr at, double base, double later = 0) const;
  Expr power(Expr at, double base, double later = 0) const;
  Expr warmedBeta(Expr at, double later) const;

  const OptimizerSpec &spec;
  mlir::Value learningRate, updates;
  mlir::Value momentumProduct; // Nadam's shared state
};

} // namespace ingot
