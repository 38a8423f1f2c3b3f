// See MathFunctions.h.
#include "backends/gpu/MathFunctions.h"
#include "backends/cpu/MathExpansion.h"
#include "backends/cpu/MathExpansionHalf.h"
#include "backends/gpu/KernelText.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace ingot::gpu {

/// Whether the preludes have no word for the op.
static bool isFunction(Operation &op) {
  if (llvm::isa<arith::RemFOp>(op))
    return true;
  return llvm::isa<math::MathDialect>(op.getDialect()) &&
         !llvm::isa<math::AbsFOp, math::CeilOp, math::CopySignOp, math::FloorOp, math::FmaOp,
                    math::RoundEvenOp, math::SqrtOp, math::TruncOp>(op);
}

LogicalResult MathFunctions::outline(ModuleOp code) {
  cpu::widenHalves(code);
  llvm::SmallVector<Operation *> found;
  code.walk([&](Operation *op) {
    if (isFunction(*op))
      found.push_back(op);
  });
  for (Operation *op : found) {
    auto name = define(op);
    if (failed(name))
      return failure();
    OpBuilder b(op);
    auto call =
        func::CallOp::create(b, op->getLoc(), *name, op->getResultTypes(), op->getOperands());
    op->replaceAllUsesWith(call);
    op->erase();
  }
  return success();
}

/// "m_exp_f32", defined if it is not yet.
FailureOr<std::string> MathFunctions::define(Operation *op) {
  std::string name = "m_" + op->getName().stripDialect().str();
  for (Type type : op->getOperandTypes())
    name +=
        (llvm::isa<FloatType>(type) ? "_f" : "_i") + std::to_string(type.getIntOrFloatBitWidth());
  std::string &text = texts[name];
  if (!text.empty())
    return name;
  OwningOpRef<ModuleOp> module = ModuleOp::create(op->getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  auto function = func::FuncOp::create(
      b, op->getLoc(), name, b.getFunctionType(op->getOperandTypes(), op->getResultTypes()));
  b.setInsertionPointToStart(function.addEntryBlock());
  Operation *copy = b.clone(*op);
  copy->setOperands(function.getArguments());
  func::ReturnOp::create(b, op->getLoc(), copy->getResults());
  cpu::expandMathForDevice(*module, fast);
  text = printDeviceFunction(function, name);
  if (text.empty())
    return failure();
  return name;
}

llvm::StringRef MathFunctions::text(llvm::StringRef name) const {
  auto it = texts.find(name);
  return it == texts.end() ? llvm::StringRef() : llvm::StringRef(it->second);
}

} // namespace ingot::gpu
