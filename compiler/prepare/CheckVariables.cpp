// Every variable that a function reads or assigns is declared, with the same type. Part of the
// phase `import`, before anything relies on it.
#include "compiler/prepare/Prepare.h"

using namespace mlir;

namespace ingot {
namespace {

LogicalResult check(ModuleOp module, Operation *op, llvm::StringRef name, Type type) {
  auto variable = module.lookupSymbol<graph::VariableOp>(name);
  if (!variable)
    return op->emitError("variable `") << name << "` is not declared";
  if (variable.getType() != type)
    return op->emitError("variable `")
           << name << "` is declared " << variable.getType() << ", used as " << type;
  return success();
}

} // namespace

LogicalResult checkVariables(ModuleOp module) {
  bool isValid = true;
  module.walk([&](Operation *op) {
    if (auto read = llvm::dyn_cast<graph::ReadOp>(op))
      isValid &= succeeded(check(module, op, read.getVariable(), read.getResult().getType()));
    if (auto assign = llvm::dyn_cast<graph::AssignOp>(op))
      isValid &= succeeded(check(module, op, assign.getVariable(), assign.getX().getType()));
  });
  return success(isValid);
}

} // namespace ingot
