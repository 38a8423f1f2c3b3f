// Older operator sets: a node is brought to the form of operator set 28 before its rule sees it.
#pragma once
#include "frontends/onnx/Node.h"

namespace ingot::onnx {

/// An attribute of an operator that is an input from an operator set on.
struct AttributeToInput {
  const char *op;
  int64_t before; ///< the first operator set that has the input
  const char *attribute;
  size_t input;
};
llvm::ArrayRef<AttributeToInput> attributesToInputs();

/// Applies the rows of the table in Upgrade.cpp that fit the node's operator and version.
void upgrade(Node &node);

} // namespace ingot::onnx
