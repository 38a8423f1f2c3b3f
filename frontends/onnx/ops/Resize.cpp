// Resize and Upsample: every axis by itself, as a sum of slices at computed indices times weights.
//
// Coordinates are computed in f64, as vectors of the axis's new size.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

/// Up to so many neighbours are summed in a formula, more by a reduction.
constexpr int64_t kMaxUnrolledTaps = 8;

struct Manner {
  std::string mode, coordinates, nearest;
  double cubic = -0.75, extrapolation = 0;
  bool antialias = false, excludeOutside = false;
};

/// One axis: `scale` is a scalar of f64; `stretch` says by how much the kernel of antialiasing is
/// wider, as a fraction in dimensions (from / to).
struct Axis {
  int64_t axis;
  Dim in, out, from, to;
  Expr scale;
  std::optional<Expr> low, high; ///< of the region of interest, scalars of f64
  bool isRounded = false;        ///< whether the scale is not just out / in
};

/// The neighbours of each new element.
struct Taps {
  Expr base;                   ///< the last source index before its coordinate (never equal to it)
  Expr ratio;                  ///< how far behind it the coordinate lies, in (0, 1]
  std::optional<Expr> outside; ///< where the coordinate is outside and there is no value
};

Expr f64(Node &node, Dim d) { return node.extent(d, node.builder().getF64Type()); }

/// x where the condition on scalars does not hold, which may compute anything there.
Expr unless(Expr condition, Expr special, Expr x) { return graph::select(condition, special, x); }

Expr coordinates(Node &node, const Manner &manner, const Axis &a) {
  Expr x = node.iota({a.out}, 0, node.builder().getF64Type());
  Expr in = f64(node, a.in), out = f64(node, a.out), exact = a.scale * in;
  Expr isSingle = graph::compare(Predicate::EQ, exact, exact.number(1));
  const std::string &way = manner.coordinates;
  Expr center = (x + 0.5) / a.scale - 0.5;
  if (way == "half_pixel")
    return center;
  if (way == "half_pixel_symmetric")
    return in / 2.0 * (1.0 - out / exact) + center;
  if (way == "pytorch_half_pixel")
    return unless(isSingle, x.number(-0.5), center);
  if (way == "asymmetric")
    return x / a.scale;
  if (way == "tf_half_pixel_for_nn")
    return (x + 0.5) / a.scale;
  Expr steps = graph::select(isSingle, exact.number(1), exact - 1.0);
  if (way == "align_corners")
    return unless(isSingle, x.number(0), x * (in - 1.0) / steps);
  Expr span = (*a.high - *a.low) * (in - 1.0);
  return unless(isSingle, x.number(0) + span / 2.0, x * span / steps) + *a.low * (in - 1.0);
}

Taps tapsOf(Node &node, const Manner &manner, const Axis &a) {
  Expr x = coordinates(node, manner, a);
  Expr base = x.unary<graph::CeilOp>() - 1.0;
  Taps taps{base, x - base, std::nullopt};
  if (manner.coordinates == "tf_crop_and_resize")
    taps.outside = node.binary<graph::OrOp>(
        graph::compare(Predicate::LT, x, x.number(0)),
        graph::compare(Predicate::GT, x, x.number(0) + (f64(node, a.in) - 1.0)));
  return taps;
}

/// The kernel at this distance from its middle.
Expr kernelAt(const Manner &manner, Expr distance) {
  Expr x = graph::abs(distance);
  if (manner.mode == "linear")
    return graph::max(1.0 - x, x.number(0));
  double c = manner.cubic;
  Expr near = ((c + 2) * x - (c + 3)) * x * x + 1.0;
  Expr far = ((c * x - 5 * c) * x + 8 * c) * x - 4 * c;
  Expr isNear = graph::compare(Predicate::LE, x, x.number(1));
  Expr isFar = graph::compare(Predicate::LT, x, x.number(2));
  return graph::select(isNear, near, graph::select(isFar, far, x.number(0)));
}

Expr clamped(Node &node, Expr index, Dim size) {
  Expr last = sizeOf(node, size - 1);
  return graph::min(graph::max(node.cast(index, node.integerType()), last.number(0)), last);
}

