// See AbsorbViews.h. One walk in program order; a view is the same memory, so that strides stay
// what they are and only loops change.
#include "compiler/layout/AbsorbViews.h"
#include "compiler/fusion/Structure.h"
#include "compiler/layout/Views.h"
#include "ir/exec/Control.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace ingot {
namespace {

class ViewAbsorber {
public:
  void run(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (auto view = llvm::dyn_cast<exec::ViewOp>(op))
        simplify(view);
      else if (auto nest = llvm::dyn_cast<exec::NestOp>(op))
        visit(nest);
    }
    eraseUnused(block);
  }

private:
  static void simplify(exec::ViewOp view) {
    if (exec::ViewOp inner = viewOf(view.getX()))
      view->setOperand(0, inner.getX());
    if (view.getX().getType() == view.getType())
      view.getResult().replaceAllUsesWith(view.getX());
  }

  void visit(exec::NestOp nest) {
    // A permutation stays one: AssignLayouts moves it.
    if (makeView(nest) || sink(nest) || matchContraction(nest) || permutationOf(nest->getResult(0)))
      return;
    for (unsigned i = 0; i < nest.getInputs().size(); ++i)
      readThrough(nest, i);
  }

  /// A copy that leaves every element in its place is a view.
  static bool makeView(exec::NestOp nest) {
    if (!isMovement(nest) || accessMap(nest, 0).isIdentity())
      return false;
    Value source = nest.getInputs()[0];
    Dims loops = loopDims(nest), from = dimsOf(source);
    auto places = dimensionsBy(from, loops, nest.getContext());
    AffineMap map = accessMap(nest, 0);
    if (!groupsOf(from, loops))
      return false;
    for (auto [expr, place, extent] : llvm::zip(map.getResults(), places, from)) {
      auto dim = llvm::dyn_cast<AffineDimExpr>(expr);
      bool isUnit = isConstant(extent, 1);
      if (!isUnit && (!dim || expr != place || loops[dim.getPosition()] != extent))
        return false;
    }
    OpBuilder b(nest);
    Value result = nest.getOutputs()[0];
    auto view = exec::ViewOp::create(b, nest.getLoc(), result.getType(), source);
    result.replaceAllUsesWith(view);
    simplify(view);
    return true;
  }

  /// Whether the value is what a view of may move behind maps.
  bool isMadeByRoot(Value value) {
    auto nest = value.getDefiningOp<exec::NestOp>();
    return nest && (!isMap(nest) || sunk.contains(nest));
  }

  /// How the loops of a nest become those of the shape whose view it reads.
  struct Reshaping {
    Dims loops, shape;                        // before and after
    llvm::SmallVector<DimensionGroup> groups; // of those
    llvm::SmallVector<AffineExpr> oldLoops;   // by the new ones; null where not affine
    unsigned parallel;                        // of the new loops
    AffineMap identity() const {
      return AffineMap::getMultiDimIdentityMap(shape.size(), shape.front().context());
    }
    /// The access as one by the new loops; null tensor: there is none. Where several loops became
    /// one, the map must count them as one, or the tensor have their dimensions side by side, which
    /// a view then joins.
    exec::Access apply(OpBuilder &b, Value tensor, AffineMap map) const {
      Dims dims = dimsOf(tensor);
      llvm::SmallVector<AffineExpr> results(map.getResults()), values = oldLoops;
      for (const DimensionGroup &group : groups) {
        if (group.left.size() == 1 || group.right.size() != 1)
          continue;
        if (!joinDimensions(dims, results, group.left))
          for (AffineExpr &expr : results)
            expr = joinLoops(expr, loops, group.left);
        if (llvm::is_contained(results, AffineExpr()))
          return {};
        values[group.left[0]] = getAffineDimExpr(group.right[0], map.getContext());
      }
      AffineMap joined = AffineMap::get(loops.size(), 0, results, map.getContext());
      for (auto [l, value] : llvm::enumerate(values)) {
        if (!value && joined.isFunctionOfDim(l))
          return {};
        if (!value)
          value = getAffineConstantExpr(0, map.getContext());
      }
      AffineMap after = joined.replaceDimsAndSymbols(values, {}, shape.size(), 0);
      if (dims.size() != dimsOf(tensor).size())
        tensor = viewAs(b, tensor, dims);
      return {tensor, after};
    }
    /// Makes one dimension of those that are indexed by these loops, side by side and nowhere else,
    /// with the first loop for its index; false where there are none such.
    bool joinDimensions(Dims &dims, llvm::SmallVectorImpl<AffineExpr> &results,
                        llvm::ArrayRef<unsigned> list) const {
      MLIRContext *context = dims.empty() ? nullptr : dims[0].context();
      auto uses = [&](unsigned loop) {
        return llvm::count_if(results, [&](AffineExpr e) { return e.isFunctionOfDim(loop); });
      };
      size_t place = 0;
      while (place < results.size() && results[place] != getAffineDimExpr(list[0], context))
        ++place;
      if (place + list.size() > results.size())
        return false;
      for (auto [i, loop] : llvm::enumerate(list))
        if (results[place + i] != getAffineDimExpr(loop, context) ||
            dims[place + i] != loops[loop] || uses(loop) != 1)
          return false;
      for (size_t i = 1; i < list.size(); ++i)
        dims[place] = dims[place] * dims[place + i];
      dims.erase(dims.begin() + place + 1, dims.begin() + place + list.size());
      results.erase(results.begin() + place + 1, results.begin() + place + list.size());
      return true;
    }
  };

