// Meaning, lowering and gradient of the unary ops, one after another.
#include "ir/Builder.h"
#include "ir/exec/Exec.h"
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::Number;

namespace {
Value constantLike(OpBuilder &b, Location loc, Value like, double value) {
  return exec::scalarConstant(b, loc, like.getType(), value);
}
/// y and dy as expressions, for gradients that use the result.
struct GradientArgs {
  Expr x, y, d;
  GradientArgs(OpBuilder &b, Operation *op, ValueRange dResults)
      : x(b, op->getLoc(), op->getOperand(0)), y(b, op->getLoc(), op->getResult(0)),
        d(b, op->getLoc(), dResults[0]) {}
};
} // namespace

Number NegOp::applyScalar(llvm::ArrayRef<Number> a) {
  return a[0].isFloat ? Number::real(-a[0].f) : Number::integer(-static_cast<uint64_t>(a[0].i));
}
Value NegOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  if (llvm::isa<FloatType>(a[0].getType()))
    return arith::NegFOp::create(b, loc, a[0]);
  return arith::SubIOp::create(b, loc, constantLike(b, loc, a[0], 0), a[0]);
}
Values NegOp::gradient(OpBuilder &b, ValueRange d) { return {-Expr(b, getLoc(), d[0])}; }

Number AbsOp::applyScalar(llvm::ArrayRef<Number> a) {
  if (a[0].isFloat)
    return Number::real(std::fabs(a[0].f));
  bool negative = !elementType(getX()).isUnsignedInteger() && a[0].i < 0;
  return Number::integer(negative ? -static_cast<uint64_t>(a[0].i) : a[0].i);
}
Value AbsOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  if (llvm::isa<FloatType>(a[0].getType()))
    return math::AbsFOp::create(b, loc, a[0]);
  if (elementType(getX()).isUnsignedInteger() || a[0].getType().isInteger(1))
    return a[0];
  Value zero = constantLike(b, loc, a[0], 0);
  Value negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, a[0], zero);
  return arith::SelectOp::create(b, loc, negative, arith::SubIOp::create(b, loc, zero, a[0]), a[0]);
}
Values AbsOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  Expr zero = x.number(0);
  return {select(compare(Predicate::GT, x, zero), d,
                 select(compare(Predicate::LT, x, zero), -d, zero))};
}

Number ExpOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::exp(a[0].f)); }
Value ExpOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::ExpOp::create(b, loc, a[0]);
}
Values ExpOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d * y};
}

Number LogOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::log(a[0].f)); }
Value LogOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::LogOp::create(b, loc, a[0]);
}
Values LogOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d / x};
}

Number SqrtOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::sqrt(a[0].f)); }
Value SqrtOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::SqrtOp::create(b, loc, a[0]);
}
Values SqrtOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d * 0.5 / y};
}

Number RsqrtOp::applyScalar(llvm::ArrayRef<Number> a) {
  return Number::real(1.0 / std::sqrt(a[0].f));
}
Value RsqrtOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return arith::DivFOp::create(b, loc, constantLike(b, loc, a[0], 1),
                               math::SqrtOp::create(b, loc, a[0]));
}
Values RsqrtOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d * -0.5 * y / x};
}

Number TanhOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::tanh(a[0].f)); }
Value TanhOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::TanhOp::create(b, loc, a[0]);
}
Values TanhOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d - d * y * y};
}

Number SigmoidOp::applyScalar(llvm::ArrayRef<Number> a) {
  return Number::real(1.0 / (1.0 + std::exp(-a[0].f)));
}
Value SigmoidOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  Value one = constantLike(b, loc, a[0], 1);
  Value e = math::ExpOp::create(b, loc, arith::NegFOp::create(b, loc, a[0]));
  return arith::DivFOp::create(b, loc, one, arith::AddFOp::create(b, loc, one, e));
}
Values SigmoidOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d * y * (1.0 - y)};
}

Number ReluOp::applyScalar(llvm::ArrayRef<Number> a) {
  return Number::real(std::isnan(a[0].f) ? a[0].f : std::max(a[0].f, 0.0));
}
Value ReluOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return arith::MaximumFOp::create(b, loc, a[0], constantLike(b, loc, a[0], 0));
}
Values ReluOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {select(compare(Predicate::GT, y, y.number(0)), d, d.number(0))};
}

Number Exp2Op::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::exp2(a[0].f)); }
Value Exp2Op::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::Exp2Op::create(b, loc, a[0]);
}
Values Exp2Op::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d * y * M_LN2};
}

Number Expm1Op::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::expm1(a[0].f)); }
Value Expm1Op::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::ExpM1Op::create(b, loc, a[0]);
}
Values Expm1Op::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d * (y + 1.0)};
}

Number Log1pOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::log1p(a[0].f)); }
Value Log1pOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::Log1pOp::create(b, loc, a[0]);
}
Values Log1pOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d / (1.0 + x)};
}

Number SinOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::sin(a[0].f)); }
Value SinOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::SinOp::create(b, loc, a[0]);
}
Values SinOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d * x.unary<CosOp>()};
}

Number CosOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::cos(a[0].f)); }
Value CosOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::CosOp::create(b, loc, a[0]);
}
Values CosOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {-(d * x.unary<SinOp>())};
}

Number TanOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::tan(a[0].f)); }
Value TanOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::TanOp::create(b, loc, a[0]);
}
Values TanOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d * (1.0 + y * y)};
}

Number ErfOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::erf(a[0].f)); }
Value ErfOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::ErfOp::create(b, loc, a[0]);
}
Values ErfOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d * M_2_SQRTPI * exp(-(x * x))};
}

