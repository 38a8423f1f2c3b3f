// Layers that behave differently in training: Dropout, BatchNormalization.
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Layers.h"

namespace ingot::keras {

using namespace detail;
using mlir::Value;

namespace {

struct DropoutImpl : LayerImpl {
  double rate = 0;

  const char *className() const override { return "Dropout"; }
  Json config() const override { return {{"rate", rate}}; }
  Shape resultShape(const std::vector<Shape> &inputs) const override { return inputs[0]; }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    if (!e.training || rate == 0)
      return inputs[0];
    std::string path = e.layer + "/call" + std::to_string(e.callIndex);
    return e.create<graph::DropoutOp>(
        {inputs[0], e.control("seed"), e.control("step")},
        {e.randomId(path), e.named("rate", e.b.getF64FloatAttr(rate))});
  }
};

struct BatchNormalizationImpl : LayerImpl {
  layers::BatchNormalizationOptions options;

  const char *className() const override { return "BatchNormalization"; }
  bool computesInFloat32() const override { return true; }
  Json config() const override {
    return {{"axis", options.axis},
            {"momentum", options.momentum},
            {"epsilon", options.epsilon},
            {"center", options.center},
            {"scale", options.scale},
            {"beta_initializer", toJson(options.betaInitializer)},
            {"gamma_initializer", toJson(options.gammaInitializer)},
            {"moving_mean_initializer", toJson(options.movingMeanInitializer)},
            {"moving_variance_initializer", toJson(options.movingVarianceInitializer)}};
  }
  int64_t positiveAxis(int64_t rank) const {
    return options.axis < 0 ? options.axis + rank : options.axis;
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    const Shape &x = inputs[0];
    int64_t rank = x.size(), axis = positiveAxis(rank);
    if (axis <= 0 || axis >= rank)
      fail("axis " + std::to_string(options.axis) + " is not a feature axis of input shape " +
           toString(x) + "; use -1, the last axis");
    if (x[axis] == None)
      fail("axis " + std::to_string(options.axis) + " of input shape " + toString(x) +
           " is not known; its weights need that number: give the Input a full shape");
    return x;
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    Shape shape = {inputs[0][positiveAxis(inputs[0].size())]};
    std::vector<Weight> result;
    if (options.scale)
      result.push_back({"gamma", shape, options.gammaInitializer});
    if (options.center)
      result.push_back({"beta", shape, options.betaInitializer});
    result.push_back({"moving_mean", shape, options.movingMeanInitializer, false});
    result.push_back({"moving_variance", shape, options.movingVarianceInitializer, false});
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Value x = inputs[0];
    int64_t axis = positiveAxis(graph::rankOf(x));
    Dims feature = {dimsOf(x)[axis]};
    auto fill = [&](double value) {
      return graph::splat(e.b, e.loc, graph::elementType(x), feature, value);
    };
    Value gamma = options.scale ? e.read(*this, "gamma") : fill(1);
    Value beta = options.center ? e.read(*this, "beta") : fill(0);
    graph::Expr mean = e.expr(e.read(*this, "moving_mean"));
    graph::Expr variance = e.expr(e.read(*this, "moving_variance"));
    llvm::SmallVector<mlir::NamedAttribute> attributes = {
        e.named("axis", e.b.getI64IntegerAttr(axis)),
        e.named("epsilon", e.b.getF64FloatAttr(options.epsilon))};
    if (!e.training || !trainable)
      return e.create<graph::BatchNormInferenceOp>({x, gamma, beta, mean, variance}, attributes);
    auto op = e.createOp<graph::BatchNormOp>({x, gamma, beta}, attributes);
    double kept = options.momentum;
    e.assign(*this, "moving_mean", mean * kept + e.expr(op.getMean()) * (1 - kept));
    e.assign(*this, "moving_variance", variance * kept + e.expr(op.getVariance()) * (1 - kept));
    return op.getResult();
  }
};

} // namespace

layers::Dropout::Dropout(double rate, ShapingOptions options)
    : Layer([&] {
        auto layer = makeLayer(std::make_shared<DropoutImpl>(), options);
        layer->rate = rate;
        if (!(rate >= 0 && rate < 1))
          layer->fail("rate is the fraction to drop, from 0 to below 1, got " +
                      std::to_string(rate));
        return layer;
      }()) {}

layers::BatchNormalization::BatchNormalization(BatchNormalizationOptions options)
    : Layer([&] {
        auto layer = makeLayer(std::make_shared<BatchNormalizationImpl>(), options);
        layer->options = options;
        if (!(options.momentum >= 0 && options.momentum <= 1))
          layer->fail("momentum must be from 0 to 1, got " + std::to_string(options.momentum));
        if (!(options.epsilon > 0))
          layer->fail("epsilon must be positive, got " + std::to_string(options.epsilon));
        return layer;
      }()) {}

} // namespace ingot::keras
