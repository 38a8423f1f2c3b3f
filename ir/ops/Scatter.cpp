// Meaning, lowering and gradient of scatter.
#include "ir/Builder.h"
#include "ir/ops/Emit.h"
#include "ir/ops/Indices.h"
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

LogicalResult ScatterOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  Dims base = dimsOf(adaptor.getBase()), indices = dimsOf(adaptor.getIndices());
  if (base.empty())
    return emitOptionalError(loc, "scatter needs a base with rows, has a scalar");
  Type element = elementType(adaptor.getBase());
  if (element.isInteger(1) && adaptor.getKind() != ScatterKind::Set)
    return emitOptionalError(loc, "scatter combines bools with `",
                             stringifyScatterKind(adaptor.getKind()), "`; they can only be set");
  Dims wanted = indices;
  wanted.append(base.begin() + 1, base.end());
  if (dimsOf(adaptor.getUpdates()) != wanted || elementType(adaptor.getUpdates()) != element)
    return emitOptionalError(loc, "scatter to ", adaptor.getBase().getType(), " at indices ",
                             str(indices), " needs updates of shape ", str(wanted), ", has ",
                             adaptor.getUpdates().getType());
  types.push_back(adaptor.getBase().getType());
  return success();
}

namespace {

/// What is there (`x`) once updated with `u`.
Number updated(ScatterKind kind, Number x, Number u, bool isUnsigned) {
  auto integer = [](uint64_t v) { return Number::integer(static_cast<int64_t>(v)); };
  switch (kind) {
  case ScatterKind::Set:
    return u;
  case ScatterKind::Add:
    return x.isFloat ? Number::real(x.f + u.f) : integer(uint64_t(x.i) + uint64_t(u.i));
  case ScatterKind::Mul:
    return x.isFloat ? Number::real(x.f * u.f) : integer(uint64_t(x.i) * uint64_t(u.i));
  case ScatterKind::Max:
  case ScatterKind::Min:
    break;
  }
  bool less = x.isFloat ? x.f < u.f : isUnsigned ? uint64_t(x.i) < uint64_t(u.i) : x.i < u.i;
  if (x.isFloat && (std::isnan(x.f) || std::isnan(u.f)))
    return Number::real(std::nan(""));
  bool equal = x.isFloat ? x.f == u.f : x.i == u.i;
  return !equal && less == (kind == ScatterKind::Max) ? u : x;
}

exec::Combiner combinerOf(ScatterKind kind, bool isUnsigned) {
  switch (kind) {
  case ScatterKind::Set:
    return exec::Combiner::None;
  case ScatterKind::Add:
    return exec::Combiner::Add;
  case ScatterKind::Mul:
    return exec::Combiner::Mul;
  case ScatterKind::Max:
    return isUnsigned ? exec::Combiner::UMax : exec::Combiner::Max;
  case ScatterKind::Min:
    return isUnsigned ? exec::Combiner::UMin : exec::Combiner::Min;
  }
  llvm_unreachable("unknown scatter");
}

/// 16-bit floats are combined as f32 and rounded at the end.
Value converted(OpBuilder &b, Location loc, Value x, Type element) {
  Type from = getElementTypeOrSelf(x);
  if (from == element)
    return x;
  bool wider = element.getIntOrFloatBitWidth() > from.getIntOrFloatBitWidth();
  return exec::mapNest(b, loc, dimsOf(x), {x}, element, [&](OpBuilder &b, ValueRange in) -> Value {
    if (wider)
      return arith::ExtFOp::create(b, loc, element, in[0]);
    return arith::TruncFOp::create(b, loc, element, in[0]);
  });
}

} // namespace

LogicalResult ScatterOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                                  llvm::MutableArrayRef<Tensor> results) {
  const Tensor &indices = operands[1], &updates = operands[2];
  Tensor &r = results[0] = operands[0];
  bool isUnsigned = r.element().isUnsignedInteger();
  int64_t row = product(r.shape().drop_front());
  for (int64_t i = 0; i < indices.numElements(); ++i) {
    auto at = checkedIndex(context, indices, i, r.dim(0));
    if (failed(at))
      return failure();
    for (int64_t k = 0; k < row; ++k)
      r.set(*at * row + k,
            updated(getKind(), r.get(*at * row + k), updates.get(i * row + k), isUnsigned));
  }
  return success();
}

