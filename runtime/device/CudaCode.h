// The kernels of an artifact on a GPU: a module for each unit that a launch asked for. Units that
// no function runs cost nothing; the first run of a function pays for what it uses. See Driver.h.
#ifndef INGOT_RUNTIME_DEVICE_CUDACODE_H
#define INGOT_RUNTIME_DEVICE_CUDACODE_H

#include "runtime/device/CudaDevice.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <set>
#include <vector>

namespace ingot::cuda {

class CudaCode : public DeviceCode {
public:
  /// Both outlive it.
  CudaCode(CudaDevice &device, const ingot_device_code &code);
  ~CudaCode() override;

  int64_t kernelCount() const { return code_.kernel_count; }
  const ingot_device_kernel &kernel(int64_t index) const { return code_.kernels[index]; }
  /// 0 <= index < kernelCount(). Any thread.
  Result<CUfunction> function(int64_t index);
  /// Whether cuBLASLt is to compute the product here. Any thread.
  bool wantsLibraryFor(const ingot_product &product) const;

private:
  Result<CUmodule> module(int64_t unit);
  Result<CUfunction> load(int64_t index);

  struct IsBefore {
    bool operator()(const ingot_product &x, const ingot_product &y) const {
      return std::memcmp(&x, &y, sizeof x) < 0;
    }
  };

  CudaDevice &device_;
  const ingot_device_code &code_;
  std::set<ingot_product, IsBefore> choices_;      // for this device
  std::vector<std::atomic<CUfunction>> functions_; // by kernel; NULL: not asked for yet
  std::mutex mutex_;
  std::vector<CUmodule> modules_; // by unit; NULL: not loaded
};

} // namespace ingot::cuda

#endif // INGOT_RUNTIME_DEVICE_CUDACODE_H
