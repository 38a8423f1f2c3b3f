// Activation functions as formulas; constants are the specification's defaults.
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

Expr positive(Expr x) { return graph::compare(Predicate::GT, x, x.number(0)); }
Expr expm1(Expr x) { return x.unary<graph::Expm1Op>(); }
/// max(0, min(1, alpha x + beta))
Expr hardSigmoidOf(Expr x, double alpha, double beta) {
  return graph::max(graph::min(x * alpha + beta, x.number(1)), x.number(0));
}

} // namespace

void elu(Node &node) {
  Expr x = node.expr(0);
  node.set(0, graph::select(positive(x), x, expm1(x) * node.attr("alpha", 1.0)));
}

void celu(Node &node) {
  Expr x = node.expr(0);
  double alpha = node.attr("alpha", 1.0);
  node.set(0, graph::select(positive(x), x, expm1(x / alpha) * alpha));
}

void selu(Node &node) {
  Expr x = node.expr(0);
  double alpha = node.attr("alpha", 1.67326319217681884765625),
         gamma = node.attr("gamma", 1.05070102214813232421875);
  node.set(0, graph::select(positive(x), x, expm1(x) * alpha) * gamma);
}

void gelu(Node &node) {
  bool approximate = node.attr("approximate", "none") == "tanh";
  node.set(0,
           node.make<graph::GeluOp>(
               {node.in(0)}, {node.named("approximate", node.builder().getBoolAttr(approximate))}));
}

void hardSigmoid(Node &node) {
  node.set(0, hardSigmoidOf(node.expr(0), node.attr("alpha", 0.2), node.attr("beta", 0.5)));
}

void hardSwish(Node &node) {
  Expr x = node.expr(0);
  node.set(0, x * hardSigmoidOf(x, 1.0 / 6, 0.5));
}

void mish(Node &node) {
  Expr x = node.expr(0);
  node.set(0, x * graph::tanh(x.unary<graph::SoftplusOp>()));
}

void shrink(Node &node) {
  Expr x = node.expr(0);
  double lambda = node.attr("lambd", 0.5), bias = node.attr("bias", 0.0);
  Expr above = graph::compare(Predicate::GT, x, x.number(lambda));
  Expr below = graph::compare(Predicate::LT, x, x.number(-lambda));
  node.set(0, graph::select(below, x + bias, graph::select(above, x - bias, x.number(0))));
}

void softsign(Node &node) {
  Expr x = node.expr(0);
  node.set(0, x / (graph::abs(x) + 1.0));
}

void swish(Node &node) {
  Expr x = node.expr(0);
  node.set(0, x * graph::sigmoid(x * node.attr("alpha", 1.0)));
}

void swiGlu(Node &node) {
  Expr gate = node.expr(0), x = node.expr(1);
  if (gate.dims() != x.dims())
    node.invalid("its inputs have shapes " + str(gate.dims()) + " and " + str(x.dims()) +
                 "; they must be equal");
  node.set(0, gate * graph::sigmoid(gate * node.attr("alpha", 1.0)) * x);
}

void thresholdedRelu(Node &node) {
  Expr x = node.expr(0);
  Expr above = graph::compare(Predicate::GT, x, x.number(node.attr("alpha", 1.0)));
  node.set(0, graph::select(above, x, x.number(0)));
}

} // namespace ingot::onnx
