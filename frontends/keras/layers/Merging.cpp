// Layers of several inputs.
#include "frontends/keras/layers/Merging.h"
#include "frontends/keras/layers/Arguments.h"
#include "frontends/keras/layers/Ops.h"

#include <numeric>

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using mlir::Value;

namespace {

std::string listShapes(const std::vector<Shape> &shapes) {
  std::string text;
  for (const Shape &shape : shapes)
    text += (text.empty() ? "" : ", ") + toString(shape);
  return text;
}

/// Dimensions of 1 behind the first, so that there are `rank`.
template <typename List, typename Element>
List expanded(List dims, size_t rank, const Element &one) {
  if (dims.size() < rank)
    dims.insert(dims.begin() + std::min<size_t>(dims.size(), 1), rank - dims.size(), one);
  return dims;
}

/// A value, and where it has one, of its dimensions; none: everywhere.
struct Merged {
  Expr value;
  std::optional<Expr> mask;
};

/// The mask of `given`, which was reshaped to x, repeated to x's dimensions.
std::optional<Expr> maskOver(Emitter &e, Value given, Expr x) {
  Value mask = e.maskOf(given);
  if (!mask || graph::rankOf(mask) + 1 != graph::rankOf(x))
    return std::nullopt;
  Dims dims = dimsOf(mask);
  dims.push_back(Dim::constant(e.b.getContext(), 1));
  return e.expr(graph::broadcastTo(e.b, e.loc, graph::reshape(e.b, e.loc, mask, dims), x.dims()));
}

/// Where any of the inputs has a value, if all have a mask.
Value anyMask(Emitter &e, mlir::ValueRange inputs) {
  Value result;
  for (Value x : inputs) {
    Value mask = e.maskOf(x);
    if (!mask)
      return {};
    if (!result) {
      result = mask;
      continue;
    }
    auto dims = graph::broadcastDims(dimsOf(result), dimsOf(mask));
    if (mlir::failed(dims))
      return {};
    result = e.create<graph::OrOp>({graph::broadcastTo(e.b, e.loc, result, *dims),
                                    graph::broadcastTo(e.b, e.loc, mask, *dims)});
  }
  return result;
}

/// Merges element by element: Impl has `Expr combine(Expr, Expr)`, or `merge`, which sees masks.
template <typename Impl> struct MergingLayer : LayerWith<Impl> {
  bool takesSeveral() const override { return true; }

  Shape resultShape(const std::vector<Shape> &inputs) const override {
    if (inputs.size() < 2)
      this->fail(std::string("merges two tensors or more, got ") + std::to_string(inputs.size()));
    if (Impl::kTwo && inputs.size() != 2)
      this->fail("takes two tensors, got " + std::to_string(inputs.size()));
    size_t rank = 0;
    for (const Shape &x : inputs)
      rank = std::max(rank, x.size());
    Shape result = expanded(inputs[0], rank, int64_t(1));
    for (const Shape &given : inputs) {
      Shape x = expanded(given, rank, int64_t(1));
      for (size_t d = 0; d < rank; ++d) {
        int64_t &extent = result[d];
        if (extent == 1 || (extent == None && x[d] != 1))
          extent = x[d];
        if (x[d] != 1 && x[d] != None && x[d] != extent)
          this->fail("inputs " + listShapes(inputs) +
                     " must have one shape: " + toString(inputs[0]) + " and " + toString(given) +
                     " do not fit; bring both to the same number of channels first (a Conv2D with "
                     "a 1x1 kernel, or a Dense)");
      }
    }
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    size_t rank = 0;
    for (Value x : inputs)
      rank = std::max<size_t>(rank, graph::rankOf(x));
    Dim one = Dim::constant(e.b.getContext(), 1);
    std::optional<Merged> result;
    for (Value given : inputs) {
      Expr x = e.expr(graph::reshape(e.b, e.loc, given, expanded(dimsOf(given), rank, one)));
      if (result && mlir::failed(graph::broadcastDims(result->value.dims(), x.dims())))
        this->fail("inputs " + ingot::str(result->value.dims()) + " and " + ingot::str(x.dims()) +
                   " may differ when running; give the Inputs full shapes");
      Merged next{x, maskOver(e, given, x)};
      result = result ? Impl::merge(*result, next) : Impl::first(next);
    }
    Value y = Impl::finish(result->value, inputs.size());
    if (Value mask = anyMask(e, inputs))
      e.setMask(y, mask);
    return y;
  }
  static Merged first(Merged x) { return x; }
  static Merged merge(Merged x, Merged y) {
    return {Impl::combine(x.value, y.value), std::nullopt};
  }
  static Expr finish(Expr x, size_t) { return x; }
  static constexpr bool kTwo = false;
};

struct AddImpl : MergingLayer<AddImpl> {
  static constexpr const char *kName = "Add";
  static Expr combine(Expr x, Expr y) { return x + y; }
};
struct SubtractImpl : MergingLayer<SubtractImpl> {
  static constexpr const char *kName = "Subtract";
  static constexpr bool kTwo = true;
  static Expr combine(Expr x, Expr y) { return x - y; }
};
struct AverageImpl : MergingLayer<AverageImpl> {
  static constexpr const char *kName = "Average";
  static Expr combine(Expr x, Expr y) { return x + y; }
  static Expr finish(Expr x, size_t count) { return x / static_cast<double>(count); }
};
/// What is masked counts as 1.
struct MultiplyImpl : MergingLayer<MultiplyImpl> {
  static constexpr const char *kName = "Multiply";
  static Merged first(Merged x) {
    if (x.mask)
      x.value = select(*x.mask, x.value, x.value.number(1));
    return x;
  }
  static Merged merge(Merged x, Merged y) { return {x.value * first(y).value, std::nullopt}; }
};
/// What is masked is left out.
template <typename Impl> struct ExtremumLayer : MergingLayer<Impl> {
  static Merged merge(Merged x, Merged y) {
    if (y.mask)
      y.value = select(*y.mask, y.value, x.value);
    if (x.mask)
      x.value = select(*x.mask, x.value, y.value);
    std::optional<Expr> either;
    if (x.mask && y.mask)
      either = binary<graph::OrOp>(*x.mask, *y.mask);
    return {Impl::combine(x.value, y.value), either};
  }
};
/// x where it holds against y, else y; NaN if either is. Of equal ones the first has the gradient,
/// as in TensorFlow.
Expr firstWhere(graph::Predicate holds, Expr x, Expr y) {
  Expr isNan = compare(graph::Predicate::NE, x, x);
  return select(compare(holds, x, y), x, select(isNan, x, y));
}
struct MaximumImpl : ExtremumLayer<MaximumImpl> {
  static constexpr const char *kName = "Maximum";
  static Expr combine(Expr x, Expr y) { return firstWhere(graph::Predicate::GE, x, y); }
};
struct MinimumImpl : ExtremumLayer<MinimumImpl> {
  static constexpr const char *kName = "Minimum";
  static Expr combine(Expr x, Expr y) { return firstWhere(graph::Predicate::LE, x, y); }
};

struct ConcatenateImpl : LayerWith<ConcatenateImpl> {
  static constexpr const char *kName = "Concatenate";
  int64_t axis = -1;

