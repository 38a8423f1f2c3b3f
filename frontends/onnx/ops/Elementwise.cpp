// Elementwise operators that are more than one graph op, and casts.
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

bool isFloat(Type type) { return llvm::isa<FloatType>(type); }

/// ONNX leaves undefined what floats outside the range of an integer become. Integers below 8 bits
/// take the low bits, as in ml_dtypes.
Expr converted(Node &node, Type to) {
  Value x = node.in(0);
  auto integer = llvm::dyn_cast<IntegerType>(to);
  if (integer && integer.getWidth() > 1 && integer.getWidth() < 8 && isFloat(graph::elementType(x)))
    x = node.cast(x, node.integerType(32));
  if (graph::elementType(x) == to)
    return node.expr(x);
  std::string mode = node.attr("round_mode", "up");
  auto rounding = graph::symbolizeRoundMode(mode);
  if (!rounding)
    node.invalid("attribute `round_mode` is `" + mode + "`; up, down or nearest is expected");
  bool saturate = node.attr("saturate", int64_t(1)) != 0;
  return node.expr(graph::CastOp::create(node.builder(), node.loc, tensorType(dimsOf(x), to), x,
                                         saturate, *rounding));
}

} // namespace

void bitCast(Node &node) {
  Value x = node.in(0);
  Type from = graph::elementType(x), to = node.typeAttr("to", nullptr);
  auto width = [](Type type) { return type.isInteger(1) ? 8 : type.getIntOrFloatBitWidth(); };
  if (!to || width(from) != width(to))
    node.invalid("attribute `to` must name a type of as many bits as its input's");
  node.set(0, graph::BitCastOp::create(node.builder(), node.loc, tensorType(dimsOf(x), to), x));
}

void cast(Node &node) {
  Type to = node.typeAttr("to", nullptr);
  if (!to)
    node.invalid("attribute `to` is missing");
  node.set(0, converted(node, to));
}

void castLike(Node &node) { node.set(0, converted(node, node.inputElement(1))); }

void bitShift(Node &node) {
  std::string direction = node.attr("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    node.invalid("attribute `direction` is `" + direction + "`; LEFT or RIGHT is expected");
  Expr x = node.expr(0), count = node.expr(1);
  node.set(0, direction == "LEFT" ? node.binary<graph::ShlOp>(x, count)
                                  : node.binary<graph::ShrOp>(x, count));
}

void clip(Node &node) {
  Expr x = node.expr(0);
  Type element = node.inputElement(0);
  if (node.has(1))
    x = node.binary<graph::MaxOp>(x, node.cast(node.in(1), element));
  if (node.has(2))
    x = node.binary<graph::MinOp>(x, node.cast(node.in(2), element));
  node.set(0, x);
}

void isInf(Node &node) {
  Expr x = node.expr(0);
  bool negative = node.attr("detect_negative", int64_t(1)),
       positive = node.attr("detect_positive", int64_t(1));
  Expr result = node.expr(node.make<graph::IsInfOp>({x.v}));
  if (!negative)
    result = node.binary<graph::AndOp>(result, graph::compare(Predicate::GT, x, x.number(0)));
  if (!positive)
    result = node.binary<graph::AndOp>(result, graph::compare(Predicate::LT, x, x.number(0)));
  node.set(0, result);
}

void leakyRelu(Node &node) {
  Expr x = node.expr(0);
  double alpha = node.attr("alpha", 0.01f);
  node.set(0, graph::select(graph::compare(Predicate::LT, x, x.number(0)), x * alpha, x));
}

void prelu(Node &node) {
  Expr x = node.expr(0), slope = node.broadcastTo(node.in(1), x.dims());
  node.set(0, graph::select(graph::compare(Predicate::LT, x, x.number(0)), x * slope, x));
}

void mean(Node &node) {
  Expr sum = node.expr(0);
  for (size_t i = 1; i < node.numInputs(); ++i)
    sum = node.binary<graph::AddOp>(sum, node.expr(i));
  node.set(0, sum / static_cast<double>(node.numInputs()));
}

void mod(Node &node) {
  Expr x = node.expr(0), y = node.expr(1);
  bool truncates = node.attr("fmod", int64_t(0));
  node.set(0, truncates ? node.binary<graph::RemOp>(x, y) : node.binary<graph::FloorModOp>(x, y));
}

/// The result has the base's type; integers are computed in f64.
void pow(Node &node) {
  Type element = node.inputElement(0), exponent = node.inputElement(1);
  Type wide = node.builder().getF64Type();
  Type computed = isFloat(element) && isFloat(exponent) &&
                          exponent.getIntOrFloatBitWidth() <= element.getIntOrFloatBitWidth()
                      ? element
                  : isFloat(element) && !isFloat(exponent) ? element
                                                           : wide;
  Expr x = node.cast(node.in(0), computed), y = node.cast(node.in(1), computed);
  node.set(0, node.cast(node.binary<graph::PowOp>(x, y), element));
}

void where(Node &node) {
  auto [x, y] = node.broadcast(node.expr(1), node.expr(2));
  Dims dims = node.broadcastDims(dimsOf(node.in(0)), x.dims());
  node.set(0,
           node.make<graph::SelectOp>({node.broadcastTo(node.in(0), dims).v,
                                       node.broadcastTo(x, dims).v, node.broadcastTo(y, dims).v}));
}

} // namespace ingot::onnx