Number ReciprocalOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(1.0 / a[0].f); }
Value ReciprocalOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return arith::DivFOp::create(b, loc, constantLike(b, loc, a[0], 1), a[0]);
}
Values ReciprocalOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {-(d * y * y)};
}

Number SoftplusOp::applyScalar(llvm::ArrayRef<Number> a) {
  double x = a[0].f;
  return Number::real(std::isnan(x) ? x : std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))));
}
Value SoftplusOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  Value small = math::ExpOp::create(
      b, loc, arith::NegFOp::create(b, loc, math::AbsFOp::create(b, loc, a[0])));
  Value large = arith::MaximumFOp::create(b, loc, a[0], constantLike(b, loc, a[0], 0));
  return arith::AddFOp::create(b, loc, large, math::Log1pOp::create(b, loc, small));
}
Values SoftplusOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {d * sigmoid(x)};
}

Number SignOp::applyScalar(llvm::ArrayRef<Number> a) {
  if (a[0].isFloat)
    return a[0].f > 0 ? Number::real(1) : a[0].f < 0 ? Number::real(-1) : a[0];
  if (elementType(getX()).isUnsignedInteger() || elementType(getX()).isInteger(1))
    return Number::integer(a[0].i != 0);
  return Number::integer((a[0].i > 0) - (a[0].i < 0));
}
Value SignOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  Value zero = constantLike(b, loc, a[0], 0), one = constantLike(b, loc, a[0], 1);
  Value minusOne = constantLike(b, loc, a[0], -1);
  Value positive, negative;
  if (llvm::isa<FloatType>(a[0].getType())) {
    positive = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, a[0], zero);
    negative = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, a[0], zero);
  } else if (elementType(getX()).isUnsignedInteger() || elementType(getX()).isInteger(1)) {
    Value some = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, a[0], zero);
    return arith::SelectOp::create(b, loc, some, one, zero);
  } else {
    positive = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, a[0], zero);
    negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, a[0], zero);
  }
  Value r = arith::SelectOp::create(b, loc, negative, minusOne, a[0]);
  return arith::SelectOp::create(b, loc, positive, one, r);
}
Values SignOp::gradient(OpBuilder &, ValueRange) { return {Value()}; }

Number FloorOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::floor(a[0].f)); }
Value FloorOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::FloorOp::create(b, loc, a[0]);
}
Values FloorOp::gradient(OpBuilder &, ValueRange) { return {Value()}; }

Number CeilOp::applyScalar(llvm::ArrayRef<Number> a) { return Number::real(std::ceil(a[0].f)); }
Value CeilOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::CeilOp::create(b, loc, a[0]);
}
Values CeilOp::gradient(OpBuilder &, ValueRange) { return {Value()}; }

Number RoundOp::applyScalar(llvm::ArrayRef<Number> a) {
  double x = a[0].f, down = std::floor(x), rest = x - down;
  if (!std::isfinite(x))
    return a[0];
  bool up = rest > 0.5 || (rest == 0.5 && std::fmod(down, 2) != 0);
  return Number::real(std::copysign(up ? down + 1 : down, x));
}
Value RoundOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return math::RoundEvenOp::create(b, loc, a[0]);
}
Values RoundOp::gradient(OpBuilder &, ValueRange) { return {Value()}; }

Number ClampOp::applyScalar(llvm::ArrayRef<Number> a) {
  double low = getLow().convertToDouble(), high = getHigh().convertToDouble();
  return Number::real(std::isnan(a[0].f) ? a[0].f : std::min(std::max(a[0].f, low), high));
}
Value ClampOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  Value low = constantLike(b, loc, a[0], getLow().convertToDouble());
  Value high = constantLike(b, loc, a[0], getHigh().convertToDouble());
  return arith::MinimumFOp::create(b, loc, arith::MaximumFOp::create(b, loc, a[0], low), high);
}
Values ClampOp::gradient(OpBuilder &b, ValueRange dResults) {
  auto [x, y, d] = GradientArgs(b, *this, dResults);
  return {select(compare(Predicate::EQ, x, y), d, d.number(0))};
}

namespace {
LogicalResult inferTest(Value x, llvm::SmallVectorImpl<Type> &types) {
  types.push_back(tensorType(dimsOf(x), IntegerType::get(x.getContext(), 1)));
  return success();
}
} // namespace
LogicalResult IsNanOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                        llvm::SmallVectorImpl<Type> &types) {
  return inferTest(adaptor.getX(), types);
}
Number IsNanOp::applyScalar(llvm::ArrayRef<Number> a) {
  return Number::boolean(std::isnan(a[0].f));
}
Value IsNanOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, a[0], a[0]);
}
LogicalResult IsInfOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                        llvm::SmallVectorImpl<Type> &types) {
  return inferTest(adaptor.getX(), types);
}
Number IsInfOp::applyScalar(llvm::ArrayRef<Number> a) {
  return Number::boolean(std::isinf(a[0].f));
}
Value IsInfOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  Value inf = constantLike(b, loc, a[0], std::numeric_limits<double>::infinity());
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ,
                               math::AbsFOp::create(b, loc, a[0]), inf);
}
LogicalResult IsFiniteOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                           llvm::SmallVectorImpl<Type> &types) {
  return inferTest(adaptor.getX(), types);
}
Number IsFiniteOp::applyScalar(llvm::ArrayRef<Number> a) {
  return Number::boolean(std::isfinite(a[0].f));
}
Value IsFiniteOp::emitScalar(OpBuilder &b, Location loc, ValueRange a) {
  Value inf = constantLike(b, loc, a[0], std::numeric_limits<double>::infinity());
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT,
                               math::AbsFOp::create(b, loc, a[0]), inf);
}
