// Layers that prepare data: scales, normalisation by the data's statistics, categories, sizes.
#include "frontends/keras/layers/Preprocessing.h"
#include "frontends/keras/Names.h"
#include "frontends/keras/layers/Ops.h"
#include "frontends/keras/layers/Resample.h"
#include "frontends/keras/layers/Spatial.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using mlir::Value;

namespace {

Expr constantOf(Emitter &e, const layers::Numbers &numbers, const Shape &shape) {
  std::vector<float> values(numbers.values.begin(), numbers.values.end());
  return constant(e, values, shape);
}

struct RescalingImpl : SameShapeLayer<RescalingImpl> {
  static constexpr const char *kName = "Rescaling";
  static constexpr bool kMasks = true;
  static constexpr bool kInFloat32 = true;
  layers::Numbers scale = 1.0;
  layers::RescalingOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("scale", self.scale);
    visit("offset", self.options.offset);
  }
  /// Arrays are aligned with the last dimensions, as NumPy does.
  void checkFits(const char *what, const layers::Numbers &numbers, const Shape &x) const {
    bool fits = numbers.shape.size() <= x.size();
    for (size_t d = 0; fits && d < numbers.shape.size(); ++d) {
      int64_t extent = numbers.shape[numbers.shape.size() - 1 - d];
      fits = extent == 1 || extent == x[x.size() - 1 - d];
    }
    if (!fits)
      fail(std::string(what) + " of shape " + toString(numbers.shape) +
           " does not fit input shape " + toString(x) +
           "; give one number, or one for each element of the last dimension");
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    checkFits("scale", scale, inputs[0]);
    checkFits("offset", options.offset, inputs[0]);
    return inputs[0];
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    return e.expr(inputs[0]) * constantOf(e, scale, scale.shape) +
           constantOf(e, options.offset, options.offset.shape);
  }
};

struct NormalizationImpl : SameShapeLayer<NormalizationImpl> {
  static constexpr const char *kName = "Normalization";
  static constexpr bool kMasks = true;
  static constexpr bool kInFloat32 = true;
  layers::NormalizationOptions options;

  static void fields(auto &self, auto &visit) {
    visit("axis", self.options.axis);
    visit("invert", self.options.invert);
    visit("mean", self.options.mean);
    visit("variance", self.options.variance);
  }
  void check() const {
    if (options.mean.has_value() != options.variance.has_value())
      fail("mean and variance are given both or not at all");
    if (options.mean && options.mean->shape != options.variance->shape)
      fail("mean of shape " + toString(options.mean->shape) + " and variance of shape " +
           toString(options.variance->shape) + " must have one shape");
    if (options.mean && options.mean->shape.size() > options.axis.values.size())
      fail("mean of shape " + toString(options.mean->shape) + " has more dimensions than axis " +
           toString(options.axis.values) + " names");
  }
  /// The input's extents along the axes.
  Shape keptShape(const Shape &x) const {
    Shape shape;
    for (int64_t axis : positiveAxes(*this, "axis", options.axis, x)) {
      if (x[axis] == None)
        fail("axis " + std::to_string(axis) + " of input shape " + toString(x) +
             " is not known; each of its positions has its own mean: give the Input a full shape, "
             "or name other axes");
      shape.push_back(x[axis]);
    }
    return shape;
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    Shape kept = keptShape(inputs[0]);
    if (!options.mean)
      return inputs[0];
    const Shape &given = options.mean->shape;
    for (size_t d = 0; d < given.size(); ++d)
      if (int64_t extent = given[given.size() - 1 - d];
          extent != 1 && extent != kept[kept.size() - 1 - d])
        fail("mean of shape " + toString(given) + " does not fit the extents " + toString(kept) +
             " of input shape " + toString(inputs[0]) + " along axis " +
             toString(options.axis.values));
    return inputs[0];
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    if (options.mean)
      return {};
    Shape shape = keptShape(inputs[0]);
    return {{"mean", shape, "zeros", false},
            {"variance", shape, "ones", false},
            {"count", {}, "zeros", false}};
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    constexpr double least = 1e-7; // keras.backend.epsilon()
    Expr x = e.expr(inputs[0]);
    Expr mean = x, deviation = x;
    if (options.mean) {
      layers::Numbers deviations = *options.variance;
      for (double &value : deviations.values)
        value = std::max(std::sqrt(value), least);
      mean = alongAxes(e, constantOf(e, *options.mean, options.mean->shape), x);
      deviation = alongAxes(e, constantOf(e, deviations, deviations.shape), x);
    } else {
      mean = alongAxes(e, e.expr(e.read(*this, "mean")), x);
      Expr variance = alongAxes(e, e.expr(e.read(*this, "variance")), x);
      deviation = max(sqrt(variance), variance.number(least));
    }
    return options.invert ? mean + x * deviation : (x - mean) / deviation;
  }
  /// Values along the last of the axes, as they are broadcast against x.
  Expr alongAxes(Emitter &e, Expr values, Expr x) const {
    Dims given = values.dims(), dims(graph::rankOf(x), Dim::constant(e.b.getContext(), 1));
    std::vector<int64_t> axes;
    for (int64_t axis : options.axis.values)
      axes.push_back(axis < 0 ? axis + graph::rankOf(x) : axis);
    std::sort(axes.begin(), axes.end());
    for (size_t d = 0; d < given.size(); ++d)
      dims[axes[axes.size() - given.size() + d]] = given[d];
    return e.expr(graph::reshape(e.b, e.loc, values, dims));
  }
};

