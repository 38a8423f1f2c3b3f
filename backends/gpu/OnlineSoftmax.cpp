// See OnlineSoftmax.h.
#include "backends/gpu/OnlineSoftmax.h"
#include "compiler/fusion/Structure.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace ingot::gpu {

namespace {

/// A value in a nest's body.
struct Expression {
  exec::NestOp nest;
  Value value;
};

/// How a value depends on the sum of exponentials: not, in proportion to one over it, or else.
enum class Dependence { None, OverSum, Other };

/// Where the value comes from, through maps computed in place.
Expression resolve(exec::NestOp nest, Value value) {
  while (auto argument = llvm::dyn_cast<BlockArgument>(value)) {
    size_t loops = loopDims(nest).size();
    if (argument.getArgNumber() < loops)
      break;
    Value input = nest.getInputs()[argument.getArgNumber() - loops];
    auto maker = input.getDefiningOp<exec::NestOp>();
    if (!maker || !isMap(maker) || !accessMap(nest, argument.getArgNumber() - loops))
      break;
    nest = maker;
    value = maker.getBody().front().getTerminator()->getOperand(0);
  }
  return {nest, value};
}

/// The same without roundings to f16 and back.
Expression unrounded(Expression e) {
  while (llvm::isa_and_present<arith::ExtFOp, arith::TruncFOp>(e.value.getDefiningOp()))
    e = resolve(e.nest, e.value.getDefiningOp()->getOperand(0));
  return e;
}

/// Whether it is an element of what the nest makes.
bool isResult(const Expression &e, exec::NestOp nest) {
  auto argument = llvm::dyn_cast<BlockArgument>(e.value);
  size_t loops = loopDims(e.nest).size();
  exec::NestOp reader = e.nest;
  return argument && argument.getArgNumber() >= loops &&
         reader.getInputs()[argument.getArgNumber() - loops] == nest.getOutputs()[0];
}

/// Whether the value is made of what the nest makes; `through` gets the nests that read that.
bool reads(const Expression &e, exec::NestOp made, llvm::DenseSet<Operation *> &through) {
  if (isResult(e, made)) {
    through.insert(e.nest);
    return true;
  }
  Operation *op = e.value.getDefiningOp();
  if (!op)
    return false;
  bool found = false;
  for (Value operand : op->getOperands())
    found |= reads(resolve(e.nest, operand), made, through);
  return found;
}

Dependence dependenceOn(exec::NestOp total, const Expression &e) {
  if (isResult(e, total))
    return Dependence::Other; // but where it divides
  Operation *op = e.value.getDefiningOp();
  if (!op)
    return Dependence::None;
  llvm::SmallVector<Dependence> of;
  for (Value operand : op->getOperands())
    of.push_back(dependenceOn(total, resolve(e.nest, operand)));
  if (llvm::all_of(of, [](Dependence d) { return d == Dependence::None; }))
    return Dependence::None;
  auto isZero = [&](unsigned operand) {
    return matchPattern(op->getOperand(operand), m_AnyZeroFloat());
  };
  bool isLinear = llvm::TypeSwitch<Operation *, bool>(op)
                      .Case([&](arith::DivFOp divide) {
                        return of[1] == Dependence::None
                                   ? of[0] == Dependence::OverSum
                                   : isResult(unrounded(resolve(e.nest, divide.getRhs())), total) &&
                                         of[0] == Dependence::None;
                      })
                      .Case([&](arith::MulFOp) {
                        return (of[0] == Dependence::None && of[1] == Dependence::OverSum) ||
                               (of[1] == Dependence::None && of[0] == Dependence::OverSum);
                      })
                      .Case<arith::ExtFOp, arith::TruncFOp, arith::NegFOp>(
                          [&](auto) { return of[0] == Dependence::OverSum; })
                      .Case<arith::AddFOp, arith::SubFOp>([&](auto) {
                        return of[0] == Dependence::OverSum && of[1] == Dependence::OverSum;
                      })
                      .Case([&](arith::SelectOp) {
                        return of[0] == Dependence::None &&
                               (of[1] == Dependence::OverSum || isZero(1)) &&
                               (of[2] == Dependence::OverSum || isZero(2));
                      })
                      .Default(false);
  return isLinear ? Dependence::OverSum : Dependence::Other;
}

} // namespace

std::optional<OnlineSoftmax> matchOnlineSoftmax(llvm::ArrayRef<exec::NestOp> sums,
                                                llvm::ArrayRef<MadeFactor> factors) {
  if (sums.size() != 2)
    return std::nullopt;
  exec::NestOp largest = sums[0], total = sums[1];
  if (total.getCombiner() == exec::Combiner::Max)
    std::swap(largest, total);
  if (largest.getCombiner() != exec::Combiner::Max || total.getCombiner() != exec::Combiner::Add)
    return std::nullopt;
  Expression e = unrounded(resolve(total, total.getBody().front().getTerminator()->getOperand(0)));
  auto exp = e.value.getDefiningOp<math::ExpOp>();
  if (!exp)
    return std::nullopt;
  Expression shifted = unrounded(resolve(e.nest, exp.getOperand()));
  auto subtract = shifted.value.getDefiningOp<arith::SubFOp>();
  if (!subtract)
    return std::nullopt;
  Expression by = unrounded(resolve(shifted.nest, subtract.getRhs()));
  llvm::DenseSet<Operation *> through, none;
  if (!isResult(by, largest) || !reads(by, largest, through) ||
      reads(resolve(shifted.nest, subtract.getLhs()), largest, none))
    return std::nullopt;
  // Nothing else may depend on where the largest score stands meanwhile.
  for (Operation *user : largest->getUsers())
    if (!through.contains(user) && !user->hasTrait<OpTrait::IsTerminator>())
      return std::nullopt;
  OnlineSoftmax softmax{largest, total, {}};
  for (const MadeFactor &factor : factors) {
    Dependence d = dependenceOn(total, resolve(factor.nest, factor.value));
    if (d == Dependence::Other)
      return std::nullopt;
    if (d == Dependence::OverSum)
      softmax.overTotal.insert(factor.nest);
  }
  return softmax;
}

} // namespace ingot::gpu
