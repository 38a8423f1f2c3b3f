// The fake driver's functions for streams, copies, launches, events and graphs.
#include "tests/gpu/fake/Call.h"

#include <algorithm>
#include <chrono>
#include <cstring>

using namespace ingot::fake;
using ingot::shim::launch;

namespace {
constexpr unsigned char notCopied = 0xCB; // in host memory until a copy to it is done

uint64_t addressOf(const void *pointer) { return reinterpret_cast<uint64_t>(pointer); }

/// `bytes` of pinned memory, or null.
Block *pinned(Call &call, const void *pointer, uint64_t bytes) {
  Block *block = call.machine.find(addressOf(pointer));
  if (!block || block->device || block->isFreed) {
    call.error =
        call.wrong(CUDA_ERROR_INVALID_VALUE,
                   "the host's side is no pinned memory: the copy would not be asynchronous");
    return nullptr;
  }
  if (bytes > block->bytes - (addressOf(pointer) - addressOf(block->address))) {
    call.error = call.wrong(CUDA_ERROR_INVALID_VALUE, "the block of pinned memory is smaller");
    return nullptr;
  }
  return block;
}

CUresult putCopy(Call &call, Stream &stream, Block *host, Work work) {
  if (CUresult error = call.machine.put(stream, std::move(work)))
    return error;
  if (host && !stream.isCapturing)
    host->used[stream.number] = stream.seq;
  return CUDA_SUCCESS;
}
} // namespace

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

FAKE_API CUresult cuStreamCreate(CUstream *handle, unsigned flags) {
  FAKE_CALL(Context);
  if (flags & ~unsigned{CU_STREAM_NON_BLOCKING})
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "flags that are not known here");
  static int number = 0;
  auto stream = std::make_unique<Stream>();
  stream->number = number++;
  stream->device = call.device();
  *handle = reinterpret_cast<CUstream>(call.machine.streams.add(std::move(stream)));
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuStreamDestroy_v2(CUstream handle) {
  FAKE_CALL(Context);
  Stream *stream = call.stream(handle);
  if (!stream)
    return call.error;
  if (stream->isCapturing)
    return call.wrong(CUDA_ERROR_ILLEGAL_STATE, "the stream captures");
  const CUresult error = call.machine.drain(*stream);
  call.machine.streams.remove(stream);
  return error;
}

FAKE_API CUresult cuStreamSynchronize(CUstream handle) {
  FAKE_CALL(Context);
  Stream *stream = call.stream(handle);
  if (!stream)
    return call.error;
  if (stream->isCapturing) {
    stream->isBroken = true;
    return call.wrong(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the stream captures");
  }
  return call.machine.drain(*stream);
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

FAKE_API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes,
                                       CUstream handle) {
  FAKE_CALL(Context);
  Stream *stream = call.stream(handle);
  Block *host = stream ? pinned(call, from, bytes) : nullptr;
  if (!host)
    return call.error;
  Work work;
  work.name = call.name;
  work.uses = {{to, bytes, Access::Write}};
  const auto *begin = static_cast<const char *>(from);
  auto now = std::make_shared<std::vector<char>>();
  if (!stream->isCapturing)
    now->assign(begin, begin + bytes);
  work.run = [=, &machine = call.machine] {
    if (!now->empty() && std::memcmp(now->data(), from, bytes) != 0)
      (void)machine.misuse(CUDA_SUCCESS, "cuMemcpyHtoDAsync_v2: the host's memory was changed "
                                         "before it was copied");
    std::memcpy(reinterpret_cast<void *>(to), from, bytes);
    return CUDA_SUCCESS;
  };
  return putCopy(call, *stream, host, std::move(work));
}

FAKE_API CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream handle) {
  FAKE_CALL(Context);
  Stream *stream = call.stream(handle);
  Block *host = stream ? pinned(call, to, bytes) : nullptr;
  if (!host)
    return call.error;
  Work work;
  work.name = call.name;
  work.uses = {{from, bytes, Access::Read}};
  work.run = [=] {
    std::memcpy(to, reinterpret_cast<const void *>(from), bytes);
    return CUDA_SUCCESS;
  };
  if (CUresult error = putCopy(call, *stream, host, std::move(work)))
    return error;
  std::memset(to, notCopied, bytes);
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes,
                                       CUstream handle) {
  FAKE_CALL(Context);
  Stream *stream = call.stream(handle);
  if (!stream)
    return call.error;
  Work work;
  work.name = call.name;
  work.uses = {{from, bytes, Access::Read}, {to, bytes, Access::Write}};
  work.run = [=] {
    std::memmove(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
    return CUDA_SUCCESS;
  };
  return call.machine.put(*stream, std::move(work));
}

template <typename T>
static CUresult putFill(Call &call, CUdeviceptr to, T value, size_t count, CUstream handle) {
  Stream *stream = call.stream(handle);
  if (!stream)
    return call.error;
  if (to % sizeof(T) != 0)
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "the address is not aligned");
  Work work;
  work.name = call.name;
  work.uses = {{to, count * sizeof(T), Access::Write}};
  work.run = [=] {
    std::fill_n(reinterpret_cast<T *>(to), count, value);
    return CUDA_SUCCESS;
  };
  return call.machine.put(*stream, std::move(work));
}

