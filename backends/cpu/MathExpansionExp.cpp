// The exponential family: exp, exp2, expm1, the hyperbolic functions, erf and erfc.
//
// exp: n = the integer nearest x / ln 2, r = x - n ln 2 with ln 2 in two parts, the first short
// enough for n times it to be exact; 1 + r + r^2 P(r); times 2^n in two steps.
#include "backends/cpu/MathExpansionCoefficients.h"
#include "backends/cpu/MathExpansionFunctions.h"

namespace ingot::cpu::math {
namespace {
using namespace coefficients;
using Table = llvm::ArrayRef<double>;

/// x as n ln 2 + r.
struct Reduced {
  Integer n;
  Real r;
};
Reduced reduce(Real x) {
  Table ln2 = x.pick<Table>(ln2PartsF32, ln2PartsF64);
  Nearest n = nearest(x * x.pick(log2ePairF32, log2ePairF64)[0]);
  Real r = multiplyAdd(n.number, -ln2[0], x);
  return {n.integer, multiplyAdd(n.number, -ln2[1], r)};
}
/// exp(r) - 1 for |r| <= ln 2 / 2.
Real smallExpm1(Real r) {
  return multiplyAdd(r * r, polynomial(r, r.pick<Table>(expTailF32, expTailF64)), r);
}
/// Arguments beyond which exp(x) * 2^scale is 0 or infinity.
Real clampForExp(Real x, int scale) {
  double shift = -0.6931471805599453 * scale;
  return atLeast(atMost(x, x.pick(89.0, 710.0) + shift), x.pick(-104.0, -746.0) + shift);
}
/// exp of f32 within 2^-15: as a power of two, of fewer terms; a product with 0 or infinity ends it
/// below and, from 2^127 on, above.
Real fastExp(Real x) {
  Real limited = atLeast(atMost(x * log2ePairF32[0], 128.0), -127.0);
  Nearest n = nearest(limited);
  Real r = limited - n.number;
  return multiplyAdd(r, polynomial(r, exp2TailFast), 1.0) * powerOfTwo(n.integer, x);
}
bool isFast(Real x) { return x.in->fast && !x.isDouble(); }
/// exp where it neither overflows nor is denormal.
Real normalExp(Real x) {
  if (isFast(x))
    return fastExp(x);
  Reduced reduced = reduce(x);
  return (1.0 + smallExpm1(reduced.r)) * powerOfTwo(reduced.n, x);
}
/// expm1 for x from -20 (-40) on, up to where it overflows.
Real reducedExpm1(Real x) {
  Reduced reduced = reduce(x);
  Real half = powerOfTwo(reduced.n - 1, x);
  Real y = multiplyAdd(half, smallExpm1(reduced.r), half - 0.5) * 2.0;
  return select(absolute(x) < x.pick(0x1p-26, 0x1p-55), x, y);
}

} // namespace

Real scaledExp(Real x, int scale) {
  Reduced reduced = reduce(clampForExp(x, scale));
  return scaleByPowerOfTwo(1.0 + smallExpm1(reduced.r), reduced.n + scale);
}

Real exp(Real x) { return isFast(x) ? fastExp(x) : scaledExp(x, 0); }

Real scaledExp(Pair x, int scale) {
  Reduced reduced = reduce(clampForExp(x.high, scale));
  Real low = select(absolute(x.high) < 800.0, x.low, 0.0);
  return scaleByPowerOfTwo(1.0 + smallExpm1(reduced.r + low), reduced.n + scale);
}

Real exp2(Real x) {
  Real limited = atLeast(atMost(x, x.pick(129.0, 1025.0)), x.pick(-151.0, -1076.0));
  Nearest n = nearest(limited);
  Real r = limited - n.number;
  Real y = multiplyAdd(r, polynomial(r, x.pick<Table>(exp2TailF32, exp2TailF64)), 1.0);
  return scaleByPowerOfTwo(y, n.integer);
}

Real expm1(Real x) {
  return reducedExpm1(atLeast(atMost(x, x.pick(89.0, 710.0)), x.pick(-20.0, -40.0)));
}

Real tanh(Real x) {
  Real magnitude = atMost(absolute(x), x.pick(10.0, 20.0));
  Real t = reducedExpm1(magnitude + magnitude);
  return copySign(t / (t + 2.0), x);
}

Real cosh(Real x) {
  Real half = scaledExp(absolute(x), -1);
  return half + 0.25 / half;
}

Real sinh(Real x) {
  Real magnitude = absolute(x), half = scaledExp(magnitude, -1), z = x * x;
  Real small =
      multiplyAdd(magnitude * z, polynomial(z, x.pick<Table>(sinhTailF32, sinhTailF64)), magnitude);
  return copySign(select(magnitude < 1.0, small, half - 0.25 / half), x);
}

/// erfc(x) exp(x^2) for x from 0.8 to 27.4 (f64).
static Real scaledErfc(Real x) {
  // t = 1 / (1 + x/2) with what its rounding left: the result is twice as sensitive as t.
  Real half = x * 0.5, d = 1.0 + half, t = 1.0 / d;
  Pair product = twoProduct(t, d);
  Real low = t * (((1.0 - product.high) - product.low) - t * (half - (d - 1.0)));
  Table c = erfcScaledF64; // the greatest term last: its rounding is most of the error
  Real z = (t - erfcScaledCentre) + low, y = multiplyAdd(z, polynomial(z, c.drop_front()), c[0]);
  return multiplyAdd(t, y, low * y);
}

Real erf(Real x) {
  Real z = x * x, magnitude = absolute(x);
  Table tail = isFast(x) ? Table(erfTailFast) : x.pick<Table>(erfTailF32, erfTailF64);
  Real small = multiplyAdd(x, polynomial(z, tail), x);
  Real large = magnitude;
  if (x.isDouble()) {
    Real limited = atMost(magnitude, 6.0);
    large = 1.0 - normalExp(-(limited * limited)) * scaledErfc(limited);
  } else {
    Table logTail = isFast(x) ? Table(erfLogTailFast) : Table(erfLogTailF32);
    large = 1.0 - normalExp(-polynomial(atMost(magnitude, 3.95), logTail));
  }
  return select(magnitude < 1.0, small, copySign(large, x));
}

Real erfc(Real x) {
  if (!x.isDouble())
    return narrow(erfc(widen(x)));
  Real z = x * x, magnitude = absolute(x);
  Real product = x * polynomial(z, erfTailF64);
  Real small = 1.0 - (x + product), middle = 0.5 - (product + (x - 0.5));
  Real limited = atMost(magnitude, 27.4);
  Pair square = twoProduct(limited, limited);
  Real tail = scaledExp(Pair{-square.high, -square.low}, 64) * scaledErfc(limited) * 0x1p-64;
  Real large = select(x < 0.0, 2.0 - tail, tail);
  return select(magnitude < 0.8125, select(x < 0.5, small, middle), large);
}

} // namespace ingot::cpu::math
