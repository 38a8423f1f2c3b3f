// Layers that normalise: by the batch's statistics, or each sample by its own.
#include "frontends/keras/layers/Normalization.h"
#include "frontends/keras/layers/Arguments.h"
#include "frontends/keras/layers/Ops.h"

#include <algorithm>

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using mlir::Value;

namespace {

void checkEpsilon(const LayerImpl &layer, double epsilon) {
  if (!(epsilon > 0))
    layer.fail("epsilon must be positive, got " + std::to_string(epsilon));
}

/// The extent along an axis that weights are made for.
int64_t knownExtent(const LayerImpl &layer, int64_t axis, const Shape &x) {
  if (x[axis] == None)
    layer.fail("axis " + std::to_string(axis) + " of input shape " + toString(x) +
               " is not known; its weights need that number: give the Input a full shape");
  return x[axis];
}

/// What is held to gamma and beta.
void affineFields(auto &self, auto &visit) {
  visit("beta_regularizer", self.options.betaRegularizer);
  visit("gamma_regularizer", self.options.gammaRegularizer);
  visit("beta_constraint", self.options.betaConstraint);
  visit("gamma_constraint", self.options.gammaConstraint);
}

/// gamma and beta.
template <typename Options>
std::vector<Weight> scaleAndCenter(const Options &options, const Shape &shape, bool centers) {
  std::vector<Weight> result;
  if (options.scale)
    result.push_back({"gamma", shape, options.gammaInitializer, true, options.gammaRegularizer,
                      options.gammaConstraint});
  if (centers)
    result.push_back({"beta", shape, options.betaInitializer, true, options.betaRegularizer,
                      options.betaConstraint});
  return result;
}

struct BatchNormalizationImpl : SameShapeLayer<BatchNormalizationImpl> {
  static constexpr const char *kName = "BatchNormalization";
  static constexpr bool kMasks = true;
  static constexpr bool kInFloat32 = true;
  layers::BatchNormalizationOptions options;

  static void fields(auto &self, auto &visit) {
    visit.axis("axis", self.options.axis);
    visit("momentum", self.options.momentum);
    visit("epsilon", self.options.epsilon);
    visit("center", self.options.center);
    visit("scale", self.options.scale);
    visit("beta_initializer", self.options.betaInitializer);
    visit("gamma_initializer", self.options.gammaInitializer);
    affineFields(self, visit);
    visit("moving_mean_initializer", self.options.movingMeanInitializer);
    visit("moving_variance_initializer", self.options.movingVarianceInitializer);
    visit.only("synchronized", false, "a model runs on one machine; leave it false");
    visit.only("renorm", false, "train without batch renormalization");
  }
  void check() const {
    if (!(options.momentum >= 0 && options.momentum <= 1))
      fail("momentum must be from 0 to 1, got " + std::to_string(options.momentum));
    checkEpsilon(*this, options.epsilon);
  }
  int64_t axisOf(int64_t rank) const {
    return options.axis < 0 ? options.axis + rank : options.axis;
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    const Shape &x = inputs[0];
    int64_t rank = x.size(), axis = axisOf(rank);
    if (axis <= 0 || axis >= rank)
      fail("axis " + std::to_string(options.axis) + " is not a feature axis of input shape " +
           toString(x) + "; use -1, the last axis");
    knownExtent(*this, axis, x);
    return x;
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    Shape shape = {inputs[0][axisOf(inputs[0].size())]};
    std::vector<Weight> result = scaleAndCenter(options, shape, options.center);
    result.push_back({"moving_mean", shape, options.movingMeanInitializer, false});
    result.push_back({"moving_variance", shape, options.movingVarianceInitializer, false});
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Value x = inputs[0];
    int64_t axis = axisOf(graph::rankOf(x));
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
    double kept = options.momentum;
    auto move = [&](Value batchMean, Value batchVariance) {
      e.assign(*this, "moving_mean", mean * kept + e.expr(batchMean) * (1 - kept));
      e.assign(*this, "moving_variance", variance * kept + e.expr(batchVariance) * (1 - kept));
    };
    if (Value mask = e.maskOf(x); mask && graph::rankOf(mask) + 1 == graph::rankOf(x)) {
      auto [batchMean, batchVariance] = maskedMoments(e, x, mask, axis);
      move(batchMean, batchVariance);
      return e.create<graph::BatchNormInferenceOp>({x, gamma, beta, batchMean, batchVariance},
                                                   attributes);
    }
    auto op = e.createOp<graph::BatchNormOp>({x, gamma, beta}, attributes);
    move(op.getMean(), op.getVariance());
    return op.getResult();
  }
  /// Mean and variance of what the mask leaves; Keras's epsilon keeps from dividing by nothing.
  static std::pair<Value, Value> maskedMoments(Emitter &e, Value x, Value mask, int64_t axis) {
    constexpr double least = 1e-7;
    Dims dims = dimsOf(mask);
    dims.push_back(Dim::constant(e.b.getContext(), 1));
    Expr condition =
        e.expr(graph::broadcastTo(e.b, e.loc, graph::reshape(e.b, e.loc, mask, dims), dimsOf(x)));
    Expr values = e.expr(x), zero = values.number(0);
    llvm::SmallVector<int64_t> over;
    for (int64_t d = 0; d < graph::rankOf(x); ++d)
      if (d != axis)
        over.push_back(d);
    Expr count = sum(select(condition, values.number(1), zero), over, /*keep=*/true) + least;
    Expr mean = sum(select(condition, values, zero), over, /*keep=*/true) / count;
    Expr distance = select(condition, values - mean, zero);
    Expr variance = sum(distance * distance, over, /*keep=*/true) / count;
    Dims feature = {dimsOf(x)[axis]};
    return {graph::reshape(e.b, e.loc, mean, feature),
            graph::reshape(e.b, e.loc, variance, feature)};
  }
};

/// Weights along some axes (increasing) as they are broadcast against x.
Expr alongAxes(Emitter &e, Value weights, llvm::ArrayRef<int64_t> axes, Value x) {
  Dims dims(graph::rankOf(x), Dim::constant(e.b.getContext(), 1));
  for (int64_t axis : axes)
    dims[axis] = dimsOf(x)[axis];
  return e.expr(graph::reshape(e.b, e.loc, weights, dims));
}

/// The layers' axes in a tensor of this rank, increasing; resultShape has checked them.
llvm::SmallVector<int64_t> axesOf(const layers::Axes &axes, int64_t rank) {
  llvm::SmallVector<int64_t> result;
  for (int64_t axis : axes.values)
    result.push_back(axis < 0 ? axis + rank : axis);
  llvm::sort(result);
  return result;
}

Shape extentsAlong(const LayerImpl &layer, const layers::Axes &axes, const Shape &x) {
  Shape shape;
  for (int64_t axis : positiveAxes(layer, "axis", axes, x)) {
    if (axis == 0)
      layer.fail("axis " + toString(axes.values) + " names the batch of input shape " +
                 toString(x) + "; samples are normalised one by one: name feature axes");
    shape.push_back(knownExtent(layer, axis, x));
  }
  if (shape.empty())
    layer.fail("axis names no dimension; use -1, the last axis");
  return shape;
}

struct LayerNormalizationImpl : SameShapeLayer<LayerNormalizationImpl> {
  static constexpr const char *kName = "LayerNormalization";
  static constexpr bool kMasks = true;
  static constexpr bool kInFloat32 = true;
  layers::LayerNormalizationOptions options;

