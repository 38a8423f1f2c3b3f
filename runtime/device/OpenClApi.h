// The part of OpenCL that the runtime uses, declared as the specification has it:
// https://registry.khronos.org/OpenCL. No header of OpenCL is needed to build, and no library to
// run. Memory is the coarse-grained shared memory of OpenCL 2.0, whose addresses kernels take as
// they are; kernels are OpenCL C 1.2.
#ifndef INGOT_RUNTIME_DEVICE_OPENCLAPI_H
#define INGOT_RUNTIME_DEVICE_OPENCLAPI_H

#include <cstddef>
#include <cstdint>

namespace ingot::opencl {

using cl_int = int32_t;
using cl_uint = uint32_t;
using cl_ulong = uint64_t;
using cl_bool = cl_uint;
using cl_bitfield = cl_ulong;
using cl_platform_id = struct _cl_platform_id *;
using cl_device_id = struct _cl_device_id *;
using cl_context = struct _cl_context *;
using cl_command_queue = struct _cl_command_queue *;
using cl_program = struct _cl_program *;
using cl_kernel = struct _cl_kernel *;
using cl_event = struct _cl_event *;

enum : cl_int {
  CL_SUCCESS = 0,
  CL_MEM_OBJECT_ALLOCATION_FAILURE = -4,
  CL_OUT_OF_RESOURCES = -5,
  CL_OUT_OF_HOST_MEMORY = -6
};
enum : cl_uint {
  CL_FALSE = 0,
  CL_DEVICE_TYPE = 0x1000,
  CL_DEVICE_SINGLE_FP_CONFIG = 0x101B,
  CL_DEVICE_GLOBAL_MEM_SIZE = 0x101F,
  CL_DEVICE_NAME = 0x102B,
  CL_DEVICE_SVM_CAPABILITIES = 0x1053,
  CL_PROGRAM_BUILD_LOG = 0x1183,
  CL_KERNEL_ARG_ADDRESS_QUALIFIER = 0x1196,
  CL_KERNEL_ARG_ADDRESS_PRIVATE = 0x119E,
  CL_KERNEL_EXEC_INFO_SVM_PTRS = 0x11B6,
  CL_PROFILING_COMMAND_END = 0x1283
};
enum : cl_bitfield {
  CL_DEVICE_TYPE_CPU = 1 << 1,
  CL_DEVICE_TYPE_ALL = 0xFFFFFFFF,
  CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT = 1 << 7,
  CL_QUEUE_PROFILING_ENABLE = 1 << 1,
  CL_DEVICE_SVM_COARSE_GRAIN_BUFFER = 1 << 0,
  CL_MEM_READ_WRITE = 1 << 0
};

/// X(result, name, parameters): as the library exports them.
#define INGOT_OPENCL_FUNCTIONS(X)                                                                  \
  X(cl_int, clGetPlatformIDs, (cl_uint room, cl_platform_id * platforms, cl_uint * count))         \
  X(cl_int, clGetDeviceIDs,                                                                        \
    (cl_platform_id platform, cl_bitfield type, cl_uint room, cl_device_id * devices,              \
     cl_uint * count))                                                                             \
  X(cl_int, clGetDeviceInfo,                                                                       \
    (cl_device_id device, cl_uint name, size_t room, void *value, size_t *size))                   \
  X(cl_context, clCreateContext,                                                                   \
    (const intptr_t *properties, cl_uint count, const cl_device_id *devices, void *notify,         \
     void *user, cl_int *error))                                                                   \
  X(cl_int, clReleaseContext, (cl_context context))                                                \
  X(cl_command_queue, clCreateCommandQueue,                                                        \
    (cl_context context, cl_device_id device, cl_bitfield properties, cl_int * error))             \
  X(cl_int, clReleaseCommandQueue, (cl_command_queue queue))                                       \
  X(cl_int, clFinish, (cl_command_queue queue))                                                    \
  X(cl_int, clFlush, (cl_command_queue queue))                                                     \
  X(cl_program, clCreateProgramWithSource,                                                         \
    (cl_context context, cl_uint count, const char **texts, const size_t *sizes, cl_int *error))   \
  X(cl_int, clBuildProgram,                                                                        \
    (cl_program program, cl_uint count, const cl_device_id *devices, const char *options,          \
     void *notify, void *user))                                                                    \
  X(cl_int, clGetProgramBuildInfo,                                                                 \
    (cl_program program, cl_device_id device, cl_uint name, size_t room, void *value,              \
     size_t *size))                                                                                \
  X(cl_int, clReleaseProgram, (cl_program program))                                                \
  X(cl_kernel, clCreateKernel, (cl_program program, const char *name, cl_int *error))              \
  X(cl_int, clReleaseKernel, (cl_kernel kernel))                                                   \
  X(cl_int, clGetKernelArgInfo,                                                                    \
    (cl_kernel kernel, cl_uint index, cl_uint name, size_t room, void *value, size_t *size))       \
  X(cl_int, clSetKernelArg, (cl_kernel kernel, cl_uint index, size_t size, const void *value))     \
  X(cl_int, clSetKernelArgSVMPointer, (cl_kernel kernel, cl_uint index, const void *address))      \
  X(cl_int, clSetKernelExecInfo, (cl_kernel kernel, cl_uint name, size_t size, const void *value)) \
  X(cl_int, clEnqueueNDRangeKernel,                                                                \
    (cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset,           \
     const size_t *global, const size_t *local, cl_uint waits, const cl_event *events,             \
     cl_event *event))                                                                             \
  X(void *, clSVMAlloc, (cl_context context, cl_bitfield flags, size_t bytes, cl_uint alignment))  \
  X(cl_int, clEnqueueSVMFree,                                                                      \
    (cl_command_queue queue, cl_uint count, void *addresses[], void *callback, void *user,         \
     cl_uint waits, const cl_event *events, cl_event *event))                                      \
  X(cl_int, clEnqueueSVMMemcpy,                                                                    \
    (cl_command_queue queue, cl_bool isBlocking, void *to, const void *from, size_t bytes,         \
     cl_uint waits, const cl_event *events, cl_event *event))                                      \
  X(cl_int, clEnqueueSVMMemFill,                                                                   \
    (cl_command_queue queue, void *to, const void *pattern, size_t patternBytes, size_t bytes,     \
     cl_uint waits, const cl_event *events, cl_event *event))                                      \
  X(cl_int, clEnqueueMarkerWithWaitList,                                                           \
    (cl_command_queue queue, cl_uint waits, const cl_event *events, cl_event *event))              \
  X(cl_int, clWaitForEvents, (cl_uint count, const cl_event *events))                              \
  X(cl_int, clReleaseEvent, (cl_event event))                                                      \
  X(cl_int, clGetEventProfilingInfo,                                                               \
    (cl_event event, cl_uint name, size_t room, void *value, size_t *size))

} // namespace ingot::opencl

#endif // INGOT_RUNTIME_DEVICE_OPENCLAPI_H
