// Pooling.
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::ReduceKind;

namespace ingot::onnx {
namespace {

Window poolWindow(Node &node) {
  Dims x = dimsOf(node.in(0));
  if (x.size() < 3)
    node.invalid("it pools a tensor of shape " + str(x) + "; (N, C, spatial…) is expected");
  return windowOf(node, node.intsAttr("kernel_shape"), llvm::ArrayRef(x).drop_front(2));
}

llvm::SmallVector<int64_t> spatialAxes(Node &node) {
  llvm::SmallVector<int64_t> axes;
  for (int64_t d = 2; d < node.inputRank(0); ++d)
    axes.push_back(d);
  return axes;
}

} // namespace

namespace {

/// The windows of x (N, C, spatial…), padded with the least value: (N, C, out…, window…).
Expr windowsOf(Node &node, const Window &window, Value x) {
  size_t rank = window.size.size();
  Dims none = {node.dim(0), node.dim(0)}, low = none, high = none;
  llvm::append_range(low, window.low);
  llvm::append_range(high, window.high);
  Value padded =
      graph::pad(node.builder(), node.loc, x, low, high, {}, leastOf(graph::elementType(x)));
  Type integer = node.integerType();
  llvm::SmallVector<int64_t> permutation = {0, 1};
  for (size_t d = 0; d < rank; ++d) {
    // (…, out, window, …) in the place of the axis
    int64_t axis = static_cast<int64_t>(2 + 2 * d);
    Dim room = dimsOf(padded)[axis] - ((window.size[d] - 1) * window.dilations[d] + 1);
    Dim out = Dim::max(room.floorDiv(window.strides[d]) + 1, node.dim(0));
    Dims dims = {out, node.dim(window.size[d])};
    Expr at = node.iota(dims, 0, integer) * static_cast<double>(window.strides[d]) +
              node.iota(dims, 1, integer) * static_cast<double>(window.dilations[d]);
    padded = gatherAlong(node, padded, at, axis);
    permutation.push_back(axis);
  }
  for (size_t d = 0; d < rank; ++d)
    permutation.push_back(static_cast<int64_t>(3 + 2 * d));
  return node.transpose(padded, permutation);
}

/// The number in the whole of x of each window's first maximum.
Expr maxPoolIndices(Node &node, const Window &window, Value x) {
  Expr windows = windowsOf(node, window, x);
  Dims from = dimsOf(x), out = windows.dims();
  size_t rank = window.size.size();
  out.resize(2 + rank);
  int64_t count = 1;
  for (int64_t size : window.size)
    count *= size;
  Dims lines = out;
  lines.push_back(node.dim(count));
  Value best = node.make<graph::ArgMaxOp>({node.reshape(windows, lines)},
                                          {node.named("axis", static_cast<int64_t>(2 + rank))});
  Type integer = node.integerType();
  Expr left = node.expr(best);
  llvm::SmallVector<Expr> at(rank, left);
  for (size_t d = rank; d-- > 0;) {
    Expr within = node.binary<graph::RemOp>(left, left.number(static_cast<double>(window.size[d])));
    left = left / static_cast<double>(window.size[d]);
    Expr place = node.iota(out, static_cast<int64_t>(2 + d), integer) *
                     static_cast<double>(window.strides[d]) +
                 within * static_cast<double>(window.dilations[d]) - sizeOf(node, window.low[d]);
    at[d] = graph::min(graph::max(place, place.number(0)), sizeOf(node, from[2 + d] - 1));
  }
  Expr number = node.iota(out, 0, integer) * sizeOf(node, from[1]) + node.iota(out, 1, integer);
  bool isColumnMajor = node.attr("storage_order", int64_t(0)) != 0;
  for (size_t i = 0; i < rank; ++i) {
    size_t d = isColumnMajor ? rank - 1 - i : i;
    number = number * sizeOf(node, from[2 + d]) + at[d];
  }
  return number;
}

} // namespace

void maxPool(Node &node) {
  Window window = poolWindow(node);
  Value x = channelsLast(node, node.in(0));
  x = window.pad(node, x, leastOf(node.inputElement(0)));
  node.set(0, channelsFirst(node, node.make<graph::MaxPoolOp>({x}, window.attributes(node, true))));
  if (node.wants(1))
    node.set(1, maxPoolIndices(node, window, node.in(0)));
}

/// Elements put back to where MaxPool found them, zeros elsewhere.
void maxUnpool(Node &node) {
  Dims x = dimsOf(node.in(0));
  if (x.size() < 3)
    node.invalid("its input has shape " + str(x) + "; (N, C, spatial…) is expected");
  Dims dims = {x[0], x[1]};
  size_t rank = x.size() - 2;
  auto size = node.geometryAttr("kernel_shape", rank, 1, 1),
       strides = node.geometryAttr("strides", rank, 1, 1),
       pads = node.geometryAttr("pads", 2 * rank, 0, 0);
  for (size_t d = 0; d < rank; ++d)
    dims.push_back((x[2 + d] - 1) * strides[d] + (size[d] - pads[d] - pads[rank + d]));
  Expr flatResult =
      scatterRows(node, node.splat(node.inputElement(0), {numElements(node.context(), dims)}, 0),
                  flat(node, withDims(node, node.in(1), x, "its tensor of indices")),
                  flat(node, node.in(0)), graph::ScatterKind::Set);
  Value result = node.reshape(flatResult, dims);
  if (node.has(2)) {
    node.expectCount(2, x.size());
    Dims wanted = node.ints(2), low(x.size(), node.dim(0)), high;
    if (wanted.size() != dims.size())
      node.invalid("its output shape has " + llvm::Twine(wanted.size()) + " dimensions; " +
                   llvm::Twine(dims.size()) + " are expected");
    for (auto [want, dim] : llvm::zip(wanted, dims))
      high.push_back(want - dim);
    result = graph::pad(node.builder(), node.loc, result, low, high);
  }
  node.set(0, result);
}

namespace {

/// |x|^p, and the root of it.
Expr power(Expr x, double p) {
  if (p == 1)
    return graph::abs(x);
  return p == 2 ? x * x : graph::binary<graph::PowOp>(graph::abs(x), x.number(p));
}
Expr root(Expr x, double p) {
  if (p == 1)
    return x;
  return p == 2 ? graph::sqrt(x) : graph::binary<graph::PowOp>(x, x.number(1 / p));
}
double exponentOf(Node &node) {
  const auto *given = node.attribute("p"); // a float before operator set 2
  double p = !given ? 2.0 : given->has_f() ? given->f() : static_cast<double>(given->i());
  if (!(p > 0))
    node.invalid("attribute `p` is " + std::to_string(p));
  return p;
}

} // namespace

/// (sum of |x|^p)^(1/p) of each window
void lpPool(Node &node) {
  Window window = poolWindow(node);
  double p = exponentOf(node), count = 1;
  for (int64_t size : window.size)
    count *= static_cast<double>(size);
  Expr x = power(channelsLast(node, node.in(0)), p);
  auto attributes = window.attributes(node, true);
  attributes.push_back(node.named("countIncludePad", node.builder().getBoolAttr(true)));
  Expr mean = node.expr(node.make<graph::AvgPoolOp>({window.pad(node, x, 0)}, attributes));
  node.set(0, channelsFirst(node, root(mean * count, p)));
}

void globalLpPool(Node &node) {
  double p = exponentOf(node);
  node.set(0, root(graph::sum(power(node.expr(0), p), spatialAxes(node), /*keep=*/true), p));
}

void averagePool(Node &node) {
  Window window = poolWindow(node);
  Value x = channelsLast(node, node.in(0));
  bool countsPadding = node.attr("count_include_pad", int64_t(0)) != 0;
  bool hangsOver = node.attr("ceil_mode", int64_t(0)) != 0 || !window.hasStaticPadding();
  if (countsPadding && hangsOver) {
    // Given padding counts, what a last window hangs over does not: the first becomes part of x.
    size_t rank = window.size.size();
    auto pads = node.geometryAttr("pads", 2 * rank, 0, 0);
    Dims low(rank + 2, node.dim(0)), high = low;
    for (size_t d = 0; d < rank; ++d) {
      low[d + 1] = node.dim(pads[d]);
      high[d + 1] = node.dim(pads[rank + d]);
      window.low[d] = window.low[d] - pads[d];
      window.high[d] = window.high[d] - pads[rank + d];
    }
    x = graph::pad(node.builder(), node.loc, x, low, high);
    countsPadding = false;
  }
  if (!window.hasStaticPadding()) {
    // The mean over padded windows by the part of them that is no padding.
    Dims ones = dimsOf(x);
    ones.front() = ones.back() = node.dim(1);
    auto meanOf = [&](Value value) {
      auto attributes = window.attributes(node, true);
      attributes.push_back(node.named("countIncludePad", node.builder().getBoolAttr(true)));
      return node.expr(node.make<graph::AvgPoolOp>({window.pad(node, value, 0)}, attributes));
    };
    Expr part = meanOf(node.splat(node.inputElement(0), ones, 1));
    Expr isEmpty = graph::compare(graph::Predicate::EQ, part, part.number(0));
    part = graph::select(isEmpty, part.number(1), part);
    return node.set(0, channelsFirst(node, meanOf(x) / part));
  }
  auto attributes = window.attributes(node, true);
  attributes.push_back(node.named("countIncludePad", node.builder().getBoolAttr(countsPadding)));
  node.set(0, channelsFirst(node, node.make<graph::AvgPoolOp>({x}, attributes)));
}

void globalAveragePool(Node &node) {
  node.set(0, graph::mean(node.expr(0), spatialAxes(node), /*keep=*/true));
}

void globalMaxPool(Node &node) {
  node.set(0, graph::reduce(node.builder(), node.loc, node.in(0), ReduceKind::Max,
                            spatialAxes(node), /*keep=*/true));
}

} // namespace ingot::onnx
