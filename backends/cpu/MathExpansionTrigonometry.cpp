// sin, cos, tan over the whole range, and the inverse functions.
//
// The argument is reduced in f64 to a quadrant and a rest of at most pi/4 as a pair. Below 2^20 the
// products of the quadrant with the parts of pi/2 are exact (Cody and Waite). Where some lane is
// larger, a branch taken for that alone multiplies with as many bits of 2/pi as matter (Payne and
// Hanek), one lane at a time.
#include "backends/cpu/MathExpansionCoefficients.h"
#include "backends/cpu/MathExpansionFunctions.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <limits>

using namespace mlir;

namespace ingot::cpu::math {
namespace {
using namespace coefficients;
using Table = llvm::ArrayRef<double>;
constexpr double largest = 0x1p20; // below it the first reduction is exact
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// An angle as quadrant * pi/2 + rest; the two low bits of the quadrant count. f64.
struct Angle {
  Integer quadrant;
  Pair rest;
};

Angle reduceSmall(Real x) {
  Nearest n = nearest(x * 0x1.45f306dc9c883p-1);
  Real r = x - n.number * halfPiParts[0];
  Pair second = twoSum(r, -(n.number * halfPiParts[1]));
  Pair third = twoSum(second.high, -(n.number * halfPiParts[2]));
  Real low = (second.low + third.low) - n.number * halfPiParts[3];
  return {n.integer, fastTwoSum(third.high, low)};
}

/// 64 bits of 2/pi from bit `first` on, counted from 64 bits before the binary point.
Integer bitsOfTwoOverPi(Integer first) {
  OpBuilder &b = first.builder();
  Location loc = first.loc();
  llvm::SmallVector<int64_t> words = {0};
  for (uint64_t word : twoOverPi)
    words.push_back(static_cast<int64_t>(word));
  auto type = VectorType::get(static_cast<int64_t>(words.size()), b.getI64Type());
  Value table = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, llvm::ArrayRef<int64_t>(words)));
  auto word = [&](Integer index) {
    Value position = arith::IndexCastOp::create(b, loc, b.getIndexType(), index.value);
    return Integer{{first.in, vector::ExtractOp::create(b, loc, table, position)}};
  };
  Integer index = shiftRightUnsigned(first, 6), shift = first & 63;
  Integer next = shiftRightUnsigned(shiftRightUnsigned(word(index + 1), 1), 63 - shift);
  return shiftLeft(word(index), shift) | next;
}
struct Wide {
  Integer low, high;
};
Wide multiplyUnsigned(Integer a, Integer b) {
  auto op = arith::MulUIExtendedOp::create(a.builder(), a.loc(), a.value, b.value);
  return {{{a.in, op.getLow()}}, {{a.in, op.getHigh()}}};
}
Integer carryOf(Integer sum, Integer addend) {
  return select(lessUnsigned(sum, addend), sum.constant(1), sum.constant(0));
}
Real signedToReal(Integer n, Real like) {
  return {{n.in, arith::SIToFPOp::create(n.builder(), n.loc(), like.type(), n.value)}};
}

/// One finite f64 of magnitude at least 2^20.
Angle reduceLarge(Real x) {
  Integer bits = bitsOf(x);
  Integer exponent = shiftRightUnsigned(bits, 52) & 0x7ff;
  Integer mantissa = (bits & 0xfffffffffffff) | bits.constant(0x10000000000000);
  // x / (2 pi) = mantissa * 2^(e - 2) * (2/pi): bits of 2/pi before e - 2 give whole turns.
  Integer first = exponent - (1023 + 52 + 2 - 64);
  Wide top = multiplyUnsigned(mantissa, bitsOfTwoOverPi(first));
  Wide middle = multiplyUnsigned(mantissa, bitsOfTwoOverPi(first + 64));
  Wide bottom = multiplyUnsigned(mantissa, bitsOfTwoOverPi(first + 128));
  Integer low = middle.low + bottom.high;
  Integer high = top.low + middle.high + carryOf(low, middle.low);
  // The turn's fraction is high:low / 2^128; two bits are the quadrant, rounded to the nearest.
  Integer fraction = shiftLeft(high, 2) | shiftRightUnsigned(low, 62);
  Integer quadrant = shiftRightUnsigned(high, 62) + shiftRightUnsigned(fraction, 63);
  Integer upper = fraction & ~int64_t(0x7ff), lower = fraction & 0x7ff;
  Real lowReal = signedToReal(lower, x) * 0x1p-64 +
                 signedToReal(shiftRightUnsigned(shiftLeft(low, 2), 1), x) * 0x1p-127;
  Pair quadrants = fastTwoSum(signedToReal(upper, x) * 0x1p-64, lowReal);
  Pair rest = multiply(quadrants, {x.constant(halfPiPairF64[0]), x.constant(halfPiPairF64[1])});
  Mask negative = x < 0.0;
  auto turn = [&](Real part) { return select(negative, -part, part); };
  return {select(negative, 0 - quadrant, quadrant), {turn(rest.high), turn(rest.low)}};
}

