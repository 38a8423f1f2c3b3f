// Rounding to integers, natively or by adding and subtracting a power of two.
//
// Where the target lacks the instruction, |x| + 2^23 (2^52) rounds |x| to an integer, ties to even;
// larger numbers are integers already. The sign is put back last, so that zeros keep theirs.
#include "backends/cpu/MathExpansionFunctions.h"
#include "mlir/Dialect/Math/IR/Math.h"

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

} // namespace ingot::cpu::math
