// What a scheduler does with requests, seen through runs that wait for the test (Gate.h).
#include "Calls.h"
#include "Gate.h"

#include <gmock/gmock.h>

using namespace ingot;
using namespace ingot::serve;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

Gate &gate() { return Gate::instance(); }

struct SchedulerTest : testing::Test {
  std::shared_ptr<const Artifact> artifact = gate().artifact();
  std::shared_ptr<State> state;
  SchedulerTest() {
    gate().shut();
    auto made = State::create(artifact);
    EXPECT_TRUE(made.isOk());
    state = std::move(*made);
  }
  std::shared_ptr<Queue> queueOf(Scheduler &scheduler, const char *function = "run",
                                 QueueOptions options = {}) {
    options.trustRows = true; // its runs wait
    auto queue = scheduler.createQueue(artifact, state, function, options);
    EXPECT_TRUE(queue.isOk()) << queue.status().message();
    return *queue;
  }
  std::vector<std::vector<float>> runs() {
    std::vector<std::vector<float>> all;
    for (const Gate::Run &run : gate().runs())
      all.push_back(run.x);
    return all;
  }
};
using Columns = std::vector<std::vector<float>>;

TEST_F(SchedulerTest, RunsARequestAloneOnItsOwnMemoryAndHandsItsOutputsOver) {
  Scheduler scheduler({1});
  auto queue = queueOf(scheduler);
  gate().open();
  auto call = column({1, 2});
  const void *input = call->inputs[0].rawData();
  call->submit(*queue);
  Outcome &outcome = call->await();
  ASSERT_TRUE(outcome.status.isOk()) << outcome.status.message();
  EXPECT_THAT(floatsOf(outcome.outputs[0]), ElementsAre(2, 4));
  EXPECT_EQ(gate().runs()[0].input, input);
  EXPECT_EQ(gate().runs()[0].output, outcome.outputs[0].rawData());
  EXPECT_EQ(outcome.timing.rows, 2);
  EXPECT_EQ(outcome.timing.runs, 1);
  EXPECT_EQ(outcome.timing.runRows, 2);
}

TEST_F(SchedulerTest, JoinsWhatWaitsInTheOrderInWhichItCame) {
  Scheduler scheduler({1});
  auto queue = queueOf(scheduler);
  auto first = column({1});
  first->submit(*queue);
  gate().awaitRuns(1);
  std::vector<std::shared_ptr<Call>> calls;
  for (float i = 0; i < 3; ++i)
    (calls.emplace_back(column({10 + i, 20 + i})))->submit(*queue);
  EXPECT_EQ(queue->status().queuedRequests, 3);
  EXPECT_EQ(queue->status().queuedRows, 6);
  EXPECT_EQ(queue->status().runningRequests, 1);
  gate().open();
  for (size_t i = 0; i < calls.size(); ++i) {
    Outcome &outcome = calls[i]->await();
    auto x = static_cast<float>(i);
    EXPECT_THAT(floatsOf(outcome.outputs[0]), ElementsAre(20 + 2 * x, 40 + 2 * x));
    EXPECT_EQ(outcome.timing.runRows, 6);
  }
  EXPECT_EQ(runs(), (Columns{{1}, {10, 20, 11, 21, 12, 22}}));
}

TEST_F(SchedulerTest, TellsOfEachRunOnce) {
  auto scheduler = std::make_unique<Scheduler>(SchedulerOptions{1});
  std::vector<RunRecord> records; // written with the queue's lock held
  QueueOptions options;
  options.trustRows = true;
  auto queue = scheduler->createQueue(artifact, state, "run", options,
                                      [&](const RunRecord &record) { records.push_back(record); });
  ASSERT_TRUE(queue.isOk());
  auto first = column({1}), second = column({2, 3}), third = column({4});
  first->submit(**queue);
  gate().awaitRuns(1);
  second->submit(**queue);
  third->submit(**queue);
  gate().open();
  second->await();
  third->await();
  scheduler.reset(); // no run is under way
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].requests, 1);
  EXPECT_EQ(records[1].requests, 2);
  EXPECT_EQ(records[1].rows, 3);
  EXPECT_GT(records[1].run.count(), 0);
}

