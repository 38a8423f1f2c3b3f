// The kernels of an artifact as OpenCL's: a program for each unit that a launch asked for. See
// Driver.h.
#ifndef INGOT_RUNTIME_DEVICE_OPENCLCODE_H
#define INGOT_RUNTIME_DEVICE_OPENCLCODE_H

#include "runtime/device/OpenClDevice.h"

namespace ingot::opencl {

class OpenClCode : public DeviceCode {
public:
  /// Both outlive it.
  OpenClCode(OpenClDevice &device, const ingot_device_code &code);
  ~OpenClCode() override;

  /// See Stream::launch. Any thread: parameters are the kernel object's until it is put.
  Status launch(cl_command_queue queue, int64_t kernel, int64_t blocks, void *const *parameters);

private:
  struct Kernel {
    cl_kernel object = nullptr;  // NULL: not asked for yet
    std::vector<bool> isAddress; // by parameter
    uint64_t seen = 0;           // of the device's allocations
  };

  Status make(int64_t index);
  Result<cl_program> program(int64_t unit);
  Status setParameters(Kernel &kernel, void *const *parameters);

  OpenClDevice &device_;
  const ingot_device_code &code_;
  std::mutex mutex_;
  std::vector<Kernel> kernels_;
  std::vector<cl_program> programs_; // by unit; NULL: not built
};

} // namespace ingot::opencl

#endif // INGOT_RUNTIME_DEVICE_OPENCLCODE_H
