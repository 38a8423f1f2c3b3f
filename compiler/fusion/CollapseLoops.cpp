// See CollapseLoops.h. A pair of loops is joined with all pairs of loops and of dimensions that
// follow from it: those of the tensors that a nest reads and makes there, and of the nests that
// read and make those.
#include "compiler/fusion/CollapseLoops.h"
#include "compiler/fusion/FormAttention.h"
#include "compiler/fusion/Structure.h"

using namespace mlir;

namespace ingot {
namespace {

/// Joins the loops `first` and `first + 1` of the domain of a kernel.
class PairOfLoops {
public:
  PairOfLoops(exec::KernelOp kernel, unsigned first) : kernel(kernel), first(first) {}

  bool join() {
    Block &block = kernel.getBody().front();
    for (auto nest : kernel.getBody().getOps<exec::NestOp>()) {
      auto yields = block.getTerminator()->getOperands();
      bool isStored = llvm::any_of(
          nest.getOutputs(), [&](Value output) { return llvm::is_contained(yields, output); });
      if ((isStored || matchContraction(nest)) && !add(nest, first))
        return false;
    }
    apply();
    return true;
  }

private:
  /// The nest's loops l and l + 1 become one; false where they cannot.
  bool add(exec::NestOp nest, unsigned l) {
    auto [known, isNew] = loops.try_emplace(nest, l);
    if (!isNew)
      return known->second == l;
    Dims extents = loopDims(nest);
    if (l + 1 >= extents.size() || l + 1 == nest.getParallel() || !extents[l].isStatic() ||
        !extents[l + 1].isStatic())
      return false;
    Block &body = nest.getBody().front();
    if (!body.getArgument(l).use_empty() || !body.getArgument(l + 1).use_empty())
      return false;
    for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
      AffineMap map = accessMap(nest, i);
      if (!map || (!map.isFunctionOfDim(l) && !map.isFunctionOfDim(l + 1)))
        continue;
      std::optional<unsigned> p = placeOf(map, l);
      Value tensor = nest.getInputs()[i];
      if (!p || dimsOf(tensor)[*p] != extents[l] || dimsOf(tensor)[*p + 1] != extents[l + 1] ||
          !add(tensor, *p))
        return false;
    }
    return l >= nest.getParallel() ||
           llvm::all_of(nest.getOutputs(), [&](Value output) { return add(output, l); });
  }
  /// The tensor's dimensions p and p + 1 become one, for the nest that makes it and all that read
  /// it.
  bool add(Value tensor, unsigned p) {
    auto [known, isNew] = dimensions.try_emplace(tensor, p);
    if (!isNew)
      return known->second == p;
    if (auto maker = tensor.getDefiningOp<exec::NestOp>(); maker && !add(maker, p))
      return false;
    return llvm::all_of(tensor.getUses(), [&](OpOperand &use) {
      auto nest = llvm::dyn_cast<exec::NestOp>(use.getOwner());
      if (!nest)
        return true; // it leaves the kernel
      AffineMap map = accessMap(nest, use.getOperandNumber());
      if (!map)
        return false;
      auto loop = llvm::dyn_cast<AffineDimExpr>(map.getResult(p));
      return loop && placeOf(map, loop.getPosition()) == p && add(nest, loop.getPosition());
    });
  }
  /// Where the map has the loops l and l + 1 side by side, and nowhere else.
  static std::optional<unsigned> placeOf(AffineMap map, unsigned l) {
    std::optional<unsigned> place;
    for (unsigned p = 0; p < map.getNumResults(); ++p) {
      AffineExpr expr = map.getResult(p);
      if (!expr.isFunctionOfDim(l) && !expr.isFunctionOfDim(l + 1))
        continue;
      auto dim = llvm::dyn_cast<AffineDimExpr>(expr);
      if (dim && dim.getPosition() == l && !place)
        place = p;
      else if (!dim || dim.getPosition() != l + 1 || !place || p != *place + 1)
        return std::nullopt;
    }
    return place && *place + 1 < map.getNumResults() && map.isFunctionOfDim(l + 1) ? place
                                                                                   : std::nullopt;
  }
  static Type joined(Type tensor, unsigned p) {
    Dims dims = dimsOf(tensor);
    dims[p] = dims[p] * dims[p + 1];
    dims.erase(dims.begin() + p + 1);
    return tensorType(dims, getElementTypeOrSelf(tensor));
  }
  static graph::DimsAttr joined(graph::DimsAttr bounds, unsigned l) {
    llvm::SmallVector<Attribute> list(bounds.getExprs());
    list[l] = (Dim(list[l]) * Dim(list[l + 1])).asAttribute();
    list.erase(list.begin() + l + 1);
    return graph::DimsAttr::get(bounds.getContext(), list);
  }

