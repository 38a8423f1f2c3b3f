// Sizes that the program computes; see Counts.cpp.
#pragma once
#include "frontends/onnx/Node.h"

namespace ingot::onnx {

/// Where the mask (a vector) holds, in order: a vector of run-time size.
graph::Expr placesOf(Node &node, graph::Expr mask);

} // namespace ingot::onnx
