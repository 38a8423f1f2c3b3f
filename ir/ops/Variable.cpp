// Meaning of reading and assigning variables.
#include "ir/Builder.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Tensor;

LogicalResult ReadOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor>,
                               llvm::MutableArrayRef<Tensor> results) {
  const Tensor *value = context.readVariable(getVariable());
  if (!value)
    return context.fail("variable `" + getVariable().str() + "` has no value");
  results[0] = *value;
  return success();
}

LogicalResult AssignOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                                 llvm::MutableArrayRef<Tensor>) {
  context.assignVariable(getVariable(), operands[0]);
  return success();
}