TEST_F(SchedulerTest, SplitsLargeRequestsAndPutsTheirOutputsTogether) {
  Scheduler scheduler({1});
  QueueOptions options;
  options.maxBatchRows = 4;
  auto queue = queueOf(scheduler, "run", options);
  auto first = column({0}), large = column({1, 2, 3, 4, 5, 6, 7, 8, 9}), small = column({10});
  first->submit(*queue);
  gate().awaitRuns(1);
  large->submit(*queue);
  small->submit(*queue);
  gate().open();
  EXPECT_THAT(floatsOf(large->await().outputs[0]), ElementsAre(2, 4, 6, 8, 10, 12, 14, 16, 18));
  EXPECT_THAT(floatsOf(small->await().outputs[0]), ElementsAre(20));
  EXPECT_EQ(large->await().timing.runs, 3);
  // Parts of about one size; what is small fits beside the first.
  EXPECT_EQ(runs(), (Columns{{0}, {1, 2, 3, 10}, {4, 5, 6}, {7, 8, 9}}));
}

TEST_F(SchedulerTest, PartsOfALargeRequestRunAtTheSameTime) {
  Scheduler scheduler({2});
  QueueOptions options;
  options.maxBatchRows = 2;
  auto queue = queueOf(scheduler, "run", options);
  auto large = column({1, 2, 3, 4});
  large->submit(*queue);
  gate().awaitRuns(2);
  gate().open();
  EXPECT_THAT(floatsOf(large->await().outputs[0]), ElementsAre(2, 4, 6, 8));
}

TEST_F(SchedulerTest, TakesTheMoreUrgentFirst) {
  Scheduler scheduler({1});
  QueueOptions options;
  options.priorityLevels = 3;
  options.maxBatchRows = 1;
  auto queue = queueOf(scheduler, "run", options);
  auto first = column({0}), late = column({1}), middle = column({2}), urgent = column({3});
  late->request.priority = 99; // counts as the last level
  middle->request.priority = 1;
  first->submit(*queue);
  gate().awaitRuns(1);
  late->submit(*queue);
  middle->submit(*queue);
  urgent->submit(*queue);
  gate().open();
  late->await();
  EXPECT_EQ(runs(), (Columns{{0}, {3}, {2}, {1}}));
}

TEST_F(SchedulerTest, RequestsOfNoRowsAreRunByThemselves) {
  Scheduler scheduler({1});
  auto queue = queueOf(scheduler);
  gate().open();
  auto empty = column({});
  empty->submit(*queue);
  Outcome &outcome = empty->await();
  ASSERT_TRUE(outcome.status.isOk()) << outcome.status.message();
  EXPECT_EQ(outcome.outputs[0].shape(), Shape({0, 1}));
}

TEST_F(SchedulerTest, GivesUpWhatWaitsWhenItsDeadlineIsOverThoughAllWorkersAreBusy) {
  Scheduler scheduler({1});
  auto queue = queueOf(scheduler);
  auto first = column({1}), late = column({2}), later = column({3});
  first->submit(*queue);
  gate().awaitRuns(1);
  late->request.deadline = Clock::now() + std::chrono::milliseconds(1);
  later->submit(*queue);
  late->submit(*queue);
  EXPECT_EQ(late->await().status.code(), StatusCode::DeadlineExceeded);
  EXPECT_EQ(late->await().timing.runs, 0);
  gate().open();
  EXPECT_TRUE(later->await().status.isOk());
  EXPECT_EQ(runs(), (Columns{{1}, {3}}));
}

TEST_F(SchedulerTest, RequestsWithoutADeadlineHaveTheQueues) {
  Scheduler scheduler({1});
  QueueOptions options;
  options.defaultTimeout = std::chrono::milliseconds(1);
  options.maxBatchRows = 1;
  auto queue = queueOf(scheduler, "run", options);
  auto other = queueOf(scheduler, "other");
  auto first = column({1}), late = column({2});
  first->submit(*other);
  gate().awaitRuns(1);
  late->submit(*queue);
  EXPECT_EQ(late->await().status.code(), StatusCode::DeadlineExceeded);
  gate().open();
}

