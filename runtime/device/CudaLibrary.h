// CUDA's driver, loaded once a process when it is first asked for, and never unloaded.
#ifndef INGOT_RUNTIME_DEVICE_CUDALIBRARY_H
#define INGOT_RUNTIME_DEVICE_CUDALIBRARY_H

#include "ingot/Status.h"
#include "runtime/device/CudaApi.h"

#include <string>

namespace ingot::cuda {

struct Library {
#define INGOT_CUDA_FUNCTION(Result, name, parameters) Result(*name) parameters = nullptr;
  INGOT_CUDA_FUNCTIONS(INGOT_CUDA_FUNCTION)
  INGOT_CUDA_NEWER_FUNCTIONS(INGOT_CUDA_FUNCTION) ///< NULL: the driver does not have it
#undef INGOT_CUDA_FUNCTION
  int deviceCount = 0; ///< at least 1
  bool isFake = false; ///< see fakeDriverSymbol

  /// "CUDA_ERROR_OUT_OF_MEMORY", or a number where the driver does not know it.
  std::string errorName(CUresult error) const;
  /// `call` is the name of a function that returned `error`, which is none of success.
  Status statusOf(CUresult error, const char *call) const;
};

/// The driver, initialised. Unavailable: there is none, or it has no devices; Unsupported: it is
/// too old. Says the same each time.
Result<const Library *> library();

} // namespace ingot::cuda

#endif // INGOT_RUNTIME_DEVICE_CUDALIBRARY_H
