// Scalars' operations as expressions of C. Part of the printer of KernelPrinter.h.
#include "backends/gpu/KernelPrinter.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace ingot::gpu {

void Printer::printCompare(arith::CmpIOp op) {
  using P = arith::CmpIPredicate;
  const char *sign = nullptr;
  switch (op.getPredicate()) {
  case P::eq:
    sign = " == ";
    break;
  case P::ne:
    sign = " != ";
    break;
  case P::slt:
  case P::ult:
    sign = " < ";
    break;
  case P::sle:
  case P::ule:
    sign = " <= ";
    break;
  case P::sgt:
  case P::ugt:
    sign = " > ";
    break;
  case P::sge:
  case P::uge:
    sign = " >= ";
    break;
  }
  bool isSigned = op.getPredicate() == P::slt || op.getPredicate() == P::sle ||
                  op.getPredicate() == P::sgt || op.getPredicate() == P::sge;
  auto operand = [&](Value v) {
    if (v.getType().isInteger(1))
      return isSigned ? "(-" + name(v) + ")" : name(v);
    return "(" + (isSigned ? asSigned(v) : asUnsigned(v)) + ")";
  };
  let(op, operand(op.getLhs()) + sign + operand(op.getRhs()));
}

void Printer::printCompare(arith::CmpFOp op) {
  using P = arith::CmpFPredicate;
  std::string x = name(op.getLhs()), y = name(op.getRhs());
  auto compare = [&](const char *sign) { return x + sign + y; };
  auto unless = [&](const char *sign) { return "!(" + compare(sign) + ")"; };
  std::string isNan = x + " != " + x + " || " + y + " != " + y;
  std::string differ = compare(" < ") + " || " + compare(" > ");
  switch (op.getPredicate()) {
  case P::AlwaysFalse:
    return let(op, "0");
  case P::AlwaysTrue:
    return let(op, "1");
  case P::OEQ:
    return let(op, compare(" == "));
  case P::OGT:
    return let(op, compare(" > "));
  case P::OGE:
    return let(op, compare(" >= "));
  case P::OLT:
    return let(op, compare(" < "));
  case P::OLE:
    return let(op, compare(" <= "));
  case P::ONE:
    return let(op, differ);
  case P::ORD:
    return let(op, "!(" + isNan + ")");
  case P::UEQ:
    return let(op, "!(" + differ + ")");
  case P::UGT:
    return let(op, unless(" <= "));
  case P::UGE:
    return let(op, unless(" < "));
  case P::ULT:
    return let(op, unless(" >= "));
  case P::ULE:
    return let(op, unless(" > "));
  case P::UNE:
    return let(op, compare(" != "));
  case P::UNO:
    return let(op, isNan);
  }
}

bool Printer::printInteger(Operation &op) {
  auto binary = [&](const char *sign) {
    Value v = op.getResult(0);
    let(v, wrapped(v, asUnsigned(op.getOperand(0)) + sign + asUnsigned(op.getOperand(1))));
  };
  auto withSign = [&](const char *sign) {
    Value v = op.getResult(0);
    let(v, "(" + typeName(v.getType()) + ")(" + asSigned(op.getOperand(0)) + sign +
               asSigned(op.getOperand(1)) + ")");
  };
  auto choose = [&](const char *sign, bool isSigned) {
    auto operand = [&](unsigned i) {
      return isSigned ? asSigned(op.getOperand(i)) : asUnsigned(op.getOperand(i));
    };
    let(op.getResult(0), operand(0) + sign + operand(1) + " ? " + name(op.getOperand(0)) + " : " +
                             name(op.getOperand(1)));
  };
  /// Without wrapping, where it is known not to.
  auto modular = [&](auto sum, const char *sign) {
    bool fits = bitEnumContainsAll(sum.getOverflowFlags(), arith::IntegerOverflowFlags::nsw);
    fits ? withSign(sign) : binary(sign);
  };
  /// Towards the lower (the higher) whole number, of a divisor that is not 0.
  auto rounded = [&](const char *helper) { let(op.getResult(0), call(helper, op.getOperands())); };
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case([&](arith::AddIOp op) { return modular(op, " + "), true; })
      .Case([&](arith::SubIOp op) { return modular(op, " - "), true; })
      .Case([&](arith::MulIOp op) { return modular(op, " * "), true; })
      .Case([&](arith::AndIOp) { return binary(" & "), true; })
      .Case([&](arith::OrIOp) { return binary(" | "), true; })
      .Case([&](arith::XOrIOp) { return binary(" ^ "), true; })
      .Case([&](arith::ShLIOp) { return binary(" << "), true; })
      .Case([&](arith::ShRUIOp) { return binary(" >> "), true; })
      .Case([&](arith::DivUIOp) { return binary(" / "), true; })
      .Case([&](arith::RemUIOp) { return binary(" % "), true; })
      .Case([&](arith::DivSIOp) { return withSign(" / "), true; })
      .Case([&](arith::RemSIOp) { return withSign(" % "), true; })
      .Case([&](arith::ShRSIOp shift) {
        let(shift, "(" + typeName(shift.getType()) + ")(" + asSigned(shift.getLhs()) + " >> " +
                       name(shift.getRhs()) + ")");
        return true;
      })
      .Case([&](arith::MaxSIOp) { return choose(" > ", true), true; })
      .Case([&](arith::MinSIOp) { return choose(" < ", true), true; })
      .Case([&](arith::MaxUIOp) { return choose(" > ", false), true; })
      .Case([&](arith::MinUIOp) { return choose(" < ", false), true; })
      .Case([&](arith::FloorDivSIOp) { return rounded("k_floordiv_i64"), true; })
      .Case([&](arith::CeilDivSIOp) { return rounded("k_ceildiv_i64"), true; })
      .Case([&](arith::MulUIExtendedOp product) {
        let(product.getLow(), wrapped(product.getLow(), asUnsigned(product.getLhs()) + " * " +
                                                            asUnsigned(product.getRhs())));
        let(product.getHigh(), call("k_mulhi_" + suffix(product.getHigh().getType()),
                                    {product.getLhs(), product.getRhs()}));
        return true;
      })
      .Case([&](arith::CmpIOp compare) { return printCompare(compare), true; })
      .Default([](Operation *) { return false; });
}

