// What happens to a graph module before it is lowered: composites become their formulas, and the
// graph is simplified without changing a bit of any result. Called by the compiler's phases.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Reports every type that no artifact can have: of variables, inputs and values. Safe on modules
/// that were parsed but not verified, which other functions are not.
mlir::LogicalResult checkTypes(mlir::ModuleOp module);

/// Reports, beyond types, everything about functions and variables that the phases rely on: one
/// block, names that differ, dimensions that inputs determine, variables that are declared.
mlir::LogicalResult checkModel(mlir::ModuleOp module);

/// Replaces every composite op, in all functions and nested regions, by its formula at the op's
/// location, and repeats for composites inside formulas. Ops for which `keep` holds stay whole.
void decomposeComposites(mlir::Operation *root,
                         llvm::function_ref<bool(mlir::Operation *)> keep = nullptr);

/// Simplifies every function: what the ops' folders know to be exact, constants computed through
/// the reference interpreter, equal ops merged, dead ones erased. No result changes in a bit,
/// except which NaN a NaN is: nothing is reassociated, x * 0 and x + 0.0 stay.
mlir::LogicalResult simplify(mlir::ModuleOp module);

} // namespace ingot
