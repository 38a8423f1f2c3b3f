// Meaning, lowering and gradient of select and cast.
#include "ir/Builder.h"
#include "ir/Text.h"
#include "ir/exec/Exec.h"
#include "ir/ops/SmallFloat.h"
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::Number;

LogicalResult SelectOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                         Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  Value x = adaptor.getOnTrue(), y = adaptor.getOnFalse(), c = adaptor.getCondition();
  if (x.getType() != y.getType())
    return emitOptionalError(loc, "select needs both choices of one type, has ", x.getType(),
                             " and ", y.getType());
  if (dimsOf(c) != dimsOf(x))
    return emitOptionalError(loc, "select needs a condition of the choices' shape ", str(dimsOf(x)),
                             ", has ", str(dimsOf(c)));
  types.push_back(x.getType());
  return success();
}
Number SelectOp::applyScalar(llvm::ArrayRef<Number> a) { return a[0].truth() ? a[1] : a[2]; }
Value SelectOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return arith::SelectOp::create(b, loc, a[0], a[1], a[2]);
}
llvm::SmallVector<Value> SelectOp::gradient(OpBuilder &b, ValueRange dResults) {
  Expr c(b, getLoc(), getCondition()), d(b, getLoc(), dResults[0]), zero = d.number(0);
  return {Value(), select(c, d, zero), select(c, zero, d)};
}

OpFoldResult SelectOp::fold(FoldAdaptor operands) {
  if (getOnTrue() == getOnFalse())
    return getOnTrue();
  auto condition = llvm::dyn_cast_or_null<IntegerAttr>(splatOf(operands.getCondition()));
  if (!condition)
    return {};
  return condition.getValue().isZero() ? getOnFalse() : getOnTrue();
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  return getX().getType() == getResult().getType() ? getX() : Value();
}
LogicalResult CastOp::verify() {
  if (dimsOf(getX()) != dimsOf(getResult()))
    return emitOpError("changes the shape from ")
           << str(dimsOf(getX())) << " to " << str(dimsOf(getResult()));
  Type from = elementType(getX()), to = elementType(getResult());
  if (from != to && (reference::isText(from) || reference::isText(to)))
    return emitOpError("turns elements of ")
           << from << " into " << to << "; strings are not read as numbers, nor numbers written";
  return success();
}

namespace {
/// The greatest and least values of an integer type as doubles that compare exactly: `limit` is the
/// first double above the range.
struct IntegerRange {
  double least, limit;
  int64_t leastInteger, greatestInteger;
  IntegerRange(Type element) {
    unsigned width = element.getIntOrFloatBitWidth();
    bool isUnsigned = element.isUnsignedInteger();
    limit = std::ldexp(1.0, isUnsigned ? width : width - 1);
    least = isUnsigned ? 0.0 : -limit;
    leastInteger = isUnsigned ? 0 : static_cast<int64_t>(uint64_t(1) << (width - 1));
    if (!isUnsigned && width < 64)
      leastInteger = -(int64_t(1) << (width - 1));
    greatestInteger = isUnsigned ? (width == 64 ? -1 : (int64_t(1) << width) - 1)
                                 : (width == 64 ? INT64_MAX : (int64_t(1) << (width - 1)) - 1);
  }
};
} // namespace

Number CastOp::applyScalar(llvm::ArrayRef<Number> a) {
  Type to = elementType(getResult()), from = elementType(getX());
  if (to.isInteger(1))
    return Number::boolean(a[0].truth());
  if (auto floatType = llvm::dyn_cast<FloatType>(to)) {
    double v = a[0].isFloat               ? a[0].f
               : from.isUnsignedInteger() ? static_cast<double>(static_cast<uint64_t>(a[0].i))
                                          : static_cast<double>(a[0].i);
    return Number::real(
        isSmallFloat(to) ? roundToSmallFloat(v, floatType, getSaturate(), getRoundMode()) : v);
  }
  if (!a[0].isFloat)
    return a[0];
  IntegerRange range(to);
  double v = std::trunc(a[0].f);
  if (std::isnan(v))
    return Number::integer(0);
  if (v <= range.least)
    return Number::integer(range.leastInteger);
  if (v >= range.limit)
    return Number::integer(range.greatestInteger);
  return Number::integer(to.isUnsignedInteger() ? static_cast<int64_t>(static_cast<uint64_t>(v))
                                                : static_cast<int64_t>(v));
}

