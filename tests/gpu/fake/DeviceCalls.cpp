// The fake driver's functions for devices, contexts, memory, modules, and for tests.
#include "tests/gpu/fake/Call.h"
#include "tests/gpu/fake/Fake.h"

#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace ingot::fake;

//===----------------------------------------------------------------------===//
// For tests
//===----------------------------------------------------------------------===//

FAKE_API int ingot_fake_driver() { return 1; }

FAKE_API const char *ingot_fake_report() {
  static std::string text;
  Machine &machine = Machine::instance();
  std::lock_guard<std::recursive_mutex> lock(machine.mutex);
  text = machine.report();
  return text.c_str();
}
FAKE_API const char *ingot_fake_misuses() {
  static std::string text;
  Machine &machine = Machine::instance();
  std::lock_guard<std::recursive_mutex> lock(machine.mutex);
  text = machine.misuses();
  return text.c_str();
}
FAKE_API void ingot_fake_reset() {
  Machine &machine = Machine::instance();
  std::lock_guard<std::recursive_mutex> lock(machine.mutex);
  machine.reset();
  contexts.clear();
}
FAKE_API int ingot_fake_set(const char *name, const char *value) {
  Machine &machine = Machine::instance();
  std::lock_guard<std::recursive_mutex> lock(machine.mutex);
  machine.start();
  return machine.set(name, value);
}
FAKE_API int64_t ingot_fake_count(const char *function) {
  Machine &machine = Machine::instance();
  std::lock_guard<std::recursive_mutex> lock(machine.mutex);
  return machine.counts[function];
}

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

FAKE_API CUresult cuInit(unsigned flags) {
  FAKE_CALL(Nothing);
  call.machine.start();
  if (flags != 0)
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "flags are 0");
  return call.machine.devices.empty() ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS;
}

FAKE_API CUresult cuGetErrorName(CUresult error, const char **name) {
  FAKE_CALL(Nothing);
  static const std::map<CUresult, const char *> names = {
#define NAME(error) {error, #error}
    NAME(CUDA_ERROR_INVALID_VALUE),
    NAME(CUDA_ERROR_OUT_OF_MEMORY),
    NAME(CUDA_ERROR_NOT_INITIALIZED),
    NAME(CUDA_ERROR_NO_DEVICE),
    NAME(CUDA_ERROR_INVALID_DEVICE),
    NAME(CUDA_ERROR_INVALID_IMAGE),
    NAME(CUDA_ERROR_INVALID_CONTEXT),
    NAME(CUDA_ERROR_INVALID_HANDLE),
    NAME(CUDA_ERROR_ILLEGAL_STATE),
    NAME(CUDA_ERROR_NOT_FOUND),
    NAME(CUDA_ERROR_NOT_READY),
    NAME(CUDA_ERROR_ILLEGAL_ADDRESS),
    NAME(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES),
    NAME(CUDA_ERROR_CONTEXT_IS_DESTROYED),
    NAME(CUDA_ERROR_LAUNCH_FAILED),
    NAME(CUDA_ERROR_NOT_SUPPORTED),
    NAME(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED),
    NAME(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED),
    NAME(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD),
    NAME(CUDA_ERROR_UNKNOWN)
#undef NAME
  };
  auto known = names.find(error);
  *name = known == names.end() ? nullptr : known->second;
  return *name ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

FAKE_API CUresult cuDeviceGetCount(int *count) {
  FAKE_CALL(Started);
  *count = static_cast<int>(call.machine.devices.size());
  return CUDA_SUCCESS;
}

/// Null where there is none of that number.
static Device *deviceOf(Call &call, CUdevice device) {
  if (device >= 0 && static_cast<size_t>(device) < call.machine.devices.size())
    return &call.machine.devices[static_cast<size_t>(device)];
  call.error =
      call.wrong(CUDA_ERROR_INVALID_DEVICE, "there is no device " + std::to_string(device));
  return nullptr;
}

FAKE_API CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  FAKE_CALL(Started);
  *device = ordinal;
  return deviceOf(call, ordinal) ? CUDA_SUCCESS : call.error;
}

