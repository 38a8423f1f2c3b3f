// Pooling over windows and over everything, each written once for all numbers of spatial
// dimensions; max and average differ in an op alone.
#include "frontends/keras/layers/Pooling.h"
#include "frontends/keras/layers/Resample.h"
#include "frontends/keras/layers/Spatial.h"

#include <limits>

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using mlir::Value;

namespace {

template <typename Impl, int N> struct PoolingLayer : SpatialLayer<Impl, N> {
  layers::Size<N> poolSize = 2;
  layers::PoolingOptions<N> options;

  static void fields(auto &self, auto &visit) {
    visit("pool_size", self.poolSize);
    visit("padding", self.options.padding);
    visit("strides", self.options.strides);
    visit("data_format", self.options.dataFormat);
  }
  Window window() const {
    return Window(poolSize, options.strides.value_or(poolSize), layers::Size<N>(1),
                  paddingOf(*this, options.padding));
  }
  void check() const {
    SpatialLayer<Impl, N>::check();
    window().check(*this, "poolSize");
  }
  Shape resultOf(const Shape &x) const {
    return window().resultShape(*this, "poolSize", x, this->shown(x));
  }
  template <typename OpTy>
  static Value pool(Emitter &e, const Window &window, Window::Call call, bool countsPadding) {
    call.attributes.push_back(e.integers("window", window.size));
    if (countsPadding)
      call.attributes.push_back(e.named("countIncludePad", e.b.getBoolAttr(true)));
    return e.create<OpTy>({call.x}, call.attributes);
  }
};

template <int N> struct MaxPoolingImpl : PoolingLayer<MaxPoolingImpl<N>, N> {
  static constexpr const char *kName = byRank<N>("MaxPooling1D", "MaxPooling2D", "MaxPooling3D");
  Value emitLast(Emitter &e, Value x) const {
    Window window = this->window();
    constexpr double least = -std::numeric_limits<double>::infinity();
    return this->template pool<graph::MaxPoolOp>(e, window, window.over(e, x, least), false);
  }
};

template <int N> struct AveragePoolingImpl : PoolingLayer<AveragePoolingImpl<N>, N> {
  static constexpr const char *kName =
      byRank<N>("AveragePooling1D", "AveragePooling2D", "AveragePooling3D");
  Value emitLast(Emitter &e, Value x) const {
    Window window = this->window();
    auto mean = [&](Value of, bool countsPadding) {
      return e.expr(
          this->template pool<graph::AvgPoolOp>(e, window, window.over(e, of, 0), countsPadding));
    };
    if (!window.padsBySize(x))
      return mean(x, false);
    // The padding is part of x then: the mean with it, divided by the share that is none.
    Dims dims = dimsOf(x);
    dims.front() = dims.back() = Dim::constant(e.b.getContext(), 1);
    return mean(x, true) / mean(graph::splat(e.b, e.loc, graph::elementType(x), dims, 1), true);
  }
};

template <typename Impl, int N> struct GlobalPoolingLayer : SpatialLayer<Impl, N> {
  layers::GlobalPoolingOptions options;

  static void fields(auto &self, auto &visit) {
    visit("data_format", self.options.dataFormat);
    visit("keepdims", self.options.keepdims);
  }
  Shape resultOf(const Shape &x) const {
    if (!options.keepdims)
      return {x.front(), x.back()};
    Shape result(N + 2, 1);
    result.front() = x.front();
    result.back() = x.back();
    return result;
  }
  static llvm::SmallVector<int64_t> axes() {
    llvm::SmallVector<int64_t> all;
    for (int64_t d = 1; d <= N; ++d)
      all.push_back(d);
    return all;
  }
};

template <int N> struct GlobalMaxPoolingImpl : GlobalPoolingLayer<GlobalMaxPoolingImpl<N>, N> {
  static constexpr const char *kName =
      byRank<N>("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D");
  Value emitLast(Emitter &e, Value x) const {
    return graph::reduce(e.b, e.loc, x, graph::ReduceKind::Max, this->axes(),
                         this->options.keepdims);
  }
};

template <int N>
struct GlobalAveragePoolingImpl : GlobalPoolingLayer<GlobalAveragePoolingImpl<N>, N> {
  static constexpr const char *kName =
      byRank<N>("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D");
  Value emitLast(Emitter &e, Value x) const {
    return mean(e.expr(x), this->axes(), this->options.keepdims);
  }
  /// Of sequences with a mask, the mean of what it leaves.
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Value mask = e.maskOf(inputs[0]);
    if (N != 1 || !mask)
      return SpatialLayer<GlobalAveragePoolingImpl<N>, N>::emit(e, inputs);
    Expr x = e.expr(inputs[0]);
    int64_t steps = this->channelsFirst() ? 2 : 1;
    Dims dims = dimsOf(mask);
    dims.insert(dims.begin() + (3 - steps), Dim::constant(e.b.getContext(), 1));
    Expr weights = e.expr(
        graph::cast(e.b, e.loc, graph::reshape(e.b, e.loc, mask, dims), graph::elementType(x)));
    Expr total =
        sum(select(compare(graph::Predicate::NE, weights, weights.number(0)), x, x.number(0)),
            {steps}, this->options.keepdims);
    return total / sum(weights, {steps}, this->options.keepdims);
  }
};

