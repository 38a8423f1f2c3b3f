// Weights into a linked shared object. The linker sees only how many bytes they are: it would read
// them into memory twice. Called by writeArtifact.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace ingot::cpu {

/// Appends the blocks to the file, whose section `.ingot.weights` (writeWeightsPlaceholder, one a
/// block, in this order) has addresses and no bytes, and makes them a read-only segment of their
/// own. The program headers keep their number: PT_PHDR, which only executables need, gives its
/// place. `written` is called for each part of a block that is in the file.
llvm::Error placeWeights(const std::string &path, llvm::ArrayRef<llvm::StringRef> blocks,
                         llvm::function_ref<void(llvm::StringRef part)> written);

} // namespace ingot::cpu
