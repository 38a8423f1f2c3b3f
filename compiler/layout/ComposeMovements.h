// The phase `layout`: a chain of copies is one copy.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Rows of a product that a transposition has put in another order than they are read in are moved
/// behind it, where a movement takes what it makes. Then a nest that only moves elements (a
/// transposition, a slice, a copy into panels) and reads what another one made, directly or through
/// views, reads what that one reads instead, so that the slices, reshapes and transpositions around
/// attention's heads are one copy each. A contiguous read is given up only where the copy between
/// is not needed any more.
void composeMovements(mlir::func::FuncOp function);

} // namespace ingot
