// Part of the phase `layout`: views do not come between nests that can share a kernel.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// Moves views of what contractions and reductions make behind the maps that read them, which then
/// run over the shape that was viewed; lets other nests read through views that only put in or
/// leave out dimensions of one element, or split one; makes views of copies that move nothing.
void absorbViews(mlir::func::FuncOp function);

} // namespace ingot
