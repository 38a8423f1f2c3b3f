// Normalisation.
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {

void batchNormalization(Node &node) {
  double epsilon = node.attr("epsilon", 1e-5), momentum = node.attr("momentum", 0.9);
  auto attributes = [&] {
    return llvm::SmallVector<NamedAttribute>{
        node.named("axis", int64_t(1)),
        node.named("epsilon", node.builder().getF64FloatAttr(epsilon))};
  };
  Type element = node.inputElement(0);
  auto in = [&](size_t i) { return node.cast(node.in(i), element).v; };
  if (!node.attr("training_mode", int64_t(0)))
    return node.set(0, node.make<graph::BatchNormInferenceOp>({in(0), in(1), in(2), in(3), in(4)},
                                                              attributes()));
  auto op = node.makeOp<graph::BatchNormOp>({in(0), in(1), in(2)}, attributes());
  node.set(0, op.getResult());
  auto running = [&](size_t i, Value batch) {
    Type type = node.inputElement(i);
    return node.expr(i) * momentum + node.cast(batch, type) * (1 - momentum);
  };
  node.set(1, running(3, op.getMean()));
  node.set(2, running(4, op.getVariance()));
}

namespace {

/// f32 for narrower types.
Type atLeastF32(Node &node, Type element) {
  return element.getIntOrFloatBitWidth() < 32 ? node.builder().getF32Type() : element;
}

/// `axis`, -1 where it is left out, and all after it.
llvm::SmallVector<int64_t> axesFrom(Node &node, int64_t rank) {
  llvm::SmallVector<int64_t> axes;
  for (int64_t d = node.axis(node.attr("axis", int64_t(-1)), rank); d < rank; ++d)
    axes.push_back(d);
  return axes;
}

struct Normalized {
  Expr value, mean, inverse; ///< inverse: 1 / sqrt(variance + epsilon)
};
Normalized normalized(Expr x, llvm::ArrayRef<int64_t> axes, double epsilon) {
  Expr mean = graph::mean(x, axes, /*keep=*/true), centered = x - mean;
  Expr inverse = graph::rsqrt(graph::mean(centered * centered, axes, true) + epsilon);
  return {centered * inverse, mean, inverse};
}

/// y * scale + bias, where scale and bias (inputs 1 and 2) have the channels' dimension alone.
Expr scaledByChannel(Node &node, Expr y) {
  Dims dims = y.dims(), channels(dims.size() - 1, node.dim(1));
  channels[0] = dims[1];
  auto input = [&](size_t i) { return node.broadcastTo(node.reshape(node.in(i), channels), dims); };
  return y * input(1) + input(2);
}

Dims atLeastRank(Node &node, size_t rank) {
  Dims dims = dimsOf(node.in(0));
  if (dims.size() < rank)
    node.invalid("its input has shape " + str(dims) + "; at least " + llvm::Twine(rank) +
                 " dimensions are expected");
  return dims;
}

} // namespace

/// Over the axes from `axis` on, computed in f32 or wider.
void layerNormalization(Node &node) {
  Type element = node.inputElement(0);
  Expr x = node.cast(node.in(0), atLeastF32(node, element));
  auto [value, mean, inverse] =
      normalized(x, axesFrom(node, node.inputRank(0)), node.attr("epsilon", 1e-5));
  Expr y = node.cast(value, element) * node.broadcastTo(node.in(1), x.dims());
  if (node.has(2))
    y = y + node.broadcastTo(node.in(2), x.dims());
  node.set(0, y);
  if (node.wants(1))
    node.set(1, mean);
  if (node.wants(2))
    node.set(2, inverse);
}

/// x / sqrt(mean of x squared + epsilon) over the axes from `axis` on.
void rmsNormalization(Node &node) {
  Type element = node.inputElement(0), scaleElement = node.inputElement(1);
  Expr x = node.cast(node.in(0), atLeastF32(node, element));
  Expr inverse = graph::rsqrt(graph::mean(x * x, axesFrom(node, node.inputRank(0)), true) +
                              node.attr("epsilon", 1e-5));
  Expr y = node.cast(x * inverse, scaleElement);
  node.set(0, y * node.broadcastTo(node.in(1), x.dims()));
}

void instanceNormalization(Node &node) {
  Dims dims = atLeastRank(node, 3);
  llvm::SmallVector<int64_t> spatial;
  for (size_t d = 2; d < dims.size(); ++d)
    spatial.push_back(static_cast<int64_t>(d));
  Type element = node.inputElement(0);
  Expr x = node.cast(node.in(0), atLeastF32(node, element));
  Expr y = normalized(x, spatial, node.attr("epsilon", 1e-5)).value;
  node.set(0, scaledByChannel(node, node.cast(y, element)));
}

/// Before operator set 21 scale and bias were given a group, not a channel.
void groupNormalization(Node &node) {
  Dims dims = atLeastRank(node, 2);
  int64_t groups = node.attr("num_groups", int64_t(0));
  auto each = groups > 0 ? quotient(node, dims[1], node.dim(groups)) : std::nullopt;
  if (!each)
    node.invalid("the " + dims[1].str() + " channels do not divide into " + llvm::Twine(groups) +
                 " groups");
  Dim inner = *each * numElements(node.context(), llvm::ArrayRef<Dim>(dims).drop_front(2));
  Dims grouped = {dims[0], node.dim(groups), inner};
  Type element = node.inputElement(0);
  Expr x = node.reshape(node.cast(node.in(0), atLeastF32(node, element)), grouped);
  Expr y = node.cast(normalized(x, {2}, node.attr("epsilon", 1e-5)).value, element);
  bool isPerGroup = node.version < 21;
  y = isPerGroup ? node.reshape(scaledByChannel(node, y), dims)
                 : scaledByChannel(node, node.reshape(y, dims));
  node.set(0, y);
}

void lpNormalization(Node &node) {
  int64_t axis = node.axis(node.attr("axis", int64_t(-1)), node.inputRank(0)),
          p = node.attr("p", int64_t(2));
  if (p != 1 && p != 2)
    node.invalid("attribute `p` is " + llvm::Twine(p) + "; 1 or 2 is expected");
  Expr x = node.expr(0);
  Expr norm = p == 1 ? graph::sum(graph::abs(x), {axis}, true)
                     : graph::sqrt(graph::sum(x * x, {axis}, true));
  Expr wide = node.broadcastTo(norm, x.dims());
  node.set(
      0, graph::select(graph::compare(Predicate::EQ, wide, wide.number(0)), x.number(0), x / wide));
}

/// (x - mean) / (standard deviation + 1e-9): the 1e-9 is of the specification's function.
void meanVarianceNormalization(Node &node) {
  llvm::SmallVector<int64_t> axes = node.intsAttr("axes");
  if (!node.hasAttribute("axes"))
    axes = {0, 2, 3};
  axes = node.axes(axes, node.inputRank(0));
  llvm::sort(axes);
  Expr x = node.expr(0), centered = x - graph::mean(x, axes, /*keep=*/true);
  Expr deviation = graph::sqrt(graph::mean(centered * centered, axes, true));
  node.set(0, centered / (deviation + 1e-9));
}

/// x / (bias + alpha * mean of the squares of `size` channels around)^beta; outside counts as 0.
void lrn(Node &node) {
  Dims dims = atLeastRank(node, 2);
  int64_t size = node.attr("size", int64_t(0));
  if (size < 1)
    node.invalid("attribute `size` is " + llvm::Twine(size) + "; at least 1 is expected");
  Expr x = node.expr(0);
  Dim inner = numElements(node.context(), llvm::ArrayRef<Dim>(dims).drop_front(2));
  auto list = [&](llvm::StringRef name, int64_t value) {
    return node.named(name, llvm::ArrayRef<int64_t>(value));
  };
  int64_t before = (size - 1) / 2;
  Expr squares = node.reshape(x * x, {dims[0], dims[1], inner});
  Value mean = node.make<graph::AvgPoolOp>(
      {squares.v}, {list("window", size), list("strides", 1), list("dilations", 1),
                    list("paddingLow", before), list("paddingHigh", size - 1 - before),
                    node.named("countIncludePad", node.builder().getBoolAttr(true))});
  Expr base = node.reshape(mean, dims) * node.attr("alpha", 1e-4) + node.attr("bias", 1.0);
  node.set(0, x / node.binary<graph::PowOp>(base, base.number(node.attr("beta", 0.75))));
}

} // namespace ingot::onnx
