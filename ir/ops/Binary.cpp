// Meaning, lowering and gradient of the binary ops and comparisons, one after another.
#include "ir/Builder.h"
#include "ir/exec/Exec.h"
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::Number;

namespace {
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

// x + 0.0 is not x where x is -0.0; x + -0.0 and, for integers, x + 0 are.
OpFoldResult AddOp::fold(FoldAdaptor operands) {
  double zero = llvm::isa<FloatType>(elementType(getLhs())) ? -0.0 : 0.0;
  if (isSplatOf(operands.getRhs(), zero))
    return getLhs();
  return isSplatOf(operands.getLhs(), zero) ? getRhs() : Value();
}

Number SubOp::applyScalar(llvm::ArrayRef<Number> a) {
  return a[0].isFloat ? Number::real(a[0].f - a[1].f) : wrap(uint64_t(a[0].i) - uint64_t(a[1].i));
}
Value SubOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  if (isFloat(a))
    return arith::SubFOp::create(b, loc, a[0], a[1]);
  return arith::SubIOp::create(b, loc, a[0], a[1]);
}
Values SubOp::gradient(OpBuilder &b, ValueRange d) { return {d[0], -Expr(b, getLoc(), d[0])}; }

OpFoldResult SubOp::fold(FoldAdaptor operands) {
  return isSplatOf(operands.getRhs(), 0.0) ? getLhs() : Value();
}

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

// x * 0 stays: it is NaN where x is not finite.
OpFoldResult MulOp::fold(FoldAdaptor operands) {
  if (isSplatOf(operands.getRhs(), 1.0))
    return getLhs();
  return isSplatOf(operands.getLhs(), 1.0) ? getRhs() : Value();
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

OpFoldResult DivOp::fold(FoldAdaptor operands) {
  return isSplatOf(operands.getRhs(), 1.0) ? getLhs() : Value();
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

Number PowOp::applyScalar(llvm::ArrayRef<Number> a) {
  return Number::real(std::pow(a[0].f, a[1].f));
}
Value PowOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::PowFOp::create(b, loc, a[0], a[1]);
}
Values PowOp::gradient(OpBuilder &b, ValueRange dResults) {
  GradientArgs g(b, *this, dResults);
  Expr zero = g.d.number(0), positive = compare(Predicate::GT, g.x, zero);
  Expr power = binary<PowOp>(g.x, g.y - 1.0);
  Expr dx = select(compare(Predicate::EQ, g.y, zero), zero, g.d * g.y * power);
  return {dx, select(positive, g.d * g.r * log(select(positive, g.x, g.x.number(1))), zero)};
}

namespace {
/// lhs with its divisor made safe for a hardware remainder, whose result is 0 for what was unsafe.
Value integerRemainder(OpBuilder &b, Location loc, ValueRange a, bool isUnsigned) {
  Type type = a[0].getType();
  Value zero = exec::scalarConstant(b, loc, type, 0), one = exec::scalarConstant(b, loc, type, 1);
  Value unsafe = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, a[1], zero);
  if (!isUnsigned) {
    Value minusOne = exec::scalarConstant(b, loc, type, -1);
    Value byMinusOne = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, a[1], minusOne);
    unsafe = arith::OrIOp::create(b, loc, unsafe, byMinusOne);
  }
  Value divisor = arith::SelectOp::create(b, loc, unsafe, one, a[1]);
  if (isUnsigned)
    return arith::RemUIOp::create(b, loc, a[0], divisor);
  return arith::RemSIOp::create(b, loc, a[0], divisor);
}
int64_t integerRemainder(Number x, Number y, bool isUnsigned) {
  if (y.i == 0 || (!isUnsigned && y.i == -1))
    return 0;
  return isUnsigned ? static_cast<int64_t>(uint64_t(x.i) % uint64_t(y.i)) : x.i % y.i;
}
} // namespace

Number RemOp::applyScalar(llvm::ArrayRef<Number> a) {
  if (a[0].isFloat)
    return Number::real(std::fmod(a[0].f, a[1].f));
  return Number::integer(integerRemainder(a[0], a[1], isUnsigned(getLhs())));
}
Value RemOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  if (isFloat(a))
    return arith::RemFOp::create(b, loc, a[0], a[1]);
  return integerRemainder(b, loc, a, isUnsigned(getLhs()));
}
Values RemOp::gradient(OpBuilder &b, ValueRange dResults) {
  GradientArgs g(b, *this, dResults);
  Expr quotient = (g.x - g.r) / g.y; // a whole number up to rounding
  return {g.d, -(g.d * quotient.unary<RoundOp>())};
}

Number FloorModOp::applyScalar(llvm::ArrayRef<Number> a) {
  if (a[0].isFloat) {
    double r = std::fmod(a[0].f, a[1].f);
    return Number::real(r != 0 && (r < 0) != (a[1].f < 0) ? r + a[1].f : r);
  }
  bool uns = isUnsigned(getLhs());
  int64_t r = integerRemainder(a[0], a[1], uns);
  return Number::integer(!uns && r != 0 && (r < 0) != (a[1].i < 0) ? r + a[1].i : r);
}
Value FloorModOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  Value zero = exec::scalarConstant(b, loc, a[0].getType(), 0), r, some, negative, divisorNegative;
  if (isFloat(a)) {
    r = arith::RemFOp::create(b, loc, a[0], a[1]);
    some = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ONE, r, zero);
    negative = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, r, zero);
    divisorNegative = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, a[1], zero);
  } else {
    r = integerRemainder(b, loc, a, isUnsigned(getLhs()));
    if (isUnsigned(getLhs()))
      return r;
    some = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, r, zero);
    negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, r, zero);
    divisorNegative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, a[1], zero);
  }
  Value differ = arith::XOrIOp::create(b, loc, negative, divisorNegative);
  Value turn = arith::AndIOp::create(b, loc, some, differ);
  Value turned = isFloat(a) ? Value(arith::AddFOp::create(b, loc, r, a[1]))
                            : Value(arith::AddIOp::create(b, loc, r, a[1]));
  return arith::SelectOp::create(b, loc, turn, turned, r);
}
Values FloorModOp::gradient(OpBuilder &b, ValueRange dResults) {
  GradientArgs g(b, *this, dResults);
  Expr quotient = (g.x - g.r) / g.y;
  return {g.d, -(g.d * quotient.unary<RoundOp>())};
}

Number Atan2Op::applyScalar(llvm::ArrayRef<Number> a) {
  return Number::real(std::atan2(a[0].f, a[1].f));
}
Value Atan2Op::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::Atan2Op::create(b, loc, a[0], a[1]);
}
Values Atan2Op::gradient(OpBuilder &b, ValueRange dResults) {
  GradientArgs g(b, *this, dResults);
  Expr scale = g.d / (g.x * g.x + g.y * g.y);
  return {scale * g.y, -(scale * g.x)};
}

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
