// Faults to be put into kernels.
#pragma once
#include <vector>

namespace ingot::tests {

struct Mutation {
  const char *kernel; ///< a KernelCase
  const char *name;   ///< what is wrong then
  const char *from;   ///< stands once in the kernel's text
  const char *to;
};

const std::vector<Mutation> &mutations();

} // namespace ingot::tests
