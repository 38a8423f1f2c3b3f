// Part of the phase `fuse`: loops that everything in a kernel walks as one become one.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// In kernels of a contraction, joins neighbouring loops of known extent where every tensor has the
/// two as neighbouring dimensions or has neither, and no body asks for their indices: the rows and
/// columns of an image under a 1 x 1 convolution are rows of one matrix. Tensors outside are
/// viewed.
void collapseLoops(mlir::func::FuncOp function);

/// Takes the kernel's first loop, which has one iteration, out of its domain and tensors; false
/// where it is something else.
bool leaveOutFirstLoop(exec::KernelOp kernel);

} // namespace ingot
