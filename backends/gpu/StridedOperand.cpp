// See StridedOperand.h.
#include "backends/gpu/StridedOperand.h"

using namespace mlir;

namespace ingot::gpu {

std::optional<StridedOperand> stridedOperand(exec::KernelOp kernel, exec::NestOp nest,
                                             Value scalar) {
  if (auto extend = scalar.getDefiningOp<arith::ExtFOp>())
    scalar = extend.getIn();
  auto argument = llvm::dyn_cast<BlockArgument>(scalar);
  unsigned loops = loopDims(nest).size();
  if (!argument || argument.getArgNumber() < loops)
    return std::nullopt;
  unsigned input = argument.getArgNumber() - loops;
  AffineMap map = accessMap(nest, input);
  auto outside = llvm::dyn_cast<BlockArgument>(nest.getInputs()[input]);
  if (!map || !outside)
    return std::nullopt;
  auto strides = linearStrides(map, outside.getType(), loops);
  if (!strides)
    return std::nullopt;
  return StridedOperand{kernel.getInputs()[outside.getArgNumber()],
                        offsetOf(map, outside.getType()), *strides, scalar.getType()};
}

std::optional<JoinedLoops> joinedLoops(llvm::ArrayRef<unsigned> loops, llvm::ArrayRef<Dim> bounds,
                                       llvm::ArrayRef<llvm::ArrayRef<Dim>> tensors,
                                       MLIRContext *context) {
  JoinedLoops joined{Dim::constant(context, 1), {}};
  joined.steps.assign(tensors.size(), Dim::constant(context, 0));
  bool isFirst = true;
  for (unsigned loop : loops) {
    Dim extent = bounds[loop];
    if (isConstant(extent, 1))
      continue;
    for (auto [step, strides] : llvm::zip(joined.steps, tensors)) {
      if (!isFirst && step != strides[loop] * extent)
        return std::nullopt;
      step = strides[loop];
    }
    joined.extent = joined.extent * extent;
    isFirst = false;
  }
  return joined;
}

Dim offsetOf(AffineMap map, Type tensor) {
  Dim offset = Dim::constant(map.getContext(), 0);
  llvm::SmallVector<AffineExpr> zeros(map.getNumDims(), getAffineConstantExpr(0, map.getContext()));
  AffineMap first = map.replaceDimsAndSymbols(zeros, {}, 0, 0);
  for (auto [expr, stride] : llvm::zip(first.getResults(), rowMajorStrides(tensor)))
    offset = offset + stride * llvm::cast<AffineConstantExpr>(expr).getValue();
  return offset;
}

} // namespace ingot::gpu
