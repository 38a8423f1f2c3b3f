// Streams: the fixture's `running` adds what comes to what it carries.
#include "Calls.h"

#include <gmock/gmock.h>

#include <thread>

using namespace ingot;
using namespace ingot::serve;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

enum Place { Middle = 0, Start = 1, End = 2 };

struct SequenceTest : testing::Test {
  std::shared_ptr<const Artifact> artifact = std::move(*Artifact::open(FIXTURESERVED));
  std::shared_ptr<State> state = std::move(*State::readOnly(artifact));
  Scheduler scheduler{{2}};

  std::shared_ptr<Queue> queueOf(const char *function, const QueueOptions &options = {}) {
    auto queue = scheduler.createQueue(artifact, state, function, options);
    EXPECT_TRUE(queue.isOk()) << queue.status().message();
    return *queue;
  }
  static std::shared_ptr<Call> submit(Queue &queue, const std::string &sequence, int place,
                                      const std::vector<float> &x) {
    auto call = makeCall(tensorOf<float>({static_cast<int64_t>(x.size())}, x));
    call->request.sequence = sequence;
    call->request.sequenceStart = place & Start;
    call->request.sequenceEnd = place & End;
    call->submit(queue);
    return call;
  }
  /// Both workers are busy until the token is cancelled.
  std::vector<std::shared_ptr<Call>> occupyWorkers(const std::shared_ptr<Cancellation> &token) {
    auto sleep = queueOf("sleep");
    std::vector<std::shared_ptr<Call>> sleepers;
    for (int i = 0; i < 2; ++i) {
      sleepers.push_back(makeCall(tensorOf<int32_t>({1}, {60000})));
      sleepers.back()->request.cancellation = token;
      sleepers.back()->submit(*sleep);
      while (sleep->status().queuedRequests > 0)
        std::this_thread::yield();
    }
    return sleepers;
  }
  static std::vector<float> sums(Call &call) {
    Outcome &outcome = call.await();
    EXPECT_TRUE(outcome.status.isOk()) << outcome.status.message();
    return outcome.status.isOk() ? floatsOf(outcome.outputs[0]) : std::vector<float>();
  }
};

TEST_F(SequenceTest, EachGoesOnWithItsOwn) {
  auto queue = queueOf("running");
  EXPECT_FALSE(queue->isBatched());
  auto a1 = submit(*queue, "a", Start, {1}), b1 = submit(*queue, "b", Start, {10, 20});
  auto a2 = submit(*queue, "a", Middle, {2}), b2 = submit(*queue, "b", End, {1, 2});
  auto a3 = submit(*queue, "a", End, {3});
  EXPECT_THAT(sums(*a1), ElementsAre(1));
  EXPECT_THAT(sums(*a2), ElementsAre(3));
  EXPECT_THAT(sums(*a3), ElementsAre(6));
  EXPECT_THAT(sums(*b1), ElementsAre(10, 20));
  EXPECT_THAT(sums(*b2), ElementsAre(11, 22));
}

TEST_F(SequenceTest, WithoutAnIdAStreamIsOneRequest) {
  auto queue = queueOf("running");
  EXPECT_THAT(sums(*submit(*queue, "", Middle, {1})), ElementsAre(1));
  EXPECT_THAT(sums(*submit(*queue, "", Middle, {2})), ElementsAre(2));
}

TEST_F(SequenceTest, MustBeginAndMayBeginAnew) {
  auto queue = queueOf("running");
  auto early = submit(*queue, "a", Middle, {1});
  EXPECT_EQ(early->await().status.code(), StatusCode::InvalidArgument);
  EXPECT_THAT(early->await().status.message(), HasSubstr("sequence 'a' has not begun"));
  EXPECT_THAT(sums(*submit(*queue, "a", Start, {1})), ElementsAre(1));
  EXPECT_THAT(sums(*submit(*queue, "a", Start, {5})), ElementsAre(5));
  EXPECT_THAT(sums(*submit(*queue, "a", End, {1})), ElementsAre(6));
  auto late = submit(*queue, "a", Middle, {1});
  EXPECT_EQ(late->await().status.code(), StatusCode::InvalidArgument);
}

TEST_F(SequenceTest, ARequestThatFailsLeavesItAsItWas) {
  auto queue = queueOf("running");
  EXPECT_THAT(sums(*submit(*queue, "a", Start, {1})), ElementsAre(1));
  auto other = submit(*queue, "a", Middle, {1, 2}); // two rows, where one is carried
  EXPECT_EQ(other->await().status.code(), StatusCode::InvalidArgument);
  EXPECT_THAT(other->await().status.message(), HasSubstr("a stream keeps its sizes"));
  EXPECT_THAT(sums(*submit(*queue, "a", Middle, {2})), ElementsAre(3));
}

TEST_F(SequenceTest, ThereAreAsManyAsThereMayBeAndIdleOnesAreForgotten) {
  QueueOptions options;
  options.maxSequences = 2;
  options.sequenceIdle = std::chrono::hours(1);
  auto queue = queueOf("running", options);
  sums(*submit(*queue, "a", Start, {1}));
  sums(*submit(*queue, "b", Start, {1}));
  EXPECT_EQ(submit(*queue, "c", Start, {1})->await().status.code(), StatusCode::ResourceExhausted);
  sums(*submit(*queue, "a", End, {1}));
  EXPECT_THAT(sums(*submit(*queue, "c", Start, {1})), ElementsAre(1));

  options.sequenceIdle = std::chrono::milliseconds(0);
  auto brief = queueOf("running", options);
  for (const char *name : {"a", "b", "c", "d"})
    EXPECT_THAT(sums(*submit(*brief, name, Start, {1})), ElementsAre(1));
}

