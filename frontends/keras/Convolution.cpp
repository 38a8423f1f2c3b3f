// The convolution layer.
#include "frontends/keras/Window.h"

namespace ingot::keras {

using namespace detail;
using mlir::Value;

namespace {

struct Conv2DImpl : LayerImpl {
  int64_t filters;
  layers::Size2D kernelSize;
  layers::Conv2DOptions options;

  Conv2DImpl(int64_t filters, layers::Size2D kernelSize, layers::Conv2DOptions options)
      : filters(filters), kernelSize(kernelSize), options(std::move(options)) {}

  const char *className() const override { return "Conv2D"; }
  Json config() const override {
    return {{"filters", filters},
            {"kernel_size", toJson(kernelSize)},
            {"strides", toJson(options.strides)},
            {"padding", options.padding},
            {"data_format", "channels_last"},
            {"dilation_rate", toJson(options.dilationRate)},
            {"groups", options.groups},
            {"activation", options.activation},
            {"use_bias", options.useBias},
            {"kernel_initializer", toJson(options.kernelInitializer)},
            {"bias_initializer", toJson(options.biasInitializer)}};
  }
  Window2D window() const {
    return Window2D(kernelSize, options.strides, options.dilationRate,
                    isSamePadding(*this, options.padding));
  }
  void check() const {
    if (filters <= 0)
      fail("filters must be positive, got " + std::to_string(filters));
    if (options.groups <= 0 || filters % options.groups != 0)
      fail("filters " + std::to_string(filters) + " must be a multiple of groups " +
           std::to_string(options.groups) + ", which must be positive");
    window().check(*this, "kernelSize");
    checkActivation(options.activation, *this);
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    const Shape &x = inputs[0];
    Shape result = window().resultShape(*this, "kernelSize", x);
    if (x[3] == None)
      fail("the number of input channels is not known: expected (batch, height, width, channels), "
           "got " +
           toString(x) + "; its kernel needs that number: give the Input a full shape");
    if (x[3] % options.groups != 0)
      fail("input " + toString(x) + " has " + std::to_string(x[3]) +
           " channels, not a multiple of groups " + std::to_string(options.groups));
    result[3] = filters;
    return result;
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    std::vector<Weight> result = {
        {"kernel",
         {kernelSize.height, kernelSize.width, inputs[0][3] / options.groups, filters},
         options.kernelInitializer}};
    if (options.useBias)
      result.push_back({"bias", {filters}, options.biasInitializer});
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    auto attributes = window().attributes(e, *this, inputs[0]);
    attributes.push_back(e.named("groups", e.b.getI64IntegerAttr(options.groups)));
    Value y = e.create<graph::ConvOp>({inputs[0], e.read(*this, "kernel")}, attributes);
    if (options.useBias)
      y = e.expr(y) + e.expr(e.read(*this, "bias"));
    return emitActivation(e, options.activation, y);
  }
};

} // namespace

layers::Conv2D::Conv2D(int64_t filters, Size2D kernelSize, Conv2DOptions options)
    : Layer([&] {
        auto layer = makeLayer(std::make_shared<Conv2DImpl>(filters, kernelSize, options), options);
        layer->check();
        return layer;
      }()) {}

} // namespace ingot::keras
