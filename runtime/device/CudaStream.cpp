// Copies, launches, events and graphs of one stream. See CudaStream.h.
#include "runtime/device/CudaStream.h"
#include "runtime/core/Spin.h"
#include "runtime/device/CudaCode.h"

#include <algorithm>
#include <cstdio>
#include <string>

namespace ingot::cuda {

namespace {

struct CudaMark : Mark {
  explicit CudaMark(CudaDevice &device) : device(device) {}
  ~CudaMark() override {
    if (event)
      (void)device.call(INGOT_CUDA(device, cuEventDestroy_v2), event);
  }
  CudaDevice &device;
  CUevent event = nullptr;
};

struct CudaRecording : Recording {
  explicit CudaRecording(CudaDevice &device) : device(device) {}
  ~CudaRecording() override {
    if (executable)
      (void)device.call(INGOT_CUDA(device, cuGraphExecDestroy), executable);
  }
  CudaDevice &device;
  CUgraphExec executable = nullptr;
};

CUdeviceptr address(const void *pointer) { return reinterpret_cast<CUdeviceptr>(pointer); }

/// What NVIDIA recommends for cuBLAS.
size_t workspaceBytes(const DeviceInfo &info) {
  return size_t{info.computeMajor >= 9 ? 32u : 4u} << 20;
}

CUevent eventOf(Mark &mark) { return static_cast<CudaMark &>(mark).event; }

} // namespace

Result<std::unique_ptr<Stream>> CudaStream::make(CudaDevice &device) {
  std::unique_ptr<CudaStream> stream(new CudaStream(device));
  // Not ordered with the default stream, which is other people's.
  INGOT_RETURN_IF_ERROR(device.call(INGOT_CUDA(device, cuStreamCreate), &stream->stream_,
                                    unsigned{CU_STREAM_NON_BLOCKING}));
  return std::unique_ptr<Stream>(std::move(stream));
}

CudaStream::~CudaStream() {
  if (!stream_)
    return;
  (void)wait();
  if (workspace_)
    free(workspace_);
  (void)device_.call(INGOT_CUDA(device_, cuStreamDestroy_v2), stream_);
}

Result<void *> CudaStream::allocate(uint64_t bytes) {
  const size_t size = std::max<uint64_t>(bytes, 1);
  CUdeviceptr block = 0;
  const Status status =
      device_.hasPools() ? device_.call(INGOT_CUDA(device_, cuMemAllocAsync), &block, size, stream_)
                         : device_.call(INGOT_CUDA(device_, cuMemAlloc_v2), &block, size);
  if (status.code() == StatusCode::ResourceExhausted)
    return Status(status.code(), "no memory for " + std::to_string(bytes) +
                                     " bytes on 'cuda:" + std::to_string(device_.info().index) +
                                     "', which has " + std::to_string(device_.info().memoryBytes) +
                                     " (" + status.message() + ")");
  INGOT_RETURN_IF_ERROR(status);
  return reinterpret_cast<void *>(block);
}

void CudaStream::free(void *block) {
  if (device_.hasPools()) {
    (void)device_.call(INGOT_CUDA(device_, cuMemFreeAsync), address(block), stream_);
    return;
  }
  (void)wait();
  (void)device_.call(INGOT_CUDA(device_, cuMemFree_v2), address(block));
}

Status CudaStream::upload(void *to, const void *from, uint64_t bytes) {
  return device_.call(INGOT_CUDA(device_, cuMemcpyHtoDAsync_v2), address(to), from, size_t{bytes},
                      stream_);
}

Status CudaStream::download(void *to, const void *from, uint64_t bytes) {
  return device_.call(INGOT_CUDA(device_, cuMemcpyDtoHAsync_v2), to, address(from), size_t{bytes},
                      stream_);
}

Status CudaStream::copy(void *to, const void *from, uint64_t bytes) {
  return device_.call(INGOT_CUDA(device_, cuMemcpyDtoDAsync_v2), address(to), address(from),
                      size_t{bytes}, stream_);
}

Status CudaStream::store(void *to, int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  const unsigned halves[] = {static_cast<unsigned>(bits), static_cast<unsigned>(bits >> 32)};
  if (halves[0] == halves[1])
    return device_.call(INGOT_CUDA(device_, cuMemsetD32Async), address(to), halves[0], size_t{2},
                        stream_);
  for (size_t i = 0; i < 2; ++i)
    INGOT_RETURN_IF_ERROR(device_.call(INGOT_CUDA(device_, cuMemsetD32Async), address(to) + 4 * i,
                                       halves[i], size_t{1}, stream_));
  return Status::ok();
}

Status CudaStream::clear(void *to, uint64_t bytes) {
  return device_.call(INGOT_CUDA(device_, cuMemsetD8Async), address(to),
                      static_cast<unsigned char>(0), size_t{bytes}, stream_);
}

Status CudaStream::launch(DeviceCode &code, int64_t kernel, int64_t blocks,
                          void *const *parameters) {
  auto &cuda = static_cast<CudaCode &>(code);
  if (kernel < 0 || kernel >= cuda.kernelCount() || blocks < 1 || blocks > maxGridX)
    return Status(StatusCode::Internal, "kernel " + std::to_string(kernel) + " cannot run " +
                                            std::to_string(blocks) + " blocks");
  INGOT_ASSIGN_OR_RETURN(CUfunction function, cuda.function(kernel));
  const ingot_device_kernel &info = cuda.kernel(kernel);
  Status launched = device_.call(
      INGOT_CUDA(device_, cuLaunchKernel), function, static_cast<unsigned>(blocks), 1u, 1u,
      static_cast<unsigned>(info.threads), 1u, 1u, static_cast<unsigned>(info.shared_bytes),
      stream_, const_cast<void **>(parameters), static_cast<void **>(nullptr));
  if (launched.isOk() && device_.launchesBlock())
    launched = wait();
  return launched.isOk()
             ? launched
             : Status(launched.code(), launched.message() + " (launching '" + info.symbol + "')");
}

/// The first run of its sizes is not recorded, so that plan and workspace are there for one that
/// is.
Result<bool> CudaStream::multiply(DeviceCode &code, const ingot_product &product,
                                  const ProductOperands &operands) {
  if (!static_cast<CudaCode &>(code).wantsLibraryFor(product))
    return false;
  Result<cublaslt::Products *> products = device_.products();
  if (!products.isOk()) {
    static std::once_flag said;
    std::call_once(said, [&] {
      std::fprintf(stderr, "ingot: products of matrices are computed by the model's kernels: %s\n",
                   products.status().message().c_str());
    });
    return false;
  }
  const size_t mostBytes = workspaceBytes(device_.info());
  cublaslt::Products::Plan plan;
  INGOT_RETURN_IF_ERROR(device_.within([&]() -> Status {
    INGOT_ASSIGN_OR_RETURN(plan, (*products)->plan(product, operands, mostBytes));
    return Status::ok();
  }));
  if (!plan.isThere || (device_.productWatcher && !device_.productWatcher(product)))
    return false;
  if (plan.workspaceBytes != 0 && !workspace_) {
    Result<void *> block = allocate(mostBytes);
    if (!block.isOk())
      return block.status().withContext("the workspace of cuBLASLt");
    workspace_ = *block;
  }
  INGOT_RETURN_IF_ERROR(device_.within(
      [&] { return (*products)->put(product, operands, plan, workspace_, stream_); }));
  return true;
}

Status CudaStream::wait() {
  return device_.call(INGOT_CUDA(device_, cuStreamSynchronize), stream_);
}

Result<std::unique_ptr<Mark>> CudaStream::makeMark(bool isTimed) {
  auto mark = std::make_unique<CudaMark>(device_);
  INGOT_RETURN_IF_ERROR(
      device_.call(INGOT_CUDA(device_, cuEventCreate), &mark->event,
                   isTimed ? unsigned{CU_EVENT_DEFAULT}
                           : unsigned{CU_EVENT_DISABLE_TIMING | CU_EVENT_BLOCKING_SYNC}));
  return std::unique_ptr<Mark>(std::move(mark));
}

Status CudaStream::put(Mark &mark) {
  return device_.call(INGOT_CUDA(device_, cuEventRecord), eventOf(mark), stream_);
}

/// Sleeps, but for the end of short work.
Status CudaStream::wait(Mark &mark) {
  Status status;
  bool isDone = false;
  const auto query = [&](CUevent event) {
    const CUresult error = device_.library().cuEventQuery(event);
    isDone = error != CUDA_ERROR_NOT_READY;
    return isDone ? error : CUresult{CUDA_SUCCESS};
  };
  spinUntil([&] {
    status = device_.call("cuEventQuery", query, eventOf(mark));
    return isDone || !status.isOk();
  });
  if (isDone || !status.isOk())
    return status;
  return device_.call(INGOT_CUDA(device_, cuEventSynchronize), eventOf(mark));
}

Status CudaStream::follow(Mark &mark) {
  return device_.call(INGOT_CUDA(device_, cuStreamWaitEvent), stream_, eventOf(mark), 0u);
}

Result<double> CudaStream::secondsBetween(Mark &from, Mark &to) {
  float milliseconds = 0;
  INGOT_RETURN_IF_ERROR(device_.call(INGOT_CUDA(device_, cuEventElapsedTime), &milliseconds,
                                     eventOf(from), eventOf(to)));
  return milliseconds * 1e-3;
}

/// Other threads may do what they like meanwhile; this one does what Stream::beginRecording says.
Status CudaStream::beginRecording() {
  return device_.call(INGOT_CUDA(device_, cuStreamBeginCapture_v2), stream_,
                      int{CU_STREAM_CAPTURE_MODE_THREAD_LOCAL});
}

Result<std::unique_ptr<Recording>> CudaStream::endRecording() {
  CUgraph graph = nullptr;
  INGOT_RETURN_IF_ERROR(device_.call(INGOT_CUDA(device_, cuStreamEndCapture), stream_, &graph));
  auto recording = std::make_unique<CudaRecording>(device_);
  const Status made = device_.call(INGOT_CUDA(device_, cuGraphInstantiateWithFlags),
                                   &recording->executable, graph, 0ull);
  (void)device_.call(INGOT_CUDA(device_, cuGraphDestroy), graph);
  INGOT_RETURN_IF_ERROR(made);
  return std::unique_ptr<Recording>(std::move(recording));
}

Status CudaStream::replay(Recording &recording) {
  return device_.call(INGOT_CUDA(device_, cuGraphLaunch),
                      static_cast<CudaRecording &>(recording).executable, stream_);
}

} // namespace ingot::cuda
