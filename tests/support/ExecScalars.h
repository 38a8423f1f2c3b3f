// What the scalar ops in the bodies of nests compute; for ExecInterpreter.
#pragma once
#include "ir/Graph.h"
#include "ir/reference/Tensor.h"
#include <optional>

namespace ingot::tests {

/// The result of an op of arith or math, rounded to its type; nothing for an op it does not know.
std::optional<reference::Number> evaluateScalar(mlir::Operation &op,
                                                llvm::ArrayRef<reference::Number> operands);

} // namespace ingot::tests
