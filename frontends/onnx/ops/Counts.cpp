// Operators whose result is as large as the data says: NonZero, Compress, Unique,
// NonMaxSuppression. What they keep is moved to the front of a tensor of the largest size, of which
// graph.bind takes as many as were counted.
#include "frontends/onnx/ops/Counts.h"
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

Expr cumulated(Node &node, Expr x, bool exclusive) {
  OpBuilder &b = node.builder();
  return x.with(node.make<graph::CumulateOp>(
      {x.v},
      {node.named("kind", graph::CumulateKindAttr::get(node.context(), graph::CumulateKind::Sum)),
       node.named("axis", int64_t(0)), node.named("exclusive", b.getBoolAttr(exclusive))}));
}

Expr scattered(Node &node, Expr base, Expr rows, Expr updates, graph::ScatterKind kind) {
  return node.expr(scatterRows(node, base, rows, updates, kind));
}

Expr numbers(Node &node, Dim count) { return node.iota({count}, 0, node.integerType()); }

Expr argSort(Node &node, Expr x, bool descending = false) {
  return x.with(node.make<graph::ArgSortOp>(
      {x.v}, {node.named("descending", node.builder().getBoolAttr(descending))}));
}

Expr rowsAt(Node &node, Expr x, Expr rows) { return gatherAlong(node, x, rows, 0); }

} // namespace

Expr placesOf(Node &node, Expr mask) {
  Dim size = mask.dims()[0];
  Type element = node.integerType();
  Expr ones = node.cast(mask, element), zeros = ones.number(0);
  Expr front = scattered(node, zeros, cumulated(node, ones, /*exclusive=*/true),
                         graph::select(mask, numbers(node, size), zeros), graph::ScatterKind::Add);
  return node.expr(node.importer.bindRows(node, front, graph::sum(ones, {0})));
}

namespace {

Expr isTrue(Node &node, Expr x) {
  if (graph::elementType(x).isInteger(1))
    return x;
  return graph::compare(Predicate::NE, x, x.number(0));
}

/// The index along dimension d of the elements with these numbers.
Expr indexAlong(Node &node, Expr places, llvm::ArrayRef<Dim> dims, size_t d) {
  Expr stride =
      node.extent(numElements(node.context(), dims.drop_front(d + 1)), node.integerType());
  Expr index = places / stride;
  if (d == 0)
    return index;
  return graph::binary<graph::RemOp>(index, node.extent(dims[d], node.integerType()));
}

/// Vectors as the rows (axis 0) or columns (axis 1) of a matrix.
Value stacked(Node &node, llvm::ArrayRef<Expr> vectors, int64_t axis) {
  graph::Values parts;
  for (const Expr &vector : vectors) {
    Dims dims = vector.dims();
    dims.insert(dims.begin() + axis, node.dim(1));
    parts.push_back(node.reshape(vector, dims));
  }
  return parts.size() == 1 ? parts[0] : graph::concat(node.builder(), node.loc, parts, axis);
}

} // namespace

void nonZero(Node &node) {
  Expr x = node.expr(0);
  Dims dims = x.dims();
  if (dims.empty())
    node.unsupported("its input is a scalar", "give it one dimension");
  Expr places = placesOf(node, flat(node, isTrue(node, x)));
  llvm::SmallVector<Expr> indices;
  for (size_t d = 0; d < dims.size(); ++d)
    indices.push_back(indexAlong(node, places, dims, d));
  node.set(0, stacked(node, indices, 0));
}

void compress(Node &node) {
  Expr x = node.expr(0), places = placesOf(node, flat(node, isTrue(node, node.expr(1))));
  if (!node.hasAttribute("axis"))
    return node.set(0, rowsAt(node, flat(node, x), places));
  int64_t axis = node.axis(node.attr("axis", int64_t(0)), node.inputRank(0));
  node.set(0, gatherAlong(node, x, places, axis));
}

// Unique.

