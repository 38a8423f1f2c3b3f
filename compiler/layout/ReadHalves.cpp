// See ReadHalves.h.
#include "compiler/layout/ReadHalves.h"
#include "compiler/fusion/Structure.h"

using namespace mlir;

namespace ingot {

void readHalves(func::FuncOp function) {
  llvm::SmallVector<exec::NestOp> reductions;
  function.walk([&](exec::NestOp nest) {
    if (!isMap(nest))
      reductions.push_back(nest);
  });
  for (exec::NestOp nest : reductions) {
    Block &body = nest.getBody().front();
    OpBuilder b = OpBuilder::atBlockBegin(&body);
    for (auto [i, input] : llvm::enumerate(llvm::to_vector(nest.getInputs()))) {
      Value half = accessMap(nest, i) ? halvesOf(input) : Value();
      if (!half)
        continue;
      BlockArgument argument = body.getArgument(loopDims(nest).size() + i);
      Type wide = argument.getType();
      argument.setType(getElementTypeOrSelf(half));
      auto extend = arith::ExtFOp::create(b, nest.getLoc(), wide, argument);
      argument.replaceAllUsesExcept(extend, extend);
      nest->setOperand(i, half);
      if (input.use_empty())
        input.getDefiningOp()->erase();
    }
  }
}

} // namespace ingot
