// Operators that take pictures apart into blocks or put them together, crop and enlarge them; and
// determinants.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

struct Blocks {
  int64_t size;
  bool isDepthFirst; ///< DCR
};
Blocks blocksOf(Node &node) {
  Blocks blocks{node.attr("blocksize", int64_t(0)), true};
  std::string mode = node.attr("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    node.invalid("attribute `mode` is `" + mode + "`");
  blocks.isDepthFirst = mode == "DCR";
  if (blocks.size < 1 || blocks.size > INT32_MAX)
    node.invalid("its blocks have the size " + llvm::Twine(blocks.size));
  if (node.inputRank(0) != 4)
    node.invalid("it has an input of shape " + str(dimsOf(node.in(0))) +
                 "; (N, C, H, W) is expected");
  return blocks;
}

} // namespace

void depthToSpace(Node &node) {
  Blocks blocks = blocksOf(node);
  Dims x = dimsOf(node.in(0));
  Dim b = node.dim(blocks.size), depth = x[1].floorDiv(blocks.size * blocks.size);
  Expr apart = blocks.isDepthFirst ? node.reshape(node.in(0), {x[0], b, b, depth, x[2], x[3]})
                                   : node.reshape(node.in(0), {x[0], depth, b, b, x[2], x[3]});
  llvm::SmallVector<int64_t> permutation = {0, 1, 4, 2, 5, 3};
  if (blocks.isDepthFirst)
    permutation = {0, 3, 4, 1, 5, 2};
  node.set(0, node.reshape(node.transpose(apart, permutation), {x[0], depth, x[2] * b, x[3] * b}));
}

void spaceToDepth(Node &node) {
  Blocks blocks = blocksOf(node);
  Dims x = dimsOf(node.in(0));
  Dim b = node.dim(blocks.size), rows = x[2].floorDiv(blocks.size),
      columns = x[3].floorDiv(blocks.size);
  Expr apart = node.reshape(node.in(0), {x[0], x[1], rows, b, columns, b});
  llvm::SmallVector<int64_t> permutation = {0, 1, 3, 5, 2, 4};
  if (blocks.isDepthFirst)
    permutation = {0, 3, 5, 1, 2, 4};
  node.set(0,
           node.reshape(node.transpose(apart, permutation), {x[0], x[1] * b * b, rows, columns}));
}

/// Each axis cut, or filled with zeros, evenly at both ends; the end gets what is odd.
void centerCropPad(Node &node) {
  llvm::SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, node.inputRank(0)));
  if (node.hasAttribute("axes"))
    axes = node.axes(node.intsAttr("axes"), node.inputRank(0));
  node.expectCount(1, axes.size());
  Dims x = dimsOf(node.in(0)), shape = node.ints(1);
  if (shape.size() != axes.size())
    node.invalid("it has " + llvm::Twine(shape.size()) + " sizes for " + llvm::Twine(axes.size()) +
                 " axes");
  Dims low(x.size(), node.dim(0)), high = low;
  for (auto [axis, wanted] : llvm::zip(axes, shape)) {
    Dim size = nonNegative(node, wanted), zero = node.dim(0);
    Dim before =
        Dim::max(size - x[axis], zero).floorDiv(2) - Dim::max(x[axis] - size, zero).floorDiv(2);
    low[axis] = node.importer.let(before);
    high[axis] = size - x[axis] - low[axis];
  }
  node.set(0, graph::pad(node.builder(), node.loc, node.in(0), low, high));
}

