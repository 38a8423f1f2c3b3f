// See WidenSums.h.
#include "compiler/lowering/WidenSums.h"
#include "compiler/fusion/Structure.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot {
namespace {

bool isHalf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF16() || element.isBF16();
}

/// Whether the nest combines 16-bit floats by operations that f32 has too.
bool combinesHalves(exec::NestOp nest) {
  if (nest.getCombiner() == exec::Combiner::None || nest->getNumResults() != 1 ||
      !isHalf(nest.getOutputs()[0].getType()))
    return false;
  return llvm::none_of(nest.getBody().front(),
                       [](Operation &op) { return llvm::isa<arith::BitcastOp>(op); });
}

/// The tensor with its elements as f32; itself where they are no halves.
Value widened(OpBuilder &b, Location loc, Value x) {
  if (!isHalf(x.getType()))
    return x;
  return exec::mapNest(b, loc, dimsOf(x), {x}, b.getF32Type(),
                       [&](OpBuilder &b, ValueRange args) -> Value {
                         return arith::ExtFOp::create(b, loc, b.getF32Type(), args[0]);
                       });
}

/// A copy of `op` in which every half is an f32; conversions between the two are the value itself.
void cloneWide(OpBuilder &b, Operation &op, IRMapping &mapping) {
  if (llvm::isa<arith::ExtFOp, arith::TruncFOp>(op)) {
    Type result = op.getResult(0).getType(), wide = isHalf(result) ? b.getF32Type() : result;
    Value source = mapping.lookupOrDefault(op.getOperand(0));
    if (source.getType() == wide) {
      mapping.map(op.getResult(0), source);
      return;
    }
  }
  if (auto constant = llvm::dyn_cast<arith::ConstantOp>(op);
      constant && isHalf(constant.getType())) {
    llvm::APFloat value = llvm::cast<FloatAttr>(constant.getValue()).getValue();
    mapping.map(op.getResult(0),
                exec::scalarConstant(b, op.getLoc(), b.getF32Type(), value.convertToDouble()));
    return;
  }
  Operation *copy = b.clone(op, mapping);
  for (Value result : copy->getResults())
    if (isHalf(result.getType()))
      result.setType(b.getF32Type());
}

void widen(exec::NestOp nest) {
  OpBuilder b(nest);
  Location loc = nest.getLoc();
  Dims loops = loopDims(nest);
  llvm::SmallVector<exec::Access> accesses;
  for (auto [i, input] : llvm::enumerate(nest.getInputs()))
    accesses.push_back({widened(b, loc, input), accessMap(nest, i)});
  Block &body = nest.getBody().front();
  Value sum = exec::nest(
      b, loc, loops, nest.getParallel(), accesses, nest.getCombiner(), b.getF32Type(),
      [&](OpBuilder &b, ValueRange indices, ValueRange inputs) -> llvm::SmallVector<Value> {
        IRMapping mapping;
        mapping.map(body.getArguments().take_front(loops.size()), indices);
        mapping.map(body.getArguments().drop_front(loops.size()), inputs);
        for (Operation &op : body.without_terminator())
          cloneWide(b, op, mapping);
        return {mapping.lookupOrDefault(body.getTerminator()->getOperand(0))};
      })[0];
  Type narrow = getElementTypeOrSelf(nest.getOutputs()[0]);
  Value rounded = exec::mapNest(b, loc, dimsOf(sum), {sum}, narrow,
                                [&](OpBuilder &b, ValueRange args) -> Value {
                                  return arith::TruncFOp::create(b, loc, narrow, args[0]);
                                });
  nest.getOutputs()[0].replaceAllUsesWith(rounded);
  nest.erase();
}

} // namespace

void widenSums(func::FuncOp function) {
  llvm::SmallVector<exec::NestOp> nests;
  function.walk([&](exec::NestOp nest) {
    if (combinesHalves(nest))
      nests.push_back(nest);
  });
  for (exec::NestOp nest : nests)
    widen(nest);
}

} // namespace ingot
