// Rules of the generator that compute: arithmetic, reductions, layers. See RandomGraphGenerator.h.
#include "tests/differential/RandomGraphGenerator.h"

using namespace mlir;
using namespace ingot::graph;

namespace ingot::tests {

Value GraphGenerator::unary() {
  Expr x = expr(any());
  switch (random.below(12)) {
  case 0:
    return op<ReluOp>(x.v);
  case 1:
    return op<NegOp>(x.v);
  case 2:
    return op<AbsOp>(x.v);
  case 3:
    return tanh(x);
  case 4:
    return sigmoid(x);
  case 5:
    return exp(tanh(x));
  case 6:
    return log(abs(x) + 1.0);
  case 7:
    return sqrt(abs(x) + 0.1); // not at 0, where rounding is all that is left of it
  case 8:
    return op<ErfOp>(x.v);
  case 9:
    return op<SinOp>(tanh(x).v);
  case 10:
    return op<SoftplusOp>(x.v);
  default:
    return x * random.real(-2, 2);
  }
}

Value GraphGenerator::binary() {
  Expr x = expr(any()), y = expr(any());
  if (failed(broadcastDims(x.dims(), y.dims())))
    y = expr(input(llvm::ArrayRef(x.dims()).take_back(random.below(x.dims().size() + 1))));
  if (llvm::any_of(y.dims(), [](Dim d) { return !d.isStatic(); }) &&
      failed(broadcastDims(x.dims(), y.dims())))
    return {};
  switch (random.below(7)) {
  case 0:
  case 1:
    return x + y;
  case 2:
    return x - y;
  case 3:
    return tanh(x) * tanh(y);
  case 4:
    return x / (abs(y) + 1.0);
  case 5:
    return max(x, y);
  default:
    return min(x, y);
  }
}

Value GraphGenerator::reduction() {
  Value x = any();
  llvm::SmallVector<int64_t> axes;
  for (int64_t axis = 0; axis < rankOf(x); ++axis)
    if (random.chance(45))
      axes.push_back(axis);
  if (axes.empty())
    return {};
  bool keep = random.chance(40);
  // A largest or least value of nothing is infinite; only sums are taken there. What is summed is
  // positive: where terms cancel, rounding is all that is left.
  bool mayBeEmpty = llvm::any_of(axes, [&](int64_t a) {
    return dimsOf(x)[a].evaluate([](llvm::StringRef) { return 0; }) == 0;
  });
  switch (mayBeEmpty ? random.below(2) : random.below(4)) {
  case 0:
    return reduce(b, loc(), sigmoid(expr(x)), ReduceKind::Sum, axes, keep);
  case 1:
    return mayBeEmpty ? Value() : Value(mean(expr(x), axes, keep));
  case 2:
    return reduce(b, loc(), x, ReduceKind::Max, axes, keep);
  default:
    return reduce(b, loc(), x, ReduceKind::Min, axes, keep);
  }
}

Value GraphGenerator::dense() {
  Value x = any();
  if (rankOf(x) < 2 || !dimsOf(x).back().isStatic())
    return {};
  Dims dims = dimsOf(x);
  Dim inner = dims.back(), outer = fixed(width());
  Dim rows = numElements(b.getContext(), llvm::ArrayRef(dims).drop_back());
  bool transposed = random.chance(30);
  Value w = transposed ? input({outer, inner}) : input({inner, outer});
  Value flat = reshape(b, loc(), x, {rows, inner});
  Value y = op<MatMulOp>({flat, w}, {attr("transposeRhs", b.getBoolAttr(transposed))});
  if (!y)
    return {};
  dims.back() = outer;
  Expr scaled = expr(y) * (1 / std::sqrt(1.0 + inner.value()));
  if (random.chance(60))
    scaled = scaled + expr(input({outer}));
  if (random.chance(50))
    scaled = scaled.unary<ReluOp>();
  return reshape(b, loc(), scaled, dims);
}

Value GraphGenerator::attention() {
  Value x = any();
  if (rankOf(x) < 3)
    return {};
  bool left = random.chance(50);
  return op<MatMulOp>({tanh(expr(x)), x}, {attr("transposeLhs", b.getBoolAttr(left)),
                                           attr("transposeRhs", b.getBoolAttr(!left))});
}

Value GraphGenerator::image() {
  Value x = any();
  Dims dims = dimsOf(x);
  if (rankOf(x) < 2 ||
      !llvm::all_of(llvm::ArrayRef(dims).drop_front(), [](Dim d) { return d.isStatic(); }))
    return {};
  if (rankOf(x) == 4)
    return x;
  if (rankOf(x) == 3)
    return reshape(b, loc(), x, {dims[0], dims[1], dims[2], fixed(1)});
  return rankOf(x) == 2 ? reshape(b, loc(), x, {dims[0], fixed(1), dims[1], fixed(1)}) : Value();
}

llvm::SmallVector<NamedAttribute> GraphGenerator::window(llvm::ArrayRef<int64_t> size) {
  int64_t stride = 1 + random.below(2), dilation = random.chance(20) ? 2 : 1;
  int64_t low = random.below(size[0]), high = random.below(size[1]);
  return {ints("strides", {stride, stride}), ints("dilations", {dilation, dilation}),
          ints("paddingLow", {low, high}), ints("paddingHigh", {high, low})};
}

Value GraphGenerator::conv() {
  Value x = image();
  if (!x)
    return {};
  int64_t kh = 1 + random.below(3), kw = 1 + random.below(3);
  Dim channels = dimsOf(x).back(), filters = fixed(random.chance(50) ? 4 : width());
  auto attributes = window({kh, kw});
  Value kernel;
  if (random.chance(20) && channels.value() > 1) { // a filter for each channel
    attributes.push_back(attr("groups", b.getI64IntegerAttr(channels.value())));
    kernel = input({fixed(kh), fixed(kw), fixed(1), channels});
  } else {
    kernel = input({fixed(kh), fixed(kw), channels, filters});
  }
  Value y = op<ConvOp>({x, kernel}, attributes);
  if (!y)
    return {};
  Expr result = expr(y) * 0.3;
  if (random.chance(50))
    result = result + expr(input({dimsOf(y).back()}));
  return random.chance(50) ? result.unary<ReluOp>() : result;
}

Value GraphGenerator::pool2d() {
  Value x = image();
  if (!x)
    return {};
  int64_t kh = 1 + random.below(3), kw = 1 + random.below(3);
  auto attributes = window({kh, kw});
  attributes.push_back(ints("window", {kh, kw}));
  // A window of padding alone has no largest value.
  for (auto &a : attributes)
    if (a.getName() != "window" && a.getName() != "strides" && a.getName() != "dilations")
      a = ints(a.getName(), {0, 0});
  return random.chance(50) ? op<MaxPoolOp>(x, attributes) : op<AvgPoolOp>(x, attributes);
}

Value GraphGenerator::softmax() {
  Value x = any();
  if (rankOf(x) == 0)
    return {};
  int64_t axis = random.chance(70) ? rankOf(x) - 1 : random.below(rankOf(x));
  NamedAttribute attribute = attr("axis", b.getI64IntegerAttr(axis));
  return random.chance(60) ? op<SoftmaxOp>(x, attribute) : op<LogSoftmaxOp>(x, attribute);
}

Value GraphGenerator::normalize() {
  Value x = any();
  if (rankOf(x) == 0)
    return {};
  int64_t axis = rankOf(x) - 1;
  Expr e = expr(x), centred = e - mean(e, {axis}, true);
  return centred * rsqrt(mean(centred * centred, {axis}, true) + 0.1);
}

Value GraphGenerator::largest() {
  Value x = any();
  if (rankOf(x) == 0 || !dimsOf(x).back().isStatic() || dimsOf(x).back().value() == 0)
    return {};
  NamedAttribute axis = attr("axis", b.getI64IntegerAttr(rankOf(x) - 1));
  Value index = random.chance(50) ? op<ArgMaxOp>(x, axis) : op<ArgMinOp>(x, axis);
  switch (random.below(3)) {
  case 0:
    return cast(b, loc(), index, f32);
  case 1:
    return oneHot(b, loc(), index, dimsOf(x).back(), f32);
  default:
    return op<PickOp>({tanh(expr(x)), index});
  }
}

Value GraphGenerator::layerNorm() {
  Value x = any();
  if (rankOf(x) == 0 || !dimsOf(x).back().isStatic() || dimsOf(x).back().value() == 0)
    return {};
  Value gamma = input(dimsOf(x).back()), beta = input(dimsOf(x).back());
  return op<LayerNormOp>({x, gamma, beta},
                         {ints("axes", {rankOf(x) - 1}), attr("epsilon", b.getF64FloatAttr(0.1))});
}

} // namespace ingot::tests
