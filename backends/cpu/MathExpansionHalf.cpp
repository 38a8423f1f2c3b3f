// Widening of 16-bit floats and their conversions.
//
// f16 to f32: the bits shifted into place are the number times 2^-112, denormals included. f32 to
// f16 and bf16: adding half a unit, less one where the last bit kept is even, rounds to nearest
// even. f64 first becomes an f32 rounded to odd, so that the second rounding is the only one seen.
#include "backends/cpu/MathExpansionHalf.h"
#include "backends/cpu/MathExpansionFormula.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

using namespace mlir;

namespace ingot::cpu {
namespace {
using math::Formula;
using math::Integer;
using math::Mask;
using math::Real;

bool isHalf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF16() || element.isBF16();
}
Type withElement(Type type, Type element) {
  if (auto shaped = llvm::dyn_cast<VectorType>(type))
    return shaped.clone(element);
  return element;
}
bool movesBitsOnly(Operation *op) {
  return isa<arith::ConstantOp, arith::BitcastOp, arith::SelectOp, arith::NegFOp, arith::ExtFOp,
             arith::TruncFOp, ::mlir::math::AbsFOp, ::mlir::math::CopySignOp>(op);
}

struct WidenHalfOp : RewritePattern {
  explicit WidenHalfOp(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    bool computes = isa<arith::ArithDialect, ::mlir::math::MathDialect>(op->getDialect()) ||
                    isa<vector::FMAOp>(op);
    if (!computes || movesBitsOnly(op) || op->getNumRegions() != 0)
      return failure();
    if (!llvm::any_of(op->getOperandTypes(), isHalf) && !llvm::any_of(op->getResultTypes(), isHalf))
      return failure();
    bool fromInteger = isa<arith::SIToFPOp, arith::UIToFPOp>(op);
    Type wide = fromInteger ? Type(rewriter.getF64Type()) : Type(rewriter.getF32Type());
    OperationState state(op->getLoc(), op->getName());
    state.addAttributes(op->getAttrs());
    for (Value operand : op->getOperands())
      state.addOperands(isHalf(operand.getType())
                            ? arith::ExtFOp::create(rewriter, op->getLoc(),
                                                    withElement(operand.getType(), wide), operand)
                                  .getResult()
                            : operand);
    for (Type type : op->getResultTypes())
      state.addTypes(isHalf(type) ? withElement(type, wide) : type);
    Operation *widened = rewriter.create(state);
    SmallVector<Value> results;
    for (auto [result, type] : llvm::zip_equal(widened->getResults(), op->getResultTypes()))
      results.push_back(
          isHalf(type) ? arith::TruncFOp::create(rewriter, op->getLoc(), type, result).getResult()
                       : result);
    rewriter.replaceOp(op, results);
    return success();
  }
};

Integer bits16(Real x, Value half) {
  OpBuilder &b = x.builder();
  Value narrow =
      arith::BitcastOp::create(b, x.loc(), withElement(half.getType(), b.getI16Type()), half);
  return {{x.in, arith::ExtUIOp::create(b, x.loc(), withElement(half.getType(), b.getI32Type()),
                                        narrow)}};
}
Value toHalf(Integer bits, Type type) {
  OpBuilder &b = bits.builder();
  Value narrow =
      arith::TruncIOp::create(b, bits.loc(), withElement(type, b.getI16Type()), bits.value);
  return arith::BitcastOp::create(b, bits.loc(), type, narrow);
}

/// `like` has the type of the result, f32.
Real widenF16(Integer half, Real like) {
  Integer magnitude = shiftLeft(half & 0x7fff, 13), sign = shiftLeft(half & 0x8000, 16);
  Integer finite = bitsOf(fromBits(magnitude, like) * 0x1p112);
  Integer special = magnitude | magnitude.constant(0x7f800000);
  return fromBits(select((half & 0x7fff) > 0x7bff, special, finite) | sign, like);
}
Integer narrowToF16(Real x) {
  Integer bits = bitsOf(x), sign = shiftRightUnsigned(bits, 16) & 0x8000;
  Integer magnitude = bits & 0x7fffffff;
  Integer even = shiftRightUnsigned(magnitude, 13) & 1;
  Integer normal = shiftRightUnsigned(magnitude + even + (0xfff - 0x38000000), 13);
  Integer small = bitsOf(fromBits(magnitude, x) + 0.5) - 0x3f000000;
  Integer special = select(magnitude > 0x7f800000, bits.constant(0x7e00), bits.constant(0x7c00));
  Integer finite = select(magnitude < 0x38800000, small, normal);
  return select(magnitude > 0x477fffff, special, finite) | sign;
}
Integer narrowToBf16(Real x) {
  Integer bits = bitsOf(x), even = shiftRightUnsigned(bits, 16) & 1;
  Integer rounded = shiftRightUnsigned(bits + even + 0x7fff, 16);
  Integer quiet = shiftRightUnsigned(bits, 16) | bits.constant(0x40);
  return select((bits & 0x7fffffff) > 0x7f800000, quiet, rounded);
}
/// f64 to f32 with the last bit set where bits were lost.
Real narrowToOdd(Real x) {
  Real near = narrow(x), back = widen(near);
  Integer bits = bitsOf(near);
  Mask inexact = back != x, up = absolute(back) < absolute(x);
  Integer step = select(up, bits.constant(1), bits.constant(-1));
  Integer odd = select((bits & 1) == 0, bits + step, bits);
  return select(inexact & (x == x), fromBits(odd, near), near);
}

struct ExpandExtend : OpRewritePattern<arith::ExtFOp> {
  ExpandExtend(MLIRContext *context, bool hasF16) : OpRewritePattern(context), hasF16(hasF16) {}

  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    Type from = op.getIn().getType(), to = op.getType();
    bool brain = getElementTypeOrSelf(from).isBF16();
    bool single = getElementTypeOrSelf(to).isF32();
    if (!isHalf(from) || (hasF16 && !brain && single))
      return failure();
    Formula in{rewriter, op.getLoc(), false, false, false};
    Type middle = withElement(to, rewriter.getF32Type());
    Real like = {
        {&in, arith::ConstantOp::create(rewriter, op.getLoc(), rewriter.getZeroAttr(middle))}};
    Value wide;
    if (brain)
      wide = fromBits(shiftLeft(bits16(like, op.getIn()), 16), like).value;
    else if (hasF16)
      wide = arith::ExtFOp::create(rewriter, op.getLoc(), middle, op.getIn());
    else
      wide = widenF16(bits16(like, op.getIn()), like).value;
    if (!single)
      wide = arith::ExtFOp::create(rewriter, op.getLoc(), to, wide);
    rewriter.replaceOp(op, wide);
    return success();
  }

private:
  bool hasF16;
};

