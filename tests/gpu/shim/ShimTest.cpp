// The engine on small kernels: what runs and what is found wrong.
#include "Shim.h"
#include "CompileHost.h"

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <unistd.h>

namespace ingot::shim {
namespace {

using testing::HasSubstr;

// Compiles one kernel `k` of a body over `char *p, char *q, k_i64 n`.
class Kernel {
public:
  explicit Kernel(const std::string &body, int threads = 64, HostCompileOptions options = {}) {
    char name[] = "/tmp/ingot-shim-XXXXXX";
    close(mkstemp(name));
    const std::string count = std::to_string(threads);
    const std::string text = "K_KERNEL(k, " + count +
                             ")(K_GLOBAL char *p, K_GLOBAL char *q, k_i64 n) {\n"
                             "K_GLOBAL float *x = (K_GLOBAL float *)p;\n"
                             "K_GLOBAL float *y = (K_GLOBAL float *)q;\n" +
                             body + "\n}\nK_EXPORT(k, 3, " + count + ")\n";
    problem = compileHost(text, name, options);
    if (problem.empty())
      problem = image_.open(name);
    unlink(name);
  }
  std::string run(std::vector<float> &x, std::vector<float> &y, int64_t n, int64_t blocks = 1,
                  int64_t sharedBytes = 0, Schedule schedule = {}) {
    if (!problem.empty())
      return problem;
    char *p = reinterpret_cast<char *>(x.data()), *q = reinterpret_cast<char *>(y.data());
    void *parameters[] = {&p, &q, &n};
    return launch(*image_.kernel("k"), blocks, sharedBytes, parameters, schedule);
  }
  std::string run(int64_t sharedBytes = 0, Schedule schedule = {}) {
    std::vector<float> x(4096), y(4096);
    return run(x, y, 1024, 2, sharedBytes, schedule);
  }
  std::string problem;

private:
  HostImage image_;
};

TEST(Shim, blocksAndThreadsAreNumberedUnderEverySchedule) {
  Kernel kernel("x[K_BLOCK * 100 + K_THREAD] = (float)(K_BLOCK * 1000 + K_THREAD);", 100);
  for (Schedule schedule : allSchedules()) {
    std::vector<float> x(300), y(1);
    ASSERT_EQ(kernel.run(x, y, 0, 3, 0, schedule), "") << describe(schedule);
    for (int i = 0; i < 300; ++i)
      EXPECT_EQ(x[i], i / 100 * 1000 + i % 100) << describe(schedule);
  }
}

const char *const reduction = R"(
  K_SHARED(float, s, 64);
  s[K_THREAD] = x[K_BLOCK * 64 + K_THREAD];
  K_BARRIER();
  for (int w = 32; w > 0; w >>= 1) {
    if (K_THREAD < w)
      s[K_THREAD] += s[K_THREAD + w];
    K_BARRIER();
  }
  if (K_THREAD == 0)
    y[K_BLOCK] = s[0];)";

TEST(Shim, aReductionInSharedMemoryIsRightUnderEverySchedule) {
  Kernel kernel(reduction);
  std::vector<float> x(64 * 4);
  std::iota(x.begin(), x.end(), 0.f);
  for (Schedule schedule : allSchedules()) {
    std::vector<float> y(4);
    ASSERT_EQ(kernel.run(x, y, 0, 4, 0, schedule), "") << describe(schedule);
    EXPECT_THAT(y, testing::ElementsAre(2016, 2016 + 4096, 2016 + 8192, 2016 + 12288));
  }
}

TEST(Shim, namesBlockThreadAndArrayOfARace) {
  std::string text = reduction;
  text.erase(text.find("K_BARRIER();\n  }"), 12); // the one inside of the loop
  Kernel kernel(text);
  for (Schedule schedule : allSchedules())
    EXPECT_THAT(kernel.run(0, schedule), testing::AllOf(HasSubstr("without a barrier in between"),
                                                        HasSubstr(" of s (256 bytes)"),
                                                        HasSubstr("block "), HasSubstr("thread ")));
}

TEST(Shim, aBarrierThatNotAllReachIsAnError) {
  EXPECT_THAT(
      Kernel("if (K_THREAD < 32)\nK_BARRIER();").run(),
      HasSubstr("thread 0: it waits at the barrier at line 5, column 11, but thread 32 has ended"));
  EXPECT_THAT(Kernel("if (K_THREAD < 32)\nK_BARRIER();\nelse\nK_BARRIER();").run(),
              HasSubstr("thread 32: threads wait at different barriers: it at line 7"));
}

TEST(Shim, aCollectiveWantsTheWholeWarpAtOnePlace) {
  EXPECT_THAT(Kernel("if (K_THREAD % 2)\nx[0] = k_shfl_xor_f32(1.f, 1);").run(),
              HasSubstr("only 16 lanes of its warp reach line 5, column 8, where all 32 must be"));
  EXPECT_THAT(Kernel("if (K_THREAD % 2)\nx[0] = k_shfl_xor_f32(1.f, 1);\nelse\n"
                     "x[1] = k_shfl_xor_f32(1.f, 1);")
                  .run(),
              HasSubstr("the lanes of its warp do different things together"));
  EXPECT_THAT(Kernel("K_WARP_BARRIER();", 48).run(), HasSubstr("only 16 lanes"));
}

TEST(Shim, sharedMemoryIsNaNAtFirstAndEndsWhereItEnds) {
  std::vector<float> x(2), y(2);
  ASSERT_EQ(
      Kernel("K_SHARED(float, s, 8); K_SHARED_DYNAMIC(d); if (K_THREAD) return; x[K_BLOCK] = s[7];"
             "y[K_BLOCK] = ((float *)d)[1];")
          .run(x, y, 0, 2, 8),
      "");
  for (float value : {x[0], x[1], y[0], y[1]})
    EXPECT_NE(value, value);
  EXPECT_THAT(Kernel("K_SHARED(float, s, 8); s[K_THREAD] = 0.f;").run(),
              HasSubstr("4 bytes outside of shared memory's arrays at byte 32 of s (32 bytes)"));
  EXPECT_THAT(Kernel("K_SHARED_DYNAMIC(s); s[K_THREAD * 4] = 0;").run(100),
              HasSubstr("outside of shared memory's arrays at byte 100"));
}

TEST(Shim, withoutInstrumentationZonesAndPagesFindWhatIsOutside) {
  HostCompileOptions plain;
  plain.instrumented = false;
  EXPECT_THAT(Kernel("K_SHARED(float, s, 8); s[K_THREAD] = 0.f;", 64, plain).run(),
              HasSubstr("a write behind the end of s"));
  EXPECT_THAT(Kernel("K_SHARED_DYNAMIC(s); s[K_THREAD * 32] = 0;", 64, plain).run(1024),
              HasSubstr("an access to memory that is not there"));
}

TEST(Shim, signalsOfAKernelAreErrorsAndTheNextLaunchRuns) {
  EXPECT_THAT(
      Kernel("x = 0; if (K_THREAD == 40) *(volatile float *)n = 1.f;").run(),
      HasSubstr("block 0, thread 40: an access to memory that is not there (address 0x400)"));
  EXPECT_THAT(Kernel("y[0] = (float)((k_i32)n / (k_i32)(n - 1024));").run(),
              HasSubstr("an integer division by zero"));
  EXPECT_EQ(Kernel("y[K_BLOCK * 64 + K_THREAD] = 1.f;").run(), "");
}

TEST(Shim, misalignedAccessesAreErrors) {
  EXPECT_THAT(Kernel("*(float *)(p + 2) = 1.f;").run(), HasSubstr("not so aligned"));
  EXPECT_THAT(Kernel("k_store16(p + 8, k_load16(p));").run(), HasSubstr("not aligned to its size"));
}

const char *const copied = R"(
  K_SHARED_DYNAMIC(d);
  float *s = (float *)d;
  k_cp_async16(s + 4 * K_THREAD, x + 4 * K_THREAD);
  k_cp_async_commit();
  k_cp_async_wait(0);
  K_BARRIER();
  y[K_THREAD] = s[255 - K_THREAD];)";

