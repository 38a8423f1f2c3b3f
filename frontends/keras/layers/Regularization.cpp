// Layers that change something in training alone.
#include "frontends/keras/layers/Regularization.h"
#include "frontends/keras/layers/Ops.h"
#include "frontends/keras/layers/Spatial.h"

#include <cmath>

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using mlir::Value;

namespace {

/// Where elements share their numbers: the noise's dimensions for an input of these.
Dims noiseDims(const std::optional<Shape> &noiseShape, Dims x) {
  if (!noiseShape)
    return x;
  for (size_t d = 0; d < x.size(); ++d)
    if (int64_t extent = (*noiseShape)[d]; extent != None)
      x[d] = Dim::constant(x[d].context(), extent);
  return x;
}

void checkNoiseShape(const LayerImpl &layer, const std::optional<Shape> &noiseShape,
                     const Shape &x) {
  if (!noiseShape)
    return;
  bool fits = noiseShape->size() == x.size();
  for (size_t d = 0; fits && d < x.size(); ++d) {
    int64_t extent = (*noiseShape)[d];
    fits = extent == None || extent == 1 || extent == x[d];
  }
  if (!fits)
    layer.fail("noiseShape " + toString(*noiseShape) + " does not fit input shape " + toString(x) +
               "; use an entry for each dimension, the batch too: 1, None or the input's extent");
}

/// Dropout whose mask has these dimensions.
Value dropped(Emitter &e, Draws draws, Value x, const Dims &noise, double rate) {
  if (noise == dimsOf(x))
    return draws.dropout(x, rate);
  Value ones = graph::splat(e.b, e.loc, graph::elementType(x), noise, 1);
  return e.expr(x) * draws.dropout(ones, rate);
}

/// Layers that drop single elements, or those of `noise_shape` together.
template <typename Impl> struct ElementDropout : SameShapeLayer<Impl> {
  static constexpr bool kMasks = true;
  double rate = 0;
  layers::DropoutOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("rate", self.rate);
    visit("seed", self.options.seed);
    visit("noise_shape", self.options.noiseShape);
  }
  void check() const { checkRate(*this, "rate", rate); }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    checkNoiseShape(*this, options.noiseShape, inputs[0]);
    return inputs[0];
  }
};

struct DropoutImpl : ElementDropout<DropoutImpl> {
  static constexpr const char *kName = "Dropout";
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    if (!e.training || rate == 0)
      return inputs[0];
    Dims noise = noiseDims(options.noiseShape, dimsOf(inputs[0]));
    return dropped(e, Draws(e, options.seed), inputs[0], noise, rate);
  }
};

struct AlphaDropoutImpl : ElementDropout<AlphaDropoutImpl> {
  static constexpr const char *kName = "AlphaDropout";
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    if (!e.training || rate == 0)
      return inputs[0];
    // selu's limit for very negative numbers; a and b restore mean and variance.
    constexpr double lowest = -1.6732632423543772 * 1.0507009873554805;
    double a = 1 / std::sqrt((1 - rate) * (1 + rate * lowest * lowest)), b = -a * lowest * rate;
    Expr x = e.expr(inputs[0]);
    Expr draw = Draws(e, options.seed).uniform(noiseDims(options.noiseShape, x.dims()), 0, 1);
    Expr one = draw.number(1), zero = draw.number(0);
    Expr kept =
        castLike(e, select(compare(graph::Predicate::GE, draw, draw.number(rate)), one, zero), x);
    return (x * kept + lowest * (1.0 - kept)) * a + b;
  }
};

struct GaussianNoiseImpl : SameShapeLayer<GaussianNoiseImpl> {
  static constexpr const char *kName = "GaussianNoise";
  static constexpr bool kMasks = true;
  double stddev = 0;
  layers::NoiseOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("stddev", self.stddev);
    visit("seed", self.options.seed);
  }
  void check() const {
    if (!(stddev >= 0 && stddev <= 1))
      fail("stddev must be from 0 to 1, got " + std::to_string(stddev));
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    if (!e.training || stddev == 0)
      return inputs[0];
    Expr x = e.expr(inputs[0]);
    return x + castLike(e, Draws(e, options.seed).normal(x.dims(), 0, stddev), x);
  }
};

