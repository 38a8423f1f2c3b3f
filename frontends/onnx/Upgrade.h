// Older operator sets: a node is brought to the form of operator set 28 before its rule sees it.
#pragma once
#include "frontends/onnx/Node.h"

namespace ingot::onnx {

/// Applies the rows of the table in Upgrade.cpp that fit the node's operator and version.
void upgrade(Node &node);

} // namespace ingot::onnx
