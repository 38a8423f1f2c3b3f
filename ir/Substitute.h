// Dimension expressions with values in place of their symbols: shape rules, and bounds of sizes
// that are known only while running.
#pragma once
#include "ir/Dims.h"

namespace ingot {

/// The expression with `valueOf` of each symbol in its place.
Dim substitute(Dim expression, llvm::function_ref<Dim(llvm::StringRef)> valueOf);

} // namespace ingot
