// The pipeline on one screen: what happens to a module between a frontend and a back end.
#pragma once
#include "compiler/Compile.h"

namespace ingot {

enum class Phase { Import, Simplify, Decompose, Lower, Layout, Fuse, Plan };

/// "import", "simplify", …; in the order of the pipeline.
llvm::ArrayRef<llvm::StringRef> phaseNames();
/// The phase of that name; nothing for an unknown one.
std::optional<Phase> phaseNamed(llvm::StringRef name);

/// Runs all phases after Import up to and including `last`, verifying after each.
mlir::LogicalResult runPhases(mlir::ModuleOp module, const CompileOptions &options, Phase last);

} // namespace ingot
