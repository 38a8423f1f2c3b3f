// Operators that read between the elements of a picture: at coordinates which a tensor gives, or in
// regions of interest.
//
// A tap is a neighbour along one dimension: its index, and its weight. A sample is the sum over all
// combinations of taps, one a dimension.
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;
using ingot::graph::ReduceKind;

namespace ingot::onnx {
namespace {

struct Tap {
  Expr index;  ///< si64, inside the dimension
  Expr weight; ///< of the result's element type
};
using Taps = llvm::SmallVector<Tap, 4>; // along one dimension

/// The samples of x (N, C, spatial…), one by one: `visit` gets each combination's value times its
/// weight. `plane` is n * C + c; it, indices and weights broadcast to `dims`.
void forEachSample(Node &node, Value x, Expr plane, llvm::ArrayRef<Taps> taps,
                   llvm::ArrayRef<Dim> dims, llvm::function_ref<void(Expr)> visit) {
  Dims from = dimsOf(x);
  Expr vector = flat(node, x);
  std::function<void(size_t, Expr, std::optional<Expr>)> go = [&](size_t d, Expr place,
                                                                  std::optional<Expr> weight) {
    if (d == taps.size()) {
      Expr at = node.broadcastTo(place, dims);
      return visit(gatherAlong(node, vector, at, 0) * node.broadcastTo(*weight, dims));
    }
    for (const Tap &tap : taps[d])
      go(d + 1, place * sizeOf(node, from[d + 2]) + tap.index,
         weight ? *weight * tap.weight : tap.weight);
  };
  go(0, plane, std::nullopt);
}

Expr sampled(Node &node, Value x, Expr plane, llvm::ArrayRef<Taps> taps, llvm::ArrayRef<Dim> dims) {
  std::optional<Expr> sum;
  forEachSample(node, x, plane, taps, dims, [&](Expr value) { sum = sum ? *sum + value : value; });
  return *sum;
}

Expr floorOf(Expr x) { return x.unary<graph::FloorOp>(); }

/// The index as a number that surely lies in 0 … size - 1, and the rest of a tap outside is 0.
Tap zeroOutside(Node &node, Expr position, Expr weight, Dim size) {
  Expr index = node.cast(position, node.integerType());
  Expr last = sizeOf(node, size - 1);
  Expr inside = isInside(node, index, size);
  return {graph::min(graph::max(index, last.number(0)), last),
          graph::select(inside, weight, weight.number(0))};
}

Taps linearTaps(Node &node, Expr position, Dim size) {
  Expr low = floorOf(position), ratio = position - low;
  return {zeroOutside(node, low, 1.0 - ratio, size), zeroOutside(node, low + 1.0, ratio, size)};
}

/// Planes n * C + c as a tensor of `rank` dimensions whose first two are N and C.
Expr planes(Node &node, Value x, size_t rank) {
  Dims from = dimsOf(x), dims(rank, node.dim(1));
  dims[0] = from[0];
  dims[1] = from[1];
  Type integer = node.integerType();
  return node.iota(dims, 0, integer) * sizeOf(node, from[1]) + node.iota(dims, 1, integer);
}

// GridSample.

struct Grid {
  std::string mode, padding;
  bool alignCorners = false;
};

/// Reflected at the borders low and high until inside.
Expr reflected(Node &node, Expr x, Expr low, Expr high) {
  Expr range = graph::max(high - low, high.number(1e-6));
  Expr period = node.broadcastTo(range * 2.0, x.dims());
  Expr t = x.with(node.make<graph::FloorModOp>({(x - low).v, period.v}));
  return low + graph::min(t, period - t);
}

Expr extentAs(Node &node, Dim size, Type element) { return node.extent(size, element); }

/// The tap at a whole position, moved inside as the padding says.
Tap paddedTap(Node &node, const Grid &grid, Expr position, Expr weight, Dim size, Expr low,
              Expr high) {
  if (grid.padding == "zeros")
    return zeroOutside(node, position, weight, size);
  if (grid.padding == "reflection")
    position = reflected(node, position, low, high);
  Expr index = node.cast(position, node.integerType()), last = sizeOf(node, size - 1);
  return {graph::min(graph::max(index, last.number(0)), last), weight};
}

/// Weights of the four neighbours that Keys' cubic convolution (a = -0.75) reads.
llvm::SmallVector<Expr> cubicWeights(Expr t) {
  constexpr double a = -0.75;
  auto near = [&](Expr x) { return ((a + 2) * x - (a + 3)) * x * x + 1.0; };
  auto far = [&](Expr x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  return {far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)};
}

Taps gridTaps(Node &node, const Grid &grid, Expr normalized, Dim size) {
  Expr length = extentAs(node, size, graph::elementType(normalized));
  Expr low = length.number(grid.alignCorners ? 0 : -0.5);
  Expr high = length - (grid.alignCorners ? 1 : 0.5);
  Expr x = grid.alignCorners ? (normalized + 1.0) / 2.0 * (length - 1.0)
                             : ((normalized + 1.0) * length - 1.0) / 2.0;
  if (grid.mode == "nearest")
    x = x.unary<graph::RoundOp>();
  Expr isOutside = x.with(node.make<graph::OrOp>(
      {graph::compare(Predicate::LT, x, low).v, graph::compare(Predicate::GT, x, high).v}));
  if (grid.padding == "border")
    x = graph::select(isOutside, graph::min(graph::max(x, low.number(0)), length - 1.0), x);
  else if (grid.padding == "reflection")
    x = graph::select(isOutside, reflected(node, x, low, high), x);
  auto tap = [&](Expr position, Expr weight) {
    return paddedTap(node, grid, position, weight, size, low, high);
  };
  if (grid.mode == "nearest")
    return {tap(x, x.number(1))};
  Expr base = floorOf(x), ratio = x - base;
  if (grid.mode == "linear")
    return {tap(base, 1.0 - ratio), tap(base + 1.0, ratio)};
  Taps taps;
  for (auto [i, weight] : llvm::enumerate(cubicWeights(ratio)))
    taps.push_back(tap(base + (static_cast<double>(i) - 1), weight));
  return taps;
}

Grid gridOf(Node &node) {
  Grid grid{node.attr("mode", "linear"), node.attr("padding_mode", "zeros"),
            node.attr("align_corners", int64_t(0)) != 0};
  if (grid.mode == "bilinear") // as operator set 16 says it
    grid.mode = "linear";
  if (grid.mode == "bicubic")
    grid.mode = "cubic";
  if (grid.mode != "linear" && grid.mode != "nearest" && grid.mode != "cubic")
    node.invalid("attribute `mode` is `" + grid.mode + "`");
  if (grid.padding != "zeros" && grid.padding != "border" && grid.padding != "reflection")
    node.invalid("attribute `padding_mode` is `" + grid.padding + "`");
  return grid;
}

} // namespace

void gridSample(Node &node) {
  Grid grid = gridOf(node);
  Dims x = dimsOf(node.in(0)), at = dimsOf(node.in(1));
  size_t spatial = x.size() - 2;
  if (x.size() < 3 || at.size() != x.size())
    node.invalid("it samples " + str(x) + " at a grid of shape " + str(at));
  at[0] = x[0];
  at.back() = node.dim(static_cast<int64_t>(spatial));
  Expr points = withDims(node, node.in(1), at, "its grid");
  Type element = node.inputElement(0), computed = element;
  if (!llvm::isa<FloatType>(element) || element.getIntOrFloatBitWidth() < 32)
    computed = node.builder().getF32Type();
  Expr picture = node.cast(node.in(0), computed), where = node.cast(points, computed);
  Dims result = {x[0], x[1]}, coordinate = {x[0], node.dim(1)};
  result.append(at.begin() + 1, at.end() - 1);
  coordinate.append(at.begin() + 1, at.end() - 1);
  llvm::SmallVector<Taps> taps;
  for (size_t d = 0; d < spatial; ++d) { // the grid's last is the first spatial dimension
    Expr normalized = component(node, where, static_cast<int64_t>(spatial - 1 - d));
    taps.push_back(gridTaps(node, grid, node.reshape(normalized, coordinate), x[d + 2]));
  }
  Expr plane = planes(node, picture, result.size());
  node.set(0, node.cast(sampled(node, picture, plane, taps, result), element));
}

/// The grid that GridSample reads a picture of `size` at: theta applied to its own coordinates.
void affineGrid(Node &node) {
  node.expectCount(1, node.declaredRank());
  Dims theta = dimsOf(node.in(0)), size = node.ints(1);
  int64_t spatial = static_cast<int64_t>(size.size()) - 2;
  if (spatial < 1 || theta.size() != 3)
    node.invalid("it has a theta of shape " + str(theta) + " for a size of " +
                 llvm::Twine(size.size()) + " dimensions");
  theta = {theta[0], node.dim(spatial), node.dim(spatial + 1)};
  Expr matrix = withDims(node, node.in(0), theta, "its theta");
  Type element = node.inputElement(0);
  bool alignCorners = node.attr("align_corners", int64_t(0)) != 0;
  Dims place(size.begin() + 2, size.end());
  for (Dim &d : place)
    d = nonNegative(node, d);
  Dims column = place;
  column.push_back(node.dim(1));
  llvm::SmallVector<Value> columns; // x, y, …, 1: the last spatial dimension first
  for (int64_t d = spatial; d-- > 0;) {
    Expr i = node.iota(column, d, element), n = node.extent(place[d], element);
    Expr at = alignCorners ? i * 2.0 / (n - 1.0) - 1.0 : (i * 2.0 + 1.0) / n - 1.0;
    columns.push_back(at);
  }
  columns.push_back(node.splat(element, column, 1));
  Value own = graph::concat(node.builder(), node.loc, columns, spatial);
  Dim points = numElements(node.context(), place);
  Expr rows = node.broadcastTo(node.reshape(own, {points, theta[2]}), {theta[0], points, theta[2]});
  Value grid = node.make<graph::MatMulOp>(
      {rows, matrix}, {node.named("transposeRhs", node.builder().getBoolAttr(true))});
  Dims result = {theta[0]};
  llvm::append_range(result, place);
  result.push_back(theta[1]);
  node.set(0, node.reshape(grid, result));
}

// Regions of interest.

namespace {

struct Regions {
  Dim count, height, width;         ///< regions, and the size each is pooled to
  llvm::SmallVector<Expr, 2> start; ///< (R, 1, 1, 1): rows, then columns
  llvm::SmallVector<Expr, 2> bin;   ///< the size of a bin, likewise
};

/// An axis of size R, and 1 for the others.
Expr perRegion(Node &node, Expr values) {
  Dims dims = {values.dims()[0], node.dim(1), node.dim(1), node.dim(1)};
  return node.reshape(values, dims);
}

Regions regionsOf(Node &node) {
  Dims x = dimsOf(node.in(0)), rois = dimsOf(node.in(1));
  if (x.size() != 4 || rois.size() != 2 || node.inputRank(2) != 1)
    node.invalid("it pools " + str(x) + " in regions of shape " + str(rois) +
                 " with batch indices " + str(dimsOf(node.in(2))));
  std::string way = node.attr("coordinate_transformation_mode",
                              node.version < 16 ? "output_half_pixel" : "half_pixel");
  if (way != "half_pixel" && way != "output_half_pixel")
    node.invalid("attribute `coordinate_transformation_mode` is `" + way + "`");
  bool isHalf = way == "half_pixel";
  double scale = node.attr("spatial_scale", 1.0);
  Dim count = rois[0].isStatic() ? rois[0] : dimsOf(node.in(2))[0];
  Expr roi = withDims(node, node.in(1), {count, node.dim(4)}, "its tensor of regions");
  Regions regions{count,
                  node.dim(node.attr("output_height", int64_t(1))),
                  node.dim(node.attr("output_width", int64_t(1))),
                  {},
                  {}};
  for (int64_t d : {1, 0}) { // rois are x1, y1, x2, y2
    Expr low = perRegion(node, component(node, roi, d)) * scale - (isHalf ? 0.5 : 0.0);
    Expr high = perRegion(node, component(node, roi, d + 2)) * scale - (isHalf ? 0.5 : 0.0);
    Expr size = high - low;
    if (!isHalf)
      size = graph::max(size, size.number(1));
    Expr bins = node.extent(d == 1 ? regions.height : regions.width, node.inputElement(1));
    regions.start.push_back(low);
    regions.bin.push_back(size / bins);
  }
  return regions;
}

/// Taps at a coordinate along an axis; -1 … size counts as inside and is moved to the border.
Taps borderTaps(Node &node, Expr x, Dim size) {
  Expr length = node.extent(size, graph::elementType(x));
  Expr isOutside = x.with(node.make<graph::OrOp>({graph::compare(Predicate::LT, x, x.number(-1)).v,
                                                  graph::compare(Predicate::GT, x, length).v}));
  Expr at = graph::min(graph::max(x, x.number(0)), length - 1.0);
  Taps taps = linearTaps(node, at, size);
  for (Tap &tap : taps)
    tap.weight = graph::select(isOutside, tap.weight.number(0), tap.weight);
  return taps;
}

/// The planes that regions read: (R, C, 1, 1).
Expr regionPlanes(Node &node, Dim regions) {
  Dims x = dimsOf(node.in(0));
  Type integer = node.integerType();
  Expr given = withDims(node, node.in(2), {regions}, "its tensor of batch indices");
  Expr batch = fromStart(node, node.cast(given, integer), x[0]);
  Expr inside = isInside(node, batch, x[0]);
  // A batch index outside makes every place negative, at which the run fails.
  batch = graph::select(inside, batch, batch.number(-1e9));
  Dims channels = {node.dim(1), x[1], node.dim(1), node.dim(1)};
  return perRegion(node, batch) * sizeOf(node, x[1]) + node.iota(channels, 1, integer);
}

/// Sample (iy, ix) of each bin, of as many as `grid` says along each axis: averaged, or the
/// greatest weighted neighbour.
Expr binSample(Node &node, const Regions &regions, llvm::ArrayRef<Expr> index,
               llvm::ArrayRef<Expr> grid, bool isMax) {
  Dims x = dimsOf(node.in(0));
  Dims dims = {regions.count, x[1], regions.height, regions.width};
  Type element = node.inputElement(1);
  llvm::SmallVector<Taps> taps;
  for (int64_t d : {0, 1}) {
    Dims line(4, node.dim(1));
    line[d + 2] = dims[d + 2];
    Expr bin = node.iota(line, d + 2, element);
    Expr at = regions.start[d] + bin * regions.bin[d] + (index[d] + 0.5) * regions.bin[d] / grid[d];
    taps.push_back(borderTaps(node, at, x[d + 2]));
  }
  std::optional<Expr> result;
  forEachSample(node, node.in(0), regionPlanes(node, regions.count), taps, dims, [&](Expr value) {
    result = !result ? value : isMax ? graph::max(*result, value) : *result + value;
  });
  return *result;
}

/// As many samples a bin as its size asks for: one after another, up to the most of any region.
Expr adaptiveBins(Node &node, const Regions &regions, bool isMax) {
  Dims dims = {regions.count, dimsOf(node.in(0))[1], regions.height, regions.width};
  Type element = node.inputElement(1), integer = node.integerType();
  llvm::SmallVector<Expr, 2> grid, whole;
  for (const Expr &bin : regions.bin) {
    Expr count = graph::max(bin.unary<graph::CeilOp>(), bin.number(1));
    grid.push_back(count);
    whole.push_back(node.cast(count, integer));
  }
  Expr samples = whole[0] * whole[1];
  OpBuilder &b = node.builder();
  Expr most = node.expr(graph::reduce(b, node.loc, samples, ReduceKind::Max, {0, 1, 2, 3}));
  Expr none = node.splat(element, dims, isMax ? -std::numeric_limits<double>::infinity() : 0);
  auto loop = graph::makeWhile(
      b, node.loc, {node.splat(integer, {}, 0), none},
      [&](OpBuilder &region, ValueRange carried) -> Value {
        return inRegion(node, region, [&]() -> graph::Values {
          return {graph::compare(Predicate::LT, node.expr(carried[0]), most)};
        })[0];
      },
      [&](OpBuilder &region, ValueRange carried) -> graph::Values {
        return inRegion(node, region, [&]() -> graph::Values {
          Expr i = node.expr(carried[0]), so = node.expr(carried[1]);
          Expr row = i / whole[1], column = i - row * whole[1];
          Expr value = binSample(
              node, regions, {node.cast(row, element), node.cast(column, element)}, grid, isMax);
          Expr next = isMax ? graph::max(so, value) : so + value;
          return {i + 1.0, graph::select(graph::compare(Predicate::LT, i, samples), next, so)};
        });
      });
  Expr result = node.expr(loop.getResult(1));
  return isMax ? result : result / node.cast(samples, element);
}

} // namespace

void roiAlign(Node &node) {
  Regions regions = regionsOf(node);
  std::string mode = node.attr("mode", "avg");
  if (mode != "avg" && mode != "max")
    node.invalid("attribute `mode` is `" + mode + "`");
  bool isMax = mode == "max";
  int64_t ratio = node.attr("sampling_ratio", int64_t(0));
  if (ratio <= 0)
    return node.set(0, adaptiveBins(node, regions, isMax));
  if (ratio > 16)
    node.unsupported("a sampling ratio of " + llvm::Twine(ratio), "use 16 or less");
  Type element = node.inputElement(1);
  auto number = [&](int64_t value) { return node.splat(element, {}, static_cast<double>(value)); };
  std::optional<Expr> result;
  for (int64_t row = 0; row < ratio; ++row)
    for (int64_t column = 0; column < ratio; ++column) {
      Expr value = binSample(node, regions, {number(row), number(column)},
                             {number(ratio), number(ratio)}, isMax);
      result = !result ? value : isMax ? graph::max(*result, value) : *result + value;
    }
  node.set(0, isMax ? *result : *result / static_cast<double>(ratio * ratio));
}

namespace {

/// Along one axis of each region: where its bins begin and end, (R, 1, bins, 1) or (R, 1, 1, bins)
/// of si64, inside 0 … size.
struct Bins {
  Expr begin, end;
};
Bins binsOf(Node &node, Expr low, Expr high, double scale, int64_t axis, Dim bins, Dim size) {
  Type element = graph::elementType(low), integer = node.integerType();
  auto whole = [&](Expr x) { return (x * scale + 0.5).unary<graph::FloorOp>(); };
  Expr first = perRegion(node, whole(low)), last = perRegion(node, whole(high));
  Expr extent = graph::max(last - first + 1.0, first.number(1));
  Expr each = extent / node.extent(bins, element);
  Dims line(4, node.dim(1));
  line[axis] = bins;
  Expr i = node.iota(line, axis, element);
  auto inside = [&](Expr x) {
    Expr at = node.cast(x, integer);
    return graph::min(graph::max(at, at.number(0)), sizeOf(node, size));
  };
  return {inside((i * each).unary<graph::FloorOp>() + first),
          inside(((i + 1.0) * each).unary<graph::CeilOp>() + first)};
}

Expr greatest(Node &node, Expr x) {
  return node.expr(graph::reduce(node.builder(), node.loc, x, ReduceKind::Max, {0, 1, 2, 3}));
}

} // namespace

/// The maximum of each bin, element after element up to the largest bin's; 0 of an empty one.
void maxRoiPool(Node &node) {
  Dims x = dimsOf(node.in(0)), rois = dimsOf(node.in(1));
  auto pooled = node.intsAttr("pooled_shape", 2, 0);
  if (x.size() != 4 || rois.size() != 2)
    node.invalid("it pools " + str(x) + " in regions of shape " + str(rois));
  if (pooled[0] < 1 || pooled[1] < 1)
    node.invalid("attribute `pooled_shape` has a size below 1");
  double scale = node.attr("spatial_scale", 1.0);
  Expr roi = withDims(node, node.in(1), {rois[0], node.dim(5)}, "its tensor of regions");
  auto part = [&](int64_t i) { return component(node, roi, i); };
  Bins rows = binsOf(node, part(2), part(4), scale, 2, node.dim(pooled[0]), x[2]);
  Bins columns = binsOf(node, part(1), part(3), scale, 3, node.dim(pooled[1]), x[3]);
  Type element = node.inputElement(0), integer = node.integerType();
  Expr batch = perRegion(node, node.cast(part(0), integer));
  batch = graph::select(isInside(node, batch, x[0]), batch, batch.number(-1e9));
  Expr plane = batch * sizeOf(node, x[1]) +
               node.iota({node.dim(1), x[1], node.dim(1), node.dim(1)}, 1, integer);
  Expr most = greatest(node, rows.end - rows.begin),
       width = graph::max(greatest(node, columns.end - columns.begin), most.number(1));
  Dims dims = {rois[0], x[1], node.dim(pooled[0]), node.dim(pooled[1])};
  Expr isEmpty =
      node.binary<graph::OrOp>(graph::compare(Predicate::GE, rows.begin, rows.end),
                               graph::compare(Predicate::GE, columns.begin, columns.end));
  Expr start = graph::select(isEmpty, node.splat(element, dims, 0),
                             node.splat(element, {}, leastOf(element)));
  auto loop = graph::makeWhile(
      node.builder(), node.loc, {node.splat(integer, {}, 0), start},
      [&](OpBuilder &region, ValueRange carried) -> Value {
        return inRegion(node, region, [&]() -> graph::Values {
          return {graph::compare(Predicate::LT, node.expr(carried[0]), most * width)};
        })[0];
      },
      [&](OpBuilder &region, ValueRange carried) -> graph::Values {
        return inRegion(node, region, [&]() -> graph::Values {
          Expr i = node.expr(carried[0]), so = node.expr(carried[1]), down = i / width;
          Expr row = rows.begin + down, column = columns.begin + (i - down * width);
          Expr inside =
              node.binary<graph::AndOp>(graph::compare(Predicate::LT, row, rows.end),
                                        graph::compare(Predicate::LT, column, columns.end));
          Expr place = (plane * sizeOf(node, x[2]) + row) * sizeOf(node, x[3]) + column;
          place = graph::select(inside, place, place.number(0));
          Expr value = elementsAt(node, node.in(0), node.broadcastTo(place, dims));
          return {i + 1.0, graph::select(inside, graph::max(so, value), so)};
        });
      });
  node.set(0, loop.getResult(1));
}

/// A convolution whose kernel reads at places moved by `offset`, weighted by `mask`: the columns it
/// sees, then one product a group.
void deformConv(Node &node) {
  Dims x = dimsOf(node.in(0)), w = dimsOf(node.in(1)), offset = dimsOf(node.in(2));
  if (x.size() != 4 || w.size() != 4 || offset.size() != 4)
    node.unsupported("a deformed convolution of " + str(x) + " with a kernel " + str(w),
                     "two spatial dimensions are supported");
  for (Dim d : {w[0], w[1], w[2], w[3], x[1]})
    if (!d.isStatic())
      node.unsupported("the dimension `" + d.str() + "` is not known when compiling",
                       "fix it with --shape");
  int64_t groups = node.attr("group", int64_t(1)), parts = node.attr("offset_group", int64_t(1));
  int64_t channels = x[1].value();
  int64_t points = (w[2] * w[3]).value(), outputs = w[0].value();
  if (groups < 1 || parts < 1 || channels % parts != 0 || w[1] * groups != x[1] ||
      outputs % groups != 0 || offset[1] != w[2] * w[3] * parts * 2)
    node.invalid("it convolves " + str(x) + " with a kernel " + str(w) + " at offsets " +
                 str(offset) + " in " + llvm::Twine(groups) + " groups and " + llvm::Twine(parts) +
                 " offset groups");
  auto strides = node.geometryAttr("strides", 2, 1, 1),
       dilations = node.geometryAttr("dilations", 2, 1, 1),
       pads = node.geometryAttr("pads", 4, 0, 0);
  Type element = node.inputElement(0);
  Dim one = node.dim(1);
  // (N, parts, channels of a part, kernel row, kernel column, row, column)
  Dims dims = {x[0], node.dim(parts), node.dim(channels / parts), w[2], w[3], offset[2], offset[3]};
  Expr moved = node.reshape(
      node.in(2), {x[0], node.dim(parts), one, w[2], w[3], node.dim(2), offset[2], offset[3]});
  llvm::SmallVector<Taps> taps;
  for (int64_t d : {0, 1}) {
    Dims kernel(7, one), place(7, one), starts(8, node.dim(0)), sizes = moved.dims();
    kernel[3 + d] = dims[3 + d];
    place[5 + d] = dims[5 + d];
    starts[5] = node.dim(d);
    sizes[5] = one;
    Expr part = node.expr(graph::slice(node.builder(), node.loc, moved, starts, sizes));
    sizes.erase(sizes.begin() + 5);
    Expr at = node.reshape(part, sizes) +
              (node.iota(kernel, 3 + d, element) * static_cast<double>(dilations[d]) +
               (node.iota(place, 5 + d, element) * static_cast<double>(strides[d]) -
                static_cast<double>(pads[d])));
    taps.push_back(linearTaps(node, at, x[d + 2]));
  }
  Dims planeDims(7, one);
  planeDims[0] = dims[0];
  planeDims[1] = dims[1];
  planeDims[2] = dims[2];
  Expr plane = node.reshape(planes(node, node.in(0), 2), planeDims);
  Expr columns = sampled(node, node.in(0), plane, taps, dims);
  if (node.has(4))
    columns = columns * node.broadcastTo(node.reshape(node.in(4), {x[0], node.dim(parts), one, w[2],
                                                                   w[3], offset[2], offset[3]}),
                                         dims);
  int64_t seen = w[1].value() * points;
  Dim area = offset[2] * offset[3];
  columns = node.reshape(columns, {x[0], node.dim(groups), node.dim(seen), area});
  Expr kernel =
      node.reshape(node.in(1), {node.dim(groups), node.dim(outputs / groups), node.dim(seen)});
  kernel = node.broadcastTo(kernel,
                            {x[0], node.dim(groups), node.dim(outputs / groups), node.dim(seen)});
  Expr y = node.reshape(node.make<graph::MatMulOp>({kernel, columns}),
                        {x[0], w[0], offset[2], offset[3]});
  if (node.has(3))
    y = y + node.broadcastTo(node.reshape(node.in(3), {w[0], one, one}), y.dims());
  node.set(0, y);
}

} // namespace ingot::onnx
