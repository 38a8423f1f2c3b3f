// Describing a planned module: what goes into the artifact's table.
#pragma once
#include "compiler/Compile.h"
#include "compiler/package/ArtifactDescription.h"
#include "ir/exec/Exec.h"

namespace ingot {

/// Variables with their offsets in the state block, and every function with its inputs, outputs,
/// symbols and flags. Kernels, plans and formulas are filled by the back end.
ArtifactDescription describeArtifact(mlir::ModuleOp planned, const CompileOptions &options);

/// Name, node, FLOPs and bytes of a kernel or scatter.
KernelDescription describeKernel(mlir::Operation *op);

/// The same of kernels that run in one launch.
KernelDescription describeKernels(llvm::ArrayRef<mlir::Operation *> ops);

/// The ABI's number of an element type. Requires a type that artifacts may have at their border.
ingot_dtype dtypeOf(mlir::Type element);

} // namespace ingot
