// Finding OpenCL and its devices. See OpenClLibrary.h.
#include "runtime/device/OpenClLibrary.h"
#include "runtime/device/LoadedLibrary.h"

#include <dlfcn.h>

namespace ingot::opencl {

namespace {

Status open(Library &library) {
  void *handle = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return Status(StatusCode::Unavailable, std::string("no OpenCL: ") + dlerror());
#define INGOT_OPENCL_FUNCTION(Result, name, parameters)                                            \
  library.name = reinterpret_cast<Result(*) parameters>(dlsym(handle, #name));                     \
  if (!library.name)                                                                               \
    return Status(StatusCode::Unsupported,                                                         \
                  "libOpenCL.so.1 has no " #name ": it is older than OpenCL 2.0");
  INGOT_OPENCL_FUNCTIONS(INGOT_OPENCL_FUNCTION)
#undef INGOT_OPENCL_FUNCTION

  cl_uint count = 0;
  if (library.clGetPlatformIDs(0, nullptr, &count) != CL_SUCCESS || count == 0)
    return Status(StatusCode::Unavailable, "OpenCL has no platforms");
  std::vector<cl_platform_id> platforms(count);
  INGOT_RETURN_IF_ERROR(
      statusOf(library.clGetPlatformIDs(count, platforms.data(), nullptr), "clGetPlatformIDs"));
  std::vector<cl_device_id> cpus;
  for (cl_platform_id platform : platforms) {
    cl_uint found = 0;
    if (library.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &found) != CL_SUCCESS)
      continue;
    std::vector<cl_device_id> devices(found);
    if (library.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, found, devices.data(), nullptr) !=
        CL_SUCCESS)
      continue;
    for (cl_device_id device : devices) {
      const bool isCpu =
          library.infoOf<cl_bitfield>(device, CL_DEVICE_TYPE) & cl_bitfield{CL_DEVICE_TYPE_CPU};
      (isCpu ? cpus : library.devices).push_back(device);
    }
  }
  library.devices.insert(library.devices.end(), cpus.begin(), cpus.end());
  if (library.devices.empty())
    return Status(StatusCode::Unavailable, "OpenCL has no devices");
  return Status::ok();
}

} // namespace

Status statusOf(cl_int error, const char *call) {
  if (error == CL_SUCCESS)
    return Status::ok();
  const bool isMemory = error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_RESOURCES ||
                        error == CL_OUT_OF_HOST_MEMORY;
  return Status(isMemory ? StatusCode::ResourceExhausted : StatusCode::Internal,
                std::string(call) + ": OpenCL error " + std::to_string(error));
}

Result<const Library *> library() { return loadedLibrary<Library, open>(); }

} // namespace ingot::opencl