bool Printer::printFloat(Operation &op) {
  Value v = op.getNumResults() == 1 ? op.getResult(0) : Value();
  auto binary = [&](const char *sign) {
    let(v, name(op.getOperand(0)) + sign + name(op.getOperand(1)));
  };
  auto intrinsic = [&](const char *callee) {
    let(v, call(callee + suffix(v.getType()), op.getOperands()));
  };
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case([&](arith::AddFOp) { return binary(" + "), true; })
      .Case([&](arith::SubFOp) { return binary(" - "), true; })
      .Case([&](arith::MulFOp) { return binary(" * "), true; })
      .Case([&](arith::DivFOp) { return binary(" / "), true; })
      .Case([&](arith::NegFOp negate) {
        if (isHalf(negate.getType()))
          let(v, "(k_u16)(" + name(negate.getOperand()) + " ^ 0x8000u)");
        else
          let(v, "-" + name(negate.getOperand()));
        return true;
      })
      .Case([&](arith::MaximumFOp) { return intrinsic("k_maximum_"), true; })
      .Case([&](arith::MinimumFOp) { return intrinsic("k_minimum_"), true; })
      .Case([&](arith::MaxNumFOp) { return intrinsic("k_maxnum_"), true; })
      .Case([&](arith::MinNumFOp) { return intrinsic("k_minnum_"), true; })
      .Case([&](math::FmaOp) { return intrinsic("k_fma_"), true; })
      .Case([&](math::SqrtOp) { return intrinsic("k_sqrt_"), true; })
      .Case([&](math::FloorOp) { return intrinsic("k_floor_"), true; })
      .Case([&](math::CeilOp) { return intrinsic("k_ceil_"), true; })
      .Case([&](math::TruncOp) { return intrinsic("k_trunc_"), true; })
      .Case([&](math::RoundEvenOp) { return intrinsic("k_rint_"), true; })
      .Case([&](math::AbsFOp absolute) {
        if (isHalf(absolute.getType()))
          let(v, "(k_u16)(" + name(absolute.getOperand()) + " & 0x7fffu)");
        else
          intrinsic("k_abs_");
        return true;
      })
      .Case([&](math::CopySignOp copy) {
        if (isHalf(copy.getType()))
          let(v, "(k_u16)((" + name(copy.getLhs()) + " & 0x7fffu) | (" + name(copy.getRhs()) +
                     " & 0x8000u))");
        else
          intrinsic("k_copysign_");
        return true;
      })
      .Case([&](arith::CmpFOp compare) { return printCompare(compare), true; })
      .Default([](Operation *) { return false; });
}

bool Printer::printConversion(Operation &op) {
  if (op.getNumOperands() != 1 || op.getNumResults() != 1)
    return false;
  Value x = op.getOperand(0), v = op.getResult(0);
  Type from = x.getType(), to = v.getType();
  auto cast = [&](const std::string &operand) {
    let(v, "(" + typeName(to) + ")(" + operand + ")");
    return true;
  };
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case<arith::IndexCastOp>([&](auto) { return cast(asSigned(x)); })
      .Case<arith::IndexCastUIOp>(
          [&](auto) { return cast("(" + unsignedName(from) + ")" + name(x)); })
      .Case([&](arith::ExtUIOp) { return cast(name(x)); })
      .Case([&](arith::ExtSIOp) { return cast(asSigned(x)); })
      .Case([&](arith::TruncIOp) {
        if (!to.isInteger(1))
          return cast(name(x));
        let(v, "(int)(" + name(x) + " & 1)");
        return true;
      })
      .Case([&](arith::UIToFPOp) {
        return cast(from.isInteger(1) ? name(x) : "(" + unsignedName(from) + ")" + name(x));
      })
      .Case([&](arith::SIToFPOp) { return cast(asSigned(x)); })
      .Case([&](arith::FPToUIOp) {
        return cast("(" + (to.isInteger(1) ? "int" : unsignedName(to)) + ")" + name(x));
      })
      .Case([&](arith::FPToSIOp) {
        return cast("(" + (to.isInteger(1) ? "int" : signedName(to)) + ")" + name(x));
      })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) {
        if (isHalf(from) || isHalf(to))
          let(v, call("k_" + suffix(from) + "_to_" + suffix(to), x));
        else
          cast(name(x));
        return true;
      })
      .Case([&](arith::BitcastOp) {
        bool fromBits = llvm::isa<IntegerType>(from), toBits = llvm::isa<IntegerType>(to);
        if (fromBits == toBits || widthOf(to) == 16)
          let(v, name(x));
        else if (toBits)
          let(v, "(" + typeName(to) + ")" + call("k_bits_" + suffix(from), x));
        else
          let(v, "k_from_bits_" + suffix(to) + "((" + unsignedName(from) + ")" + name(x) + ")");
        return true;
      })
      .Default([](Operation *) { return false; });
}

} // namespace ingot::gpu
