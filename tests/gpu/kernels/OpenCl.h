// A kernel's text on an OpenCL device of this machine, if it has one. For tests.
#pragma once
#include <cstdint>
#include <string>

namespace ingot::tests {

/// Why there is none; empty if there is.
std::string whyNoOpenCl();

/// Builds the text and runs the kernel of three parameters (from, to, n) in groups of 64. Empty, or
/// what went wrong, with the compiler's words.
std::string runOpenCl(const std::string &text, const char *kernel, const void *from,
                      uint64_t fromBytes, void *to, uint64_t toBytes, int64_t n);

} // namespace ingot::tests
