// Running the compiler for the user: what goes wrong inside becomes messages and an exit code,
// whether it is a diagnostic, an exception or a crash. Used by compile and dump.
#pragma once
#include "tools/ingot/LoadModel.h"

namespace ingot::cli {

/// Runs `work`, which compiles a copy of `model`, read from `path`. Throws Failure: kInput with the
/// model's errors; kInternal, with a reproducer directory, for a bug of ours. After a crash it
/// prints that and ends the process with kInternal, for nothing is left that could be torn down.
void runCompiler(const LoadedModel &model, const std::string &path,
                 llvm::function_ref<llvm::LogicalResult()> work);

} // namespace ingot::cli