TEST_F(SchedulerTest, DropsWhatIsCancelledBeforeItBegins) {
  Scheduler scheduler({1});
  auto queue = queueOf(scheduler);
  auto first = column({1}), gone = column({2}), early = column({3});
  auto token = std::make_shared<Cancellation>();
  gone->request.cancellation = token;
  early->request.cancellation = token;
  first->submit(*queue);
  gate().awaitRuns(1);
  gone->submit(*queue);
  token->cancel();
  early->submit(*queue);
  EXPECT_EQ(early->await().status.code(), StatusCode::Cancelled);
  gate().open();
  EXPECT_EQ(gone->await().status.code(), StatusCode::Cancelled);
  EXPECT_EQ(runs(), (Columns{{1}}));
}

TEST_F(SchedulerTest, StopsARunThatNobodyWaitsForAnyMore) {
  Scheduler scheduler({1});
  auto queue = queueOf(scheduler);
  auto first = column({0}), a = column({1}), b = column({2});
  auto goneA = std::make_shared<Cancellation>(), goneB = std::make_shared<Cancellation>();
  a->request.cancellation = goneA;
  b->request.cancellation = goneB;
  first->submit(*queue);
  gate().awaitRuns(1);
  a->submit(*queue);
  b->submit(*queue);
  gate().admit(1);
  gate().awaitRuns(2);
  goneA->cancel(); // b still waits for the run that both are in
  gate().admit(1);
  EXPECT_TRUE(b->await().status.isOk());
  EXPECT_TRUE(a->await().status.isOk());

  auto alone = column({3});
  auto gone = std::make_shared<Cancellation>();
  alone->request.cancellation = gone;
  alone->submit(*queue);
  gate().awaitRuns(3);
  gone->cancel();
  gate().open();
  EXPECT_EQ(alone->await().status.code(), StatusCode::Cancelled);
}

TEST_F(SchedulerTest, RefusesMoreThanMayWait) {
  Scheduler scheduler({1});
  QueueOptions options;
  options.maxQueued = 2;
  auto queue = queueOf(scheduler, "run", options);
  std::vector<std::shared_ptr<Call>> calls;
  for (float i = 0; i < 4; ++i) {
    (calls.emplace_back(column({i})))->submit(*queue);
    if (i == 0)
      gate().awaitRuns(1);
  }
  EXPECT_EQ(calls[3]->await().status.code(), StatusCode::ResourceExhausted);
  EXPECT_THAT(calls[3]->await().status.message(), HasSubstr("full: 2 requests wait"));
  gate().open();
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(calls[static_cast<size_t>(i)]->await().status.isOk());
}

TEST_F(SchedulerTest, AClosedQueueServesWhatItHasAcceptedAndNothingElse) {
  Scheduler scheduler({1});
  auto queue = queueOf(scheduler);
  auto first = column({1}), waits = column({2}), late = column({3});
  first->submit(*queue);
  gate().awaitRuns(1);
  waits->submit(*queue);
  queue->close();
  late->submit(*queue);
  EXPECT_EQ(late->await().status.code(), StatusCode::Unavailable);
  EXPECT_FALSE(queue->awaitIdle(Clock::now()));
  gate().open();
  EXPECT_TRUE(queue->awaitIdle(Clock::time_point::max()));
  EXPECT_TRUE(waits->isDone());
  EXPECT_TRUE(queue->status().isClosed);
}

