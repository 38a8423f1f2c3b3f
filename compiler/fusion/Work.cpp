// See Work.h.
#include "compiler/fusion/Work.h"
#include "compiler/fusion/Structure.h"
#include "ir/exec/Control.h"
#include "ir/exec/Custom.h"
#include "ir/exec/Winograd.h"
#include "ir/reference/Tensor.h"

using namespace mlir;

namespace ingot {
namespace {

/// Whether a kernel's result is only where its tasks write meanwhile.
bool isWorkspace(Value result) {
  auto kernel = result.getDefiningOp<exec::KernelOp>();
  if (!kernel)
    return false;
  unsigned number = llvm::cast<OpResult>(result).getResultNumber();
  Value inside = kernel.getBody().front().getTerminator()->getOperand(number);
  auto winograd = inside.getDefiningOp<exec::WinogradOp>();
  return winograd && inside == winograd.getWorkspace();
}

/// Floating-point operations of one point: those of the body, and one to combine.
int64_t flopsPerPoint(exec::NestOp nest) {
  if (matchContraction(nest))
    return 2; // of integers, too
  int64_t count = isMap(nest) ? 0 : 1;
  for (Operation &op : nest.getBody().front().without_terminator())
    if (!op.getResultTypes().empty() && llvm::isa<FloatType>(op.getResult(0).getType()) &&
        !llvm::isa<arith::ConstantOp, exec::ReadOp>(op))
      ++count;
  return count;
}

Dim flopsOf(exec::KernelOp kernel) {
  MLIRContext *context = kernel.getContext();
  Dim flops = Dim::constant(context, 0);
  for (auto nest : kernel.getBody().getOps<exec::NestOp>())
    flops = flops + numElements(context, loopDims(nest)) * flopsPerPoint(nest);
  for (auto winograd : kernel.getBody().getOps<exec::WinogradOp>()) {
    // Those of the convolution as it is defined, so that speeds compare.
    constexpr int64_t ofTap = 2, taps = 9;
    flops = flops + numElements(context, dimsOf(winograd.getResult())) *
                        dimsOf(winograd.getX()).back() * (ofTap * taps);
  }
  return flops;
}

} // namespace

Work workOf(Operation *op) {
  MLIRContext *context = op->getContext();
  Work work{Dim::constant(context, 0), Dim::constant(context, 0)};
  auto addBytes = [&](Value tensor) {
    auto type = llvm::cast<RankedTensorType>(tensor.getType());
    work.bytes = work.bytes + numElements(context, dimsOf(type)) *
                                  reference::elementBytes(type.getElementType());
  };
  for (Value operand : op->getOperands())
    addBytes(operand);
  for (Value result : op->getResults())
    if (!isWorkspace(result))
      addBytes(result);
  if (auto kernel = llvm::dyn_cast<exec::KernelOp>(op))
    work.flops = flopsOf(kernel);
  else if (!llvm::isa<exec::CustomCallOp>(op)) // what a user's function computes is not known
    work.flops = numElements(context, dimsOf(op->getOperands().back()));
  for (auto scan = op->getParentOfType<exec::ScanOp>(); scan;
       scan = scan->getParentOfType<exec::ScanOp>()) {
    work.flops = work.flops * scan.getTripCount();
    work.bytes = work.bytes * scan.getTripCount();
  }
  return work;
}

} // namespace ingot