  static void fields(auto &self, auto &visit) { visit("axis", self.axis); }
  bool takesSeveral() const override { return true; }
  int64_t alongOf(int64_t rank) const { return axis < 0 ? axis + rank : axis; }

  Shape resultShape(const std::vector<Shape> &inputs) const override {
    Shape result = inputs[0];
    int64_t rank = result.size(), along = alongOf(rank);
    if (along < 0 || along >= rank)
      fail("axis " + std::to_string(axis) + " does not exist in input shape " +
           toString(inputs[0]));
    if (along == 0)
      fail("cannot concatenate along the batch; use axis -1");
    for (size_t i = 1; i < inputs.size(); ++i) {
      const Shape &x = inputs[i];
      bool fits = x.size() == result.size();
      for (int64_t d = 0; fits && d < rank; ++d)
        fits = d == along || x[d] == result[d] || x[d] == None || result[d] == None;
      if (!fits)
        fail("inputs " + listShapes(inputs) + " must agree in every dimension except axis " +
             std::to_string(axis) + ": " + toString(inputs[0]) + " and " + toString(x) +
             " do not; bring them to one shape first, or choose another axis");
      bool unknown = result[along] == None || x[along] == None;
      result[along] = unknown ? None : result[along] + x[along];
    }
    return result;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    auto along = e.named("axis", e.b.getI64IntegerAttr(alongOf(graph::rankOf(inputs[0]))));
    Value y = e.create<graph::ConcatOp>(inputs, {along});
    llvm::SmallVector<Value> masks = masksOf(e, inputs);
    if (masks.empty())
      return y;
    if (alongOf(graph::rankOf(y)) + 1 < graph::rankOf(y)) {
      e.setMask(y, e.create<graph::ConcatOp>(masks, {along}));
      return y;
    }
    Value any = masks[0];
    for (Value mask : llvm::ArrayRef(masks).drop_front())
      any = e.create<graph::OrOp>({any, mask});
    e.setMask(y, any);
    return y;
  }
  /// The inputs' masks, of their dimensions but the last, true where there is none; empty when none
  /// of them has one.
  static llvm::SmallVector<Value> masksOf(Emitter &e, mlir::ValueRange inputs) {
    bool some = false, fit = true;
    llvm::SmallVector<Value> masks;
    for (Value x : inputs) {
      Value mask = e.maskOf(x);
      some |= static_cast<bool>(mask);
      if (!mask) {
        Dims dims = dimsOf(x);
        dims.pop_back();
        mask = graph::splat(e.b, e.loc, e.b.getI1Type(), dims, 1);
      }
      fit &= graph::rankOf(mask) + 1 == graph::rankOf(x);
      masks.push_back(mask);
    }
    return some && fit ? masks : llvm::SmallVector<Value>();
  }
};

struct DotImpl : LayerWith<DotImpl> {
  static constexpr const char *kName = "Dot";
  layers::Axes axes = -1;
  layers::DotOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("axes", self.axes);
    visit("normalize", self.options.normalize);
  }
  void check() const {
    if (axes.values.size() != (axes.isList ? 2 : 1))
      fail("axes are one number for both tensors or one each, got " + toString(axes.values));
  }
  bool takesSeveral() const override { return true; }

