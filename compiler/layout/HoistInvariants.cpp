// Loop-invariant code motion over nests. See HoistInvariants.h.
#include "compiler/layout/HoistInvariants.h"
#include "compiler/fusion/Structure.h"
#include "ir/exec/Control.h"

using namespace mlir;

namespace ingot {
namespace {

/// Whether some loop moves no access: then the result has elements that are copies of each other.
bool repeatsElements(exec::NestOp nest) {
  for (auto [l, extent] : llvm::enumerate(loopDims(nest))) {
    bool used = extent.isStatic() && extent.value() == 1;
    for (unsigned i = 0; i < nest.getInputs().size() && !used; ++i)
      used = !accessMap(nest, i) || accessMap(nest, i).isFunctionOfDim(l);
    if (!used)
      return true;
  }
  return false;
}

bool mayLeave(Operation &op, Region &region) {
  if (auto nest = llvm::dyn_cast<exec::NestOp>(op)) {
    if (nest.getInputs().empty() || hasChecks(nest) || repeatsElements(nest))
      return false;
  } else if (!llvm::isa<exec::ConstantOp, exec::ReadVariableOp, exec::ViewOp>(op)) {
    return false;
  }
  return llvm::all_of(op.getOperands(),
                      [&](Value v) { return !region.isAncestor(v.getParentRegion()); });
}

} // namespace

void hoistInvariants(func::FuncOp function) {
  // Inner loops come first: what leaves one may leave the next.
  function.walk([](Operation *loop) {
    if (!llvm::isa<exec::ScanOp, exec::WhileOp>(loop))
      return;
    for (Region &region : loop->getRegions())
      for (Operation &op : llvm::make_early_inc_range(region.front()))
        if (mayLeave(op, region))
          op.moveBefore(loop);
  });
}

} // namespace ingot