TEST(Shim, whatIsCopiedIsThereWhenItHasBeenWaitedForAndNotBefore) {
  std::vector<float> x(256), y(256);
  std::iota(x.begin(), x.end(), 0.f);
  ASSERT_EQ(Kernel(copied).run(x, y, 0, 1, 1024), "");
  EXPECT_EQ(y[0], 255.f);
  EXPECT_EQ(y[63], 192.f);
  auto mutate = [](std::string from, std::string to) {
    std::string text = copied;
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_THAT(Kernel(mutate("wait(0)", "wait(1)")).run(1024), HasSubstr("has yet to write"));
  EXPECT_THAT(Kernel(mutate("K_BARRIER();", "")).run(1024), HasSubstr("without a barrier"));
  EXPECT_THAT(Kernel(mutate("x + 4 *", "x + 3 *")).run(1024), HasSubstr("not aligned"));
  HostCompileOptions plain;
  plain.instrumented = false;
  ASSERT_EQ(Kernel(mutate("wait(0)", "wait(1)"), 64, plain).run(x, y, 0, 1, 1024), "");
  EXPECT_NE(y[0], y[0]) << "NaN until then";
}

TEST(Shim, whatOneThreadWritesToGlobalMemoryNoOtherTouches) {
  for (Schedule schedule : allSchedules(1)) {
    // Of another block, of this block without a barrier and with one; f16 beside each other.
    EXPECT_THAT(Kernel("if (K_BLOCK == 0 || K_THREAD == 0) x[K_THREAD] = 1.f;").run(0, schedule),
                HasSubstr("without a barrier in between that both meet"));
    EXPECT_THAT(
        Kernel("y[K_BLOCK] = x[K_THREAD]; x[K_BLOCK * 2000 + 70] = x[(1 - K_BLOCK) * 2000 + 70];")
            .run(0, schedule),
        HasSubstr("of global memory"));
    EXPECT_THAT(Kernel("x += K_BLOCK * 64; x[K_THREAD] = x[63 - K_THREAD];").run(0, schedule),
                HasSubstr("of global memory"));
    EXPECT_EQ(Kernel("x += K_BLOCK * 64; float z = x[63 - K_THREAD]; K_BARRIER(); x[K_THREAD] = z;")
                  .run(0, schedule),
              "");
    EXPECT_EQ(
        Kernel("((k_u16 *)x)[K_BLOCK * 64 + K_THREAD] = ((k_u16 *)x)[K_BLOCK * 64 + K_THREAD];")
            .run(0, schedule),
        "");
  }
}

TEST(Shim, launchesThatNoGpuTakesAreErrors) {
  std::vector<float> x(1), y(1);
  EXPECT_THAT(Kernel(";", 2048).run(), HasSubstr("1 to 1024 threads"));
  EXPECT_THAT(Kernel(";").run(x, y, 0, 0), HasSubstr("blocks"));
  EXPECT_THAT(Kernel(";").run(x, y, 0, 1, 300000), HasSubstr("shared memory"));
}

} // namespace
} // namespace ingot::shim
