// Convolutions: plain, transposed, depthwise and separable, each written once for all numbers of
// spatial dimensions.
#include "frontends/keras/layers/Convolution.h"
#include "frontends/keras/layers/Spatial.h"

namespace ingot::keras {

using namespace detail;
using mlir::Value;

namespace {

/// What all of them have: a window, a bias, an activation.
template <typename Impl, int N> struct ConvolutionLayer : SpatialLayer<Impl, N> {
  layers::Size<N> kernelSize = 1;

  Window window() const {
    const auto &options = this->impl().options;
    bool allowsCausal = N == 1 && Impl::kAllowsCausal;
    return Window(kernelSize, options.strides, options.dilationRate,
                  paddingOf(*this, options.padding, allowsCausal));
  }
  void check() const {
    SpatialLayer<Impl, N>::check();
    window().check(*this, "kernelSize");
    checkActivation(this->impl().options.activation, *this);
  }
  int64_t channelsOf(const Shape &x) const {
    if (x.back() == None)
      this->fail("the number of input channels is not known: expected " +
                 dimensionNames(N, this->channelsFirst()) + ", got " + this->shown(x) +
                 "; its kernel needs that number: give the Input a full shape");
    return x.back();
  }
  Shape activated(Shape result, int64_t channels) const {
    result.back() = channels;
    return activatedShape(this->impl().options.activation, std::move(result), *this);
  }
  Shape kernelShape(int64_t in, int64_t out) const {
    Shape shape(kernelSize.values.begin(), kernelSize.values.end());
    shape.insert(shape.end(), {in, out});
    return shape;
  }
  std::vector<Weight> withBias(std::vector<Weight> weights, int64_t channels) const {
    if (this->impl().options.useBias)
      weights.push_back(biasOf(this->impl().options, {channels}));
    return weights;
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    return this->impl().weightsFor(channelsOf(this->lastOf(inputs[0])));
  }
  /// The bias, then the activation.
  Value finish(Emitter &e, Value y) const {
    const auto &options = this->impl().options;
    return emitActivation(e, options.activation, addBias(e, *this, options.useBias, y));
  }
  /// Each channel convolved by itself; the kernel is (k…, channels, multiplier).
  Value depthwise(Emitter &e, Value x, Value kernel) const {
    Dims dims = dimsOf(kernel);
    int64_t channels = dims[N].value();
    dims[N + 1] = dims[N] * dims[N + 1];
    dims[N] = Dim::constant(e.b.getContext(), 1);
    return convolve(e, window(), x, graph::reshape(e.b, e.loc, kernel, dims), channels);
  }
  static Value convolve(Emitter &e, const Window &window, Value x, Value kernel, int64_t groups) {
    Window::Call call = window.over(e, x, 0);
    call.attributes.push_back(e.named("groups", e.b.getI64IntegerAttr(groups)));
    return e.create<graph::ConvOp>({call.x, kernel}, call.attributes);
  }
};

template <int N> struct ConvImpl : ConvolutionLayer<ConvImpl<N>, N> {
  static constexpr const char *kName = byRank<N>("Conv1D", "Conv2D", "Conv3D");
  static constexpr bool kAllowsCausal = true;
  int64_t filters = 1;
  layers::ConvOptions<N> options;

  static void fields(auto &self, auto &visit) {
    visit.required("filters", self.filters);
    visit.required("kernel_size", self.kernelSize);
    visit("strides", self.options.strides);
    visit("padding", self.options.padding);
    visit("data_format", self.options.dataFormat);
    visit("dilation_rate", self.options.dilationRate);
    visit("groups", self.options.groups);
    visit("activation", self.options.activation);
    visit("use_bias", self.options.useBias);
    kernelFields(self.options, self.activityRegularizer, visit);
  }
  void check() const {
    checkPositive(*this, "filters", filters);
    if (options.groups <= 0 || filters % options.groups != 0)
      this->fail("filters " + std::to_string(filters) + " must be a multiple of groups " +
                 std::to_string(options.groups) + ", which must be positive");
    ConvolutionLayer<ConvImpl<N>, N>::check();
    this->window().checkStrideOrDilation(*this);
  }
  Shape resultOf(const Shape &x) const {
    Shape result = this->window().resultShape(*this, "kernelSize", x, this->shown(x));
    if (this->channelsOf(x) % options.groups != 0)
      this->fail("input " + this->shown(x) + " has " + std::to_string(x.back()) +
                 " channels, not a multiple of groups " + std::to_string(options.groups));
    return this->activated(result, filters);
  }
  std::vector<Weight> weightsFor(int64_t channels) const {
    return this->withBias(
        {kernelOf(options, this->kernelShape(channels / options.groups, filters))}, filters);
  }
  Value emitLast(Emitter &e, Value x) const {
    return this->finish(
        e, this->convolve(e, this->window(), x, e.read(*this, "kernel"), options.groups));
  }
};

template <int N> struct ConvTransposeImpl : ConvolutionLayer<ConvTransposeImpl<N>, N> {
  static constexpr const char *kName =
      byRank<N>("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose");
  static constexpr bool kAllowsCausal = false;
  int64_t filters = 1;
  layers::ConvTransposeOptions<N> options;

  static void fields(auto &self, auto &visit) {
    visit.required("filters", self.filters);
    visit.required("kernel_size", self.kernelSize);
    visit("strides", self.options.strides);
    visit("padding", self.options.padding);
    visit("output_padding", self.options.outputPadding);
    visit("data_format", self.options.dataFormat);
    visit("dilation_rate", self.options.dilationRate);
    visit("activation", self.options.activation);
    visit("use_bias", self.options.useBias);
    kernelFields(self.options, self.activityRegularizer, visit);
  }
  void check() const {
    checkPositive(*this, "filters", filters);
    ConvolutionLayer<ConvTransposeImpl<N>, N>::check();
    Window window = this->window();
    window.checkStrideOrDilation(*this);
    for (int d = 0; options.outputPadding && d < N; ++d) {
      int64_t extra = options.outputPadding->values[d], stride = window.strides[d];
      if (extra < 0 || extra >= stride)
        this->fail("outputPadding " + std::to_string(extra) +
                   " must be from 0 to below the stride, " + std::to_string(stride));
      if (window.padding == Padding::Same && window.span(d) % 2 + extra == 0)
        this->fail("outputPadding 0 with padding \"same\" and an even kernel leaves out the last "
                   "input; use an outputPadding of 1 or more, or none");
    }
  }
  /// What a dimension's result has beyond (inputs - 1) * stride.
  int64_t beyond(const Window &window, int64_t d) const {
    int64_t span = window.span(d), stride = window.strides[d];
    bool same = window.padding == Padding::Same;
    if (!options.outputPadding)
      return same ? stride : std::max(span, stride);
    return (same ? span % 2 : span) + options.outputPadding->values[d];
  }
  Shape resultOf(const Shape &x) const {
    Window window = this->window();
    Shape result = x;
    this->channelsOf(x);
    for (int64_t d = 0; d < N; ++d)
      if (x[1 + d] != None)
        result[1 + d] = (x[1 + d] - 1) * window.strides[d] + beyond(window, d);
    return this->activated(result, filters);
  }
  std::vector<Weight> weightsFor(int64_t channels) const {
    return this->withBias({kernelOf(options, this->kernelShape(filters, channels))}, filters);
  }
  /// The convolution whose gradient for its input this is pads, where it is "same", by what its
  /// windows hang over the result: total = span - beyond, whatever the sizes.
  Value emitLast(Emitter &e, Value x) const {
    Window window = this->window();
    Dims result = dimsOf(x);
    llvm::SmallVector<int64_t> low(N, 0), high(N, 0);
    for (int64_t d = 0; d < N; ++d) {
      int64_t more = beyond(window, d);
      result[1 + d] = (result[1 + d] - 1) * window.strides[d] + more;
      int64_t total = window.padding == Padding::Same ? window.span(d) - more : 0;
      low[d] = std::max<int64_t>(total, 0) / 2;
      high[d] = std::max<int64_t>(total, 0) - low[d];
    }
    result.back() = Dim::constant(e.b.getContext(), filters);
    Value y = graph::ConvInputGradientOp::create(
        e.b, e.loc, tensorType(result, graph::elementType(x)), x, e.read(*this, "kernel"),
        window.strides, window.dilations, low, high, /*groups=*/1);
    return this->finish(e, y);
  }
};

template <int N> struct DepthwiseConvImpl : ConvolutionLayer<DepthwiseConvImpl<N>, N> {
  static constexpr const char *kName = byRank<N>("DepthwiseConv1D", "DepthwiseConv2D", "");
  static constexpr bool kAllowsCausal = false;
  layers::DepthwiseConvOptions<N> options;

  static void fields(auto &self, auto &visit) {
    visit("depth_multiplier", self.options.depthMultiplier);
    visit.required("kernel_size", self.kernelSize);
    visit("strides", self.options.strides);
    visit("padding", self.options.padding);
    visit("data_format", self.options.dataFormat);
    visit("dilation_rate", self.options.dilationRate);
    visit("activation", self.options.activation);
    visit("use_bias", self.options.useBias);
    visit("depthwise_initializer", self.options.depthwiseInitializer);
    visit("bias_initializer", self.options.biasInitializer);
    visit("depthwise_regularizer", self.options.depthwiseRegularizer);
    visit("bias_regularizer", self.options.biasRegularizer);
    visit("activity_regularizer", self.activityRegularizer);
    visit("depthwise_constraint", self.options.depthwiseConstraint);
    visit("bias_constraint", self.options.biasConstraint);
  }
  void check() const {
    checkPositive(*this, "depthMultiplier", options.depthMultiplier);
    ConvolutionLayer<DepthwiseConvImpl<N>, N>::check();
  }
  Shape resultOf(const Shape &x) const {
    Shape result = this->window().resultShape(*this, "kernelSize", x, this->shown(x));
    return this->activated(result, this->channelsOf(x) * options.depthMultiplier);
  }
  std::vector<Weight> weightsFor(int64_t channels) const {
    return this->withBias({{"kernel", this->kernelShape(channels, options.depthMultiplier),
                            options.depthwiseInitializer, true, options.depthwiseRegularizer,
                            options.depthwiseConstraint}},
                          channels * options.depthMultiplier);
  }
  Value emitLast(Emitter &e, Value x) const {
    return this->finish(e, this->depthwise(e, x, e.read(*this, "kernel")));
  }
};

template <int N> struct SeparableConvImpl : ConvolutionLayer<SeparableConvImpl<N>, N> {
  static constexpr const char *kName = byRank<N>("SeparableConv1D", "SeparableConv2D", "");
  static constexpr bool kAllowsCausal = false;
  int64_t filters = 1;
  layers::SeparableConvOptions<N> options;

  static void fields(auto &self, auto &visit) {
    visit("depth_multiplier", self.options.depthMultiplier);
    visit.required("filters", self.filters);
    visit.required("kernel_size", self.kernelSize);
    visit("strides", self.options.strides);
    visit("padding", self.options.padding);
    visit("data_format", self.options.dataFormat);
    visit("dilation_rate", self.options.dilationRate);
    visit("activation", self.options.activation);
    visit("use_bias", self.options.useBias);
    visit("depthwise_initializer", self.options.depthwiseInitializer);
    visit("pointwise_initializer", self.options.pointwiseInitializer);
    visit("bias_initializer", self.options.biasInitializer);
    visit("depthwise_regularizer", self.options.depthwiseRegularizer);
    visit("pointwise_regularizer", self.options.pointwiseRegularizer);
    visit("bias_regularizer", self.options.biasRegularizer);
    visit("activity_regularizer", self.activityRegularizer);
    visit("depthwise_constraint", self.options.depthwiseConstraint);
    visit("pointwise_constraint", self.options.pointwiseConstraint);
    visit("bias_constraint", self.options.biasConstraint);
  }
  void check() const {
    checkPositive(*this, "depthMultiplier", options.depthMultiplier);
    checkPositive(*this, "filters", filters);
    ConvolutionLayer<SeparableConvImpl<N>, N>::check();
  }
  Shape resultOf(const Shape &x) const {
    this->channelsOf(x);
    Shape result = this->window().resultShape(*this, "kernelSize", x, this->shown(x));
    return this->activated(result, filters);
  }
  std::vector<Weight> weightsFor(int64_t channels) const {
    Shape pointwise(N, 1);
    pointwise.insert(pointwise.end(), {channels * options.depthMultiplier, filters});
    return this->withBias(
        {{"depthwise_kernel", this->kernelShape(channels, options.depthMultiplier),
          options.depthwiseInitializer, true, options.depthwiseRegularizer,
          options.depthwiseConstraint},
         {"pointwise_kernel", pointwise, options.pointwiseInitializer, true,
          options.pointwiseRegularizer, options.pointwiseConstraint}},
        filters);
  }
  Value emitLast(Emitter &e, Value x) const {
    Value y = this->depthwise(e, x, e.read(*this, "depthwise_kernel"));
    layers::Size<N> one = 1;
    Window point(one, one, one, Padding::Valid);
    return this->finish(e, this->convolve(e, point, y, e.read(*this, "pointwise_kernel"), 1));
  }
};

constexpr LayerClass kClasses[] = {
    layerClass<ConvImpl<1>>(),          layerClass<ConvImpl<2>>(),
    layerClass<ConvImpl<3>>(),          layerClass<ConvTransposeImpl<1>>(),
    layerClass<ConvTransposeImpl<2>>(), layerClass<ConvTransposeImpl<3>>(),
    layerClass<DepthwiseConvImpl<1>>(), layerClass<DepthwiseConvImpl<2>>(),
    layerClass<SeparableConvImpl<1>>(), layerClass<SeparableConvImpl<2>>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::convolutionLayers() { return kClasses; }

template <int N>
layers::Conv<N>::Conv(int64_t filters, Size<N> kernelSize, ConvOptions<N> options)
    : Layer(construct<ConvImpl<N>>(options, [&](auto &layer) {
        layer.filters = filters;
        layer.kernelSize = kernelSize;
      })) {}

template <int N>
layers::ConvTranspose<N>::ConvTranspose(int64_t filters, Size<N> kernelSize,
                                        ConvTransposeOptions<N> options)
    : Layer(construct<ConvTransposeImpl<N>>(options, [&](auto &layer) {
        layer.filters = filters;
        layer.kernelSize = kernelSize;
      })) {}

template <int N>
layers::DepthwiseConv<N>::DepthwiseConv(Size<N> kernelSize, DepthwiseConvOptions<N> options)
    : Layer(construct<DepthwiseConvImpl<N>>(options,
                                            [&](auto &layer) { layer.kernelSize = kernelSize; })) {}

template <int N>
layers::SeparableConv<N>::SeparableConv(int64_t filters, Size<N> kernelSize,
                                        SeparableConvOptions<N> options)
    : Layer(construct<SeparableConvImpl<N>>(options, [&](auto &layer) {
        layer.filters = filters;
        layer.kernelSize = kernelSize;
      })) {}

template struct layers::Conv<1>;
template struct layers::Conv<2>;
template struct layers::Conv<3>;
template struct layers::ConvTranspose<1>;
template struct layers::ConvTranspose<2>;
template struct layers::ConvTranspose<3>;
template struct layers::DepthwiseConv<1>;
template struct layers::DepthwiseConv<2>;
template struct layers::SeparableConv<1>;
template struct layers::SeparableConv<2>;

} // namespace ingot::keras
