// Part of the phase `layout`: what depends on variables alone is computed once, by `derive`.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Moves every nest that functions which do not write state compute from variables and constants
/// alone (packed weights, folded batch norms) into a function `derive`, which stores the results in
/// variables of role "derived". Equal computations are derived once. Functions that write state
/// keep reading canonical variables.
void hoistDerived(mlir::ModuleOp module);

} // namespace ingot
