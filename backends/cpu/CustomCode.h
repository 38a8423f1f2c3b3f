// The native code of custom ops on its way into an artifact. Called by writeArtifact.
//
// What a user's objects hold is hidden behind names of ours: each set of files becomes one object
// whose functions have the symbols that generated code calls and whose other symbols are its own,
// so that it can clash with nothing. What is wrong with it is the user's to mend, and said so.
#pragma once
#include "backends/cpu/Link.h"
#include "compiler/package/ArtifactDescription.h"

namespace ingot::cpu {

/// The symbol by which generated code calls the op's function. Requires code for the op.
std::string customSymbol(const CompileOptions &options, llvm::StringRef op,
                         llvm::StringRef function);

/// Makes the objects of these ops in `scratch`. Checks that the functions are there, that nothing
/// is undefined but what `memcpy` and its like, the ops' libraries and `needs` give, and that there
/// are no constructors, thread-local storage or, without `staticData`, writable data.
llvm::Expected<CustomObjects> linkCustomCode(const ScratchDirectory &scratch,
                                             llvm::ArrayRef<CustomOpDescription> ops,
                                             const CompileOptions &options);

} // namespace ingot::cpu