namespace {

/// The rows of a matrix in lexicographic order, equal ones as they come: sorted by the last column
/// first, each time keeping the order of before.
Expr sortedRows(Node &node, Expr rows) {
  Dim count = rows.dims()[0], width = rows.dims()[1];
  if (width.isStatic() && width.value() == 1)
    return argSort(node, node.reshape(rows, {count}));
  Expr columns = node.transpose(rows, {1, 0});
  graph::ScanOp scan = graph::makeScan(
      node.builder(), node.loc, width, {numbers(node, count).v}, {columns.v},
      [&](OpBuilder &b, Value, ValueRange carried, ValueRange slices) {
        graph::ScanYield yield;
        buildIn(node, b, [&] {
          Expr order = node.expr(carried[0]);
          Expr next = argSort(node, rowsAt(node, node.expr(slices[0]), order));
          yield.carried = {rowsAt(node, order, next).v};
        });
        return yield;
      },
      /*reverse=*/true);
  return node.expr(scan.getResult(0));
}

/// Whether each row differs from the one before it; the first does.
Expr startsGroup(Node &node, Expr rows) {
  Dim count = rows.dims()[0];
  Expr number = numbers(node, count);
  Expr before = rowsAt(node, rows, graph::max(number - 1.0, number.number(0)));
  Expr differs = node.cast(graph::compare(Predicate::NE, rows, before), node.integerType());
  Expr any = graph::compare(Predicate::GT, graph::sum(differs, {1}), number.number(0));
  return node.expr(
      node.make<graph::OrOp>({any.v, graph::compare(Predicate::EQ, number, number.number(0)).v}));
}

} // namespace

/// Sorts, finds where groups of equal rows begin, and, where the result is to be in order of first
/// appearance, sorts the groups by that.
void unique(Node &node) {
  Expr x = node.expr(0);
  bool hasAxis = node.hasAttribute("axis");
  int64_t axis = hasAxis ? node.axis(node.attr("axis", int64_t(0)), node.inputRank(0)) : 0;
  Expr source = hasAxis ? x : flat(node, x);
  Dims dims = source.dims();
  llvm::SmallVector<int64_t> toFront = {axis};
  for (int64_t d = 0; d < static_cast<int64_t>(dims.size()); ++d)
    if (d != axis)
      toFront.push_back(d);
  Expr moved = node.transpose(source, toFront);
  Dims movedDims = moved.dims();
  Dim width = numElements(node.context(), llvm::ArrayRef<Dim>(movedDims).drop_front(1));
  Expr rows = node.reshape(moved, {dims[axis], width});
  if (graph::elementType(rows).isInteger(1))
    rows = node.cast(rows, node.integerType(8, false));
  Expr order = sortedRows(node, rows);
  Expr starts = startsGroup(node, rowsAt(node, rows, order));
  Expr zeros = order.number(0), ones = order.number(1);
  Expr group = cumulated(node, node.cast(starts, node.integerType()), false) - 1.0;
  Expr first = rowsAt(node, order, placesOf(node, starts));
  Expr inverse = scattered(node, zeros, order, group, graph::ScatterKind::Set);
  Expr number = numbers(node, first.dims()[0]);
  Expr counts = rowsAt(node, scattered(node, zeros, group, ones, graph::ScatterKind::Add), number);
  if (node.attr("sorted", int64_t(1)) == 0) {
    Expr byPlace = argSort(node, first);
    Expr newNumber = scattered(node, number.number(0), byPlace, number, graph::ScatterKind::Set);
    first = rowsAt(node, first, byPlace);
    counts = rowsAt(node, counts, byPlace);
    inverse = rowsAt(node, newNumber, inverse);
  }
  node.set(0, gatherAlong(node, source, first, axis));
  node.set(1, first);
  node.set(2, inverse);
  node.set(3, counts);
}

// NonMaxSuppression.

namespace {

/// Boxes (…, 4) as low y, low x, high y, high x.
struct Corners {
  Expr lowY, lowX, highY, highX;
  Expr area() const { return (highY - lowY) * (highX - lowX); }
};

Corners cornersOf(Node &node, Expr boxes, bool isCentered) {
  Expr a = component(node, boxes, 0), b = component(node, boxes, 1), c = component(node, boxes, 2),
       d = component(node, boxes, 3);
  if (isCentered) // x, y, width, height
    return {b - d / 2.0, a - c / 2.0, b + d / 2.0, a + c / 2.0};
  return {graph::min(a, c), graph::min(b, d), graph::max(a, c), graph::max(b, d)};
}

/// Whether boxes (B, C, S) overlap the ones (B, C) by more than the threshold.
Expr overlaps(Node &node, Expr boxes, Expr box, Expr threshold, bool isCentered) {
  Corners all = cornersOf(node, boxes, isCentered), one = cornersOf(node, box, isCentered);
  Dims dims = all.lowY.dims(), column = dims;
  column.back() = node.dim(1);
  auto wide = [&](Expr x) { return node.broadcastTo(node.reshape(x, column), dims); };
  Expr height = graph::min(all.highY, wide(one.highY)) - graph::max(all.lowY, wide(one.lowY));
  Expr width = graph::min(all.highX, wide(one.highX)) - graph::max(all.lowX, wide(one.lowX));
  Expr common = graph::max(height, height.number(0)) * graph::max(width, width.number(0));
  Expr joint = all.area() + wide(one.area()) - common;
  Expr more = graph::compare(Predicate::GT, common / joint, node.broadcastTo(threshold, dims));
  return node.expr(
      node.make<graph::AndOp>({more.v, graph::compare(Predicate::GT, joint, joint.number(0)).v}));
}

} // namespace

