// Meaning, lowering and gradient of running sums and sorting.
#include "ir/Builder.h"
#include "ir/exec/Exec.h"
#include "ir/ops/Indices.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

LogicalResult CumulateOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                           Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  Value x = adaptor.getX();
  int64_t axis = adaptor.getAxis();
  if (axis < 0 || axis >= rankOf(x))
    return emitOptionalError(loc, "cumulate along axis ", axis, " of a tensor of shape ",
                             str(dimsOf(x)));
  if (elementType(x).isInteger(1))
    return emitOptionalError(loc, "cumulate needs numbers, has bools");
  types.push_back(x.getType());
  return success();
}

LogicalResult CumulateOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                   llvm::MutableArrayRef<Tensor> results) {
  const Tensor &x = operands[0];
  Tensor &r = results[0];
  int64_t axis = getAxis(), n = x.dim(axis);
  int64_t outer = product(x.shape().take_front(axis)),
          inner = product(x.shape().drop_front(axis + 1));
  bool isSum = getKind() == CumulateKind::Sum;
  auto combined = [&](Number a, Number v) {
    if (a.isFloat)
      return Number::real(isSum ? a.f + v.f : a.f * v.f);
    return Number::integer(static_cast<int64_t>(isSum ? uint64_t(a.i) + uint64_t(v.i)
                                                      : uint64_t(a.i) * uint64_t(v.i)));
  };
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t k = 0; k < inner; ++k) {
      Number sum = x.isFloat() ? Number::real(isSum ? 0 : 1) : Number::integer(isSum ? 0 : 1);
      for (int64_t j = 0; j < n; ++j) {
        int64_t at = (o * n + (getReverse() ? n - 1 - j : j)) * inner + k;
        Number with = combined(sum, x.get(at));
        r.set(at, getExclusive() ? sum : with);
        sum = with;
      }
    }
  return success();
}

void CumulateOp::emitStructured(OpBuilder &b, ValueRange operands,
                                llvm::SmallVectorImpl<Value> &results) {
  Location loc = getLoc();
  Dims dims = dimsOf(getX());
  llvm::ArrayRef<Dim> all(dims);
  int64_t axis = getAxis();
  Type element = getElementTypeOrSelf(operands[0]), wide = element;
  if (llvm::isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32)
    wide = b.getF32Type();
  Value x = operands[0];
  if (wide != element)
    x = exec::mapNest(b, loc, dims, {x}, wide, [&](OpBuilder &b, ValueRange in) -> Value {
      return arith::ExtFOp::create(b, loc, wide, in[0]);
    });
  Dims flat = {numElements(getContext(), all.take_front(axis)), dims[axis],
               numElements(getContext(), all.drop_front(axis + 1))};
  auto view = [&](Value v, llvm::ArrayRef<Dim> to) -> Value {
    RankedTensorType type = tensorType(to, wide);
    return v.getType() == type ? v : exec::ViewOp::create(b, loc, type, v);
  };
  Value sums = exec::CumulateOp::create(b, loc, tensorType(flat, wide), view(x, flat),
                                        getKind() == CumulateKind::Sum ? exec::Combiner::Add
                                                                       : exec::Combiner::Mul,
                                        getExclusive(), getReverse());
  sums = view(sums, dims);
  if (wide != element)
    sums = exec::mapNest(b, loc, dims, {sums}, element, [&](OpBuilder &b, ValueRange in) -> Value {
      return arith::TruncFOp::create(b, loc, element, in[0]);
    });
  results.push_back(sums);
}

Values CumulateOp::gradient(OpBuilder &b, ValueRange dResults) {
  Expr x(b, getLoc(), getX()), d(b, getLoc(), dResults[0]);
  auto run = [&](Expr v, CumulateKind kind, bool exclusive, bool reverse) {
    return x.with(
        make<CumulateOp>(b, getLoc(), {v},
                         {b.getNamedAttr("kind", CumulateKindAttr::get(getContext(), kind)),
                          b.getNamedAttr("axis", b.getI64IntegerAttr(getAxis())),
                          b.getNamedAttr("exclusive", b.getBoolAttr(exclusive)),
                          b.getNamedAttr("reverse", b.getBoolAttr(reverse))}));
  };
  auto back = [&](Expr v) { return run(v, CumulateKind::Sum, getExclusive(), !getReverse()); };
  if (getKind() == CumulateKind::Sum)
    return {back(d)};
  // Up to the first zero: what is behind an element, without it. At the first zero: the same with 1
  // in its place. Later: 0.
  Expr zero = x.number(0), one = x.number(1), isZero = compare(Predicate::EQ, x, zero);
  Expr zeros = run(select(isZero, one, zero), CumulateKind::Sum, false, getReverse());
  Expr before = compare(Predicate::EQ, zeros, zero);
  Expr first = compare(Predicate::EQ, zeros * select(isZero, one, zero), one);
  Expr without = run(select(first, one, x), CumulateKind::Prod, getExclusive(), getReverse());
  Expr usual = back(d * x.with(getResult())) / select(before, x, one);
  return {select(before, usual, select(first, back(d * without), zero))};
}