  void apply() {
    OpBuilder b(kernel);
    Block &block = kernel.getBody().front();
    for (auto [argument, input] : llvm::zip(block.getArguments(), kernel->getOpOperands())) {
      auto it = dimensions.find(argument);
      if (it == dimensions.end())
        continue;
      Type type = joined(argument.getType(), it->second);
      input.set(exec::ViewOp::create(b, kernel.getLoc(), type, input.get()));
    }
    b.setInsertionPointAfter(kernel);
    for (auto [result, inside] :
         llvm::zip(kernel.getOutputs(), block.getTerminator()->getOperands())) {
      auto it = dimensions.find(inside);
      if (it == dimensions.end())
        continue;
      Type before = result.getType();
      result.setType(joined(before, it->second));
      auto view = exec::ViewOp::create(b, kernel.getLoc(), before, result);
      result.replaceAllUsesExcept(view, view);
    }
    for (auto &[nest, l] : loops)
      joinLoops(llvm::cast<exec::NestOp>(nest), l);
    for (auto &[tensor, p] : dimensions) {
      Value value = tensor;
      value.setType(joined(value.getType(), p));
    }
    kernel.setDomainAttr(joined(kernel.getDomain(), first));
  }

  void joinLoops(exec::NestOp nest, unsigned l) {
    unsigned count = loopDims(nest).size();
    MLIRContext *context = nest.getContext();
    llvm::SmallVector<AffineExpr> renamed;
    for (unsigned i = 0; i < count; ++i)
      renamed.push_back(getAffineDimExpr(i > l ? i - 1 : i, context));
    llvm::SmallVector<Attribute> accesses(nest.getAccesses().begin(), nest.getAccesses().end());
    for (unsigned i = 0; i < accesses.size(); ++i)
      if (AffineMap map = accessMap(nest, i)) {
        llvm::SmallVector<AffineExpr> results(map.getResults());
        if (auto p = placeOf(map, l))
          results.erase(results.begin() + *p + 1);
        AffineMap shorter = AffineMap::get(count, 0, results, context);
        accesses[i] = AffineMapAttr::get(shorter.replaceDimsAndSymbols(renamed, {}, count - 1, 0));
      }
    nest.setAccessesAttr(ArrayAttr::get(context, accesses));
    nest.setBoundsAttr(joined(nest.getBounds(), l));
    if (l < nest.getParallel())
      nest.setParallel(nest.getParallel() - 1);
    nest.getBody().front().eraseArgument(l + 1);
  }

  exec::KernelOp kernel;
  unsigned first;
  llvm::MapVector<Operation *, unsigned> loops; // the first of each nest's pair
  llvm::MapVector<Value, unsigned> dimensions;  // and of each tensor's
};

} // namespace

/// Loops of one point are at 0: what they add to an access is nothing.
static void leaveOutUnitLoops(exec::NestOp nest) {
  Builder b(nest.getContext());
  llvm::SmallVector<AffineExpr> values;
  for (auto [l, extent] : llvm::enumerate(loopDims(nest)))
    values.push_back(isConstant(extent, 1) ? b.getAffineConstantExpr(0) : b.getAffineDimExpr(l));
  llvm::SmallVector<Attribute> accesses(nest.getAccesses().begin(), nest.getAccesses().end());
  for (unsigned i = 0; i < accesses.size(); ++i)
    if (AffineMap map = accessMap(nest, i))
      accesses[i] = AffineMapAttr::get(map.replaceDimsAndSymbols(values, {}, values.size(), 0));
  nest.setAccessesAttr(b.getArrayAttr(accesses));
}

