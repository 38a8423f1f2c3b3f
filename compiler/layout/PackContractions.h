// The phase `layout`: contractions read the operand that runs along the lanes contiguously.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Gives every contraction whose lane operand is not contiguous along the lane loop, or is a large
/// variable, a packed copy of it, made by a movement nest (which `derive` takes over where the
/// operand is a variable).
void packContractions(mlir::func::FuncOp function);

} // namespace ingot