TEST_F(SchedulerTest, LettingGoOfAQueueServesWhatItHasAcceptedAndFreesTheModel) {
  Scheduler scheduler({1});
  std::weak_ptr<const Artifact> loaded = artifact;
  std::weak_ptr<State> variables = state;
  auto queue = queueOf(scheduler);
  artifact.reset();
  state.reset();
  auto first = column({1}), waits = column({2});
  first->submit(*queue);
  gate().awaitRuns(1);
  waits->submit(*queue);
  queue.reset();
  EXPECT_FALSE(loaded.expired());
  gate().open();
  EXPECT_TRUE(waits->await().status.isOk());
  // The worker lets go of it after `done` has returned: it does so before it serves another.
  artifact = gate().artifact();
  state = std::move(*State::create(artifact));
  auto next = queueOf(scheduler);
  auto last = column({3});
  last->submit(*next);
  last->await();
  EXPECT_TRUE(loaded.expired());
  EXPECT_TRUE(variables.expired());
}

TEST_F(SchedulerTest, ADestroyedSchedulerHasServedEverythingAndItsQueuesRefuse) {
  auto scheduler = std::make_unique<Scheduler>(SchedulerOptions{2});
  QueueOptions options;
  options.maxDelay = std::chrono::hours(1); // ends when nothing more can join
  options.maxBatchRows = 4;
  auto queue = queueOf(*scheduler, "run", options), idle = queueOf(*scheduler, "other");
  std::vector<std::shared_ptr<Call>> calls;
  for (float i = 0; i < 11; ++i)
    (calls.emplace_back(column({i})))->submit(*queue);
  gate().awaitRuns(2);
  gate().open();
  scheduler.reset();
  for (auto &call : calls) {
    EXPECT_EQ(call->times(), 1);
    EXPECT_TRUE(call->await().status.isOk());
  }
  auto late = column({1});
  late->submit(*queue);
  EXPECT_EQ(late->await().status.code(), StatusCode::Unavailable);
  EXPECT_TRUE(idle->status().isClosed);
}

TEST_F(SchedulerTest, OutputsOutliveQueueAndScheduler) {
  auto scheduler = std::make_unique<Scheduler>(SchedulerOptions{1});
  auto queue = queueOf(*scheduler);
  gate().open();
  auto call = column({21});
  call->submit(*queue);
  Outcome &outcome = call->await();
  queue.reset();
  scheduler.reset();
  artifact.reset();
  state.reset();
  EXPECT_THAT(floatsOf(outcome.outputs[0]), ElementsAre(42));
}

TEST_F(SchedulerTest, WaitsForOthersToJoinOnlyAsLongAsItWasTold) {
  Scheduler scheduler({1});
  QueueOptions options;
  options.maxBatchRows = 2;
  options.maxDelay = std::chrono::hours(1);
  auto patient = queueOf(scheduler, "run", options);
  options.maxDelay = std::chrono::microseconds(1);
  auto brief = queueOf(scheduler, "other", options);
  gate().open();
  auto a = column({1}), b = column({2}), c = column({3});
  a->submit(*patient);
  c->submit(*brief);
  EXPECT_TRUE(c->await().status.isOk()); // nobody joined it
  EXPECT_FALSE(a->isDone());
  b->submit(*patient); // now it is full
  a->await();
  EXPECT_EQ(runs(), (Columns{{3}, {1, 2}}));
}

/// The time that each run took is known, so it is known whose turn was next.
TEST_F(SchedulerTest, TheQueueThatHasHadTheLeastTimeByItsWeightIsNext) {
  auto scheduler = std::make_unique<Scheduler>(SchedulerOptions{1});
  struct Run {
    int queue;
    double nanoseconds;
  };
  std::vector<Run> seen;
  const double weights[] = {1, 3};
  std::shared_ptr<Queue> queues[2];
  for (int i : {0, 1}) {
    QueueOptions options;
    options.maxBatchRows = 1;
    options.weight = weights[i];
    options.trustRows = true;
    auto made = scheduler->createQueue(
        artifact, state, i == 0 ? "run" : "other", options, [&seen, i](const RunRecord &record) {
          seen.push_back({i, std::chrono::duration<double, std::nano>(record.gather + record.run +
                                                                      record.scatter)
                                 .count()});
        });
    ASSERT_TRUE(made.isOk()) << made.status().message();
    queues[i] = *made;
  }
  constexpr size_t each = 100;
  column({0})->submit(*queues[0]);
  gate().awaitRuns(1); // keeps the worker until all others are in line
  for (size_t k = 0; k < each; ++k)
    for (auto &queue : queues)
      column({1})->submit(*queue);
  gate().open();
  scheduler.reset();
  ASSERT_EQ(seen.size(), 2 * each + 1);
  double had[] = {seen[0].nanoseconds / weights[0], 0};
  size_t runs[] = {1, 0};
  for (size_t k = 1; k < seen.size(); ++k) {
    int next = seen[k].queue, other = 1 - next;
    if (runs[0] <= each && runs[1] < each) // both wait
      EXPECT_LE(had[next], had[other]) << "run " << k;
    had[next] += seen[k].nanoseconds / weights[next];
    ++runs[next];
  }
}

