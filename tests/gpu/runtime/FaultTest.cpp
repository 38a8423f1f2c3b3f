// The fake driver finds mistakes of the runtime: each test puts one into the runtime's table of
// CUDA's functions, by dropping or changing a call, and does what models do.
#include "FakeDriver.h"
#include "LinearModel.h"
#include "runtime/device/CudaLibrary.h"

#include <algorithm>
#include <cmath>

using namespace ingot;
using namespace ingot::cuda;
using namespace ingot::gputest;

namespace {

Library real; // the functions as they are

/// A mistake: what it puts into the table, and what is seen of it.
struct Fault {
  const char *name;
  void (*seed)(Library &library);
  const char *seen; // of the report; "": the numbers are wrong, or a status is
};

//===----------------------------------------------------------------------===//
// What mistakes need to know
//===----------------------------------------------------------------------===//

CUstream otherStream() {
  CUstream stream = nullptr;
  real.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING);
  return stream;
}

/// Calls of a function since the mistake was made.
int64_t calls;

const Fault faults[] = {
    // Waiting.
    {"NoWaitForOutputs",
     [](Library &l) {
       l.cuEventSynchronize = l.cuEventQuery = [](CUevent) { return CUresult{CUDA_SUCCESS}; };
     },
     ""},
    {"NoWaitForStagedCopies",
     [](Library &l) { l.cuStreamSynchronize = [](CUstream) { return CUresult{CUDA_SUCCESS}; }; },
     "the host's memory was changed before it was copied"},
    {"NoMarkBehindTheRun",
     [](Library &l) { l.cuEventRecord = [](CUevent, CUstream) { return CUresult{CUDA_SUCCESS}; }; },
     ""},

    // Memory.
    {"FreedTooEarly",
     [](Library &l) {
       l.cuMemAllocAsync = [](CUdeviceptr *address, size_t bytes, CUstream stream) {
         const CUresult result = real.cuMemAllocAsync(address, bytes, stream);
         real.cuMemFreeAsync(*address, stream);
         return result;
       };
     },
     "was freed"},
    {"FreedTwice",
     [](Library &l) {
       l.cuMemFreeAsync = [](CUdeviceptr address, CUstream stream) {
         real.cuMemFreeAsync(address, stream);
         return real.cuMemFreeAsync(address, stream);
       };
     },
     "was freed before"},
    {"NeverFreed",
     [](Library &l) {
       l.cuMemFreeAsync = [](CUdeviceptr, CUstream) { return CUresult{CUDA_SUCCESS}; };
     },
     "blocks of device memory"},
    {"FreedByTheWrongFunction",
     [](Library &l) {
       l.cuMemFreeAsync = [](CUdeviceptr address, CUstream) {
         return real.cuMemFreeHost(reinterpret_cast<void *>(address));
       };
     },
     "no such block begins there"},
    {"PinnedMemoryNeverFreed",
     [](Library &l) { l.cuMemFreeHost = [](void *) { return CUresult{CUDA_SUCCESS}; }; },
     "blocks of pinned memory"},
    {"PinnedMemoryFreedWhileItIsRead",
     [](Library &l) {
       l.cuMemcpyHtoDAsync_v2 = [](CUdeviceptr to, const void *from, size_t bytes,
                                   CUstream stream) {
         const CUresult result = real.cuMemcpyHtoDAsync_v2(to, from, bytes, stream);
         real.cuMemFreeHost(const_cast<void *>(from));
         return result;
       };
     },
     "another stream may still use the memory"},
    {"CopiedFromPageableMemory",
     [](Library &l) {
       l.cuMemcpyHtoDAsync_v2 = [](CUdeviceptr to, const void *from, size_t bytes,
                                   CUstream stream) {
         static std::vector<char> pageable;
         const auto *begin = static_cast<const char *>(from);
         pageable.assign(begin, begin + bytes);
         return real.cuMemcpyHtoDAsync_v2(to, pageable.data(), bytes, stream);
       };
     },
     "no pinned memory"},
    {"UploadedTooMuch",
     [](Library &l) {
       l.cuMemcpyHtoDAsync_v2 = [](CUdeviceptr to, const void *from, size_t bytes,
                                   CUstream stream) {
         return real.cuMemcpyHtoDAsync_v2(to + 2, from, bytes, stream);
       };
     },
     "the block ends after"},
    {"DownloadedTooMuch",
     [](Library &l) {
       l.cuMemcpyDtoHAsync_v2 = [](void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
         return real.cuMemcpyDtoHAsync_v2(to, from, bytes + 4, stream);
       };
     },
     "smaller"},
    {"StoredTooMuch",
     [](Library &l) {
       l.cuMemsetD32Async = [](CUdeviceptr to, unsigned value, size_t, CUstream stream) {
         return real.cuMemsetD32Async(to, value, 4096, stream);
       };
     },
     "the block ends after"},

    // Streams.
    {"DownloadedInAnotherStream",
     [](Library &l) {
       l.cuMemcpyDtoHAsync_v2 = [](void *to, CUdeviceptr from, size_t bytes, CUstream) {
         return real.cuMemcpyDtoHAsync_v2(to, from, bytes, otherStream());
       };
     },
     "by another stream"},
    {"UploadedInAnotherStream",
     [](Library &l) {
       l.cuMemcpyHtoDAsync_v2 = [](CUdeviceptr to, const void *from, size_t bytes, CUstream) {
         return real.cuMemcpyHtoDAsync_v2(to, from, bytes, otherStream());
       };
     },
     "by another stream"},
    {"UploadsNotFollowed",
     [](Library &l) {
       l.cuStreamWaitEvent = [](CUstream, CUevent, unsigned) { return CUresult{CUDA_SUCCESS}; };
     },
     "is being written by another stream"},
    {"LaunchedInAnotherStream",
     [](Library &l) {
       l.cuLaunchKernel = [](CUfunction f, unsigned x, unsigned y, unsigned z, unsigned bx,
                             unsigned by, unsigned bz, unsigned shared, CUstream, void **p,
                             void **e) {
         return real.cuLaunchKernel(f, x, y, z, bx, by, bz, shared, otherStream(), p, e);
       };
     },
     "by another stream"},
    {"FreedInAnotherStream",
     [](Library &l) {
       l.cuMemFreeAsync = [](CUdeviceptr address, CUstream) {
         return real.cuMemFreeAsync(address, otherStream());
       };
     },
     "another stream may still use the memory"},
    {"StreamNeverDestroyed",
     [](Library &l) { l.cuStreamDestroy_v2 = [](CUstream) { return CUresult{CUDA_SUCCESS}; }; },
     "streams"},

    // Launches.
    {"NoAttributeForSharedMemory",
     [](Library &l) {
       l.cuFuncSetAttribute = [](CUfunction, int, int) { return CUresult{CUDA_SUCCESS}; };
     },
     "bytes of dynamic shared memory, the function's attribute allows 49152"},
    {"TooLittleSharedMemory",
     [](Library &l) {
       l.cuLaunchKernel = [](CUfunction f, unsigned x, unsigned y, unsigned z, unsigned bx,
                             unsigned by, unsigned bz, unsigned shared, CUstream s, void **p,
                             void **e) {
         return real.cuLaunchKernel(f, x, y, z, bx, by, bz, shared ? (48 << 10) + 128 : 0, s, p, e);
       };
     },
     "wide: "},
    {"BlocksOfOtherSizes",
     [](Library &l) {
       l.cuLaunchKernel = [](CUfunction f, unsigned x, unsigned y, unsigned z, unsigned bx,
                             unsigned by, unsigned bz, unsigned shared, CUstream s, void **p,
                             void **e) {
         return real.cuLaunchKernel(f, x, y, z, bx * 2, by, bz, shared, s, p, e);
       };
     },
     "the kernel is for"},
    {"OneBlockTooFew",
     [](Library &l) {
       l.cuLaunchKernel = [](CUfunction f, unsigned x, unsigned y, unsigned z, unsigned bx,
                             unsigned by, unsigned bz, unsigned shared, CUstream s, void **p,
                             void **e) {
         return real.cuLaunchKernel(f, x > 1 ? x - 1 : x, y, z, bx, by, bz, shared, s, p, e);
       };
     },
     ""},
    {"AddressOfTheHost",
     [](Library &l) {
       l.cuLaunchKernel = [](CUfunction f, unsigned x, unsigned y, unsigned z, unsigned bx,
                             unsigned by, unsigned bz, unsigned shared, CUstream s, void **p,
                             void **e) {
         static void *pinned = nullptr;
         real.cuMemHostAlloc(&pinned, 4096, 0);
         p[0] = &pinned;
         return real.cuLaunchKernel(f, x, y, z, bx, by, bz, shared, s, p, e);
       };
     },
     "is no device memory"},
    {"MemoryOfAnotherDevice",
     [](Library &l) {
       l.cuMemAllocAsync = [](CUdeviceptr *address, size_t bytes, CUstream) {
         CUcontext context, popped;
         real.cuDevicePrimaryCtxRetain(&context, 1);
         real.cuCtxPushCurrent_v2(context);
         const CUresult result = real.cuMemAlloc_v2(address, bytes);
         real.cuCtxPopCurrent_v2(&popped);
         return result;
       };
     },
     "is memory of another device"},

    // Captures and graphs.
    {"CaptureBrokenByASynchronisation",
     [](Library &l) {
       l.cuStreamBeginCapture_v2 = [](CUstream stream, int mode) {
         const CUresult result = real.cuStreamBeginCapture_v2(stream, mode);
         real.cuStreamSynchronize(stream);
         return result;
       };
     },
     "cuStreamSynchronize: the stream captures"},
    {"CaptureBrokenByAnAllocation",
     [](Library &l) {
       l.cuStreamBeginCapture_v2 = [](CUstream stream, int mode) {
         const CUresult result = real.cuStreamBeginCapture_v2(stream, mode);
         CUdeviceptr address;
         real.cuMemAlloc_v2(&address, 16);
         return result;
       };
     },
     "while a stream captures"},
    {"CaptureNeverEnded",
     [](Library &l) {
       l.cuStreamEndCapture = [](CUstream, CUgraph *graph) {
         *graph = nullptr;
         return CUresult{CUDA_SUCCESS};
       };
     },
     "no graph has this handle"},
    {"RecordedRunNotReplayed",
     [](Library &l) {
       l.cuGraphLaunch = [](CUgraphExec, CUstream) { return CUresult{CUDA_SUCCESS}; };
     },
     ""},
    {"GraphNeverDestroyed",
     [](Library &l) { l.cuGraphDestroy = [](CUgraph) { return CUresult{CUDA_SUCCESS}; }; },
     "graphs"},
    {"ExecutableGraphNeverDestroyed",
     [](Library &l) { l.cuGraphExecDestroy = [](CUgraphExec) { return CUresult{CUDA_SUCCESS}; }; },
     "executable graphs"},
    {"ExecutableGraphUsedAfterItIsDestroyed",
     [](Library &l) {
       l.cuGraphInstantiateWithFlags = [](CUgraphExec *executable, CUgraph graph,
                                          unsigned long long flags) {
         const CUresult result = real.cuGraphInstantiateWithFlags(executable, graph, flags);
         real.cuGraphExecDestroy(*executable);
         return result;
       };
     },
     "no executable graph has this handle"},

    // Events, modules, contexts.
    {"EventNeverDestroyed",
     [](Library &l) { l.cuEventDestroy_v2 = [](CUevent) { return CUresult{CUDA_SUCCESS}; }; },
     "events"},
    {"ModuleNeverUnloaded",
     [](Library &l) { l.cuModuleUnload = [](CUmodule) { return CUresult{CUDA_SUCCESS}; }; },
     "modules"},
    {"ModuleUnloadedTooEarly",
     [](Library &l) {
       l.cuModuleGetFunction = [](CUfunction *function, CUmodule module, const char *name) {
         const CUresult result = real.cuModuleGetFunction(function, module, name);
         if (++calls == 2) // the first has work under way
           real.cuModuleUnload(module);
         return result;
       };
     },
     "cuModuleUnload: "},
    {"ContextNotMadeCurrent",
     [](Library &l) { l.cuCtxPushCurrent_v2 = [](CUcontext) { return CUresult{CUDA_SUCCESS}; }; },
     "without a context"},
    {"ContextLeftCurrent",
     [](Library &l) { l.cuCtxPopCurrent_v2 = [](CUcontext *) { return CUresult{CUDA_SUCCESS}; }; },
     "pushed contexts"},
    {"ContextNeverReleased",
     [](Library &l) {
       l.cuDevicePrimaryCtxRelease_v2 = [](CUdevice) { return CUresult{CUDA_SUCCESS}; };
     },
     "retained contexts"},
    {"ContextReleasedTwice",
     [](Library &l) {
       l.cuDevicePrimaryCtxRelease_v2 = [](CUdevice device) {
         real.cuDevicePrimaryCtxRelease_v2(device);
         return real.cuDevicePrimaryCtxRelease_v2(device);
       };
     },
     "the context is not retained"},
};

