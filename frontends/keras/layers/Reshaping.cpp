// Layers that change shapes and compute nothing, or next to nothing.
#include "frontends/keras/layers/Reshaping.h"
#include "frontends/keras/layers/Ops.h"
#include "frontends/keras/layers/Resample.h"
#include "frontends/keras/layers/Spatial.h"

#include <algorithm>
#include <numeric>

namespace ingot::keras {

using namespace detail;
using mlir::Value;

namespace {

struct FlattenImpl : LayerWith<FlattenImpl> {
  static constexpr const char *kName = "Flatten";
  layers::FormatOptions options;

  static void fields(auto &self, auto &visit) { visit("data_format", self.options.dataFormat); }
  void check() const { checkDataFormat(*this, options.dataFormat); }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    return {inputs[0].empty() ? None : inputs[0][0], elementCount(inputs[0], 1)};
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Value x = inputs[0];
    if (int64_t rank = graph::rankOf(x); options.dataFormat == "channels_first" && rank > 2) {
      llvm::SmallVector<int64_t> toEnd(rank);
      std::iota(toEnd.begin(), toEnd.end(), 0);
      std::rotate(toEnd.begin() + 1, toEnd.begin() + 2, toEnd.end());
      x = graph::transpose(e.b, e.loc, x, toEnd);
    }
    Dims dims = dimsOf(x);
    Dim rest = numElements(e.b.getContext(), llvm::ArrayRef<Dim>(dims).drop_front());
    return graph::reshape(e.b, e.loc, x, {dims[0], rest});
  }
};

struct ReshapeImpl : LayerWith<ReshapeImpl> {
  static constexpr const char *kName = "Reshape";
  Shape target; // without the batch

  static void fields(auto &self, auto &visit) { visit.required("target_shape", self.target); }
  void check() const {
    if (std::count(target.begin(), target.end(), None) > 1)
      fail("target shape " + toString(target) + " has more than one -1");
    for (int64_t extent : target)
      if (extent < None || extent == 0)
        fail("target shape " + toString(target) + " has an extent that is neither positive nor -1");
    checkBounds(*this, "the target", target, kMaxSampleElements);
  }

  [[noreturn]] void failCount(const Shape &input, int64_t has, int64_t wants) const {
    Shape sample(input.begin() + 1, input.end());
    std::string product;
    for (int64_t extent : sample)
      product += (product.empty() ? "" : " * ") + std::to_string(extent);
    fail("cannot turn input shape " + toString(input) + ", " + product + " = " +
         std::to_string(has) + " elements a sample, into target shape " + toString(target) + ", " +
         std::to_string(wants) + " elements; use a target of " + std::to_string(has) +
         " elements, Reshape({-1}), or Flatten()");
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    int64_t has = elementCount(inputs[0], 1);
    auto wildcard = std::find(target.begin(), target.end(), None);
    Shape fixed = target;
    std::erase(fixed, None);
    int64_t wants = elementCount(fixed);
    Shape result = {inputs[0][0]};
    result.insert(result.end(), target.begin(), target.end());
    if (has == None) {
      if (wildcard == target.end())
        fail("the number of elements of input shape " + toString(inputs[0]) +
             " is not known, target shape " + toString(target) + " has " + std::to_string(wants) +
             "; write -1 for one extent, or give the Input a full shape");
      return result;
    }
    if (wildcard == target.end() ? has != wants : wants == 0 || has % wants != 0)
      failCount(inputs[0], has, wants);
    if (wildcard != target.end())
      result[1 + (wildcard - target.begin())] = has / wants;
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    mlir::MLIRContext *context = e.b.getContext();
    Dims from = dimsOf(inputs[0]), to = {from[0]};
    Dim rest = numElements(context, llvm::ArrayRef<Dim>(from).drop_front());
    for (int64_t extent : target)
      if (extent != None)
        if (auto left = Dim::exactDiv(rest, Dim::constant(context, extent)))
          rest = *left;
    for (int64_t extent : target)
      to.push_back(extent == None ? rest : Dim::constant(context, extent));
    Dim before = numElements(context, from), after = numElements(context, to);
    if (!(before == after))
      fail("cannot turn " + ingot::str(from) + " into " + ingot::str(to) + ": " + before.str() +
           " and " + after.str() + " elements; let the fixed extents divide what is known");
    return graph::reshape(e.b, e.loc, inputs[0], to);
  }
};

struct PermuteImpl : LayerWith<PermuteImpl> {
  static constexpr const char *kName = "Permute";
  std::vector<int64_t> dims;