struct ExpandTruncate : OpRewritePattern<arith::TruncFOp> {
  ExpandTruncate(MLIRContext *context, bool hasF16) : OpRewritePattern(context), hasF16(hasF16) {}

  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    Type to = op.getType();
    bool brain = getElementTypeOrSelf(to).isBF16();
    bool single = getElementTypeOrSelf(op.getIn().getType()).isF32();
    if (!isHalf(to) || (hasF16 && !brain && single))
      return failure();
    Formula in{rewriter, op.getLoc(), false, false, false};
    Real x = {{&in, op.getIn()}};
    if (!single)
      x = narrowToOdd(x);
    if (brain)
      rewriter.replaceOp(op, toHalf(narrowToBf16(x), to));
    else if (hasF16)
      rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, to, x.value);
    else
      rewriter.replaceOp(op, toHalf(narrowToF16(x), to));
    return success();
  }

private:
  bool hasF16;
};

// Halves as their bits.

/// i16, or a vector of them, for a type of halves that the target cannot convert; else null.
Type asBits(Type type, bool hasF16) {
  Type element = getElementTypeOrSelf(type);
  if (!isHalf(type) || (hasF16 && element.isF16()))
    return {};
  return withElement(type, IntegerType::get(type.getContext(), 16));
}

/// The value of an op that changes signs, or nothing any more, once halves are integers.
Value onBits(OpBuilder &b, Operation *op) {
  Location loc = op->getLoc();
  Type type = op->getResult(0).getType();
  auto mask = [&](int64_t bits) -> Value {
    TypedAttr value = b.getIntegerAttr(b.getI16Type(), bits);
    if (auto vector = llvm::dyn_cast<VectorType>(type))
      value = DenseElementsAttr::get(vector, value);
    return arith::ConstantOp::create(b, loc, value);
  };
  if (isa<arith::NegFOp>(op))
    return arith::XOrIOp::create(b, loc, op->getOperand(0), mask(-0x8000));
  if (isa<::mlir::math::AbsFOp>(op))
    return arith::AndIOp::create(b, loc, op->getOperand(0), mask(0x7fff));
  if (isa<::mlir::math::CopySignOp>(op)) {
    Value magnitude = arith::AndIOp::create(b, loc, op->getOperand(0), mask(0x7fff));
    Value sign = arith::AndIOp::create(b, loc, op->getOperand(1), mask(-0x8000));
    return arith::OrIOp::create(b, loc, magnitude, sign);
  }
  if (isa<arith::BitcastOp>(op) && op->getOperand(0).getType() == type)
    return op->getOperand(0);
  return {};
}