Expr nearestIndex(Node &node, const Manner &manner, const Taps &taps) {
  Expr isLater = graph::compare(Predicate::EQ, taps.ratio, taps.ratio.number(1));
  const std::string &way = manner.nearest;
  if (way == "ceil")
    return taps.base + 1.0;
  if (way == "round_prefer_floor")
    isLater = graph::compare(Predicate::GT, taps.ratio, taps.ratio.number(0.5));
  else if (way == "round_prefer_ceil")
    isLater = graph::compare(Predicate::GE, taps.ratio, taps.ratio.number(0.5));
  return taps.base + node.cast(isLater, node.builder().getF64Type());
}

/// Weights (of f64) as they multiply slices along the axis, other dimensions being 1.
Expr alongAxis(Node &node, Expr weights, Type element, int64_t axis, int64_t rank) {
  Dims dims(weights.dims()), after(rank - axis - 1, node.dim(1));
  llvm::append_range(dims, after);
  return node.reshape(node.cast(weights, element), dims);
}

/// Neighbours at distances first, first + 1, …: `count` of them along a last dimension.
struct Neighbours {
  Expr index, weight; // (out, count)
};
Neighbours neighbours(Node &node, const Manner &manner, const Axis &a, const Taps &taps, Dim first,
                      Dim count) {
  Type type = node.builder().getF64Type();
  Dims column = {a.out, node.dim(1)}, dims = {a.out, count};
  Expr offset = node.iota(dims, 1, type) + f64(node, first);
  Expr base = node.reshape(taps.base, column), ratio = node.reshape(taps.ratio, column);
  Expr distance = offset - ratio;
  if (manner.antialias)
    distance = distance * graph::min(a.scale, a.scale.number(1));
  Expr index = base + offset, weight = kernelAt(manner, distance);
  if (manner.excludeOutside) {
    Expr inside = isInside(node, node.cast(index, node.integerType()), a.in);
    weight = graph::select(inside, weight, weight.number(0));
  }
  if (manner.antialias || manner.excludeOutside)
    weight = weight / graph::sum(weight, {1}, /*keep=*/true);
  return {clamped(node, index, a.in), weight};
}

Expr interpolated(Node &node, const Manner &manner, const Axis &a, const Taps &taps, Expr x) {
  int64_t support = manner.mode == "linear" ? 1 : 2, rank = graph::rankOf(x);
  Dim first = node.dim(1 - support);
  if (manner.antialias) { // floor(-support / min(scale, 1)) + 1
    Dim wide = (a.from * -support).floorDiv(a.to);
    first = node.importer.let(Dim::min(wide, node.dim(-support)) + 1);
  }
  Dim count = node.importer.let(Dim::max(first * -2 + 2, node.dim(2)));
  Neighbours all = neighbours(node, manner, a, taps, first, count);
  Type element = graph::elementType(x);
  if (!count.isStatic() || count.value() > kMaxUnrolledTaps) {
    Expr parts = gatherAlong(node, x, all.index, a.axis);
    Expr weights = alongAxis(node, all.weight, element, a.axis, rank);
    return graph::sum(parts * weights, {a.axis + 1});
  }
  std::optional<Expr> result;
  for (int64_t i = 0; i < count.value(); ++i) {
    Expr part = gatherAlong(node, x, component(node, all.index, i), a.axis);
    part = part * alongAxis(node, component(node, all.weight, i), element, a.axis, rank);
    result = result ? *result + part : part;
  }
  return *result;
}

Expr resizedAlong(Node &node, const Manner &manner, const Axis &a, Expr x) {
  Taps taps = tapsOf(node, manner, a);
  Expr result =
      manner.mode == "nearest"
          ? gatherAlong(node, x, clamped(node, nearestIndex(node, manner, taps), a.in), a.axis)
          : interpolated(node, manner, a, taps, x);
  if (!taps.outside)
    return result;
  Dims dims(graph::rankOf(x) - a.axis, node.dim(1));
  dims[0] = a.out;
  return graph::select(node.reshape(*taps.outside, dims),
                       node.splat(graph::elementType(x), {}, manner.extrapolation), result);
}

