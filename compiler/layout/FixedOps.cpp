// See FixedOps.h.
#include "compiler/layout/FixedOps.h"
#include "compiler/fusion/Structure.h"
#include "ir/Text.h"

using namespace mlir;

namespace ingot {

static bool isFixed(Operation &op, const llvm::SetVector<Operation *> &fixed) {
  if (llvm::isa<exec::ReadVariableOp, exec::ConstantOp>(op))
    return true;
  // Text is addresses, of constants here: no variable's value.
  if (llvm::any_of(op.getResultTypes(),
                   [](Type type) { return reference::isText(getElementTypeOrSelf(type)); }))
    return false;
  if (auto nest = llvm::dyn_cast<exec::NestOp>(op)) {
    if (hasChecks(nest) || llvm::any_of(loopDims(nest), [](Dim d) { return !d.isStatic(); }) ||
        llvm::any_of(nest.getBody().getOps<exec::ExtentOp>(), [](exec::ExtentOp extent) {
          return !Dim(extent.getDim().getExprs()[0]).isStatic();
        }))
      return false;
  } else if (!llvm::isa<exec::ViewOp>(op)) {
    return false;
  }
  return llvm::all_of(op.getOperands(), [&](Value v) {
    return v.getDefiningOp() && fixed.contains(v.getDefiningOp());
  });
}

FixedOps::FixedOps(func::FuncOp function) {
  if (!function.getBody().getOps<exec::AssignVariableOp>().empty())
    return;
  for (Operation &op : function.getBody().front()) {
    if (!isFixed(op, all))
      continue;
    all.insert(&op);
    if (llvm::isa<exec::ReadVariableOp>(op) || llvm::any_of(op.getOperands(), [&](Value v) {
          return reading.contains(v.getDefiningOp());
        }))
      reading.insert(&op);
  }
}

} // namespace ingot
