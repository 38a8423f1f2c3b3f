// The reverse pass over one block, called by differentiate().
// Internal to compiler/autodiff.
#pragma once
#include "ir/Builder.h"

namespace ingot {

/// What is asked of a reverse pass, and its answer. Where a composite is replaced by its formula,
/// `outputs` and `targets` are updated in place.
struct ReverseRequest {
  llvm::SmallVector<mlir::Value> outputs;  // values whose gradients are known
  llvm::SmallVector<mlir::Value> dOutputs; // those gradients; null for none
  llvm::SmallVector<mlir::Value> targets;  // values whose gradients are wanted
  llvm::SmallVector<mlir::Value> dTargets; // the answer; null where nothing depends on a target
};

/// Emits at `at` the gradients of the request's targets through the ops of `block`. Targets may be
/// defined above the block. Reports every op without gradient on the way and fails then.
mlir::LogicalResult reverseBlock(mlir::Block &block, mlir::OpBuilder::InsertPoint at,
                                 ReverseRequest &request);

/// Whether reverseRegionOp has a rule for the op.
bool hasRegionGradient(mlir::Operation *op);

/// The gradients of `inputs` (the op's operands, then the values that its regions capture) given
/// those of its results (null for none); null where `isWanted` does not hold. A scan may get a
/// replacement that stacks more results; then `op` is left without uses.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
reverseRegionOp(mlir::OpBuilder &b, mlir::Operation *op, mlir::ValueRange dResults,
                mlir::ValueRange inputs, llvm::function_ref<bool(mlir::Value)> isWanted);

/// A tensor of floating-point elements.
bool isFloat(mlir::Value v);

/// Erases what nothing uses, inside of regions too.
void eraseDead(mlir::Block &block);

/// differentiate(), with null instead of a zero for a target that the loss does not depend on.
/// `firstBackward`, if given, gets the first op of the backward pass.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
gradientsOrNull(mlir::func::FuncOp function, mlir::Value loss, llvm::ArrayRef<mlir::Value> targets,
                mlir::Operation **firstBackward = nullptr);

/// `gradient of <layer>` around `loc`; `fallback` where no layer is named.
mlir::Location gradientLocation(mlir::Location loc, llvm::StringRef fallback);

} // namespace ingot