/// A scalar of f64 from a float input.
Expr element(Node &node, size_t input, int64_t i) {
  return node.cast(component(node, node.in(input), i), node.builder().getF64Type());
}

bool isGiven(Node &node, size_t i) {
  if (!node.has(i))
    return false;
  Dims dims = dimsOf(node.in(i));
  return !(dims.size() == 1 && dims[0].isStatic() && dims[0].value() == 0);
}

void checkCount(Node &node, llvm::StringRef what, size_t count, size_t expected) {
  if (count != expected)
    node.invalid("it has " + llvm::Twine(count) + " " + what + " for " + llvm::Twine(expected) +
                 " axes");
}

/// Sizes from scales: floor(size * scale).
std::vector<Axis> axesByScales(Node &node, size_t input, llvm::ArrayRef<int64_t> axes) {
  node.expectCount(input, axes.size());
  Dims x = dimsOf(node.in(0));
  std::vector<Axis> result;
  Type f64Type = node.builder().getF64Type();
  if (auto value = node.constant(input)) {
    if (!value->isFloat())
      node.invalid("its scales are integers");
    checkCount(node, "scales", value->numElements(), axes.size());
    for (auto [i, axis] : llvm::enumerate(axes)) {
      double scale = value->real(static_cast<int64_t>(i));
      if (!(scale > 0 && scale < 1e6))
        node.invalid("it has the scale " + std::to_string(scale));
      Dim in = x[axis], fixed = node.dim(static_cast<int64_t>(scale * double(kFixedOne)));
      Dim out = in.isStatic() ? node.dim(static_cast<int64_t>(scale * double(in.value())))
                              : (in * fixed).floorDiv(kFixedOne);
      result.push_back({axis, in, out, node.dim(kFixedOne), fixed, node.splat(f64Type, {}, scale),
                        std::nullopt, std::nullopt});
    }
    return result;
  }
  std::optional<Dims> scales = node.fixedPoint(input);
  if (!scales)
    node.unsupported("its scales are computed while running",
                     "make them constants or an input of the model");
  checkCount(node, "scales", scales->size(), axes.size());
  for (auto [i, axis] : llvm::enumerate(axes)) {
    Dim fixed = node.importer.let(Dim::max((*scales)[i], node.dim(1)));
    Dim out = node.importer.let((x[axis] * fixed).floorDiv(kFixedOne));
    result.push_back({axis, x[axis], out, node.dim(kFixedOne), fixed,
                      element(node, input, static_cast<int64_t>(i)), std::nullopt, std::nullopt});
  }
  return result;
}

/// Scales from sizes; with a policy that keeps the aspect ratio one scale for all axes, the least
/// or greatest, and sizes rounded to nearest.
std::vector<Axis> axesBySizes(Node &node, llvm::ArrayRef<int64_t> axes) {
  node.expectCount(3, axes.size());
  Dims x = dimsOf(node.in(0)), sizes = node.ints(3);
  checkCount(node, "sizes", sizes.size(), axes.size());
  std::string policy = node.attr("keep_aspect_ratio_policy", "stretch");
  std::vector<Axis> result;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    Dim out = nonNegative(node, sizes[i]);
    result.push_back({axis, x[axis], out, x[axis], out, f64(node, out) / f64(node, x[axis]),
                      std::nullopt, std::nullopt});
  }
  if (policy == "stretch")
    return result;
  bool isLeast = policy == "not_larger";
  if (!isLeast && policy != "not_smaller")
    node.invalid("attribute `keep_aspect_ratio_policy` is `" + policy + "`");
  std::vector<Axis> given = result;
  for (Axis &a : result) {
    std::optional<Dim> size;
    for (const Axis &other : given) {
      a.scale = isLeast ? graph::min(a.scale, other.scale) : graph::max(a.scale, other.scale);
      Dim rounded = node.importer.let(
          (other.out * a.in * 2 + other.in).floorDiv(node.importer.let(other.in * 2)));
      size = !size ? rounded : isLeast ? Dim::min(*size, rounded) : Dim::max(*size, rounded);
    }
    a.out = node.importer.let(*size);
    a.to = a.out;
    a.isRounded = true;
  }
  return result;
}

