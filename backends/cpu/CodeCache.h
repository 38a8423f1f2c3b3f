// Generated code in the compile cache: object files and what the generator said of the functions,
// by the planned program, the target and the options that code depends on. Weights are no part of
// the program, so that a model trained further finds its code. Called by CpuBackend, InitialState
// and writeArtifact.
#pragma once
#include "backends/cpu/Object.h"

namespace ingot::cpu {

/// The code of the level: from the cache, if there is one and it has it (Variant::objects), or
/// generated, to be stored once there are objects.
mlir::FailureOr<Variant> makeCode(mlir::ModuleOp planned, const CpuTarget &target,
                                  const CompileOptions &options);

/// Keeps the objects of a variant that makeCode generated. A warning where that fails.
void storeCode(const Variant &variant, const CompileOptions &options, mlir::Location loc);

} // namespace ingot::cpu
