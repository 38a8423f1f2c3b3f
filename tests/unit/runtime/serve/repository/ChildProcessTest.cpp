// Programs within bounds: what they say, and that nothing of them is left.
#include "runtime/serve/repository/ChildProcess.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <csignal>
#include <fcntl.h>

using namespace ingot;
using namespace ingot::serve;
using namespace std::chrono_literals;

namespace {

Result<ChildResult> shell(const std::string &script, const ChildOptions &options = {}) {
  return runProgram({"/bin/sh", "-c", script}, options);
}

TEST(ChildProcessTest, ReportsWhatWasSaidAndHowItEnded) {
  auto result = shell("echo out; echo err >&2; exit 3");
  ASSERT_OK(result.status());
  EXPECT_EQ(result->exitCode, 3);
  EXPECT_EQ(result->output, "out\nerr\n");
  auto killed = shell("kill -TERM $$");
  ASSERT_OK(killed.status());
  EXPECT_EQ(killed->exitCode, -SIGTERM);
}

TEST(ChildProcessTest, TakesArgumentsAsTheyAre) {
  auto result = runProgram({"/bin/echo", "-n", "a b; $HOME"}, {});
  ASSERT_OK(result.status());
  EXPECT_EQ(result->output, "a b; $HOME");
}

TEST(ChildProcessTest, KeepsABoundedPartOfALongOutput) {
  auto result = shell("head -c 1000000 /dev/zero | tr '\\0' x");
  ASSERT_OK(result.status());
  EXPECT_EQ(result->exitCode, 0);
  EXPECT_EQ(result->output, std::string(64 << 10, 'x'));
}

TEST(ChildProcessTest, WhatCannotBeStartedIsAnError) {
  EXPECT_STATUS(runProgram({"/absent/program"}, {}).status(), NotFound, "/absent/program");
}

class ChildProcessFilesTest : public FileTest {
protected:
  /// Waits until the process of this file is dead, if perhaps not yet buried by its new parent.
  void awaitEnd(const std::string &name) {
    const std::string stat = "/proc/" + std::to_string(std::stoi(read(path(name)))) + "/stat";
    for (std::string text = read(stat); !text.empty() && text.find(") Z") == std::string::npos;
         text = read(stat))
      sched_yield();
  }
};

TEST_F(ChildProcessFilesTest, TheTimeLimitEndsAllThatWasStarted) {
  ChildOptions options;
  // More time where a busy machine has not even begun.
  for (options.timeout = 100ms; options.timeout < 60s; options.timeout *= 2) {
    // A child of the child, too, and one that closes its output.
    auto result = shell("sleep 1000 & echo $! > " + path("pid") + "; exec >&- 2>&-; wait", options);
    ASSERT_OK(result.status());
    EXPECT_TRUE(result->isTimedOut);
    if (!read(path("pid")).empty())
      break;
  }
  awaitEnd("pid");
}

TEST_F(ChildProcessFilesTest, WhatItLeavesRunningIsEnded) {
  auto result = shell("sleep 1000 & echo $! > " + path("pid"));
  ASSERT_OK(result.status());
  EXPECT_EQ(result->exitCode, 0);
  awaitEnd("pid");
}

TEST(ChildProcessTest, StopsWhenItIsNoLongerWanted) {
  ChildOptions options;
  int asked = 0;
  options.shouldGoOn = [&] {
    return ++asked < 3 ? Status() : Status(StatusCode::Cancelled, "enough");
  };
  EXPECT_STATUS(shell("sleep 1000", options).status(), Cancelled, "enough");
}

TEST(ChildProcessTest, MemoryIsBounded) {
  ChildOptions options;
  options.memoryBytes = uint64_t{64} << 20;
  auto result = shell("sleep 1; dd if=/dev/zero of=/dev/null bs=256M count=1", options);
  ASSERT_OK(result.status());
  EXPECT_NE(result->exitCode, 0);
  EXPECT_NE(result->output.find("memory"), std::string::npos) << result->output;
}

TEST(ChildProcessTest, OurFilesAndSignalMaskAreNotItsOwn) {
  const int file = open("/dev/null", O_RDONLY); // not close-on-exec
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  auto result = shell("ls /proc/$$/fd; exec grep SigBlk /proc/self/status");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(file);
  ASSERT_OK(result.status());
  EXPECT_EQ(result->output, "0\n1\n2\nSigBlk:\t0000000000000000\n");
}

} // namespace
