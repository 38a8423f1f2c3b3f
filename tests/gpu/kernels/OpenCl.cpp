#include "OpenCl.h"

#include <dlfcn.h>
#include <vector>

namespace ingot::tests {
namespace {

// OpenCL's own names and numbers: there are no headers of it here.
using Object = void *;
constexpr uint64_t deviceTypeAll = 0xffffffff, memReadWrite = 1, memCopyHost = 1 << 5;
constexpr uint32_t buildLog = 0x1183;

struct Functions {
  int32_t (*getPlatforms)(uint32_t, Object *, uint32_t *);
  int32_t (*getDevices)(Object, uint64_t, uint32_t, Object *, uint32_t *);
  Object (*createContext)(const intptr_t *, uint32_t, const Object *, void *, void *, int32_t *);
  Object (*createQueue)(Object, Object, uint64_t, int32_t *);
  Object (*createProgram)(Object, uint32_t, const char **, const size_t *, int32_t *);
  int32_t (*buildProgram)(Object, uint32_t, const Object *, const char *, void *, void *);
  int32_t (*buildInformation)(Object, Object, uint32_t, size_t, void *, size_t *);
  Object (*createKernel)(Object, const char *, int32_t *);
  Object (*createBuffer)(Object, uint64_t, size_t, void *, int32_t *);
  int32_t (*setArgument)(Object, uint32_t, size_t, const void *);
  int32_t (*launch)(Object, Object, uint32_t, const size_t *, const size_t *, const size_t *,
                    uint32_t, const Object *, Object *);
  int32_t (*read)(Object, Object, uint32_t, size_t, size_t, void *, uint32_t, const Object *,
                  Object *);
  int32_t (*releaseBuffer)(Object);
  int32_t (*releaseKernel)(Object);
  int32_t (*releaseProgram)(Object);
};

struct Machine {
  Functions functions = {};
  Object device = nullptr, context = nullptr, queue = nullptr;
  std::string problem;

  Machine() {
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      problem = "libOpenCL.so.1 is not on this machine";
      return;
    }
    auto load = [&](auto &function, const char *name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    };
    load(functions.getPlatforms, "clGetPlatformIDs");
    load(functions.getDevices, "clGetDeviceIDs");
    load(functions.createContext, "clCreateContext");
    load(functions.createQueue, "clCreateCommandQueue");
    load(functions.createProgram, "clCreateProgramWithSource");
    load(functions.buildProgram, "clBuildProgram");
    load(functions.buildInformation, "clGetProgramBuildInfo");
    load(functions.createKernel, "clCreateKernel");
    load(functions.createBuffer, "clCreateBuffer");
    load(functions.setArgument, "clSetKernelArg");
    load(functions.launch, "clEnqueueNDRangeKernel");
    load(functions.read, "clEnqueueReadBuffer");
    load(functions.releaseBuffer, "clReleaseMemObject");
    load(functions.releaseKernel, "clReleaseKernel");
    load(functions.releaseProgram, "clReleaseProgram");
    Object platform = nullptr;
    int32_t status = 0;
    if (functions.getPlatforms(1, &platform, nullptr) != 0 ||
        functions.getDevices(platform, deviceTypeAll, 1, &device, nullptr) != 0) {
      problem = "OpenCL has no device here";
      return;
    }
    context = functions.createContext(nullptr, 1, &device, nullptr, nullptr, &status);
    queue = functions.createQueue(context, device, 0, &status);
  }
};

const Machine &machine() {
  static const Machine one;
  return one;
}

} // namespace

std::string whyNoOpenCl() { return machine().problem; }

std::string runOpenCl(const std::string &text, const char *kernelName, const void *from,
                      uint64_t fromBytes, void *to, uint64_t toBytes, int64_t n) {
  const Machine &m = machine();
  const Functions &cl = m.functions;
  const char *source = text.c_str();
  int32_t status = 0;
  Object program = cl.createProgram(m.context, 1, &source, nullptr, &status);
  const char *options = "-cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt";
  if (cl.buildProgram(program, 1, &m.device, options, nullptr, nullptr) != 0) {
    std::vector<char> log(1 << 16);
    cl.buildInformation(program, m.device, buildLog, log.size(), log.data(), nullptr);
    return log.data();
  }
  Object kernel = cl.createKernel(program, kernelName, &status);
  if (status != 0)
    return std::string("there is no kernel ") + kernelName;
  Object input = cl.createBuffer(m.context, memReadWrite | memCopyHost, fromBytes,
                                 const_cast<void *>(from), &status);
  Object output = cl.createBuffer(m.context, memReadWrite, toBytes, nullptr, &status);
  cl.setArgument(kernel, 0, sizeof(input), &input);
  cl.setArgument(kernel, 1, sizeof(output), &output);
  cl.setArgument(kernel, 2, sizeof(n), &n);
  const size_t group = 64, all = (static_cast<size_t>(n) + 63) / 64 * 64;
  status = cl.launch(m.queue, kernel, 1, nullptr, &all, &group, 0, nullptr, nullptr);
  if (status == 0)
    status = cl.read(m.queue, output, 1, 0, toBytes, to, 0, nullptr, nullptr);
  cl.releaseBuffer(input);
  cl.releaseBuffer(output);
  cl.releaseKernel(kernel);
  cl.releaseProgram(program);
  return status == 0 ? std::string() : "OpenCL's error " + std::to_string(status);
}

} // namespace ingot::tests
