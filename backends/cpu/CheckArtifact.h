// The promise of a finished artifact, checked on its bytes: one symbol defined, libc's memory
// functions alone undefined, nothing writable, no constructors, no thread-local storage; with
// custom ops, what they declare besides. Called by writeArtifact after every link; a failure is an
// internal error, never the user's.
#pragma once
#include "backends/cpu/Link.h"

namespace ingot::cpu {

/// `path` is what linkObjects returned. Artifacts under a sanitizer may use its runtime, and have
/// its constructors; the rest holds for them too. Archives are checked by their one member
/// beforehand.
llvm::Error checkArtifact(const std::string &path, const CustomObjects &custom,
                          const CompileOptions &options);

} // namespace ingot::cpu
