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

bool isWorthCutting(exec::NestOp nest) {
  switch (nest.getCombiner()) {
  case exec::Combiner::None:
  case exec::Combiner::ArgMax:
  case exec::Combiner::ArgMin:
    return false;
  default:
    break;
  }
  Dims loops = loopDims(nest);
  size_t parallel = nest.getParallel();
  if (loops.size() < parallel + 2 || nest->getNumResults() != 1 || hasChecks(nest))
    return false;
  auto results = volume(llvm::ArrayRef<Dim>(loops).take_front(parallel));
  auto each = volume(llvm::ArrayRef<Dim>(loops).drop_front(parallel + 1));
  Dim cuts = loops[parallel];
  return results && *results <= fewResults && each && *each >= longEnough &&
         (!cuts.isStatic() || cuts.value() >= 4);
}

/// The nest with its outermost reduction loop as its outermost parallel one.
Value partialResults(OpBuilder &b, exec::NestOp nest) {
  Dims old = loopDims(nest);
  int64_t parallel = nest.getParallel();
  Dims loops{old[parallel]};
  llvm::SmallVector<AffineExpr> renamed(old.size());
  llvm::SmallVector<int64_t> position(old.size());
  for (int64_t l = 0; l < static_cast<int64_t>(old.size()); ++l) {
    position[l] = l < parallel ? l + 1 : l == parallel ? 0 : l;
    renamed[l] = b.getAffineDimExpr(position[l]);
    if (l != parallel)
      loops.push_back(old[l]);
  }
  llvm::SmallVector<exec::Access> accesses;
  for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
    AffineMap map = accessMap(nest, i);
    accesses.push_back({nest.getInputs()[i],
                        map ? map.replaceDimsAndSymbols(renamed, {}, old.size(), 0) : AffineMap()});
  }
  Block &body = nest.getBody().front();
  return exec::nest(
      b, nest.getLoc(), loops, parallel + 1, accesses, nest.getCombiner(),
      getElementTypeOrSelf(nest.getOutputs()[0]),
      [&](OpBuilder &b, ValueRange indices, ValueRange inputs) -> llvm::SmallVector<Value> {
        IRMapping mapping;
        for (size_t l = 0; l < old.size(); ++l)
          mapping.map(body.getArgument(l), indices[position[l]]);
        for (auto [argument, input] : llvm::zip(body.getArguments().drop_front(old.size()), inputs))
          mapping.map(argument, input);
        for (Operation &op : body.without_terminator())
          b.clone(op, mapping);
        return {mapping.lookupOrDefault(body.getTerminator()->getOperand(0))};
      })[0];
}

void cut(exec::NestOp nest) {
  OpBuilder b(nest);
  int64_t parallel = nest.getParallel();
  Dims old = loopDims(nest);
  Value partial = partialResults(b, nest);
  Dims loops(old.begin(), old.begin() + parallel + 1);
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

void splitReductions(func::FuncOp function) {
  llvm::SmallVector<exec::NestOp> nests;
  function.walk([&](exec::NestOp nest) { nests.push_back(nest); });
  for (exec::NestOp nest : nests)
    if (isWorthCutting(nest))
      cut(nest);
}

} // namespace ingot
