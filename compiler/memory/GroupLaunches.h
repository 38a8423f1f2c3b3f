// Part of the phase `plan`, for GPUs: which kernels are launched together.
#pragma once
#include "ir/exec/Exec.h"
#include <optional>

namespace ingot {

/// The number of a kernel's group, an attribute. Kernels of one group stand one after another, need
/// nothing of each other, and may run at the same time; what each uses is kept for all of it.
constexpr llvm::StringLiteral kLaunchAttr = "exec.launch";
std::optional<int64_t> launchGroup(mlir::Operation *op);

/// Forms groups of kernels that are too small to fill a GPU (casts of weights, tests of gradients,
/// updates of variables): those that read inputs and variables alone go up to the first of them,
/// others down to one before whose group's end nothing reads what they make. They move where that
/// keeps no more than little memory for longer, and no variable from being updated in place. Not
/// where a function has to do with a memory budget.
void groupLaunches(mlir::func::FuncOp function);

} // namespace ingot
