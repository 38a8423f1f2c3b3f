// What the combiners of nests do: where they start, and how two values, or the lanes of one, become
// one. Part of KernelEmitter.
#include "backends/cpu/KernelEmitter.h"

using namespace mlir;

namespace ingot::cpu {

KernelEmitter::Values KernelEmitter::identities(exec::NestOp nest, bool vector) {
  Values result;
  exec::Combiner combiner = nest.getCombiner();
  bool indexed = combiner == exec::Combiner::ArgMax || combiner == exec::Combiner::ArgMin;
  for (auto [i, output] : llvm::enumerate(nest.getOutputs())) {
    Type element = getElementTypeOrSelf(output);
    TypedAttr identity = exec::identityOf(combiner, element);
    if (indexed && i == 1) // -1: no element seen yet
      identity =
          IntegerAttr::get(element, llvm::APInt::getAllOnes(element.getIntOrFloatBitWidth()));
    Value v = arith::ConstantOp::create(builder, cb.loc, identity);
    result.push_back(vector ? cb.widen(v) : v);
  }
  return result;
}

KernelEmitter::Values KernelEmitter::combine(exec::NestOp nest, ValueRange acc, ValueRange values) {
  Location loc = cb.loc;
  Value a = acc[0], v = values[0];
  bool isFloat = llvm::isa<FloatType>(getElementTypeOrSelf(a));
  auto pick = [&](auto floatOp, auto integerOp) -> Values {
    if (isFloat)
      return {decltype(floatOp)::create(builder, loc, a, v)};
    return {decltype(integerOp)::create(builder, loc, a, v)};
  };
  switch (nest.getCombiner()) {
  case exec::Combiner::None:
    return llvm::to_vector(values);
  case exec::Combiner::Add:
    return pick(arith::AddFOp(), arith::AddIOp());
  case exec::Combiner::Mul:
    return pick(arith::MulFOp(), arith::MulIOp());
  case exec::Combiner::Max:
    return pick(arith::MaximumFOp(), arith::MaxSIOp());
  case exec::Combiner::Min:
    return pick(arith::MinimumFOp(), arith::MinSIOp());
  case exec::Combiner::UMax:
    return {arith::MaxUIOp::create(builder, loc, a, v)};
  case exec::Combiner::UMin:
    return {arith::MinUIOp::create(builder, loc, a, v)};
  case exec::Combiner::Moments:
    return combineMoments(acc, values);
  case exec::Combiner::ArgMax:
  case exec::Combiner::ArgMin:
    break;
  }
  // A better value, a first NaN, or any value when none was seen; among equals the lower index.
  bool max = nest.getCombiner() == exec::Combiner::ArgMax;
  Value ai = acc[1], vi = values[1];
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(ai.getType()));
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  auto either = [&](Value x, Value y) -> Value { return arith::OrIOp::create(builder, loc, x, y); };
  auto both = [&](Value x, Value y) -> Value { return arith::AndIOp::create(builder, loc, x, y); };
  Value better, equal;
  if (isFloat) {
    Value vNan = arith::CmpFOp::create(builder, loc, F::UNO, v, v),
          aNan = arith::CmpFOp::create(builder, loc, F::UNO, a, a);
    Value aNumber = arith::CmpFOp::create(builder, loc, F::ORD, a, a);
    better = either(arith::CmpFOp::create(builder, loc, max ? F::OGT : F::OLT, v, a),
                    both(vNan, aNumber));
    equal = either(arith::CmpFOp::create(builder, loc, F::OEQ, v, a), both(vNan, aNan));
  } else {
    better = arith::CmpIOp::create(builder, loc, max ? I::sgt : I::slt, v, a);
    equal = arith::CmpIOp::create(builder, loc, I::eq, v, a);
  }
  Value unseen = arith::CmpIOp::create(builder, loc, I::slt, ai, zero);
  Value seen = arith::CmpIOp::create(builder, loc, I::sge, vi, zero);
  Value lower = arith::CmpIOp::create(builder, loc, I::slt, vi, ai);
  Value take = both(seen, either(unseen, either(better, both(equal, lower))));
  return {arith::SelectOp::create(builder, loc, take, v, a),
          arith::SelectOp::create(builder, loc, take, vi, ai)};
}

/// Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
/// variances", 1979; of one value more they are Welford's, 1962.
KernelEmitter::Values KernelEmitter::combineMoments(ValueRange x, ValueRange y) {
  auto add = [&](Value a, Value b) -> Value {
    return arith::AddFOp::create(builder, cb.loc, a, b);
  };
  auto multiply = [&](Value a, Value b) -> Value {
    return arith::MulFOp::create(builder, cb.loc, a, b);
  };
  Value count = add(x[0], y[0]);
  Value one = exec::scalarConstant(builder, cb.loc, getElementTypeOrSelf(count), 1);
  if (CodeBuilder::isVector(count))
    one = cb.widen(one);
  // Of nothing and nothing, nothing.
  Value atLeastOne = arith::MaximumFOp::create(builder, cb.loc, count, one);
  Value share = arith::DivFOp::create(builder, cb.loc, y[0], atLeastOne);
  Value difference = arith::SubFOp::create(builder, cb.loc, y[1], x[1]);
  Value step = multiply(difference, share);
  return {count, add(x[1], step), add(add(x[2], y[2]), multiply(multiply(difference, step), x[0]))};
}

/// Combines the lanes of an accumulator in a fixed tree: halves onto halves.
KernelEmitter::Values KernelEmitter::combineLanes(exec::NestOp nest, ValueRange acc) {
  Values current = llvm::to_vector(acc);
  for (int64_t width = cb.lanes / 2; width >= 1; width /= 2) {
    auto part = [&](Value v, int64_t offset) -> Value {
      return vector::ExtractStridedSliceOp::create(
          builder, cb.loc, v, llvm::ArrayRef<int64_t>{offset}, llvm::ArrayRef<int64_t>{width},
          llvm::ArrayRef<int64_t>{1});
    };
    Values low, high;
    for (Value v : current) {
      low.push_back(part(v, 0));
      high.push_back(part(v, width));
    }
    current = combine(nest, low, high);
  }
  for (Value &v : current)
    v = vector::ExtractOp::create(builder, cb.loc, v, llvm::ArrayRef<int64_t>{0});
  return current;
}

void KernelEmitter::settleIndex(Values &acc) {
  if (acc.size() != 2)
    return;
  Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(acc[1].getType()));
  acc[1] = arith::MaxSIOp::create(builder, cb.loc, acc[1], zero);
}

} // namespace ingot::cpu
