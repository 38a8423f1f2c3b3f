// See ComposeMovements.h. One walk in program order, so that what a movement reads is composed
// before.
#include "compiler/layout/ComposeMovements.h"
#include "compiler/fusion/Structure.h"
#include "compiler/layout/Views.h"
#include "ir/exec/Control.h"

using namespace mlir;

namespace ingot {
namespace {

/// A movement by an affine map; null otherwise.
exec::NestOp movementThatMakes(Value value) {
  auto nest = value.getDefiningOp<exec::NestOp>();
  return nest && isMovement(nest) && accessMap(nest, 0) && !hasChecks(nest) ? nest : exec::NestOp();
}

/// Where all that uses a movement is views that split its dimensions, it makes what is viewed
/// first: the more loops there are, the more maps are sums of multiples of them.
exec::NestOp split(exec::NestOp movement) {
  Value result = movement.getOutputs()[0];
  exec::ViewOp first;
  for (Operation *user : result.getUsers()) {
    auto view = llvm::dyn_cast<exec::ViewOp>(user);
    if (!view || view.getChecked())
      return movement;
    if (!first || view->isBeforeInBlock(first))
      first = view;
  }
  if (!first || first->getBlock() != movement->getBlock())
    return movement;
  Dims loops = dimsOf(first.getResult());
  auto oldLoops = dimensionsBy(dimsOf(result), loops, movement.getContext());
  if (loops.size() <= oldLoops.size() || llvm::is_contained(oldLoops, AffineExpr()))
    return movement;
  OpBuilder b(movement);
  AffineMap map = accessMap(movement, 0).replaceDimsAndSymbols(oldLoops, {}, loops.size(), 0);
  Value made = moved(b, movement.getLoc(), loops, movement.getInputs()[0], map);
  for (Operation *user : llvm::make_early_inc_range(result.getUsers())) {
    user->setOperand(0, made);
    if (user->getResult(0).getType() == made.getType())
      user->getResult(0).replaceAllUsesWith(made);
  }
  return made.getDefiningOp<exec::NestOp>();
}

/// Whether the innermost loop of more than one element reads element after element.
bool isContiguous(llvm::ArrayRef<Dim> loops, Value source, AffineMap map) {
  auto strides = linearStrides(map, source.getType(), loops.size());
  if (!strides)
    return false;
  for (size_t l = loops.size(); l-- > 0;)
    if (!isConstant(loops[l], 1))
      return isConstant((*strides)[l], 1);
  return true;
}

bool isUsedByMovementsAlone(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    if (auto view = llvm::dyn_cast<exec::ViewOp>(user))
      return isUsedByMovementsAlone(view.getResult());
    return user->getNumResults() == 1 && movementThatMakes(user->getResult(0));
  });
}

void compose(exec::NestOp movement) {
  Dims loops = loopDims(movement);
  while (true) {
    Value source = movement.getInputs()[0];
    AffineMap map = accessMap(movement, 0);
    bool wasContiguous = isContiguous(loops, source, map);
    Dims shape = dimsOf(source);
    source = withoutViews(source);
    if (shape != dimsOf(source))
      map = throughView(map, loops, dimsOf(source), shape);
    exec::NestOp inner = map ? movementThatMakes(source) : exec::NestOp();
    if (!inner || inner->getBlock() != movement->getBlock())
      return;
    bool innerStays = !isUsedByMovementsAlone(source);
    map = accessMap(inner, 0).compose(map);
    source = inner.getInputs()[0];
    if (innerStays && wasContiguous && !isContiguous(loops, source, map))
      return;
    movement->setOperand(0, source);
    movement.setAccessesAttr(ArrayAttr::get(movement.getContext(), {AffineMapAttr::get(map)}));
  }
}

