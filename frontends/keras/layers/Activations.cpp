// Keras's activation functions by name, as graph formulas; and the layers that are one activation.
//
// softmax (last axis) and sigmoid remember what they were applied to, so that a cross-entropy on
// their result is computed in its stable form. Called by every layer with an `activation`.
#include "frontends/keras/layers/Activations.h"
#include "frontends/keras/Names.h"
#include "frontends/keras/layers/Arguments.h"
#include "frontends/keras/layers/Ops.h"

#include <map>

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using graph::Predicate;
using mlir::Value;

namespace {

using Formula = Expr (*)(Expr x);

Expr whereAbove(Expr x, double threshold, Expr above, Expr otherwise) {
  return select(compare(Predicate::GT, x, x.number(threshold)), above, otherwise);
}
Expr relu(Expr x) { return x.unary<graph::ReluOp>(); }
Expr relu6(Expr x) { return min(relu(x), x.number(6)); }
Expr softplus(Expr x) { return x.unary<graph::SoftplusOp>(); }
Expr elu(Expr x, double alpha) {
  Expr below = min(x, x.number(0)).unary<graph::Expm1Op>();
  return whereAbove(x, 0, x, alpha == 1 ? below : alpha * below);
}
Expr selu(Expr x) {
  constexpr double alpha = 1.6732632423543772, scale = 1.0507009873554805;
  return scale * elu(x, alpha);
}
Expr leakyRelu(Expr x, double slope) { return whereAbove(x, 0, x, x * slope); }
Expr hardSigmoid(Expr x) { return relu6(x + 3.0) / 6.0; }
Expr silu(Expr x) { return x * sigmoid(x); }
Expr hardSilu(Expr x) { return x * hardSigmoid(x); }
/// 0 up to -1, 1 or x from 1 on, and in between what joins them.
Expr between(Expr x, Expr middle, Expr above) {
  Expr rest = select(compare(Predicate::LT, x, x.number(1)), middle, above);
  return whereAbove(x, -1, rest, x.number(0));
}
Expr sparsePlus(Expr x) { return between(x, (x + 1.0) * (x + 1.0) * 0.25, x); }
Expr sparseSigmoid(Expr x) { return between(x, (x + 1.0) * 0.5, x.number(1)); }
Expr hardShrink(Expr x) { return whereAbove(abs(x), 0.5, x, x.number(0)); }
Expr softShrink(Expr x) {
  return whereAbove(x, 0.5, x - 0.5, whereAbove(-x, 0.5, x + 0.5, x.number(0)));
}

const std::map<std::string, Formula> &formulas() {
  static const std::map<std::string, Formula> table = {
      {"linear", [](Expr x) { return x; }},
      {"relu", relu},
      {"relu6", relu6},
      {"leaky_relu", [](Expr x) { return leakyRelu(x, 0.2); }},
      {"elu", [](Expr x) { return elu(x, 1); }},
      {"celu", [](Expr x) { return elu(x, 1); }},
      {"selu", selu},
      {"tanh", [](Expr x) { return tanh(x); }},
      {"tanh_shrink", [](Expr x) { return x - tanh(x); }},
      {"hard_sigmoid", hardSigmoid},
      {"hard_silu", hardSilu},
      {"hard_swish", hardSilu},
      {"hard_tanh", [](Expr x) { return max(min(x, x.number(1)), x.number(-1)); }},
      {"hard_shrink", hardShrink},
      {"soft_shrink", softShrink},
      {"softplus", softplus},
      {"softsign", [](Expr x) { return x / (1.0 + abs(x)); }},
      {"sparse_plus", sparsePlus},
      {"sparse_sigmoid", sparseSigmoid},
      {"squareplus", [](Expr x) { return (x + sqrt(x * x + 4.0)) / 2.0; }},
      {"log_sigmoid", [](Expr x) { return -softplus(-x); }},
      {"mish", [](Expr x) { return x * tanh(softplus(x)); }},
      {"exponential", [](Expr x) { return exp(x); }},
      {"silu", silu},
      {"swish", silu},
  };
  return table;
}

/// Activations that are more than a formula of one element.
using Whole = Value (*)(Emitter &emitter, Value x);

Value wholeSigmoid(Emitter &emitter, Value x) {
  Value result = sigmoid(emitter.expr(x));
  emitter.logits[result] = {x, "sigmoid"};
  return result;
}
Value wholeLogSoftmax(Emitter &emitter, Value x) {
  return emitter.create<graph::LogSoftmaxOp>(
      {x}, {emitter.named("axis", emitter.b.getI64IntegerAttr(graph::rankOf(x) - 1))});
}
Value wholeGelu(Emitter &emitter, Value x) { return emitter.create<graph::GeluOp>({x}); }
Value wholeSoftmax(Emitter &emitter, Value x) { return emitSoftmax(emitter, x, -1); }

/// The first half of the last axis times the sigmoid of the second.
Value wholeGlu(Emitter &e, Value x) {
  Dims dims = dimsOf(x), starts(dims.size(), Dim::constant(e.b.getContext(), 0));
  dims.back() = Dim::constant(e.b.getContext(), dims.back().value() / 2);
  Expr first = e.expr(graph::slice(e.b, e.loc, x, starts, dims));
  starts.back() = dims.back();
  return first * sigmoid(e.expr(graph::slice(e.b, e.loc, x, starts, dims)));
}

/// Keras's sparsemax, to the letter: its threshold is made of the sum of the running sums of the
/// elements that have a share.
Value wholeSparsemax(Emitter &e, Value x) {
  Dims dims = dimsOf(x);
  mlir::MLIRContext *context = e.b.getContext();
  mlir::Type integer = e.b.getIntegerType(64, /*isSigned=*/true);
  Value order = e.create<graph::ArgSortOp>({x}, {e.named("descending", e.b.getBoolAttr(true))});
  // Places in x as a vector: the row's first, then the position in it.
  Dim rows = numElements(context, llvm::ArrayRef(dims).drop_back());
  Dims matrix = {rows, dims.back()}, all = {rows * dims.back()};
  Expr places = e.expr(graph::reshape(e.b, e.loc, order, matrix)) +
                iota(e, matrix, 0, integer) * extent(e, dims.back(), integer);
  Expr sorted = gather(e, graph::reshape(e.b, e.loc, x, all), places, 0);
  Expr running = e.expr(e.create<graph::CumulateOp>(
      {sorted}, {e.named("kind", graph::CumulateKindAttr::get(context, graph::CumulateKind::Sum)),
                 e.named("axis", e.b.getI64IntegerAttr(1))}));
  Expr position = iota(e, matrix, 1, graph::elementType(x)) + 1.0;
  Expr hasShare = compare(Predicate::GT, sorted - (running - 1.0) / position, sorted.number(0));
  Expr total = sum(select(hasShare, running, running.number(0)), {1}, /*keep=*/true);
  Expr count = sum(select(hasShare, running.number(1), running.number(0)), {1}, /*keep=*/true);
  Dims column(dims);
  column.back() = Dim::constant(context, 1);
  Expr threshold = e.expr(graph::reshape(e.b, e.loc, (total - 1.0) / count, column));
  return max(e.expr(x) - threshold, e.expr(x).number(0));
}

const std::map<std::string, Whole> &wholes() {
  static const std::map<std::string, Whole> table = {
      {"gelu", wholeGelu},       {"glu", wholeGlu},         {"log_softmax", wholeLogSoftmax},
      {"sigmoid", wholeSigmoid}, {"softmax", wholeSoftmax}, {"sparsemax", wholeSparsemax}};
  return table;
}

struct ActivationImpl : LayerWith<ActivationImpl> {
  static constexpr const char *kName = "Activation";
  static constexpr bool kMasks = true;
  std::string activation = "linear";

