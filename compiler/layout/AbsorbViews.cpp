// See AbsorbViews.h. One walk in program order; a view is the same memory, so that strides stay
// what they are and only loops change.
#include "compiler/layout/AbsorbViews.h"
#include "compiler/fusion/Structure.h"
#include "ir/exec/Control.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace ingot {
namespace {

/// Dimensions of two shapes of one memory that cover the same elements, in order: one of the one
/// and one or more of the other. Dimensions of one element are in none.
struct Group {
  llvm::SmallVector<unsigned> left, right;
};

/// Null where the shapes do not fall into such groups.
std::optional<llvm::SmallVector<Group>> groupsOf(llvm::ArrayRef<Dim> left,
                                                 llvm::ArrayRef<Dim> right) {
  llvm::SmallVector<Group> groups;
  size_t l = 0, r = 0;
  auto skipUnits = [](llvm::ArrayRef<Dim> dims, size_t &d) {
    while (d < dims.size() && isConstant(dims[d], 1))
      ++d;
  };
  while (true) {
    skipUnits(left, l);
    skipUnits(right, r);
    if (l == left.size() || r == right.size())
      break;
    Group group{{static_cast<unsigned>(l)}, {static_cast<unsigned>(r)}};
    Dim inLeft = left[l++], inRight = right[r++];
    // The side that has less takes in its next dimension; which that is, the other side's size
    // says.
    auto grow = [&](llvm::ArrayRef<Dim> dims, size_t &next, Dim &product,
                    llvm::SmallVector<unsigned> &list, Dim target) {
      while (product != target) {
        skipUnits(dims, next);
        if (next == dims.size())
          return false;
        list.push_back(next);
        product = product * dims[next++];
      }
      return true;
    };
    if (inLeft != inRight) {
      size_t l0 = l, r0 = r;
      Dim left0 = inLeft;
      llvm::SmallVector<unsigned> list0 = group.left;
      if (!grow(left, l, inLeft, group.left, inRight)) {
        l = l0;
        inLeft = left0;
        group.left = list0;
        r = r0;
        if (!grow(right, r, inRight, group.right, inLeft))
          return std::nullopt;
      }
    }
    groups.push_back(std::move(group));
  }
  if (l != left.size() || r != right.size())
    return std::nullopt;
  return groups;
}

/// The dimensions of `from` by those of `to`, zero where they have one element; null where an entry
/// is not the sum of multiples.
llvm::SmallVector<AffineExpr> dimensionsBy(llvm::ArrayRef<Dim> from, llvm::ArrayRef<Dim> to,
                                           MLIRContext *context) {
  llvm::SmallVector<AffineExpr> result(from.size());
  for (auto [d, extent] : llvm::enumerate(from))
    if (isConstant(extent, 1))
      result[d] = getAffineConstantExpr(0, context);
  auto groups = groupsOf(from, to);
  if (!groups)
    return result;
  for (const Group &group : *groups) {
    if (group.left.size() > 1)
      continue;
    AffineExpr sum = getAffineConstantExpr(0, context);
    int64_t stride = 1;
    for (unsigned d : llvm::reverse(group.right)) {
      sum = getAffineDimExpr(d, context) * stride + sum;
      bool isLast = d == group.right.front();
      if (!isLast && !to[d].isStatic()) {
        sum = {};
        break;
      }
      stride *= isLast ? 1 : to[d].value();
    }
    result[group.left.front()] = sum;
  }
  return result;
}

class ViewAbsorber {
public:
  void run(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (auto view = llvm::dyn_cast<exec::ViewOp>(op))
        simplify(view);
      else if (auto nest = llvm::dyn_cast<exec::NestOp>(op))
        visit(nest);
    }
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (op.use_empty() && llvm::isa<exec::NestOp, exec::ViewOp>(op) &&
          !(llvm::isa<exec::NestOp>(op) && hasChecks(llvm::cast<exec::NestOp>(op))))
        op.erase();
  }

private:
  static exec::ViewOp viewOf(Value value) {
    auto view = value.getDefiningOp<exec::ViewOp>();
    return view && !view.getChecked() ? view : exec::ViewOp();
  }

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
    Dims loops, shape;                      // before and after
    llvm::SmallVector<AffineExpr> oldLoops; // by the new ones; null where not affine
    unsigned parallel;                      // of the new loops
    AffineMap identity() const {
      return AffineMap::getMultiDimIdentityMap(shape.size(), shape.front().context());
    }
    /// The map of the old loops as one of the new; null where there is none.
    AffineMap apply(AffineMap map) const {
      llvm::SmallVector<AffineExpr> values = oldLoops;
      for (auto [l, value] : llvm::enumerate(values)) {
        if (!value && map.isFunctionOfDim(l))
          return {};
        if (!value)
          value = getAffineConstantExpr(0, map.getContext());
      }
      return map.replaceDimsAndSymbols(values, {}, shape.size(), 0);
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
    r.oldLoops = dimensionsBy(r.loops, r.shape, nest.getContext());
    r.parallel = isMap(nest) ? r.shape.size() : parallelAfter(r, nest.getParallel());
    return isMap(nest) || r.parallel > 0 ? std::optional(r) : std::nullopt;
  }

  /// How many loops of the new shape are parallel, where it only has other dimensions of one
  /// element; 0 elsewhere.
  static unsigned parallelAfter(const Reshaping &r, unsigned parallel) {
    auto groups = groupsOf(r.loops, r.shape);
    unsigned count = 0;
    for (const Group &group : groups.value_or(llvm::SmallVector<Group>())) {
      if (group.left.size() != 1 || group.right.size() != 1)
        return 0;
      if (group.left.front() < parallel)
        count = group.right.front() + 1;
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
      AffineMap after = isWhole ? r.identity() : r.apply(map);
      if (!after)
        return false;
      inputs.push_back({isWhole ? reshaped(b, tensor, r) : tensor, after});
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
      AffineMap map = isMovement(maker) ? all.apply(accessMap(maker, 0)) : AffineMap();
      if (map && !map.isIdentity())
        return copyOver(b, maker, all, {{maker.getInputs()[0], map}});
    }
    if (exec::ViewOp view = viewOf(tensor))
      tensor = view.getX();
    Type type = tensorType(r.shape, getElementTypeOrSelf(tensor));
    return tensor.getType() == type ? tensor
                                    : exec::ViewOp::create(b, tensor.getLoc(), type, tensor);
  }

  /// An access to a view as one to what is viewed, unless it reads the whole in order.
  static void readThrough(exec::NestOp nest, unsigned input) {
    AffineMap map = accessMap(nest, input);
    exec::ViewOp view = viewOf(nest.getInputs()[input]);
    if (!map || !view || map.isIdentity())
      return;
    auto places = dimensionsBy(dimsOf(view.getX()), dimsOf(view.getResult()), nest.getContext());
    if (llvm::is_contained(places, AffineExpr()))
      return;
    AffineMap through =
        AffineMap::get(map.getNumResults(), 0, places, nest.getContext()).compose(map);
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
