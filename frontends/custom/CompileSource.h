// A custom op's C source to an object, by the user's compiler. Called by CustomOps.
#pragma once
#include "llvm/Support/Error.h"
#include <string>
#include <utility>
#include <vector>

namespace ingot::custom {

/// runtime/include/ingot/artifact.h and custom_op.h.
extern const char *const artifactHeader, *const customOpHeader;

/// A directory for the compiler's output, removed with what is in it.
class BuildDirectory {
public:
  BuildDirectory() = default;
  BuildDirectory(BuildDirectory &&other) noexcept : path(std::exchange(other.path, "")) {}
  BuildDirectory &operator=(BuildDirectory &&other) noexcept {
    std::swap(path, other.path);
    return *this;
  }
  ~BuildDirectory();

  /// Made, with the headers in it, where it is not there yet.
  llvm::Error create();
  std::string file(const std::string &name) const { return path + "/" + name; }

private:
  std::string path;
};

/// Compiles to position-independent code whose symbols are hidden, and returns the object's path.
/// `compiler` is a command, which may have arguments ("ccache gcc"). The error has what it said.
llvm::Expected<std::string> compileSource(const BuildDirectory &directory,
                                          const std::string &compiler, const std::string &source,
                                          const std::vector<std::string> &flags,
                                          const std::string &name);

} // namespace ingot::custom
