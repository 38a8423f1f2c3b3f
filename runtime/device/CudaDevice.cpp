// Opening a GPU. See CudaDevice.h.
#include "runtime/device/CudaDevice.h"
#include "runtime/device/CudaCode.h"
#include "runtime/device/CudaStream.h"

#include <algorithm>

namespace ingot::cuda {

namespace {
/// Errors behind which all further calls in the context fail, by the driver's documentation.
bool losesContext(CUresult error) {
  switch (error) {
  case CUDA_ERROR_ECC_UNCORRECTABLE:
  case CUDA_ERROR_NVLINK_UNCORRECTABLE:
  case CUDA_ERROR_ILLEGAL_ADDRESS:
  case CUDA_ERROR_LAUNCH_TIMEOUT:
  case CUDA_ERROR_CONTEXT_IS_DESTROYED:
  case CUDA_ERROR_ASSERT:
  case CUDA_ERROR_HARDWARE_STACK_ERROR:
  case CUDA_ERROR_ILLEGAL_INSTRUCTION:
  case CUDA_ERROR_MISALIGNED_ADDRESS:
  case CUDA_ERROR_INVALID_ADDRESS_SPACE:
  case CUDA_ERROR_INVALID_PC:
  case CUDA_ERROR_LAUNCH_FAILED:
  case CUDA_ERROR_TENSOR_MEMORY_LEAK:
    return true;
  default:
    return false;
  }
}
} // namespace

Result<DeviceInfo> infoOf(const Library &library, int index) {
  DeviceInfo info;
  info.api = "cuda";
  info.index = index;
  CUdevice device;
  char name[256] = "";
  size_t bytes = 0;
  const auto check = [&](CUresult error, const char *call) {
    return error == CUDA_SUCCESS ? Status::ok() : library.statusOf(error, call);
  };
  INGOT_RETURN_IF_ERROR(check(library.cuDeviceGet(&device, index), "cuDeviceGet"));
  INGOT_RETURN_IF_ERROR(
      check(library.cuDeviceGetName(name, sizeof name, device), "cuDeviceGetName"));
  INGOT_RETURN_IF_ERROR(check(library.cuDeviceTotalMem_v2(&bytes, device), "cuDeviceTotalMem"));
  INGOT_RETURN_IF_ERROR(
      check(library.cuDeviceGetAttribute(&info.computeMajor,
                                         CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device),
            "cuDeviceGetAttribute"));
  INGOT_RETURN_IF_ERROR(
      check(library.cuDeviceGetAttribute(&info.computeMinor,
                                         CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device),
            "cuDeviceGetAttribute"));
  info.name = name;
  info.memoryBytes = bytes;
  return info;
}

Result<std::unique_ptr<DeviceDriver>> CudaDevice::open(int index) {
  INGOT_ASSIGN_OR_RETURN(const Library *library, cuda::library());
  if (index >= library->deviceCount)
    return Status(StatusCode::NotFound,
                  "there is no device 'cuda:" + std::to_string(index) +
                      "': the last one is 'cuda:" + std::to_string(library->deviceCount - 1) + "'");
  std::unique_ptr<CudaDevice> device(new CudaDevice(*library));
  INGOT_ASSIGN_OR_RETURN(device->info_, infoOf(*library, index));
  int hasPools = 0;
  INGOT_RETURN_IF_ERROR(
      device->check("cuDeviceGet", library->cuDeviceGet(&device->device_, index)));
  INGOT_RETURN_IF_ERROR(
      device->check("cuDeviceGetAttribute",
                    library->cuDeviceGetAttribute(
                        &hasPools, CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, device->device_)));
  device->hasPools_ = hasPools != 0;
  INGOT_RETURN_IF_ERROR(
      device->check("cuDevicePrimaryCtxRetain",
                    library->cuDevicePrimaryCtxRetain(&device->context_, device->device_)));
  return std::unique_ptr<DeviceDriver>(std::move(device));
}

CudaDevice::~CudaDevice() {
  if (products_) { // in the context, also where that is lost
    CUcontext popped;
    (void)library_.cuCtxPushCurrent_v2(context_);
    products_.reset();
    (void)library_.cuCtxPopCurrent_v2(&popped);
  }
  if (context_)
    (void)library_.cuDevicePrimaryCtxRelease_v2(device_);
}

Status CudaDevice::checkAlive() const {
  const CUresult lostBy = lostBy_.load(std::memory_order_relaxed);
  if (lostBy == CUDA_SUCCESS)
    return Status::ok();
  return Status(StatusCode::Internal, "the context of 'cuda:" + std::to_string(info_.index) +
                                          "' is lost since " + library_.errorName(lostBy) +
                                          "; only a new process can use the device again");
}

Status CudaDevice::check(const char *name, CUresult error) {
  if (error == CUDA_SUCCESS)
    return Status::ok();
  const Status status = library_.statusOf(error, name);
  if (!losesContext(error))
    return status;
  lostBy_.store(error, std::memory_order_relaxed);
  return Status(status.code(), status.message() + "; the context of 'cuda:" +
                                   std::to_string(info_.index) + "' is lost");
}

Result<std::unique_ptr<Stream>> CudaDevice::makeStream() { return CudaStream::make(*this); }

Result<void *> CudaDevice::allocateStaging(uint64_t bytes) {
  void *address = nullptr;
  INGOT_RETURN_IF_ERROR(call(INGOT_CUDA(*this, cuMemHostAlloc), &address,
                             size_t{std::max<uint64_t>(bytes, 1)},
                             unsigned{CU_MEMHOSTALLOC_PORTABLE}));
  return address;
}

void CudaDevice::freeStaging(void *address) {
  (void)call(INGOT_CUDA(*this, cuMemFreeHost), address);
}

bool CudaDevice::takes(int64_t imageKind) const {
  return library_.isFake ? imageKind == INGOT_IMAGE_HOST
                         : imageKind == INGOT_IMAGE_CUBIN || imageKind == INGOT_IMAGE_PTX;
}

Result<cublaslt::Products *> CudaDevice::products() {
  std::call_once(askedForProducts_, [&] {
    noProducts_ = within([&]() -> Status {
      INGOT_ASSIGN_OR_RETURN(products_, cublaslt::Products::make());
      return Status::ok();
    });
  });
  INGOT_RETURN_IF_ERROR(noProducts_);
  return products_.get();
}

Result<std::string> CudaDevice::productLibrary() {
  INGOT_ASSIGN_OR_RETURN(cublaslt::Products * products, this->products());
  return products->name();
}

Result<std::unique_ptr<DeviceCode>> CudaDevice::load(const ingot_device_code &code) {
  return std::unique_ptr<DeviceCode>(std::make_unique<CudaCode>(*this, code));
}

} // namespace ingot::cuda
