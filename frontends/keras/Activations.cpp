// Keras's activation functions by name, as graph formulas; and the layers that are one activation.
//
// softmax (last axis) and sigmoid remember what they were applied to, so that a cross-entropy on
// their result is computed in its stable form. Called by every layer with an `activation`.
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Layers.h"
#include "frontends/keras/Names.h"

#include <map>

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using mlir::Value;

namespace {

using Formula = Expr (*)(Expr x);

Expr relu(Expr x) { return x.unary<graph::ReluOp>(); }
Expr softplus(Expr x) { return relu(x) + log(1.0 + exp(-abs(x))); }
Expr elu(Expr x) {
  Expr zero = x.number(0);
  return select(compare(graph::Predicate::GT, x, zero), x, exp(min(x, zero)) - 1.0);
}
Expr selu(Expr x) {
  constexpr double alpha = 1.6732632423543772, scale = 1.0507009873554805;
  Expr zero = x.number(0);
  return scale *
         select(compare(graph::Predicate::GT, x, zero), x, alpha * (exp(min(x, zero)) - 1.0));
}
Expr leakyRelu(Expr x) { return select(compare(graph::Predicate::GT, x, x.number(0)), x, x * 0.2); }
Expr hardSigmoid(Expr x) { return min(max(x / 6.0 + 0.5, x.number(0)), x.number(1)); }

const std::map<std::string, Formula> &formulas() {
  static const std::map<std::string, Formula> table = {
      {"linear", [](Expr x) { return x; }},
      {"relu", relu},
      {"relu6", [](Expr x) { return min(relu(x), x.number(6)); }},
      {"leaky_relu", leakyRelu},
      {"elu", elu},
      {"selu", selu},
      {"tanh", [](Expr x) { return tanh(x); }},
      {"hard_sigmoid", hardSigmoid},
      {"softplus", softplus},
      {"softsign", [](Expr x) { return x / (1.0 + abs(x)); }},
      {"exponential", [](Expr x) { return exp(x); }},
      {"silu", [](Expr x) { return x * sigmoid(x); }},
      {"swish", [](Expr x) { return x * sigmoid(x); }},
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

const std::map<std::string, Whole> &wholes() {
  static const std::map<std::string, Whole> table = {{"gelu", wholeGelu},
                                                     {"log_softmax", wholeLogSoftmax},
                                                     {"sigmoid", wholeSigmoid},
                                                     {"softmax", wholeSoftmax}};
  return table;
}

struct ActivationImpl : LayerImpl {
  std::string activation;
  const char *className() const override { return "Activation"; }
  Json config() const override { return {{"activation", activation}}; }
  Shape resultShape(const std::vector<Shape> &inputs) const override { return inputs[0]; }
  Value emit(Emitter &emitter, mlir::ValueRange inputs) const override {
    return emitActivation(emitter, activation, inputs[0]);
  }
};

struct ReLUImpl : LayerImpl {
  layers::ReLUOptions options;
  const char *className() const override { return "ReLU"; }
  Json config() const override {
    return {{"max_value", options.maxValue ? Json(*options.maxValue) : Json(nullptr)},
            {"negative_slope", options.negativeSlope},
            {"threshold", options.threshold}};
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override { return inputs[0]; }
  Value emit(Emitter &emitter, mlir::ValueRange inputs) const override {
    Expr x = emitter.expr(inputs[0]);
    if (!options.maxValue && options.negativeSlope == 0 && options.threshold == 0)
      return relu(x);
    Expr below = options.negativeSlope * (x - options.threshold);
    Expr result = select(compare(graph::Predicate::GE, x, x.number(options.threshold)), x, below);
    return options.maxValue ? min(result, x.number(*options.maxValue)) : result;
  }
};

struct SoftmaxImpl : LayerImpl {
  int64_t axis = -1;
  const char *className() const override { return "Softmax"; }
  Json config() const override { return {{"axis", axis}}; }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    int64_t rank = inputs[0].size();
    if (axis >= rank || axis < -rank)
      fail("axis " + std::to_string(axis) + " does not exist in input shape " +
           toString(inputs[0]) + "; use -1 for the last axis");
    return inputs[0];
  }
  Value emit(Emitter &emitter, mlir::ValueRange inputs) const override {
    return emitSoftmax(emitter, inputs[0], axis);
  }
};

} // namespace

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

layers::Activation::Activation(const std::string &activation, ShapingOptions options)
    : Layer([&] {
        auto layer = makeLayer(std::make_shared<ActivationImpl>(), options);
        layer->activation = activation;
        checkActivation(activation, *layer);
        return layer;
      }()) {}

layers::ReLU::ReLU(ReLUOptions options)
    : Layer([&] {
        auto layer = makeLayer(std::make_shared<ReLUImpl>(), options);
        layer->options = options;
        if (options.negativeSlope < 0 || (options.maxValue && *options.maxValue < 0))
          layer->fail("negativeSlope and maxValue may not be negative");
        return layer;
      }()) {}

layers::Softmax::Softmax(SoftmaxOptions options)
    : Layer([&] {
        auto layer = makeLayer(std::make_shared<SoftmaxImpl>(), options);
        layer->axis = options.axis;
        return layer;
      }()) {}

} // namespace ingot::keras
