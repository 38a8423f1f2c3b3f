// See NarrowIndices.h. Sums, differences and products have the lower half that those of the lower
// halves have, so that an offset that fits may be made of halves of numbers that do not.
// Comparisons are of whole numbers: their sides are bounded by what they are made of.
#include "backends/gpu/NarrowIndices.h"
#include "backends/gpu/KernelText.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace ingot::gpu {
namespace {

/// What a number is at least and at most.
struct Range {
  int64_t low = INT64_MIN, high = INT64_MAX;
  bool fits() const { return low >= INT32_MIN && high <= INT32_MAX; }
};

class Narrower {
public:
  Narrower(func::FuncOp function, int64_t most) : function(function), b(function.getContext()) {
    ranges[function.getArgument(1)] = {0, most};
  }

  void run() {
    function.walk<WalkOrder::PreOrder>([&](scf::ForOp loop) { narrowLoop(loop); });
    llvm::SmallVector<Operation *> roots;
    function.walk([&](Operation *op) {
      if (llvm::isa<LLVM::GEPOp, arith::TruncIOp, arith::CmpIOp>(op))
        roots.push_back(op);
    });
    for (Operation *op : roots)
      narrowRoot(op);
    eraseUnused();
  }

private:
  Type i32() { return b.getI32Type(); }

  static Range bounded(__int128 low, __int128 high) {
    if (low < INT64_MIN || high > INT64_MAX)
      return {};
    return {static_cast<int64_t>(low), static_cast<int64_t>(high)};
  }

  Range rangeOf(Value v) {
    if (auto it = ranges.find(v); it != ranges.end())
      return it->second;
    Range range = computeRange(v);
    bool mayWrap = !v.getType().isInteger(64) && !(v.getType() == i32() && range.fits());
    return ranges[v] = mayWrap ? Range() : range;
  }

  Range computeRange(Value v) {
    constexpr int64_t mostThreads = 1024;
    if (llvm::APInt constant; matchPattern(v, m_ConstantInt(&constant)))
      return {constant.getSExtValue(), constant.getSExtValue()};
    if (auto argument = llvm::dyn_cast<BlockArgument>(v)) {
      auto loop = llvm::dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
      if (!loop || loop.getInductionVar() != v)
        return {};
      Range low = rangeOf(loop.getLowerBound()), high = rangeOf(loop.getUpperBound());
      return {low.low, std::max(high.high, low.low + 1) - 1};
    }
    Operation *op = v.getDefiningOp();
    if (op->getNumOperands() == 2 && op->getNumResults() == 1 &&
        op->getResultTypes()[0] == op->getOperandTypes()[0] &&
        op->getOperandTypes()[0] == op->getOperandTypes()[1])
      return binaryRange(op, rangeOf(op->getOperand(0)), rangeOf(op->getOperand(1)));
    if (llvm::isa<arith::ExtSIOp>(op)) {
      Range inner = rangeOf(op->getOperand(0));
      int64_t half = int64_t(1) << (op->getOperand(0).getType().getIntOrFloatBitWidth() - 1);
      return {std::max(inner.low, -half), std::min(inner.high, half - 1)};
    }
    if (llvm::isa<arith::TruncIOp>(op))
      return rangeOf(op->getOperand(0)).fits() ? rangeOf(op->getOperand(0)) : Range();
    if (auto call = llvm::dyn_cast<func::CallOp>(op); call && call.getCallee() == intrinsic::thread)
      return {0, mostThreads - 1};
    // Extents, in the frame.
    auto load = llvm::dyn_cast<LLVM::LoadOp>(op);
    auto word = load ? load.getAddr().getDefiningOp<LLVM::GEPOp>() : LLVM::GEPOp();
    if (word && word.getBase() == function.getArgument(0) && v.getType().isInteger(64))
      return {0, INT32_MAX};
    return {};
  }

  static Range binaryRange(Operation *op, Range x, Range y) {
    using Wide = __int128;
    if (llvm::isa<arith::AddIOp>(op))
      return bounded(Wide(x.low) + y.low, Wide(x.high) + y.high);
    if (llvm::isa<arith::SubIOp>(op))
      return bounded(Wide(x.low) - y.high, Wide(x.high) - y.low);
    if (llvm::isa<arith::MulIOp>(op)) {
      auto [least, most] = std::minmax(
          {Wide(x.low) * y.low, Wide(x.low) * y.high, Wide(x.high) * y.low, Wide(x.high) * y.high});
      return bounded(least, most);
    }
    if (llvm::isa<arith::MinSIOp>(op))
      return {std::min(x.low, y.low), std::min(x.high, y.high)};
    if (llvm::isa<arith::MaxSIOp>(op))
      return {std::max(x.low, y.low), std::max(x.high, y.high)};
    bool isPositive = x.low >= 0 && y.low > 0;
    if (llvm::isa<arith::DivSIOp>(op) && isPositive)
      return {x.low / y.high, x.high / y.low};
    if (llvm::isa<arith::RemSIOp>(op) && isPositive)
      return {0, std::min(x.high, y.high - 1)};
    return {};
  }

  /// The lower half of a number of 64 bits.
  Value narrow(Value v) {
    if (Value known = narrowed.lookup(v))
      return known;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfterValue(v);
    Value made = makeNarrow(v);
    return narrowed[v] = made;
  }

