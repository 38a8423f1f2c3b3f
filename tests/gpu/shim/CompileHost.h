// Makes images for the host from kernels' text, in well under a second.
#pragma once
#include <string>

namespace ingot::shim {

struct HostCompileOptions {
  /// The image tells the engine of each access to memory: races, bounds and alignment are checked.
  /// Kernels run several times slower.
  bool instrumented = true;
  /// The address sanitizer looks at accesses, in a process that has it. Not with `instrumented`.
  bool addressSanitizer = false;
  bool optimized = true;
};

/// Compiles the text, to which the host's prelude is added in front if it is not there, to a shared
/// object at `path`. Empty, or what clang++-22 says. INGOT_CLANG names another compiler.
/// Thread-safe.
std::string compileHost(const std::string &text, const std::string &path,
                        const HostCompileOptions &options = {});

} // namespace ingot::shim