TEST_F(SchedulerTest, AQueueHasAsManyRunsAtATimeAsItMay) {
  Scheduler scheduler({3});
  QueueOptions options;
  options.maxRuns = 1;
  options.maxBatchRows = 1;
  auto one = queueOf(scheduler, "run", options);
  auto other = queueOf(scheduler, "other");
  std::vector<std::shared_ptr<Call>> calls;
  for (float i = 0; i < 5; ++i)
    (calls.emplace_back(column({i})))->submit(*one);
  auto beside = column({9});
  beside->submit(*other);
  gate().awaitRuns(2); // one of each, though there is a third worker
  gate().open();
  for (auto &call : calls)
    call->await();
  beside->await();
  EXPECT_EQ(gate().mostAtOnce(), 2u);
  EXPECT_EQ(runs().size(), 6u);
}

TEST_F(SchedulerTest, MayRunOnTheThreadThatAsks) {
  Scheduler scheduler({1});
  auto queue = queueOf(scheduler);
  gate().open();
  auto here = column({1});
  here->request.mayRunHere = true;
  here->submit(*queue);
  EXPECT_TRUE(here->isDone()); // before submit returned
  EXPECT_EQ(gate().runs()[0].thread, std::this_thread::get_id());
  EXPECT_EQ(here->doneOn(), std::this_thread::get_id());

  auto elsewhere = column({2});
  elsewhere->submit(*queue);
  elsewhere->await();
  EXPECT_NE(gate().runs()[1].thread, std::this_thread::get_id());
}

TEST_F(SchedulerTest, RunsHereTakeAWorkersPlace) {
  Scheduler scheduler({2});
  QueueOptions options;
  options.maxBatchRows = 1;
  options.maxRuns = 10;
  auto queue = queueOf(scheduler, "run", options);
  std::vector<std::thread> threads;
  std::vector<std::shared_ptr<Call>> calls;
  for (float i = 0; i < 6; ++i)
    calls.push_back(column({i}));
  for (auto &call : calls) {
    call->request.mayRunHere = true;
    threads.emplace_back([&] { call->submit(*queue); });
  }
  gate().awaitRuns(2);
  gate().open();
  for (std::thread &thread : threads)
    thread.join();
  for (auto &call : calls)
    EXPECT_TRUE(call->await().status.isOk());
  EXPECT_EQ(gate().mostAtOnce(), 2u);
}

TEST_F(SchedulerTest, ARequestFromInsideDoneIsQueued) {
  Scheduler scheduler({1});
  auto queue = queueOf(scheduler);
  gate().open();
  auto second = column({2});
  second->request.mayRunHere = true;
  Tensor x = tensorOf<float>({1, 1}, {1});
  Request request;
  request.inputs = {x};
  request.mayRunHere = true;
  bool wasDoneInside = true;
  request.done = [&](Outcome) {
    second->submit(*queue);
    wasDoneInside = second->isDone();
  };
  queue->submit(std::move(request));
  EXPECT_TRUE(second->await().status.isOk());
  EXPECT_FALSE(wasDoneInside);
}