LogicalResult ArgSortOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                          Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  Dims dims = dimsOf(adaptor.getX());
  if (dims.empty())
    return emitOptionalError(loc, "argsort needs rows, has a scalar");
  types.push_back(tensorType(dims, IntegerType::get(context, 64, IntegerType::Signed)));
  return success();
}

LogicalResult ArgSortOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                  llvm::MutableArrayRef<Tensor> results) {
  const Tensor &x = operands[0];
  int64_t n = x.shape().back();
  bool isUnsigned = x.element().isUnsignedInteger() || x.element().isInteger(1);
  auto less = [&](Number a, Number v) {
    if (a.isFloat)
      return std::isnan(v.f) ? !std::isnan(a.f) : a.f < v.f;
    return isUnsigned ? uint64_t(a.i) < uint64_t(v.i) : a.i < v.i;
  };
  for (int64_t row = 0; row < x.numElements(); row += n) {
    std::vector<int64_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
      Number a = x.get(row + i), v = x.get(row + j);
      bool isBefore = getDescending() ? less(v, a) : less(a, v);
      bool isAfter = getDescending() ? less(a, v) : less(v, a);
      return isBefore || (!isAfter && i < j);
    });
    for (int64_t i = 0; i < n; ++i)
      results[0].set(row + i, Number::integer(order[i]));
  }
  return success();
}

namespace {

/// A signed integer that is ordered as x is.
Value sortKey(OpBuilder &b, Location loc, Value x, bool isUnsigned) {
  Type type = x.getType();
  auto constant = [&](Type of, const llvm::APInt &value) -> Value {
    return arith::ConstantOp::create(b, loc, IntegerAttr::get(of, value));
  };
  if (type.isInteger(1))
    return arith::ExtUIOp::create(b, loc, b.getI8Type(), x);
  if (!llvm::isa<FloatType>(type)) {
    if (!isUnsigned)
      return x;
    return arith::XOrIOp::create(
        b, loc, x, constant(type, llvm::APInt::getSignMask(type.getIntOrFloatBitWidth())));
  }
  if (type.getIntOrFloatBitWidth() < 32)
    x = arith::ExtFOp::create(b, loc, type = b.getF32Type(), x);
  unsigned width = type.getIntOrFloatBitWidth();
  Type integer = b.getIntegerType(width);
  Value isNan = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, x, x);
  Value zero = exec::scalarConstant(b, loc, type, 0);
  Value isZero = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, zero);
  Value bits = arith::BitcastOp::create(b, loc, integer, x);
  // Of negative numbers the larger bits are the smaller number.
  Value sign =
      arith::ShRSIOp::create(b, loc, bits, constant(integer, llvm::APInt(width, width - 1)));
  Value mask = constant(integer, llvm::APInt::getSignedMaxValue(width));
  bits = arith::XOrIOp::create(b, loc, bits, arith::AndIOp::create(b, loc, sign, mask));
  bits = arith::SelectOp::create(b, loc, isZero, constant(integer, llvm::APInt(width, 0)), bits);
  return arith::SelectOp::create(b, loc, isNan, mask, bits);
}

} // namespace

void ArgSortOp::emitStructured(OpBuilder &b, ValueRange operands,
                               llvm::SmallVectorImpl<Value> &results) {
  Location loc = getLoc();
  Dims dims = dimsOf(getX());
  Type given = elementType(getX()), element = getElementTypeOrSelf(operands[0]);
  unsigned width = element.getIntOrFloatBitWidth();
  if (element.isInteger(1))
    width = 8;
  else if (llvm::isa<FloatType>(element))
    width = std::max(width, 32u);
  Type key = b.getIntegerType(width);
  Value keys =
      exec::mapNest(b, loc, dims, {operands[0]}, key, [&](OpBuilder &b, ValueRange in) -> Value {
        Value k = sortKey(b, loc, in[0], given.isUnsignedInteger());
        if (!getDescending())
          return k;
        Value ones = arith::ConstantOp::create(
            b, loc, IntegerAttr::get(key, llvm::APInt::getAllOnes(width)));
        return arith::XOrIOp::create(b, loc, k, ones);
      });
  Dims flat = {numElements(getContext(), llvm::ArrayRef(dims).drop_back()), dims.back()};
  auto view = [&](Value v, llvm::ArrayRef<Dim> to) -> Value {
    RankedTensorType type = tensorType(to, getElementTypeOrSelf(v));
    return v.getType() == type ? v : exec::ViewOp::create(b, loc, type, v);
  };
  Value order = exec::SortOp::create(b, loc, tensorType(flat, b.getI64Type()), view(keys, flat));
  results.push_back(view(order, dims));
}
