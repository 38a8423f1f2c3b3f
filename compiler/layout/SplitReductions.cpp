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
  case exec::Combiner::Moments:
    return !hasChecks(nest);
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

/// Parts of so many steps each of a loop.
struct Cut {
  Dim parts;
  int64_t length = 1;
};

/// Whether each of two factors moves along results that the other does not move along.
bool isProductOfMatrices(exec::NestOp nest) {
  auto factors = factorsOf(nest);
  if (!factors)
    return false;
  AffineMap a = accessMap(nest, factors->a), b = accessMap(nest, factors->b);
  bool hasRows = false, hasLanes = false;
  for (unsigned l = 0; l < nest.getParallel(); ++l) {
    hasRows |= a.isFunctionOfDim(l) && !b.isFunctionOfDim(l);
    hasLanes |= b.isFunctionOfDim(l) && !a.isFunctionOfDim(l);
  }
  return hasRows && hasLanes;
}

/// How a GPU cuts the outermost reduction loop of a product of matrices, such as a weight's
/// gradient, whose results are too few tiles for all of its processors. Parts are of one length;
/// how many there are of an extent that is not known is not.
std::optional<Cut> cutOfProduct(exec::NestOp nest) {
  constexpr int64_t tile = 1 << 12, enoughTiles = 256, mostResults = 1 << 16;
  constexpr int64_t leastDepth = 256;       // of a part
  constexpr int64_t least = 64, most = 256; // where the extent is not known
  Dims loops = loopDims(nest);
  size_t parallel = nest.getParallel();
  if (!canCut(nest) || !isProductOfMatrices(nest) || loops.size() == parallel)
    return std::nullopt;
  auto results = volume(llvm::ArrayRef<Dim>(loops).take_front(parallel));
  auto each = volume(llvm::ArrayRef<Dim>(loops).drop_front(parallel + 1));
  if (!results || !each || *results == 0 || *each == 0)
    return std::nullopt;
  Dim extent = loops[parallel];
  if (!extent.isStatic()) {
    if (*results > mostResults)
      return std::nullopt;
    for (int64_t length = std::max<int64_t>(1, most / *each); length * *each >= least; --length)
      if (auto parts = Dim::exactDiv(extent, Dim::constant(nest.getContext(), length)))
        return Cut{*parts, length};
    return std::nullopt;
  }
  int64_t tiles = llvm::divideCeil(*results, tile);
  int64_t parts = std::min(enoughTiles / tiles, extent.value() * *each / leastDepth);
  for (parts = std::min(parts, extent.value()); parts > 1; --parts)
    if (extent.value() % parts == 0)
      return Cut{Dim::constant(nest.getContext(), parts), extent.value() / parts};
  return std::nullopt;
}

/// How a GPU cuts a sum whose only reduction loop is long by an unknown factor, such as a bias'
/// gradient over the rows of a batch, where its results are few.
std::optional<Cut> cutOfSum(exec::NestOp nest) {
  constexpr int64_t least = 16, most = 256; // of a part
  Dims loops = loopDims(nest);
  size_t parallel = nest.getParallel();
  if (!canCut(nest) || isProductOfMatrices(nest) || loops.size() != parallel + 1)
    return std::nullopt;
  auto results = volume(llvm::ArrayRef<Dim>(loops).take_front(parallel));
  Dim extent = loops.back();
  if (!results || *results > fewResults || extent.isStatic())
    return std::nullopt;
  for (int64_t length = most; length >= least; --length)
    if (auto parts = Dim::exactDiv(extent, Dim::constant(nest.getContext(), length)))
      return Cut{*parts, length};
  return std::nullopt;
}

llvm::SmallVector<Type> elementTypes(exec::NestOp nest) {
  return llvm::map_to_vector(nest.getOutputs(), [](Value v) { return getElementTypeOrSelf(v); });
}

/// The nest with parts of its outermost reduction loop as its outermost parallel one.
llvm::SmallVector<Value> partialResults(OpBuilder &b, exec::NestOp nest, const Cut &cut) {
  Dims old = loopDims(nest);
  int64_t parallel = nest.getParallel(), length = cut.length;
  Dims loops{cut.parts};
  bool isWhole = length == 1; // a part is one step
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
      b, nest.getLoc(), loops, parallel + 1, accesses, nest.getCombiner(), elementTypes(nest),
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
        return llvm::map_to_vector(body.getTerminator()->getOperands(),
                                   [&](Value v) { return mapping.lookupOrDefault(v); });
      });
}

void split(exec::NestOp nest, const Cut &cut) {
  OpBuilder b(nest);
  int64_t parallel = nest.getParallel();
  Dims old = loopDims(nest);
  llvm::SmallVector<Value> partial = partialResults(b, nest, cut);
  Dims loops(old.begin(), old.begin() + parallel);
  loops.push_back(cut.parts);
  llvm::SmallVector<AffineExpr> at{b.getAffineDimExpr(parallel)};
  for (int64_t l = 0; l < parallel; ++l)
    at.push_back(b.getAffineDimExpr(l));
  AffineMap map = AffineMap::get(parallel + 1, 0, at, b.getContext());
  llvm::SmallVector<exec::Access> accesses;
  for (Value part : partial)
    accesses.push_back({part, map});
  nest.getOutputs().replaceAllUsesWith(exec::nest(
      b, nest.getLoc(), loops, parallel, accesses, nest.getCombiner(), elementTypes(nest),
      [](OpBuilder &, ValueRange, ValueRange inputs) { return llvm::to_vector(inputs); }));
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
      split(nest, {/*parts=*/loopDims(nest)[nest.getParallel()], /*length=*/1});
}

void splitForGpus(func::FuncOp function) {
  for (exec::NestOp nest : nestsOf(function))
    if (!nest->getParentOfType<exec::KernelOp>()) // which is attention
      if (auto cut = cutOfProduct(nest); cut || (cut = cutOfSum(nest)))
        split(nest, *cut);
}

} // namespace ingot
