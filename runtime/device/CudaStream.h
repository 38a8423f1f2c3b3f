// A stream of CUDA. See Driver.h.
#ifndef INGOT_RUNTIME_DEVICE_CUDASTREAM_H
#define INGOT_RUNTIME_DEVICE_CUDASTREAM_H

#include "runtime/device/CudaDevice.h"

namespace ingot::cuda {

class CudaStream : public Stream {
public:
  static Result<std::unique_ptr<Stream>> make(CudaDevice &device);
  ~CudaStream() override;

  Result<void *> allocate(uint64_t bytes) override;
  void free(void *address) override;
  Status upload(void *to, const void *from, uint64_t bytes) override;
  Status download(void *to, const void *from, uint64_t bytes) override;
  Status copy(void *to, const void *from, uint64_t bytes) override;
  Status store(void *to, int64_t value) override;
  Status clear(void *to, uint64_t bytes) override;
  Status launch(DeviceCode &code, int64_t kernel, int64_t blocks, void *const *parameters) override;
  Result<bool> multiply(DeviceCode &code, const ingot_product &product,
                        const ProductOperands &operands) override;
  Status wait() override;
  Result<std::unique_ptr<Mark>> makeMark(bool isTimed) override;
  Status put(Mark &mark) override;
  Status wait(Mark &mark) override;
  Status follow(Mark &mark) override;
  Result<double> secondsBetween(Mark &from, Mark &to) override;
  bool canRecord() const override { return !device_.launchesBlock(); }
  Status beginRecording() override;
  Result<std::unique_ptr<Recording>> endRecording() override;
  Status replay(Recording &recording) override;

private:
  explicit CudaStream(CudaDevice &device) : device_(device) {}
  CudaDevice &device_;
  CUstream stream_ = nullptr;
  /// Of libraries, from the first product on that needs any: recordings hold its address.
  void *workspace_ = nullptr;
};

} // namespace ingot::cuda

#endif // INGOT_RUNTIME_DEVICE_CUDASTREAM_H
