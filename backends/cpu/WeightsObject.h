// An ELF object that holds one block of bytes, written without going through LLVM constants, which
// would copy and hash hundreds of megabytes. Called by writeArtifact for the initial state.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace ingot::cpu {

/// More than this cannot be reached by the position-independent code of one shared object.
constexpr uint64_t maxEmbeddedBytes = 1ull << 30;

/// A relocatable x86-64 object with `bytes` in the read-only section `.ingot.weights`, aligned to
/// INGOT_ALIGNMENT, under the hidden symbol `symbol`.
void writeWeightsObject(llvm::raw_ostream &out, const std::string &symbol,
                        llvm::ArrayRef<char> bytes);

} // namespace ingot::cpu
