// The part of CUDA's driver interface that the runtime uses, declared as its documentation has it:
// https://docs.nvidia.com/cuda/cuda-driver-api. No header of CUDA is needed to build, and no
// library to run; functions are found by name when a device is first asked for. All but those of
// INGOT_CUDA_NEWER_FUNCTIONS are in drivers for CUDA 11.4 (470) and later. The fake driver of
// tests/gpu/fake has the same declarations.
#ifndef INGOT_RUNTIME_DEVICE_CUDAAPI_H
#define INGOT_RUNTIME_DEVICE_CUDAAPI_H

#include <cstddef>
#include <cstdint>

namespace ingot::cuda {

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = uint64_t;
using CUcontext = struct CUctx_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;
using CUstream = struct CUstream_st *;
using CUevent = struct CUevent_st *;
using CUgraph = struct CUgraph_st *;
using CUgraphExec = struct CUgraphExec_st *;

enum : CUresult {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_INVALID_VALUE = 1,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_NOT_INITIALIZED = 3,
  CUDA_ERROR_NO_DEVICE = 100,
  CUDA_ERROR_INVALID_DEVICE = 101,
  CUDA_ERROR_INVALID_IMAGE = 200,
  CUDA_ERROR_INVALID_CONTEXT = 201,
  CUDA_ERROR_NO_BINARY_FOR_GPU = 209,
  CUDA_ERROR_ECC_UNCORRECTABLE = 214,
  CUDA_ERROR_INVALID_PTX = 218,
  CUDA_ERROR_NVLINK_UNCORRECTABLE = 220,
  CUDA_ERROR_JIT_COMPILER_NOT_FOUND = 221,
  CUDA_ERROR_UNSUPPORTED_PTX_VERSION = 222,
  CUDA_ERROR_INVALID_HANDLE = 400,
  CUDA_ERROR_ILLEGAL_STATE = 401,
  CUDA_ERROR_NOT_FOUND = 500,
  CUDA_ERROR_NOT_READY = 600,
  CUDA_ERROR_ILLEGAL_ADDRESS = 700,
  CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES = 701,
  CUDA_ERROR_LAUNCH_TIMEOUT = 702,
  CUDA_ERROR_CONTEXT_IS_DESTROYED = 709,
  CUDA_ERROR_ASSERT = 710,
  CUDA_ERROR_HARDWARE_STACK_ERROR = 714,
  CUDA_ERROR_ILLEGAL_INSTRUCTION = 715,
  CUDA_ERROR_MISALIGNED_ADDRESS = 716,
  CUDA_ERROR_INVALID_ADDRESS_SPACE = 717,
  CUDA_ERROR_INVALID_PC = 718,
  CUDA_ERROR_LAUNCH_FAILED = 719,
  CUDA_ERROR_TENSOR_MEMORY_LEAK = 721,
  CUDA_ERROR_NOT_SUPPORTED = 801,
  CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900,
  CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901,
  CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD = 908,
  CUDA_ERROR_UNKNOWN = 999
};

enum : int { // CUdevice_attribute
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
  CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
  CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED = 115
};
enum : int { CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8 }; // CUfunction_attribute
enum : int {                                                        // CUjit_option
  CU_JIT_ERROR_LOG_BUFFER = 5,
  CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6
};
enum : int { // CUstreamCaptureMode
  CU_STREAM_CAPTURE_MODE_GLOBAL = 0,
  CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1,
  CU_STREAM_CAPTURE_MODE_RELAXED = 2
};
enum : unsigned {
  CU_STREAM_NON_BLOCKING = 1,
  CU_EVENT_DEFAULT = 0,
  CU_EVENT_BLOCKING_SYNC = 1,
  CU_EVENT_DISABLE_TIMING = 2,
  CU_MEMHOSTALLOC_PORTABLE = 1
};

enum : int { // CUtensorMapDataType
  CU_TENSOR_MAP_DATA_TYPE_FLOAT16 = 6,
  CU_TENSOR_MAP_DATA_TYPE_FLOAT32 = 7,
  CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 = 9
};
enum : int { CU_TENSOR_MAP_INTERLEAVE_NONE = 0 };      // CUtensorMapInterleave
enum : int { CU_TENSOR_MAP_SWIZZLE_128B = 3 };         // CUtensorMapSwizzle
enum : int { CU_TENSOR_MAP_L2_PROMOTION_L2_128B = 2 }; // CUtensorMapL2promotion
enum : int { CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE = 0 };  // CUtensorMapFloatOOBfill: zeros
constexpr size_t tensorMapBytes = 128, tensorMapAlignment = 64;
constexpr uint32_t maxTensorMapRank = 5;

/// Dynamic shared memory that a launch may ask for without an attribute of the function.
constexpr int64_t sharedBytesWithoutAttribute = 48 << 10;
constexpr int64_t maxGridX = 0x7FFFFFFF;

/// X(result, name, parameters): as the library exports them.
#define INGOT_CUDA_FUNCTIONS(X)                                                                    \
  X(CUresult, cuInit, (unsigned flags))                                                            \
  X(CUresult, cuGetErrorName, (CUresult error, const char **name))                                 \
  X(CUresult, cuDeviceGetCount, (int *count))                                                      \
  X(CUresult, cuDeviceGet, (CUdevice * device, int ordinal))                                       \
  X(CUresult, cuDeviceGetName, (char *name, int size, CUdevice device))                            \
  X(CUresult, cuDeviceTotalMem_v2, (size_t *bytes, CUdevice device))                               \
  X(CUresult, cuDeviceGetAttribute, (int *value, int attribute, CUdevice device))                  \
  X(CUresult, cuDevicePrimaryCtxRetain, (CUcontext * context, CUdevice device))                    \
  X(CUresult, cuDevicePrimaryCtxRelease_v2, (CUdevice device))                                     \
  X(CUresult, cuCtxPushCurrent_v2, (CUcontext context))                                            \
  X(CUresult, cuCtxPopCurrent_v2, (CUcontext * context))                                           \
  X(CUresult, cuModuleLoadDataEx,                                                                  \
    (CUmodule * module, const void *image, unsigned count, int *options, void **values))           \
  X(CUresult, cuModuleUnload, (CUmodule module))                                                   \
  X(CUresult, cuModuleGetFunction, (CUfunction * function, CUmodule module, const char *name))     \
  X(CUresult, cuFuncSetAttribute, (CUfunction function, int attribute, int value))                 \
  X(CUresult, cuLaunchKernel,                                                                      \
    (CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,         \
     unsigned blockY, unsigned blockZ, unsigned sharedBytes, CUstream stream, void **parameters,   \
     void **extra))                                                                                \
  X(CUresult, cuMemAlloc_v2, (CUdeviceptr * address, size_t bytes))                                \
  X(CUresult, cuMemFree_v2, (CUdeviceptr address))                                                 \
  X(CUresult, cuMemAllocAsync, (CUdeviceptr * address, size_t bytes, CUstream stream))             \
  X(CUresult, cuMemFreeAsync, (CUdeviceptr address, CUstream stream))                              \
  X(CUresult, cuMemHostAlloc, (void **address, size_t bytes, unsigned flags))                      \
  X(CUresult, cuMemFreeHost, (void *address))                                                      \
  X(CUresult, cuMemcpyHtoDAsync_v2,                                                                \
    (CUdeviceptr to, const void *from, size_t bytes, CUstream stream))                             \
  X(CUresult, cuMemcpyDtoHAsync_v2, (void *to, CUdeviceptr from, size_t bytes, CUstream stream))   \
  X(CUresult, cuMemcpyDtoDAsync_v2,                                                                \
    (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream))                             \
  X(CUresult, cuMemsetD8Async,                                                                     \
    (CUdeviceptr to, unsigned char value, size_t count, CUstream stream))                          \
  X(CUresult, cuMemsetD32Async, (CUdeviceptr to, unsigned value, size_t count, CUstream stream))   \
  X(CUresult, cuStreamCreate, (CUstream * stream, unsigned flags))                                 \
  X(CUresult, cuStreamDestroy_v2, (CUstream stream))                                               \
  X(CUresult, cuStreamSynchronize, (CUstream stream))                                              \
  X(CUresult, cuStreamWaitEvent, (CUstream stream, CUevent event, unsigned flags))                 \
  X(CUresult, cuStreamBeginCapture_v2, (CUstream stream, int mode))                                \
  X(CUresult, cuStreamEndCapture, (CUstream stream, CUgraph * graph))                              \
  X(CUresult, cuEventCreate, (CUevent * event, unsigned flags))                                    \
  X(CUresult, cuEventDestroy_v2, (CUevent event))                                                  \
  X(CUresult, cuEventRecord, (CUevent event, CUstream stream))                                     \
  X(CUresult, cuEventQuery, (CUevent event))                                                       \
  X(CUresult, cuEventSynchronize, (CUevent event))                                                 \
  X(CUresult, cuEventElapsedTime, (float *milliseconds, CUevent from, CUevent to))                 \
  X(CUresult, cuGraphInstantiateWithFlags,                                                         \
    (CUgraphExec * executable, CUgraph graph, unsigned long long flags))                           \
  X(CUresult, cuGraphLaunch, (CUgraphExec executable, CUstream stream))                            \
  X(CUresult, cuGraphDestroy, (CUgraph graph))                                                     \
  X(CUresult, cuGraphExecDestroy, (CUgraphExec executable))

/// Those that older drivers are without: of CUDA 12.0 (525).
#define INGOT_CUDA_NEWER_FUNCTIONS(X)                                                              \
  X(CUresult, cuTensorMapEncodeTiled,                                                              \
    (void *map, int dataType, uint32_t rank, void *base, const uint64_t *extents,                  \
     const uint64_t *strides, const uint32_t *box, const uint32_t *elementStrides, int interleave, \
     int swizzle, int l2Promotion, int outside))

/// Exported by the fake driver alone, which runs images of kind INGOT_IMAGE_HOST and no others.
constexpr const char *fakeDriverSymbol = "ingot_fake_driver";

} // namespace ingot::cuda

#endif // INGOT_RUNTIME_DEVICE_CUDAAPI_H