TEST_F(SchedulerTest, IdleWorkersHelpARun) {
  for (bool here : {false, true}) {
    Scheduler scheduler({3});
    gate().threads = 3;
    auto queue = queueOf(scheduler, "together");
    auto call = column({1});
    call->request.mayRunHere = here;
    call->submit(*queue);
    EXPECT_TRUE(call->await().status.isOk()) << call->await().status.message();
  }
}

TEST_F(SchedulerTest, OutputMemoryIsUsedAgainOnceItIsLetGo) {
  Scheduler scheduler({1});
  auto queue = queueOf(scheduler);
  gate().open();
  auto a = column({1}), b = column({2}), c = column({3});
  a->submit(*queue);
  const void *first = a->await().outputs[0].rawData();
  b->submit(*queue);
  EXPECT_NE(b->await().outputs[0].rawData(), first); // a still has it
  a->await() = Outcome();
  c->submit(*queue);
  EXPECT_EQ(c->await().outputs[0].rawData(), first);
}

TEST_F(SchedulerTest, MemoryThatNoRunNeedsIsFreed) {
  Scheduler scheduler({1});
  QueueOptions options;
  options.keepIdle = std::chrono::hours(1);
  auto keeping = queueOf(scheduler, "run", options);
  options.keepIdle = std::chrono::milliseconds(1);
  auto brief = queueOf(scheduler, "other", options);
  gate().open();
  for (auto &queue : {keeping, brief}) {
    auto call = column(std::vector<float>(100));
    call->submit(*queue);
    call->await() = Outcome();
    queue->close();
    queue->awaitIdle(Clock::time_point::max());
  }
  while (brief->status().sessionBytes > 0)
    std::this_thread::yield();
  EXPECT_GE(keeping->status().sessionBytes, 100 * 1024);
}

TEST_F(SchedulerTest, TimesTooLongForTheClockAreLong) {
  Scheduler scheduler({1});
  QueueOptions options;
  options.defaultTimeout = options.maxDelay = std::chrono::microseconds::max();
  options.keepIdle = options.sequenceIdle = std::chrono::milliseconds::max();
  options.maxBatchRows = 1;
  auto queue = queueOf(scheduler, "run", options);
  gate().open();
  auto call = column({1});
  call->submit(*queue);
  EXPECT_TRUE(call->await().status.isOk()) << call->await().status.message();
}

TEST_F(SchedulerTest, RefusesOptionsThatCannotBe) {
  Scheduler scheduler({1});
  auto refused = [&](auto change) {
    QueueOptions options;
    change(options);
    return scheduler.createQueue(artifact, state, "run", options).status().code();
  };
  EXPECT_EQ(refused([](QueueOptions &o) { o.maxBatchRows = -1; }), StatusCode::InvalidArgument);
  EXPECT_EQ(refused([](QueueOptions &o) { o.weight = 0; }), StatusCode::InvalidArgument);
  EXPECT_EQ(refused([](QueueOptions &o) { o.priorityLevels = 0; }), StatusCode::InvalidArgument);
  EXPECT_EQ(refused([](QueueOptions &o) { o.maxQueued = -1; }), StatusCode::InvalidArgument);
  EXPECT_EQ(refused([](QueueOptions &o) { o.maxDelay = std::chrono::microseconds(-1); }),
            StatusCode::InvalidArgument);
  EXPECT_EQ(scheduler.createQueue(artifact, state, "no such").status().code(),
            StatusCode::NotFound);
}

TEST_F(SchedulerTest, ARunTakesAsManyRowsAsTheMemoryThatItMayHave) {
  Scheduler scheduler({1});
  QueueOptions options; // the gate's arena is 1024 bytes a row, inputs and outputs 8
  options.arenaBytes = 65 * 1032;
  EXPECT_EQ(queueOf(scheduler, "run", options)->maxBatchRows(), 64);
  options.arenaBytes = 1;
  EXPECT_EQ(queueOf(scheduler, "run", options)->maxBatchRows(), 1);
  EXPECT_EQ(queueOf(scheduler)->maxBatchRows(), 1024);
}

} // namespace
