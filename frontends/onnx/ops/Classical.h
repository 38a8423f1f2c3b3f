// What the operators of ai.onnx.ml share: attributes as numbers, constants, and the transforms that
// turn scores into results.
#pragma once
#include "frontends/onnx/Node.h"

namespace ingot::onnx {

/// A list of numbers, given as `name` (floats) or as `name`_as_tensor (floats or doubles).
std::vector<double> numbersAttr(Node &node, llvm::StringRef name);
/// f64 for f64, else f32: what a model of ai.onnx.ml computes in for this input.
mlir::Type computedType(Node &node, size_t input);
/// A constant of these dimensions; the product of `shape` is the number of values.
graph::Expr floatsOf(Node &node, llvm::ArrayRef<double> values, llvm::ArrayRef<int64_t> shape,
                     mlir::Type element);
graph::Expr intsOf(Node &node, llvm::ArrayRef<int64_t> values);
/// The input (N, F) or (F), seen as one row, in the type that is computed in.
graph::Expr rowsOf(Node &node, size_t input);
/// The attribute `post_transform`, or its number, applied to scores (N, classes).
graph::Expr postTransformed(Node &node, graph::Expr scores);
/// Sets output 0, the label of each row's class (indices si64), by the labels that the attribute
/// names. Unsupported where they are strings.
void setLabels(Node &node, graph::Expr classes, llvm::StringRef labels);
/// How many labels the attributes give.
int64_t labelCount(Node &node, llvm::StringRef labels);

} // namespace ingot::onnx
