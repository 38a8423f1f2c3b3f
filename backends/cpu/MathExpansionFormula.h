// Values with operators, so that the formulas of the math expansion read as formulas.
//
// A Real is an f32 or f64, an Integer has the same number of bits, a Mask is i1: each a scalar or a
// vector. Every operation is one arith or math op, rounded once; nothing is contracted. Used by
// MathExpansion*.cpp alone.
#pragma once
#include "backends/cpu/CpuTarget.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace ingot::cpu::math {

/// Where the formulas are written and what the machine offers.
struct Formula {
  mlir::OpBuilder &builder;
  mlir::Location loc;
  bool fma;      // fused multiply-add is one instruction
  bool rounding; // floor, ceil, trunc and roundeven are one instruction
  bool fast;     // exp and erf of f32 within 2^-15 of the result
};

/// What the three kinds of values have in common.
struct Term {
  const Formula *in;
  mlir::Value value;
  mlir::Type type() const { return value.getType(); }
  mlir::OpBuilder &builder() const { return in->builder; }
  mlir::Location loc() const { return in->loc; }
  /// The type of this value with another element type.
  mlir::Type withElement(mlir::Type element) const;
};
struct Mask : Term {};
struct Real;
struct Integer : Term {
  Integer constant(int64_t number) const;
};
struct Real : Term {
  bool isDouble() const { return mlir::getElementTypeOrSelf(type()).isF64(); }
  /// Bits behind the leading one: 23 or 52.
  int mantissaBits() const { return isDouble() ? 52 : 23; }
  int bias() const { return isDouble() ? 1023 : 127; }
  /// A constant of this value's type; the double is rounded to it.
  Real constant(double number) const;
  Integer integerConstant(int64_t number) const;
  /// The entry for this value's element type.
  template <typename T> T pick(T single, T twice) const { return isDouble() ? twice : single; }
};

Real operator+(Real a, Real b);
Real operator-(Real a, Real b);
Real operator*(Real a, Real b);
Real operator/(Real a, Real b);
Real operator-(Real a);
inline Real operator+(Real a, double b) { return a + a.constant(b); }
inline Real operator-(Real a, double b) { return a - a.constant(b); }
inline Real operator*(Real a, double b) { return a * a.constant(b); }
inline Real operator+(double a, Real b) { return b.constant(a) + b; }
inline Real operator-(double a, Real b) { return b.constant(a) - b; }
inline Real operator*(double a, Real b) { return b.constant(a) * b; }
inline Real operator/(double a, Real b) { return b.constant(a) / b; }

/// Ordered comparisons: false where an operand is NaN.
Mask operator<(Real a, Real b);
Mask operator<=(Real a, Real b);
Mask operator>(Real a, Real b);
Mask operator>=(Real a, Real b);
Mask operator==(Real a, Real b);
/// True where an operand is NaN.
Mask operator!=(Real a, Real b);
inline Mask operator<(Real a, double b) { return a < a.constant(b); }
inline Mask operator<=(Real a, double b) { return a <= a.constant(b); }
inline Mask operator>(Real a, double b) { return a > a.constant(b); }
inline Mask operator>=(Real a, double b) { return a >= a.constant(b); }
inline Mask operator==(Real a, double b) { return a == a.constant(b); }
inline Mask operator!=(Real a, double b) { return a != a.constant(b); }
Mask operator&(Mask a, Mask b);
Mask operator|(Mask a, Mask b);
Mask operator!(Mask a);

Integer operator+(Integer a, Integer b);
Integer operator-(Integer a, Integer b);
Integer operator*(Integer a, Integer b);
Integer operator&(Integer a, Integer b);
Integer operator|(Integer a, Integer b);
Integer operator^(Integer a, Integer b);
inline Integer operator+(Integer a, int64_t b) { return a + a.constant(b); }
inline Integer operator-(Integer a, int64_t b) { return a - a.constant(b); }
inline Integer operator-(int64_t a, Integer b) { return b.constant(a) - b; }
inline Integer operator&(Integer a, int64_t b) { return a & a.constant(b); }
Integer shiftLeft(Integer a, Integer count);
inline Integer shiftLeft(Integer a, int64_t count) { return shiftLeft(a, a.constant(count)); }
/// Keeps the sign.
Integer shiftRight(Integer a, int64_t count);
Integer shiftRightUnsigned(Integer a, Integer count);
inline Integer shiftRightUnsigned(Integer a, int64_t count) {
  return shiftRightUnsigned(a, a.constant(count));
}
/// Signed comparisons.
Mask operator<(Integer a, int64_t b);
Mask operator>(Integer a, int64_t b);
Mask operator==(Integer a, int64_t b);
Mask operator!=(Integer a, int64_t b);
Mask lessUnsigned(Integer a, Integer b);

Real select(Mask mask, Real yes, Real no);
inline Real select(Mask mask, double yes, Real no) { return select(mask, no.constant(yes), no); }
inline Real select(Mask mask, Real yes, double no) { return select(mask, yes, yes.constant(no)); }
Integer select(Mask mask, Integer yes, Integer no);
/// Whether some lane is set, as one i1.
mlir::Value anyOf(Mask mask);

/// a * b + c: one rounding with FMA, two without.
Real multiplyAdd(Real a, Real b, Real c);
inline Real multiplyAdd(Real a, double b, Real c) { return multiplyAdd(a, a.constant(b), c); }
inline Real multiplyAdd(Real a, Real b, double c) { return multiplyAdd(a, b, a.constant(c)); }
inline Real multiplyAdd(Real a, double b, double c) {
  return multiplyAdd(a, a.constant(b), a.constant(c));
}
/// By Estrin's scheme, whose operations wait for few others; the lowest power first.
Real polynomial(Real x, llvm::ArrayRef<double> coefficients);
Real absolute(Real x);
Real copySign(Real magnitude, Real sign);
Real squareRoot(Real x);
/// The smaller or larger of x and a constant; NaN stays.
Real atMost(Real x, double limit);
Real atLeast(Real x, double limit);

Integer bitsOf(Real x);
/// The number with these bits, of the type of `like`.
Real fromBits(Integer bits, Real like);
/// 2^n; n + bias must be an exponent of normal numbers.
Real powerOfTwo(Integer n, Real like);
/// y * 2^n in two steps, rounded once even where the result is denormal (n within twice the
/// range of exponents).
Real scaleByPowerOfTwo(Real y, Integer n);
/// An integer of magnitude below 2^22 (2^51) as a number, exact.
Real toReal(Integer n, Real like);

/// The nearest integer, ties to even, of |x| below 2^22 (2^51), as number and as integer.
struct Nearest {
  Real number;
  Integer integer;
};
Nearest nearest(Real x);

Real widen(Real single);
Real narrow(Real twice);

/// An unevaluated sum, high being its rounded value.
struct Pair {
  Real high, low;
};
Pair twoSum(Real a, Real b);
/// As twoSum where |a| >= |b| or a is zero.
Pair fastTwoSum(Real a, Real b);
Pair twoProduct(Real a, Real b);
/// Product of two pairs, to about twice the precision.
Pair multiply(Pair a, Pair b);

} // namespace ingot::cpu::math
