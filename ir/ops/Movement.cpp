// Meaning, lowering and gradient of the ops that move elements.
#include "ir/Builder.h"
#include "ir/exec/Exec.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Tensor;

namespace {

/// A copy of `x` over the result's dimensions, its element at map(loops).
Value moveNest(OpBuilder &b, Operation *op, Value x, AffineMap map) {
  RankedTensorType type = exec::signless(op->getResult(0).getType());
  Dims dims = dimsOf(type);
  return exec::nest(b, op->getLoc(), dims, dims.size(), {{x, map}}, exec::Combiner::None,
                    type.getElementType(),
                    [](OpBuilder &, ValueRange, ValueRange args) { return Values{args[0]}; })[0];
}
} // namespace

// Moving the elements of a splat gives a splat; movements of one kind join.
OpFoldResult ReshapeOp::fold(FoldAdaptor operands) {
  if (getX().getType() == getResult().getType())
    return getX();
  if (Attribute scalar = splatOf(operands.getX()))
    return scalarElements(scalar);
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    // Joined with one whose numbers are not known to agree, a check that the plan makes would
    // compare others, or none.
    CountCheck outer = getCheck(), before = inner.getCheck();
    bool isPlanned = outer == CountCheck::Plan || before == CountCheck::Plan;
    if (isPlanned && outer != CountCheck::Now && before != CountCheck::Now)
      return {};
    if (before == CountCheck::Plan && inner.getX().getType() == getType())
      return {};
    setCheck(std::max(outer, before));
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

LogicalResult ReshapeOp::verify() {
  MLIRContext *context = getContext();
  Dim from = numElements(context, dimsOf(getX())), to = numElements(context, dimsOf(getResult()));
  if (elementType(getX()) != elementType(getResult()))
    return emitOpError("changes the element type");
  bool differ = from.isStatic() && to.isStatic() ? !(from == to)
                                                 : getCheck() == CountCheck::Now && !(from == to);
  if (differ)
    return emitOpError("cannot turn shape ")
           << str(dimsOf(getX())) << " (" << from.str() << " elements) into "
           << str(dimsOf(getResult())) << " (" << to.str() << " elements)";
  return success();
}
LogicalResult ReshapeOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                                  llvm::MutableArrayRef<Tensor> results) {
  int64_t count = 1;
  for (int64_t size : results[0].shape())
    count *= size;
  if (count != operands[0].numElements())
    return context.fail("a tensor of " + std::to_string(operands[0].numElements()) +
                        " elements is seen as one of " + std::to_string(count));
  results[0] = operands[0].reshaped(results[0].shape());
  return success();
}
void ReshapeOp::emitStructured(OpBuilder &b, ValueRange operands,
                               llvm::SmallVectorImpl<Value> &results) {
  results.push_back(exec::ViewOp::create(b, getLoc(), exec::signless(getResult().getType()),
                                         operands[0], getCheck() == CountCheck::Plan));
}
Values ReshapeOp::gradient(OpBuilder &b, ValueRange d) {
  if (d[0].getType() == getX().getType())
    return {d[0]};
  return {ReshapeOp::create(b, getLoc(), getX().getType(), d[0], getCheck())};
}

OpFoldResult TransposeOp::fold(FoldAdaptor operands) {
  if (llvm::is_sorted(getPermutation()))
    return getX();
  if (Attribute scalar = splatOf(operands.getX()))
    return scalarElements(scalar);
  if (auto inner = getX().getDefiningOp<TransposeOp>()) {
    setPermutation(llvm::map_to_vector(getPermutation(),
                                       [&](int64_t d) { return inner.getPermutation()[d]; }));
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  Dims from = dimsOf(adaptor.getX()), to;
  llvm::ArrayRef<int64_t> permutation = adaptor.getPermutation();
  llvm::SmallVector<bool> seen(from.size(), false);
  bool valid = permutation.size() == from.size();
  for (int64_t d : permutation) {
    if (!valid || d < 0 || d >= static_cast<int64_t>(from.size()) || seen[d]) {
      valid = false;
      break;
    }
    seen[d] = true;
    to.push_back(from[d]);
  }
  if (!valid)
    return emitOptionalError(loc, "transpose of a tensor of rank ", from.size(),
                             " needs a permutation of its axes");
  types.push_back(tensorType(to, elementType(adaptor.getX())));
  return success();
}
LogicalResult TransposeOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                    llvm::MutableArrayRef<Tensor> results) {
  llvm::SmallVector<int64_t> source(operands[0].rank());
  reference::forEachIndex(results[0].shape(), [&](llvm::ArrayRef<int64_t> index) {
    for (auto [d, axis] : llvm::enumerate(getPermutation()))
      source[axis] = index[d];
    results[0].set(index, operands[0].at(source));
  });
  return success();
}
void TransposeOp::emitStructured(OpBuilder &b, ValueRange operands,
                                 llvm::SmallVectorImpl<Value> &results) {
  llvm::SmallVector<AffineExpr> exprs(getPermutation().size());
  for (auto [d, axis] : llvm::enumerate(getPermutation()))
    exprs[axis] = b.getAffineDimExpr(d);
  results.push_back(
      moveNest(b, *this, operands[0], AffineMap::get(exprs.size(), 0, exprs, getContext())));
}
Values TransposeOp::gradient(OpBuilder &b, ValueRange d) {
  llvm::SmallVector<int64_t> inverse(getPermutation().size());
  for (auto [i, axis] : llvm::enumerate(getPermutation()))
    inverse[axis] = i;
  return {transpose(b, getLoc(), d[0], inverse)};
}

