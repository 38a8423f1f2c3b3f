// See SplitReductions.h.
#include "compiler/layout/SplitReductions.h"
#include "compiler/fusion/Structure.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot {
namespace {

/// Above this many results there is enough to do at once without a cut.
constexpr int64_t fewResults = 4096;
/// A partial result is worth its store and load when it sums at least so many points.
constexpr int64_t longEnough = 64;

/// The product of the static extents, nothing when one is not static.
std::optional<int64_t> volume(llvm::ArrayRef<Dim> dims) {
  int64_t product = 1;
  for (Dim d : dims) {
    if (!d.isStatic())
      return std::nullopt;
    product *= d.value();
  }
  return product;
}

bool canCut(exec::NestOp nest) {
  switch (nest.getCombiner()) {
  case exec::Combiner::None:
  case exec::Combiner::ArgMax:
  case exec::Combiner::ArgMin:
    return false;
  default:
    return nest->getNumResults() == 1 && !hasChecks(nest);
  }
}

bool isWorthCutting(exec::NestOp nest) {
  Dims loops = loopDims(nest);
  size_t parallel = nest.getParallel();
  if (!canCut(nest) || loops.size() < parallel + 2)
    return false;
  auto results = volume(llvm::ArrayRef<Dim>(loops).take_front(parallel));
  auto each = volume(llvm::ArrayRef<Dim>(loops).drop_front(parallel + 1));
  Dim cuts = loops[parallel];
  return results && *results <= fewResults && each && *each >= longEnough &&
         (!cuts.isStatic() || cuts.value() >= 4);
}

/// Into how many parts a GPU cuts the outermost reduction loop of a product of matrices, such as a
/// weight's gradient, whose results are too few tiles for all of its processors; 1: it does not. A
/// divisor of the extent, or, where that is not known, all of it.
Dim partsOfProduct(exec::NestOp nest) {
  constexpr int64_t tile = 64 * 64, enoughTiles = 256, leastDepth = 256, mostResults = 1 << 16;
  Dims loops = loopDims(nest);
  size_t parallel = nest.getParallel();
  Dim one = Dim::constant(nest.getContext(), 1);
  auto results = volume(llvm::ArrayRef<Dim>(loops).take_front(parallel));
  auto each = volume(llvm::ArrayRef<Dim>(loops).drop_front(std::min(parallel + 1, loops.size())));
  if (!canCut(nest) || !matchContraction(nest) || loops.size() == parallel || !results || !each)
    return one;
  int64_t tiles = llvm::divideCeil(*results, tile);
  Dim extent = loops[parallel];
  if (!extent.isStatic())
    return *results <= mostResults && *each >= leastDepth ? extent : one;
  int64_t most = std::min(enoughTiles / tiles, extent.value() * *each / leastDepth);
  for (int64_t parts = std::min(most, extent.value()); parts > 1; --parts)
    if (extent.value() % parts == 0)
      return Dim::constant(nest.getContext(), parts);
  return one;
}

/// The nest with parts of its outermost reduction loop as its outermost parallel one.
Value partialResults(OpBuilder &b, exec::NestOp nest, Dim parts) {
  Dims old = loopDims(nest);
  int64_t parallel = nest.getParallel();
  Dims loops{parts};
  bool isWhole = parts == old[parallel]; // a part is one step
  int64_t length = isWhole ? 1 : old[parallel].value() / parts.value();
  llvm::SmallVector<AffineExpr> renamed(old.size());
  llvm::SmallVector<int64_t> position(old.size());
  for (int64_t l = 0; l < static_cast<int64_t>(old.size()); ++l) {
    position[l] = isWhole && l > parallel ? l : l + 1;
    renamed[l] = b.getAffineDimExpr(position[l]);
    if (l != parallel)
      loops.push_back(old[l]);
    else if (!isWhole)
      loops.push_back(Dim::constant(b.getContext(), length));
  }
  renamed[parallel] = b.getAffineDimExpr(0) * length;
  if (!isWhole)
    renamed[parallel] = renamed[parallel] + b.getAffineDimExpr(position[parallel]);
  llvm::SmallVector<exec::Access> accesses;
  for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
    AffineMap map = accessMap(nest, i);
    accesses.push_back(
        {nest.getInputs()[i],
         map ? map.replaceDimsAndSymbols(renamed, {}, loops.size(), 0) : AffineMap()});
  }
  Block &body = nest.getBody().front();
  return exec::nest(
      b, nest.getLoc(), loops, parallel + 1, accesses, nest.getCombiner(),
      getElementTypeOrSelf(nest.getOutputs()[0]),
      [&](OpBuilder &b, ValueRange indices, ValueRange inputs) -> llvm::SmallVector<Value> {
        IRMapping mapping;
        for (int64_t l = 0; l < static_cast<int64_t>(old.size()); ++l)
          if (l != parallel)
            mapping.map(body.getArgument(l), indices[position[l]]);
        mapping.map(body.getArgument(parallel), indices[0]);
        if (!isWhole && usesIndex(nest, parallel)) {
          Value first = arith::MulIOp::create(b, nest.getLoc(), indices[0],
                                              exec::indexConstant(b, nest.getLoc(), length));
          mapping.map(body.getArgument(parallel),
                      arith::AddIOp::create(b, nest.getLoc(), first, indices[position[parallel]]));
        }
        for (auto [argument, input] : llvm::zip(body.getArguments().drop_front(old.size()), inputs))
          mapping.map(argument, input);
        for (Operation &op : body.without_terminator())
          b.clone(op, mapping);
        return {mapping.lookupOrDefault(body.getTerminator()->getOperand(0))};
      })[0];
}

void cut(exec::NestOp nest, Dim parts) {
  OpBuilder b(nest);
  int64_t parallel = nest.getParallel();
  Dims old = loopDims(nest);
  Value partial = partialResults(b, nest, parts);
  Dims loops(old.begin(), old.begin() + parallel);
  loops.push_back(parts);
  llvm::SmallVector<AffineExpr> at{b.getAffineDimExpr(parallel)};
  for (int64_t l = 0; l < parallel; ++l)
    at.push_back(b.getAffineDimExpr(l));
  Value whole = exec::nest(b, nest.getLoc(), loops, parallel,
                           {{partial, AffineMap::get(parallel + 1, 0, at, b.getContext())}},
                           nest.getCombiner(), getElementTypeOrSelf(partial),
                           [](OpBuilder &, ValueRange, ValueRange inputs) {
                             return llvm::SmallVector<Value>{inputs[0]};
                           })[0];
  nest.getOutputs()[0].replaceAllUsesWith(whole);
  nest.erase();
}

} // namespace

static llvm::SmallVector<exec::NestOp> nestsOf(func::FuncOp function) {
  llvm::SmallVector<exec::NestOp> nests;
  function.walk([&](exec::NestOp nest) { nests.push_back(nest); });
  return nests;
}

void splitReductions(func::FuncOp function) {
  for (exec::NestOp nest : nestsOf(function))
    if (isWorthCutting(nest))
      cut(nest, loopDims(nest)[nest.getParallel()]);
}

void splitProducts(func::FuncOp function) {
  for (exec::NestOp nest : nestsOf(function))
    if (Dim parts = partsOfProduct(nest); !isConstant(parts, 1))
      cut(nest, parts);
}

} // namespace ingot
