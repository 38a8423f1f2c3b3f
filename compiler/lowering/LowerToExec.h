// The phase `lower`: graph ops become loop nests, once for all targets.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Replaces every public function by one over exec ops with signless element types; inputs,
/// outputs and variables whose elements are below a byte are packed (PackedElements.h). Each op is
/// asked for its own lowering (Scalar or Structured). The graph types and names of inputs and
/// outputs are kept in the function's attributes `exec.inputs` and `exec.outputs`, arrays of [name,
/// type]. Requires composites to be decomposed. Private functions are removed.
mlir::LogicalResult lowerToExec(mlir::ModuleOp module);

} // namespace ingot