  static void fields(auto &self, auto &visit) { visit.required("dims", self.dims); }
  void check() const {
    std::vector<int64_t> sorted = dims;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 0; i < sorted.size(); ++i)
      if (sorted[i] != static_cast<int64_t>(i) + 1)
        fail("dims " + toString(dims) + " must name each dimension from 1 to " +
             std::to_string(dims.size()) + " once; the batch, 0, stays first and is left out");
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    const Shape &x = inputs[0];
    if (x.size() != dims.size() + 1)
      fail("dims " + toString(dims) + " want an input of " + std::to_string(dims.size() + 1) +
           " dimensions, got " + toString(x) + "; name each of its dimensions but the batch");
    Shape result = {x[0]};
    for (int64_t d : dims)
      result.push_back(x[d]);
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    llvm::SmallVector<int64_t> permutation = {0};
    permutation.append(dims.begin(), dims.end());
    return graph::transpose(e.b, e.loc, inputs[0], permutation);
  }
};

struct RepeatVectorImpl : LayerWith<RepeatVectorImpl> {
  static constexpr const char *kName = "RepeatVector";
  int64_t n = 1;

  static void fields(auto &self, auto &visit) { visit.required("n", self.n); }
  void check() const { checkPositive(*this, "n", n); }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    const Shape &x = inputs[0];
    if (x.size() != 2)
      fail("expected an input of 2 dimensions, (batch, features), got " + toString(x) +
           "; put a Flatten before it");
    return {x[0], n, x[1]};
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    Dims dims = dimsOf(inputs[0]);
    dims.insert(dims.begin() + 1, Dim::constant(e.b.getContext(), 1));
    return repeat(e, graph::reshape(e.b, e.loc, inputs[0], dims), 1, n);
  }
};

template <int N>
void checkMargins(const LayerImpl &layer, const char *what, const layers::Margins<N> &margins) {
  for (const layers::Ends &ends : margins.values)
    if (std::min(ends.before, ends.after) < 0 || std::max(ends.before, ends.after) > kMaxExtent)
      layer.fail(std::string(what) + " may not be negative or more than " +
                 std::to_string(kMaxExtent) + ", got " + toString({ends.before, ends.after}));
}

template <int N> struct ZeroPaddingImpl : SpatialLayer<ZeroPaddingImpl<N>, N> {
  static constexpr const char *kName = byRank<N>("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D");
  layers::Margins<N> padding = 1;
  layers::FormatOptions options;

  static void fields(auto &self, auto &visit) {
    visit("padding", self.padding);
    visit("data_format", self.options.dataFormat);
  }
  void check() const {
    SpatialLayer<ZeroPaddingImpl<N>, N>::check();
    checkMargins<N>(*this, "padding", padding);
  }
  Shape resultOf(const Shape &x) const {
    Shape result = x;
    for (int d = 0; d < N; ++d)
      if (x[1 + d] != None)
        result[1 + d] += padding.values[d].before + padding.values[d].after;
    return result;
  }
  Value emitLast(Emitter &e, Value x) const {
    Dims low(N + 2, Dim::constant(e.b.getContext(), 0)), high = low;
    for (int d = 0; d < N; ++d) {
      low[1 + d] = Dim::constant(e.b.getContext(), padding.values[d].before);
      high[1 + d] = Dim::constant(e.b.getContext(), padding.values[d].after);
    }
    return graph::pad(e.b, e.loc, x, low, high);
  }
};

/// Cropping1D has no data_format.
template <int N>
using CroppingOptions = std::conditional_t<N == 1, layers::PlainOptions, layers::FormatOptions>;

template <int N> struct CroppingImpl : SpatialLayer<CroppingImpl<N>, N> {
  static constexpr const char *kName = byRank<N>("Cropping1D", "Cropping2D", "Cropping3D");
  layers::Margins<N> cropping = N == 2 ? 0 : 1;
  CroppingOptions<N> options;

  static void fields(auto &self, auto &visit) {
    visit("cropping", self.cropping);
    if constexpr (N > 1)
      visit("data_format", self.options.dataFormat);
  }
  void check() const {
    SpatialLayer<CroppingImpl<N>, N>::check();
    checkMargins<N>(*this, "cropping", cropping);
  }
  Shape resultOf(const Shape &x) const {
    Shape result = x;
    for (int d = 0; d < N; ++d) {
      if (x[1 + d] == None)
        continue;
      int64_t &left = result[1 + d];
      left -= cropping.values[d].before + cropping.values[d].after;
      if (left <= 0)
        this->fail("cropping " + toString({cropping.values[d].before, cropping.values[d].after}) +
                   " leaves nothing of the " + std::to_string(x[1 + d]) + " " +
                   dimensionName(N, d) + " of input " + this->shown(x) + "; crop less");
    }
    return result;
  }
  Value emitLast(Emitter &e, Value x) const {
    Dims sizes = dimsOf(x), starts(N + 2, Dim::constant(e.b.getContext(), 0));
    for (int d = 0; d < N; ++d) {
      const layers::Ends &ends = cropping.values[d];
      starts[1 + d] = Dim::constant(e.b.getContext(), ends.before);
      sizes[1 + d] = sizes[1 + d] - (ends.before + ends.after);
    }
    return graph::slice(e.b, e.loc, x, starts, sizes);
  }
};

