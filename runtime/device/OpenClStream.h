// An in-order queue of OpenCL. See Driver.h.
#ifndef INGOT_RUNTIME_DEVICE_OPENCLSTREAM_H
#define INGOT_RUNTIME_DEVICE_OPENCLSTREAM_H

#include "runtime/device/OpenClDevice.h"

namespace ingot::opencl {

class OpenClStream : public Stream {
public:
  static Result<std::unique_ptr<Stream>> make(OpenClDevice &device);
  ~OpenClStream() override;

  Result<void *> allocate(uint64_t bytes) override;
  void free(void *address) override;
  Status upload(void *to, const void *from, uint64_t bytes) override;
  Status download(void *to, const void *from, uint64_t bytes) override;
  Status copy(void *to, const void *from, uint64_t bytes) override;
  Status store(void *to, int64_t value) override;
  Status clear(void *to, uint64_t bytes) override;
  Status launch(DeviceCode &code, int64_t kernel, int64_t blocks, void *const *parameters) override;
  Result<bool> multiply(DeviceCode &, const ingot_product &, const ProductOperands &) override {
    return false;
  }
  Status wait() override;
  Result<std::unique_ptr<Mark>> makeMark(bool isTimed) override;
  Status put(Mark &mark) override;
  Status wait(Mark &mark) override;
  Status follow(Mark &mark) override;
  Result<double> secondsBetween(Mark &from, Mark &to) override;
  bool canRecord() const override { return false; }
  Status beginRecording() override;
  Result<std::unique_ptr<Recording>> endRecording() override;
  Status replay(Recording &recording) override;

private:
  explicit OpenClStream(OpenClDevice &device) : device_(device) {}
  OpenClDevice &device_;
  cl_command_queue queue_ = nullptr;
};

} // namespace ingot::opencl

#endif // INGOT_RUNTIME_DEVICE_OPENCLSTREAM_H
