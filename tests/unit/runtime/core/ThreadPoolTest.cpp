// The thread pool under concurrent, nested and uneven regions; also built and run under TSan.
#include "ingot/ThreadPool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <sched.h>
#include <thread>
#include <vector>

using namespace ingot;

namespace {

TEST(ThreadPoolTest, RunsEachItemOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threadCount(), threads);
    for (int64_t count : {0, 1, 2, 7, 1000}) {
      std::vector<int> seen(static_cast<size_t>(count), 0); // plain: a second visit is a race too
      pool.parallelFor(count, [&](int64_t i) { ++seen[static_cast<size_t>(i)]; });
      EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), count);
    }
  }
}

TEST(ThreadPoolTest, PinnedWorkersStayOnOneCpuAndTheCallerIsFree) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  ThreadPool pool(3, Placement::Pinned);
  std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> helped{0}, wrong{0};
  for (int round = 0; round < 1000 && helped < 100; ++round)
    pool.parallelFor(64, [&](int64_t) {
      cpu_set_t set;
      CPU_ZERO(&set);
      sched_getaffinity(0, sizeof(set), &set);
      if (std::this_thread::get_id() == caller) {
        wrong += !CPU_EQUAL(&set, &before);
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      } else {
        wrong += CPU_COUNT(&set) != 1;
        ++helped;
      }
    });
  EXPECT_GT(helped, 0);
  EXPECT_EQ(wrong, 0);
}

TEST(ThreadPoolTest, NegativeCountRunsNothing) {
  ThreadPool pool(2);
  pool.parallelFor(-5, [&](int64_t) { FAIL(); });
}

TEST(ThreadPoolTest, WhatTasksWroteIsVisibleToTheCaller) {
  ThreadPool pool(4);
  for (int round = 0; round < 2000; ++round) {
    int values[5] = {};
    pool.parallelFor(5, [&](int64_t i) { values[i] = round + static_cast<int>(i); });
    for (int i = 0; i < 5; ++i)
      ASSERT_EQ(values[i], round + i);
  }
}

TEST(ThreadPoolTest, ManyCallersShareOnePool) {
  ThreadPool pool(3);
  std::atomic<int64_t> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller)
    callers.emplace_back([&, caller] {
      std::vector<int64_t> values(64);
      for (int round = 0; round < 300; ++round) {
        int64_t count = 1 + (round * 7 + caller) % 64;
        pool.parallelFor(count, [&](int64_t i) { values[static_cast<size_t>(i)] = i * round; });
        for (int64_t i = 0; i < count; ++i)
          wrong += values[static_cast<size_t>(i)] != i * round;
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(ThreadPoolTest, MoreRegionsThanSlotsStillFinish) {
  ThreadPool pool(2);
  std::atomic<int64_t> sum{0};
  // Each level of nesting holds a region: 100 levels are more than the pool has room for.
  struct Nested {
    ThreadPool &pool;
    std::atomic<int64_t> &sum;
    void level(int depth) {
      if (depth == 0)
        return;
      pool.parallelFor(2, [&](int64_t i) {
        sum += 1;
        if (i == 0)
          level(depth - 1);
      });
    }
  } nested{pool, sum};
  nested.level(100);
  EXPECT_EQ(sum.load(), 200);
}

TEST(ThreadPoolTest, NestedRegionsDoNotDeadlock) {
  ThreadPool pool(4);
  std::atomic<int64_t> sum{0};
  for (int round = 0; round < 50; ++round)
    pool.parallelFor(8, [&](int64_t) { pool.parallelFor(8, [&](int64_t i) { sum += i; }); });
  EXPECT_EQ(sum.load(), 50 * 8 * 28);
}

TEST(ThreadPoolTest, ARegionDoesNotWaitForAnothers) {
  ThreadPool pool(2);
  std::atomic<bool> release{false}, started{false};
  std::thread slow([&] {
    pool.parallelFor(2, [&](int64_t) {
      started = true;
      while (!release)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
  });
  while (!started)
    std::this_thread::yield();
  std::atomic<int> done{0};
  pool.parallelFor(16, [&](int64_t) { ++done; }); // would hang if it waited for the slow region
  EXPECT_EQ(done.load(), 16);
  release = true;
  slow.join();
}

TEST(ThreadPoolTest, WorkersTakePart) {
  ThreadPool pool(2);
  // Two items that each wait for the other: finishes only when two threads run them.
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> arrived{0};
    pool.parallelFor(2, [&](int64_t) {
      ++arrived;
      while (arrived < 2)
        std::this_thread::yield();
    });
    if (round % 5 == 0) // let the worker fall asleep, so that waking is tried as well
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

TEST(ThreadPoolTest, IdleWorkersUseNoCpu) {
  ThreadPool pool(8);
  pool.parallelFor(64, [](int64_t) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(20)); // past the brief spin
  timespec before, after;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  double seconds = static_cast<double>(after.tv_sec - before.tv_sec) +
                   1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec);
  EXPECT_LT(seconds, 0.05);
}

TEST(ThreadPoolTest, PoolsComeAndGo) {
  std::atomic<int64_t> sum{0};
  for (int round = 0; round < 50; ++round) {
    ThreadPool pool(4);
    pool.parallelFor(round % 3, [&](int64_t) { ++sum; });
  }
  EXPECT_EQ(sum.load(), 49);
}

} // namespace
