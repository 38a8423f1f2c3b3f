// Shared pieces of lowerings; see Emit.h.
#include "ir/ops/Emit.h"

using namespace mlir;

namespace ingot::exec {

Index operator+(Index x, Index y) { return x.with(arith::AddIOp::create(*x.b, x.loc, x, y)); }
Index operator-(Index x, Index y) { return x.with(arith::SubIOp::create(*x.b, x.loc, x, y)); }
Index operator*(Index x, Index y) { return x.with(arith::MulIOp::create(*x.b, x.loc, x, y)); }
Index operator+(Index x, int64_t y) { return y == 0 ? x : x + x.constant(y); }
Index operator-(Index x, int64_t y) { return x + -y; }
Index operator*(Index x, int64_t y) { return y == 1 ? x : x * x.constant(y); }

Index quotient(Index x, int64_t divisor) {
  if (divisor == 1)
    return x;
  return x.with(arith::DivUIOp::create(*x.b, x.loc, x, x.constant(divisor)));
}
Value below(Index x, Index limit) {
  return arith::CmpIOp::create(*x.b, x.loc, arith::CmpIPredicate::ult, x, limit);
}
Value equal(Index x, Index y) {
  return arith::CmpIOp::create(*x.b, x.loc, arith::CmpIPredicate::eq, x, y);
}
Value both(OpBuilder &b, Location loc, Value x, Value y) {
  if (!x || !y)
    return x ? x : y;
  return arith::AndIOp::create(b, loc, x, y);
}

Index extent(OpBuilder &b, Location loc, Dim dim) {
  if (dim.isStatic())
    return {&b, loc, indexConstant(b, loc, dim.value())};
  auto attribute = graph::DimsAttr::get(b.getContext(), {dim.asAttribute()});
  return {&b, loc, ExtentOp::create(b, loc, b.getIndexType(), attribute)};
}

Index linearIndex(OpBuilder &b, Location loc, llvm::ArrayRef<Dim> dims, ValueRange loops) {
  if (dims.empty())
    return {&b, loc, indexConstant(b, loc, 0)};
  Index linear{&b, loc, loops[0]};
  for (size_t d = 1; d < dims.size(); ++d)
    linear = linear * extent(b, loc, dims[d]) + linear.with(loops[d]);
  return linear;
}

Value indexToElement(OpBuilder &b, Location loc, Value index, Type element) {
  Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
  if (llvm::isa<FloatType>(element))
    return arith::SIToFPOp::create(b, loc, element, wide);
  if (element.getIntOrFloatBitWidth() < 64)
    return arith::TruncIOp::create(b, loc, element, wide);
  return wide;
}
Index elementToIndex(OpBuilder &b, Location loc, Value number, bool isUnsigned) {
  if (isUnsigned)
    return {&b, loc, arith::IndexCastUIOp::create(b, loc, b.getIndexType(), number)};
  return {&b, loc, arith::IndexCastOp::create(b, loc, b.getIndexType(), number)};
}

Value read(OpBuilder &b, Location loc, Value tensor, ValueRange indices, Value guard,
           Value otherwise) {
  Type element = llvm::cast<RankedTensorType>(tensor.getType()).getElementType();
  return ReadOp::create(b, loc, signlessElement(element), tensor, indices, guard, otherwise);
}
Value multiply(OpBuilder &b, Location loc, Value x, Value y) {
  if (llvm::isa<FloatType>(x.getType()))
    return arith::MulFOp::create(b, loc, x, y);
  return arith::MulIOp::create(b, loc, x, y);
}
Value add(OpBuilder &b, Location loc, Value x, Value y) {
  if (llvm::isa<FloatType>(x.getType()))
    return arith::AddFOp::create(b, loc, x, y);
  return arith::AddIOp::create(b, loc, x, y);
}

Value emitPad(OpBuilder &b, Location loc, Value x, llvm::ArrayRef<Dim> result,
              llvm::ArrayRef<Dim> low, llvm::ArrayRef<int64_t> interior, TypedAttr value) {
  Dims from = dimsOf(x);
  auto unchanged = [&](size_t d) {
    return result[d] == from[d] && low[d].isStatic() && low[d].value() == 0 && interior[d] == 0;
  };
  if (llvm::all_of(llvm::seq<size_t>(0, from.size()), unchanged))
    return x;
  Type element = signlessElement(getElementTypeOrSelf(x));
  auto body = [&](OpBuilder &b, ValueRange loops, ValueRange inputs) -> llvm::SmallVector<Value> {
    llvm::SmallVector<Value> at;
    Value inside;
    for (size_t d = 0; d < from.size(); ++d) {
      Index j{&b, loc, loops[d]};
      if (!unchanged(d)) {
        j = low[d].isStatic() ? j - low[d].value() : j - extent(b, loc, low[d]);
        Index q = quotient(j, interior[d] + 1);
        inside = both(b, loc, inside, below(q, extent(b, loc, from[d])));
        if (interior[d] != 0)
          inside = both(b, loc, inside, equal(q * (interior[d] + 1), j));
        j = q;
      }
      at.push_back(j);
    }
    Value otherwise = arith::ConstantOp::create(b, loc, value);
    return {read(b, loc, inputs[0], at, inside, otherwise)};
  };
  return nest(b, loc, result, result.size(), {{x, AffineMap()}}, Combiner::None, element, body)[0];
}

} // namespace ingot::exec
