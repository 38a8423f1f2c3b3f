// The table of rewrites: which op becomes which formula.
#include "backends/cpu/MathExpansion.h"
#include "backends/cpu/MathExpansionFunctions.h"
#include "backends/cpu/MathExpansionHalf.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

using namespace mlir;

namespace ingot::cpu {
namespace {
using math::Formula;
using math::Real;
namespace ops = ::mlir::math;

/// Whether the formulas hold for the type.
bool isSupported(Type type) {
  auto vector = llvm::dyn_cast<VectorType>(type);
  if (vector && (vector.isScalable() || vector.getRank() > 1))
    return false;
  Type element = getElementTypeOrSelf(type);
  return element.isF64() || element.isF32();
}

/// A pattern that replaces an op of floats by a formula over its operands.
template <typename Op, auto formula> struct Expand : OpRewritePattern<Op> {
  Expand(MLIRContext *context, const CpuTarget &target, bool fast)
      : OpRewritePattern<Op>(context), target(target), fast(fast) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!isSupported(type))
      return failure();
    Formula in{rewriter, op.getLoc(), target.fma, target.rank >= 1, fast};
    llvm::SmallVector<Real, 3> args;
    for (Value operand : op->getOperands())
      args.push_back({{&in, operand}});
    rewriter.replaceOp(op, apply(args, std::make_index_sequence<arity>()).value);
    return success();
  }

private:
  template <typename... Args> static constexpr size_t count(Real (*)(Args...)) {
    return sizeof...(Args);
  }
  static constexpr size_t arity = count(formula);
  template <size_t... I> static Real apply(llvm::ArrayRef<Real> args, std::index_sequence<I...>) {
    return formula(args[I]...);
  }
  CpuTarget target;
  bool fast;
};

Real reciprocalRoot(Real x) { return 1.0 / math::squareRoot(x); }
Real unfusedMultiplyAdd(Real a, Real b, Real c) { return a * b + c; }

/// Integer powers through pow in f64, where exponents up to 2^53 are exact.
struct ExpandIntegerPower : OpRewritePattern<ops::FPowIOp> {
  ExpandIntegerPower(MLIRContext *context, const CpuTarget &target, bool)
      : OpRewritePattern(context), target(target) {}

  LogicalResult matchAndRewrite(ops::FPowIOp op, PatternRewriter &rewriter) const override {
    if (!isSupported(op.getType()))
      return failure();
    Formula in{rewriter, op.getLoc(), target.fma, target.rank >= 1, false};
    Real x = {{&in, op.getLhs()}};
    Type wide = x.withElement(rewriter.getF64Type());
    Real y = {{&in, arith::SIToFPOp::create(rewriter, op.getLoc(), wide, op.getRhs())}};
    Real power =
        x.isDouble() ? math::pow(x, y) : math::narrow(math::powOfWidened(math::widen(x), y));
    rewriter.replaceOp(op, power.value);
    return success();
  }

private:
  CpuTarget target;
};

/// The greater (the less) of x and a constant that is a number: one instruction, where NaN has to
/// be x's alone. The sign of a zero is x's.
template <typename Op, auto formula> struct ExpandBound : OpRewritePattern<Op> {
  ExpandBound(MLIRContext *context, const CpuTarget &, bool) : OpRewritePattern<Op>(context) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    Value bound = op.getRhs();
    if (auto wide = bound.getDefiningOp<vector::BroadcastOp>())
      bound = wide.getSource();
    llvm::APFloat limit(0.0);
    if (!isSupported(op.getType()) || !matchPattern(bound, m_ConstantFloat(&limit)) ||
        limit.isNaN())
      return failure();
    Formula in{rewriter, op.getLoc(), false, false, false};
    rewriter.replaceOp(op, formula(Real{{&in, op.getLhs()}}, limit.convertToDouble()).value);
    return success();
  }
};

template <typename... Patterns>
void add(RewritePatternSet &patterns, const CpuTarget &target, bool fast) {
  (patterns.add<Patterns>(patterns.getContext(), target, fast), ...);
}

void populate(RewritePatternSet &patterns, const CpuTarget &target, bool fast) {
  add<Expand<ops::ExpOp, math::exp>, Expand<ops::Exp2Op, math::exp2>,
      Expand<ops::ExpM1Op, math::expm1>, Expand<ops::SinhOp, math::sinh>,
      Expand<ops::CoshOp, math::cosh>, Expand<ops::TanhOp, math::tanh>,
      Expand<ops::ErfOp, math::erf>, Expand<ops::ErfcOp, math::erfc>>(patterns, target, fast);
  add<Expand<ops::LogOp, math::log>, Expand<ops::Log2Op, math::log2>,
      Expand<ops::Log10Op, math::log10>, Expand<ops::Log1pOp, math::log1p>,
      Expand<ops::AsinhOp, math::asinh>, Expand<ops::AcoshOp, math::acosh>,
      Expand<ops::AtanhOp, math::atanh>, Expand<ops::CbrtOp, math::cbrt>,
      Expand<ops::PowFOp, math::pow>, Expand<ops::RsqrtOp, reciprocalRoot>>(patterns, target, fast);
  add<Expand<ops::SinOp, math::sin>, Expand<ops::CosOp, math::cos>, Expand<ops::TanOp, math::tan>,
      Expand<ops::AsinOp, math::asin>, Expand<ops::AcosOp, math::acos>,
      Expand<ops::AtanOp, math::atan>, Expand<ops::Atan2Op, math::atan2>,
      Expand<ops::RoundOp, math::round>, Expand<arith::RemFOp, math::remainder>, ExpandIntegerPower,
      ExpandBound<arith::MaximumFOp, math::atLeast>, ExpandBound<arith::MinimumFOp, math::atMost>>(
      patterns, target, fast);
  if (target.rank == 0)
    add<Expand<ops::FloorOp, math::floor>, Expand<ops::CeilOp, math::ceil>,
        Expand<ops::TruncOp, math::trunc>, Expand<ops::RoundEvenOp, math::roundEven>>(patterns,
                                                                                      target, fast);
  if (!target.fma)
    add<Expand<ops::FmaOp, unfusedMultiplyAdd>, Expand<vector::FMAOp, unfusedMultiplyAdd>>(
        patterns, target, fast);
}

/// Sums and products in any order, multiply-adds, reciprocals instead of quotients.
void relax(ModuleOp module) {
  auto flags = arith::FastMathFlags::contract | arith::FastMathFlags::reassoc |
               arith::FastMathFlags::arcp | arith::FastMathFlags::nsz;
  auto attribute = arith::FastMathFlagsAttr::get(module.getContext(), flags);
  module.walk(
      [&](arith::ArithFastMathInterface op) { op->setAttr(op.getFastMathAttrName(), attribute); });
}

} // namespace

static void expandFunctions(ModuleOp module, const CpuTarget &target, bool fast) {
  MLIRContext *context = module.getContext();
  context->loadDialect<arith::ArithDialect, ops::MathDialect, scf::SCFDialect,
                       vector::VectorDialect>();
  if (fast)
    relax(module); // before formulas are written, some of which count on each rounding
  widenHalves(module);
  RewritePatternSet patterns(context);
  populate(patterns, target, fast);
  walkAndApplyPatterns(module, std::move(patterns));
}

void expandMath(ModuleOp module, const CpuTarget &target, bool fast) {
  expandFunctions(module, target, fast);
  expandHalfConversions(module, target);
}

void expandMathForDevice(ModuleOp module, bool fast) {
  CpuTarget device;
  device.fma = true;
  device.rank = 1;
  expandFunctions(module, device, fast);
}

} // namespace ingot::cpu