  static void fields(auto &self, auto &visit) {
    visit("axis", self.options.axis);
    visit("epsilon", self.options.epsilon);
    visit("center", self.options.center);
    visit("scale", self.options.scale);
    visit("rms_scaling", self.options.rmsScaling);
    visit("beta_initializer", self.options.betaInitializer);
    visit("gamma_initializer", self.options.gammaInitializer);
    affineFields(self, visit);
  }
  void check() const { checkEpsilon(*this, options.epsilon); }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    Shape shape = extentsAlong(*this, options.axis, inputs[0]);
    layers::LayerNormalizationOptions effective = options;
    effective.scale |= options.rmsScaling;
    return scaleAndCenter(effective, shape, options.center && !options.rmsScaling);
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Expr x = e.expr(inputs[0]);
    llvm::SmallVector<int64_t> axes = axesOf(options.axis, graph::rankOf(x));
    if (options.rmsScaling) {
      Expr centered = x - mean(x, axes, /*keep=*/true);
      Expr inverse = rsqrt(mean(centered * centered, axes, /*keep=*/true) + options.epsilon);
      return x * inverse * alongAxes(e, e.read(*this, "gamma"), axes, x);
    }
    Dims along;
    for (int64_t axis : axes)
      along.push_back(x.dims()[axis]);
    auto fill = [&](double value) {
      return graph::splat(e.b, e.loc, graph::elementType(x), along, value);
    };
    Value gamma = options.scale ? e.read(*this, "gamma") : fill(1);
    Value beta = options.center ? e.read(*this, "beta") : fill(0);
    return e.create<graph::LayerNormOp>(
        {x, gamma, beta},
        {e.integers("axes", axes), e.named("epsilon", e.b.getF64FloatAttr(options.epsilon))});
  }
};

struct GroupNormalizationImpl : SameShapeLayer<GroupNormalizationImpl> {
  static constexpr const char *kName = "GroupNormalization";
  static constexpr bool kMasks = true;
  static constexpr bool kInFloat32 = true;
  layers::GroupNormalizationOptions options;

