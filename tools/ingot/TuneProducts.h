// `ingot bench --tune`: products of matrices on a GPU, each by the model's kernel and by a library.
#pragma once
#include "tools/ingot/Callable.h"

namespace ingot::cli {

/// Runs the function so often each way, notes the least time of each product in the file (see
/// GpuTuning.h), and prints them. Throws Failure.
void tuneProducts(const CallArguments &arguments, const std::string &file, int64_t runs);

} // namespace ingot::cli