  static void fields(auto &self, auto &visit) { visit("activation", self.activation); }
  void check() const { checkActivation(activation, *this); }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    return activatedShape(activation, inputs[0], *this);
  }
  Value emit(Emitter &emitter, mlir::ValueRange inputs) const override {
    return emitActivation(emitter, activation, inputs[0]);
  }
};

struct ReLUImpl : SameShapeLayer<ReLUImpl> {
  static constexpr const char *kName = "ReLU";
  static constexpr bool kMasks = true;
  layers::ReLUOptions options;

  static void fields(auto &self, auto &visit) {
    visit("max_value", self.options.maxValue);
    visit("negative_slope", self.options.negativeSlope);
    visit("threshold", self.options.threshold);
  }
  void check() const {
    if (options.negativeSlope < 0 || options.threshold < 0 ||
        (options.maxValue && *options.maxValue < 0))
      fail("negativeSlope, threshold and maxValue may not be negative");
  }
  /// Above the threshold x, at most maxValue; up to it what lacks, times the slope.
  Value emit(Emitter &emitter, mlir::ValueRange inputs) const override {
    Expr x = emitter.expr(inputs[0]);
    double threshold = options.threshold, slope = options.negativeSlope;
    if (!options.maxValue && threshold == 0)
      return slope == 0 ? relu(x) : leakyRelu(x, slope);
    Expr above = threshold == 0 ? relu(x) : whereAbove(x, threshold, x, x.number(0));
    if (options.maxValue)
      above = min(above, x.number(*options.maxValue));
    return slope == 0 ? above : above - slope * relu(threshold - x);
  }
};

