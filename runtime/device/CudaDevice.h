// A GPU by CUDA's driver interface: its primary context. See Driver.h.
//
// Each call makes the context current for itself, and leaves the thread as it was. Some errors
// leave nothing of a context: from then on every call fails with a word of it.
#ifndef INGOT_RUNTIME_DEVICE_CUDADEVICE_H
#define INGOT_RUNTIME_DEVICE_CUDADEVICE_H

#include "runtime/device/CublasLt.h"
#include "runtime/device/CudaLibrary.h"
#include "runtime/device/Driver.h"

#include <atomic>
#include <mutex>

namespace ingot::cuda {

/// What list() says of a device. `index` is of one there is.
Result<DeviceInfo> infoOf(const Library &library, int index);

class CudaDevice : public DeviceDriver {
public:
  static Result<std::unique_ptr<DeviceDriver>> open(int index);
  ~CudaDevice() override;

  const DeviceInfo &info() const override { return info_; }
  Result<std::unique_ptr<Stream>> makeStream() override;
  Result<void *> allocateStaging(uint64_t bytes) override;
  void freeStaging(void *address) override;
  bool takes(int64_t imageKind) const override;
  bool hasTensorMaps() const override { return library_.cuTensorMapEncodeTiled != nullptr; }
  Status encodeTensorMap(void *map, const ingot_tensor_map &tensor) override;
  Result<std::unique_ptr<DeviceCode>> load(const ingot_device_code &code) override;
  Result<std::string> productLibrary() override;

  const Library &library() const { return library_; }
  bool hasPools() const { return hasPools_; }
  /// CUDA_LAUNCH_BLOCKING is in the environment: an error of a kernel is one of its launch.
  bool launchesBlock() const { return launchesBlock_; }

  /// What `function` returns, called in the context.
  template <typename Function> Status within(const Function &function) {
    INGOT_RETURN_IF_ERROR(checkAlive());
    INGOT_RETURN_IF_ERROR(check("cuCtxPushCurrent", library_.cuCtxPushCurrent_v2(context_)));
    const Status status = function();
    CUcontext popped;
    (void)library_.cuCtxPopCurrent_v2(&popped);
    return status;
  }
  /// Calls a function of the driver, `name`, in the context.
  template <typename Function, typename... Arguments>
  Status call(const char *name, Function function, Arguments... arguments) {
    return within([&] { return check(name, function(arguments...)); });
  }

  /// cuBLASLt here, which is loaded when it is first asked for; as productLibrary() where there is
  /// none.
  Result<cublaslt::Products *> products();

private:
  explicit CudaDevice(const Library &library) : library_(library) {}
  Status checkAlive() const;
  Status check(const char *name, CUresult error);

  const Library &library_;
  DeviceInfo info_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr; // NULL: not retained
  bool hasPools_ = false, launchesBlock_ = false;
  std::atomic<CUresult> lostBy_{CUDA_SUCCESS}; // what the context was lost by
  std::once_flag askedForProducts_;
  std::unique_ptr<cublaslt::Products> products_;
  Status noProducts_; // why there are none
};

/// A function of `library` with its name: the first arguments of CudaDevice::call.
#define INGOT_CUDA(device, name) #name, (device).library().name

} // namespace ingot::cuda

#endif // INGOT_RUNTIME_DEVICE_CUDADEVICE_H
