// CompileOptions::hostImage of tests: kernels as a shared object for the shim.
#pragma once
#include <string>

namespace ingot::tests {

/// The bytes of the object; empty, with what the compiler says on stderr, where the text is wrong.
/// In a program with the address sanitizer the kernels have it too; else, `isChecked`, the engine
/// sees each access to memory. Thread-safe. With INGOT_KEEP_KERNELS=DIRECTORY the text stays there.
std::string makeHostImage(const std::string &source, bool isChecked = true);

} // namespace ingot::tests
