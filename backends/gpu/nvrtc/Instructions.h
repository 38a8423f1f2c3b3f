// The machine instructions of GPUs since 7.5: their names, and the loops that they make. Called by
// Cubin alone.
#pragma once
#include "backends/gpu/nvrtc/Cubin.h"

namespace ingot::gpu {

/// An instruction's bytes; code is a sequence of these.
constexpr size_t kInstructionBytes = 16;

/// Counts the instructions of `code`, whole ones, as KernelResources::instructions says.
/// `architecture`: 86 is 8.6.
InstructionCounts countInstructions(llvm::StringRef code, int architecture);

/// The loops of `code`, as KernelResources::loops says. In time n log n.
std::vector<InstructionLoop> findLoops(llvm::StringRef code, int architecture);

} // namespace ingot::gpu
