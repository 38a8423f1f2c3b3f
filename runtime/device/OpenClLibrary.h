// OpenCL's loader and the devices of its platforms, found once a process when they are first asked
// for, and never unloaded.
#ifndef INGOT_RUNTIME_DEVICE_OPENCLLIBRARY_H
#define INGOT_RUNTIME_DEVICE_OPENCLLIBRARY_H

#include "ingot/Status.h"
#include "runtime/device/OpenClApi.h"

#include <string>
#include <vector>

namespace ingot::opencl {

struct Library {
#define INGOT_OPENCL_FUNCTION(Result, name, parameters) Result(*name) parameters = nullptr;
  INGOT_OPENCL_FUNCTIONS(INGOT_OPENCL_FUNCTION)
#undef INGOT_OPENCL_FUNCTION
  /// Of all platforms, those that are CPUs last; at least one.
  std::vector<cl_device_id> devices;

  /// A value of a device, `T()` where it has none.
  template <typename T> T infoOf(cl_device_id device, cl_uint name) const {
    T value = T();
    return clGetDeviceInfo(device, name, sizeof value, &value, nullptr) == CL_SUCCESS ? value : T();
  }
};

/// Ok, or what `call` returned.
Status statusOf(cl_int error, const char *call);

/// Unavailable: there is no loader, or there are no devices; Unsupported: a loader that is too old.
/// Says the same each time.
Result<const Library *> library();

} // namespace ingot::opencl

#endif // INGOT_RUNTIME_DEVICE_OPENCLLIBRARY_H
