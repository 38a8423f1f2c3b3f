// Custom ops in C++: declarations (graph.custom_op) and calls, and what reads descriptions of them.
#pragma once
#include "ir/Graph.h"
#define GET_OP_CLASSES
#include "ir/ops/Custom.h.inc"

namespace ingot::graph {

/// Letters, digits and _, and no digit first.
bool isIdentifier(llvm::StringRef text);
/// "int", "float", "ints", "floats" or "string"; empty for an attribute that is no parameter's
/// value.
llvm::StringRef parameterKind(mlir::Attribute value);
/// Whether tensors of these elements can be handed to C: bool, integers and floats of 8 bits and
/// more.
bool isCustomElement(mlir::Type element);

} // namespace ingot::graph
