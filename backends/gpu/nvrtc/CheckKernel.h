// What a compiled kernel must be like. Called by CompileUnits alone.
#pragma once
#include "backends/gpu/nvrtc/CompileUnits.h"

namespace ingot::gpu {

/// What is wrong with it, for users and for who writes kernels; or nothing.
std::string checkKernel(const UnitKernel &kernel, const KernelUse &use, bool mayUseLocalMemory);

} // namespace ingot::gpu
