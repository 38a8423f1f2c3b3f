// Opening a GPU. See CudaDevice.h.
#include "runtime/device/CudaDevice.h"
#include "runtime/device/CudaCode.h"
#include "runtime/device/CudaStream.h"

#include <algorithm>
#include <cstdlib>

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

Result<int> tensorMapType(int64_t dtype) {
  switch (dtype) {
  case INGOT_F16:
    return int{CU_TENSOR_MAP_DATA_TYPE_FLOAT16};
  case INGOT_BF16:
    return int{CU_TENSOR_MAP_DATA_TYPE_BFLOAT16};
  case INGOT_F32:
    return int{CU_TENSOR_MAP_DATA_TYPE_FLOAT32};
  default:
    return Status(StatusCode::Internal,
                  "a tensor map of elements of type " + std::to_string(dtype));
  }
}

/// For whoever reads why the driver refused it.
std::string describe(const ingot_tensor_map &tensor) {
  const auto list = [&](const int64_t *values) {
    std::string text;
    for (int64_t i = 0; i < tensor.rank; ++i)
      text += (i == 0 ? "" : " x ") + std::to_string(values[i]);
    return text;
  };
  std::string strides;
  for (int64_t i = 1; i < tensor.rank; ++i)
    strides += (i == 1 ? "" : ", ") + std::to_string(tensor.strides[i]);
  return "a tensor map of " + list(tensor.extents) + " elements in boxes of " + list(tensor.box) +
         ", strides of " + strides + " bytes (multiples of 16 are taken), address modulo 16 of " +
         std::to_string(reinterpret_cast<uintptr_t>(tensor.base) % 16);
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
  const char *blocking = std::getenv("CUDA_LAUNCH_BLOCKING");
  device->launchesBlock_ = blocking && *blocking && *blocking != '0';
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
                                   std::to_string(info_.index) + "' is lost" +
                                   (launchesBlock_ ? ""
                                                   : "; with CUDA_LAUNCH_BLOCKING=1 in the "
                                                     "environment the error names its layer"));
}

Result<std::unique_ptr<Stream>> CudaDevice::makeStream() { return CudaStream::make(*this); }

Result<void *> CudaDevice::allocateStaging(uint64_t bytes) {
  void *address = nullptr;
  const Status status =
      call(INGOT_CUDA(*this, cuMemHostAlloc), &address, size_t{std::max<uint64_t>(bytes, 1)},
           unsigned{CU_MEMHOSTALLOC_PORTABLE});
  if (status.code() == StatusCode::ResourceExhausted)
    return Status(status.code(), "no pinned memory of the host for " + std::to_string(bytes) +
                                     " bytes (" + status.message() + ")");
  INGOT_RETURN_IF_ERROR(status);
  return address;
}

void CudaDevice::freeStaging(void *address) {
  (void)call(INGOT_CUDA(*this, cuMemFreeHost), address);
}

bool CudaDevice::takes(int64_t imageKind) const {
  return library_.isFake ? imageKind == INGOT_IMAGE_HOST
                         : imageKind == INGOT_IMAGE_CUBIN || imageKind == INGOT_IMAGE_PTX;
}

Status CudaDevice::encodeTensorMap(void *map, const ingot_tensor_map &tensor) {
  INGOT_ASSIGN_OR_RETURN(const int type, tensorMapType(tensor.dtype));
  if (tensor.rank < 1 || tensor.rank > maxTensorMapRank)
    return Status(StatusCode::Internal,
                  "a tensor map of " + std::to_string(tensor.rank) + " dimensions");
  uint64_t extents[maxTensorMapRank], strides[maxTensorMapRank];
  uint32_t box[maxTensorMapRank], steps[maxTensorMapRank];
  for (size_t i = 0; i < maxTensorMapRank; ++i) {
    extents[i] = static_cast<uint64_t>(tensor.extents[i]);
    strides[i] = static_cast<uint64_t>(tensor.strides[i]);
    box[i] = static_cast<uint32_t>(tensor.box[i]);
    steps[i] = 1;
  }
  const Status encoded =
      call(INGOT_CUDA(*this, cuTensorMapEncodeTiled), map, type, static_cast<uint32_t>(tensor.rank),
           const_cast<void *>(tensor.base), &extents[0], &strides[1], &box[0], &steps[0],
           int{CU_TENSOR_MAP_INTERLEAVE_NONE}, int{CU_TENSOR_MAP_SWIZZLE_128B},
           int{CU_TENSOR_MAP_L2_PROMOTION_L2_128B}, int{CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE});
  return encoded.isOk() ? encoded : encoded.withContext(describe(tensor));
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
