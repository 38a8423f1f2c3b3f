// A device by OpenCL, in a context of its own. See Driver.h.
//
// Invariant: `allocations` has the addresses of all memory of the device that streams gave and did
// not take back, and `changes` counts what was done to it. Kernels are told of all of it: they may
// follow addresses that they find in memory.
#ifndef INGOT_RUNTIME_DEVICE_OPENCLDEVICE_H
#define INGOT_RUNTIME_DEVICE_OPENCLDEVICE_H

#include "runtime/device/Driver.h"
#include "runtime/device/OpenClLibrary.h"

#include <mutex>
#include <set>

namespace ingot::opencl {

/// What list() says of a device. `index` is of one there is.
DeviceInfo infoOf(const Library &library, int index);

class OpenClDevice : public DeviceDriver {
public:
  static Result<std::unique_ptr<DeviceDriver>> open(int index);
  ~OpenClDevice() override;

  const DeviceInfo &info() const override { return info_; }
  Result<std::unique_ptr<Stream>> makeStream() override;
  Result<void *> allocateStaging(uint64_t bytes) override;
  void freeStaging(void *address) override;
  bool takes(int64_t imageKind) const override { return imageKind == INGOT_IMAGE_OPENCL; }
  bool hasTensorMaps() const override { return false; }
  Status encodeTensorMap(void *map, const ingot_tensor_map &tensor) override;
  Result<std::unique_ptr<DeviceCode>> load(const ingot_device_code &code) override;
  Result<std::string> productLibrary() override {
    return Status(StatusCode::Unavailable, "no library computes products on devices of OpenCL");
  }

  const Library &library() const { return library_; }
  cl_device_id device() const { return device_; }
  cl_context context() const { return context_; }
  const char *buildOptions() const;

  void add(void *allocation);
  void remove(void *allocation);
  /// All allocations, where they changed since `seen`, which is brought up to date; else none.
  std::vector<void *> allocationsSince(uint64_t &seen) const;

private:
  explicit OpenClDevice(const Library &library) : library_(library) {}

  const Library &library_;
  DeviceInfo info_;
  cl_device_id device_ = nullptr;
  cl_context context_ = nullptr;
  mutable std::mutex mutex_;
  std::set<void *> allocations_;
  uint64_t changes_ = 0;
};

} // namespace ingot::opencl

#endif // INGOT_RUNTIME_DEVICE_OPENCLDEVICE_H