void ScatterOp::emitStructured(OpBuilder &b, ValueRange operands,
                               llvm::SmallVectorImpl<Value> &results) {
  Location loc = getLoc();
  Dims base = dimsOf(getBase()), index = dimsOf(getIndices());
  Dim count = numElements(getContext(), index);
  Dim row = numElements(getContext(), llvm::ArrayRef(base).drop_front());
  auto view = [&](Value x, llvm::ArrayRef<Dim> dims) -> Value {
    RankedTensorType type = tensorType(dims, getElementTypeOrSelf(x));
    return x.getType() == type ? x : exec::ViewOp::create(b, loc, type, x);
  };
  Value indices = operands[1];
  bool hasUnsignedIndices = elementType(getIndices()).isUnsignedInteger();
  if (hasUnsignedIndices && elementType(indices).getIntOrFloatBitWidth() < 64)
    indices = exec::mapNest(b, loc, index, {indices}, b.getI64Type(),
                            [&](OpBuilder &b, ValueRange in) -> Value {
                              return arith::ExtUIOp::create(b, loc, b.getI64Type(), in[0]);
                            });
  Type element = elementType(operands[0]), wide = element;
  if (llvm::isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32 &&
      getKind() != ScatterKind::Set)
    wide = b.getF32Type();
  Value flat = view(converted(b, loc, operands[0], wide), {base[0], row});
  Value updates = view(converted(b, loc, operands[2], wide), {count, row});
  bool isUnsigned = elementType(getBase()).isUnsignedInteger();
  Value changed = exec::ScatterOp::create(b, loc, flat.getType(), flat, view(indices, {count}),
                                          updates, combinerOf(getKind(), isUnsigned));
  results.push_back(converted(b, loc, view(changed, base), element));
}

Values ScatterOp::gradient(OpBuilder &b, ValueRange dResults) {
  Location loc = getLoc();
  Value indices = getIndices();
  Expr base(b, loc, getBase()), updates(b, loc, getUpdates()), d(b, loc, dResults[0]);
  auto taken = [&](Value x) {
    auto axis = b.getNamedAttr("axis", b.getI64IntegerAttr(0));
    return d.with(make<GatherOp>(b, loc, {x, indices}, axis));
  };
  auto scattered = [&](Value to, Value from, ScatterKind kind) {
    auto attribute = b.getNamedAttr("kind", ScatterKindAttr::get(getContext(), kind));
    return d.with(make<ScatterOp>(b, loc, {to, indices, from}, attribute));
  };
  auto isZero = [&](Expr x) { return compare(Predicate::EQ, x, x.number(0)); };
  auto one = [&](Expr condition, Expr like) {
    return select(condition, like.number(1), like.number(0));
  };
  switch (getKind()) {
  case ScatterKind::Add:
    return {d, Value(), taken(d)};
  case ScatterKind::Set: {
    // What a row's last update gets the others do not.
    Dims rows = dimsOf(indices);
    Dim count = numElements(getContext(), rows);
    Type integer = b.getIntegerType(64, true);
    Value numbers = IotaOp::create(b, loc, tensorType({count}, integer), 0);
    numbers = reshape(b, loc, numbers, rows);
    Value last = scattered(splat(b, loc, integer, {base.dims()[0]}, -1), numbers, ScatterKind::Set);
    Expr stays = compare(Predicate::EQ, taken(last), d.with(numbers));
    while (rows.size() < updates.dims().size())
      rows.push_back(Dim::constant(getContext(), 1));
    stays = d.with(broadcastTo(b, loc, reshape(b, loc, stays, rows), updates.dims()));
    return {scattered(d, updates.number(0), ScatterKind::Set), Value(),
            select(stays, taken(d), updates.number(0))};
  }
  case ScatterKind::Mul: {
    // The product of the others: over what has no zero, and 0 or the rest's where there is one.
    Expr safeBase = select(isZero(base), base.number(1), base);
    Expr safeUpdates = select(isZero(updates), updates.number(1), updates);
    Expr product = scattered(safeBase, safeUpdates, ScatterKind::Mul);
    Expr zeros =
        scattered(one(isZero(base), base), one(isZero(updates), updates), ScatterKind::Add);
    auto others = [&](Expr x, Expr safe, Expr all, Expr count) {
      return select(isZero(count - one(isZero(x), x)), all / safe, x.number(0));
    };
    return {d * others(base, safeBase, product, zeros), Value(),
            taken(d) * others(updates, safeUpdates, taken(product), taken(zeros))};
  }
  case ScatterKind::Max:
  case ScatterKind::Min: {
    Expr result = d.with(getResult());
    Expr hitBase = one(compare(Predicate::EQ, base, result), base);
    Expr hitUpdates = one(compare(Predicate::EQ, updates, taken(result)), updates);
    Expr share = d / max(scattered(hitBase, hitUpdates, ScatterKind::Add), d.number(1));
    return {share * hitBase, Value(), taken(share) * hitUpdates};
  }
  }
  llvm_unreachable("unknown scatter");
}