struct LeakyReLUImpl : SameShapeLayer<LeakyReLUImpl> {
  static constexpr const char *kName = "LeakyReLU";
  static constexpr bool kMasks = true;
  layers::LeakyReLUOptions options;

  static void fields(auto &self, auto &visit) {
    visit.former("alpha", self.options.negativeSlope);
    visit("negative_slope", self.options.negativeSlope);
  }
  void check() const {
    if (options.negativeSlope < 0)
      fail("negativeSlope may not be negative, got " + std::to_string(options.negativeSlope));
  }
  Value emit(Emitter &emitter, mlir::ValueRange inputs) const override {
    return leakyRelu(emitter.expr(inputs[0]), options.negativeSlope);
  }
};

struct PReLUImpl : SameShapeLayer<PReLUImpl> {
  static constexpr const char *kName = "PReLU";
  static constexpr bool kMasks = true;
  layers::PReLUOptions options;

  static void fields(auto &self, auto &visit) {
    visit("alpha_initializer", self.options.alphaInitializer);
    visit("alpha_regularizer", self.options.alphaRegularizer);
    visit("alpha_constraint", self.options.alphaConstraint);
    visit("shared_axes", self.options.sharedAxes);
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    Shape alpha(inputs[0].begin() + 1, inputs[0].end());
    if (options.sharedAxes)
      for (int64_t axis : positiveAxes(*this, "sharedAxes", *options.sharedAxes, inputs[0])) {
        if (axis == 0)
          fail("sharedAxes name the batch, 0, which always shares; name others");
        alpha[axis - 1] = 1;
      }
    for (int64_t extent : alpha)
      if (extent == None)
        fail("input shape " + toString(inputs[0]) +
             " is not known; alpha needs its extents: give the Input a full shape, or name the "
             "unknown axes in sharedAxes");
    return {{"alpha", alpha, options.alphaInitializer, true, options.alphaRegularizer,
             options.alphaConstraint}};
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Expr x = e.expr(inputs[0]);
    return relu(x) - e.expr(e.read(*this, "alpha")) * relu(-x);
  }
};

struct ELUImpl : SameShapeLayer<ELUImpl> {
  static constexpr const char *kName = "ELU";
  static constexpr bool kMasks = true;
  layers::ELUOptions options;

  static void fields(auto &self, auto &visit) { visit("alpha", self.options.alpha); }
  Value emit(Emitter &emitter, mlir::ValueRange inputs) const override {
    return elu(emitter.expr(inputs[0]), options.alpha);
  }
};

struct SoftmaxImpl : SameShapeLayer<SoftmaxImpl> {
  static constexpr const char *kName = "Softmax";
  static constexpr bool kMasks = true;
  layers::SoftmaxOptions options;