  /// The axis of each tensor, counted from 0.
  std::pair<int64_t, int64_t> axesOf(const Shape &x, const Shape &y) const {
    return {positiveAxis(*this, "axes", axes.values.front(), x),
            positiveAxis(*this, "axes", axes.values.back(), y)};
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    if (inputs.size() != 2)
      fail("takes two tensors, got " + std::to_string(inputs.size()));
    Shape x = inputs[0], y = inputs[1];
    if (x.size() < 2 || y.size() < 2)
      fail("expected inputs of at least 2 dimensions, (batch, …), got " + listShapes(inputs));
    auto [ofX, ofY] = axesOf(x, y);
    if (ofX == 0 || ofY == 0)
      fail("axes " + toString(axes.values) + " name the batch; name the axes to sum over");
    if (x[ofX] != y[ofY] || x[ofX] == None)
      fail("inputs " + listShapes(inputs) + " have " + toString({x[ofX], y[ofY]}) +
           " elements along axes " + toString(axes.values) +
           "; both must be known and equal: choose others, or put a Dense before one");
    x.erase(x.begin() + ofX);
    y.erase(y.begin() + ofY);
    x.insert(x.end(), y.begin() + 1, y.end());
    if (x.size() == 1)
      x.push_back(1);
    return x;
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    auto shapeOf = [](Value x) {
      return Shape(llvm::cast<mlir::RankedTensorType>(x.getType()).getShape());
    };
    auto [ofX, ofY] = axesOf(shapeOf(inputs[0]), shapeOf(inputs[1]));
    Value x = inputs[0], y = inputs[1];
    if (options.normalize) {
      constexpr double epsilon = 1e-7; // keras.backend.epsilon()
      x = normalized(e, x, {ofX}, epsilon);
      y = normalized(e, y, {ofY}, epsilon);
    }
    // (batch, others, k) x (batch, k, others).
    mlir::MLIRContext *context = e.b.getContext();
    auto moved = [&](Value t, int64_t axis, bool toEnd) {
      llvm::SmallVector<int64_t> order = {0};
      for (int64_t d = 1; d < graph::rankOf(t); ++d)
        if (d != axis)
          order.push_back(d);
      order.insert(toEnd ? order.end() : order.begin() + 1, axis);
      return graph::transpose(e.b, e.loc, t, order);
    };
    x = moved(x, ofX, true);
    y = moved(y, ofY, false);
    Dims dx = dimsOf(x), dy = dimsOf(y);
    llvm::ArrayRef<Dim> ofRows = llvm::ArrayRef(dx).drop_front().drop_back(),
                        ofColumns = llvm::ArrayRef(dy).drop_front(2);
    x = graph::reshape(e.b, e.loc, x, {dx[0], numElements(context, ofRows), dx.back()});
    y = graph::reshape(e.b, e.loc, y, {dx[0], dy[1], numElements(context, ofColumns)});
    Dims result = {dx[0]};
    llvm::append_range(result, ofRows);
    llvm::append_range(result, ofColumns);
    if (result.size() == 1)
      result.push_back(Dim::constant(context, 1));
    return graph::reshape(e.b, e.loc, e.create<graph::MatMulOp>({x, y}), result);
  }
};

