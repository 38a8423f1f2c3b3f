// An ELF object that holds one block of bytes, or room for it, written without going through LLVM
// constants, which would copy and hash hundreds of megabytes. Called by writeArtifact for the
// initial state.
#pragma once
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace ingot::cpu {

/// More than this cannot be reached by the position-independent code of one shared object, whose
/// code and tables are on one side of the weights.
constexpr uint64_t maxEmbeddedBytes = 7ull << 28;

/// Weights of a shared object begin on a page, so that they can be a segment of their own.
constexpr uint64_t pageBytes = 4096;

/// A relocatable x86-64 object with `bytes` in the read-only section `.ingot.weights`, aligned to
/// INGOT_ALIGNMENT, under the hidden symbol `symbol`.
void writeWeightsObject(llvm::raw_ostream &out, const std::string &symbol, llvm::StringRef bytes);

/// The same without the bytes: the linker only gives the section, which starts on a page, its
/// address. See PlaceWeights.h.
void writeWeightsPlaceholder(llvm::raw_ostream &out, const std::string &symbol, uint64_t size);

} // namespace ingot::cpu
