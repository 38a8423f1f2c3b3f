// The C thread pool that ships in examples/embed_c: each item once, many callers, nesting.
extern "C" {
#include "thread_pool.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace {

template <typename F> void run(thread_pool *pool, int64_t count, F body) {
  thread_pool_run(pool, [](void *arg, int64_t i) { (*static_cast<F *>(arg))(i); }, &body, count);
}

TEST(EmbedThreadPoolTest, RunsEachItemOnce) {
  for (int threads : {0, 1, 2, 5}) {
    thread_pool *pool = thread_pool_create(threads);
    ASSERT_NE(pool, nullptr);
    for (int64_t count : {0, 1, 2, 500}) {
      std::vector<int> seen(static_cast<size_t>(count), 0);
      run(pool, count, [&](int64_t i) { ++seen[static_cast<size_t>(i)]; });
      EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), count);
    }
    thread_pool_destroy(pool);
  }
  thread_pool_destroy(nullptr);
}

TEST(EmbedThreadPoolTest, ManyCallersAndNestedRegions) {
  thread_pool *pool = thread_pool_create(3);
  ASSERT_NE(pool, nullptr);
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 6; ++caller)
    callers.emplace_back([&] {
      for (int round = 0; round < 100; ++round)
        run(pool, 4, [&](int64_t) { run(pool, 4, [&](int64_t i) { sum += i; }); });
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(sum.load(), 6 * 100 * 4 * 6);
  thread_pool_destroy(pool);
}

TEST(EmbedThreadPoolTest, WorkersTakePart) {
  thread_pool *pool = thread_pool_create(2);
  ASSERT_NE(pool, nullptr);
  std::atomic<int> arrived{0};
  run(pool, 2, [&](int64_t) {
    ++arrived;
    while (arrived < 2)
      std::this_thread::yield();
  });
  thread_pool_destroy(pool);
}

} // namespace