  /// To the shape of what a root made, whose view the nest reads from end to end; null: it does
  /// not.
  std::optional<Reshaping> reshapingOf(exec::NestOp nest) {
    Reshaping r;
    r.loops = loopDims(nest);
    for (unsigned i = 0; i < nest.getInputs().size() && r.shape.empty(); ++i) {
      AffineMap map = accessMap(nest, i);
      if (!map)
        return std::nullopt;
      exec::ViewOp view = viewOf(nest.getInputs()[i]);
      if (map.isIdentity() && view && dimsOf(view.getResult()) == r.loops &&
          isMadeByRoot(view.getX()))
        r.shape = dimsOf(view.getX());
    }
    if (r.shape.empty())
      return std::nullopt;
    r.groups = groupsOf(r.loops, r.shape).value_or(llvm::SmallVector<DimensionGroup>());
    r.oldLoops = dimensionsBy(r.loops, r.shape, nest.getContext());
    r.parallel = isMap(nest) ? r.shape.size() : parallelAfter(r, nest.getParallel());
    return isMap(nest) || r.parallel > 0 ? std::optional(r) : std::nullopt;
  }

  /// How many loops of the new shape are parallel, where the loops that a reduction runs over stay
  /// what they are, so that it adds in the same order; 0 elsewhere.
  static unsigned parallelAfter(const Reshaping &r, unsigned parallel) {
    unsigned count = 0;
    for (const DimensionGroup &group : r.groups) {
      if (group.left.back() < parallel)
        count = group.right.back() + 1;
      else if (group.left.size() != 1 || group.right.size() != 1)
        return 0;
    }
    return count;
  }

  /// Runs a map, or a reduction where only dimensions of one element differ, over the shape whose
  /// view it reads, and views what it makes.
  bool sink(exec::NestOp nest) {
    if (matchContraction(nest) || nest->getNumResults() != 1 || hasChecks(nest) ||
        usesIndices(nest))
      return false;
    if (llvm::any_of(nest->getUsers(),
                     [](Operation *user) { return llvm::isa<exec::AssignVariableOp>(user); }))
      return false; // the update is made in place, in the variable's shape
    auto reshaping = reshapingOf(nest);
    if (!reshaping)
      return false;
    const Reshaping &r = *reshaping;
    OpBuilder b(nest);
    llvm::SmallVector<exec::Access> inputs; // what is made for them goes again where this fails
    for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
      AffineMap map = accessMap(nest, i);
      Value tensor = nest.getInputs()[i];
      bool isWhole = map.isIdentity() && dimsOf(tensor) == r.loops;
      exec::Access access =
          isWhole ? exec::Access{reshaped(b, tensor, r), r.identity()} : r.apply(b, tensor, map);
      if (!access.tensor)
        return false;
      inputs.push_back(access);
    }
    Value old = nest.getOutputs()[0];
    Value result = copyOver(b, nest, r, inputs);
    sunk.insert(result.getDefiningOp());
    old.replaceAllUsesWith(exec::ViewOp::create(b, nest.getLoc(), old.getType(), result));
    return true;
  }

  /// The nest's body over the new loops.
  static Value copyOver(OpBuilder &b, exec::NestOp nest, const Reshaping &r,
                        llvm::ArrayRef<exec::Access> inputs) {
    Block &body = nest.getBody().front();
    return exec::nest(b, nest.getLoc(), r.shape, r.parallel, inputs, nest.getCombiner(),
                      getElementTypeOrSelf(nest.getOutputs()[0]),
                      [&](OpBuilder &inner, ValueRange, ValueRange arguments) {
                        IRMapping mapping;
                        mapping.map(body.getArguments().drop_front(r.loops.size()), arguments);
                        for (Operation &op : body.without_terminator())
                          inner.clone(op, mapping);
                        return llvm::SmallVector<Value>{
                            mapping.lookupOrDefault(body.getTerminator()->getOperand(0))};
                      })[0];
  }

  /// The tensor in the new shape: constants and broadcasts are made in it, others are viewed.
  static Value reshaped(OpBuilder &b, Value tensor, const Reshaping &r) {
    Reshaping all = r;
    all.parallel = r.shape.size();
    auto maker = tensor.getDefiningOp<exec::NestOp>();
    if (maker && isMap(maker) && maker->getNumResults() == 1 && !usesIndices(maker)) {
      if (maker.getInputs().empty())
        return copyOver(b, maker, all, {});
      if (isMovement(maker)) {
        exec::Access access = all.apply(b, maker.getInputs()[0], accessMap(maker, 0));
        if (access.tensor && !access.map.isIdentity())
          return copyOver(b, maker, all, access);
      }
    }
    return viewAs(b, tensor, r.shape);
  }

  /// An access to a view as one to what is viewed, unless it reads the whole in order.
  static void readThrough(exec::NestOp nest, unsigned input) {
    AffineMap map = accessMap(nest, input);
    exec::ViewOp view = viewOf(nest.getInputs()[input]);
    if (!map || !view || map.isIdentity())
      return;
    AffineMap through =
        throughView(map, loopDims(nest), dimsOf(view.getX()), dimsOf(view.getResult()));
    if (!through)
      return;
    auto accesses = llvm::to_vector(nest.getAccesses());
    accesses[input] = AffineMapAttr::get(through);
    nest.setAccessesAttr(ArrayAttr::get(nest.getContext(), accesses));
    nest->setOperand(input, view.getX());
  }

  llvm::DenseSet<Operation *> sunk; // maps that run over a viewed shape
};

} // namespace

void absorbViews(func::FuncOp function) {
  exec::forEachBlock(function, [](Block &block) { ViewAbsorber().run(block); });
}

} // namespace ingot
