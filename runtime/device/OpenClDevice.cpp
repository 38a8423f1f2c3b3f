// Opening a device. See OpenClDevice.h.
#include "runtime/device/OpenClDevice.h"
#include "runtime/core/AlignedMemory.h"
#include "runtime/device/OpenClCode.h"
#include "runtime/device/OpenClStream.h"

namespace ingot::opencl {

DeviceInfo infoOf(const Library &library, int index) {
  const cl_device_id device = library.devices[static_cast<size_t>(index)];
  DeviceInfo info;
  info.api = "opencl";
  info.index = index;
  char name[256] = "";
  library.clGetDeviceInfo(device, CL_DEVICE_NAME, sizeof name - 1, name, nullptr);
  info.name = name;
  info.memoryBytes = library.infoOf<cl_ulong>(device, CL_DEVICE_GLOBAL_MEM_SIZE);
  return info;
}

Result<std::unique_ptr<DeviceDriver>> OpenClDevice::open(int index) {
  INGOT_ASSIGN_OR_RETURN(const Library *library, opencl::library());
  if (static_cast<size_t>(index) >= library->devices.size())
    return Status(StatusCode::NotFound, "there is no device 'opencl:" + std::to_string(index) +
                                            "': the last one is 'opencl:" +
                                            std::to_string(library->devices.size() - 1) + "'");
  std::unique_ptr<OpenClDevice> device(new OpenClDevice(*library));
  device->info_ = infoOf(*library, index);
  device->device_ = library->devices[static_cast<size_t>(index)];
  if (!(library->infoOf<cl_bitfield>(device->device_, CL_DEVICE_SVM_CAPABILITIES) &
        CL_DEVICE_SVM_COARSE_GRAIN_BUFFER))
    return Status(StatusCode::Unsupported,
                  describe(device->info_) + " has no shared virtual memory (OpenCL 2.0)");
  cl_int error = CL_SUCCESS;
  device->context_ =
      library->clCreateContext(nullptr, 1, &device->device_, nullptr, nullptr, &error);
  INGOT_RETURN_IF_ERROR(statusOf(error, "clCreateContext"));
  return std::unique_ptr<DeviceDriver>(std::move(device));
}

OpenClDevice::~OpenClDevice() {
  if (context_)
    library_.clReleaseContext(context_);
}

Result<std::unique_ptr<Stream>> OpenClDevice::makeStream() { return OpenClStream::make(*this); }

Result<void *> OpenClDevice::allocateStaging(uint64_t bytes) {
  AlignedBlock block = allocateAligned(bytes);
  if (!block)
    return Status(StatusCode::ResourceExhausted,
                  "no memory for " + std::to_string(bytes) + " bytes");
  return block.release();
}

void OpenClDevice::freeStaging(void *address) { AlignedFree()(address); }

Result<std::unique_ptr<DeviceCode>> OpenClDevice::load(const ingot_device_code &code) {
  return std::unique_ptr<DeviceCode>(std::make_unique<OpenClCode>(*this, code));
}

/// As the kernels' text wants it; see backends/gpu/prelude/opencl.h.
const char *OpenClDevice::buildOptions() const {
  return library_.infoOf<cl_bitfield>(device_, CL_DEVICE_SINGLE_FP_CONFIG) &
                 CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT
             ? "-cl-std=CL1.2 -cl-kernel-arg-info -cl-fp32-correctly-rounded-divide-sqrt"
             : "-cl-std=CL1.2 -cl-kernel-arg-info";
}

Status OpenClDevice::encodeTensorMap(void *, const ingot_tensor_map &) {
  return Status(StatusCode::Unsupported, "OpenCL has no tensor maps");
}

void OpenClDevice::add(void *allocation) {
  std::lock_guard<std::mutex> lock(mutex_);
  allocations_.insert(allocation);
  ++changes_;
}

void OpenClDevice::remove(void *allocation) {
  std::lock_guard<std::mutex> lock(mutex_);
  allocations_.erase(allocation);
  ++changes_;
}

std::vector<void *> OpenClDevice::allocationsSince(uint64_t &seen) const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (seen == changes_)
    return {};
  seen = changes_;
  return {allocations_.begin(), allocations_.end()};
}

} // namespace ingot::opencl
