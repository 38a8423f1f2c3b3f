// The formulas of the optimizers, as Keras 3 and PyTorch compute them; see Optimizer.h.
//
// The order of operations follows the frameworks' sources, because training curves are compared
// with theirs step by step.
#include "compiler/autodiff/Optimizer.h"
#include <cmath>

using namespace mlir;

namespace ingot {

using graph::Expr;
using State = llvm::MutableArrayRef<Value>;

llvm::SmallVector<llvm::StringRef> Optimizer::slots() const {
  switch (spec.kind) {
  case OptimizerSpec::Kind::SGD:
    if (spec.momentum == 0)
      return {};
    return {"momentum"};
  case OptimizerSpec::Kind::Adam:
  case OptimizerSpec::Kind::AdamW:
    return {"momentum", "velocity"};
  case OptimizerSpec::Kind::RMSprop:
    if (spec.momentum == 0)
      return {"velocity"};
    return {"velocity", "momentum"};
  }
  llvm_unreachable("unknown optimizer");
}

Value Optimizer::update(OpBuilder &b, Location loc, Value parameter, Value gradient,
                        State state) const {
  Expr p(b, loc, parameter), g(b, loc, gradient);
  Expr lr = p.with(graph::cast(b, loc, learningRate, graph::elementType(parameter)));
  if (spec.weightDecay != 0) {
    bool decoupled = !spec.pytorch || spec.kind == OptimizerSpec::Kind::AdamW;
    if (!decoupled)
      g = g + p * spec.weightDecay;
    else if (spec.pytorch)
      p = p * (1.0 - lr * spec.weightDecay);
    else
      p = p - p * spec.weightDecay * lr;
  }
  switch (spec.kind) {
  case OptimizerSpec::Kind::SGD:
    return sgd(p, g, lr, state);
  case OptimizerSpec::Kind::Adam:
  case OptimizerSpec::Kind::AdamW:
    return adam(p, g, lr, state);
  case OptimizerSpec::Kind::RMSprop:
    return rmsprop(p, g, lr, state);
  }
  llvm_unreachable("unknown optimizer");
}

Expr Optimizer::sgd(Expr p, Expr g, Expr lr, State state) const {
  if (spec.momentum == 0)
    return p - g * lr;
  Expr m = p.with(state[0]) * spec.momentum;
  if (spec.pytorch) {
    m = m + g;
    state[0] = m;
    return p - (spec.nesterov ? g + m * spec.momentum : m) * lr;
  }
  Expr scaled = g * lr;
  m = m - scaled;
  state[0] = m;
  return p + (spec.nesterov ? m * spec.momentum - scaled : m);
}

/// beta^t for the step now made (t = 1 for the first), as an f64 scalar.
Expr Optimizer::betaPower(Expr at, double beta) const {
  Type f64 = Float64Type::get(step.getContext());
  Expr t = at.with(graph::cast(*at.b, at.loc, step, f64)) + 1.0;
  return exp(t * std::log(beta));
}

Expr Optimizer::adam(Expr p, Expr g, Expr lr, State state) const {
  Type element = graph::elementType(p), f64 = Float64Type::get(p.loc.getContext());
  auto to = [&](Expr x, Type type) { return x.with(graph::cast(*x.b, x.loc, x, type)); };
  Expr m = p.with(state[0]), v = p.with(state[1]);
  if (spec.pytorch) {
    m = m + (g - m) * (1 - spec.beta1);
    v = v * spec.beta2 + g * g * (1 - spec.beta2);
    state[0] = m;
    state[1] = v;
    Expr stepSize = to(to(lr, f64) / (1.0 - betaPower(p, spec.beta1)), element);
    Expr root2 = to(sqrt(1.0 - betaPower(p, spec.beta2)), element);
    return p - m / (sqrt(v) / root2 + spec.epsilon) * stepSize;
  }
  // Keras raises the element type's beta and rounds the power to the element type before 1 - it.
  auto power = [&](double beta) {
    double rounded = reference::roundTo(element, reference::Number::real(beta)).f;
    return to(betaPower(p, rounded), element);
  };
  Expr alpha = lr * sqrt(1.0 - power(spec.beta2)) / (1.0 - power(spec.beta1));
  m = m + (g - m) * (1 - spec.beta1);
  v = v + (g * g - v) * (1 - spec.beta2);
  state[0] = m;
  state[1] = v;
  return p - m * alpha / (sqrt(v) + spec.epsilon);
}

Expr Optimizer::rmsprop(Expr p, Expr g, Expr lr, State state) const {
  Expr v = p.with(state[0]) * spec.rho + g * g * (1 - spec.rho);
  state[0] = v;
  if (spec.pytorch) {
    Expr scaled = g / (sqrt(v) + spec.epsilon);
    if (spec.momentum != 0) {
      scaled = p.with(state[1]) * spec.momentum + scaled;
      state[1] = scaled;
    }
    return p - scaled * lr;
  }
  Expr increment = lr * g / sqrt(v + spec.epsilon);
  if (spec.momentum != 0) {
    increment = p.with(state[1]) * spec.momentum + increment;
    state[1] = increment;
  }
  return p - increment;
}

} // namespace ingot
