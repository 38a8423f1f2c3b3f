// See InlineIndices.h. One walk in program order: a map that has taken in all it reads is then made
// of indices alone itself.
#include "compiler/layout/InlineIndices.h"
#include "compiler/fusion/Structure.h"
#include "compiler/layout/Views.h"
#include "ir/exec/Control.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot {
namespace {

/// Whether computing it costs about as little as reading it would.
bool isCheap(Operation &op) {
  return llvm::isa<arith::ConstantOp, arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::AddFOp,
                   arith::SubFOp, arith::MulFOp, arith::CmpIOp, arith::CmpFOp, arith::AndIOp,
                   arith::OrIOp, arith::XOrIOp, arith::SelectOp, arith::IndexCastOp,
                   arith::IndexCastUIOp, arith::ExtUIOp, arith::ExtSIOp, arith::TruncIOp,
                   arith::SIToFPOp, arith::UIToFPOp, arith::MaxSIOp, arith::MinSIOp,
                   exec::ExtentOp>(op);
}

/// A map that reads nothing and asks where in the loops it is.
bool isMadeOfIndices(exec::NestOp nest) {
  constexpr size_t mostOps = 24;
  Block &body = nest.getBody().front();
  return isMap(nest) && nest.getInputs().empty() && nest->getNumResults() == 1 &&
         usesIndices(nest) && body.getOperations().size() <= mostOps &&
         llvm::all_of(body.without_terminator(), isCheap);
}

/// What an input's element is made of: the map whose body gives it, by these indices of it.
struct Source {
  exec::NestOp nest; // null: it is read
  AffineMap indices;
};
Source sourceOf(exec::NestOp nest, unsigned input) {
  AffineMap map = accessMap(nest, input);
  if (!map)
    return {};
  Value tensor = nest.getInputs()[input], whole = withoutViews(tensor);
  if (dimsOf(whole) != dimsOf(tensor))
    map = throughView(map, loopDims(nest), dimsOf(whole), dimsOf(tensor));
  auto source = whole.getDefiningOp<exec::NestOp>();
  bool isLinear = map && linearStrides(map, whole.getType(), map.getNumDims());
  return isLinear && source && source->getBlock() == nest->getBlock() && isMadeOfIndices(source)
             ? Source{source, map}
             : Source{};
}

/// The map with the bodies of its sources in its own; the same where it has none.
exec::NestOp takeIn(exec::NestOp nest) {
  llvm::SmallVector<Source> sources;
  llvm::SmallVector<exec::Access> inputs;
  for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
    sources.push_back(sourceOf(nest, i));
    if (!sources.back().nest)
      inputs.push_back({nest.getInputs()[i], accessMap(nest, i)});
  }
  if (inputs.size() == sources.size())
    return nest;
  OpBuilder b(nest);
  Location loc = nest.getLoc();
  Block &body = nest.getBody().front();
  auto elements = llvm::map_to_vector(nest.getOutputs(),
                                      [](Value output) { return getElementTypeOrSelf(output); });
  auto results = exec::nest(
      b, loc, loopDims(nest), nest.getParallel(), inputs, exec::Combiner::None, elements,
      [&](OpBuilder &inner, ValueRange at, ValueRange read) {
        auto copy = [&](Block &from, IRMapping &mapping) {
          for (Operation &op : from.without_terminator())
            inner.clone(op, mapping);
          return llvm::map_to_vector(from.getTerminator()->getOperands(),
                                     [&](Value v) { return mapping.lookupOrDefault(v); });
        };
        IRMapping mapping;
        mapping.map(body.getArguments().take_front(at.size()), at);
        for (auto [source, element] :
             llvm::zip(sources, body.getArguments().drop_front(at.size()))) {
          if (!source.nest) {
            mapping.map(element, read.front());
            read = read.drop_front();
            continue;
          }
          IRMapping indices;
          Block &made = source.nest.getBody().front();
          for (auto [argument, expr] : llvm::zip(made.getArguments(), source.indices.getResults()))
            indices.map(argument, valueOf(inner, loc, expr, at));
          mapping.map(element, copy(made, indices)[0]);
        }
        return copy(body, mapping);
      });
  nest->replaceAllUsesWith(results);
  nest->erase();
  return results[0].getDefiningOp<exec::NestOp>();
}

} // namespace

void inlineIndices(func::FuncOp function) {
  exec::forEachBlock(function, [](Block &block) {
    for (auto nest : llvm::to_vector(block.getOps<exec::NestOp>()))
      if (isMap(nest))
        takeIn(nest);
    eraseUnused(block);
  });
}

} // namespace ingot