  static void fields(auto &self, auto &visit) {
    visit("groups", self.options.groups);
    visit("axis", self.options.axis);
    visit("epsilon", self.options.epsilon);
    visit("center", self.options.center);
    visit("scale", self.options.scale);
    visit("beta_initializer", self.options.betaInitializer);
    visit("gamma_initializer", self.options.gammaInitializer);
    affineFields(self, visit);
  }
  void check() const {
    if (options.groups <= 0 && options.groups != -1)
      fail("groups must be positive, or -1 for one a channel, got " +
           std::to_string(options.groups));
    checkEpsilon(*this, options.epsilon);
  }
  int64_t axisOf(int64_t rank) const {
    return options.axis < 0 ? options.axis + rank : options.axis;
  }
  int64_t groupsOf(int64_t channels) const {
    return options.groups == -1 ? channels : options.groups;
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    const Shape &x = inputs[0];
    int64_t axis = positiveAxis(*this, "axis", options.axis, x);
    if (axis == 0)
      fail("axis 0 is the batch of input shape " + toString(x) + "; use -1, the last axis");
    int64_t channels = knownExtent(*this, axis, x), groups = groupsOf(channels);
    if (channels % groups != 0)
      fail(std::to_string(channels) + " channels of input shape " + toString(x) +
           " cannot be split into " + std::to_string(groups) +
           " groups evenly; use a number of groups that divides them, or -1");
    return x;
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    return scaleAndCenter(options, {inputs[0][axisOf(inputs[0].size())]}, options.center);
  }
  /// With the channels apart as (groups, channels of a group) a mean over all but batch and groups.
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Value x = inputs[0];
    Dims dims = dimsOf(x), apart = dims;
    int64_t axis = axisOf(graph::rankOf(x)), channels = dims[axis].value();
    int64_t groups = groupsOf(channels);
    mlir::MLIRContext *context = e.b.getContext();
    apart[axis] = Dim::constant(context, channels / groups);
    apart.insert(apart.begin() + axis, Dim::constant(context, groups));
    Expr grouped = e.expr(graph::reshape(e.b, e.loc, x, apart));
    llvm::SmallVector<int64_t> over;
    for (int64_t d = 1; d < static_cast<int64_t>(apart.size()); ++d)
      if (d != axis)
        over.push_back(d);
    Expr centered = grouped - mean(grouped, over, /*keep=*/true);
    Expr inverse = rsqrt(mean(centered * centered, over, /*keep=*/true) + options.epsilon);
    Expr y = e.expr(graph::reshape(e.b, e.loc, centered * inverse, dims));
    if (options.scale)
      y = y * alongAxes(e, e.read(*this, "gamma"), {axis}, x);
    if (options.center)
      y = y + alongAxes(e, e.read(*this, "beta"), {axis}, x);
    return y;
  }
};

struct RMSNormalizationImpl : SameShapeLayer<RMSNormalizationImpl> {
  static constexpr const char *kName = "RMSNormalization";
  static constexpr bool kInFloat32 = true;
  layers::RMSNormalizationOptions options;

  static void fields(auto &self, auto &visit) {
    visit("axis", self.options.axis);
    visit("epsilon", self.options.epsilon);
  }
  void check() const { checkEpsilon(*this, options.epsilon); }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    const Shape &x = inputs[0];
    Shape shape = extentsAlong(*this, options.axis, x);
    if (axesOf(options.axis, x.size()).front() != static_cast<int64_t>(x.size() - shape.size()))
      fail("axis " + toString(options.axis.values) + " are not the last axes of input shape " +
           toString(x) + "; use -1, or bring them to the end with a Permute");
    return {{"scale", shape, "ones"}};
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Expr x = e.expr(inputs[0]);
    llvm::SmallVector<int64_t> axes = axesOf(options.axis, graph::rankOf(x));
    Expr inverse = rsqrt(mean(x * x, axes, /*keep=*/true) + options.epsilon);
    return x * inverse * alongAxes(e, e.read(*this, "scale"), axes, x);
  }
};

struct UnitNormalizationImpl : SameShapeLayer<UnitNormalizationImpl> {
  static constexpr const char *kName = "UnitNormalization";
  static constexpr bool kMasks = true;
  layers::UnitNormalizationOptions options;

  static void fields(auto &self, auto &visit) { visit("axis", self.options.axis); }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    positiveAxes(*this, "axis", options.axis, inputs[0]);
    return inputs[0];
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    return normalized(e, inputs[0], axesOf(options.axis, graph::rankOf(inputs[0])), 1e-12);
  }
};

constexpr LayerClass kClasses[] = {
    layerClass<BatchNormalizationImpl>(), layerClass<LayerNormalizationImpl>(),
    layerClass<GroupNormalizationImpl>(), layerClass<RMSNormalizationImpl>(),
    layerClass<UnitNormalizationImpl>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::normalizationLayers() { return kClasses; }

layers::BatchNormalization::BatchNormalization(BatchNormalizationOptions options)
    : Layer(construct<BatchNormalizationImpl>(options)) {}
layers::LayerNormalization::LayerNormalization(LayerNormalizationOptions options)
    : Layer(construct<LayerNormalizationImpl>(options)) {}
layers::GroupNormalization::GroupNormalization(GroupNormalizationOptions options)
    : Layer(construct<GroupNormalizationImpl>(options)) {}
layers::RMSNormalization::RMSNormalization(RMSNormalizationOptions options)
    : Layer(construct<RMSNormalizationImpl>(options)) {}
layers::UnitNormalization::UnitNormalization(UnitNormalizationOptions options)
    : Layer(construct<UnitNormalizationImpl>(options)) {}

} // namespace ingot::keras