FAKE_API CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count,
                                  CUstream handle) {
  FAKE_CALL(Context);
  return putFill(call, to, value, count, handle);
}

FAKE_API CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream handle) {
  FAKE_CALL(Context);
  return putFill(call, to, value, count, handle);
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

/// Empty, or what no GPU would run.
static std::string checkLaunch(const Function &function, const Device &device, unsigned gridX,
                               unsigned blockX, bool isFlat, int64_t sharedBytes) {
  if (function.module->device != &device)
    return "the function is of another device";
  if (gridX == 0 || gridX > static_cast<unsigned>(maxGridX) || !isFlat)
    return "a grid of " + std::to_string(gridX) + " blocks, or of more than one dimension";
  if (blockX != function.kernel->threads)
    return "blocks of " + std::to_string(blockX) + " threads, the kernel is for " +
           std::to_string(function.kernel->threads);
  if (sharedBytes > function.sharedBytes)
    return std::to_string(sharedBytes) + " bytes of dynamic shared memory, the function's " +
           "attribute allows " + std::to_string(function.sharedBytes);
  return {};
}

FAKE_API CUresult cuLaunchKernel(CUfunction handle, unsigned gridX, unsigned gridY, unsigned gridZ,
                                 unsigned blockX, unsigned blockY, unsigned blockZ,
                                 unsigned sharedBytes, CUstream streamHandle, void **parameters,
                                 void **extra) {
  FAKE_CALL(Context);
  Stream *stream = call.stream(streamHandle);
  if (!stream)
    return call.error;
  const auto &function = *reinterpret_cast<const Function *>(handle);
  const ShimKernel &kernel = *function.kernel;
  const bool isFlat = gridY == 1 && gridZ == 1 && blockY == 1 && blockZ == 1;
  const std::string wrong =
      checkLaunch(function, *call.device(), gridX, blockX, isFlat, sharedBytes);
  if (!wrong.empty() || extra)
    return call.wrong(CUDA_ERROR_INVALID_VALUE, std::string(kernel.name) + ": " + wrong);

  auto values = std::make_shared<std::vector<std::vector<char>>>();
  Work work;
  work.name = std::string(kernel.name);
  for (int64_t i = 0; i < kernel.parameterCount; ++i) {
    const auto *value = static_cast<const char *>(parameters[i]);
    if (!value)
      return call.wrong(CUDA_ERROR_INVALID_VALUE,
                        work.name + ": parameter " + std::to_string(i) + " is NULL");
    values->emplace_back(value, value + kernel.parameterBytes[i]);
    uint64_t address; // a tensor map begins with its address
    std::memcpy(&address, value, sizeof address);
    if (call.machine.find(address)) // an integer is hardly ever an address
      work.uses.push_back({address, 0, Access::Kernel});
  }
  work.run = [&machine = call.machine, &kernel, values, gridX, sharedBytes] {
    std::vector<void *> pointers;
    for (std::vector<char> &value : *values)
      pointers.push_back(value.data());
    const std::string error =
        launch(kernel, gridX, sharedBytes, pointers.data(), machine.threads(), machine.bounds());
    return error.empty() ? CUDA_SUCCESS : machine.misuse(CUDA_ERROR_ILLEGAL_ADDRESS, error);
  };
  return call.machine.put(*stream, std::move(work));
}

//===----------------------------------------------------------------------===//
// Events
//===----------------------------------------------------------------------===//

FAKE_API CUresult cuEventCreate(CUevent *handle, unsigned flags) {
  FAKE_CALL(Context);
  auto event = std::make_unique<Event>();
  event->device = call.device();
  event->isTimed = !(flags & CU_EVENT_DISABLE_TIMING);
  *handle = reinterpret_cast<CUevent>(call.machine.events.add(std::move(event)));
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuEventDestroy_v2(CUevent handle) {
  FAKE_CALL(Context);
  Event *event = call.find(call.machine.events, handle, "event");
  if (!event)
    return call.error;
  if (event->done < event->recorded)
    call.machine.drainUntil(*event);
  call.machine.events.remove(event);
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuEventRecord(CUevent handle, CUstream streamHandle) {
  FAKE_CALL(Context);
  Event *event = call.find(call.machine.events, handle, "event");
  Stream *stream = event ? call.stream(streamHandle) : nullptr;
  if (!stream)
    return call.error;
  if (event->device != stream->device)
    return call.wrong(CUDA_ERROR_INVALID_HANDLE, "event and stream are of different devices");
  if (stream->isCapturing)
    return call.wrong(CUDA_ERROR_NOT_SUPPORTED, "events in captures are not known here");
  Work work;
  work.name = call.name;
  const uint64_t count = ++event->recorded;
  work.run = [event, count] {
    event->done = count;
    event->seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    return CUDA_SUCCESS;
  };
  const CUresult error = call.machine.put(*stream, std::move(work));
  event->clock = stream->clock;
  return error;
}

FAKE_API CUresult cuEventSynchronize(CUevent handle) {
  FAKE_CALL(Context);
  Event *event = call.find(call.machine.events, handle, "event");
  if (!event)
    return call.error;
  call.machine.drainUntil(*event);
  join(call.machine.host, event->clock);
  return event->device->lostBy;
}

/// Asking again and again is waiting: some work is done each time.
FAKE_API CUresult cuEventQuery(CUevent handle) {
  FAKE_CALL(Context);
  Event *event = call.find(call.machine.events, handle, "event");
  if (!event)
    return call.error;
  if (!call.machine.stepTowards(*event))
    return CUDA_ERROR_NOT_READY;
  join(call.machine.host, event->clock);
  return event->device->lostBy;
}

FAKE_API CUresult cuStreamWaitEvent(CUstream streamHandle, CUevent handle, unsigned flags) {
  FAKE_CALL(Context);
  Event *event = call.find(call.machine.events, handle, "event");
  Stream *stream = event ? call.stream(streamHandle) : nullptr;
  if (!stream)
    return call.error;
  if (flags != 0 || stream->isCapturing)
    return call.wrong(CUDA_ERROR_NOT_SUPPORTED, "flags or captures are not known here");
  Work work;
  work.name = call.name;
  work.awaits = event;
  work.count = event->recorded;
  join(stream->clock, event->clock);
  return call.machine.put(*stream, std::move(work));
}

FAKE_API CUresult cuEventElapsedTime(float *milliseconds, CUevent from, CUevent to) {
  FAKE_CALL(Context);
  Event *first = call.find(call.machine.events, from, "event");
  Event *second = first ? call.find(call.machine.events, to, "event") : nullptr;
  if (!second)
    return call.error;
  if (!first->isTimed || !second->isTimed || first->recorded == 0 || second->recorded == 0)
    return call.wrong(CUDA_ERROR_INVALID_HANDLE, "an event is not timed, or was not recorded");
  if (first->done < first->recorded || second->done < second->recorded)
    return call.wrong(CUDA_ERROR_NOT_READY, "an event was not waited for");
  *milliseconds = static_cast<float>((second->seconds - first->seconds) * 1e3);
  return CUDA_SUCCESS;
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

FAKE_API CUresult cuStreamBeginCapture_v2(CUstream handle, int mode) {
  FAKE_CALL(Context);
  Stream *stream = call.stream(handle);
  if (!stream)
    return call.error;
  if (stream->isCapturing)
    return call.wrong(CUDA_ERROR_ILLEGAL_STATE, "the stream captures already");
  stream->isCapturing = true;
  stream->isBroken = false;
  stream->captureMode = mode;
  stream->captureThread = &threadIdentity;
  stream->captured = std::make_unique<Graph>();
  stream->captured->device = call.device();
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuStreamEndCapture(CUstream handle, CUgraph *graph) {
  FAKE_CALL(Context);
  Stream *stream = call.stream(handle);
  if (!stream)
    return call.error;
  *graph = nullptr;
  if (!stream->isCapturing)
    return call.wrong(CUDA_ERROR_ILLEGAL_STATE, "the stream does not capture");
  if (stream->captureThread != &threadIdentity &&
      stream->captureMode != CU_STREAM_CAPTURE_MODE_RELAXED)
    return call.wrong(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "another thread began");
  stream->isCapturing = false;
  if (stream->isBroken) {
    stream->captured.reset();
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  }
  *graph = reinterpret_cast<CUgraph>(call.machine.graphs.add(std::move(stream->captured)));
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph handle,
                                              unsigned long long flags) {
  FAKE_CALL(Context);
  Graph *graph = call.find(call.machine.graphs, handle, "graph");
  if (!graph)
    return call.error;
  if (flags != 0)
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "flags are not known here");
  *executable =
      reinterpret_cast<CUgraphExec>(call.machine.executables.add(std::make_unique<Graph>(*graph)));
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuGraphLaunch(CUgraphExec handle, CUstream streamHandle) {
  FAKE_CALL(Context);
  Graph *graph = call.find(call.machine.executables, handle, "executable graph");
  Stream *stream = graph ? call.stream(streamHandle) : nullptr;
  if (!stream)
    return call.error;
  if (stream->isCapturing || graph->device != stream->device)
    return call.wrong(CUDA_ERROR_INVALID_VALUE, "the stream captures, or is of another device");
  for (const Work &work : graph->works)
    if (CUresult error = call.machine.enqueue(*stream, work))
      return error;
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuGraphDestroy(CUgraph handle) {
  FAKE_CALL(Context);
  Graph *graph = call.find(call.machine.graphs, handle, "graph");
  if (!graph)
    return call.error;
  call.machine.graphs.remove(graph);
  return CUDA_SUCCESS;
}

FAKE_API CUresult cuGraphExecDestroy(CUgraphExec handle) {
  FAKE_CALL(Context);
  Graph *graph = call.find(call.machine.executables, handle, "executable graph");
  if (!graph)
    return call.error;
  call.machine.executables.remove(graph);
  return CUDA_SUCCESS;
}
