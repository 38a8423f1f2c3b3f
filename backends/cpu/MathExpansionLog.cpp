// Logarithms, inverse hyperbolic functions, cbrt and pow.
//
// log: x = 2^e (1 + f) with 1 + f between sqrt(1/2) and sqrt(2); log(1 + f) = f + tail, where the
// tail is a polynomial of f (f32) or comes from the series of atanh(f / (2 + f)) (f64).
#include "backends/cpu/MathExpansionCoefficients.h"
#include "backends/cpu/MathExpansionFunctions.h"
#include <limits>

namespace ingot::cpu::math {
namespace {
using namespace coefficients;
using Table = llvm::ArrayRef<double>;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A positive normal number as 2^exponent * mantissa, mantissa between sqrt(1/2) and sqrt(2).
struct Parts {
  Integer exponent;
  Real mantissa;
};
Parts partsOf(Real x) {
  int64_t rootHalf = x.isDouble() ? 0x3fe6a09e667f3bcd : 0x3f3504f3;
  Integer bits = bitsOf(x);
  Integer exponent = shiftRight(bits - rootHalf, x.mantissaBits());
  return {exponent, fromBits(bits - shiftLeft(exponent, x.mantissaBits()), x)};
}
/// The same for denormal numbers too.
Parts partsOfAny(Real x) {
  Mask tiny = x < x.pick(0x1p-126, 0x1p-1022);
  Parts parts = partsOf(select(tiny, x * x.pick(0x1p24, 0x1p54), x));
  Integer shift = x.integerConstant(x.pick(24, 54));
  return {parts.exponent - select(tiny, shift, x.integerConstant(0)), parts.mantissa};
}

/// log(1 + f) - f.
Real logTail(Real f) {
  Real square = f * f;
  if (!f.isDouble())
    return multiplyAdd(square, -0.5, square * (f * polynomial(f, logTailF32)));
  Real s = f / (2.0 + f), z = s * s, half = 0.5 * square;
  return s * (half + z * polynomial(z, logSeriesF64)) - half;
}

/// One over the logarithm of the base as value and rest, and the base's logarithm of 2 in two
/// parts.
struct Base {
  Table factor, two;
};
/// e log(2) + log(1 + f) in a base.
Real logOfParts(Real e, Real f, Base base) {
  Real tail = logTail(f);
  if (base.factor[0] == 1.0)
    return multiplyAdd(e, base.two[0], f + multiplyAdd(e, base.two[1], tail));
  Real rest = multiplyAdd(f, base.factor[1], tail * base.factor[0]);
  if (base.two[1] != 0.0)
    rest = multiplyAdd(e, base.two[1], rest);
  return multiplyAdd(e, base.two[0], multiplyAdd(f, base.factor[0], rest));
}
/// Puts in what a logarithm is at 0, below it, at infinity and NaN.
Real logLimits(Real x, Real y) {
  Real outside = select(x == 0.0, x.constant(-infinity), nan);
  return select(x > 0.0, select(x < infinity, y, x), outside);
}
Real logInBase(Real x, Base base) {
  Parts parts = partsOfAny(x);
  return logLimits(x, logOfParts(toReal(parts.exponent, x), parts.mantissa - 1.0, base));
}
constexpr double one[] = {1, 0};
Base natural(Real x) { return {one, x.pick<Table>(ln2PartsF32, ln2PartsF64)}; }

/// The natural logarithm of a positive finite number to about 2^-65 relative (f64).
Pair preciseLog(Real x) {
  Parts parts = partsOfAny(x);
  Real e = toReal(parts.exponent, x), f = parts.mantissa - 1.0;
  Real d = 2.0 + f, dLow = f - (d - 2.0), high = f / d;
  Pair product = twoProduct(high, d);
  Pair s = {high, (((f - product.high) - product.low) - high * dLow) / d};
  // log(1 + f) = 2 s + s z (2/3 + z P(z)), z = s^2.
  Pair z = multiply(s, s);
  Real series = z.high * polynomial(z.high, logSeriesTailF64);
  Pair factor = fastTwoSum(x.constant(twoThirdsPairF64[0]), series);
  factor.low = factor.low + twoThirdsPairF64[1];
  Pair cubic = multiply(multiply(s, z), factor);
  Pair sum = twoSum(e * ln2PartsF64[0], 2.0 * s.high);
  Pair total = twoSum(sum.high, cubic.high);
  Real rest = (sum.low + total.low) + ((2.0 * s.low + cubic.low) + e * ln2PartsF64[1]);
  return fastTwoSum(total.high, rest);
}

/// |x|^y for finite, nonzero x and finite y below 2^66.
Real positivePower(Real x, Real y, bool precise) {
  Real magnitude = absolute(x);
  if (!precise) {
    Real e2 = log2(magnitude);
    return exp2(e2 * y);
  }
  Pair logarithm = preciseLog(magnitude);
  Pair product = twoProduct(y, logarithm.high);
  return scaledExp(Pair{product.high, product.low + y * logarithm.low}, 0);
}
/// pow in f64; `precise` says whether the result is wanted to f64's precision or to f32's.
Real powInDouble(Real x, Real y, bool precise) {
  Real magnitude = absolute(x), zero = x.constant(0.0);
  Real result = positivePower(x, atLeast(atMost(y, 0x1p65), -0x1p65), precise);
  result = select(y != y, y, select(x != x, x, result));
  Mask isInfinite = magnitude == infinity;
  Real limit = select((isInfinite & (y > 0.0)) | ((magnitude == 0.0) & (y < 0.0)),
                      x.constant(infinity), select(y != y, y, zero));
  result = select(isInfinite | (magnitude == 0.0), limit, result);
  Mask whole = trunc(y) == y;
  Real half = y * 0.5;
  Mask odd = whole & (trunc(half) != half);
  Mask undefined = (x < 0.0) & !whole & (magnitude < infinity);
  result = select(undefined, nan, select(odd, copySign(result, x), result));
  return select((y == 0.0) | (x == 1.0), 1.0, result);
}

} // namespace

Real log(Real x) { return logInBase(x, natural(x)); }

Real log2(Real x) { return logInBase(x, {x.pick<Table>(log2ePairF32, log2ePairF64), one}); }

Real log10(Real x) {
  return logInBase(x, {x.pick<Table>(log10ePairF32, log10ePairF64),
                       x.pick<Table>(log10of2PartsF32, log10of2PartsF64)});
}

Real log1p(Real x) {
  Real u = 1.0 + x;
  Parts parts = partsOf(u);
  // 2^-e (1 + x) - 1 without the rounding of 1 + x; where that has rounded x away, it does not
  // matter.
  Real scale = powerOfTwo(0 - parts.exponent, x);
  Real f =
      select(x < x.pick(0x1p24, 0x1p53), multiplyAdd(x, scale, scale - 1.0), parts.mantissa - 1.0);
  Real y = logLimits(u, logOfParts(toReal(parts.exponent, x), f, natural(x)));
  return select(absolute(x) < x.pick(0x1p-26, 0x1p-55), x, y);
}

Real asinh(Real x) {
  Real magnitude = absolute(x), limit = x.constant(0x1p30);
  Mask small = magnitude < limit;
  Real a = select(small, magnitude, limit), square = a * a;
  Real y = log1p(a + square / (1.0 + squareRoot(square + 1.0)));
  Real large = log(magnitude) + x.pick(ln2PairF32, ln2PairF64)[0];
  return copySign(select(small, y, large), x);
}

Real acosh(Real x) {
  Real limit = x.constant(0x1p30);
  Mask small = x < limit;
  Real t = select(small, x, limit) - 1.0;
  Real y = log1p(t + squareRoot(t * 2.0 + t * t));
  Real large = log(x) + x.pick(ln2PairF32, ln2PairF64)[0];
  return select(x < 1.0, nan, select(small, y, large));
}

Real atanh(Real x) {
  Real magnitude = absolute(x);
  return copySign(0.5 * log1p((magnitude + magnitude) / (1.0 - magnitude)), x);
}

Real cbrt(Real x) {
  Real magnitude = absolute(x);
  Parts parts = partsOfAny(magnitude);
  // exponent = 3 third + rest; (n * 21846) >> 16 is n / 3 for 0 <= n < 32768.
  Integer biased = parts.exponent + 1200;
  Integer third = shiftRight(biased * biased.constant(21846), 16);
  Integer rest = biased - third * third.constant(3);
  Real m = parts.mantissa * powerOfTwo(rest, x);
  Real y = polynomial(parts.mantissa, cbrtGuessF32);
  y = y * select(rest == 0, 1.0, select(rest == 1, 0x1.428a2ep0, y.constant(0x1.965feap0)));
  for (int step = 0; step < x.pick(1, 2); ++step) {
    Real cube = y * y * y;
    y = y - y * ((cube - m) / (cube + cube + m)); // Halley
  }
  y = copySign(y * powerOfTwo(third - 400, x), x);
  return select((magnitude > 0.0) & (magnitude < infinity), y, x);
}

Real pow(Real x, Real y) {
  if (x.isDouble())
    return powInDouble(x, y, true);
  return narrow(powOfWidened(widen(x), widen(y)));
}

Real powOfWidened(Real x, Real y) { return powInDouble(x, y, false); }

} // namespace ingot::cpu::math