/// Whether nothing writes the value's memory while it is needed: variables and what loops carry get
/// new values.
bool staysAsItIs(Value value) {
  value = withoutViews(value);
  auto argument = llvm::dyn_cast<BlockArgument>(value);
  return argument ? llvm::isa<func::FuncOp>(argument.getOwner()->getParentOp())
                  : llvm::isa<exec::NestOp>(value.getDefiningOp());
}

/// A movement that leaves every element in its place is a view.
bool makeView(exec::NestOp movement) {
  Value source = movement.getInputs()[0], result = movement.getOutputs()[0];
  AffineMap map = accessMap(movement, 0);
  Dims loops = loopDims(movement);
  auto steps = linearStrides(map, source.getType(), loops.size());
  if (!steps || !staysAsItIs(source) ||
      numElements(movement.getContext(), dimsOf(source)) !=
          numElements(movement.getContext(), loops))
    return false;
  for (auto [extent, step, inOrder] : llvm::zip(loops, *steps, rowMajorStrides(result.getType())))
    if (!isConstant(extent, 1) && step != inOrder)
      return false;
  OpBuilder b(movement);
  result.replaceAllUsesWith(viewAs(b, source, loops));
  return true;
}

/// The rows of a product in another order: what is made of a movement row by row is the same when
/// the rows are moved afterwards instead.
class RowOrder {
public:
  /// Of a contraction whose rows are those of a movement that joins some of its dimensions.
  static void change(exec::NestOp contraction) {
    auto match = matchContraction(contraction);
    if (!match || contraction.getParallel() < 2 ||
        accessMap(contraction, match->b).isFunctionOfDim(0)) // of matrices, each with its own
      return;
    RowOrder order;
    order.rows = loopDims(contraction)[0];
    if (!order.findMovement(contraction, match->a) || !order.takeIn(contraction))
      return;
    order.apply(contraction, match->a);
  }

private:
  static bool isByRows(exec::NestOp nest, unsigned input) {
    AffineMap map = accessMap(nest, input);
    return map && map.getNumResults() > 0 &&
           map.getResult(0) == getAffineDimExpr(0, map.getContext()) &&
           llvm::none_of(map.getResults().drop_front(),
                         [](AffineExpr e) { return e.isFunctionOfDim(0); });
  }

  /// The movement, its dimensions that are the rows, and the order in which they are read.
  bool findMovement(exec::NestOp contraction, unsigned a) {
    Value operand = contraction.getInputs()[a];
    exec::ViewOp view = viewOf(operand);
    movement = view ? movementThatMakes(view.getX()) : exec::NestOp();
    if (!movement || !isByRows(contraction, a) || dimsOf(operand)[0] != rows)
      return false;
    Dims dims = loopDims(movement);
    Dim product = Dim::constant(movement.getContext(), 1);
    while (count < dims.size() && product != rows)
      product = product * dims[count++];
    auto steps =
        linearStrides(accessMap(movement, 0), movement.getInputs()[0].getType(), dims.size());
    if (product != rows || count < 2 || !steps)
      return false;
    // Larger steps first; of two steps, the one that the other divides is the larger.
    for (unsigned d = 0; d < count; ++d) {
      Dim step = (*steps)[d];
      auto place = llvm::find_if(sorted, [&](unsigned other) {
        Dim less = (*steps)[other];
        return step != less && !isConstant(less, 0) && Dim::exactDiv(step, less).has_value();
      });
      sorted.insert(place, d);
    }
    return !llvm::is_sorted(sorted);
  }

