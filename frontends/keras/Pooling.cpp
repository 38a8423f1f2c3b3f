// The pooling layers.
#include "frontends/keras/Window.h"

namespace ingot::keras {

using namespace detail;
using mlir::Value;

namespace {

/// Max and average pooling differ in the op alone.
struct Pooling2DImpl : LayerImpl {
  layers::Size2D poolSize;
  layers::Pooling2DOptions options;

  Pooling2DImpl(layers::Size2D poolSize, layers::Pooling2DOptions options)
      : poolSize(poolSize), options(std::move(options)) {}

  layers::Size2D strides() const { return options.strides.value_or(poolSize); }
  Json config() const override {
    return {{"pool_size", toJson(poolSize)},
            {"strides", toJson(strides())},
            {"padding", options.padding},
            {"data_format", "channels_last"}};
  }
  Window2D window() const {
    return Window2D(poolSize, strides(), 1, isSamePadding(*this, options.padding));
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    return window().resultShape(*this, "poolSize", inputs[0]);
  }
  llvm::SmallVector<mlir::NamedAttribute> attributes(Emitter &e, Value x) const {
    auto attributes = window().attributes(e, *this, x);
    attributes.push_back(e.integers("window", window().size));
    return attributes;
  }
};

struct MaxPooling2DImpl : Pooling2DImpl {
  using Pooling2DImpl::Pooling2DImpl;
  const char *className() const override { return "MaxPooling2D"; }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    return e.create<graph::MaxPoolOp>(inputs, attributes(e, inputs[0]));
  }
};

struct AveragePooling2DImpl : Pooling2DImpl {
  using Pooling2DImpl::Pooling2DImpl;
  const char *className() const override { return "AveragePooling2D"; }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    return e.create<graph::AvgPoolOp>(inputs, attributes(e, inputs[0]));
  }
};

struct GlobalAveragePooling2DImpl : LayerImpl {
  bool keepdims = false;
  const char *className() const override { return "GlobalAveragePooling2D"; }
  Json config() const override {
    return {{"data_format", "channels_last"}, {"keepdims", keepdims}};
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    const Shape &x = inputs[0];
    if (x.size() != 4)
      fail("expected an input of 4 dimensions, (batch, height, width, channels), got " +
           toString(x) + "; put it before Flatten, where images still have that form");
    return keepdims ? Shape{x[0], 1, 1, x[3]} : Shape{x[0], x[3]};
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    graph::Expr result = mean(e.expr(inputs[0]), {1, 2});
    if (!keepdims)
      return result;
    Dims dims = result.dims();
    Dim one = Dim::constant(e.b.getContext(), 1);
    return graph::reshape(e.b, e.loc, result, {dims[0], one, one, dims[1]});
  }
};

template <typename Impl>
Layer makePooling(layers::Size2D poolSize, const layers::Pooling2DOptions &options) {
  auto layer = makeLayer(std::make_shared<Impl>(poolSize, options), options);
  layer->window().check(*layer, "poolSize");
  return Layer(layer);
}

} // namespace

layers::MaxPooling2D::MaxPooling2D(Size2D poolSize, Pooling2DOptions options)
    : Layer(makePooling<MaxPooling2DImpl>(poolSize, options)) {}

layers::AveragePooling2D::AveragePooling2D(Size2D poolSize, Pooling2DOptions options)
    : Layer(makePooling<AveragePooling2DImpl>(poolSize, options)) {}

layers::GlobalAveragePooling2D::GlobalAveragePooling2D(GlobalPooling2DOptions options)
    : Layer([&] {
        auto layer = makeLayer(std::make_shared<GlobalAveragePooling2DImpl>(), options);
        layer->keepdims = options.keepdims;
        return layer;
      }()) {}

} // namespace ingot::keras
