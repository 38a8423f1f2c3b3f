// A function as a picture: Graphviz DOT with layers and shapes. Called by `ingot dump --format
// dot`.
#pragma once
#include "ir/Graph.h"
#include <string>

namespace ingot::cli {

/// One digraph of the functions (private ones too): a node an op, with its layer and result shapes;
/// an edge a use, with the shape that flows. Regions over tensors (if, scan, kernels) are boxes.
/// The same module gives the same text.
std::string dotOf(llvm::ArrayRef<mlir::func::FuncOp> functions);

} // namespace ingot::cli
