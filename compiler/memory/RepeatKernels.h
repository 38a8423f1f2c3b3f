// Kernels that run a second time: the change of the program that ChooseRepeats decides on. Called
// by FitBudget.
#pragma once
#include "compiler/memory/ChooseRepeats.h"
#include "ir/exec/Exec.h"

namespace ingot {

/// Whether a copy of the op gives the same results wherever its operands are there: a kernel, or a
/// scan of kernels, in which nothing may fail, whose results are no tensors of a size that is known
/// while running.
bool canRepeat(mlir::Operation *op);
/// Whether a repetition of the op that makes the result can leave it out where nothing reads it.
bool isRepeatedAlone(mlir::OpResult result);
/// Whether repeatKernels made it, or the scan around it, and it is not the only computation.
bool isRepetition(mlir::Operation *op);

/// Puts copies of kernels where the choice says; `program` has one step for each op of the
/// function's block, in order. What nothing reads any more is erased, also results of the copies.
void repeatKernels(mlir::func::FuncOp function, const std::vector<int> &from,
                   const StepProgram &program);

} // namespace ingot
