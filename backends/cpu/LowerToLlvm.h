// Lowers one variant's generated code (func, scf, cf, arith, math, vector, index over bare
// pointers) to the LLVM dialect, in place. Called by writeArtifact, once per variant.
#pragma once
#include "backends/cpu/CpuTarget.h"
#include "mlir/IR/BuiltinOps.h"

namespace ingot::cpu {

/// Fails with a message at the op that has no lowering. `fastMath`: see expandMath.
mlir::LogicalResult lowerToLlvm(mlir::ModuleOp code, const CpuTarget &target,
                                bool fastMath = false);

} // namespace ingot::cpu
