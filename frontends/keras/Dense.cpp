// The fully connected layer.
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Layers.h"

namespace ingot::keras {

using namespace detail;
using mlir::Value;

namespace {

struct DenseImpl : LayerImpl {
  int64_t units = 0;
  layers::DenseOptions options;

  const char *className() const override { return "Dense"; }
  Json config() const override {
    return {{"units", units},
            {"activation", options.activation},
            {"use_bias", options.useBias},
            {"kernel_initializer", toJson(options.kernelInitializer)},
            {"bias_initializer", toJson(options.biasInitializer)}};
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    const Shape &x = inputs[0];
    if (x.size() < 2)
      fail("expected an input of at least 2 dimensions, (batch, features), got " + toString(x) +
           "; give the model an inputShape of one dimension or more");
    if (x.back() == None)
      fail("the last dimension of its input is not known: expected (…, features), got " +
           toString(x) +
           "; its kernel needs that number: give the Input a full shape, or put a "
           "Reshape or a GlobalAveragePooling2D before it");
    Shape result = x;
    result.back() = units;
    return result;
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    std::vector<Weight> result = {{"kernel", {inputs[0].back(), units}, options.kernelInitializer}};
    if (options.useBias)
      result.push_back({"bias", {units}, options.biasInitializer});
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Value x = inputs[0];
    Dims dims = dimsOf(x);
    Dim rows = Dim::constant(e.b.getContext(), 1);
    for (size_t i = 0; i + 1 < dims.size(); ++i)
      rows = rows * dims[i];
    Value matrix = graph::reshape(e.b, e.loc, x, {rows, dims.back()});
    Value product = e.create<graph::MatMulOp>({matrix, e.read(*this, "kernel")});
    if (options.useBias)
      product = e.expr(product) + e.expr(e.read(*this, "bias"));
    dims.back() = Dim::constant(e.b.getContext(), units);
    return emitActivation(e, options.activation, graph::reshape(e.b, e.loc, product, dims));
  }
};

} // namespace

layers::Dense::Dense(int64_t units, DenseOptions options)
    : Layer([&] {
        auto layer = makeLayer(std::make_shared<DenseImpl>(), options);
        layer->units = units;
        layer->options = options;
        if (units <= 0)
          layer->fail("units must be positive, got " + std::to_string(units));
        checkActivation(options.activation, *layer);
        return layer;
      }()) {}

} // namespace ingot::keras