namespace {
/// An integer as exec::signless has it: its type's low bits, extended.
Value extended(OpBuilder &b, Location loc, Value x, Type element) {
  unsigned width = element.getIntOrFloatBitWidth();
  if (width >= 8 || width == 1)
    return x;
  Value shift = exec::scalarConstant(b, loc, x.getType(), 8 - width);
  Value high = arith::ShLIOp::create(b, loc, x, shift);
  return element.isUnsignedInteger() ? Value(arith::ShRUIOp::create(b, loc, high, shift))
                                     : Value(arith::ShRSIOp::create(b, loc, high, shift));
}

/// Between types that are computed with, and integers below 8 bits.
Value emitCast(OpBuilder &b, Location loc, Value x, Type from, Type to) {
  Type target = exec::signlessElement(to);
  bool fromUnsigned = from.isUnsignedInteger() || from.isInteger(1);
  if (to.isInteger(1)) {
    Value zero = exec::scalarConstant(b, loc, x.getType(), 0);
    if (llvm::isa<FloatType>(from))
      return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, x, zero);
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, x, zero);
  }
  unsigned fromWidth = x.getType().getIntOrFloatBitWidth(),
           toWidth = target.getIntOrFloatBitWidth();
  if (llvm::isa<FloatType>(to)) {
    if (!llvm::isa<FloatType>(from))
      return fromUnsigned ? Value(arith::UIToFPOp::create(b, loc, target, x))
                          : Value(arith::SIToFPOp::create(b, loc, target, x));
    if (toWidth > fromWidth)
      return arith::ExtFOp::create(b, loc, target, x);
    if (toWidth < fromWidth)
      return arith::TruncFOp::create(b, loc, target, x);
    if (from != to) // f16 and bf16
      return arith::TruncFOp::create(b, loc, target,
                                     arith::ExtFOp::create(b, loc, b.getF32Type(), x));
    return x;
  }
  if (!llvm::isa<FloatType>(from)) {
    if (toWidth < fromWidth)
      return extended(b, loc, arith::TruncIOp::create(b, loc, target, x), to);
    if (toWidth == fromWidth)
      return extended(b, loc, x, to);
    return fromUnsigned ? Value(arith::ExtUIOp::create(b, loc, target, x))
                        : Value(arith::ExtSIOp::create(b, loc, target, x));
  }
  // Float to integer: convert a value that is surely inside, then put the ends and NaN right.
  IntegerRange range(to);
  auto number = [&](double v) { return exec::scalarConstant(b, loc, x.getType(), v); };
  auto integer = [&](int64_t v) {
    return Value(arith::ConstantOp::create(
        b, loc,
        IntegerAttr::get(target, llvm::APInt(toWidth, static_cast<uint64_t>(v), false, true))));
  };
  auto test = [&](arith::CmpFPredicate p, double v) {
    return Value(arith::CmpFOp::create(b, loc, p, x, number(v)));
  };
  if (toWidth <= 16 && fromWidth >= 32) {
    // The ends are floats, too, and 32 bits hold what is between: a quantised tensor's last steps.
    if (!to.isUnsignedInteger()) {
      Value isNumber = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ORD, x, x);
      x = arith::SelectOp::create(b, loc, isNumber, x, number(0));
    }
    auto least = static_cast<double>(range.leastInteger),
         greatest = static_cast<double>(range.greatestInteger);
    x = arith::SelectOp::create(b, loc, test(arith::CmpFPredicate::OGT, least), x, number(least));
    x = arith::SelectOp::create(b, loc, test(arith::CmpFPredicate::OLT, greatest), x,
                                number(greatest));
    return arith::TruncIOp::create(b, loc, target,
                                   arith::FPToSIOp::create(b, loc, b.getI32Type(), x));
  }
  Value low = test(arith::CmpFPredicate::OLE, range.least);
  Value high = test(arith::CmpFPredicate::OGE, range.limit);
  Value nan = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, x, x);
  Value outside = arith::OrIOp::create(b, loc, arith::OrIOp::create(b, loc, low, high), nan);
  Value safe = arith::SelectOp::create(b, loc, outside, number(0), x);
  Value inside = to.isUnsignedInteger() ? Value(arith::FPToUIOp::create(b, loc, target, safe))
                                        : Value(arith::FPToSIOp::create(b, loc, target, safe));
  inside = arith::SelectOp::create(b, loc, low, integer(range.leastInteger), inside);
  return arith::SelectOp::create(b, loc, high, integer(range.greatestInteger), inside);
}
} // namespace

