// Counts every allocation of the process: link CountAllocations.cpp into a test's executable.
#pragma once
#include <cstdint>

namespace ingot::tests {
/// Calls of malloc and its kin by any thread since the process began.
int64_t allocationCount();
} // namespace ingot::tests