//===----------------------------------------------------------------------===//
// What models do
//===----------------------------------------------------------------------===//

/// Whether statuses and numbers are as they should be.
class Scenario {
public:
  bool run() {
    std::shared_ptr<const Artifact> model = linearModel({"sm_90", /*hasWeights=*/true});
    Result<std::shared_ptr<Device>> device = Device::open("cuda");
    if (!device.isOk())
      return false;
    Result<std::shared_ptr<const Artifact>> onDevice = model->onDevice(*device);
    if (!onDevice.isOk())
      return false;
    Result<std::unique_ptr<State>> there = State::create(*onDevice);
    Result<std::unique_ptr<State>> here = State::create(model);
    return there.isOk() && train(*onDevice, **there, model, **here) && reverse(*onDevice, **there);
  }

private:
  static bool near(const Tensor &x, const Tensor &y) {
    if (x.elementCount() != y.elementCount())
      return false;
    for (int64_t i = 0; i < x.elementCount(); ++i)
      if (!(std::fabs(x.data<float>()[i] - y.data<float>()[i]) <= 1e-5f))
        return false;
    return true;
  }

  /// The same steps on the device, two at a time, and on the CPU. From the fourth on, batches grow,
  /// so that memory is given back while a run is under way.
  bool train(const std::shared_ptr<const Artifact> &onDevice, State &there,
             const std::shared_ptr<const Artifact> &model, State &here) {
    Result<Session> steps = Session::create(onDevice, "train_step");
    Result<Session> mirror = Session::create(model, "train_step");
    if (!steps.isOk() || !mirror.isOk())
      return false;
    Tensor x, target;
    bool isGood = there.setScalar("optimizer/learning_rate", 0.125f).isOk() &&
                  there.setScalar("dense/bias", 1.0f).isOk() &&
                  here.setScalar("dense/bias", 1.0f).isOk();
    for (int step = 0; isGood && step < 6; ++step) {
      const int64_t rows = step < 3 ? 70 : 70 + step * 100;
      isGood = x.resize(DType::F32, {rows, 4}).isOk() && target.resize(DType::F32, {rows}).isOk();
      std::fill_n(target.data<float>(), rows, 0.5f);
      for (int64_t i = 0; i < x.elementCount(); ++i)
        x.data<float>()[i] = static_cast<float>((i + step) % 7 - 3) / 4;
      isGood = isGood && steps->start(there, {x, target}).isOk();
      isGood = isGood &&
               (step == 0 || (steps->wait().isOk() && near(steps->output(0), mirror->output(0))));
      isGood = isGood && mirror->run(here, {x, target}).isOk();
    }
    isGood = isGood && steps->wait().isOk() && near(steps->output(0), mirror->output(0));
    Result<Tensor> trained = isGood ? there.get("dense/kernel") : Status(StatusCode::Internal, "");
    return trained.isOk() && near(*trained, *here.get("dense/kernel"));
  }

