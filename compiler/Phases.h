// The pipeline on one screen: what happens to a module between a frontend and a back end.
#pragma once
#include "compiler/Compile.h"

namespace ingot {

enum class Phase { Import, Simplify, Decompose, Lower, Layout, Fuse, Plan };

/// "import", "simplify", …; in the order of the pipeline.
llvm::ArrayRef<llvm::StringRef> phaseNames();
/// The phase of that name; nothing for an unknown one.
std::optional<Phase> phaseNamed(llvm::StringRef name);

/// What a program is made for, from the phase `layout` on: a few threads with caches and vectors,
/// or very many threads.
enum class Machine { Cpu, Gpu };

/// Runs all phases from `first` up to and including `last`, verifying after each.
mlir::LogicalResult runPhases(mlir::ModuleOp module, const CompileOptions &options, Phase last,
                              Phase first = Phase::Import, Machine machine = Machine::Cpu);

} // namespace ingot
