// Strings in C++: the type `!text.string`, the graph's ops on it, and texts as the reference
// interpreter has them. Included where text is made or told from numbers.
#pragma once
#include "ir/Graph.h"
#include "ir/text/TextDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "ir/text/TextTypes.h.inc"
#define GET_OP_CLASSES
#include "ir/ops/Text.h.inc"

namespace ingot::reference {

/// Whether elements are texts: strings, or their form in the exec dialect (i128).
bool isText(mlir::Type element);
/// A text as a Number: equal texts have equal ones (in `i`), the empty text has 0, which tensors
/// begin with. The context keeps the bytes.
Number textNumber(mlir::MLIRContext *context, llvm::StringRef text);
/// The text that textNumber gave the number for.
llvm::StringRef textOf(Number number);
/// Bits of one element, also where it is a text.
unsigned bitsOf(mlir::Type element);

} // namespace ingot::reference
