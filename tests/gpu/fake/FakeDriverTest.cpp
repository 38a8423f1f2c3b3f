// The fake driver by itself: late work, order between streams, memory that the host cannot touch,
// captures, limits. What it finds of the runtime's mistakes is in tests/gpu/runtime/FaultTest.cpp.
#include "tests/gpu/runtime/FakeDriver.h"
#include "runtime/device/CudaLibrary.h"
#include "tests/gpu/shim/CompileHost.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <gmock/gmock.h>
#include <iterator>
#include <unistd.h>
#include <vector>

using namespace ingot;
using namespace ingot::cuda;
using namespace ingot::gputest;
using testing::HasSubstr;

namespace {

const char kernels[] = R"(
K_KERNEL(add, 32)(K_GLOBAL char *p, k_i64 value) {
  if (K_THREAD == 0)
    *(K_GLOBAL k_i64 *)p += value;
}
K_EXPORT(add, 2, 32)
)";

/// With a context of the first device, which is current.
class FakeDriverTest : public DeviceTest {
protected:
  void SetUp() override {
    DeviceTest::SetUp();
    ASSERT_EQ(cuda.cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
    ASSERT_EQ(cuda.cuCtxPushCurrent_v2(context), CUDA_SUCCESS);
    ASSERT_EQ(cuda.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
    ASSERT_EQ(cuda.cuStreamCreate(&other, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
    void *address = nullptr;
    ASSERT_EQ(cuda.cuMemHostAlloc(&address, 64, 0), CUDA_SUCCESS);
    host = static_cast<int64_t *>(address);
  }
  void TearDown() override {
    const std::string misuses = driver.misuses(); // that the test expects
    for (const std::string &text : expected)
      EXPECT_THAT(misuses, HasSubstr(text));
    if (expected.empty()) {
      EXPECT_EQ(cuda.cuMemFreeHost(host), CUDA_SUCCESS);
      EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
      EXPECT_EQ(cuda.cuStreamDestroy_v2(other), CUDA_SUCCESS);
      CUcontext popped;
      EXPECT_EQ(cuda.cuCtxPopCurrent_v2(&popped), CUDA_SUCCESS);
      EXPECT_EQ(cuda.cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
    } else {
      driver.reset();
    }
    DeviceTest::TearDown();
  }
  CUdeviceptr allocate(size_t bytes = 64) {
    CUdeviceptr address = 0;
    EXPECT_EQ(cuda.cuMemAlloc_v2(&address, bytes), CUDA_SUCCESS);
    return address;
  }
  /// Eight bytes are `value`, in `stream`.
  void store(CUdeviceptr to, int64_t value) {
    *host = value;
    EXPECT_EQ(cuda.cuMemcpyHtoDAsync_v2(to, host, sizeof value, stream), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  }
  int64_t load(CUdeviceptr from, CUstream in) {
    EXPECT_EQ(cuda.cuMemcpyDtoHAsync_v2(host, from, sizeof *host, in), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuStreamSynchronize(in), CUDA_SUCCESS);
    return *host;
  }
  void loadKernel(const shim::HostCompileOptions &options = {}) {
    const std::string path = testing::TempDir() + "ingot-add-" + std::to_string(getpid()) + ".so";
    ASSERT_EQ(shim::compileHost(kernels, path, options), "");
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> image{std::istreambuf_iterator<char>(file), {}};
    unlink(path.c_str());
    ASSERT_EQ(cuda.cuModuleLoadDataEx(&module, image.data(), 0, nullptr, nullptr), CUDA_SUCCESS);
    ASSERT_EQ(cuda.cuModuleGetFunction(&add, module, "add"), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuModuleGetFunction(&add, module, "nothing"), CUDA_ERROR_NOT_FOUND);
  }
  CUresult launch(CUdeviceptr to, int64_t value, CUstream in) {
    void *parameters[] = {&to, &value};
    return cuda.cuLaunchKernel(add, 1, 1, 1, 32, 1, 1, 0, in, parameters, nullptr);
  }

  const Library &cuda = *cuda::library().value();
  CUcontext context = nullptr;
  CUstream stream = nullptr, other = nullptr;
  CUmodule module = nullptr;
  CUfunction add = nullptr;
  int64_t *host = nullptr;
  std::vector<std::string> expected; // of the misuses
};

TEST_F(FakeDriverTest, KeepsTheHostFromDeviceMemory) {
  const CUdeviceptr address = allocate();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(write(ends[1], reinterpret_cast<const void *>(address), 1), -1);
  EXPECT_EQ(errno, EFAULT);
  EXPECT_EQ(write(ends[1], host, 1), 1); // pinned memory is the host's
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(cuda.cuMemFree_v2(address), CUDA_SUCCESS);
}

TEST_F(FakeDriverTest, WorksWhenSomebodyWaits) {
  const CUdeviceptr address = allocate();
  store(address, 7);
  *host = 1;
  EXPECT_EQ(cuda.cuMemcpyDtoHAsync_v2(host, address, sizeof *host, stream), CUDA_SUCCESS);
  EXPECT_NE(*host, 7); // nor what it was
  EXPECT_NE(*host, 1);
  EXPECT_EQ(cuda.cuStreamSynchronize(other), CUDA_SUCCESS);
  EXPECT_NE(*host, 7);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(*host, 7);
  EXPECT_EQ(cuda.cuMemFree_v2(address), CUDA_SUCCESS);
}

TEST_F(FakeDriverTest, OrdersStreamsByEvents) {
  loadKernel();
  CUdeviceptr address = 0;
  ASSERT_EQ(cuda.cuMemAllocAsync(&address, 64, stream), CUDA_SUCCESS);
  CUevent event;
  ASSERT_EQ(cuda.cuEventCreate(&event, CU_EVENT_DISABLE_TIMING), CUDA_SUCCESS);
  ASSERT_EQ(cuda.cuMemsetD8Async(address, 0, 8, stream), CUDA_SUCCESS);
  ASSERT_EQ(launch(address, 5, stream), CUDA_SUCCESS);
  ASSERT_EQ(cuda.cuEventRecord(event, stream), CUDA_SUCCESS);
  ASSERT_EQ(cuda.cuStreamWaitEvent(other, event, 0), CUDA_SUCCESS);
  ASSERT_EQ(launch(address, 6, other), CUDA_SUCCESS);
  EXPECT_EQ(load(address, other), 11);
  EXPECT_EQ(cuda.cuMemFreeAsync(address, other), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuEventDestroy_v2(event), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamSynchronize(other), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuModuleUnload(module), CUDA_SUCCESS);
}

TEST_F(FakeDriverTest, FindsUseOfMemoryWithoutOrder) {
  loadKernel();
  CUdeviceptr address = 0;
  ASSERT_EQ(cuda.cuMemAllocAsync(&address, 64, stream), CUDA_SUCCESS);
  EXPECT_EQ(launch(address, 6, other), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(launch(address, 6, other), CUDA_SUCCESS); // the host waited
  EXPECT_EQ(cuda.cuMemsetD8Async(address, 0, 8, stream), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuda.cuMemFreeAsync(address, stream), CUDA_ERROR_INVALID_VALUE);
  expected = {"is allocated by another stream that was not waited for",
              "cuMemsetD8Async: ", "is being used by another stream",
              "cuMemFreeAsync: another stream may still use the memory"};
}

TEST_F(FakeDriverTest, ReplaysWhatItCaptured) {
  loadKernel();
  const CUdeviceptr address = allocate();
  store(address, 100);
  ASSERT_EQ(cuda.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
            CUDA_SUCCESS);
  EXPECT_EQ(launch(address, 1, stream), CUDA_SUCCESS);
  EXPECT_EQ(launch(address, 10, stream), CUDA_SUCCESS);
  CUgraph graph;
  CUgraphExec executable;
  ASSERT_EQ(cuda.cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
  ASSERT_EQ(cuda.cuGraphInstantiateWithFlags(&executable, graph, 0), CUDA_SUCCESS);
  EXPECT_EQ(load(address, stream), 100); // nothing ran
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(cuda.cuGraphLaunch(executable, stream), CUDA_SUCCESS);
  EXPECT_EQ(load(address, stream), 133);
  EXPECT_EQ(cuda.cuGraphExecDestroy(executable), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuGraphDestroy(graph), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuMemFree_v2(address), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuModuleUnload(module), CUDA_SUCCESS);
}

TEST_F(FakeDriverTest, BreaksCapturesByWhatTheyForbid) {
  ASSERT_EQ(cuda.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
            CUDA_SUCCESS);
  CUdeviceptr address = 0;
  EXPECT_EQ(cuda.cuMemAlloc_v2(&address, 64), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  CUgraph graph;
  EXPECT_EQ(cuda.cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  EXPECT_EQ(graph, nullptr);
  EXPECT_EQ(cuda.cuStreamEndCapture(stream, &graph), CUDA_ERROR_ILLEGAL_STATE);
  expected = {"cuMemAlloc_v2: while a stream captures",
              "cuStreamEndCapture: the stream does not capture"};
}

TEST_F(FakeDriverTest, HasAsMuchMemoryAsItIsSet) {
  driver.set("memory", "1000");
  CUdeviceptr first = 0, second = 0;
  EXPECT_EQ(cuda.cuMemAllocAsync(&first, 600, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuMemAllocAsync(&second, 600, stream), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(cuda.cuMemFreeAsync(first, stream), CUDA_SUCCESS); // which is put, and done when needed
  EXPECT_EQ(cuda.cuMemAllocAsync(&second, 600, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuMemFreeAsync(second, stream), CUDA_SUCCESS);
}

TEST_F(FakeDriverTest, LosesAContextByAKernelsBadAccess) {
  loadKernel();
  EXPECT_EQ(launch(0x1000, 1, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_ERROR_ILLEGAL_ADDRESS);
  CUdeviceptr address = 0;
  EXPECT_EQ(cuda.cuMemAlloc_v2(&address, 64), CUDA_ERROR_ILLEGAL_ADDRESS);
  expected = {"add: "};
}

TEST_F(FakeDriverTest, FindsWritesBesideABlock) {
  loadKernel({.instrumented = false});
  const CUdeviceptr address = allocate(64);
  EXPECT_EQ(launch(address + 64, 1, stream), CUDA_SUCCESS); // before the guard page
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuMemFree_v2(address), CUDA_SUCCESS);
  expected = {"memory was written beside a block of 64 bytes"};
}

/// A tensor as cuTensorMapEncodeTiled wants it, of which tests change something.
struct TensorArguments {
  int type = CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  uint32_t rank = 2;
  CUdeviceptr base = 0;
  uint64_t extents[2] = {64, 4}, strides[1] = {128};
  uint32_t box[2] = {64, 4}, steps[2] = {1, 1};
  size_t offset = 0; // of the map
};

TEST_F(FakeDriverTest, TakesTensorMapsThatItsDocumentationAllows) {
  const CUdeviceptr address = allocate(512);
  const auto encode = [&](const auto &change) {
    alignas(64) char map[256];
    TensorArguments a;
    a.base = address;
    change(a);
    return cuda.cuTensorMapEncodeTiled(
        map + a.offset, a.type, a.rank, reinterpret_cast<void *>(a.base), a.extents, a.strides,
        a.box, a.steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
        CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  };
  EXPECT_EQ(encode([](TensorArguments &) {}), CUDA_SUCCESS);
  EXPECT_EQ(encode([](TensorArguments &a) { a.box[0] = 32, a.box[1] = 256; }), CUDA_SUCCESS);
  struct Wrong {
    void (*change)(TensorArguments &);
    const char *seen;
  };
  for (const Wrong &wrong : {
           Wrong{[](TensorArguments &a) { a.offset = 32; }, "the map is not aligned to 64 bytes"},
           Wrong{[](TensorArguments &a) { a.type = 13; }, "elements of a type that is not known"},
           Wrong{[](TensorArguments &a) { a.rank = 6; }, "a tensor of 6 dimensions"},
           Wrong{[](TensorArguments &a) { a.base += 8; }, "not aligned to 16 bytes"},
           Wrong{[](TensorArguments &a) { a.base += 256; }, "ends behind its block of memory"},
           Wrong{[](TensorArguments &a) { a.base = 4096; }, "none of the device's memory"},
           Wrong{[](TensorArguments &a) { a.extents[1] = 0; }, "an extent of 0"},
           Wrong{[](TensorArguments &a) { a.strides[0] = 136; }, "a stride of 136 bytes"},
           Wrong{[](TensorArguments &a) { a.strides[0] = 112; }, "a stride of 112 bytes, over 128"},
           Wrong{[](TensorArguments &a) { a.box[1] = 257; }, "a box with a side of 257"},
           Wrong{[](TensorArguments &a) { a.box[0] = 4; }, "rows of boxes of 8 bytes"},
           Wrong{[](TensorArguments &a) { a.box[0] = 128; }, "of 256 bytes, swizzled by 128"},
           Wrong{[](TensorArguments &a) { a.steps[1] = 0; }, "an element stride of 0"},
       }) {
    EXPECT_EQ(encode(wrong.change), CUDA_ERROR_INVALID_VALUE) << wrong.seen;
    expected.push_back(wrong.seen);
  }
}

TEST_F(FakeDriverTest, KeepsInstrumentedKernelsToTheBytesOfABlock) {
  loadKernel();
  const CUdeviceptr address = allocate(60);
  EXPECT_EQ(launch(address + 56, 1, stream), CUDA_SUCCESS); // its last four bytes are outside
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_ERROR_ILLEGAL_ADDRESS);
  expected = {"an access to 8 bytes at ", "outside of its block of memory"};
}

TEST_F(FakeDriverTest, ReportsWhatIsAlive) {
  const CUdeviceptr address = allocate();
  EXPECT_EQ(driver.report(), "alive: 1 blocks of device memory\nalive: 1 blocks of pinned memory\n"
                             "alive: 2 streams\nalive: 1 retained contexts\n"
                             "alive: 1 pushed contexts\n");
  EXPECT_EQ(cuda.cuMemFree_v2(address), CUDA_SUCCESS);
}

} // namespace
