// Random numbers: functions of the attribute `seed` and of the node's name alone
// (ir/ops/Random.td), so that a model gives the same numbers whenever it runs, on every machine.
#include "frontends/onnx/ops/Rules.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

template <typename OpTy> Expr draw(Node &node, llvm::ArrayRef<Dim> dims, Type element) {
  OpBuilder &b = node.builder();
  auto seed =
      static_cast<int64_t>(llvm::bit_cast<uint32_t>(static_cast<float>(node.attr("seed", 0.0))));
  Type integer = node.integerType();
  auto scalar = [&](int64_t value) {
    return graph::ConstantOp::create(
        b, node.loc, RankedTensorType::get({}, integer),
        DenseElementsAttr::get(RankedTensorType::get({}, integer), llvm::APInt(64, value)));
  };
  // Two nodes of one seed draw different numbers.
  std::string name = llvm::cast<NameLoc>(node.loc).getName().str();
  auto id = static_cast<int64_t>(llvm::xxh3_64bits(name) & 0xffffffff);
  return node.expr(OpTy::create(b, node.loc, tensorType(dims, element), scalar(seed), scalar(0),
                                b.getI64IntegerAttr(id)));
}

Dims shapeAttribute(Node &node) {
  Dims dims;
  for (int64_t size : node.intsAttr("shape")) {
    if (size < 0)
      node.invalid("attribute `shape` has the size " + llvm::Twine(size));
    dims.push_back(node.dim(size));
  }
  return dims;
}

void uniform(Node &node, llvm::ArrayRef<Dim> dims, Type element) {
  double low = node.attr("low", 0.0), high = node.attr("high", 1.0);
  node.set(0, draw<graph::RandomUniformOp>(node, dims, element) * (high - low) + low);
}
void normal(Node &node, llvm::ArrayRef<Dim> dims, Type element) {
  double mean = node.attr("mean", 0.0), scale = node.attr("scale", 1.0);
  node.set(0, draw<graph::RandomNormalOp>(node, dims, element) * scale + mean);
}
/// The attribute `dtype`, which must be a float type.
Type floatType(Node &node, Type otherwise) {
  Type element = node.typeAttr("dtype", otherwise);
  if (!llvm::isa<FloatType>(element))
    node.invalid("attribute `dtype` or its input is no float type");
  return element;
}

} // namespace

void randomUniform(Node &node) {
  uniform(node, shapeAttribute(node), floatType(node, node.builder().getF32Type()));
}
void randomUniformLike(Node &node) {
  uniform(node, dimsOf(node.in(0)), floatType(node, node.inputElement(0)));
}
void randomNormal(Node &node) {
  normal(node, shapeAttribute(node), floatType(node, node.builder().getF32Type()));
}
void randomNormalLike(Node &node) {
  normal(node, dimsOf(node.in(0)), floatType(node, node.inputElement(0)));
}

/// 1 with the input's probability.
void bernoulli(Node &node) {
  Type wide = node.builder().getF32Type();
  Expr p = node.cast(node.in(0), wide);
  Expr hit = graph::compare(Predicate::LT, draw<graph::RandomUniformOp>(node, p.dims(), wide), p);
  node.set(0, node.cast(hit, node.typeAttr("dtype", node.inputElement(0))));
}

/// The class whose logarithmic weight less the logarithm of an exponential variate is greatest: it
/// is each class with its probability.
void multinomial(Node &node) {
  Dims dims = dimsOf(node.in(0));
  int64_t samples = node.attr("sample_size", int64_t(1));
  if (dims.size() != 2 || samples < 0)
    node.invalid("it draws " + llvm::Twine(samples) + " samples of " + str(dims) +
                 "; (batch, classes) is expected");
  Dims all = {dims[0], node.dim(samples), dims[1]};
  Type wide = node.builder().getF32Type();
  Expr weights = node.reshape(node.cast(node.in(0), wide), {dims[0], node.dim(1), dims[1]});
  Expr exponential = -(-draw<graph::RandomUniformOp>(node, all, wide)).unary<graph::Log1pOp>();
  Expr score = node.broadcastTo(weights, all) - graph::log(exponential);
  Expr chosen = node.expr(node.make<graph::ArgMaxOp>({score.v}, {node.named("axis", int64_t(2))}));
  node.set(0, node.cast(chosen, node.typeAttr("dtype", node.integerType(32))));
}

/// At inference x itself. In training mode, which may be known only while running, an element is
/// kept with probability 1 - ratio, and then over that.
void dropout(Node &node) {
  Expr x = node.expr(0);
  Type boolean = node.builder().getI1Type(), wide = node.builder().getF32Type();
  bool mayTrain = node.version >= 12 && node.has(2);
  auto isKnown = [&](size_t i, double otherwise, double value) {
    return (!node.has(i) || node.constant(i)) && node.constantNumber(i, otherwise) == value;
  };
  if (!mayTrain || isKnown(2, 0, 0) || isKnown(1, 0.5, 0)) {
    node.set(0, x);
    if (node.wants(1))
      node.set(1, node.splat(boolean, x.dims(), 1));
    return;
  }
  Expr ratio =
      node.has(1) ? node.reshape(node.cast(node.in(1), wide), {}) : node.splat(wide, {}, 0.5);
  Expr training = node.cast(node.reshape(node.in(2), {}), boolean);
  ratio = graph::select(training, ratio, ratio.number(0));
  Expr drawn = draw<graph::RandomUniformOp>(node, x.dims(), wide);
  Expr kept = graph::compare(Predicate::GE, drawn, drawn.with(node.broadcastTo(ratio, x.dims())));
  Expr scale = node.cast(1.0 / (1.0 - ratio), graph::elementType(x));
  node.set(0, graph::select(kept, x * node.broadcastTo(scale, x.dims()), x.number(0)));
  if (node.wants(1))
    node.set(1, kept);
}

} // namespace ingot::onnx