template <int N> struct UpSamplingOptionsOf {
  using Type = layers::FormatOptions;
};
template <> struct UpSamplingOptionsOf<1> {
  using Type = layers::PlainOptions;
};
template <> struct UpSamplingOptionsOf<2> {
  using Type = layers::UpSampling2DOptions;
};

template <int N> struct UpSamplingImpl : SpatialLayer<UpSamplingImpl<N>, N> {
  static constexpr const char *kName = byRank<N>("UpSampling1D", "UpSampling2D", "UpSampling3D");
  layers::Size<N> size = 2;
  typename UpSamplingOptionsOf<N>::Type options;

  static void fields(auto &self, auto &visit) {
    if constexpr (N == 1)
      visit("size", self.size.values[0]);
    else
      visit("size", self.size);
    if constexpr (N > 1)
      visit("data_format", self.options.dataFormat);
    if constexpr (N == 2)
      visit("interpolation", self.options.interpolation);
  }
  void check() const {
    SpatialLayer<UpSamplingImpl<N>, N>::check();
    for (int64_t times : size.values)
      checkPositive(*this, "size", times);
    if constexpr (N == 2)
      checkInterpolation(*this, options.interpolation);
  }
  Shape resultOf(const Shape &x) const {
    Shape result = x;
    for (int d = 0; d < N; ++d)
      if (x[1 + d] != None)
        result[1 + d] *= size.values[d];
    return result;
  }
  Value emitLast(Emitter &e, Value x) const {
    if constexpr (N == 2)
      if (options.interpolation != "nearest") {
        Dims dims = dimsOf(x);
        auto times = [&](int d) {
          return dims[1 + d].isStatic() ? dims[1 + d].value() * size.values[d] : None;
        };
        return resized(e, *this, x, times(0), times(1), options.interpolation);
      }
    for (int d = 0; d < N; ++d)
      x = repeat(e, x, 1 + d, size.values[d]);
    return x;
  }
};

constexpr LayerClass kClasses[] = {
    layerClass<FlattenImpl>(),        layerClass<ReshapeImpl>(),
    layerClass<PermuteImpl>(),        layerClass<RepeatVectorImpl>(),
    layerClass<ZeroPaddingImpl<1>>(), layerClass<ZeroPaddingImpl<2>>(),
    layerClass<ZeroPaddingImpl<3>>(), layerClass<CroppingImpl<1>>(),
    layerClass<CroppingImpl<2>>(),    layerClass<CroppingImpl<3>>(),
    layerClass<UpSamplingImpl<1>>(),  layerClass<UpSamplingImpl<2>>(),
    layerClass<UpSamplingImpl<3>>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::reshapingLayers() { return kClasses; }

layers::Flatten::Flatten(FormatOptions options) : Layer(construct<FlattenImpl>(options)) {}

layers::Reshape::Reshape(Shape targetShape, PlainOptions options)
    : Layer(construct<ReshapeImpl>(options,
                                   [&](auto &layer) { layer.target = std::move(targetShape); })) {}

layers::Permute::Permute(std::vector<int64_t> dims, PlainOptions options)
    : Layer(construct<PermuteImpl>(options, [&](auto &layer) { layer.dims = std::move(dims); })) {}

layers::RepeatVector::RepeatVector(int64_t n, PlainOptions options)
    : Layer(construct<RepeatVectorImpl>(options, [&](auto &layer) { layer.n = n; })) {}

template <int N>
layers::ZeroPadding<N>::ZeroPadding(Margins<N> padding, FormatOptions options)
    : Layer(construct<ZeroPaddingImpl<N>>(options, [&](auto &layer) { layer.padding = padding; })) {
}
template struct layers::ZeroPadding<1>;
template struct layers::ZeroPadding<2>;
template struct layers::ZeroPadding<3>;

layers::Cropping1D::Cropping1D(Margins<1> cropping, PlainOptions options)
    : Layer(construct<CroppingImpl<1>>(options, [&](auto &layer) { layer.cropping = cropping; })) {}
layers::Cropping2D::Cropping2D(Margins<2> cropping, FormatOptions options)
    : Layer(construct<CroppingImpl<2>>(options, [&](auto &layer) { layer.cropping = cropping; })) {}
layers::Cropping3D::Cropping3D(Margins<3> cropping, FormatOptions options)
    : Layer(construct<CroppingImpl<3>>(options, [&](auto &layer) { layer.cropping = cropping; })) {}

layers::UpSampling1D::UpSampling1D(int64_t size, PlainOptions options)
    : Layer(construct<UpSamplingImpl<1>>(options, [&](auto &layer) { layer.size = size; })) {}
layers::UpSampling2D::UpSampling2D(Size<2> size, UpSampling2DOptions options)
    : Layer(construct<UpSamplingImpl<2>>(options, [&](auto &layer) { layer.size = size; })) {}
layers::UpSampling3D::UpSampling3D(Size<3> size, FormatOptions options)
    : Layer(construct<UpSamplingImpl<3>>(options, [&](auto &layer) { layer.size = size; })) {}

} // namespace ingot::keras