TEST_F(SequenceTest, WhatWaitsForItsTurnIsGivenUpInTime) {
  auto queue = queueOf("running");
  auto token = std::make_shared<Cancellation>();
  const auto sleepers = occupyWorkers(token);
  auto first = submit(*queue, "a", Start, {1});
  auto late = makeCall(tensorOf<float>({1}, {100}));
  late->request.sequence = "a";
  late->request.deadline = Clock::now() + std::chrono::milliseconds(500);
  late->submit(*queue);
  auto last = submit(*queue, "a", End, {2});
  EXPECT_EQ(queue->status().queuedRequests, 3);
  EXPECT_EQ(late->await().status.code(), StatusCode::DeadlineExceeded);
  token->cancel();
  EXPECT_THAT(sums(*first), ElementsAre(1));
  EXPECT_THAT(sums(*last), ElementsAre(3));
}

/// A stream that stands at 1, and workers that are busy until `letGo`.
struct GivenUpTest : SequenceTest {
  std::shared_ptr<Queue> queue = queueOf("running");
  std::shared_ptr<Cancellation> token = std::make_shared<Cancellation>();
  std::vector<std::shared_ptr<Call>> sleepers;

  void SetUp() override {
    EXPECT_THAT(sums(*submit(*queue, "a", Start, {1})), ElementsAre(1));
    sleepers = occupyWorkers(token);
  }
  void letGo() { token->cancel(); }
  std::shared_ptr<Call> submitBrief(int place) {
    auto call = makeCall(tensorOf<float>({1}, {100}));
    call->request.sequence = "a";
    call->request.sequenceStart = place & Start;
    call->request.sequenceEnd = place & End;
    call->request.deadline = Clock::now() + std::chrono::milliseconds(100);
    call->submit(*queue);
    return call;
  }
  static StatusCode codeOf(Call &call) { return call.await().status.code(); }
};

TEST_F(GivenUpTest, AStartThatIsGivenUpBeginsForTheRequestBehindIt) {
  auto before = submit(*queue, "a", Middle, {2});
  auto start = submitBrief(Start);
  auto behind = submit(*queue, "a", Middle, {5}), last = submit(*queue, "a", End, {1});
  EXPECT_EQ(codeOf(*start), StatusCode::DeadlineExceeded);
  letGo();
  EXPECT_THAT(sums(*before), ElementsAre(3));
  EXPECT_THAT(sums(*behind), ElementsAre(5)); // nothing of the stream before
  EXPECT_THAT(sums(*last), ElementsAre(6));
}

TEST_F(GivenUpTest, AStartThatIsGivenUpBeginsForARequestThatComesLater) {
  auto before = submit(*queue, "a", Middle, {2});
  EXPECT_EQ(codeOf(*submitBrief(Start)), StatusCode::DeadlineExceeded);
  auto later = submit(*queue, "a", Middle, {5});
  letGo();
  EXPECT_THAT(sums(*before), ElementsAre(3));
  EXPECT_THAT(sums(*later), ElementsAre(5));
  EXPECT_THAT(sums(*submit(*queue, "a", Middle, {1})), ElementsAre(6)); // and but once
}

TEST_F(GivenUpTest, AnEndThatIsGivenUpEnds) {
  auto before = submit(*queue, "a", Middle, {2});
  EXPECT_EQ(codeOf(*submitBrief(End)), StatusCode::DeadlineExceeded);
  letGo();
  EXPECT_THAT(sums(*before), ElementsAre(3));
  EXPECT_EQ(codeOf(*submit(*queue, "a", Middle, {1})), StatusCode::InvalidArgument);
}

TEST_F(SequenceTest, IdleOnesAreFreedThoughNobodyAsksAgain) {
  QueueOptions options;
  options.sequenceIdle = std::chrono::milliseconds(1);
  auto queue = queueOf("running", options);
  sums(*submit(*queue, "a", Start, {1}));
  while (queue->status().sequences > 0)
    std::this_thread::yield();
}

TEST_F(SequenceTest, SizesAreBoundedAsOfOtherRequests) {
  QueueOptions options;
  options.maxRequestBytes = 1000;
  auto queue = queueOf("running", options);
  EXPECT_THAT(sums(*submit(*queue, "a", Start, {1})), ElementsAre(1));
  auto large = submit(*queue, "b", Start, std::vector<float>(1000));
  EXPECT_EQ(large->await().status.code(), StatusCode::InvalidArgument);
  EXPECT_THAT(large->await().status.message(), HasSubstr("more than the 1000"));
}

TEST_F(SequenceTest, ManyAtOnceKeepTheirOrder) {
  auto queue = queueOf("running");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::vector<std::shared_ptr<Call>> calls;
      for (int i = 0; i < 100; ++i)
        for (const char *name : {"x", "y"})
          calls.push_back(submit(*queue, name + std::to_string(t),
                                 i == 0    ? Start
                                 : i == 99 ? End
                                           : Middle,
                                 {1}));
      for (size_t i = 0; i < calls.size(); ++i) {
        size_t step = i / 2 + 1;
        EXPECT_THAT(sums(*calls[i]), ElementsAre(static_cast<float>(step)));
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace
