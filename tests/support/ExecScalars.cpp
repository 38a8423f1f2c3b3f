// A table from op to formula; see ExecScalars.h. Integers are kept sign-extended, so that unsigned
// formulas mask their operands first.
#include "tests/support/ExecScalars.h"
#include "llvm/ADT/StringMap.h"
#include <bit>
#include <cmath>
#include <functional>

using namespace mlir;

namespace ingot::tests {
namespace {

using reference::Number;
using Formula = std::function<Number(Operation &, llvm::ArrayRef<Number>)>;

unsigned widthOf(Type type) { return type.isIndex() ? 64 : type.getIntOrFloatBitWidth(); }
uint64_t unsignedOf(Number n, unsigned width) {
  return static_cast<uint64_t>(n.i) & (width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1);
}
llvm::APInt bitsOf(Number n, Type type) {
  return llvm::APInt(widthOf(type), unsignedOf(n, widthOf(type)));
}
int64_t toInteger(double v, bool isUnsigned) {
  double limit = std::ldexp(1.0, isUnsigned ? 64 : 63);
  if (!(v > (isUnsigned ? -1.0 : -limit - 1) && v < limit))
    return 0; // poison; bodies never use it
  return isUnsigned ? static_cast<int64_t>(static_cast<uint64_t>(v)) : static_cast<int64_t>(v);
}
double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::nan("");
  return a == b ? (std::signbit(a) ? b : a) : std::max(a, b);
}

Number constantOf(Attribute attribute) {
  if (auto real = llvm::dyn_cast<FloatAttr>(attribute))
    return Number::real(real.getValueAsDouble());
  return Number::integer(llvm::cast<IntegerAttr>(attribute).getValue().getSExtValue());
}

class Table {
public:
  Table() {
    addFloats();
    addMath();
    addIntegers();
    addConversions();
  }
  llvm::StringMap<Formula> formulas;

private:
  template <typename Op> void add(Formula formula) {
    formulas[Op::getOperationName()] = std::move(formula);
  }
  template <typename Op> void real(double (*f)(double)) {
    add<Op>([f](Operation &, llvm::ArrayRef<Number> a) { return Number::real(f(a[0].f)); });
  }
  template <typename Op> void real(double (*f)(double, double)) {
    add<Op>([f](Operation &, llvm::ArrayRef<Number> a) { return Number::real(f(a[0].f, a[1].f)); });
  }
  template <typename Op> void integer(uint64_t (*f)(uint64_t, uint64_t)) { // wraps alike
    add<Op>([f](Operation &, llvm::ArrayRef<Number> a) {
      return Number::integer(static_cast<int64_t>(f(a[0].i, a[1].i)));
    });
  }
  template <typename Op> void signedInteger(int64_t (*f)(int64_t, int64_t)) {
    add<Op>(
        [f](Operation &, llvm::ArrayRef<Number> a) { return Number::integer(f(a[0].i, a[1].i)); });
  }
  template <typename Op> void unsignedInteger(uint64_t (*f)(uint64_t, uint64_t)) {
    add<Op>([f](Operation &op, llvm::ArrayRef<Number> a) {
      unsigned width = widthOf(op.getOperand(0).getType());
      return Number::integer(
          static_cast<int64_t>(f(unsignedOf(a[0], width), unsignedOf(a[1], width))));
    });
  }

  void addFloats() {
    add<arith::AddFOp>([](Operation &op, llvm::ArrayRef<Number> a) {
      if (op.getResult(0).getType().isF32()) // rounded once
        return Number::real(static_cast<float>(a[0].f) + static_cast<float>(a[1].f));
      return Number::real(a[0].f + a[1].f);
    });
    real<arith::SubFOp>([](double a, double b) { return a - b; });
    real<arith::MulFOp>([](double a, double b) { return a * b; });
    real<arith::DivFOp>([](double a, double b) { return a / b; });
    real<arith::RemFOp>([](double a, double b) { return std::fmod(a, b); });
    real<arith::NegFOp>([](double a) { return -a; });
    real<arith::MaximumFOp>(maximum);
    real<arith::MinimumFOp>([](double a, double b) { return -maximum(-a, -b); });
    add<arith::CmpFOp>([](Operation &op, llvm::ArrayRef<Number> a) {
      return Number::boolean(arith::applyCmpPredicate(llvm::cast<arith::CmpFOp>(op).getPredicate(),
                                                      llvm::APFloat(a[0].f),
                                                      llvm::APFloat(a[1].f)));
    });
  }
  void addMath() {
    real<math::AbsFOp>(std::fabs);
    real<math::ExpOp>(std::exp);
    real<math::Exp2Op>(std::exp2);
    real<math::ExpM1Op>(std::expm1);
    real<math::LogOp>(std::log);
    real<math::Log1pOp>(std::log1p);
    real<math::SqrtOp>(std::sqrt);
    real<math::TanhOp>(std::tanh);
    real<math::TanOp>(std::tan);
    real<math::SinOp>(std::sin);
    real<math::CosOp>(std::cos);
    real<math::ErfOp>(std::erf);
    real<math::FloorOp>(std::floor);
    real<math::CeilOp>(std::ceil);
    real<math::RoundEvenOp>(std::nearbyint);
    real<math::PowFOp>(std::pow);
    real<math::Atan2Op>(std::atan2);
  }
  void addIntegers() {
    integer<arith::AddIOp>([](uint64_t a, uint64_t b) { return a + b; });
    integer<arith::SubIOp>([](uint64_t a, uint64_t b) { return a - b; });
    integer<arith::MulIOp>([](uint64_t a, uint64_t b) { return a * b; });
    integer<arith::AndIOp>([](uint64_t a, uint64_t b) { return a & b; });
    integer<arith::OrIOp>([](uint64_t a, uint64_t b) { return a | b; });
    integer<arith::XOrIOp>([](uint64_t a, uint64_t b) { return a ^ b; });
    integer<arith::ShLIOp>([](uint64_t a, uint64_t b) { return b < 64 ? a << b : 0; });
    signedInteger<arith::ShRSIOp>(
        [](int64_t a, int64_t b) { return a >> (b >= 0 && b < 64 ? b : 63); });
    unsignedInteger<arith::ShRUIOp>([](uint64_t a, uint64_t b) { return b < 64 ? a >> b : 0; });
    // Division by zero is poison; bodies never use it.
    signedInteger<arith::DivSIOp>([](int64_t a, int64_t b) {
      return b == -1 ? static_cast<int64_t>(-static_cast<uint64_t>(a)) : b ? a / b : 0;
    });
    signedInteger<arith::RemSIOp>(
        [](int64_t a, int64_t b) { return b == -1 || b == 0 ? int64_t(0) : a % b; });
    unsignedInteger<arith::DivUIOp>([](uint64_t a, uint64_t b) { return b ? a / b : 0; });
    unsignedInteger<arith::RemUIOp>([](uint64_t a, uint64_t b) { return b ? a % b : 0; });
    signedInteger<arith::MinSIOp>([](int64_t a, int64_t b) { return std::min(a, b); });
    signedInteger<arith::MaxSIOp>([](int64_t a, int64_t b) { return std::max(a, b); });
    unsignedInteger<arith::MinUIOp>([](uint64_t a, uint64_t b) { return std::min(a, b); });
    unsignedInteger<arith::MaxUIOp>([](uint64_t a, uint64_t b) { return std::max(a, b); });
    add<arith::CmpIOp>([](Operation &op, llvm::ArrayRef<Number> a) {
      Type type = op.getOperand(0).getType();
      return Number::boolean(arith::applyCmpPredicate(llvm::cast<arith::CmpIOp>(op).getPredicate(),
                                                      bitsOf(a[0], type), bitsOf(a[1], type)));
    });
    add<arith::SelectOp>(
        [](Operation &, llvm::ArrayRef<Number> a) { return a[0].truth() ? a[1] : a[2]; });
    add<arith::ConstantOp>([](Operation &op, llvm::ArrayRef<Number>) {
      return constantOf(llvm::cast<arith::ConstantOp>(op).getValue());
    });
  }
  void addConversions() {
    auto same = [](Operation &, llvm::ArrayRef<Number> a) { return a[0]; };
    auto zeroExtended = [](Operation &op, llvm::ArrayRef<Number> a) {
      return Number::integer(
          static_cast<int64_t>(unsignedOf(a[0], widthOf(op.getOperand(0).getType()))));
    };
    add<arith::BitcastOp>([](Operation &op, llvm::ArrayRef<Number> a) {
      return reference::fromBits(op.getResult(0).getType(),
                                 reference::toBits(op.getOperand(0).getType(), a[0]));
    });
    add<arith::ExtFOp>(same);
    add<arith::TruncFOp>(same); // rounded below
    add<arith::TruncIOp>(same);
    add<arith::BitcastOp>([](Operation &op, llvm::ArrayRef<Number> a) {
      Type from = op.getOperand(0).getType(), to = op.getResult(0).getType();
      llvm::APInt bits = bitsOf(a[0], from);
      if (auto type = llvm::dyn_cast<FloatType>(from)) {
        llvm::APFloat value(a[0].f);
        bool isInexact = false;
        value.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &isInexact);
        bits = value.bitcastToAPInt();
      }
      if (auto type = llvm::dyn_cast<FloatType>(to))
        return Number::real(llvm::APFloat(type.getFloatSemantics(), bits).convertToDouble());
      return Number::integer(bits.getSExtValue());
    });
    add<arith::IndexCastOp>([](Operation &op, llvm::ArrayRef<Number> a) {
      bool truth = op.getOperand(0).getType().isInteger(1);
      return truth ? Number::integer(-a[0].i) : a[0]; // i1 is signed here
    });
    add<arith::ExtSIOp>([](Operation &op, llvm::ArrayRef<Number> a) {
      bool truth = op.getOperand(0).getType().isInteger(1);
      return truth ? Number::integer(-a[0].i) : a[0];
    });
    add<arith::ExtUIOp>(zeroExtended);
    add<arith::IndexCastUIOp>(zeroExtended);
    add<arith::SIToFPOp>([](Operation &, llvm::ArrayRef<Number> a) {
      return Number::real(static_cast<double>(a[0].i));
    });
    add<arith::UIToFPOp>([](Operation &op, llvm::ArrayRef<Number> a) {
      return Number::real(
          static_cast<double>(unsignedOf(a[0], widthOf(op.getOperand(0).getType()))));
    });
    add<arith::FPToSIOp>([](Operation &, llvm::ArrayRef<Number> a) {
      return Number::integer(toInteger(std::trunc(a[0].f), false));
    });
    add<arith::FPToUIOp>([](Operation &, llvm::ArrayRef<Number> a) {
      return Number::integer(toInteger(std::trunc(a[0].f), true));
    });
  }
};

} // namespace

std::optional<Number> evaluateScalar(Operation &op, llvm::ArrayRef<Number> operands) {
  static const Table table;
  auto it = table.formulas.find(op.getName().getStringRef());
  if (it == table.formulas.end())
    return std::nullopt;
  Number result = it->second(op, operands);
  Type type = op.getResult(0).getType();
  return type.isIndex() ? result : reference::roundTo(type, result);
}

} // namespace ingot::tests
