// What is counted where the system lets us, and what is said where it does not.
#include "tools/ingot/PerfCounters.h"
#include "tests/support/ProcessorTime.h"
#include <cerrno>
#include <functional>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <thread>

namespace ingot::cli {
namespace {

using testing::HasSubstr;

/// The processor time and faults of `work`; nothing is asserted where this system counts nothing.
PerfCounters::Counts countsOf(const PerfCounters &counters, const std::function<void()> &work) {
  PerfCounters::Counts before = counters.read();
  work();
  PerfCounters::Counts after = counters.read();
  for (size_t i = 0; i < after.size(); ++i)
    after[i] -= before[i];
  return after;
}

/// Takes so much processor time.
void spin(double seconds) {
  double start = tests::threadSeconds();
  while (tests::threadSeconds() - start < seconds) {
  }
}

TEST(PerfCountersTest, TheKernelsCountersFollowTheWork) {
  PerfCounters counters = PerfCounters::open(PerfCounters::Software);
  if (counters.kind() == PerfCounters::None)
    GTEST_SKIP() << "perf_event_open: " << counters.problem();
  constexpr size_t kPages = 256;
  PerfCounters::Counts counts = countsOf(counters, [] {
    size_t size = kPages * 4096;
    void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    madvise(memory, size, MADV_NOHUGEPAGE);
    for (size_t page = 0; page < kPages; ++page)
      static_cast<volatile char *>(memory)[page * 4096] = 1;
    munmap(memory, size);
  });
  EXPECT_GE(counts[1], kPages);
  counts = countsOf(counters, [] { spin(0.01); });
  EXPECT_GT(counts[0], 0);
  EXPECT_LT(counts[0], 1); // of one thread; it may wait for its processor longer
}

TEST(PerfCountersTest, ThreadsStartedLaterAreCounted) {
  PerfCounters counters = PerfCounters::open(PerfCounters::Software);
  if (counters.kind() == PerfCounters::None)
    GTEST_SKIP() << "perf_event_open: " << counters.problem();
  // The calling thread sleeps, so what is counted is the other's.
  PerfCounters::Counts counts = countsOf(counters, [] { std::thread([] { spin(0.02); }).join(); });
  EXPECT_GT(counts[0], 1e-4);
}

TEST(PerfCountersTest, NoCountersAreZero) {
  PerfCounters counters = PerfCounters::open(PerfCounters::None);
  EXPECT_EQ(counters.kind(), PerfCounters::None);
  EXPECT_EQ(counters.read(), PerfCounters::Counts{});
}

TEST(PerfCountersTest, HardwareIsCountedOrTheReasonSaid) {
  PerfCounters counters = PerfCounters::open();
  if (counters.kind() != PerfCounters::Hardware) {
    EXPECT_FALSE(counters.problem().empty());
    return;
  }
  PerfCounters::Counts counts = countsOf(counters, [] { spin(0.01); });
  EXPECT_GT(counts[0], 0);
  EXPECT_GT(counts[1], 0);
  EXPECT_STREQ(counters.names()[0], "cycles");
}

TEST(PerfCountersTest, AReasonNamesTheRemedy) {
  EXPECT_THAT(PerfCounters::explain(ENOENT, "2"), HasSubstr("pmu=on"));
  EXPECT_THAT(PerfCounters::explain(EACCES, "3"), HasSubstr("kernel.perf_event_paranoid is 3"));
  EXPECT_THAT(PerfCounters::explain(EACCES, "3"), HasSubstr("sysctl kernel.perf_event_paranoid=2"));
  EXPECT_THAT(PerfCounters::explain(EPERM, ""), HasSubstr("seccomp"));
  EXPECT_THAT(PerfCounters::explain(ENOSYS, ""), HasSubstr("CONFIG_PERF_EVENTS"));
  EXPECT_THAT(PerfCounters::explain(EMFILE, ""), HasSubstr("ulimit -n"));
  EXPECT_THAT(PerfCounters::explain(EINVAL, ""), HasSubstr("Invalid argument"));
}

} // namespace
} // namespace ingot::cli
