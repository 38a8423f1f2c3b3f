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
using Values = llvm::SmallVector<Value>;
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
