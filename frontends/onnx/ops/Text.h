// The rules over strings, and what they share.
#pragma once
#include "frontends/onnx/Node.h"

namespace ingot::onnx {

// Categories.cpp
void categoryMapper(Node &), labelEncoder(Node &), oneHotEncoder(Node &);
// Text.cpp
void equal(Node &), regexFullMatch(Node &), stringConcat(Node &), stringNormalizer(Node &),
    stringSplit(Node &);

bool isText(mlir::Type element);
/// A constant vector of these texts.
graph::Expr textsOf(Node &node, llvm::ArrayRef<std::string> texts);
/// A constant of this text with these dimensions.
graph::Expr oneText(Node &node, llvm::StringRef text, llvm::ArrayRef<Dim> dims);
/// Positions of texts among the keys, -1 where there is none.
graph::Expr findText(Node &node, mlir::Value x, llvm::ArrayRef<std::string> keys);

} // namespace ingot::onnx