  Value makeNarrow(Value v) {
    Location loc = v.getLoc();
    if (llvm::APInt constant; matchPattern(v, m_ConstantInt(&constant)))
      return arith::ConstantOp::create(
          b, loc, b.getI32IntegerAttr(static_cast<int32_t>(constant.getSExtValue())));
    Operation *op = v.getDefiningOp();
    if (llvm::isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp>(op) &&
        op->getOperand(0).getType().isInteger(32))
      return op->getOperand(0);
    bool isModular = llvm::isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op);
    bool isOfWhole = llvm::isa_and_nonnull<arith::MinSIOp, arith::MaxSIOp>(op) &&
                     rangeOf(op->getOperand(0)).fits() && rangeOf(op->getOperand(1)).fits();
    if (!isModular && !isOfWhole)
      return arith::TruncIOp::create(b, loc, i32(), v);
    Value x = narrow(op->getOperand(0)), y = narrow(op->getOperand(1));
    // Lets the text's compiler know that it does not wrap, and so take constants out of addresses.
    auto flags =
        rangeOf(v).fits() ? arith::IntegerOverflowFlags::nsw : arith::IntegerOverflowFlags::none;
    return llvm::TypeSwitch<Operation *, Value>(op)
        .Case<arith::AddIOp, arith::SubIOp, arith::MulIOp>(
            [&](auto whole) { return decltype(whole)::create(b, loc, x, y, flags); })
        .Case<arith::MinSIOp, arith::MaxSIOp>(
            [&](auto whole) { return decltype(whole)::create(b, loc, x, y); });
  }

  void narrowRoot(Operation *op) {
    b.setInsertionPoint(op);
    if (auto gep = llvm::dyn_cast<LLVM::GEPOp>(op)) {
      if (gep.getDynamicIndices().empty() || !gep.getDynamicIndices()[0].getType().isInteger(64))
        return;
      narrowOffset(gep);
      return;
    }
    Value x = op->getOperand(0);
    if (!x.getType().isInteger(64))
      return;
    if (llvm::isa<arith::TruncIOp>(op)) {
      Value half = op->getResult(0);
      if (half.getType() == i32() && narrow(x) != half)
        half.replaceAllUsesWith(narrow(x));
      return;
    }
    Value y = op->getOperand(1);
    if (!rangeOf(x).fits() || !rangeOf(y).fits())
      return;
    op->setOperands({narrow(x), narrow(y)});
  }

  /// Constants stay apart: neighbours have the same place before them.
  void narrowOffset(LLVM::GEPOp gep) {
    Value offset = gep.getDynamicIndices()[0], rest = offset;
    auto wide = [&](Value v) -> Value {
      return arith::ExtSIOp::create(b, gep.getLoc(), b.getI64Type(), narrow(v));
    };
    llvm::APInt constant;
    if (auto sum = offset.getDefiningOp<arith::AddIOp>();
        sum && matchPattern(sum.getRhs(), m_ConstantInt(&constant)) && constant.isSignedIntN(31)) {
      rest = sum.getLhs();
      Value base = LLVM::GEPOp::create(b, gep.getLoc(), gep.getType(), gep.getElemType(),
                                       gep.getBase(), llvm::ArrayRef<LLVM::GEPArg>{wide(rest)});
      Value place = LLVM::GEPOp::create(
          b, gep.getLoc(), gep.getType(), gep.getElemType(), base,
          llvm::ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(constant.getSExtValue())});
      gep.replaceAllUsesWith(place);
      return;
    }
    gep.getDynamicIndicesMutable()[0].set(wide(rest));
  }

  void narrowLoop(scf::ForOp loop) {
    if (!loop.getInductionVar().getType().isInteger(64))
      return;
    Range low = rangeOf(loop.getLowerBound()), high = rangeOf(loop.getUpperBound()),
          step = rangeOf(loop.getStep());
    if (!low.fits() || !high.fits() || high.high + step.high > INT32_MAX)
      return;
    Value i = loop.getInductionVar();
    ranges.erase(i);
    Range range = rangeOf(i);
    b.setInsertionPoint(loop);
    llvm::SmallVector<Value> bounds;
    for (Value bound : {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()})
      bounds.push_back(narrow(bound));
    loop.setLowerBound(bounds[0]);
    loop.setUpperBound(bounds[1]);
    loop.setStep(bounds[2]);
    b.setInsertionPointToStart(loop.getBody());
    i.setType(i32());
    Value wide = arith::ExtSIOp::create(b, loop.getLoc(), b.getI64Type(), i);
    i.replaceAllUsesExcept(wide, wide.getDefiningOp());
    ranges[i] = range;
    ranges[wide] = range;
  }

  void eraseUnused() {
    llvm::SmallVector<Operation *> all;
    function.walk([&](Operation *op) { all.push_back(op); });
    for (Operation *op : llvm::reverse(all))
      if (op->getNumRegions() == 0 && isOpTriviallyDead(op))
        op->erase();
  }

  func::FuncOp function;
  OpBuilder b;
  llvm::DenseMap<Value, Range> ranges;
  llvm::DenseMap<Value, Value> narrowed;
};

} // namespace

void narrowIndices(func::FuncOp function, int64_t most) { Narrower(function, most).run(); }

} // namespace ingot::gpu
