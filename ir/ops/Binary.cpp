// Meaning, lowering and gradient of the binary ops and comparisons, one after another.
#include "ir/Builder.h"
#include "ir/exec/Exec.h"
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::Number;

namespace {
using Values = llvm::SmallVector<Value>;
bool isFloat(ValueRange a) { return llvm::isa<FloatType>(a[0].getType()); }
/// Operand types without a sign of their own (bool) compare as unsigned.
bool isUnsigned(Value tensor) {
  Type element = elementType(tensor);
  return element.isUnsignedInteger() || element.isInteger(1);
}
struct GradientArgs {
  Expr x, y, r, d;
  GradientArgs(OpBuilder &b, Operation *op, ValueRange dResults)
      : x(b, op->getLoc(), op->getOperand(0)), y(b, op->getLoc(), op->getOperand(1)),
        r(b, op->getLoc(), op->getResult(0)), d(b, op->getLoc(), dResults[0]) {}
};
Number wrap(uint64_t v) { return Number::integer(static_cast<int64_t>(v)); }

/// max and min share their shape: the gradient goes to the operand that is the result, half to each
/// where they are equal.
Values extremumGradient(const GradientArgs &g) {
  Expr x = g.x, y = g.y, d = g.d, zero = d.number(0), half = d * 0.5;
  Expr tie = compare(Predicate::EQ, x, y);
  Expr dx = select(tie, half, select(compare(Predicate::EQ, x, g.r), d, zero));
  Expr dy = select(tie, half, select(compare(Predicate::EQ, y, g.r), d, zero));
  return {dx, dy};
}
} // namespace

Number AddOp::applyScalar(llvm::ArrayRef<Number> a) {
  return a[0].isFloat ? Number::real(a[0].f + a[1].f) : wrap(uint64_t(a[0].i) + uint64_t(a[1].i));
}
Value AddOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  if (isFloat(a))
    return arith::AddFOp::create(b, loc, a[0], a[1]);
  return arith::AddIOp::create(b, loc, a[0], a[1]);
}
Values AddOp::gradient(OpBuilder &b, ValueRange d) { return {d[0], d[0]}; }

Number SubOp::applyScalar(llvm::ArrayRef<Number> a) {
  return a[0].isFloat ? Number::real(a[0].f - a[1].f) : wrap(uint64_t(a[0].i) - uint64_t(a[1].i));
}
Value SubOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  if (isFloat(a))
    return arith::SubFOp::create(b, loc, a[0], a[1]);
  return arith::SubIOp::create(b, loc, a[0], a[1]);
}
Values SubOp::gradient(OpBuilder &b, ValueRange d) { return {d[0], -Expr(b, getLoc(), d[0])}; }

Number MulOp::applyScalar(llvm::ArrayRef<Number> a) {
  return a[0].isFloat ? Number::real(a[0].f * a[1].f) : wrap(uint64_t(a[0].i) * uint64_t(a[1].i));
}
Value MulOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  if (isFloat(a))
    return arith::MulFOp::create(b, loc, a[0], a[1]);
  return arith::MulIOp::create(b, loc, a[0], a[1]);
}
Values MulOp::gradient(OpBuilder &b, ValueRange dResults) {
  GradientArgs g(b, *this, dResults);
  return {g.d * g.y, g.d * g.x};
}

Number DivOp::applyScalar(llvm::ArrayRef<Number> a) {
  if (a[0].isFloat)
    return Number::real(a[0].f / a[1].f);
  if (a[1].i == 0)
    return Number::integer(0);
  if (isUnsigned(getLhs()))
    return wrap(uint64_t(a[0].i) / uint64_t(a[1].i));
  return a[1].i == -1 ? wrap(-uint64_t(a[0].i)) : Number::integer(a[0].i / a[1].i);
}
Value DivOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  if (isFloat(a))
    return arith::DivFOp::create(b, loc, a[0], a[1]);
  Type type = a[0].getType();
  Value zero = exec::scalarConstant(b, loc, type, 0), one = exec::scalarConstant(b, loc, type, 1);
  Value byZero = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, a[1], zero);
  if (isUnsigned(getLhs())) {
    Value divisor = arith::SelectOp::create(b, loc, byZero, one, a[1]);
    Value q = arith::DivUIOp::create(b, loc, a[0], divisor);
    return arith::SelectOp::create(b, loc, byZero, zero, q);
  }
  Value minusOne = exec::scalarConstant(b, loc, type, -1);
  Value byMinusOne = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, a[1], minusOne);
  Value unsafe = arith::OrIOp::create(b, loc, byZero, byMinusOne);
  Value divisor = arith::SelectOp::create(b, loc, unsafe, one, a[1]);
  Value q = arith::DivSIOp::create(b, loc, a[0], divisor);
  q = arith::SelectOp::create(b, loc, byMinusOne, arith::SubIOp::create(b, loc, zero, a[0]), q);
  return arith::SelectOp::create(b, loc, byZero, zero, q);
}
Values DivOp::gradient(OpBuilder &b, ValueRange dResults) {
  GradientArgs g(b, *this, dResults);
  Expr dx = g.d / g.y;
  return {dx, -(dx * g.r)};
}