struct GaussianDropoutImpl : SameShapeLayer<GaussianDropoutImpl> {
  static constexpr const char *kName = "GaussianDropout";
  static constexpr bool kMasks = true;
  double rate = 0;
  layers::NoiseOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("rate", self.rate);
    visit("seed", self.options.seed);
  }
  void check() const { checkRate(*this, "rate", rate); }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    if (!e.training || rate == 0)
      return inputs[0];
    Expr x = e.expr(inputs[0]);
    double stddev = std::sqrt(rate / (1 - rate));
    return x * castLike(e, Draws(e, options.seed).normal(x.dims(), 1, stddev), x);
  }
};

template <int N> struct SpatialDropoutImpl : SpatialLayer<SpatialDropoutImpl<N>, N> {
  static constexpr const char *kName =
      byRank<N>("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D");
  static constexpr bool kMasks = true;
  double rate = 0;
  layers::SpatialDropoutOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("rate", self.rate);
    visit("seed", self.options.seed);
    if constexpr (N > 1)
      visit("data_format", self.options.dataFormat);
  }
  void check() const {
    SpatialLayer<SpatialDropoutImpl<N>, N>::check();
    checkRate(*this, "rate", rate);
    if (N == 1 && options.dataFormat != "channels_last")
      this->fail("takes channels last, (batch, steps, channels); put a Permute({2, 1}) before and "
                 "behind it");
  }
  Shape resultOf(const Shape &x) const { return x; }
  Value emitLast(Emitter &e, Value x) const {
    if (!e.training || rate == 0)
      return x;
    Dims noise = dimsOf(x);
    for (int d = 0; d < N; ++d)
      noise[1 + d] = Dim::constant(e.b.getContext(), 1);
    return dropped(e, Draws(e, options.seed), x, noise, rate);
  }
};

struct ActivityRegularizationImpl : SameShapeLayer<ActivityRegularizationImpl> {
  static constexpr const char *kName = "ActivityRegularization";
  static constexpr bool kMasks = true;
  layers::ActivityRegularizationOptions options;

  static void fields(auto &self, auto &visit) {
    visit("l1", self.options.l1);
    visit("l2", self.options.l2);
  }
  void check() const {
    if (!(options.l1 >= 0 && options.l2 >= 0))
      fail("l1 and l2 may not be negative, got " + std::to_string(options.l1) + " and " +
           std::to_string(options.l2));
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Expr x = e.expr(inputs[0]);
    auto add = [&](double factor, Expr values) {
      if (factor != 0)
        e.losses.push_back(sum(values, graph::allAxes(x)) / elementCount(x, {0}) * factor);
    };
    add(options.l1, abs(x));
    add(options.l2, x * x);
    return inputs[0];
  }
};

constexpr LayerClass kClasses[] = {
    layerClass<ActivityRegularizationImpl>(), layerClass<DropoutImpl>(),
    layerClass<AlphaDropoutImpl>(),           layerClass<GaussianNoiseImpl>(),
    layerClass<GaussianDropoutImpl>(),        layerClass<SpatialDropoutImpl<1>>(),
    layerClass<SpatialDropoutImpl<2>>(),      layerClass<SpatialDropoutImpl<3>>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::regularizationLayers() { return kClasses; }

layers::Dropout::Dropout(double rate, DropoutOptions options)
    : Layer(construct<DropoutImpl>(options, [&](auto &layer) { layer.rate = rate; })) {}
layers::AlphaDropout::AlphaDropout(double rate, DropoutOptions options)
    : Layer(construct<AlphaDropoutImpl>(options, [&](auto &layer) { layer.rate = rate; })) {}
layers::GaussianNoise::GaussianNoise(double stddev, NoiseOptions options)
    : Layer(construct<GaussianNoiseImpl>(options, [&](auto &layer) { layer.stddev = stddev; })) {}
layers::GaussianDropout::GaussianDropout(double rate, NoiseOptions options)
    : Layer(construct<GaussianDropoutImpl>(options, [&](auto &layer) { layer.rate = rate; })) {}
layers::ActivityRegularization::ActivityRegularization(ActivityRegularizationOptions options)
    : Layer(construct<ActivityRegularizationImpl>(options)) {}
template <int N>
layers::SpatialDropout<N>::SpatialDropout(double rate, SpatialDropoutOptions options)
    : Layer(construct<SpatialDropoutImpl<N>>(options, [&](auto &layer) { layer.rate = rate; })) {}
template struct layers::SpatialDropout<1>;
template struct layers::SpatialDropout<2>;
template struct layers::SpatialDropout<3>;

} // namespace ingot::keras