  static void fields(auto &self, auto &visit) { visit("axis", self.options.axis); }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    positiveAxes(*this, "axis", options.axis, inputs[0]);
    return inputs[0];
  }
  /// What a mask of the input's rank leaves out has no share.
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Value mask = e.maskOf(inputs[0]);
    if (!mask || graph::rankOf(mask) != graph::rankOf(inputs[0]))
      return shares(e, inputs[0]);
    Expr x = e.expr(inputs[0]), condition = e.expr(mask);
    Expr y = e.expr(shares(e, select(condition, x, x.number(-1e9))));
    return select(condition, y, y.number(0));
  }
  Value shares(Emitter &e, Value input) const {
    if (options.axis.values.size() == 1)
      return emitSoftmax(e, input, options.axis.values[0]);
    llvm::SmallVector<int64_t> axes;
    for (int64_t axis : options.axis.values)
      axes.push_back(axis < 0 ? axis + graph::rankOf(input) : axis);
    Expr x = e.expr(input);
    Expr greatest = e.expr(graph::reduce(e.b, e.loc, x, graph::ReduceKind::Max, axes, true));
    Expr powers = exp(x - greatest);
    return powers / sum(powers, axes, /*keep=*/true);
  }
};

constexpr LayerClass kClasses[] = {layerClass<ActivationImpl>(), layerClass<ReLUImpl>(),
                                   layerClass<LeakyReLUImpl>(),  layerClass<PReLUImpl>(),
                                   layerClass<ELUImpl>(),        layerClass<SoftmaxImpl>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::activationLayers() { return kClasses; }

void detail::checkActivation(const std::string &name, const LayerImpl &layer) {
  if (formulas().count(name) || wholes().count(name))
    return;
  std::vector<std::string> known;
  for (const auto &[key, formula] : formulas())
    known.push_back(key);
  for (const auto &[key, whole] : wholes())
    known.push_back(key);
  layer.fail(unknownName("activation", name, known));
}

void detail::checkSameShapeActivation(const std::string &name, const LayerImpl &layer) {
  checkActivation(name, layer);
  if (name == "glu")
    layer.fail("activation 'glu' halves the last dimension, which this layer cannot; use another, "
               "or Activation(\"glu\") behind it");
}

Shape detail::activatedShape(const std::string &name, Shape shape, const LayerImpl &layer) {
  if (name == "glu") {
    if (shape.back() == None || shape.back() % 2 != 0)
      layer.fail("activation 'glu' halves the last dimension, which must be known and even, got " +
                 toString(shape) + "; use an even number of units or filters");
    shape.back() /= 2;
  }
  return shape;
}

Value detail::emitActivation(Emitter &emitter, const std::string &name, Value x) {
  if (auto whole = wholes().find(name); whole != wholes().end())
    return whole->second(emitter, x);
  return formulas().at(name)(emitter.expr(x));
}

Value detail::emitSoftmax(Emitter &emitter, Value x, int64_t axis) {
  int64_t rank = graph::rankOf(x), positive = axis < 0 ? axis + rank : axis;
  Value result = emitter.create<graph::SoftmaxOp>(
      {x}, {emitter.named("axis", emitter.b.getI64IntegerAttr(positive))});
  if (positive == rank - 1)
    emitter.logits[result] = {x, "softmax"};
  return result;
}

layers::Activation::Activation(const std::string &activation, PlainOptions options)
    : Layer(construct<ActivationImpl>(options,
                                      [&](auto &layer) { layer.activation = activation; })) {}
layers::ReLU::ReLU(ReLUOptions options) : Layer(construct<ReLUImpl>(options)) {}
layers::LeakyReLU::LeakyReLU(LeakyReLUOptions options) : Layer(construct<LeakyReLUImpl>(options)) {}
layers::PReLU::PReLU(PReLUOptions options) : Layer(construct<PReLUImpl>(options)) {}
layers::ELU::ELU(ELUOptions options) : Layer(construct<ELUImpl>(options)) {}
layers::Softmax::Softmax(SoftmaxOptions options) : Layer(construct<SoftmaxImpl>(options)) {}

} // namespace ingot::keras
