// Device: a GPU, or another device that CUDA's or OpenCL's driver gives, for artifacts to run on.
//
//   auto device = Device::open("cuda");            // Result<std::shared_ptr<Device>>
//   auto onGpu = (*artifact)->onDevice(*device);   // Result<std::shared_ptr<const Artifact>>
//   auto state = State::create(*onGpu);            // from here on all is as on the CPU
//
// Drivers are found when they are first asked for (libcuda.so.1, or what INGOT_CUDA_DRIVER names;
// libOpenCL.so.1): nothing links to them, and where there is none, there are just no devices. All
// functions may be called by any thread. A Device is shared by any number of artifacts, and lives
// until the last of them is gone; it holds the device's primary context (CUDA), or a context of its
// own (OpenCL).
#ifndef INGOT_DEVICE_H
#define INGOT_DEVICE_H

#include "ingot/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ingot {

struct DeviceInfo {
  std::string api;          ///< "cuda" or "opencl"
  int index = 0;            ///< among that driver's devices, as the driver counts
  std::string name;         ///< the driver's: "NVIDIA H200"
  uint64_t memoryBytes = 0; ///< of the device, all of it
  int computeMajor = 0;     ///< CUDA: the compute capability, 9.0 for example; else 0.0
  int computeMinor = 0;
};

/// "cuda:0 (NVIDIA H200, compute capability 9.0)".
std::string describe(const DeviceInfo &info);

/// What `ingot compile --gpu` has for the device: "sm_90a", "opencl"; empty for GPUs below compute
/// capability 7.5.
std::string gpuOption(const DeviceInfo &info);

class DeviceDriver;

class Device {
public:
  /// "cuda" and "opencl" are the first device of the driver, "cuda:1" is the second. Unavailable
  /// (no driver, or a driver without devices: says what was tried), NotFound (no device of that
  /// number: says which there are), InvalidArgument (no such name), Unsupported (a driver or device
  /// that is too old, or lacks shared memory of OpenCL 2.0), Internal (the driver fails).
  static Result<std::shared_ptr<Device>> open(const std::string &name);

  /// Whether open has a device for that name; opens none.
  static bool isAvailable(const std::string &name);

  /// All devices of all drivers. Opens none.
  static std::vector<DeviceInfo> list();

  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  const DeviceInfo &info() const;
  /// "cuda:0".
  std::string name() const;

  /// For the runtime itself.
  DeviceDriver &driver() { return *driver_; }

private:
  explicit Device(std::unique_ptr<DeviceDriver> driver);
  std::unique_ptr<DeviceDriver> driver_;
};

} // namespace ingot

#endif // INGOT_DEVICE_H
