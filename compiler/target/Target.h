// What back ends do together: from planned kernels to an artifact. Defined in backends/All.cpp.
#pragma once
#include "compiler/Compile.h"

namespace ingot {

/// Modules that have passed the phase `plan`, for each kind of machine.
struct PlannedModules {
  mlir::ModuleOp cpu;
  mlir::ModuleOp gpu; // null: no code for devices is asked for
};

/// Writes the artifact. Reports to the context.
mlir::LogicalResult generateArtifact(const PlannedModules &planned, const CompileOptions &options,
                                     const std::string &path);

} // namespace ingot