/// Replaces the angles of lanes that are large.
Angle reduceLargeLanes(Real x, Mask large, Angle small) {
  OpBuilder &b = x.builder();
  Location loc = x.loc();
  auto vectorType = llvm::dyn_cast<VectorType>(x.type());
  auto lane = [&](Value value, Value index) -> Value {
    return vectorType ? vector::ExtractOp::create(b, loc, value, index).getResult() : value;
  };
  Value none = arith::ConstantIndexOp::create(b, loc, 0);
  auto step = [&](Value index, ValueRange angle) {
    Real one = {{x.in, lane(x.value, index)}};
    Mask isLarge = {{x.in, lane(large.value, index)}};
    Real safe = select(isLarge, one, largest);
    Angle found = reduceLarge(safe);
    Value parts[] = {found.quadrant.value, found.rest.high.value, found.rest.low.value};
    llvm::SmallVector<Value> result;
    for (auto [part, old] : llvm::zip_equal(parts, angle)) {
      Value chosen = arith::SelectOp::create(b, loc, isLarge.value, part, lane(old, index));
      result.push_back(vectorType ? vector::InsertOp::create(b, loc, chosen, old, index).getResult()
                                  : chosen);
    }
    return result;
  };
  llvm::SmallVector<Value> angle = {small.quadrant.value, small.rest.high.value,
                                    small.rest.low.value};
  if (!vectorType) {
    angle = step(none, angle);
  } else {
    Value count = arith::ConstantIndexOp::create(b, loc, vectorType.getNumElements());
    Value one = arith::ConstantIndexOp::create(b, loc, 1);
    auto loop = scf::ForOp::create(b, loc, none, count, one, angle);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    scf::YieldOp::create(b, loc, step(loop.getInductionVar(), loop.getRegionIterArgs()));
    angle.assign(loop.result_begin(), loop.result_end());
  }
  return {{{x.in, angle[0]}}, {{{x.in, angle[1]}}, {{x.in, angle[2]}}}};
}

/// Any f64; NaN and infinities give a rest of NaN.
Angle reduce(Real x) {
  OpBuilder &b = x.builder();
  Location loc = x.loc();
  Real magnitude = absolute(x);
  Mask large = (magnitude >= largest) & (magnitude < infinity);
  Angle small = reduceSmall(x);
  Type types[] = {small.quadrant.type(), x.type(), x.type()};
  auto branch = scf::IfOp::create(b, loc, types, anyOf(large), /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    auto yield = [&](Angle angle) {
      scf::YieldOp::create(
          b, loc, ValueRange{angle.quadrant.value, angle.rest.high.value, angle.rest.low.value});
    };
    b.setInsertionPointToStart(branch.thenBlock());
    yield(reduceLargeLanes(x, large, small));
    b.setInsertionPointToStart(branch.elseBlock());
    yield(small);
  }
  Real high = {{x.in, branch.getResult(1)}}, low = {{x.in, branch.getResult(2)}};
  Integer quadrant = {{x.in, branch.getResult(0)}};
  return {quadrant, {select(magnitude < infinity, high, nan), low}};
}

/// The same for f32, whose rest needs no second part; the quadrant has the width of x.
struct Turned {
  Integer quadrant;
  Real high;
  Real low; // zero for f32
};
Turned reduceAny(Real x) {
  if (x.isDouble()) {
    Angle angle = reduce(x);
    return {angle.quadrant, angle.rest.high, angle.rest.low};
  }
  Angle angle = reduce(widen(x));
  Type narrowType = x.withElement(x.builder().getI32Type());
  Value quadrant = arith::TruncIOp::create(x.builder(), x.loc(), narrowType, angle.quadrant.value);
  return {{{x.in, quadrant}}, narrow(angle.rest.high), x.constant(0.0)};
}

