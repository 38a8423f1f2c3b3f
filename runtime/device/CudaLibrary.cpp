// Finding and loading CUDA's driver. See CudaLibrary.h.
#include "runtime/device/CudaLibrary.h"
#include "runtime/device/LoadedLibrary.h"

#include <cstdlib>
#include <dlfcn.h>

namespace ingot::cuda {

namespace {

Status open(Library &library) {
  const char *chosen = std::getenv("INGOT_CUDA_DRIVER");
  const char *path = chosen && *chosen ? chosen : "libcuda.so.1";
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return Status(StatusCode::Unavailable,
                  std::string("no CUDA driver: ") + dlerror() +
                      (chosen ? " (from INGOT_CUDA_DRIVER)"
                              : "; it comes with the display driver of NVIDIA, and "
                                "INGOT_CUDA_DRIVER names one at another place"));
  // Without a function to unload it: contexts may be in use until the process ends.
#define INGOT_CUDA_FUNCTION(Result, name, parameters)                                              \
  library.name = reinterpret_cast<Result(*) parameters>(dlsym(handle, #name));                     \
  if (!library.name)                                                                               \
    return Status(StatusCode::Unsupported, std::string("the CUDA driver '") + path +               \
                                               "' has no " #name                                   \
                                               ": it is older than CUDA 11.4 (driver 470)");
  INGOT_CUDA_FUNCTIONS(INGOT_CUDA_FUNCTION)
#undef INGOT_CUDA_FUNCTION
#define INGOT_CUDA_FUNCTION(Result, name, parameters)                                              \
  library.name = reinterpret_cast<Result(*) parameters>(dlsym(handle, #name));
  INGOT_CUDA_NEWER_FUNCTIONS(INGOT_CUDA_FUNCTION)
#undef INGOT_CUDA_FUNCTION
  library.isFake = dlsym(handle, fakeDriverSymbol) != nullptr;

  CUresult error = library.cuInit(0);
  if (error == CUDA_SUCCESS)
    error = library.cuDeviceGetCount(&library.deviceCount);
  if (error == CUDA_ERROR_NO_DEVICE || (error == CUDA_SUCCESS && library.deviceCount < 1))
    return Status(StatusCode::Unavailable, "the CUDA driver has no devices");
  if (error != CUDA_SUCCESS)
    return Status(StatusCode::Unavailable,
                  "the CUDA driver does not start: " + library.errorName(error));
  return Status::ok();
}

} // namespace

std::string Library::errorName(CUresult error) const {
  const char *name = nullptr;
  if (cuGetErrorName(error, &name) != CUDA_SUCCESS || !name)
    return "CUDA error " + std::to_string(error);
  return name;
}

Status Library::statusOf(CUresult error, const char *call) const {
  StatusCode code = StatusCode::Internal;
  std::string remedy;
  switch (error) {
  case CUDA_ERROR_OUT_OF_MEMORY:
    code = StatusCode::ResourceExhausted;
    break;
  case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES:
    remedy = "; the kernel takes more registers or shared memory than this GPU has: a fault of "
             "the compiler, please report it";
    break;
  case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
  case CUDA_ERROR_JIT_COMPILER_NOT_FOUND:
    remedy = "; a newer driver, or machine code for this GPU (--gpu), is needed";
    [[fallthrough]];
  case CUDA_ERROR_INVALID_IMAGE:
  case CUDA_ERROR_NO_BINARY_FOR_GPU:
  case CUDA_ERROR_INVALID_PTX:
    code = StatusCode::Unsupported;
    break;
  default:
    break;
  }
  return Status(code, std::string(call) + ": " + errorName(error) + remedy);
}

Result<const Library *> library() { return loadedLibrary<Library, open>(); }

} // namespace ingot::cuda
