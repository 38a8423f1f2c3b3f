// Part of the phase `layout`: what is made of loop indices alone is computed where it is read.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot {

/// Positions, masks that compare positions, and what else a map makes of its indices by a few cheap
/// operations, are computed by the maps that read them, so that they are in no tensor: a causal
/// mask would be as large as attention's scores. Comes before what hoists fixed computations.
void inlineIndices(mlir::func::FuncOp function);

} // namespace ingot
