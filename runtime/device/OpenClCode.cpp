// Building programs and launching kernels. See OpenClCode.h.
#include "runtime/device/OpenClCode.h"
#include "runtime/device/Images.h"

#include <cstring>
#include <string>

namespace ingot::opencl {

OpenClCode::OpenClCode(OpenClDevice &device, const ingot_device_code &code)
    : device_(device), code_(code), kernels_(static_cast<size_t>(code.kernel_count)),
      programs_(static_cast<size_t>(code.unit_count)) {}

OpenClCode::~OpenClCode() {
  for (Kernel &kernel : kernels_)
    if (kernel.object)
      device_.library().clReleaseKernel(kernel.object);
  for (cl_program program : programs_)
    if (program)
      device_.library().clReleaseProgram(program);
}

Status OpenClCode::launch(cl_command_queue queue, int64_t index, int64_t blocks,
                          void *const *parameters) {
  if (index < 0 || index >= code_.kernel_count || blocks < 1)
    return Status(StatusCode::Internal, "kernel " + std::to_string(index) + " cannot run " +
                                            std::to_string(blocks) + " blocks");
  const ingot_device_kernel &info = code_.kernels[index];
  const std::string context = std::string("launching '") + info.symbol + "'";
  std::lock_guard<std::mutex> lock(mutex_);
  Kernel &kernel = kernels_[static_cast<size_t>(index)];
  if (!kernel.object)
    INGOT_RETURN_IF_ERROR(make(index).withContext(context));
  INGOT_RETURN_IF_ERROR(setParameters(kernel, parameters).withContext(context));
  const size_t local = static_cast<size_t>(info.threads);
  const size_t global = local * static_cast<size_t>(blocks);
  return statusOf(device_.library().clEnqueueNDRangeKernel(queue, kernel.object, 1, nullptr,
                                                           &global, &local, 0, nullptr, nullptr),
                  "clEnqueueNDRangeKernel")
      .withContext(context);
}

Status OpenClCode::setParameters(Kernel &kernel, void *const *parameters) {
  const Library &library = device_.library();
  for (size_t i = 0; i < kernel.isAddress.size(); ++i) {
    const auto number = static_cast<cl_uint>(i);
    if (!kernel.isAddress[i]) {
      INGOT_RETURN_IF_ERROR(
          statusOf(library.clSetKernelArg(kernel.object, number, sizeof(int64_t), parameters[i]),
                   "clSetKernelArg"));
      continue;
    }
    void *address;
    std::memcpy(&address, parameters[i], sizeof address);
    INGOT_RETURN_IF_ERROR(statusOf(library.clSetKernelArgSVMPointer(kernel.object, number, address),
                                   "clSetKernelArgSVMPointer"));
  }
  const std::vector<void *> allocations = device_.allocationsSince(kernel.seen);
  if (allocations.empty())
    return Status::ok();
  return statusOf(library.clSetKernelExecInfo(kernel.object, CL_KERNEL_EXEC_INFO_SVM_PTRS,
                                              allocations.size() * sizeof(void *),
                                              allocations.data()),
                  "clSetKernelExecInfo");
}

Status OpenClCode::make(int64_t index) {
  const Library &library = device_.library();
  const ingot_device_kernel &info = code_.kernels[index];
  if (info.shared_bytes != 0)
    return Status(StatusCode::Unsupported, "kernels for OpenCL have no dynamic shared memory");
  INGOT_ASSIGN_OR_RETURN(cl_program program, this->program(info.unit));
  Kernel &kernel = kernels_[static_cast<size_t>(index)];
  cl_int error = CL_SUCCESS;
  cl_kernel object = library.clCreateKernel(program, info.symbol, &error);
  INGOT_RETURN_IF_ERROR(statusOf(error, "clCreateKernel"));
  kernel.object = object;
  kernel.isAddress.clear();
  for (int64_t i = 0; i < info.parameters; ++i) {
    cl_uint space = 0;
    error =
        library.clGetKernelArgInfo(object, static_cast<cl_uint>(i), CL_KERNEL_ARG_ADDRESS_QUALIFIER,
                                   sizeof space, &space, nullptr);
    if (error != CL_SUCCESS) {
      library.clReleaseKernel(object);
      kernel.object = nullptr;
      return statusOf(error, "clGetKernelArgInfo");
    }
    kernel.isAddress.push_back(space != CL_KERNEL_ARG_ADDRESS_PRIVATE);
  }
  return Status::ok();
}

Result<cl_program> OpenClCode::program(int64_t unit) {
  cl_program &program = programs_[static_cast<size_t>(unit)];
  if (program)
    return program;
  const Library &library = device_.library();
  const ingot_image &image = *imageOf(code_, unit, device_); // there is one: see codeFor
  const auto *text = static_cast<const char *>(image.data);
  const size_t size = image.bytes;
  cl_int error = CL_SUCCESS;
  cl_program made = library.clCreateProgramWithSource(device_.context(), 1, &text, &size, &error);
  INGOT_RETURN_IF_ERROR(statusOf(error, "clCreateProgramWithSource"));
  const cl_device_id device = device_.device();
  error = library.clBuildProgram(made, 1, &device, device_.buildOptions(), nullptr, nullptr);
  if (error == CL_SUCCESS) {
    program = made;
    return program;
  }
  std::string log(4096, '\0');
  size_t length = 0;
  if (library.clGetProgramBuildInfo(made, device, CL_PROGRAM_BUILD_LOG, log.size(), log.data(),
                                    &length) != CL_SUCCESS)
    length = 0;
  log.resize(std::min(length, log.size()));
  library.clReleaseProgram(made);
  return Status(StatusCode::Unsupported, statusOf(error, "clBuildProgram").message() + ": " + log);
}

} // namespace ingot::opencl