/// Dimension by dimension: both the greatest and, parts being boxes, the mean.
template <bool takesGreatest, int N>
struct AdaptivePoolingImpl : SpatialLayer<AdaptivePoolingImpl<takesGreatest, N>, N> {
  static constexpr const char *kName =
      takesGreatest
          ? byRank<N>("AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D")
          : byRank<N>("AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D",
                      "AdaptiveAveragePooling3D");
  layers::Size<N> outputSize = 1;
  layers::FormatOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("output_size", self.outputSize);
    visit("data_format", self.options.dataFormat);
  }
  void check() const {
    SpatialLayer<AdaptivePoolingImpl<takesGreatest, N>, N>::check();
    for (int64_t size : outputSize.values)
      checkPositive(*this, "outputSize", size);
  }
  Shape resultOf(const Shape &x) const {
    Shape result = x;
    std::copy(outputSize.values.begin(), outputSize.values.end(), result.begin() + 1);
    return result;
  }
  Value emitLast(Emitter &e, Value x) const {
    for (int d = 0; d < N; ++d)
      x = pooledInto(e, *this, x, 1 + d, outputSize.values[d], takesGreatest);
    return x;
  }
};

constexpr LayerClass kClasses[] = {layerClass<AdaptivePoolingImpl<true, 1>>(),
                                   layerClass<AdaptivePoolingImpl<true, 2>>(),
                                   layerClass<AdaptivePoolingImpl<true, 3>>(),
                                   layerClass<AdaptivePoolingImpl<false, 1>>(),
                                   layerClass<AdaptivePoolingImpl<false, 2>>(),
                                   layerClass<AdaptivePoolingImpl<false, 3>>(),
                                   layerClass<MaxPoolingImpl<1>>(),
                                   layerClass<MaxPoolingImpl<2>>(),
                                   layerClass<MaxPoolingImpl<3>>(),
                                   layerClass<AveragePoolingImpl<1>>(),
                                   layerClass<AveragePoolingImpl<2>>(),
                                   layerClass<AveragePoolingImpl<3>>(),
                                   layerClass<GlobalMaxPoolingImpl<1>>(),
                                   layerClass<GlobalMaxPoolingImpl<2>>(),
                                   layerClass<GlobalMaxPoolingImpl<3>>(),
                                   layerClass<GlobalAveragePoolingImpl<1>>(),
                                   layerClass<GlobalAveragePoolingImpl<2>>(),
                                   layerClass<GlobalAveragePoolingImpl<3>>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::poolingLayers() { return kClasses; }

template <int N>
layers::MaxPooling<N>::MaxPooling(Size<N> poolSize, PoolingOptions<N> options)
    : Layer(
          construct<MaxPoolingImpl<N>>(options, [&](auto &layer) { layer.poolSize = poolSize; })) {}

template <int N>
layers::AveragePooling<N>::AveragePooling(Size<N> poolSize, PoolingOptions<N> options)
    : Layer(construct<AveragePoolingImpl<N>>(options,
                                             [&](auto &layer) { layer.poolSize = poolSize; })) {}

template <int N>
layers::GlobalMaxPooling<N>::GlobalMaxPooling(GlobalPoolingOptions options)
    : Layer(construct<GlobalMaxPoolingImpl<N>>(options)) {}

template <int N>
layers::GlobalAveragePooling<N>::GlobalAveragePooling(GlobalPoolingOptions options)
    : Layer(construct<GlobalAveragePoolingImpl<N>>(options)) {}

template <int N>
layers::AdaptiveMaxPooling<N>::AdaptiveMaxPooling(Size<N> outputSize, FormatOptions options)
    : Layer(construct<AdaptivePoolingImpl<true, N>>(
          options, [&](auto &layer) { layer.outputSize = outputSize; })) {}

template <int N>
layers::AdaptiveAveragePooling<N>::AdaptiveAveragePooling(Size<N> outputSize, FormatOptions options)
    : Layer(construct<AdaptivePoolingImpl<false, N>>(
          options, [&](auto &layer) { layer.outputSize = outputSize; })) {}

template struct layers::AdaptiveMaxPooling<1>;
template struct layers::AdaptiveMaxPooling<2>;
template struct layers::AdaptiveMaxPooling<3>;
template struct layers::AdaptiveAveragePooling<1>;
template struct layers::AdaptiveAveragePooling<2>;
template struct layers::AdaptiveAveragePooling<3>;
template struct layers::MaxPooling<1>;
template struct layers::MaxPooling<2>;
template struct layers::MaxPooling<3>;
template struct layers::AveragePooling<1>;
template struct layers::AveragePooling<2>;
template struct layers::AveragePooling<3>;
template struct layers::GlobalMaxPooling<1>;
template struct layers::GlobalMaxPooling<2>;
template struct layers::GlobalMaxPooling<3>;
template struct layers::GlobalAveragePooling<1>;
template struct layers::GlobalAveragePooling<2>;
template struct layers::GlobalAveragePooling<3>;

} // namespace ingot::keras