FAKE_API CUresult cuDeviceGetName(char *name, int size, CUdevice device) {
  FAKE_CALL(Started);
  if (!deviceOf(call, device))
    return call.error;
  std::strncpy(name, "Fake GPU", static_cast<size_t>(size));
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  FAKE_CALL(Started);
  Device *found = deviceOf(call, device);
  if (!found)
    return call.error;
  *bytes = found->memory;
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device) {
  FAKE_CALL(Started);
  Device *found = deviceOf(call, device);
  if (!found)
    return call.error;
  switch (attribute) {
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    *value = found->capability / 10;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    *value = found->capability % 10;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
    *value = static_cast<int>(found->sharedLimit());
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED:
    *value = found->hasPools;
    return CUDA_SUCCESS;
  default:
    return call.wrong(CUDA_ERROR_INVALID_VALUE,
                      "attribute " + std::to_string(attribute) + " is not known here");
  }
}

FAKE_API CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  FAKE_CALL(Started);
  Device *found = deviceOf(call, device);
  if (!found)
    return call.error;
  ++found->retained;
  *context = reinterpret_cast<CUcontext>(found);
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  FAKE_CALL(Started);
  Device *found = deviceOf(call, device);
  if (!found)
    return call.error;
  if (found->retained == 0)
    return call.wrong(CUDA_ERROR_INVALID_CONTEXT, "the context is not retained");
  --found->retained;
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuCtxPushCurrent_v2(CUcontext context) {
  FAKE_CALL(Started);
  auto *device = reinterpret_cast<Device *>(context);
  if (device < call.machine.devices.data() ||
      device >= call.machine.devices.data() + call.machine.devices.size())
    return call.wrong(CUDA_ERROR_INVALID_CONTEXT, "this is no context");
  contexts.push_back(device);
  ++call.machine.pushedContexts;
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  FAKE_CALL(Started);
  if (contexts.empty())
    return call.wrong(CUDA_ERROR_INVALID_CONTEXT, "there is no context");
  *context = reinterpret_cast<CUcontext>(contexts.back());
  contexts.pop_back();
  --call.machine.pushedContexts;
  return CUDA_SUCCESS;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

FAKE_API CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  FAKE_CALL(NoCapture);
  if (bytes == 0)
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "no bytes");
  Block *block = call.machine.allocate(call.device(), bytes, nullptr);
  if (!block)
    return CUDA_ERROR_OUT_OF_MEMORY;
  *address = reinterpret_cast<CUdeviceptr>(block->address);
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuMemAllocAsync(CUdeviceptr *address, size_t bytes, CUstream handle) {
  FAKE_CALL(NoCapture);
  Stream *stream = call.stream(handle);
  if (!stream)
    return call.error;
  if (!call.device()->hasPools)
    return call.wrong(CUDA_ERROR_NOT_SUPPORTED, "the device has no pools");
  if (bytes == 0)
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "no bytes");
  Block *block = call.machine.allocate(call.device(), bytes, stream);
  if (!block)
    return CUDA_ERROR_OUT_OF_MEMORY;
  *address = reinterpret_cast<CUdeviceptr>(block->address);
  return CUDA_SUCCESS;
}

/// The block that begins there, of the current device, or pinned.
static Block *blockAt(Call &call, uint64_t address, bool isPinned) {
  Block *block = call.machine.find(address);
  if (!block || reinterpret_cast<uint64_t>(block->address) != address ||
      block->device != (isPinned ? nullptr : call.device())) {
    call.error = call.wrong(CUDA_ERROR_INVALID_VALUE, "no such block begins there");
    return nullptr;
  }
  return block;
}

FAKE_API CUresult cuMemFree_v2(CUdeviceptr address) {
  FAKE_CALL(NoCapture);
  Block *block = blockAt(call, address, /*isPinned=*/false);
  if (!block)
    return call.error;
  if (CUresult error = call.machine.drainDevice(*call.device()))
    return error;
  if (CUresult error = call.machine.markFreed(*block, call.machine.host, call.name))
    return error;
  return call.machine.release(*block, call.name);
}

FAKE_API CUresult cuMemFreeAsync(CUdeviceptr address, CUstream handle) {
  FAKE_CALL(NoCapture);
  Stream *stream = call.stream(handle);
  Block *block = stream ? blockAt(call, address, /*isPinned=*/false) : nullptr;
  if (!block)
    return call.error;
  Clock clock = stream->clock;
  join(clock, call.machine.host);
  if (CUresult error = call.machine.markFreed(*block, clock, call.name))
    return error;
  Work work;
  work.name = call.name;
  work.run = [block, &machine = call.machine] { return machine.release(*block, "cuMemFreeAsync"); };
  return call.machine.put(*stream, std::move(work));
}

