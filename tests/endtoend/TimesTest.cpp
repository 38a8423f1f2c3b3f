// How long users wait for the compiler: the guide's CNN with its training step compiled for one CPU
// level, and the start of the command line. The least of several runs, and of the start the
// processor time, so that a busy machine does not matter much. Label `long`: the gate measures
// nothing.
#include "tests/endtoend/CompiledModels.h"
#include "tests/support/ProcessorTime.h"
#include "llvm/Support/Program.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <unistd.h>

namespace ingot::test {
namespace {

double wallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// By how much `work` advances the clock, the least of several runs.
template <typename F> double leastSeconds(int runs, double (*clock)(), F work) {
  double least = 1e9;
  for (int i = 0; i < runs; ++i) {
    double start = clock();
    work();
    least = std::min(least, clock() - start);
  }
  return least;
}

TEST(Times, TheTrainingCnnCompilesInThreeSeconds) {
  std::string path = testing::TempDir() + "times-cnn-" + std::to_string(getpid()) + ".so";
  double seconds =
      leastSeconds(3, wallSeconds, [&] { ASSERT_EQ(compileKerasModel("cnn", path), ""); });
  std::printf("the training CNN compiles in %.3f s\n", seconds);
  auto artifact = Artifact::open(path);
  ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
  EXPECT_TRUE((*artifact)->function("train_step").isOk());
  std::filesystem::remove(path);
  EXPECT_LT(seconds, 3);
}

TEST(Times, TheCommandLineStartsInATenthOfASecond) {
  std::optional<llvm::StringRef> nowhere[] = {llvm::StringRef(), llvm::StringRef(), std::nullopt};
  double seconds = leastSeconds(10, tests::childrenSeconds, [&] {
    ASSERT_EQ(
        llvm::sys::ExecuteAndWait(INGOT_BINARY, {INGOT_BINARY, "--version"}, std::nullopt, nowhere),
        0);
  });
  std::printf("ingot --version takes %.0f ms of processor time\n", seconds * 1e3);
  EXPECT_GT(seconds, 0);
  EXPECT_LT(seconds, 0.1);
}

} // namespace
} // namespace ingot::test
