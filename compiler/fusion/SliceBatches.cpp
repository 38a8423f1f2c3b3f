// See SliceBatches.h. What is sliced, and in what: a batch, attention's heads, rows of its scores.
#include "compiler/fusion/SliceBatches.h"
#include "compiler/fusion/CollapseLoops.h"
#include "compiler/fusion/Slicer.h"
#include "compiler/fusion/Structure.h"
#include "compiler/layout/Views.h"
#include "ir/exec/Control.h"
#include "ir/reference/Tensor.h"

using namespace mlir;

namespace ingot {
namespace {

/// Attention's scores for one head that are more than this are never whole; a tile of their rows is
/// at most so much.
constexpr int64_t mostScoreBytes = 512 << 10, tileBytes = 256 << 10;
/// Rows of a tile where the bytes of a row are not known; fewer than the least would not fill a
/// product's registers.
constexpr int64_t tileRows = 16, leastRows = 4;

/// What the function is called with a batch of: the first dimension of its first tensor that has
/// more than one element.
std::optional<Dim> batchOf(func::FuncOp function) {
  for (Value argument : function.getArguments())
    if (Dims dims = dimsOf(argument); dims.size() > 1)
      return isConstant(dims[0], 1) || isConstant(dims[0], 0) ? std::nullopt
                                                              : std::optional(dims[0]);
  return std::nullopt;
}

/// A loop behind ones of one iteration.
struct Loop {
  Dim extent; // null: there is none
  size_t unitLoops = 0;
};

/// Over products of matrices: the first loop of more than one iteration of one of the block's
/// kernels.
Loop headsOf(Block &block) {
  for (auto kernel : block.getOps<exec::KernelOp>()) {
    auto domain = kernel.getDomain().getExprs();
    size_t loop = 0;
    while (loop < domain.size() && isConstant(Dim(domain[loop]), 1))
      ++loop;
    if (loop < domain.size() && isBatched(kernel, loop) && Dim(domain[loop]).isStatic())
      return {Dim(domain[loop]), loop};
  }
  return {};
}

/// The kernels' loops without those of one iteration before `kept`; views of views are views of
/// what those view.
void leaveOutUnitLoops(Block &block, Loop kept) {
  for (size_t l = kept.unitLoops; l > 0; --l) {
    Dim second = l > 1 ? Dim::constant(kept.extent.context(), 1) : kept.extent;
    for (auto kernel : llvm::to_vector(block.getOps<exec::KernelOp>())) {
      auto domain = kernel.getDomain().getExprs();
      if (domain.size() > 1 && isConstant(Dim(domain[0]), 1) && Dim(domain[1]) == second)
        leaveOutFirstLoop(kernel);
    }
  }
  auto views = llvm::to_vector(block.getOps<exec::ViewOp>());
  for (exec::ViewOp view : views) {
    auto inner = view.getX().getDefiningOp<exec::ViewOp>();
    if (inner && !view.getChecked() && !inner.getChecked())
      view->setOperand(0, inner.getX());
    if (view.getX().getType() == view.getType())
      view.getResult().replaceAllUsesWith(view.getX());
  }
  for (exec::ViewOp view : llvm::reverse(views))
    if (view->use_empty())
      view->erase();
}

/// The dimension of the kernel's input that its first loop, and only that one, moves along in all
/// reads of it.
std::optional<unsigned> dimensionOfFirstLoop(BlockArgument input) {
  std::optional<unsigned> place;
  for (OpOperand &use : input.getUses()) {
    auto nest = llvm::dyn_cast<exec::NestOp>(use.getOwner());
    AffineMap map = nest ? accessMap(nest, use.getOperandNumber()) : AffineMap();
    if (!map)
      return std::nullopt;
    std::optional<unsigned> here;
    for (auto [d, expr] : llvm::enumerate(map.getResults())) {
      if (!expr.isFunctionOfDim(0))
        continue;
      if (here || expr != getAffineDimExpr(0, map.getContext()))
        return std::nullopt;
      here = d;
    }
    if (!here || (place && place != here))
      return std::nullopt;
    place = here;
  }
  return place;
}

/// Puts the heads of what products read first in memory, where slices are.
void moveHeadsFirst(Block &block, Dim heads) {
  for (auto kernel : llvm::to_vector(block.getOps<exec::KernelOp>())) {
    auto domain = kernel.getDomain().getExprs();
    if (domain.empty() || Dim(domain[0]) != heads || !isBatched(kernel, 0))
      continue;
    for (auto [argument, input] :
         llvm::zip(kernel.getBody().getArguments(), kernel->getOpOperands())) {
      auto place = dimensionOfFirstLoop(argument);
      if (!place || *place == 0)
        continue;
      auto toFront = [&](auto &list) {
        std::rotate(list.begin(), list.begin() + *place, list.begin() + *place + 1);
      };
      OpBuilder b(kernel);
      Dims dims = dimsOf(argument);
      toFront(dims);
      llvm::SmallVector<AffineExpr> source;
      for (unsigned d = 1; d < dims.size(); ++d)
        source.push_back(b.getAffineDimExpr(d));
      source.insert(source.begin() + *place, b.getAffineDimExpr(0));
      auto map = AffineMap::get(dims.size(), 0, source, b.getContext());
      Value ordered = mapKernel(b, kernel.getLoc(), kernel.getName(), input.get(), dims,
                                [&](OpBuilder &inner, Value all) {
                                  return moved(inner, kernel.getLoc(), dims, all, map);
                                });
      input.set(ordered);
      argument.setType(ordered.getType());
      for (OpOperand &use : argument.getUses()) {
        auto nest = llvm::cast<exec::NestOp>(use.getOwner());
        llvm::SmallVector<Attribute> accesses(nest.getAccesses().getValue());
        AffineMap old = accessMap(nest, use.getOperandNumber());
        llvm::SmallVector<AffineExpr> results(old.getResults());
        toFront(results);
        accesses[use.getOperandNumber()] =
            AffineMapAttr::get(AffineMap::get(old.getNumDims(), 0, results, b.getContext()));
        nest.setAccessesAttr(b.getArrayAttr(accesses));
      }
    }
  }
}

/// How the scores of one head are cut: so many tiles of so many rows, the last of which may have
/// fewer where the number of rows is not known.
struct Tiles {
  Loop rows;
  Dim count;
  int64_t size = 0;
};

/// Of the product that a kernel is of one head's (or sequence's) own queries and keys, where it is
/// large or its length not known.
std::optional<Tiles> tilesOf(exec::KernelOp kernel) {
  if (kernel.getOutputs().empty())
    return std::nullopt;
  Dims dims = dimsOf(kernel.getOutputs()[0]);
  if (dims.size() < 3)
    return std::nullopt;
  Dim rows = dims[dims.size() - 2], columns = dims.back();
  Tiles tiles{{rows, dims.size() - 2}, rows.ceilDiv(tileRows), tileRows};
  bool isOwn = false;
  for (size_t l = 0; l < tiles.rows.unitLoops; ++l) {
    if (!isConstant(dims[l], 1))
      return std::nullopt;
    isOwn |= isBatched(kernel, l);
  }
  if (!isOwn)
    return std::nullopt;
  if (!rows.isStatic())
    return columns.isStatic() ? std::nullopt : std::optional(tiles);
  int64_t count = rows.value();
  if (columns.isStatic()) {
    int64_t rowBytes =
        reference::elementBytes(getElementTypeOrSelf(kernel.getOutputs()[0])) * columns.value();
    if (rowBytes * count <= mostScoreBytes)
      return std::nullopt;
    tiles.size = std::max<int64_t>(tileBytes / rowBytes, 1);
  }
  while (count % tiles.size != 0)
    --tiles.size;
  if (tiles.size < leastRows || tiles.size >= count)
    return std::nullopt;
  tiles.count = Dim::constant(rows.context(), count / tiles.size);
  return tiles;
}

/// Scores of which all rows are needed one by one: in tiles of rows.
void sliceRows(Block &block, bool parallel) {
  llvm::MapVector<Attribute, Tiles> lengths;
  for (auto kernel : block.getOps<exec::KernelOp>())
    if (auto tiles = tilesOf(kernel))
      lengths.insert({tiles->rows.extent.asAttribute(), *tiles});
  for (auto &[length, tiles] : lengths) {
    leaveOutUnitLoops(block, tiles.rows);
    Slicing how{tiles.count, 0, parallel};
    how.mostShared = 64; // from the cache, for sums of many products
    if (!tiles.rows.extent.isStatic()) {
      how.rows = tiles.rows.extent;
      how.rowsInSlice = tiles.size;
    }
    slice(block, how);
  }
}

/// Attention's heads: products of small matrices and what is between them, side by side; where
/// there are none, tiles of the rows.
void sliceHeads(Block &block, int64_t leastBytes) {
  Loop heads = headsOf(block);
  if (!heads.extent)
    return sliceRows(block, /*parallel=*/true);
  leaveOutUnitLoops(block, heads);
  moveHeadsFirst(block, heads.extent);
  slice(block, {heads.extent, leastBytes, /*parallel=*/true, /*products=*/true});
  for (auto scan : llvm::to_vector(block.getOps<exec::ScanOp>()))
    if (scan->hasAttr(exec::kParallelAttr))
      sliceRows(scan.getBody().front(), /*parallel=*/false);
}

} // namespace

void sliceBatches(func::FuncOp function, int64_t leastBytes) {
  Block &block = function.getBody().front();
  auto batch = batchOf(function);
  int64_t leastSideBySide = leastBytes / 4;
  if (batch && (batch->isStatic() || batch->asSymbol())) {
    slice(block, {*batch, leastBytes});
    slice(block, {*batch, leastSideBySide, /*parallel=*/true});
  }
  for (auto scan : llvm::to_vector(block.getOps<exec::ScanOp>()))
    if (!scan->hasAttr(exec::kParallelAttr))
      sliceHeads(scan.getBody().front(), leastSideBySide);
  sliceHeads(block, leastSideBySide);
}

} // namespace ingot