/// Element i as a number.
double elementOf(const LayerImpl &layer, const TensorView &data, int64_t i) {
  switch (data.dtype) {
  case DType::F32:
    return static_cast<const float *>(data.data)[i];
  case DType::F64:
    return static_cast<const double *>(data.data)[i];
  case DType::U8:
  case DType::Bool:
    return static_cast<const uint8_t *>(data.data)[i];
  case DType::I8:
    return static_cast<const int8_t *>(data.data)[i];
  case DType::I16:
    return static_cast<const int16_t *>(data.data)[i];
  case DType::U16:
    return static_cast<const uint16_t *>(data.data)[i];
  case DType::I32:
    return static_cast<const int32_t *>(data.data)[i];
  case DType::U32:
    return static_cast<const uint32_t *>(data.data)[i];
  case DType::I64:
    return static_cast<double>(static_cast<const int64_t *>(data.data)[i]);
  default:
    layer.fail(std::string("adapt takes numbers, got ") + ingot::toString(data.dtype) +
               "; convert the data to f32 first");
  }
}

/// Mean and variance of the data for each position along the axes, which are sorted.
std::pair<std::vector<double>, std::vector<double>>
momentsOf(const LayerImpl &layer, const TensorView &data, const std::vector<int64_t> &axes) {
  int64_t total = elementCount(data), positions = 1;
  std::vector<int64_t> strides(data.rank, 0);
  for (size_t i = axes.size(); i-- > 0;) {
    strides[axes[i]] = positions;
    positions *= data.dims[axes[i]];
  }
  auto forEach = [&](auto visit) {
    std::vector<int64_t> at(data.rank, 0);
    int64_t position = 0;
    for (int64_t i = 0; i < total; ++i) {
      visit(position, elementOf(layer, data, i));
      for (int64_t d = data.rank; d-- > 0;) {
        position += strides[d];
        if (++at[d] < data.dims[d])
          break;
        position -= strides[d] * data.dims[d];
        at[d] = 0;
      }
    }
  };
  std::vector<double> means(positions, 0), variances(positions, 0);
  double count = static_cast<double>(total) / static_cast<double>(positions);
  forEach([&](int64_t position, double value) { means[position] += value; });
  for (double &mean : means)
    mean /= count;
  forEach([&](int64_t position, double value) {
    variances[position] += (value - means[position]) * (value - means[position]);
  });
  for (double &variance : variances)
    variance /= count;
  return {means, variances};
}

