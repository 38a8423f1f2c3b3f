// Copies, launches and events of one queue. See OpenClStream.h.
#include "runtime/device/OpenClStream.h"
#include "runtime/device/OpenClCode.h"

#include <algorithm>
#include <string>

namespace ingot::opencl {

namespace {

/// What allocations can be aligned to: the size of the largest type, long16.
constexpr cl_uint alignment = 128;

struct OpenClMark : Mark {
  explicit OpenClMark(const Library &library) : library(library) {}
  ~OpenClMark() override { release(); }
  void release() {
    if (event)
      library.clReleaseEvent(event);
    event = nullptr;
  }
  const Library &library;
  cl_event event = nullptr; // of where it was put last
};

OpenClMark &of(Mark &mark) { return static_cast<OpenClMark &>(mark); }

Status noRecordings() { return Status(StatusCode::Unsupported, "OpenCL records nothing"); }

} // namespace

Result<std::unique_ptr<Stream>> OpenClStream::make(OpenClDevice &device) {
  std::unique_ptr<OpenClStream> stream(new OpenClStream(device));
  cl_int error = CL_SUCCESS;
  stream->queue_ = device.library().clCreateCommandQueue(device.context(), device.device(),
                                                         CL_QUEUE_PROFILING_ENABLE, &error);
  INGOT_RETURN_IF_ERROR(statusOf(error, "clCreateCommandQueue"));
  return std::unique_ptr<Stream>(std::move(stream));
}

OpenClStream::~OpenClStream() {
  if (!queue_)
    return;
  (void)wait();
  device_.library().clReleaseCommandQueue(queue_);
}

Result<void *> OpenClStream::allocate(uint64_t bytes) {
  void *address = device_.library().clSVMAlloc(device_.context(), CL_MEM_READ_WRITE,
                                               std::max<uint64_t>(bytes, 1), alignment);
  if (!address)
    return Status(StatusCode::ResourceExhausted,
                  "no memory for " + std::to_string(bytes) +
                      " bytes on 'opencl:" + std::to_string(device_.info().index) + "'");
  device_.add(address);
  return address;
}

void OpenClStream::free(void *address) {
  device_.remove(address);
  (void)device_.library().clEnqueueSVMFree(queue_, 1, &address, nullptr, nullptr, 0, nullptr,
                                           nullptr);
}

Status OpenClStream::copy(void *to, const void *from, uint64_t bytes) {
  return statusOf(
      device_.library().clEnqueueSVMMemcpy(queue_, CL_FALSE, to, from, bytes, 0, nullptr, nullptr),
      "clEnqueueSVMMemcpy");
}

Status OpenClStream::upload(void *to, const void *from, uint64_t bytes) {
  return copy(to, from, bytes);
}

Status OpenClStream::download(void *to, const void *from, uint64_t bytes) {
  return copy(to, from, bytes);
}

Status OpenClStream::store(void *to, int64_t value) {
  return statusOf(device_.library().clEnqueueSVMMemFill(queue_, to, &value, sizeof value,
                                                        sizeof value, 0, nullptr, nullptr),
                  "clEnqueueSVMMemFill");
}

Status OpenClStream::clear(void *to, uint64_t bytes) {
  const unsigned char zero = 0;
  return statusOf(device_.library().clEnqueueSVMMemFill(queue_, to, &zero, sizeof zero, bytes, 0,
                                                        nullptr, nullptr),
                  "clEnqueueSVMMemFill");
}

Status OpenClStream::launch(DeviceCode &code, int64_t kernel, int64_t blocks,
                            void *const *parameters) {
  return static_cast<OpenClCode &>(code).launch(queue_, kernel, blocks, parameters);
}

Status OpenClStream::wait() { return statusOf(device_.library().clFinish(queue_), "clFinish"); }

Result<std::unique_ptr<Mark>> OpenClStream::makeMark(bool) {
  return std::unique_ptr<Mark>(std::make_unique<OpenClMark>(device_.library()));
}

/// Sends what is there to the device too: OpenCL may keep it until somebody waits.
Status OpenClStream::put(Mark &mark) {
  of(mark).release();
  INGOT_RETURN_IF_ERROR(
      statusOf(device_.library().clEnqueueMarkerWithWaitList(queue_, 0, nullptr, &of(mark).event),
               "clEnqueueMarkerWithWaitList"));
  return statusOf(device_.library().clFlush(queue_), "clFlush");
}

Status OpenClStream::wait(Mark &mark) {
  return statusOf(device_.library().clWaitForEvents(1, &of(mark).event), "clWaitForEvents");
}

/// The queue is in order: what comes behind this marker waits with it.
Status OpenClStream::follow(Mark &mark) {
  return statusOf(
      device_.library().clEnqueueMarkerWithWaitList(queue_, 1, &of(mark).event, nullptr),
      "clEnqueueMarkerWithWaitList");
}

Result<double> OpenClStream::secondsBetween(Mark &from, Mark &to) {
  cl_ulong nanoseconds[2] = {};
  OpenClMark *marks[] = {&of(from), &of(to)};
  for (size_t i = 0; i < 2; ++i)
    INGOT_RETURN_IF_ERROR(statusOf(
        device_.library().clGetEventProfilingInfo(marks[i]->event, CL_PROFILING_COMMAND_END,
                                                  sizeof(cl_ulong), &nanoseconds[i], nullptr),
        "clGetEventProfilingInfo"));
  return static_cast<double>(nanoseconds[1] - nanoseconds[0]) * 1e-9;
}

Status OpenClStream::beginRecording() { return noRecordings(); }
Result<std::unique_ptr<Recording>> OpenClStream::endRecording() { return noRecordings(); }
Status OpenClStream::replay(Recording &) { return noRecordings(); }

} // namespace ingot::opencl