/// All batches and classes at once: by falling score each box is kept unless it overlaps one kept.
void nonMaxSuppression(Node &node) {
  Expr boxes = node.expr(0), scores = node.expr(1);
  Dims dims = scores.dims(), boxDims = boxes.dims();
  if (dims.size() != 3 || boxDims.size() != 3)
    node.invalid("its boxes and scores have the shapes " + str(boxDims) + " and " + str(dims));
  Dim batch = dims[0], classes = dims[1], spatial = dims[2], four = node.dim(4), one = node.dim(1);
  bool isCentered = node.attr("center_point_box", int64_t(0)) != 0;
  Type integer = node.integerType(), element = graph::elementType(scores);
  auto scalar = [&](size_t i, Type type, double otherwise) {
    return node.has(i) ? node.cast(node.reshape(node.in(i), {}), type)
                       : node.splat(type, {}, otherwise);
  };
  Expr most = scalar(2, integer, 0), threshold = scalar(3, element, 0);
  Expr order = argSort(node, scores, /*descending=*/true);
  // The number of each sorted box among (batch, class, spatial), and among (batch, spatial).
  Expr byBatch = node.iota(dims, 0, integer), byClass = node.iota(dims, 1, integer);
  Expr sortedScores = elementsAt(node, scores, placeOf(node, {byBatch, byClass, order}, dims));
  boxes = withDims(node, boxes, {batch, spatial, four}, "boxes");
  Expr boxRows = node.reshape(boxes, {batch * spatial, four});
  Expr sorted = rowsAt(node, boxRows, placeOf(node, {byBatch, order}, {batch, spatial}));
  Expr candidate = node.broadcastTo(node.splat(node.builder().getI1Type(), {}, 1), dims);
  if (node.has(4))
    candidate =
        graph::compare(Predicate::GT, sortedScores, node.broadcastTo(scalar(4, element, 0), dims));
  Dims pair = {batch, classes}, column = {batch, classes, one};
  Expr none = node.splat(integer, dims, 0), noCount = node.splat(integer, pair, 0);
  graph::ScanOp scan = graph::makeScan(
      node.builder(), node.loc, spatial, {none.v, noCount.v},
      {node.transpose(sorted, {2, 0, 1, 3}).v, node.transpose(candidate, {2, 0, 1}).v},
      [&](OpBuilder &b, Value position, ValueRange carried, ValueRange slices) {
        graph::ScanYield yield;
        buildIn(node, b, [&] {
          Expr kept = node.expr(carried[0]), count = node.expr(carried[1]);
          Expr hits = node.cast(overlaps(node, sorted, node.expr(slices[0]), threshold, isCentered),
                                integer);
          Expr hit = graph::sum(kept * hits, {2});
          Expr isFree = graph::compare(Predicate::EQ, hit, hit.number(0));
          Expr hasRoom = graph::compare(Predicate::LT, count, node.broadcastTo(most, pair));
          Expr keep = node.cast(isFree, integer) * node.cast(hasRoom, integer) *
                      node.cast(slices[1], integer);
          Expr here = node.cast(graph::compare(Predicate::EQ, node.iota(dims, 2, integer),
                                               node.broadcastTo(position, dims)),
                                integer);
          yield.carried = {(kept + here * node.broadcastTo(node.reshape(keep, column), dims)).v,
                           (count + keep).v};
        });
        return yield;
      });
  Expr places = placesOf(node, flat(node, isTrue(node, node.expr(scan.getResult(0)))));
  Expr box = rowsAt(node, flat(node, order), places);
  node.set(0,
           stacked(node,
                   {indexAlong(node, places, dims, 0), indexAlong(node, places, dims, 1), box}, 1));
}

} // namespace ingot::onnx