/// sin(high + low), |high| <= pi/4.
Real sinKernel(Turned t) {
  Real r = t.high, z = r * r;
  Real tail = r * z * polynomial(z, r.pick<Table>(sinTailF32, sinTailF64));
  if (r.isDouble())
    tail = tail + t.low * (1.0 - 0.5 * z);
  return r + tail;
}
Real cosKernel(Turned t) {
  Real r = t.high, z = r * r, half = 0.5 * z, first = 1.0 - half;
  Real tail = z * z * polynomial(z, r.pick<Table>(cosTailF32, cosTailF64));
  if (r.isDouble())
    tail = tail - r * t.low;
  return first + (((1.0 - first) - half) + tail);
}
Real negateWhere(Mask mask, Real x) { return select(mask, -x, x); }

/// The polynomial of asin(x) for x to 1/2, z = x^2.
Real asinSmall(Real x, Real z) {
  return multiplyAdd(x * z, polynomial(z, x.pick<Table>(asinTailF32, asinTailF64)), x);
}
/// atan(low / high) for 0 <= low <= high.
Real atanOfRatio(Real low, Real high) {
  Real t = low / high, z = t * t;
  return multiplyAdd(t * z, polynomial(z, t.pick<Table>(atanTailF32, atanTailF64)), t);
}

} // namespace

Real sin(Real x) {
  Turned t = reduceAny(x);
  Real y = select((t.quadrant & 1) == 0, sinKernel(t), cosKernel(t));
  return select(x == 0.0, x, negateWhere((t.quadrant & 2) != 0, y));
}

Real cos(Real x) {
  Turned t = reduceAny(x);
  Real y = select((t.quadrant & 1) == 0, cosKernel(t), sinKernel(t));
  return negateWhere(((t.quadrant + 1) & 2) != 0, y);
}

Real tan(Real x) {
  Turned t = reduceAny(x);
  Real sine = sinKernel(t), cosine = cosKernel(t);
  Mask even = (t.quadrant & 1) == 0;
  Real y = select(even, sine, -cosine) / select(even, cosine, sine);
  return select(x == 0.0, x, y);
}

Real asin(Real x) {
  Real magnitude = absolute(x);
  Mask small = magnitude <= 0.5;
  Real z = select(small, x * x, 0.5 - 0.5 * magnitude);
  Real y = asinSmall(select(small, magnitude, squareRoot(z)), z);
  Table halfPi = x.pick<Table>(halfPiPairF32, halfPiPairF64);
  Real large = halfPi[0] - (2.0 * y - halfPi[1]);
  return copySign(select(small, y, large), x);
}

Real acos(Real x) {
  Real magnitude = absolute(x);
  Mask small = magnitude <= 0.5;
  Real z = select(small, x * x, 0.5 - 0.5 * magnitude);
  Real y = asinSmall(select(small, x, squareRoot(z)), z);
  Table halfPi = x.pick<Table>(halfPiPairF32, halfPiPairF64);
  Table pi = x.pick<Table>(piPairF32, piPairF64);
  Real twice = 2.0 * y;
  Real large = select(x < 0.0, pi[0] - (twice - pi[1]), twice);
  return select(small, halfPi[0] - (y - halfPi[1]), large);
}

Real atan(Real x) {
  Real magnitude = absolute(x), one = x.constant(1.0);
  Mask large = magnitude > 1.0;
  Real y = atanOfRatio(select(large, one, magnitude), select(large, magnitude, one));
  Table halfPi = x.pick<Table>(halfPiPairF32, halfPiPairF64);
  return copySign(select(large, halfPi[0] - (y - halfPi[1]), y), x);
}

Real atan2(Real y, Real x) {
  Real ay = absolute(y), ax = absolute(x);
  Mask steep = ay > ax;
  Real low = select(steep, ax, ay), high = select(steep, ay, ax);
  // 0/0 counts as 0/1, infinity over infinity as 1/1.
  Mask bothInfinite = low == infinity;
  low = select(bothInfinite, 1.0, low);
  high = select(bothInfinite | (high == 0.0), 1.0, high);
  Real angle = atanOfRatio(low, high);
  Table halfPi = x.pick<Table>(halfPiPairF32, halfPiPairF64);
  Table pi = x.pick<Table>(piPairF32, piPairF64);
  angle = select(steep, halfPi[0] - (angle - halfPi[1]), angle);
  Mask behind = bitsOf(x) < 0;
  angle = select(behind, pi[0] - (angle - pi[1]), angle);
  Real result = copySign(angle, y);
  return select((x != x) | (y != y), x + y, result);
}

} // namespace ingot::cpu::math
