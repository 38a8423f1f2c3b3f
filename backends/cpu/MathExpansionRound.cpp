// Rounding to integers, natively or by adding and subtracting a power of two.
//
// Where the target lacks the instruction, |x| + 2^23 (2^52) rounds |x| to an integer, ties to even;
// larger numbers are integers already. The sign is put back last, so that zeros keep theirs.
// The remainder is long division with as many bits of the quotient in a step as stay exact.
#include "backends/cpu/MathExpansionFunctions.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <limits>

namespace ingot::cpu::math {
namespace {

template <typename Op> Real native(Real x) {
  return {{x.in, Op::create(x.builder(), x.loc(), x.value)}};
}
/// The nearest integer of a magnitude below 2^23 (2^52).
Real nearestMagnitude(Real magnitude) {
  double limit = magnitude.pick(0x1p23, 0x1p52);
  return (magnitude + limit) - limit;
}
/// What `rounded` gives where x has a fraction; x, NaN included, where it cannot have one.
Real whereFractional(Real x, Real rounded) {
  return select(absolute(x) < x.pick(0x1p23, 0x1p52), copySign(rounded, x), x);
}
Real oneWhere(Mask mask, Real like) { return select(mask, 1.0, like.constant(0.0)); }

/// floor(log2(x)) of a positive finite number.
Integer exponentOf(Real x) {
  Mask tiny = x < x.pick(0x1p-126, 0x1p-1022);
  Integer bits = bitsOf(select(tiny, x * x.pick(0x1p24, 0x1p54), x));
  Integer offset = select(tiny, bits.constant(x.bias() + x.pick(24, 54)), bits.constant(x.bias()));
  return shiftRight(bits, x.mantissaBits()) - offset;
}
/// a minus a multiple of b, for a >= b > 0, so that at least 20 (48) bits of the quotient go.
Real reduceOnce(Real a, Real b) {
  Integer excess = exponentOf(a) - exponentOf(b) - a.pick(20, 48);
  Real step = scaleByPowerOfTwo(b, select(excess > 0, excess, excess.constant(0)));
  Real shrink = select(a > a.pick(0x1p100, 0x1p900), 0x1p-30, a.constant(1.0));
  Real grow = select(a > a.pick(0x1p100, 0x1p900), 0x1p30, a.constant(1.0));
  Real dividend = a * shrink, divisor = step * shrink;
  Real quotient = trunc(dividend / divisor);
  Pair product = twoProduct(quotient, divisor);
  Real rest = (dividend - product.high) - product.low; // exact; the quotient may be one too large
  return select(rest < 0.0, rest + divisor, rest) * grow;
}

} // namespace

Real roundEven(Real x) {
  if (x.in->rounding)
    return native<::mlir::math::RoundEvenOp>(x);
  return whereFractional(x, nearestMagnitude(absolute(x)));
}

Real trunc(Real x) {
  if (x.in->rounding)
    return native<::mlir::math::TruncOp>(x);
  Real magnitude = absolute(x), near = nearestMagnitude(magnitude);
  return whereFractional(x, near - oneWhere(near > magnitude, x));
}

Real floor(Real x) {
  if (x.in->rounding)
    return native<::mlir::math::FloorOp>(x);
  Real near = copySign(nearestMagnitude(absolute(x)), x);
  return whereFractional(x, near - oneWhere(near > x, x));
}

Real ceil(Real x) {
  if (x.in->rounding)
    return native<::mlir::math::CeilOp>(x);
  Real near = copySign(nearestMagnitude(absolute(x)), x);
  return whereFractional(x, near + oneWhere(near < x, x));
}

Real round(Real x) {
  Real magnitude = absolute(x), whole = trunc(magnitude);
  return whereFractional(x, whole + oneWhere(magnitude - whole >= 0.5, x));
}

Real remainder(Real x, Real y) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Formula *in = x.in;
  mlir::OpBuilder &b = x.builder();
  Real dividend = absolute(x), divisor = absolute(y);
  Mask defined = (dividend < infinity) & (divisor > 0.0);
  dividend = select(defined, dividend, 0.0);
  divisor = select(defined & (divisor < infinity), divisor, infinity);
  auto unfinished = [&](mlir::OpBuilder &, mlir::Location loc, mlir::ValueRange state) {
    Real rest = {{in, state[0]}};
    mlir::scf::ConditionOp::create(b, loc, anyOf(rest >= divisor), state);
  };
  auto step = [&](mlir::OpBuilder &, mlir::Location loc, mlir::ValueRange state) {
    Real rest = {{in, state[0]}};
    Mask active = rest >= divisor;
    Real one = rest.constant(1.0);
    Real next = reduceOnce(select(active, rest, one), select(active, divisor, one));
    mlir::scf::YieldOp::create(b, loc, select(active, next, rest).value);
  };
  auto loop = mlir::scf::WhileOp::create(b, x.loc(), mlir::TypeRange{x.type()},
                                         mlir::ValueRange{dividend.value}, unfinished, step);
  Real result = copySign(Real{{in, loop.getResult(0)}}, x);
  return select(defined, result, std::numeric_limits<double>::quiet_NaN());
}

} // namespace ingot::cpu::math