ingot::Tensor tensorOf(const Shape &shape, const std::vector<double> &values) {
  std::vector<float> rounded(values.begin(), values.end());
  auto tensor = ingot::Tensor::of(shape, rounded);
  if (!tensor.isOk())
    throw Error(tensor.status());
  return std::move(tensor).value();
}

/// Values in increasing order with their weights: what Keras keeps of the data.
struct Summary {
  std::vector<float> values, weights;
};

/// NumPy's interp: f at x of the line through the points, constant beyond its ends.
double interpolated(double x, const std::vector<float> &at, const std::vector<float> &f) {
  size_t above = std::upper_bound(at.begin(), at.end(), x) - at.begin();
  if (above == 0)
    return f.front();
  const size_t below = above - 1;
  if (above == at.size() || x == at[below])
    return f[below];
  double slope = (double(f[above]) - f[below]) / (double(at[above]) - at[below]);
  return slope * (x - at[below]) + f[below];
}

/// At most 1 / epsilon values in the place of more, as Keras's compress_summary with its rounding.
Summary compressed(const Summary &given, double epsilon) {
  if (static_cast<double>(given.values.size()) * epsilon < 1)
    return given;
  std::vector<float> sums(given.weights.size()), shares(sums.size());
  std::partial_sum(given.weights.begin(), given.weights.end(), sums.begin());
  for (size_t i = 0; i < sums.size(); ++i)
    shares[i] = sums[i] / sums.back();
  Summary result;
  const auto count = static_cast<int64_t>(std::ceil(1 / epsilon));
  double before = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double share = epsilon + static_cast<double>(i) * epsilon;
    const double sum = interpolated(share, shares, sums);
    result.values.push_back(static_cast<float>(interpolated(share, shares, given.values)));
    result.weights.push_back(static_cast<float>(sum - before));
    before = sum;
  }
  return result;
}

/// Boundaries between so many bins of about as many values each.
std::vector<float> quantileBins(std::vector<float> values, int64_t bins, double epsilon) {
  std::sort(values.begin(), values.end());
  const double step = std::max(static_cast<double>(values.size()) / (1 / epsilon), 1.0);
  Summary summary;
  for (size_t i = static_cast<size_t>(step - 1); i < values.size(); i += static_cast<size_t>(step))
    summary.values.push_back(values[i]);
  summary.weights.assign(summary.values.size(), static_cast<float>(step));
  std::vector<float> result =
      compressed(compressed(summary, epsilon), 1 / static_cast<double>(bins)).values;
  if (!result.empty())
    result.pop_back();
  return result;
}

/// Zeros and ones, or counts, of categories from 0 to depth - 1; Keras's encode_categorical_inputs.
struct Encoding {
  const LayerImpl &layer;
  const std::string &mode;
  int64_t depth;

  bool dropsLast(const Shape &x) const { return x.size() > 1 && x.back() == 1; }
  Shape resultShape(const Shape &x) const {
    Shape result = x;
    if (mode != "one_hot" || dropsLast(x))
      result.pop_back();
    result.push_back(depth);
    return result;
  }
  /// labels: si64.
  Value emit(Emitter &e, Value labels) const {
    Dims dims = dimsOf(labels);
    bool isOne = dims.size() > 1 && dims.back().isStatic() && dims.back().value() == 1;
    if (mode == "one_hot" && isOne) {
      dims.pop_back();
      labels = graph::reshape(e.b, e.loc, labels, dims);
    }
    Expr hot = e.expr(graph::oneHot(e.b, e.loc, labels, Dim::constant(e.b.getContext(), depth),
                                    e.b.getF32Type()));
    if (mode == "one_hot")
      return hot;
    auto kind = mode == "count" ? graph::ReduceKind::Sum : graph::ReduceKind::Max;
    return graph::reduce(e.b, e.loc, hot, kind, {graph::rankOf(hot) - 2});
  }
};

