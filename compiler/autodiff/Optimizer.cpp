// The formulas of the optimizers, as Keras 3 and PyTorch compute them; see Optimizer.h.
//
// The order of operations follows the frameworks' sources, because training curves are compared
// with theirs step by step. Keras subtracts from 1 in f64 where it writes `1 - self.beta_1`, and in
// the parameter's type where it has cast the beta before.
#include "compiler/autodiff/Optimizer.h"
#include "ir/reference/Tensor.h"
#include <cmath>

using namespace mlir;

namespace ingot {

using graph::Expr;
using Kind = OptimizerSpec::Kind;

//===----------------------------------------------------------------------===//
// The table of rules

struct Optimizer::Rule {
  Kind kind;
  SlotGroups (*slots)(const OptimizerSpec &);
  Expr (Optimizer::*keras)(Expr p, Expr g, Expr lr, State state) const;
  Expr (Optimizer::*pytorch)(Expr p, Expr g, Expr lr, State state) const; // null: as Keras
};

namespace {

SlotGroups momentumSlot(const OptimizerSpec &spec) {
  return spec.momentum != 0 ? SlotGroups{{{"momentum"}}} : SlotGroups{};
}
SlotGroups adamSlots(const OptimizerSpec &spec) {
  SlotGroups groups = {{{"momentum"}, {"velocity"}}};
  if (spec.amsgrad)
    groups.push_back({{"velocity_hat"}});
  return groups;
}
SlotGroups rmspropSlots(const OptimizerSpec &spec) {
  SlotGroups groups = {{{"velocity"}}};
  if (spec.momentum != 0)
    groups.push_back({{"momentum"}});
  if (spec.centered)
    groups.push_back({{"average_gradient"}});
  return groups;
}
SlotGroups adagradSlots(const OptimizerSpec &spec) {
  return {{{"accumulator", spec.initialAccumulator}}};
}
SlotGroups adadeltaSlots(const OptimizerSpec &) {
  return {{{"accumulated_grad"}, {"accumulated_delta_var"}}};
}
SlotGroups adamaxSlots(const OptimizerSpec &) { return {{{"momentum"}, {"norm"}}}; }
SlotGroups nadamSlots(const OptimizerSpec &) { return {{{"momentum"}, {"velocity"}}}; }
SlotGroups lionSlots(const OptimizerSpec &) { return {{{"momentum"}}}; }
SlotGroups ftrlSlots(const OptimizerSpec &spec) {
  return {{{"accumulator", spec.initialAccumulator}, {"linear"}}};
}

} // namespace

const Optimizer::Rule &Optimizer::ruleOf(const OptimizerSpec &spec) {
  static const Rule rules[] = {
      {Kind::SGD, momentumSlot, &Optimizer::sgd, nullptr},
      {Kind::Adam, adamSlots, &Optimizer::adam, &Optimizer::adamOfPyTorch},
      {Kind::AdamW, adamSlots, &Optimizer::adam, &Optimizer::adamOfPyTorch},
      {Kind::RMSprop, rmspropSlots, &Optimizer::rmsprop, &Optimizer::rmspropOfPyTorch},
      {Kind::Adagrad, adagradSlots, &Optimizer::adagrad, nullptr},
      {Kind::Adadelta, adadeltaSlots, &Optimizer::adadelta, nullptr},
      {Kind::Adamax, adamaxSlots, &Optimizer::adamax, nullptr},
      {Kind::Nadam, nadamSlots, &Optimizer::nadam, nullptr},
      {Kind::Lion, lionSlots, &Optimizer::lion, nullptr},
      {Kind::Ftrl, ftrlSlots, &Optimizer::ftrl, nullptr},
  };
  return *llvm::find_if(rules, [&](const Rule &rule) { return rule.kind == spec.kind; });
}

SlotGroups Optimizer::slotGroups(const OptimizerSpec &spec) { return ruleOf(spec).slots(spec); }

std::vector<Slot> Optimizer::slots(const OptimizerSpec &spec) {
  std::vector<Slot> all;
  for (const std::vector<Slot> &group : slotGroups(spec))
    llvm::append_range(all, group);
  return all;
}

std::vector<Slot> Optimizer::sharedSlots(const OptimizerSpec &spec) {
  return spec.kind == Kind::Nadam ? std::vector<Slot>{{"u_product", 1}} : std::vector<Slot>{};
}

//===----------------------------------------------------------------------===//
// Once a step

void Optimizer::begin(OpBuilder &b, Location loc, State shared) {
  if (shared.empty())
    return;
  Expr product(b, loc, shared[0]);
  product = product * spec.beta1 * (1.0 - power(product, 0.96) * 0.5);
  shared[0] = momentumProduct = product;
}

/// base^t, as an f64 scalar, for the update now made (t = 1 for the first) or one that is `later`.
Expr Optimizer::powerInF64(Expr at, double base, double later) const {
  Type f64 = Float64Type::get(updates.getContext());
  Expr t = castTo(at.with(updates), f64) + (1.0 + later);
  return exp(t * std::log(base));
}

/// What Keras computes: the base and its power rounded to the parameter's type.
Expr Optimizer::power(Expr at, double base, double later) const {
  Type element = graph::elementType(at);
  double rounded = reference::roundTo(element, reference::Number::real(base)).f;
  return castTo(powerInF64(at, rounded, later), element);
}

//===----------------------------------------------------------------------===//
// One parameter's update

bool Optimizer::decays(llvm::StringRef name) const {
  return spec.weightDecay != 0 && llvm::none_of(spec.notDecayed, [&](const std::string &part) {
           return name.contains(part);
         });
}

Value Optimizer::update(OpBuilder &b, Location loc, llvm::StringRef name, Value parameter,
                        Value gradient, State state) const {
  Expr p(b, loc, parameter), g(b, loc, gradient);
  Expr lr = castTo(p.with(learningRate), graph::elementType(parameter));
  if (decays(name)) {
    bool decoupled = !spec.pytorch || spec.kind == Kind::AdamW;
    if (!decoupled)
      g = g + p * spec.weightDecay;
    else if (spec.pytorch)
      p = p * (1.0 - lr * spec.weightDecay);
    else
      p = p - p * spec.weightDecay * lr;
  }
  const Rule &rule = ruleOf(spec);
  return (this->*(spec.pytorch && rule.pytorch ? rule.pytorch : rule.keras))(p, g, lr, state);
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

Expr Optimizer::adam(Expr p, Expr g, Expr lr, State state) const {
  Expr m = p.with(state[0]), v = p.with(state[1]);
  Expr alpha = lr * sqrt(1.0 - power(p, spec.beta2)) / (1.0 - power(p, spec.beta1));
  m = m + (g - m) * (1 - spec.beta1);
  v = v + (g * g - v) * (1 - spec.beta2);
  state[0] = m;
  state[1] = v;
  if (spec.amsgrad) {
    v = max(p.with(state[2]), v);
    state[2] = v;
  }
  return p - m * alpha / (sqrt(v) + spec.epsilon);
}

Expr Optimizer::adamOfPyTorch(Expr p, Expr g, Expr lr, State state) const {
  Type element = graph::elementType(p), f64 = Float64Type::get(p.loc.getContext());
  Expr m = p.with(state[0]), v = p.with(state[1]);
  m = m + (g - m) * (1 - spec.beta1);
  v = v * spec.beta2 + g * g * (1 - spec.beta2);
  state[0] = m;
  state[1] = v;
  Expr stepSize = castTo(castTo(lr, f64) / (1.0 - powerInF64(p, spec.beta1)), element);
  Expr root2 = castTo(sqrt(1.0 - powerInF64(p, spec.beta2)), element);
  return p - m / (sqrt(v) / root2 + spec.epsilon) * stepSize;
}

Expr Optimizer::rmsprop(Expr p, Expr g, Expr lr, State state) const {
  Expr v = p.with(state[0]) * spec.rho + g * g * (1 - spec.rho);
  state[0] = v;
  Expr denominator = v + spec.epsilon;
  if (spec.centered) {
    Value &average = state.back();
    Expr mean = p.with(average) * spec.rho + g * (1 - spec.rho);
    average = mean;
    denominator = v - mean * mean + spec.epsilon;
  }
  Expr increment = lr * g / sqrt(denominator);
  if (spec.momentum != 0) {
    increment = p.with(state[1]) * spec.momentum + increment;
    state[1] = increment;
  }
  return p - increment;
}

Expr Optimizer::rmspropOfPyTorch(Expr p, Expr g, Expr lr, State state) const {
  Expr v = p.with(state[0]) * spec.rho + g * g * (1 - spec.rho);
  state[0] = v;
  Expr scaled = g / (sqrt(v) + spec.epsilon);
  if (spec.momentum != 0) {
    scaled = p.with(state[1]) * spec.momentum + scaled;
    state[1] = scaled;
  }
  return p - scaled * lr;
}

Expr Optimizer::adagrad(Expr p, Expr g, Expr lr, State state) const {
  Expr sum = p.with(state[0]) + g * g;
  state[0] = sum;
  return p - lr * g / sqrt(sum + spec.epsilon);
}

Expr Optimizer::adadelta(Expr p, Expr g, Expr lr, State state) const {
  auto rms = [&](Expr x) { return sqrt(x + spec.epsilon); };
  Expr gradients = p.with(state[0]) * spec.rho + g * g * (1 - spec.rho), deltas = p.with(state[1]);
  Expr delta = -(rms(deltas) * g / rms(gradients));
  state[0] = gradients;
  state[1] = deltas * spec.rho + delta * delta * (1 - spec.rho);
  return p + lr * delta;
}

Expr Optimizer::adamax(Expr p, Expr g, Expr lr, State state) const {
  Expr m = p.with(state[0]);
  m = m + (g - m) * (1 - spec.beta1);
  Expr norm = max(p.with(state[1]) * spec.beta2, abs(g));
  state[0] = m;
  state[1] = norm;
  return p - lr * m / ((1.0 - power(p, spec.beta1)) * (norm + spec.epsilon));
}

/// Nadam's momentum for an update: beta1 with a warm-up.
Expr Optimizer::warmedBeta(Expr at, double later) const {
  return (1.0 - power(at, 0.96, later) * 0.5) * spec.beta1;
}

/// 1 - x where Keras has cast x to the element type before.
static double oneMinus(Expr at, double x) {
  return 1 - reference::roundTo(graph::elementType(at), reference::Number::real(x)).f;
}

Expr Optimizer::nadam(Expr p, Expr g, Expr lr, State state) const {
  Expr u = warmedBeta(p, 0), next = warmedBeta(p, 1);
  Expr product = castTo(p.with(momentumProduct), graph::elementType(p)),
       nextProduct = product * next;
  Expr m = p.with(state[0]), v = p.with(state[1]);
  m = m + (g - m) * oneMinus(p, spec.beta1);
  v = v + (g * g - v) * oneMinus(p, spec.beta2);
  state[0] = m;
  state[1] = v;
  Expr mean = next * m / (1.0 - nextProduct) + (1.0 - u) * g / (1.0 - product);
  Expr variance = v / (1.0 - power(p, spec.beta2));
  return p - mean * lr / (sqrt(variance) + spec.epsilon);
}

Expr Optimizer::lion(Expr p, Expr g, Expr lr, State state) const {
  Expr m = p.with(state[0]);
  state[0] = m * spec.beta2 + g * oneMinus(p, spec.beta2);
  return p - lr * sign(m * spec.beta1 + g * oneMinus(p, spec.beta1));
}

Expr Optimizer::ftrl(Expr p, Expr g, Expr lr, State state) const {
  auto rooted = [&](Expr x) {
    return spec.learningRatePower == -0.5 ? sqrt(x) : pow(x, -spec.learningRatePower);
  };
  Expr before = p.with(state[0]), linear = p.with(state[1]);
  Expr l2 = lr.number(spec.beta) / (lr * 2.0) + spec.l2;
  Expr used = g + p * (2 * spec.l2Shrinkage);
  Expr sum = before + g * g;
  linear = linear + (used - (rooted(sum) - rooted(before)) / lr * p);
  Expr quadratic = rooted(sum) / lr + l2 * 2.0;
  state[0] = sum;
  state[1] = linear;
  return (clamp(linear, -spec.l1, spec.l1) - linear) / quadratic;
}

} // namespace ingot
