// The operators of the math expansion: each writes one op.
#include "backends/cpu/MathExpansionFormula.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <cmath>

using namespace mlir;

namespace ingot::cpu::math {
namespace {

template <typename Op, typename T> T binary(T a, T b) {
  return {{a.in, Op::create(a.builder(), a.loc(), a.value, b.value)}};
}
Mask compare(arith::CmpFPredicate predicate, Real a, Real b) {
  return {{a.in, arith::CmpFOp::create(a.builder(), a.loc(), predicate, a.value, b.value)}};
}
Mask compare(arith::CmpIPredicate predicate, Integer a, Integer b) {
  return {{a.in, arith::CmpIOp::create(a.builder(), a.loc(), predicate, a.value, b.value)}};
}
template <typename T> T choose(Mask mask, T yes, T no) {
  return {{mask.in,
           arith::SelectOp::create(mask.builder(), mask.loc(), mask.value, yes.value, no.value)}};
}
Value splat(OpBuilder &b, Location loc, Type type, TypedAttr element) {
  TypedAttr attr = element;
  if (auto vector = llvm::dyn_cast<VectorType>(type))
    attr = SplatElementsAttr::get(vector, element);
  return arith::ConstantOp::create(b, loc, attr);
}
/// 1.5 * 2^mantissaBits: adding it rounds to an integer held in the low bits.
double roundingConstant(Real x) { return std::ldexp(1.5, x.mantissaBits()); }
int64_t roundingConstantBits(Real x) { return x.isDouble() ? 0x4338000000000000 : 0x4b400000; }

} // namespace

Type Term::withElement(Type element) const {
  if (auto vector = llvm::dyn_cast<VectorType>(type()))
    return vector.clone(element);
  return element;
}
Integer Integer::constant(int64_t number) const {
  Type element = getElementTypeOrSelf(type());
  return {{in, splat(builder(), loc(), type(), builder().getIntegerAttr(element, number))}};
}
Real Real::constant(double number) const {
  auto element = llvm::cast<FloatType>(getElementTypeOrSelf(type()));
  llvm::APFloat rounded(number);
  bool inexact;
  rounded.convert(element.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &inexact);
  return {{in, splat(builder(), loc(), type(), FloatAttr::get(element, rounded))}};
}
Integer Real::integerConstant(int64_t number) const {
  Type element = builder().getIntegerType(isDouble() ? 64 : 32);
  return {{in, splat(builder(), loc(), withElement(element),
                     builder().getIntegerAttr(element, number))}};
}

Real operator+(Real a, Real b) { return binary<arith::AddFOp>(a, b); }
Real operator-(Real a, Real b) { return binary<arith::SubFOp>(a, b); }
Real operator*(Real a, Real b) { return binary<arith::MulFOp>(a, b); }
Real operator/(Real a, Real b) { return binary<arith::DivFOp>(a, b); }
Real operator-(Real a) { return {{a.in, arith::NegFOp::create(a.builder(), a.loc(), a.value)}}; }
Mask operator<(Real a, Real b) { return compare(arith::CmpFPredicate::OLT, a, b); }
Mask operator<=(Real a, Real b) { return compare(arith::CmpFPredicate::OLE, a, b); }
Mask operator>(Real a, Real b) { return compare(arith::CmpFPredicate::OGT, a, b); }
Mask operator>=(Real a, Real b) { return compare(arith::CmpFPredicate::OGE, a, b); }
Mask operator==(Real a, Real b) { return compare(arith::CmpFPredicate::OEQ, a, b); }
Mask operator!=(Real a, Real b) { return compare(arith::CmpFPredicate::UNE, a, b); }
Mask operator&(Mask a, Mask b) { return binary<arith::AndIOp>(a, b); }
Mask operator|(Mask a, Mask b) { return binary<arith::OrIOp>(a, b); }
Mask operator!(Mask a) {
  OpBuilder &b = a.builder();
  return binary<arith::XOrIOp>(a, Mask{{a.in, splat(b, a.loc(), a.type(), b.getBoolAttr(true))}});
}
Integer operator+(Integer a, Integer b) { return binary<arith::AddIOp>(a, b); }
Integer operator-(Integer a, Integer b) { return binary<arith::SubIOp>(a, b); }
Integer operator*(Integer a, Integer b) { return binary<arith::MulIOp>(a, b); }
Integer operator&(Integer a, Integer b) { return binary<arith::AndIOp>(a, b); }
Integer operator|(Integer a, Integer b) { return binary<arith::OrIOp>(a, b); }
Integer operator^(Integer a, Integer b) { return binary<arith::XOrIOp>(a, b); }
Integer shiftLeft(Integer a, Integer count) { return binary<arith::ShLIOp>(a, count); }
Integer shiftRight(Integer a, int64_t count) {
  return binary<arith::ShRSIOp>(a, a.constant(count));
}
Integer shiftRightUnsigned(Integer a, Integer count) { return binary<arith::ShRUIOp>(a, count); }
Mask operator<(Integer a, int64_t b) {
  return compare(arith::CmpIPredicate::slt, a, a.constant(b));
}
Mask operator>(Integer a, int64_t b) {
  return compare(arith::CmpIPredicate::sgt, a, a.constant(b));
}
Mask operator==(Integer a, int64_t b) {
  return compare(arith::CmpIPredicate::eq, a, a.constant(b));
}
Mask operator!=(Integer a, int64_t b) {
  return compare(arith::CmpIPredicate::ne, a, a.constant(b));
}
Mask lessUnsigned(Integer a, Integer b) { return compare(arith::CmpIPredicate::ult, a, b); }
Real select(Mask mask, Real yes, Real no) { return choose(mask, yes, no); }
Integer select(Mask mask, Integer yes, Integer no) { return choose(mask, yes, no); }

Value anyOf(Mask mask) {
  if (!llvm::isa<VectorType>(mask.type()))
    return mask.value;
  return vector::ReductionOp::create(mask.builder(), mask.loc(), vector::CombiningKind::OR,
                                     mask.value);
}

Real multiplyAdd(Real a, Real b, Real c) {
  if (!a.in->fma)
    return a * b + c;
  return {{a.in, ::mlir::math::FmaOp::create(a.builder(), a.loc(), a.value, b.value, c.value)}};
}

Real polynomial(Real x, llvm::ArrayRef<double> coefficients) {
  llvm::SmallVector<Real> terms;
  for (double c : coefficients)
    terms.push_back(x.constant(c));
  for (Real power = x;; power = power * power) {
    size_t pairs = terms.size() / 2;
    for (size_t i = 0; i < pairs; ++i)
      terms[i] = multiplyAdd(power, terms[2 * i + 1], terms[2 * i]);
    if (terms.size() % 2 != 0)
      terms[pairs] = terms.back();
    terms.truncate(terms.size() - pairs);
    if (terms.size() == 1)
      return terms.front();
  }
}

Real absolute(Real x) {
  return {{x.in, ::mlir::math::AbsFOp::create(x.builder(), x.loc(), x.value)}};
}
Real copySign(Real magnitude, Real sign) {
  return {{sign.in, ::mlir::math::CopySignOp::create(sign.builder(), sign.loc(), magnitude.value,
                                                     sign.value)}};
}
Real squareRoot(Real x) {
  return {{x.in, ::mlir::math::SqrtOp::create(x.builder(), x.loc(), x.value)}};
}
Real atMost(Real x, double limit) { return select(x > limit, limit, x); }
Real atLeast(Real x, double limit) { return select(x < limit, limit, x); }

Integer bitsOf(Real x) {
  Type type = x.withElement(x.builder().getIntegerType(x.isDouble() ? 64 : 32));
  return {{x.in, arith::BitcastOp::create(x.builder(), x.loc(), type, x.value)}};
}
Real fromBits(Integer bits, Real like) {
  return {{like.in, arith::BitcastOp::create(like.builder(), like.loc(), like.type(), bits.value)}};
}
Real powerOfTwo(Integer n, Real like) {
  return fromBits(shiftLeft(n + like.bias(), like.mantissaBits()), like);
}
Real scaleByPowerOfTwo(Real y, Integer n) {
  Integer half = shiftRight(n, 1);
  return y * powerOfTwo(half, y) * powerOfTwo(n - half, y);
}
Real toReal(Integer n, Real like) {
  return fromBits(n + roundingConstantBits(like), like) - roundingConstant(like);
}
Nearest nearest(Real x) {
  Real shifted = x + roundingConstant(x);
  return {shifted - roundingConstant(x), bitsOf(shifted) - roundingConstantBits(x)};
}

Real widen(Real single) {
  Type type = single.withElement(single.builder().getF64Type());
  return {{single.in, arith::ExtFOp::create(single.builder(), single.loc(), type, single.value)}};
}
Real narrow(Real twice) {
  Type type = twice.withElement(twice.builder().getF32Type());
  return {{twice.in, arith::TruncFOp::create(twice.builder(), twice.loc(), type, twice.value)}};
}

Pair twoSum(Real a, Real b) {
  Real sum = a + b, other = sum - a;
  return {sum, (a - (sum - other)) + (b - other)};
}
Pair fastTwoSum(Real a, Real b) {
  Real sum = a + b;
  return {sum, b - (sum - a)};
}
Pair twoProduct(Real a, Real b) {
  Real product = a * b;
  if (a.in->fma)
    return {product, multiplyAdd(a, b, -product)};
  auto halves = [](Real x) {
    Real scaled = x * x.pick(4097.0, 134217729.0);
    Real high = scaled - (scaled - x);
    return Pair{high, x - high};
  };
  Pair x = halves(a), y = halves(b);
  Real rest = ((x.high * y.high - product) + x.high * y.low) + x.low * y.high;
  return {product, rest + x.low * y.low};
}
Pair multiply(Pair a, Pair b) {
  Pair product = twoProduct(a.high, b.high);
  Real rest = product.low + (a.high * b.low + a.low * b.high);
  return fastTwoSum(product.high, rest);
}

} // namespace ingot::cpu::math
