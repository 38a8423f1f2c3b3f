// Names of the machine instructions of GPUs since 7.5. Called by Cubin alone.
#pragma once
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <map>
#include <string>

namespace ingot::gpu {

/// An instruction's bytes; code is a sequence of these.
constexpr size_t kInstructionBytes = 16;

/// Counts the instructions of `code`, whole ones, as KernelResources::instructions says.
/// `architecture`: 86 is 8.6.
std::map<std::string, int64_t> countInstructions(llvm::StringRef code, int architecture);

} // namespace ingot::gpu