void resizeBy(Node &node, const Manner &manner, std::vector<Axis> axes) {
  Expr x = node.expr(0);
  Type given = graph::elementType(x);
  bool isWhole = !llvm::isa<FloatType>(given) && manner.mode != "nearest";
  if (isWhole)
    x = node.cast(x, node.builder().getF32Type());
  bool crops = manner.coordinates == "tf_crop_and_resize";
  for (const Axis &a : axes) {
    bool isSame = a.in == a.out && a.from == a.to && !a.isRounded && !crops;
    if (!isSame)
      x = resizedAlong(node, manner, a, x);
  }
  node.set(0, isWhole ? node.cast(x, given) : x);
}

void checkOneOf(Node &node, llvm::StringRef attribute, const std::string &value,
                llvm::ArrayRef<llvm::StringRef> known) {
  if (!llvm::is_contained(known, value))
    node.invalid("attribute `" + attribute + "` is `" + value + "`");
}

/// Of Upsample and of Resize before version 11, which have a mode alone.
Manner earlyManner(Node &node) {
  Manner manner{node.attr("mode", "nearest"), "asymmetric", "floor"};
  if (manner.mode == "bilinear") // as Upsample 1 says it
    manner.mode = "linear";
  checkOneOf(node, "mode", manner.mode, {"nearest", "linear"});
  return manner;
}

Manner mannerOf(Node &node) {
  Manner manner;
  manner.mode = node.attr("mode", "nearest");
  manner.coordinates = node.attr("coordinate_transformation_mode", "half_pixel");
  manner.nearest = node.attr("nearest_mode", "round_prefer_floor");
  manner.cubic = node.attr("cubic_coeff_a", -0.75);
  manner.extrapolation = node.attr("extrapolation_value", 0.0);
  manner.antialias = node.attr("antialias", int64_t(0)) != 0 && manner.mode != "nearest";
  manner.excludeOutside = node.attr("exclude_outside", int64_t(0)) != 0;
  checkOneOf(node, "mode", manner.mode, {"nearest", "linear", "cubic"});
  checkOneOf(node, "nearest_mode", manner.nearest,
             {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
  checkOneOf(node, "coordinate_transformation_mode", manner.coordinates,
             {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
              "asymmetric", "tf_crop_and_resize", "tf_half_pixel_for_nn"});
  return manner;
}

llvm::SmallVector<int64_t> allAxes(Node &node) {
  return llvm::to_vector(llvm::seq<int64_t>(0, node.inputRank(0)));
}

} // namespace

void resize(Node &node) {
  if (node.version < 11)
    return upsample(node);
  Manner manner = mannerOf(node);
  llvm::SmallVector<int64_t> axes = allAxes(node);
  if (node.hasAttribute("axes"))
    axes = node.axes(node.intsAttr("axes"), node.inputRank(0));
  bool byScales = isGiven(node, 2), bySizes = isGiven(node, 3);
  if (byScales == bySizes)
    node.invalid("it needs either scales or sizes");
  std::vector<Axis> all = byScales ? axesByScales(node, 2, axes) : axesBySizes(node, axes);
  if (manner.coordinates == "tf_crop_and_resize") {
    if (!isGiven(node, 1))
      node.invalid("it crops and has no region of interest");
    int64_t count = static_cast<int64_t>(axes.size());
    node.expectCount(1, 2 * count);
    if (dimsOf(node.in(1)) != Dims{node.dim(2 * count)})
      node.invalid("its region of interest has the shape " + str(dimsOf(node.in(1))) + "; (" +
                   llvm::Twine(2 * count) + ") is expected");
    for (int64_t i = 0; i < count; ++i) {
      all[i].low = element(node, 1, i);
      all[i].high = element(node, 1, count + i);
    }
  }
  resizeBy(node, manner, std::move(all));
}

void upsample(Node &node) { // inputs X, scales
  resizeBy(node, earlyManner(node), axesByScales(node, 1, allAxes(node)));
}

} // namespace ingot::onnx
