// The CPU back end, for the registry of targets.
#pragma once
#include "compiler/target/Target.h"

namespace ingot::cpu {
std::unique_ptr<Target> createCpuBackend();
} // namespace ingot::cpu
