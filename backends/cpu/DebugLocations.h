// Debug information of generated code: a debugger, profiler or sanitizer that shows a line shows
// the user's layer as its file. Called by writeArtifact under `-g`, on the LLVM dialect.
#pragma once
#include "mlir/IR/BuiltinOps.h"

namespace ingot::cpu {

/// Gives each function a subprogram and each op a line whose file is named like the op's node
/// ("dense/relu:1"). Line tables only: no variables, no types.
void addDebugLocations(mlir::ModuleOp code);

} // namespace ingot::cpu