Number MaxOp::applyScalar(llvm::ArrayRef<Number> a) {
  if (a[0].isFloat)
    return Number::real(std::isnan(a[0].f)   ? a[0].f
                        : std::isnan(a[1].f) ? a[1].f
                                             : std::max(a[0].f, a[1].f));
  if (isUnsigned(getLhs()))
    return wrap(std::max<uint64_t>(a[0].i, a[1].i));
  return Number::integer(std::max(a[0].i, a[1].i));
}
Value MaxOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  if (isFloat(a))
    return arith::MaximumFOp::create(b, loc, a[0], a[1]);
  if (isUnsigned(getLhs()))
    return arith::MaxUIOp::create(b, loc, a[0], a[1]);
  return arith::MaxSIOp::create(b, loc, a[0], a[1]);
}
Values MaxOp::gradient(OpBuilder &b, ValueRange d) { return extremumGradient({b, *this, d}); }

Number MinOp::applyScalar(llvm::ArrayRef<Number> a) {
  if (a[0].isFloat)
    return Number::real(std::isnan(a[0].f)   ? a[0].f
                        : std::isnan(a[1].f) ? a[1].f
                                             : std::min(a[0].f, a[1].f));
  if (isUnsigned(getLhs()))
    return wrap(std::min<uint64_t>(a[0].i, a[1].i));
  return Number::integer(std::min(a[0].i, a[1].i));
}
Value MinOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  if (isFloat(a))
    return arith::MinimumFOp::create(b, loc, a[0], a[1]);
  if (isUnsigned(getLhs()))
    return arith::MinUIOp::create(b, loc, a[0], a[1]);
  return arith::MinSIOp::create(b, loc, a[0], a[1]);
}
Values MinOp::gradient(OpBuilder &b, ValueRange d) { return extremumGradient({b, *this, d}); }

LogicalResult CompareOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                          Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  types.push_back(tensorType(dimsOf(adaptor.getLhs()), IntegerType::get(context, 1)));
  return success();
}
namespace {
template <typename T> bool holds(Predicate predicate, T x, T y) {
  switch (predicate) {
  case Predicate::EQ:
    return x == y;
  case Predicate::NE:
    return x != y;
  case Predicate::LT:
    return x < y;
  case Predicate::LE:
    return x <= y;
  case Predicate::GT:
    return x > y;
  case Predicate::GE:
    return x >= y;
  }
  llvm_unreachable("unknown predicate");
}
} // namespace
Number CompareOp::applyScalar(llvm::ArrayRef<Number> a) {
  if (a[0].isFloat)
    return Number::boolean(holds(getPredicate(), a[0].f, a[1].f));
  if (isUnsigned(getLhs()))
    return Number::boolean(holds<uint64_t>(getPredicate(), a[0].i, a[1].i));
  return Number::boolean(holds(getPredicate(), a[0].i, a[1].i));
}
Value CompareOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  auto index = static_cast<unsigned>(getPredicate());
  if (isFloat(a)) {
    const F predicates[] = {F::OEQ, F::UNE, F::OLT, F::OLE, F::OGT, F::OGE};
    return arith::CmpFOp::create(b, loc, predicates[index], a[0], a[1]);
  }
  const I isSigned[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
  const I isNot[] = {I::eq, I::ne, I::ult, I::ule, I::ugt, I::uge};
  return arith::CmpIOp::create(b, loc, (isUnsigned(getLhs()) ? isNot : isSigned)[index], a[0],
                               a[1]);
}
