// Weights into a linked shared object. The linker sees only how many bytes they are: it would read
// them into memory twice. Called by writeArtifact.
#pragma once
#include "compiler/package/ArtifactDescription.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace ingot::cpu {

inline llvm::StringRef contentOf(const StateBytes &state) {
  return {state.data.get(), static_cast<size_t>(state.size)};
}

/// Appends the blocks to the file, whose section `.ingot.weights` (writeWeightsPlaceholder, one a
/// block, in this order) has addresses and no bytes, and makes them a read-only segment of their
/// own. The program headers keep their number: PT_PHDR, which only executables need, gives its
/// place. What is written is released: the kernel takes the pages that are given back for those of
/// the file, and has not to get new ones.
llvm::Error placeWeights(const std::string &path, llvm::ArrayRef<StateBytes> blocks);

} // namespace ingot::cpu
