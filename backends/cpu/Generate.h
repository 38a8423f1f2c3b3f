// From a planned module to the code of one CPU level: task functions, `plan` and `run` of every
// function, and the description of what they are.
#pragma once
#include "backends/cpu/Object.h"

namespace ingot::cpu {

/// Every custom op that is called has its code.
mlir::LogicalResult checkCustomCode(mlir::ModuleOp planned, const CompileOptions &options);

/// Generates all functions of a module that has passed the phase `plan`.
mlir::FailureOr<Variant> generateCode(mlir::ModuleOp planned, const CpuTarget &target,
                                      const CompileOptions &options);

} // namespace ingot::cpu