  /// Whether all that is made row by row goes to movements in the end.
  bool takeIn(exec::NestOp nest) {
    for (OpOperand &use : nest->getUses()) {
      auto user = llvm::dyn_cast<exec::NestOp>(use.getOwner());
      if (user && isRowWise(user, use.getOperandNumber())) {
        if (!takeIn(user))
          return false;
      } else if (user ? !isMovement(user) : !isViewForMovements(use.getOwner())) {
        return false;
      } else {
        leaving.push_back(&use);
      }
    }
    return true;
  }
  static bool isViewForMovements(Operation *op) {
    auto view = llvm::dyn_cast<exec::ViewOp>(op);
    return view && !view.getChecked() && isUsedByMovementsAlone(view.getResult());
  }
  /// A map, no movement, that makes each row of one row of this input, whatever row it is.
  bool isRowWise(exec::NestOp nest, unsigned input) const {
    if (!isMap(nest) || isMovement(nest) || nest->getNumResults() != 1 || usesIndices(nest) ||
        loopDims(nest).empty() || loopDims(nest)[0] != rows)
      return false;
    for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
      AffineMap map = accessMap(nest, i);
      if (!map || (i == input ? !isByRows(nest, i)
                              : map.isFunctionOfDim(0) && !isSameInAllRows(nest.getInputs()[i])))
        return false;
    }
    return true;
  }
  static bool isSameInAllRows(Value value) {
    auto nest = value.getDefiningOp<exec::NestOp>();
    return nest && isMap(nest) && !usesIndices(nest) &&
           llvm::all_of(llvm::seq<unsigned>(0, nest.getInputs().size()), [&](unsigned i) {
             AffineMap map = accessMap(nest, i);
             return map && !map.isFunctionOfDim(0);
           });
  }

  Dims inOrder(llvm::ArrayRef<Dim> dims) const {
    Dims result;
    for (unsigned d : sorted)
      result.push_back(dims[d]);
    llvm::append_range(result, dims.drop_front(count));
    return result;
  }

  void apply(exec::NestOp contraction, unsigned a) {
    OpBuilder b(contraction);
    Location loc = movement.getLoc();
    Dims dims = loopDims(movement), to = inOrder(dims);
    llvm::SmallVector<AffineExpr> loops(dims.size()); // the movement's by those in order
    for (unsigned d = 0; d < dims.size(); ++d)
      loops[d < count ? sorted[d] : d] = b.getAffineDimExpr(d);
    AffineMap map = accessMap(movement, 0).replaceDimsAndSymbols(loops, {}, to.size(), 0);
    Value made = moved(b, loc, to, movement.getInputs()[0], map);
    contraction->setOperand(a, viewAs(b, made, dimsOf(contraction.getInputs()[a])));
    Dims rowsOnly(dims.begin(), dims.begin() + count);
    for (OpOperand *use : leaving) {
      Value value = use->get();
      b.setInsertionPointAfterValue(value);
      Dims shape = dimsOf(value), back = rowsOnly;
      back.append(shape.begin() + 1, shape.end());
      llvm::SmallVector<AffineExpr> places;
      for (unsigned d : sorted)
        places.push_back(b.getAffineDimExpr(d));
      for (unsigned d = count; d < back.size(); ++d)
        places.push_back(b.getAffineDimExpr(d));
      Value ordered = viewAs(b, value, inOrder(back));
      Value unordered =
          moved(b, loc, back, ordered, AffineMap::get(back.size(), 0, places, b.getContext()));
      use->set(viewAs(b, unordered, shape));
    }
  }

  Dim rows;
  exec::NestOp movement;
  unsigned count = 0;                     // of its dimensions that are the rows
  llvm::SmallVector<unsigned> sorted;     // those, as they are read
  llvm::SmallVector<OpOperand *> leaving; // uses of rows by what moves them
};

} // namespace

void composeMovements(func::FuncOp function) {
  exec::forEachBlock(function, [](Block &block) {
    for (auto nest : llvm::to_vector(block.getOps<exec::NestOp>()))
      RowOrder::change(nest);
    for (Operation &op : llvm::make_early_inc_range(block))
      if (op.getNumResults() == 1)
        if (exec::NestOp movement = movementThatMakes(op.getResult(0))) {
          movement = split(movement);
          compose(movement);
          makeView(movement);
        }
    eraseUnused(block);
  });
}

} // namespace ingot
