// Conversions of 8-bit and 4-bit floats; see SmallFloat.h.
//
// Narrowing: adding half a unit, less one where the last bit kept is even, to the bits of an f32
// rounds to nearest even, and so does adding a number whose unit is the least denormal. Widening:
// the bits shifted into place are the number times a power of two, denormals included.
#include "ir/ops/SmallFloat.h"
#include "ir/exec/Exec.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>

using namespace mlir;
using llvm::APFloat;

namespace ingot::graph {
namespace {

/// A type of sign, exponent and mantissa.
struct Format {
  int mantissa, bias, width;
  uint32_t greatest; // bits of the greatest finite value
  uint32_t beyond;   // bits of infinity, or of NaN where there is none
  uint32_t nan;
  bool hasInf, hasNan, hasNegativeZero;

  explicit Format(FloatType type) {
    const llvm::fltSemantics &semantics = type.getFloatSemantics();
    auto bits = [](const APFloat &v) {
      return static_cast<uint32_t>(v.bitcastToAPInt().getZExtValue());
    };
    mantissa = static_cast<int>(APFloat::semanticsPrecision(semantics)) - 1;
    bias = 1 - APFloat::semanticsMinExponent(semantics);
    width = static_cast<int>(type.getWidth());
    greatest = bits(APFloat::getLargest(semantics));
    hasInf = APFloat::semanticsHasInf(semantics);
    hasNan = APFloat::semanticsHasNaN(semantics);
    nan = hasNan ? bits(APFloat::getNaN(semantics)) : 0;
    hasNegativeZero = !hasNan || nan != signBit();
    beyond = hasInf ? bits(APFloat::getInf(semantics)) : hasNan ? nan : greatest;
  }
  uint32_t signBit() const { return 1u << (width - 1); }
};

bool isPowerOfTwoType(FloatType type) {
  return !APFloat::semanticsHasZero(type.getFloatSemantics());
}

/// An i32 with operators; constants come from the left operand.
struct Bits {
  OpBuilder *b;
  Location loc;
  Value v;

  Bits with(Value value) const { return {b, loc, value}; }
  Bits operator()(uint32_t value) const {
    return with(
        arith::ConstantOp::create(*b, loc, b->getI32IntegerAttr(static_cast<int32_t>(value))));
  }
  Bits operator+(Bits o) const { return with(arith::AddIOp::create(*b, loc, v, o.v)); }
  Bits operator+(uint32_t o) const { return *this + (*this)(o); }
  Bits operator-(uint32_t o) const { return *this + (*this)(0 - o); }
  Bits operator&(uint32_t o) const { return with(arith::AndIOp::create(*b, loc, v, (*this)(o).v)); }
  Bits operator|(Bits o) const { return with(arith::OrIOp::create(*b, loc, v, o.v)); }
  Bits operator<<(uint32_t n) const {
    return with(arith::ShLIOp::create(*b, loc, v, (*this)(n).v));
  }
  Bits operator>>(uint32_t n) const {
    return with(arith::ShRUIOp::create(*b, loc, v, (*this)(n).v));
  }
  Value compare(arith::CmpIPredicate predicate, uint32_t o) const {
    return arith::CmpIOp::create(*b, loc, predicate, v, (*this)(o).v);
  }
  Value operator>(uint32_t o) const { return compare(arith::CmpIPredicate::ugt, o); }
  Value operator<(uint32_t o) const { return compare(arith::CmpIPredicate::ult, o); }
  Value operator==(uint32_t o) const { return compare(arith::CmpIPredicate::eq, o); }
  Bits select(Value condition, Bits otherwise) const {
    return with(arith::SelectOp::create(*b, loc, condition, v, otherwise.v));
  }
  /// The f32 of these bits.
  Value real() const { return arith::BitcastOp::create(*b, loc, b->getF32Type(), v); }
};

Bits bitsOf(OpBuilder &b, Location loc, Value x) {
  return {&b, loc, arith::BitcastOp::create(b, loc, b.getI32Type(), x)};
}
Value number(OpBuilder &b, Location loc, double v) {
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(static_cast<float>(v)));
}

Bits narrowToFormat(Bits bits, const Format &f, bool saturate) {
  OpBuilder &b = *bits.b;
  Location loc = bits.loc;
  Bits magnitude = bits & 0x7fffffff;
  Bits sign = (bits >> (32 - f.width)) & f.signBit();
  uint32_t shift = 23 - f.mantissa;
  Bits even = (magnitude >> shift) & 1;
  uint32_t half = (1u << (shift - 1)) - 1;
  Bits normal = (magnitude + even + (half - (static_cast<uint32_t>(127 - f.bias) << 23))) >> shift;
  double unit = std::ldexp(1.0, 24 - f.bias - f.mantissa);
  Value sum = arith::AddFOp::create(b, loc, magnitude.real(), number(b, loc, unit));
  Bits small = bitsOf(b, loc, sum) - llvm::bit_cast<uint32_t>(static_cast<float>(unit));
  Bits finite = small.select(magnitude < (static_cast<uint32_t>(128 - f.bias) << 23), normal);
  Bits result = bits(saturate ? f.greatest : f.beyond).select(finite > f.greatest, finite);
  result = bits(f.nan).select(magnitude > 0x7f800000, result);
  Bits withSign = result | sign;
  if (f.hasNegativeZero)
    return withSign;
  return result.select((result & (f.signBit() - 1)) == 0, withSign);
}

Bits narrowToPowerOfTwo(Bits bits, bool saturate, RoundMode mode) {
  constexpr uint32_t least = 0x400000; // 2^-127, a denormal f32
  Bits code = bits >> 23;
  if (mode == RoundMode::Up)
    code = bits(0).select(bits < least + 1, (bits + 0x7fffff) >> 23);
  else if (mode == RoundMode::Nearest)
    code = ((bits + 0x200000) >> 23).select(bits < 0x800000, (bits + 0x400000) >> 23);
  code = bits(saturate ? 254 : 255).select(code > 254, code);
  code = bits(saturate ? 0 : 255).select(bits < least, code);
  Bits magnitude = bits & 0x7fffffff;
  Bits negative = bits(saturate ? 0 : 255).select(magnitude == 0, bits(255)); // -0 is as 0
  code = negative.select(bits > 0x7fffffff, code);
  return bits(255).select(magnitude > 0x7f800000, code);
}

double powerOfTwo(double v, bool saturate, RoundMode mode) {
  double least = std::ldexp(1.0, -127), greatest = std::ldexp(1.0, 127);
  double nan = std::numeric_limits<double>::quiet_NaN();
  if (std::isnan(v) || v < 0)
    return nan;
  if (v < least)
    return saturate ? least : nan;
  int exponent = 0;
  double fraction = std::frexp(v, &exponent);
  if (std::isinf(v))
    return saturate ? greatest : nan;
  bool up = mode == RoundMode::Up ? fraction > 0.5 : mode == RoundMode::Nearest && fraction >= 0.75;
  double power = std::ldexp(1.0, up ? exponent : exponent - 1);
  if (power > greatest)
    return saturate ? greatest : nan;
  return power;
}

} // namespace

