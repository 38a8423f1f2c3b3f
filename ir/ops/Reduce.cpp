// Meaning, lowering and gradient of reductions.
#include "ir/Builder.h"
#include "ir/exec/Exec.h"
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  Dims from = dimsOf(adaptor.getX()), to;
  llvm::SmallVector<bool> gone(from.size(), false);
  for (int64_t axis : adaptor.getAxes()) {
    if (axis < 0 || axis >= static_cast<int64_t>(from.size()) || gone[axis])
      return emitOptionalError(loc, "reduction over axis ", axis, " of a tensor of shape ",
                               str(from));
    gone[axis] = true;
  }
  for (auto [d, dim] : llvm::enumerate(from))
    if (!gone[d])
      to.push_back(dim);
  types.push_back(tensorType(to, elementType(adaptor.getX())));
  return success();
}

namespace {
exec::Combiner combinerOf(ReduceKind kind, Type element) {
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  switch (kind) {
  case ReduceKind::Sum:
    return exec::Combiner::Add;
  case ReduceKind::Prod:
    return exec::Combiner::Mul;
  case ReduceKind::Max:
    return isUnsigned ? exec::Combiner::UMax : exec::Combiner::Max;
  case ReduceKind::Min:
    return isUnsigned ? exec::Combiner::UMin : exec::Combiner::Min;
  }
  llvm_unreachable("unknown reduction");
}

Number combine(ReduceKind kind, Type element, Number a, Number b) {
  if (kind == ReduceKind::Sum)
    return a.isFloat ? Number::real(a.f + b.f) : Number::integer(uint64_t(a.i) + uint64_t(b.i));
  if (kind == ReduceKind::Prod)
    return a.isFloat ? Number::real(a.f * b.f) : Number::integer(uint64_t(a.i) * uint64_t(b.i));
  if (a.isFloat) {
    if (std::isnan(a.f) || std::isnan(b.f))
      return std::isnan(a.f) ? a : b;
    return Number::real(kind == ReduceKind::Max ? std::max(a.f, b.f) : std::min(a.f, b.f));
  }
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  bool less = isUnsigned ? uint64_t(a.i) < uint64_t(b.i) : a.i < b.i;
  return (kind == ReduceKind::Max) == less ? b : a;
}
} // namespace

LogicalResult ReduceOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                 llvm::MutableArrayRef<Tensor> results) {
  Type element = elementType(getX());
  TypedAttr identity = exec::identityOf(combinerOf(getKind(), element), element);
  Number start =
      llvm::isa<FloatAttr>(identity)
          ? Number::real(llvm::cast<FloatAttr>(identity).getValueAsDouble())
          : reference::roundTo(element,
                               Number::integer(static_cast<int64_t>(
                                   llvm::cast<IntegerAttr>(identity).getValue().getZExtValue())));
  Tensor &r = results[0];
  for (int64_t i = 0; i < r.numElements(); ++i)
    r.set(i, start);
  llvm::SmallVector<int64_t> target;
  reference::forEachIndex(operands[0].shape(), [&](llvm::ArrayRef<int64_t> index) {
    target.clear();
    for (auto [d, i] : llvm::enumerate(index))
      if (!llvm::is_contained(getAxes(), static_cast<int64_t>(d)))
        target.push_back(i);
    r.set(target, combine(getKind(), element, r.at(target), operands[0].at(index)));
  });
  return success();
}

void ReduceOp::emitStructured(OpBuilder &b, ValueRange operands,
                              llvm::SmallVectorImpl<Value> &results) {
  Dims from = dimsOf(getX()), loops;
  llvm::SmallVector<AffineExpr> exprs(from.size());
  auto addLoops = [&](bool reduced) {
    for (auto [d, dim] : llvm::enumerate(from))
      if (llvm::is_contained(getAxes(), static_cast<int64_t>(d)) == reduced) {
        exprs[d] = b.getAffineDimExpr(loops.size());
        loops.push_back(dim);
      }
  };
  addLoops(false);
  int64_t parallel = loops.size();
  addLoops(true);
  Type element = elementType(getX());
  results = exec::nest(
      b, getLoc(), loops, parallel,
      {{operands[0], AffineMap::get(loops.size(), 0, exprs, getContext())}},
      combinerOf(getKind(), element), exec::signlessElement(element),
      [](OpBuilder &, ValueRange, ValueRange args) { return llvm::SmallVector<Value>{args[0]}; });
}

llvm::SmallVector<Value> ReduceOp::gradient(OpBuilder &b, ValueRange dResults) {
  Dims from = dimsOf(getX()), kept = from;
  for (int64_t axis : getAxes())
    kept[axis] = Dim::constant(getContext(), 1);
  auto spread = [&](Value v) {
    return Expr(b, getLoc(), broadcastTo(b, getLoc(), reshape(b, getLoc(), v, kept), from));
  };
  Expr x(b, getLoc(), getX()), d = spread(dResults[0]);
  if (getKind() == ReduceKind::Sum)
    return {d};
  if (getKind() == ReduceKind::Prod) {
    // The product of the others: all over x without a zero, and 0 or the rest's with one.
    Expr zero = x.number(0), isZero = compare(Predicate::EQ, x, zero);
    Expr safe = select(isZero, x.number(1), x);
    auto along = [&](Expr v, ReduceKind kind) { return reduce(b, getLoc(), v, kind, getAxes()); };
    Expr product = spread(along(safe, ReduceKind::Prod));
    Expr zeros = spread(along(select(isZero, x.number(1), zero), ReduceKind::Sum));
    Expr atZero = select(compare(Predicate::EQ, zeros, x.number(1)), product, zero);
    Expr elsewhere = select(compare(Predicate::EQ, zeros, zero), product / safe, zero);
    return {d * select(isZero, atZero, elsewhere)};
  }
  Expr y = spread(getResult());
  Expr hit = select(compare(Predicate::EQ, x, y), x.number(1), x.number(0));
  Expr count = spread(reduce(b, getLoc(), hit, ReduceKind::Sum, getAxes()));
  return {d * hit / count};
}
