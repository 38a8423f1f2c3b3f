// Part of the phase `layout`: what does not change from one iteration to the next leaves its loop.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Moves out of every scan and while what depends on nothing inside it: reads of variables, views,
/// constants and nests without checks. A nest that only repeats its inputs' elements stays:
/// computed where it is used it costs nothing, stored it would.
void hoistInvariants(mlir::func::FuncOp function);

} // namespace ingot