bool isSmallFloat(Type element) {
  auto type = llvm::dyn_cast<FloatType>(element);
  return type && type.getWidth() < 16;
}

double roundToSmallFloat(double value, FloatType to, bool saturate, RoundMode mode) {
  if (isPowerOfTwoType(to))
    return powerOfTwo(value, saturate, mode);
  const llvm::fltSemantics &semantics = to.getFloatSemantics();
  Format format(to);
  if (std::isnan(value))
    return format.hasNan ? value : std::copysign(0.0, value);
  double greatest = APFloat::getLargest(semantics).convertToDouble();
  // Half a unit beyond the greatest value is where rounding leaves the finite ones.
  double unit = std::ldexp(1.0, std::ilogb(greatest) - format.mantissa);
  double magnitude = std::fabs(value);
  bool even = (format.greatest & 1) == 0;
  bool leaves = even ? magnitude > greatest + unit / 2 : magnitude >= greatest + unit / 2;
  if (!leaves) {
    APFloat exact(std::min(magnitude, greatest));
    bool losesInfo;
    exact.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
    double result = exact.convertToDouble();
    return result == 0 && !format.hasNegativeZero ? 0.0 : std::copysign(result, value);
  }
  if (saturate || (!format.hasInf && !format.hasNan))
    return std::copysign(greatest, value);
  return std::copysign(format.hasInf ? std::numeric_limits<double>::infinity()
                                     : std::numeric_limits<double>::quiet_NaN(),
                       value);
}

Value widenSmallFloat(OpBuilder &b, Location loc, Value bits, FloatType from) {
  Bits code{&b, loc, arith::ExtUIOp::create(b, loc, b.getI32Type(), bits)};
  if (isPowerOfTwoType(from)) {
    Bits power = code(0x400000).select(code == 0, code << 23);
    return code(0x7fc00000).select(code == 255, power).real();
  }
  Format f(from);
  Bits magnitude = code & (f.signBit() - 1);
  Bits sign = (code & f.signBit()) << (32 - f.width);
  Value scaled = arith::MulFOp::create(b, loc, (magnitude << (23 - f.mantissa)).real(),
                                       number(b, loc, std::ldexp(1.0, 127 - f.bias)));
  Bits result = bitsOf(b, loc, scaled);
  if (f.hasInf)
    result = code(0x7f800000).select(magnitude == f.beyond, result);
  if (f.hasNan && f.hasNegativeZero)
    result = code(0x7fc00000).select(magnitude > (f.hasInf ? f.beyond : f.greatest), result);
  result = result | sign;
  if (!f.hasNegativeZero)
    result = code(0x7fc00000).select(code == f.nan, result);
  return result.real();
}

Value narrowToSmallFloat(OpBuilder &b, Location loc, Value x, FloatType to, bool saturate,
                         RoundMode mode) {
  Bits bits = bitsOf(b, loc, x);
  Bits code = isPowerOfTwoType(to) ? narrowToPowerOfTwo(bits, saturate, mode)
                                   : narrowToFormat(bits, Format(to), saturate);
  return arith::TruncIOp::create(b, loc, b.getI8Type(), code.v);
}

Value narrowToOdd(OpBuilder &b, Location loc, Value x) {
  Value near = arith::TruncFOp::create(b, loc, b.getF32Type(), x);
  Value back = arith::ExtFOp::create(b, loc, b.getF64Type(), near);
  auto magnitude = [&](Value v) -> Value { return math::AbsFOp::create(b, loc, v); };
  Value inexact = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ONE, back, x);
  Value less =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, magnitude(back), magnitude(x));
  Bits bits = bitsOf(b, loc, near);
  Bits step = bits(1).select(less, bits(~0u));
  Bits odd = (bits + step).select((bits & 1) == 0, bits);
  return odd.select(inexact, bits).real();
}

} // namespace ingot::graph