namespace {
/// Where a reshape from `from` to `to` only puts in dimensions of 1, the axes of `to` that the
/// dimensions of `from` become.
std::optional<llvm::SmallVector<int64_t>>
axesWithoutUnits(llvm::ArrayRef<Dim> from, llvm::ArrayRef<Dim> to, llvm::ArrayRef<int64_t> axes) {
  auto isUnit = [](Dim d) { return d.isStatic() && d.value() == 1; };
  llvm::SmallVector<int64_t> kept;
  Dims rest;
  for (auto [dim, axis] : llvm::zip_equal(to, axes))
    if (!isUnit(dim)) {
      kept.push_back(axis);
      rest.push_back(dim);
    }
  if (llvm::any_of(from, isUnit) || llvm::ArrayRef<Dim>(rest) != from)
    return std::nullopt;
  return kept;
}
} // namespace

OpFoldResult BroadcastOp::fold(FoldAdaptor operands) {
  if (getX().getType() == getResult().getType())
    return getX();
  if (Attribute scalar = splatOf(operands.getX()))
    return scalarElements(scalar);
  if (auto inner = getX().getDefiningOp<ReshapeOp>())
    if (auto axes = axesWithoutUnits(dimsOf(inner.getX()), dimsOf(getX()), getAxes())) {
      setAxes(*axes);
      getXMutable().assign(inner.getX());
      return getResult();
    }
  if (auto inner = getX().getDefiningOp<BroadcastOp>()) {
    setAxes(llvm::map_to_vector(inner.getAxes(), [&](int64_t d) { return getAxes()[d]; }));
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

LogicalResult BroadcastOp::verify() {
  Dims from = dimsOf(getX()), to = dimsOf(getResult());
  if (getAxes().size() != from.size() || !llvm::is_sorted(getAxes()))
    return emitOpError("needs one increasing axis a dimension of its operand");
  for (auto [d, axis] : llvm::enumerate(getAxes())) {
    if (axis < 0 || axis >= static_cast<int64_t>(to.size()))
      return emitOpError("has axis ") << axis << " for a result of rank " << to.size();
    if (!(from[d] == to[axis]) && !(from[d].isStatic() && from[d].value() == 1))
      return emitOpError("cannot repeat dimension ")
             << from[d].str() << " of " << str(from) << " to " << to[axis].str() << " of "
             << str(to);
  }
  return success();
}
LogicalResult BroadcastOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                    llvm::MutableArrayRef<Tensor> results) {
  llvm::SmallVector<int64_t> source(operands[0].rank());
  reference::forEachIndex(results[0].shape(), [&](llvm::ArrayRef<int64_t> index) {
    for (auto [d, axis] : llvm::enumerate(getAxes()))
      source[d] = operands[0].dim(d) == 1 ? 0 : index[axis];
    results[0].set(index, operands[0].at(source));
  });
  return success();
}
void BroadcastOp::emitStructured(OpBuilder &b, ValueRange operands,
                                 llvm::SmallVectorImpl<Value> &results) {
  Dims from = dimsOf(getX()), to = dimsOf(getResult());
  llvm::SmallVector<AffineExpr> exprs;
  for (auto [d, axis] : llvm::enumerate(getAxes())) {
    bool repeats = from[d].isStatic() && from[d].value() == 1;
    exprs.push_back(repeats ? b.getAffineConstantExpr(0) : b.getAffineDimExpr(axis));
  }
  results.push_back(
      moveNest(b, *this, operands[0], AffineMap::get(to.size(), 0, exprs, getContext())));
}
Values BroadcastOp::gradient(OpBuilder &b, ValueRange dResults) {
  Dims from = dimsOf(getX()), to = dimsOf(getResult());
  llvm::SmallVector<int64_t> axes;
  llvm::SmallVector<bool> kept(to.size(), false);
  for (auto [d, axis] : llvm::enumerate(getAxes()))
    kept[axis] = from[d] == to[axis];
  for (int64_t d = 0; d < static_cast<int64_t>(to.size()); ++d)
    if (!kept[d])
      axes.push_back(d);
  return {reshape(b, getLoc(), reduce(b, getLoc(), dResults[0], ReduceKind::Sum, axes), from)};
}
