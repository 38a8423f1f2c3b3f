// Numbers as integers or small floats with a scale and a zero point: y = (x - zero point) * scale.
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;

namespace ingot::onnx {
namespace {

/// The type to compute with: f32 for what holds no sum or product of its own.
Type computed(Node &node, Type element) {
  auto floatType = llvm::dyn_cast<FloatType>(element);
  return floatType && floatType.getWidth() >= 16 ? element : Type(node.builder().getF32Type());
}

/// A scale or zero point for x of dimensions `x`: one for all, one for each index of the axis, or,
/// with a block size, one for each block along the axis.
Expr spread(Node &node, Expr parameter, llvm::ArrayRef<Dim> x) {
  Dims dims = parameter.dims();
  Dim one = node.dim(1);
  if (llvm::all_of(dims, [&](Dim d) { return d == one; }))
    return node.broadcastTo(node.reshape(parameter, {}), x);
  int64_t rank = x.size(), given = node.attr("axis", int64_t(1));
  int64_t block = node.attr("block_size", int64_t(0));
  bool hasAxis = -rank <= given && given < rank;
  if (!hasAxis && dims.size() == 1 && block == 0) // one for all, if its length is not known
    return node.broadcastTo(
        node.reshape(withDims(node, parameter, {one}, "its scale or zero point"), {}), x);
  int64_t axis = node.axis(given, rank);
  if (block < 0)
    node.invalid("attribute `block_size` is " + llvm::Twine(block) + ", which is negative");
  if (block == 0) {
    if (dims.size() != 1)
      node.invalid("its scale or zero point has shape " + str(dims) +
                   "; without `block_size` it is a scalar or a vector");
    Dims along(rank, one);
    along[axis] = dims[0];
    return node.broadcastTo(node.reshape(parameter, along), x);
  }
  if (static_cast<int64_t>(dims.size()) != rank)
    node.invalid("its scale or zero point has shape " + str(dims) + " for an input of shape " +
                 str(x) + "; with `block_size` they have the same rank");
  Dims split = dims, repeated = dims, whole = dims;
  split.insert(split.begin() + axis + 1, one);
  repeated.insert(repeated.begin() + axis + 1, node.dim(block));
  whole[axis] = dims[axis] * block;
  Expr blocks = node.reshape(node.broadcastTo(node.reshape(parameter, split), repeated), whole);
  Dims starts(rank, node.dim(0));
  Dims sizes = whole;
  sizes[axis] = x[axis];
  return node.broadcastTo(graph::slice(node.builder(), node.loc, blocks, starts, sizes), x);
}

Expr rounded(Node &node, Expr x) { return node.expr(node.make<graph::RoundOp>({x.v})); }

/// saturate(quotient + zero point): quotients become integers first, floats in the last step.
Expr quantized(Node &node, Expr quotient, std::optional<Expr> zeroPoint, Type to) {
  Type wide = node.builder().getF32Type();
  if (!llvm::isa<FloatType>(to))
    quotient = rounded(node, quotient);
  if (zeroPoint) {
    quotient = node.cast(quotient, wide);
    quotient = node.binary<graph::AddOp>(quotient, node.cast(*zeroPoint, wide));
  }
  bool saturate = node.attr("saturate", int64_t(1)) != 0;
  return node.expr(graph::CastOp::create(node.builder(), node.loc, tensorType(quotient.dims(), to),
                                         quotient, saturate, graph::RoundMode::Up));
}

/// Input i as si32, less the zero point that input `zero` is, spread by `place`.
Expr centred(Node &node, size_t i, size_t zero, llvm::function_ref<Expr(Expr)> place) {
  Expr x = node.cast(node.in(i), node.integerType(32));
  if (!node.has(zero))
    return x;
  return node.binary<graph::SubOp>(x, place(node.cast(node.in(zero), node.integerType(32))));
}

/// One value a row of a matrix; what has the matrix's rank, or one element, stays.
Expr perRow(Node &node, Expr parameter) {
  Dims dims = parameter.dims();
  if (dims.size() == 1)
    return node.reshape(parameter, {dims[0], node.dim(1)});
  return parameter;
}
/// One value a channel of a convolution's kernel or result, of which it is dimension `axis`.
Expr perChannel(Node &node, Expr parameter, int64_t axis, int64_t rank) {
  Dims dims = parameter.dims(), along(rank, node.dim(1));
  if (dims.size() != 1 || axis >= rank) // convolution refuses a tensor of that rank
    return parameter;
  along[axis] = dims[0];
  return node.reshape(parameter, along);
}
Expr unchanged(Expr x) { return x; }

/// An integer sum with its factors' scales, by the result's scale and zero point (inputs 6 and 7).
Expr rescaled(Node &node, Expr sum, Expr scale) {
  Type wide = node.builder().getF32Type();
  scale = node.binary<graph::DivOp>(scale, node.cast(node.in(6), wide));
  Expr y = node.binary<graph::MulOp>(node.cast(sum, wide), scale);
  return quantized(node, y, node.expr(7), node.inputElement(7));
}

Expr integerProduct(Node &node, size_t a, size_t aZero, size_t b, size_t bZero) {
  Expr x = centred(node, a, aZero, [&](Expr zero) { return perRow(node, zero); });
  return matrixProduct(node, x, centred(node, b, bZero, unchanged));
}

Expr integerConvolution(Node &node, size_t w, size_t xZero, size_t wZero, Value bias) {
  Expr x = centred(node, 0, xZero, [&](Expr zero) { return node.reshape(zero, {}); });
  Expr kernel = centred(node, w, wZero,
                        [&](Expr zero) { return perChannel(node, zero, 0, node.inputRank(w)); });
  return convolution(node, x, kernel, bias);
}

} // namespace

void quantizeLinear(Node &node) {
  Type to = node.has(2) ? node.inputElement(2) : Type(node.integerType(8, false));
  if (node.attr("output_dtype", int64_t(0)) != 0) // 0: none
    to = node.typeAttr("output_dtype", nullptr);
  if (node.has(2) && to != node.inputElement(2))
    node.invalid("attribute `output_dtype` and its zero point are of different types");
  Type precision = node.attr("precision", int64_t(0)) ? node.typeAttr("precision", nullptr)
                                                      : node.inputElement(1);
  precision = computed(node, precision);
  Expr x = node.cast(node.in(0), precision);
  Expr scale = spread(node, node.cast(node.in(1), precision), x.dims());
  std::optional<Expr> zeroPoint;
  if (node.has(2))
    zeroPoint = spread(node, node.cast(node.in(2), node.builder().getF32Type()), x.dims());
  node.set(0, quantized(node, node.binary<graph::DivOp>(x, scale), zeroPoint, to));
}

void dequantizeLinear(Node &node) {
  Type to = node.attr("output_dtype", int64_t(0)) ? node.typeAttr("output_dtype", nullptr)
                                                  : node.inputElement(1);
  Type wide = to.isF64() ? to : Type(node.builder().getF32Type());
  Expr x = node.cast(node.in(0), wide);
  if (node.has(2))
    x = node.binary<graph::SubOp>(x, spread(node, node.cast(node.in(2), wide), x.dims()));
  Expr scale = spread(node, node.cast(node.in(1), wide), x.dims());
  node.set(0, node.cast(node.binary<graph::MulOp>(x, scale), to));
}

void dynamicQuantizeLinear(Node &node) {
  Expr x = node.expr(0);
  auto extremum = [&](graph::ReduceKind kind) {
    return node.expr(graph::reduce(node.builder(), node.loc, x, kind, graph::allAxes(node.in(0))));
  };
  Expr high = extremum(graph::ReduceKind::Max), low = extremum(graph::ReduceKind::Min);
  high = node.binary<graph::MaxOp>(high, high.number(0));
  low = node.binary<graph::MinOp>(low, low.number(0));
  Expr scale = (high - low) / 255.0;
  Type to = node.integerType(8, false);
  Expr zeroPoint = node.cast(rounded(node, 0.0 - low / scale), to);
  Expr quotient = x / node.broadcastTo(scale, x.dims());
  node.set(0, quantized(node, quotient, node.broadcastTo(zeroPoint, x.dims()), to));
  node.set(1, scale);
  node.set(2, zeroPoint);
}

void matMulInteger(Node &node) { node.set(0, integerProduct(node, 0, 2, 1, 3)); }

void qLinearMatMul(Node &node) {
  Type wide = node.builder().getF32Type();
  Expr scale = node.binary<graph::MulOp>(perRow(node, node.cast(node.in(1), wide)),
                                         node.cast(node.in(4), wide));
  node.set(0, rescaled(node, integerProduct(node, 0, 2, 3, 5), scale));
}

void convInteger(Node &node) { node.set(0, integerConvolution(node, 1, 2, 3, Value())); }

void qLinearConv(Node &node) {
  Expr sum = integerConvolution(node, 3, 2, 5, node.has(8) ? node.in(8) : Value());
  int64_t rank = sum.dims().size();
  Expr scale = node.binary<graph::MulOp>(node.expr(1), perChannel(node, node.expr(4), 1, rank));
  node.set(0, rescaled(node, sum, scale));
}

} // namespace ingot::onnx