/// Blocks added up where they overlap: (N, C * block, blocks) -> (N, C, image…).
void col2Im(Node &node) {
  if (auto declared = node.declaredRank())
    for (size_t i : {1, 2})
      node.expectCount(i, *declared - 2);
  Dims x = dimsOf(node.in(0)), image = node.ints(1), block = node.ints(2);
  size_t rank = image.size();
  if (x.size() != 3 || block.size() != rank || rank == 0)
    node.invalid("it has an input of shape " + str(x) + ", an image of " + llvm::Twine(rank) +
                 " and blocks of " + llvm::Twine(block.size()) + " dimensions");
  auto strides = node.geometryAttr("strides", rank, 1, 1),
       dilations = node.geometryAttr("dilations", rank, 1, 1),
       pads = node.geometryAttr("pads", 2 * rank, 0, 0);
  // The image with its padding, where every element of every block has a place.
  Dims wide, counts, starts;
  Dim elements = node.dim(1);
  for (size_t d = 0; d < rank; ++d) {
    image[d] = nonNegative(node, image[d]);
    block[d] = nonNegative(node, block[d]);
    wide.push_back(image[d] + (pads[d] + pads[rank + d]));
    Dim places = wide[d] - (block[d] - 1) * dilations[d] - 1;
    counts.push_back(nonNegative(node, places.floorDiv(strides[d]) + 1));
    starts.push_back(node.dim(pads[d]));
    elements = elements * block[d];
  }
  Dim channels = elements.isStatic() && elements.value() > 0
                     ? x[1].floorDiv(elements.value())
                     : node.importer.let(x[1].floorDiv(node.importer.let(elements)));
  Dims apart = {node.importer.let(x[0] * channels)};
  llvm::append_range(apart, block);
  llvm::append_range(apart, counts);
  Expr updates = node.reshape(node.in(0), apart);
  Type integer = node.integerType();
  Expr place = node.iota(apart, 0, integer);
  for (size_t d = 0; d < rank; ++d) {
    Expr within = node.iota(apart, static_cast<int64_t>(1 + d), integer),
         number = node.iota(apart, static_cast<int64_t>(1 + rank + d), integer);
    place = place * sizeOf(node, wide[d]) + within * static_cast<double>(dilations[d]) +
            number * static_cast<double>(strides[d]);
  }
  Dim total = apart[0] * numElements(node.context(), wide);
  Expr sums = scatterRows(node, node.splat(node.inputElement(0), {total}, 0), flat(node, place),
                          flat(node, updates), graph::ScatterKind::Add);
  Dims all = {apart[0]}, from = {node.dim(0)}, kept = all;
  llvm::append_range(all, wide);
  llvm::append_range(from, starts);
  llvm::append_range(kept, image);
  Value cut = graph::slice(node.builder(), node.loc, node.reshape(sums, all), from, kept);
  Dims result = {x[0], channels};
  llvm::append_range(result, image);
  node.set(0, node.reshape(cut, result));
}

namespace {

/// One step of elimination with a pivot chosen by magnitude: matrices (B, n, n) and the
/// determinants (B) so far.
graph::Values eliminate(Node &node, Expr k, Expr a, Expr so) {
  Dims dims = a.dims();
  Dim batch = dims[0], n = dims[1];
  Type integer = node.integerType();
  Expr row = node.iota({batch, n}, 1, integer);
  Expr column = gatherAlong(node, a, k, 2);
  Expr isLeft = graph::compare(Predicate::GE, row, k);
  Expr weight = graph::select(isLeft, graph::abs(column), column.number(-1));
  Expr best = node.expr(node.make<graph::ArgMaxOp>({weight}, {node.named("axis", 1)}));
  Expr pivotRow = node.reshape(best, {batch, node.dim(1)});
  Expr isStep = graph::compare(Predicate::EQ, row, k),
       isPivot = graph::compare(Predicate::EQ, row, pivotRow);
  Expr source = graph::select(isStep, pivotRow, graph::select(isPivot, k, row));
  Expr place = (node.iota(dims, 0, integer) * sizeOf(node, n) +
                node.reshape(source, {batch, n, node.dim(1)})) *
                   sizeOf(node, n) +
               node.iota(dims, 2, integer);
  Expr swapped = elementsAt(node, a, place);
  Expr pivotLine = gatherAlong(node, swapped, k, 1); // (B, n)
  Expr pivot = gatherAlong(node, pivotLine, k, 1);   // (B)
  Expr isZero = graph::compare(Predicate::EQ, pivot, pivot.number(0));
  Expr divisor = node.reshape(graph::select(isZero, pivot.number(1), pivot), {batch, node.dim(1)});
  Expr below = graph::compare(Predicate::GT, row, k);
  Expr factor = gatherAlong(node, swapped, k, 2) / divisor;
  factor = graph::select(below, factor, factor.number(0));
  Expr next = swapped - node.reshape(factor, {batch, n, node.dim(1)}) *
                            node.reshape(pivotLine, {batch, node.dim(1), n});
  Expr isSwap = graph::compare(Predicate::NE, best, k);
  return {next, so * graph::select(isSwap, -pivot, pivot)};
}

} // namespace

void det(Node &node) {
  Dims x = dimsOf(node.in(0));
  if (x.size() < 2)
    node.invalid("it has an input of shape " + str(x) + "; square matrices are expected");
  Dim n = x.back().isStatic() ? x.back() : x[x.size() - 2];
  x[x.size() - 1] = x[x.size() - 2] = n;
  Expr matrices = withDims(node, node.in(0), x, "its tensor of matrices");
  Dims leading(x.begin(), x.end() - 2);
  Dim batch = numElements(node.context(), leading);
  Type element = node.inputElement(0);
  auto scan = graph::makeScan(
      node.builder(), node.loc, n,
      {node.reshape(matrices, {batch, n, n}).v, node.splat(element, {batch}, 1).v}, {},
      [&](OpBuilder &region, Value position, ValueRange carried, ValueRange) -> graph::ScanYield {
        return {inRegion(node, region,
                         [&] {
                           return eliminate(node, node.expr(position), node.expr(carried[0]),
                                            node.expr(carried[1]));
                         }),
                {}};
      });
  node.set(0, node.reshape(scan.getCarriedResults()[1], leading));
}

} // namespace ingot::onnx
