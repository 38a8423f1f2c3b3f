// One step of an optimizer as an operator: ai.onnx.preview.training. Inputs are the learning rate
// R, the count of updates T, then all tensors X, all their gradients G and all of each state;
// outputs are the new X, then the new states.
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

struct Update {
  Expr rate, count; ///< scalars; the count is a float
  Expr x, gradient; ///< with the gradient of the norm's penalty added
  llvm::SmallVector<Expr, 2> state;
};
using Rule = llvm::function_ref<llvm::SmallVector<Value>(const Update &)>;

/// Applies the rule to each tensor; it gives the new tensor and its new states.
void forEachTensor(Node &node, size_t states, Rule rule) {
  size_t inputs = node.numInputs(), roles = 2 + states;
  if (inputs < 2 + roles || (inputs - 2) % roles != 0)
    node.invalid("it has " + llvm::Twine(inputs) + " inputs; R, T and " + llvm::Twine(roles) +
                 " for each tensor are expected");
  size_t tensors = (inputs - 2) / roles;
  double penalty = node.attr("norm_coefficient", 0.0);
  for (size_t t = 0; t < tensors; ++t) {
    auto input = [&](size_t role) { return node.expr(2 + role * tensors + t); };
    Type element = graph::elementType(input(0));
    auto scalar = [&](size_t i) { return node.reshape(node.cast(node.in(i), element), {}); };
    Expr x = input(0);
    Update update{scalar(0), scalar(1), x, input(1) + x * penalty, {}};
    for (size_t s = 0; s < states; ++s)
      update.state.push_back(input(2 + s));
    for (auto [role, value] : llvm::enumerate(rule(update)))
      node.set(role * tensors + t, value);
  }
}

Expr hasBegun(const Update &update) {
  return graph::compare(Predicate::GT, update.count, update.count.number(0));
}

} // namespace

void momentum(Node &node) {
  double alpha = node.attr("alpha", 0.0), beta = node.attr("beta", 1.0);
  bool isNesterov = node.attr("mode", "standard") == "nesterov";
  forEachTensor(node, 1, [&](const Update &u) -> llvm::SmallVector<Value> {
    Expr share = graph::select(hasBegun(u), u.rate.number(beta), u.rate.number(1));
    Expr velocity = u.state[0] * alpha + u.gradient * share;
    Expr direction = isNesterov ? u.gradient + velocity * alpha : velocity;
    return {u.x - direction * u.rate, velocity};
  });
}

void adagrad(Node &node) {
  double decay = node.attr("decay_factor", 0.0), epsilon = node.attr("epsilon", 1e-6);
  forEachTensor(node, 1, [&](const Update &u) -> llvm::SmallVector<Value> {
    Expr rate = u.rate / (u.count * decay + 1.0);
    Expr squares = u.state[0] + u.gradient * u.gradient;
    return {u.x - u.gradient * rate / (graph::sqrt(squares) + epsilon), squares};
  });
}

void adam(Node &node) {
  double alpha = node.attr("alpha", 0.9), beta = node.attr("beta", 0.999),
         epsilon = node.attr("epsilon", 1e-6), decay = node.attr("norm_coefficient_post", 0.0);
  forEachTensor(node, 2, [&](const Update &u) -> llvm::SmallVector<Value> {
    Expr mean = u.state[0] * alpha + u.gradient * (1 - alpha);
    Expr squares = u.state[1] * beta + u.gradient * u.gradient * (1 - beta);
    auto power = [&](double base) {
      return node.binary<graph::PowOp>(u.count.number(base), u.count);
    };
    Expr corrected = u.rate * graph::sqrt(1.0 - power(beta)) / (1.0 - power(alpha));
    Expr rate = graph::select(hasBegun(u), corrected, u.rate);
    Expr x = u.x - mean / (graph::sqrt(squares) + epsilon) * rate;
    return {x * (1 - decay), mean, squares};
  });
}

} // namespace ingot::onnx