static bool hasNestsAlone(exec::KernelOp kernel) {
  return llvm::all_of(kernel.getBody().front().without_terminator(),
                      [](Operation &op) { return llvm::isa<exec::NestOp>(op); });
}

static RankedTensorType withoutFirst(Type tensor) {
  Dims dims = dimsOf(tensor);
  dims.erase(dims.begin());
  return tensorType(dims, getElementTypeOrSelf(tensor));
}

bool leaveOutFirstLoop(exec::KernelOp kernel) {
  auto hasUnit = [](Value tensor) {
    Dims dims = dimsOf(tensor);
    return dims.size() > 1 && isConstant(dims[0], 1);
  };
  auto nests = llvm::to_vector(kernel.getBody().getOps<exec::NestOp>());
  if (!hasNestsAlone(kernel) || !isConstant(Dim(kernel.getDomain().getExprs()[0]), 1))
    return false;
  for (exec::NestOp nest : nests)
    if (nest.getParallel() < 2 || !isConstant(loopDims(nest)[0], 1) ||
        llvm::any_of(llvm::seq<unsigned>(0, nest.getInputs().size()),
                     [&](unsigned i) { return !accessMap(nest, i); }))
      return false;
  auto dropped = [](graph::DimsAttr dims) {
    return graph::DimsAttr::get(dims.getContext(), dims.getExprs().drop_front());
  };
  OpBuilder b(kernel);
  for (exec::NestOp nest : nests) {
    unsigned count = loopDims(nest).size();
    llvm::SmallVector<AffineExpr> renamed{b.getAffineConstantExpr(0)};
    for (unsigned l = 1; l < count; ++l)
      renamed.push_back(b.getAffineDimExpr(l - 1));
    llvm::SmallVector<Attribute> accesses;
    for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
      AffineMap map = accessMap(nest, i);
      auto results = map.getResults().drop_front(hasUnit(nest.getInputs()[i]) ? 1 : 0);
      accesses.push_back(AffineMapAttr::get(AffineMap::get(count, 0, results, b.getContext())
                                                .replaceDimsAndSymbols(renamed, {}, count - 1, 0)));
    }
    nest.setAccessesAttr(b.getArrayAttr(accesses));
    nest.setBoundsAttr(dropped(nest.getBounds()));
    nest.setParallel(nest.getParallel() - 1);
    Block &body = nest.getBody().front();
    if (usesIndex(nest, 0)) {
      OpBuilder inner = OpBuilder::atBlockBegin(&body);
      Value first = exec::indexConstant(inner, nest.getLoc(), 0);
      body.getArgument(0).replaceAllUsesWith(first);
    }
    body.eraseArgument(0);
  }
  Block &block = kernel.getBody().front();
  for (auto [argument, input] : llvm::zip(block.getArguments(), kernel->getOpOperands()))
    if (hasUnit(argument)) {
      Type type = withoutFirst(argument.getType());
      input.set(exec::ViewOp::create(b, kernel.getLoc(), type, input.get()));
      argument.setType(type);
    }
  for (exec::NestOp nest : nests)
    for (Value output : nest.getOutputs())
      output.setType(withoutFirst(output.getType()));
  b.setInsertionPointAfter(kernel);
  for (Value result : kernel.getOutputs()) {
    Type before = result.getType();
    result.setType(withoutFirst(before));
    auto view = exec::ViewOp::create(b, kernel.getLoc(), before, result);
    result.replaceAllUsesExcept(view, view);
  }
  kernel.setDomainAttr(dropped(kernel.getDomain()));
  return true;
}

void collapseLoops(func::FuncOp function) {
  function.walk([](exec::KernelOp kernel) {
    auto nests = kernel.getBody().getOps<exec::NestOp>();
    if (!hasNestsAlone(kernel) || kernel->hasAttr(kStreamedAttr) ||
        llvm::none_of(nests, [](exec::NestOp nest) { return matchContraction(nest).has_value(); }))
      return;
    for (exec::NestOp nest : nests)
      leaveOutUnitLoops(nest);
    for (int64_t d = static_cast<int64_t>(kernel.getDomain().getExprs().size()) - 2; d >= 0; --d)
      PairOfLoops(kernel, d).join();
  });
}

} // namespace ingot
