// CompileSource: versions that hold a model's source are compiled by the program `ingot`, in a
// process of its own with bounds on memory and time, and the results are kept.
//
//   <cache>/<digest of the sources, the compiler and the CPU>/1/{model.so, MANIFEST.json}
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_COMPILESOURCE_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_COMPILESOURCE_H

#include "ingot/Status.h"
#include "runtime/serve/repository/Manifest.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace ingot::serve {

struct CompilerOptions {
  std::string program;                      ///< "": `ingot` beside this program, else in PATH
  std::string cacheDirectory;               ///< "": ingot/served below $XDG_CACHE_HOME or ~/.cache
  uint64_t cacheBytes = uint64_t{32} << 30; ///< what was not used for longest goes
  uint64_t memoryBytes = uint64_t{8} << 30; ///< of the compiler's address space
  std::chrono::seconds timeout{600};
};

struct CompiledSource {
  std::string directory;            ///< a published version
  std::chrono::nanoseconds took{0}; ///< zero: it was in the cache
};

/// `source` in `directory` ("model.onnx"; "model.json" means the directory). `progress` is also
/// asked while the compiler runs. FailedPrecondition (no compiler is installed), InvalidArgument
/// (the compiler's words), DeadlineExceeded, Unavailable (the files changed meanwhile), IoError,
/// ResourceExhausted.
Result<CompiledSource> compileSource(const std::string &directory, const std::string &source,
                                     const CompilerOptions &options, const Progress &progress);

} // namespace ingot::serve

#endif