  /// `wide`, of 80 elements and then of other sizes, so that memory is given back.
  bool reverse(const std::shared_ptr<const Artifact> &onDevice, State &state) {
    Result<Session> wide = Session::create(onDevice, "wide");
    if (!wide.isOk())
      return false;
    for (int64_t count : {80, 640, 80}) {
      Tensor x = std::move(Tensor::zeros(DType::F32, {count})).value();
      for (int64_t i = 0; i < count; ++i)
        x.data<float>()[i] = static_cast<float>(i);
      if (!wide->run(state, {x}).isOk() || wide->output(0).data<float>()[0] != 63)
        return false;
    }
    return true;
  }
};

class FaultTest : public testing::TestWithParam<Fault> {
protected:
  FaultTest() : library(const_cast<Library &>(*cuda::library().value())) {}
  void SetUp() override {
    driver.set("capability", "9.0");
    real = library;
    calls = 0;
  }
  void TearDown() override {
    library = real;
    driver.reset();
  }
  FakeDriver &driver = FakeDriver::instance();
  Library &library;
};

TEST_F(FaultTest, TheRuntimeHasNone) {
  EXPECT_TRUE(Scenario().run());
  EXPECT_EQ(driver.report(), "");
}

TEST_P(FaultTest, IsFound) {
  GetParam().seed(library);
  const bool isGood = Scenario().run();
  const std::string report = driver.report(), seen = GetParam().seen;
  if (seen.empty())
    EXPECT_FALSE(isGood) << report;
  else
    EXPECT_NE(report.find(seen), std::string::npos) << report;
}

INSTANTIATE_TEST_SUITE_P(All, FaultTest, testing::ValuesIn(faults),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