struct CategoryEncodingImpl : LayerWith<CategoryEncodingImpl> {
  static constexpr const char *kName = "CategoryEncoding";
  static constexpr bool kInFloat32 = true;
  int64_t numTokens = 1;
  layers::CategoryEncodingOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("num_tokens", self.numTokens);
    visit("output_mode", self.options.outputMode);
  }
  void check() const {
    checkPositive(*this, "numTokens", numTokens);
    checkOneOf(*this, "output mode", options.outputMode, {"multi_hot", "one_hot", "count"});
  }
  bool takesIntegers() const override { return true; }
  Encoding encoding() const { return {*this, options.outputMode, numTokens}; }
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override {
    if (options.outputMode != "one_hot" && inputs[0].shape.size() < 2)
      fail("output mode \"" + options.outputMode + "\" wants an input (batch, tokens), got " +
           toString(inputs[0].shape) + "; give the Input a shape of one dimension or more");
    return {{encoding().resultShape(inputs[0].shape), "float32"}};
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    mlir::Type integer = e.b.getIntegerType(64, /*isSigned=*/true);
    return encoding().emit(e, graph::cast(e.b, e.loc, inputs[0], integer));
  }
};

struct DiscretizationImpl : LayerWith<DiscretizationImpl> {
  static constexpr const char *kName = "Discretization";
  static constexpr bool kInFloat32 = true;
  std::optional<std::vector<double>> boundaries; // none before `adapt`
  layers::DiscretizationOptions options;
  mutable bool isCompiled = false; // boundaries are constants of a compiled model

  static void fields(auto &self, auto &visit) {
    visit("bin_boundaries", self.boundaries);
    visit("num_bins", self.options.numBins);
    visit("epsilon", self.options.epsilon);
    visit("output_mode", self.options.outputMode);
    visit.only("sparse", false, "results are dense; leave it false");
  }
  void check() const {
    if (!hasBoundaries() && !options.numBins)
      fail("needs binBoundaries, one number or more, or numBins, for adapt to find them");
    if (hasBoundaries() && !std::is_sorted(boundaries->begin(), boundaries->end()))
      fail("binBoundaries must be in increasing order");
    if (options.numBins && (*options.numBins < 2 || *options.numBins > kMaxExtent))
      fail("numBins must be from 2 to " + std::to_string(kMaxExtent) + ", got " +
           std::to_string(*options.numBins));
    if (!(options.epsilon > 0 && options.epsilon <= 1))
      fail("epsilon must be above 0 and at most 1, got " + std::to_string(options.epsilon));
    checkOneOf(*this, "output mode", options.outputMode, {"int", "one_hot", "multi_hot", "count"});
  }
  bool hasBoundaries() const { return boundaries && !boundaries->empty(); }
  int64_t depth() const {
    return hasBoundaries() ? static_cast<int64_t>(boundaries->size()) + 1 : *options.numBins;
  }
  Encoding encoding() const { return {*this, options.outputMode, depth()}; }
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override {
    const Shape &x = inputs[0].shape;
    if (options.outputMode == "int")
      return {{x, "int32"}};
    if (options.outputMode != "one_hot" && x.size() < 2)
      fail("output mode \"" + options.outputMode + "\" wants an input (batch, values), got " +
           toString(x) + "; give the Input a shape of one dimension or more");
    return {{encoding().resultShape(x), "float32"}};
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    if (!hasBoundaries())
      fail("has no boundaries yet: call adapt with data, or give it binBoundaries");
    isCompiled = true;
    bool isIndex = options.outputMode == "int";
    mlir::Type integer = e.b.getIntegerType(isIndex ? 32 : 64, /*isSigned=*/true);
    Dims column = dimsOf(inputs[0]);
    column.push_back(Dim::constant(e.b.getContext(), 1));
    Expr x = e.expr(graph::reshape(e.b, e.loc, inputs[0], column));
    std::vector<float> values(boundaries->begin(), boundaries->end());
    Expr limits = constant(e, values, {static_cast<int64_t>(values.size())});
    Dims all = column;
    all.back() = Dim::constant(e.b.getContext(), static_cast<int64_t>(values.size()));
    Expr reached = compare(graph::Predicate::GE, e.expr(graph::broadcastTo(e.b, e.loc, x, all)),
                           e.expr(graph::broadcastTo(e.b, e.loc, limits, all)));
    Value index = sum(e.expr(graph::cast(e.b, e.loc, reached, integer)),
                      {static_cast<int64_t>(all.size()) - 1});
    return isIndex ? index : encoding().emit(e, index);
  }
};

