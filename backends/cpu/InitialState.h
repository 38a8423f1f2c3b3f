// The state block that an artifact with weights carries: variables' values, and what derive makes
// of them, computed when compiling.
#pragma once
#include "backends/cpu/Object.h"

namespace ingot::cpu {

/// The state block of the module's variables (`value` of each graph.variable; zeros without one).
/// The derived region is filled by running the generated `derive` of the baseline level in this
/// process, which any x86-64 can; its bytes hold for every level, since derive computes without
/// fused multiply-add.
mlir::FailureOr<StateBytes> initialState(mlir::ModuleOp planned, const CompileOptions &options);

} // namespace ingot::cpu
