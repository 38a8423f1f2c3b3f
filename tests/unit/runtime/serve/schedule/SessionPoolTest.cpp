#include "ingot/serve/SessionPool.h"
#include "Calls.h"

#include <thread>

using namespace ingot;
using namespace ingot::serve;

namespace {

std::shared_ptr<SessionPool> makePool(size_t sessions) {
  auto artifact = Artifact::open(FIXTURESERVED);
  EXPECT_TRUE(artifact.isOk()) << artifact.status().message();
  SessionPoolOptions options;
  options.maxSessions = sessions;
  auto pool = SessionPool::create(*artifact, "predict", options);
  EXPECT_TRUE(pool.isOk()) << pool.status().message();
  return *pool;
}

TEST(SessionPoolTest, LendsTheSessionThatCameBackLast) {
  auto pool = makePool(4);
  Session *first, *second;
  {
    SessionPool::Lease a = pool->acquire(), b = pool->acquire();
    first = &*a;
    second = &*b;
    EXPECT_NE(first, second);
    b = SessionPool::Lease();
  }
  EXPECT_EQ(pool->sessionCount(), 2u);
  EXPECT_EQ(&*pool->acquire(), first);
  pool->trim();
  EXPECT_EQ(pool->sessionCount(), 0u);
}

TEST(SessionPoolTest, WaitsWhereAllAreLent) {
  auto pool = makePool(1);
  SessionPool::Lease held = pool->acquire();
  EXPECT_FALSE(pool->tryAcquire());
  EXPECT_FALSE(pool->tryAcquire(std::chrono::milliseconds(1)));
  std::thread waiting([&] { EXPECT_TRUE(pool->acquire()); });
  SessionPool::Lease moved = std::move(held);
  EXPECT_FALSE(held); // NOLINT(bugprone-use-after-move): what is moved from is empty
  moved = SessionPool::Lease();
  waiting.join();
}

TEST(SessionPoolTest, ThreadsRunTheModelAtOnce) {
  auto pool = makePool(3);
  auto lease = pool->acquire();
  auto artifact = Artifact::open(FIXTURESERVED);
  // A state of the same artifact, opened again: one library, one table.
  std::shared_ptr<State> state = std::move(*State::readOnly(*artifact));
  lease = SessionPool::Lease();
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      Tensor x = tensorOf<float>({1, 3}, {static_cast<float>(t), 0, 0});
      for (int i = 0; i < 50; ++i) {
        SessionPool::Lease session = pool->acquire();
        ASSERT_TRUE(session->run(*state, {x}).isOk());
        ASSERT_EQ(session->output(0).data<float>()[0], 0.5f + static_cast<float>(t));
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_LE(pool->sessionCount(), 3u);
}

TEST(SessionPoolTest, ALeaseOutlivesItsPool) {
  auto pool = makePool(1);
  SessionPool::Lease lease = pool->acquire();
  pool.reset();
  EXPECT_STREQ(lease->function().name, "predict");
}

TEST(SessionPoolTest, RefusesWhatASessionRefuses) {
  auto artifact = Artifact::open(FIXTURESERVED);
  EXPECT_EQ(SessionPool::create(*artifact, "nothing").status().code(), StatusCode::NotFound);
}

} // namespace