struct ResizingImpl : SpatialLayer<ResizingImpl, 2> {
  static constexpr const char *kName = "Resizing";
  static constexpr bool kInFloat32 = true;
  int64_t height = 1, width = 1;
  layers::ResizingOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("height", self.height);
    visit.required("width", self.width);
    visit("interpolation", self.options.interpolation);
    visit("crop_to_aspect_ratio", self.options.cropToAspectRatio);
    visit("pad_to_aspect_ratio", self.options.padToAspectRatio);
    visit.only("fill_mode", "constant", "Keras has no other; use \"constant\"");
    visit("fill_value", self.options.fillValue);
    visit("antialias", self.options.antialias);
    visit("data_format", self.options.dataFormat);
  }
  void check() const {
    SpatialLayer<ResizingImpl, 2>::check();
    checkImageSize(*this, height, width);
    checkInterpolation(*this, options.interpolation);
    if (options.cropToAspectRatio && options.padToAspectRatio)
      fail("cropToAspectRatio and padToAspectRatio exclude each other; choose one");
  }
  Shape resultOf(const Shape &x) const { return {x[0], height, width, x[3]}; }
  Value emitLast(Emitter &e, Value x) const {
    const std::string &interpolation = options.interpolation;
    if (options.cropToAspectRatio)
      return croppedToShape(e, *this, x, height, width, interpolation, options.antialias);
    if (options.padToAspectRatio)
      return paddedToShape(e, *this, x, height, width, interpolation, options.antialias,
                           options.fillValue);
    return resized(e, *this, x, height, width, interpolation, options.antialias);
  }
};

struct CenterCropImpl : SpatialLayer<CenterCropImpl, 2> {
  static constexpr const char *kName = "CenterCrop";
  static constexpr bool kInFloat32 = true;
  int64_t height = 1, width = 1;
  layers::FormatOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("height", self.height);
    visit.required("width", self.width);
    visit("data_format", self.options.dataFormat);
  }
  void check() const {
    SpatialLayer<CenterCropImpl, 2>::check();
    checkImageSize(*this, height, width);
  }
  Shape resultOf(const Shape &x) const { return {x[0], height, width, x[3]}; }
  Value emitLast(Emitter &e, Value x) const {
    Dims dims = dimsOf(x), sizes = dims, starts(4, Dim::constant(e.b.getContext(), 0));
    int64_t wanted[] = {height, width};
    for (int64_t axis : {1, 2}) {
      int64_t size = wanted[axis - 1];
      if (!dims[axis].isStatic() || dims[axis].value() < size)
        return croppedToShape(e, *this, x, height, width, "bilinear");
      starts[axis] = Dim::constant(e.b.getContext(), (dims[axis].value() - size) / 2);
      sizes[axis] = Dim::constant(e.b.getContext(), size);
    }
    return graph::slice(e.b, e.loc, x, starts, sizes);
  }
};

