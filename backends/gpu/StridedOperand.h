// Factors that are matrices in memory as they are: where a value of a nest's body is read, and how
// that moves along the nest's loops.
#pragma once
#include "compiler/fusion/Structure.h"

namespace ingot::gpu {

/// An operand of a kernel, in elements.
struct StridedOperand {
  mlir::Value tensor;             // in the function
  Dim offset;                     // of what is read at the first point of the loops
  llvm::SmallVector<Dim> strides; // by loop
  mlir::Type element;
};

/// The operand that the scalar is an element of, or that extended to f32; nothing where it is made
/// in the kernel or read by a map that is not linear.
std::optional<StridedOperand> stridedOperand(exec::KernelOp kernel, exec::NestOp nest,
                                             mlir::Value scalar);

/// Where the map reads at the first point of the loops.
Dim offsetOf(mlir::AffineMap map, mlir::Type tensor);

/// Loops as one: how many points they have, and the step of each tensor along them.
struct JoinedLoops {
  Dim extent;
  llvm::SmallVector<Dim, 3> steps; // 0 where there is one point
};

/// Nothing where the loops are no line of equal steps in each of the tensors, whose strides these
/// are.
std::optional<JoinedLoops> joinedLoops(llvm::ArrayRef<unsigned> loops, llvm::ArrayRef<Dim> bounds,
                                       llvm::ArrayRef<llvm::ArrayRef<Dim>> tensors,
                                       mlir::MLIRContext *context);

} // namespace ingot::gpu
