// Inverse trigonometric and hyperbolic functions: formulas that are accurate over the whole range,
// near 0 and where an exponential would overflow too.
#include "frontends/onnx/ops/Rules.h"
#include <cmath>

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

Expr atan2(Expr y, Expr x) { return graph::binary<graph::Atan2Op>(y, x); }
Expr log1p(Expr x) { return x.unary<graph::Log1pOp>(); }
Expr expm1(Expr x) { return x.unary<graph::Expm1Op>(); }
/// The magnitude with x's sign, for odd functions.
Expr withSignOf(Expr x, Expr magnitude) {
  Expr isNegative = graph::compare(Predicate::LT, x, x.number(0));
  Expr isZero = graph::compare(Predicate::EQ, x, x.number(0));
  return graph::select(isZero, x, graph::select(isNegative, -magnitude, magnitude));
}
Expr isAbove(Expr x, double limit) { return graph::compare(Predicate::GT, x, x.number(limit)); }
/// A number beside whose square 1 is nothing in x's type, and which can still be squared.
double largeOf(Expr x) {
  Type element = graph::elementType(x);
  return element.isF16() ? 100 : element.isF64() ? 1e9 : 1e4;
}
/// exp(|x|) where it overflows before half of it does, as the square of this.
Expr halfPower(Expr magnitude) { return graph::exp(magnitude * 0.5); }

/// sqrt(1 - x²) without cancellation.
Expr cosineOfAsin(Expr x) { return graph::sqrt((1.0 - x) * (1.0 + x)); }

} // namespace

void acos(Node &node) {
  Expr x = node.expr(0);
  node.set(0, atan2(cosineOfAsin(x), x));
}
void asin(Node &node) {
  Expr x = node.expr(0);
  node.set(0, atan2(x, cosineOfAsin(x)));
}
void atan(Node &node) {
  Expr x = node.expr(0);
  node.set(0, atan2(x, x.number(1)));
}

void acosh(Node &node) {
  Expr x = node.expr(0), isLarge = isAbove(x, largeOf(x));
  Expr t = graph::select(isLarge, x.number(1), x) - 1.0;
  Expr near = log1p(t + graph::sqrt(t * (t + 2.0)));
  node.set(0, graph::select(isLarge, graph::log(x) + std::log(2.0), near));
}
void asinh(Node &node) {
  Expr x = node.expr(0), magnitude = graph::abs(x), isLarge = isAbove(magnitude, largeOf(x));
  Expr t = graph::select(isLarge, x.number(1), magnitude), square = t * t;
  Expr near = log1p(t + square / (graph::sqrt(square + 1.0) + 1.0));
  Expr far = graph::log(magnitude) + std::log(2.0);
  node.set(0, withSignOf(x, graph::select(isLarge, far, near)));
}
void atanh(Node &node) {
  Expr x = node.expr(0), magnitude = graph::abs(x);
  node.set(0, withSignOf(x, 0.5 * log1p(2.0 * magnitude / (1.0 - magnitude))));
}

void cosh(Node &node) {
  Expr h = halfPower(graph::abs(node.expr(0)));
  node.set(0, 0.5 * h * h + 0.5 / h / h);
}
void sinh(Node &node) {
  Expr x = node.expr(0), magnitude = graph::abs(x), isLarge = isAbove(magnitude, 8);
  Expr t = expm1(graph::select(isLarge, x.number(1), magnitude)), h = halfPower(magnitude);
  Expr far = 0.5 * h * h - 0.5 / h / h;
  node.set(0, withSignOf(x, graph::select(isLarge, far, 0.5 * (t + t / (t + 1.0)))));
}

} // namespace ingot::onnx