constexpr LayerClass kClasses[] = {
    layerClass<RescalingImpl>(),        layerClass<NormalizationImpl>(),
    layerClass<DiscretizationImpl>(),   layerClass<ResizingImpl>(),
    layerClass<CategoryEncodingImpl>(), layerClass<CenterCropImpl>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::preprocessingLayers() { return kClasses; }

layers::Rescaling::Rescaling(Numbers scale, RescalingOptions options)
    : Layer(construct<RescalingImpl>(options, [&](auto &layer) { layer.scale = scale; })) {}

layers::Normalization::Normalization(NormalizationOptions options)
    : Layer(construct<NormalizationImpl>(options)) {}

void layers::Normalization::adapt(const TensorView &data) {
  auto &layer = static_cast<NormalizationImpl &>(*impl());
  if (layer.options.mean)
    layer.fail("has the mean and variance it was given; adapt a layer without them");
  Shape shape(data.dims, data.dims + data.rank);
  if (shape.empty() || elementCount(data) == 0)
    layer.fail("adapt was given no data: expected (samples, …), got " + toString(shape));
  std::vector<int64_t> axes = positiveAxes(layer, "axis", layer.options.axis, shape);
  auto [means, variances] = momentsOf(layer, data, axes);
  Shape kept = layer.keptShape(shape), batch = shape;
  batch[0] = None;
  if (!layer.isBuilt)
    build(layer, {{batch, "float32"}});
  std::vector<ingot::Tensor> values;
  values.push_back(tensorOf(kept, means));
  values.push_back(tensorOf(kept, variances));
  values.push_back(tensorOf({}, {0}));
  setWeights(values);
}

layers::Discretization::Discretization(std::vector<double> binBoundaries,
                                       DiscretizationOptions options)
    : Layer(construct<DiscretizationImpl>(options, [&](auto &layer) {
        if (!binBoundaries.empty())
          layer.boundaries = std::move(binBoundaries);
        if (layer.boundaries && options.numBins)
          layer.fail("takes binBoundaries or numBins, not both");
      })) {}

void layers::Discretization::adapt(const TensorView &data) {
  auto &layer = static_cast<DiscretizationImpl &>(*impl());
  const layers::DiscretizationOptions &options = layer.options;
  if (!options.numBins)
    layer.fail("has the binBoundaries it was given; adapt a layer with numBins");
  if (layer.isCompiled)
    layer.fail("is part of a model that was compiled with its boundaries; adapt it before the "
               "model runs");
  const int64_t count = elementCount(data);
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i)
    if (values[i] = static_cast<float>(elementOf(layer, data, i)); std::isnan(values[i]))
      layer.fail("adapt was given data with NaN in it; leave that out");
  std::vector<float> bins = quantileBins(std::move(values), *options.numBins, options.epsilon);
  if (bins.empty())
    layer.fail("adapt found no boundary in " + std::to_string(count) +
               " values; it needs two or more");
  const int64_t depth = static_cast<int64_t>(bins.size()) + 1;
  if (layer.isBuilt && options.outputMode != "int" && depth != layer.depth())
    layer.fail("adapt found " + std::to_string(depth) +
               " bins where the model that the layer is "
               "in was made for " +
               std::to_string(layer.depth()) + "; adapt it before it is called");
  layer.boundaries.emplace(bins.begin(), bins.end());
}

layers::CategoryEncoding::CategoryEncoding(int64_t numTokens, CategoryEncodingOptions options)
    : Layer(construct<CategoryEncodingImpl>(options,
                                            [&](auto &layer) { layer.numTokens = numTokens; })) {}

layers::Resizing::Resizing(int64_t height, int64_t width, ResizingOptions options)
    : Layer(construct<ResizingImpl>(options, [&](auto &layer) {
        layer.height = height;
        layer.width = width;
      })) {}

layers::CenterCrop::CenterCrop(int64_t height, int64_t width, FormatOptions options)
    : Layer(construct<CenterCropImpl>(options, [&](auto &layer) {
        layer.height = height;
        layer.width = width;
      })) {}

} // namespace ingot::keras
