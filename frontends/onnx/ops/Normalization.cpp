// Normalisation, and dropout.
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;

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

/// (x - mean) / sqrt(variance + epsilon) over the axes from `axis` on, computed in f32 or wider.
void layerNormalization(Node &node) {
  int64_t rank = node.inputRank(0), axis = node.axis(node.attr("axis", int64_t(-1)), rank);
  llvm::SmallVector<int64_t> axes;
  for (int64_t d = axis; d < rank; ++d)
    axes.push_back(d);
  Type element = node.inputElement(0);
  Type wide = element.getIntOrFloatBitWidth() < 32 ? node.builder().getF32Type() : element;
  Expr x = node.cast(node.in(0), wide);
  Expr mean = graph::mean(x, axes, /*keep=*/true), centered = x - mean;
  Expr inverse =
      graph::rsqrt(graph::mean(centered * centered, axes, true) + node.attr("epsilon", 1e-5));
  Expr y = node.cast(centered * inverse, element) * node.broadcastTo(node.in(1), x.dims());
  if (node.has(2))
    y = y + node.broadcastTo(node.in(2), x.dims());
  node.set(0, y);
  if (node.wants(1))
    node.set(1, mean);
  if (node.wants(2))
    node.set(2, inverse);
}

/// At inference x itself. In training mode only a ratio of 0 is a function of the inputs alone.
void dropout(Node &node) {
  bool training = node.version >= 12 && node.has(2) && node.constantNumber(2, 0) != 0;
  if (training && node.constantNumber(1, 0.5) != 0)
    node.unsupported("dropout in training mode",
                     "export the model for inference; Ingot adds dropout when it trains");
  node.set(0, node.in(0));
  if (node.wants(1))
    node.set(1, node.splat(node.builder().getI1Type(), dimsOf(node.in(0)), 1));
}

} // namespace ingot::onnx