FAKE_API CUresult cuMemHostAlloc(void **address, size_t bytes, unsigned flags) {
  FAKE_CALL(NoCapture);
  if (bytes == 0 || (flags & ~unsigned{CU_MEMHOSTALLOC_PORTABLE}))
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "no bytes, or flags that are not known here");
  Block *block = call.machine.allocate(nullptr, bytes, nullptr);
  if (!block)
    return CUDA_ERROR_OUT_OF_MEMORY;
  *address = block->address;
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuMemFreeHost(void *address) {
  FAKE_CALL(NoCapture);
  Block *block = blockAt(call, reinterpret_cast<uint64_t>(address), /*isPinned=*/true);
  if (!block)
    return call.error;
  if (CUresult error = call.machine.markFreed(*block, call.machine.host, call.name))
    return error;
  return call.machine.release(*block, call.name);
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

/// What is wrong with it, or empty. The size of a shared object is where its section headers end.
static std::string openImage(ingot::shim::HostImage &image, const void *bytes) {
  Elf64_Ehdr header;
  std::memcpy(&header, bytes, sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return "this is no image for the host";
  const uint64_t size = header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize;
  const int file = memfd_create("ingot-kernels", MFD_CLOEXEC);
  if (file < 0)
    return "no file in memory";
  std::string error;
  for (uint64_t done = 0; done < size && error.empty();) {
    const ssize_t written = write(file, static_cast<const char *>(bytes) + done, size - done);
    if (written <= 0)
      error = "the file in memory cannot be written";
    else
      done += static_cast<uint64_t>(written);
  }
  // dlopen compares names first, and the number of a closed file comes again: each bit of a count
  // is a "/" or a "/.".
  static uint64_t count = 0;
  std::string path = "/proc/self/fd";
  for (uint64_t bits = ++count; bits != 0; bits >>= 1)
    path += bits & 1 ? "/." : "/";
  if (error.empty())
    error = image.open(path + "/" + std::to_string(file));
  close(file);
  return error;
}

FAKE_API CUresult cuModuleLoadDataEx(CUmodule *handle, const void *image, unsigned, int *,
                                     void **) {
  FAKE_CALL(NoCapture);
  auto module = std::make_unique<Module>();
  module->device = call.device();
  if (std::string error = openImage(module->image, image); !error.empty())
    return call.wrong(CUDA_ERROR_INVALID_IMAGE, error);
  *handle = reinterpret_cast<CUmodule>(call.machine.modules.add(std::move(module)));
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuModuleUnload(CUmodule handle) {
  FAKE_CALL(NoCapture);
  Module *module = call.find(call.machine.modules, handle, "module");
  if (!module)
    return call.error;
  for (auto &[stream, object] : call.machine.streams)
    if (object->device == module->device && !object->queue.empty())
      return call.wrong(CUDA_ERROR_INVALID_VALUE, "work of its device is under way");
  call.machine.modules.remove(module);
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuModuleGetFunction(CUfunction *handle, CUmodule moduleHandle, const char *name) {
  FAKE_CALL(Context);
  Module *module = call.find(call.machine.modules, moduleHandle, "module");
  if (!module)
    return call.error;
  const ShimKernel *kernel = module->image.kernel(name);
  if (!kernel)
    return CUDA_ERROR_NOT_FOUND;
  std::unique_ptr<Function> &function = module->functions[name];
  if (!function)
    function.reset(new Function{module, kernel});
  *handle = reinterpret_cast<CUfunction>(function.get());
  return CUDA_SUCCESS;
}

//===----------------------------------------------------------------------===//
// Tensor maps
//===----------------------------------------------------------------------===//

/// Bytes of an element of a CUtensorMapDataType; 0: not modelled here.
static k_i32 elementBytes(int dataType) {
  switch (dataType) {
  case CU_TENSOR_MAP_DATA_TYPE_FLOAT16:
  case CU_TENSOR_MAP_DATA_TYPE_BFLOAT16:
    return 2;
  case CU_TENSOR_MAP_DATA_TYPE_FLOAT32:
    return 4;
  default:
    return 0;
  }
}

/// Empty, or which requirement of cuTensorMapEncodeTiled's documentation is not met. `strides` has
/// one less than the others.
static std::string checkTensor(k_i32 element, uint32_t rank, uint64_t base, const uint64_t *extents,
                               const uint64_t *strides, const uint32_t *box,
                               const uint32_t *elementStrides, int swizzle) {
  if (element == 0)
    return "elements of a type that is not known here";
  if (rank == 0 || rank > maxTensorMapRank)
    return "a tensor of " + std::to_string(rank) + " dimensions";
  if (base % 16 != 0)
    return "the address is not aligned to 16 bytes";
  for (uint32_t i = 0; i < rank; ++i) {
    if (extents[i] == 0 || extents[i] > uint64_t{1} << 32)
      return "an extent of " + std::to_string(extents[i]);
    if (box[i] == 0 || box[i] > 256)
      return "a box with a side of " + std::to_string(box[i]);
    if (elementStrides[i] == 0 || elementStrides[i] > 8)
      return "an element stride of " + std::to_string(elementStrides[i]);
  }
  uint64_t least = extents[0] * static_cast<uint64_t>(element);
  for (uint32_t i = 0; i + 1 < rank; ++i) {
    if (strides[i] % 16 != 0 || strides[i] >= uint64_t{1} << 40 || strides[i] < least)
      return "a stride of " + std::to_string(strides[i]) + " bytes, over " + std::to_string(least);
    least = strides[i] * extents[i + 1];
  }
  const uint64_t row = box[0] * static_cast<uint64_t>(element);
  if (row % 16 != 0)
    return "rows of boxes of " + std::to_string(row) + " bytes";
  if (swizzle == CU_TENSOR_MAP_SWIZZLE_128B && row > 128)
    return "rows of boxes of " + std::to_string(row) + " bytes, swizzled by 128";
  return {};
}

/// Writes what the shim reads in the place of a CUtensorMap: see ShimTensorMap.
FAKE_API CUresult cuTensorMapEncodeTiled(void *map, int dataType, uint32_t rank, void *base,
                                         const uint64_t *extents, const uint64_t *strides,
                                         const uint32_t *box, const uint32_t *elementStrides,
                                         int interleave, int swizzle, int l2Promotion,
                                         int outside) {
  FAKE_CALL(Context);
  if (call.device()->capability < 90)
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "the device is below compute capability 9.0");
  if (reinterpret_cast<uint64_t>(map) % tensorMapAlignment != 0)
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "the map is not aligned to 64 bytes");
  const auto address = reinterpret_cast<uint64_t>(base);
  const k_i32 element = elementBytes(dataType);
  const std::string problem =
      checkTensor(element, rank, address, extents, strides, box, elementStrides, swizzle);
  if (!problem.empty())
    return call.wrong(CUDA_ERROR_INVALID_VALUE, problem);
  const bool isModelled =
      rank == 2 && elementStrides[1] == 1 && interleave == CU_TENSOR_MAP_INTERLEAVE_NONE &&
      (swizzle == 0 || swizzle == CU_TENSOR_MAP_SWIZZLE_128B) && l2Promotion >= 0 &&
      l2Promotion <= 3 && outside == CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;
  if (!isModelled)
    return call.wrong(CUDA_ERROR_INVALID_VALUE,
                      "what is not known here, of " + std::to_string(rank) + " dimensions");
  const Block *block = call.machine.find(address);
  if (!block || block->device != call.device())
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "the address is none of the device's memory");
  const uint64_t bytes =
      (extents[1] - 1) * strides[0] + extents[0] * static_cast<uint64_t>(element);
  if (bytes > block->bytes - (address - reinterpret_cast<uint64_t>(block->address)))
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "the tensor ends behind its block of memory");
  ShimTensorMap made = {};
  made.base = static_cast<const char *>(base);
  made.stride = static_cast<k_i64>(strides[0]);
  for (size_t i = 0; i < 2; ++i) {
    made.extents[i] = static_cast<k_i64>(extents[i]);
    made.box[i] = static_cast<k_i32>(box[i]);
  }
  made.elementBytes = element;
  made.swizzle = swizzle == CU_TENSOR_MAP_SWIZZLE_128B ? 128 : 0;
  std::memcpy(map, &made, sizeof made);
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuFuncSetAttribute(CUfunction handle, int attribute, int value) {
  FAKE_CALL(Context);
  auto *function = reinterpret_cast<Function *>(handle);
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "the attribute is not known here");
  if (value < 0 || value > call.device()->sharedLimit())
    return call.wrong(CUDA_ERROR_INVALID_VALUE, std::to_string(value) +
                                                    " bytes of shared memory, blocks have " +
                                                    std::to_string(call.device()->sharedLimit()));
  function->sharedBytes = value;
  return CUDA_SUCCESS;
}