TypedAttr bitsOf(TypedAttr value, Type bits) {
  if (auto number = llvm::dyn_cast<FloatAttr>(value))
    return IntegerAttr::get(bits, number.getValue().bitcastToAPInt());
  return llvm::cast<DenseElementsAttr>(value).bitcast(getElementTypeOrSelf(bits));
}

void keepHalvesAsBits(ModuleOp module, bool hasF16) {
  auto retype = [&](ValueRange values) {
    for (Value value : values)
      if (Type bits = asBits(value.getType(), hasF16))
        value.setType(bits);
  };
  auto kept = [&](Type type) {
    Type bits = asBits(type, hasF16);
    return bits ? bits : type;
  };
  module.walk([&](Operation *op) {
    if (auto function = dyn_cast<func::FuncOp>(op))
      function.setType(FunctionType::get(op->getContext(),
                                         llvm::map_to_vector(function.getArgumentTypes(), kept),
                                         llvm::map_to_vector(function.getResultTypes(), kept)));
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      if (Type bits = asBits(constant.getType(), hasF16))
        constant.setValueAttr(bitsOf(constant.getValue(), bits));
    if (!isa<LLVM::BitcastOp>(op)) // the operand of an instruction on bf16
      retype(op->getResults());
    for (Region &region : op->getRegions())
      for (Block &block : region)
        retype(block.getArguments());
  });
  module.walk([&](Operation *op) {
    if (op->getNumResults() != 1 || !getElementTypeOrSelf(op->getResult(0).getType()).isInteger(16))
      return;
    OpBuilder b(op);
    if (Value bits = onBits(b, op)) {
      op->replaceAllUsesWith(ValueRange{bits});
      op->erase();
    }
  });
}

} // namespace

void widenHalves(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  patterns.add<WidenHalfOp>(module.getContext());
  walkAndApplyPatterns(module, std::move(patterns));
}

void expandHalfConversions(ModuleOp module, const CpuTarget &target) {
  RewritePatternSet patterns(module.getContext());
  patterns.add<ExpandExtend, ExpandTruncate>(module.getContext(), target.rank >= 2);
  walkAndApplyPatterns(module, std::move(patterns));
  keepHalvesAsBits(module, target.rank >= 2);
}

} // namespace ingot::cpu
