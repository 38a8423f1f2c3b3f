// Meaning and lowering of logic and shifts.
#include "ir/Builder.h"
#include "ir/exec/Exec.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::Number;

Number NotOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::integer(~a[0].i); }
Value NotOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return arith::XOrIOp::create(b, loc, a[0], exec::scalarConstant(b, loc, a[0].getType(), -1));
}
Number AndOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::integer(a[0].i & a[1].i); }
Value AndOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return arith::AndIOp::create(b, loc, a[0], a[1]);
}
Number OrOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::integer(a[0].i | a[1].i); }
Value OrOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return arith::OrIOp::create(b, loc, a[0], a[1]);
}
Number XorOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::integer(a[0].i ^ a[1].i); }
Value XorOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return arith::XOrIOp::create(b, loc, a[0], a[1]);
}

namespace {
bool isUnsigned(Value tensor) { return elementType(tensor).isUnsignedInteger(); }

/// Whether the count, as an unsigned number, is less than the width.
bool inRange(Value tensor, Number count) {
  return static_cast<uint64_t>(count.i) < elementType(tensor).getIntOrFloatBitWidth();
}
Value inRange(OpBuilder &b, Location loc, Value count) {
  Value width =
      exec::scalarConstant(b, loc, count.getType(), count.getType().getIntOrFloatBitWidth());
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, count, width);
}
} // namespace

Number ShlOp::applyScalar(llvm::ArrayRef<Number> a) {
  return Number::integer(inRange(getX(), a[1]) ? static_cast<int64_t>(uint64_t(a[0].i) << a[1].i)
                                               : 0);
}
Value ShlOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  Value zero = exec::scalarConstant(b, loc, a[0].getType(), 0), valid = inRange(b, loc, a[1]);
  Value count = arith::SelectOp::create(b, loc, valid, a[1], zero);
  return arith::SelectOp::create(b, loc, valid, arith::ShLIOp::create(b, loc, a[0], count), zero);
}

Number ShrOp::applyScalar(llvm::ArrayRef<Number> a) {
  if (isUnsigned(getX()))
    return Number::integer(inRange(getX(), a[1]) ? static_cast<int64_t>(uint64_t(a[0].i) >> a[1].i)
                                                 : 0);
  return Number::integer(a[0].i >> (inRange(getX(), a[1]) ? a[1].i : 63));
}
Value ShrOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  Type type = a[0].getType();
  Value valid = inRange(b, loc, a[1]);
  if (isUnsigned(getX())) {
    Value zero = exec::scalarConstant(b, loc, type, 0);
    Value count = arith::SelectOp::create(b, loc, valid, a[1], zero);
    return arith::SelectOp::create(b, loc, valid, arith::ShRUIOp::create(b, loc, a[0], count),
                                   zero);
  }
  Value most = exec::scalarConstant(b, loc, type, type.getIntOrFloatBitWidth() - 1.0);
  Value count = arith::SelectOp::create(b, loc, valid, a[1], most);
  return arith::ShRSIOp::create(b, loc, a[0], count);
}