constexpr LayerClass kClasses[] = {layerClass<AddImpl>(),      layerClass<SubtractImpl>(),
                                   layerClass<MultiplyImpl>(), layerClass<AverageImpl>(),
                                   layerClass<MaximumImpl>(),  layerClass<MinimumImpl>(),
                                   layerClass<DotImpl>(),      layerClass<ConcatenateImpl>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::mergingLayers() { return kClasses; }

layers::Add::Add(MergeOptions options) : Layer(construct<AddImpl>(options)) {}
layers::Subtract::Subtract(MergeOptions options) : Layer(construct<SubtractImpl>(options)) {}
layers::Multiply::Multiply(MergeOptions options) : Layer(construct<MultiplyImpl>(options)) {}
layers::Average::Average(MergeOptions options) : Layer(construct<AverageImpl>(options)) {}
layers::Maximum::Maximum(MergeOptions options) : Layer(construct<MaximumImpl>(options)) {}
layers::Minimum::Minimum(MergeOptions options) : Layer(construct<MinimumImpl>(options)) {}

layers::Concatenate::Concatenate(ConcatenateOptions options)
    : Layer(construct<ConcatenateImpl>(options, [&](auto &layer) { layer.axis = options.axis; })) {}

layers::Dot::Dot(Axes axes, DotOptions options)
    : Layer(construct<DotImpl>(options, [&](auto &layer) { layer.axes = std::move(axes); })) {}

Tensor layers::add(const std::vector<Tensor> &inputs, MergeOptions options) {
  return Add(std::move(options))(inputs);
}
Tensor layers::subtract(const std::vector<Tensor> &inputs, MergeOptions options) {
  return Subtract(std::move(options))(inputs);
}
Tensor layers::multiply(const std::vector<Tensor> &inputs, MergeOptions options) {
  return Multiply(std::move(options))(inputs);
}
Tensor layers::average(const std::vector<Tensor> &inputs, MergeOptions options) {
  return Average(std::move(options))(inputs);
}
Tensor layers::maximum(const std::vector<Tensor> &inputs, MergeOptions options) {
  return Maximum(std::move(options))(inputs);
}
Tensor layers::minimum(const std::vector<Tensor> &inputs, MergeOptions options) {
  return Minimum(std::move(options))(inputs);
}
Tensor layers::concatenate(const std::vector<Tensor> &inputs, ConcatenateOptions options) {
  return Concatenate(std::move(options))(inputs);
}
Tensor layers::dot(const std::vector<Tensor> &inputs, Axes axes, DotOptions options) {
  return Dot(std::move(axes), std::move(options))(inputs);
}

} // namespace ingot::keras