Value CastOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  Type to = elementType(getResult()), from = elementType(getX());
  Value x = a[0];
  if (isSmallFloat(from)) {
    x = widenSmallFloat(b, loc, x, llvm::cast<FloatType>(from));
    from = b.getF32Type();
  }
  if (!isSmallFloat(to))
    return emitCast(b, loc, x, from, to);
  bool fitsF32 = from.getIntOrFloatBitWidth() <= (llvm::isa<FloatType>(from) ? 32 : 24);
  x = emitCast(b, loc, x, from, fitsF32 ? Type(b.getF32Type()) : Type(b.getF64Type()));
  return narrowToSmallFloat(b, loc, fitsF32 ? x : narrowToOdd(b, loc, x), llvm::cast<FloatType>(to),
                            getSaturate(), getRoundMode());
}

llvm::SmallVector<Value> CastOp::gradient(OpBuilder &b, ValueRange dResults) {
  Type from = elementType(getX());
  if (!llvm::isa<FloatType>(from) || isSmallFloat(from) || isSmallFloat(elementType(getResult())))
    return {Value()};
  return {cast(b, getLoc(), dResults[0], elementType(getX()))};
}

LogicalResult BitCastOp::verify() {
  auto width = [](Type element) { return element.isInteger(1) ? 8u : reference::bitsOf(element); };
  Type from = elementType(getX()), to = elementType(getResult());
  if (reference::isText(from) || reference::isText(to))
    return emitOpError("has strings, which are no bits of their own");
  if (width(from) != width(to))
    return emitOpError("turns elements of ")
           << width(from) << " bits (" << from << ") into " << width(to) << " bits (" << to << ")";
  if (dimsOf(getX()) != dimsOf(getResult()))
    return emitOpError("changes the shape from ")
           << str(dimsOf(getX())) << " to " << str(dimsOf(getResult()));
  return success();
}
Number BitCastOp::applyScalar(llvm::ArrayRef<Number> a) {
  return reference::fromBits(elementType(getResult()),
                             reference::toBits(elementType(getX()), a[0]));
}
Value BitCastOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  Type from = elementType(getX()), to = elementType(getResult());
  Type target = exec::signlessElement(to);
  Value x = a[0];
  if (from.isInteger(1) && target.isInteger(8))
    return arith::ExtUIOp::create(b, loc, target, x);
  if (to.isInteger(1))
    return from.isInteger(1)
               ? x
               : Value(arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, x,
                                             exec::scalarConstant(b, loc, x.getType(), 0)));
  if (x.getType() != target)
    return arith::BitcastOp::create(b, loc, target, x);
  if (to.getIntOrFloatBitWidth() >= 8 || (isSmallFloat(from) && isSmallFloat(to)))
    return x;
  Type bits = isSmallFloat(to) ? Type(b.getIntegerType(to.getIntOrFloatBitWidth(), false)) : to;
  return extended(b, loc, x, bits);
}
