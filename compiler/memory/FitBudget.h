// A function's arena within a budget: kernels whose results take memory for long are run again
// where these are read, as few and as cheap ones as needed. Between `fuse` and `plan`, so that what
// is weighed are the tensors and kernels that the artifact has. Called by the phase `plan`.
#pragma once
#include "compiler/Compile.h"
#include "compiler/package/ArtifactDescription.h"

namespace ingot {

/// Makes repetitions in the function, which has kernels and no plan yet, until the arena that
/// planMemory gives takes no more than the budget, at the sizes that it is meant for. A repetition
/// is a copy of its kernel, or of a scan of kernels, so the results keep their bits. Where the
/// least that this way reaches is more, the function stays as it is, and the error says how much
/// that is and what takes it.
mlir::LogicalResult fitBudget(mlir::func::FuncOp function, const MemoryBudget &budget);

/// What fitBudget did, as it left it on the function; `budget` 0 where it was not called.
RecomputationDescription recomputationOf(mlir::func::FuncOp function);

} // namespace ingot
