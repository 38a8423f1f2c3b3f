// The scheduler over a loaded artifact (fixture_served.c): which functions are joined, that results
// do not depend on it, that one bad request spoils no other, and all of it from many threads.
#include "Calls.h"

#include <gmock/gmock.h>

#include <cstring>
#include <random>
#include <thread>

using namespace ingot;
using namespace ingot::serve;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

struct ServedModelTest : testing::Test {
  std::shared_ptr<const Artifact> artifact;
  std::shared_ptr<State> state;

  void SetUp() override {
    auto opened = Artifact::open(FIXTURESERVED);
    ASSERT_TRUE(opened.isOk()) << opened.status().message();
    artifact = *opened;
    auto read = State::readOnly(artifact);
    ASSERT_TRUE(read.isOk()) << read.status().message();
    state = std::move(*read);
  }
  std::shared_ptr<Queue> queueOf(Scheduler &scheduler, const char *function,
                                 const QueueOptions &options = {}) {
    auto queue = scheduler.createQueue(artifact, state, function, options);
    EXPECT_TRUE(queue.isOk()) << queue.status().message();
    return *queue;
  }
};

/// Requests that meet in one run: a long sleep keeps the only worker until all are in line.
class Meeting {
public:
  explicit Meeting(Queue &sleeper) {
    call_ = makeCall(tensorOf<int32_t>({1}, {60000}));
    call_->request.cancellation = token_;
    call_->submit(sleeper);
    while (sleeper.status().queuedRequests > 0)
      std::this_thread::yield();
  }
  void begin() {
    token_->cancel();
    EXPECT_EQ(call_->await().status.code(), StatusCode::Cancelled);
  }

private:
  std::shared_ptr<Cancellation> token_ = std::make_shared<Cancellation>();
  std::shared_ptr<Call> call_;
};

TEST_F(ServedModelTest, JoinsFunctionsWhoseRowsStandForThemselves) {
  Scheduler scheduler({1});
  for (const char *name :
       {"predict", "classify", "regress", "every_type", "sleep", "pick", "pairs", "join"})
    EXPECT_TRUE(queueOf(scheduler, name)->isBatched()) << name;
  for (const char *name : {"scalars", "total"}) {
    auto queue = queueOf(scheduler, name);
    EXPECT_FALSE(queue->isBatched()) << name;
    EXPECT_EQ(queue->maxBatchRows(), 0);
  }
}

TEST_F(ServedModelTest, DoesNotJoinRowsThatDependOnEachOtherUnlessToldTo) {
  Scheduler scheduler({1});
  EXPECT_FALSE(queueOf(scheduler, "center")->isBatched());
  QueueOptions options;
  options.trustRows = true;
  EXPECT_TRUE(queueOf(scheduler, "center", options)->isBatched());
}

TEST_F(ServedModelTest, WhetherRowsAreIndependentIsNotFoundOutAgainAndMayBeGivenUp) {
  Scheduler scheduler({1});
  int asked = 0;
  auto isBatched = [&](const char *function, std::optional<bool> known) {
    auto queue = scheduler.createQueue(artifact, state, function, {}, {}, {known, [&] {
                                                                             ++asked;
                                                                             return Status();
                                                                           }});
    EXPECT_TRUE(queue.isOk()) << queue.status().message();
    return queue.isOk() && (*queue)->isBatched();
  };
  EXPECT_FALSE(isBatched("predict", false));
  EXPECT_TRUE(isBatched("center", true));
  EXPECT_EQ(asked, 0);
  EXPECT_TRUE(isBatched("predict", std::nullopt));
  EXPECT_GT(asked, 1); // before each kernel
  auto cancelled = scheduler.createQueue(
      artifact, state, "predict", {}, {},
      {std::nullopt, [] { return Status(StatusCode::Cancelled, "not wanted"); }});
  EXPECT_EQ(cancelled.status().code(), StatusCode::Cancelled);
}

TEST_F(ServedModelTest, ARunThatIsFullForItsSizesWaitsForNobody) {
  Scheduler scheduler({1});
  QueueOptions options;
  options.maxDelay = std::chrono::hours(1);
  options.arenaBytes = 3000; // two rows of these sizes
  auto pairs = queueOf(scheduler, "pairs", options);
  std::vector<std::shared_ptr<Call>> calls;
  for (int i = 0; i < 2; ++i) {
    calls.push_back(makeCall(tensorOf<float>({1, 100}, std::vector<float>(100)),
                             tensorOf<float>({1, 100}, std::vector<float>(100))));
    calls.back()->request.deadline = Clock::now() + std::chrono::seconds(10);
    calls.back()->submit(*pairs);
  }
  for (auto &call : calls)
    EXPECT_TRUE(call->await().status.isOk()) << call->await().status.message();
}

TEST_F(ServedModelTest, RefusesFunctionsThatWriteTheState) {
  Scheduler scheduler({1});
  auto count = scheduler.createQueue(artifact, state, "count");
  EXPECT_EQ(count.status().code(), StatusCode::Unsupported);
  EXPECT_THAT(count.status().message(), HasSubstr("writes the model's state"));
}

TEST_F(ServedModelTest, RunsWhatHasNoBatchOneByOne) {
  Scheduler scheduler({1});
  auto total = queueOf(scheduler, "total"), sleep = queueOf(scheduler, "sleep");
  Meeting meeting(*sleep);
  auto a = makeCall(tensorOf<float>({3}, {1, 2, 3})), b = makeCall(tensorOf<float>({1}, {5}));
  a->submit(*total);
  b->submit(*total);
  meeting.begin();
  EXPECT_THAT(floatsOf(a->await().outputs[0]), ElementsAre(6));
  EXPECT_THAT(floatsOf(b->await().outputs[0]), ElementsAre(5));
  EXPECT_EQ(b->await().timing.runRows, 1);
}

TEST_F(ServedModelTest, JoinsOnlyRequestsOfTheSameOtherSizes) {
  Scheduler scheduler({1});
  auto pairs = queueOf(scheduler, "pairs"), sleep = queueOf(scheduler, "sleep");
  Meeting meeting(*sleep);
  auto make = [](int64_t rows, int64_t length, float value) {
    std::vector<float> values(static_cast<size_t>(rows * length), value);
    return makeCall(tensorOf<float>({rows, length}, values),
                    tensorOf<float>({rows, length}, values));
  };
  auto a = make(1, 2, 1), b = make(2, 3, 2), c = make(3, 2, 3);
  a->submit(*pairs);
  b->submit(*pairs);
  c->submit(*pairs);
  meeting.begin();
  EXPECT_EQ(a->await().timing.runRows, 4); // with c, past b
  EXPECT_EQ(b->await().timing.runRows, 2);
  EXPECT_EQ(b->await().outputs[0].shape(), Shape({2, 3}));
  EXPECT_THAT(floatsOf(c->await().outputs[0]), ElementsAre(6, 6, 6, 6, 6, 6));
  EXPECT_THAT(floatsOf(c->await().outputs[1]), ElementsAre(6, 6, 6));
  EXPECT_THAT(floatsOf(a->await().outputs[1]), ElementsAre(2));
}

TEST_F(ServedModelTest, AFailingRequestFailsAlone) {
  Scheduler scheduler({1});
  auto pick = queueOf(scheduler, "pick"), sleep = queueOf(scheduler, "sleep");
  Meeting meeting(*sleep);
  auto good = makeCall(tensorOf<int64_t>({1}, {1})), bad = makeCall(tensorOf<int64_t>({2}, {0, 7}));
  auto other = makeCall(tensorOf<int64_t>({2}, {2, 0}));
  auto wrong = makeCall(tensorOf<int32_t>({1}, {1})); // not an i64
  good->submit(*pick);
  bad->submit(*pick);
  wrong->submit(*pick);
  other->submit(*pick);
  meeting.begin();
  EXPECT_THAT(floatsOf(good->await().outputs[0]), ElementsAre(20));
  EXPECT_THAT(floatsOf(other->await().outputs[0]), ElementsAre(30, 10));
  EXPECT_EQ(bad->await().status.code(), StatusCode::OutOfRange);
  EXPECT_THAT(bad->await().status.message(), HasSubstr("embedding"));
  EXPECT_TRUE(bad->await().outputs.empty());
  EXPECT_EQ(wrong->await().status.code(), StatusCode::InvalidArgument);
  EXPECT_THAT(wrong->await().status.message(), HasSubstr("expected i64[batch], got i32[1]"));
}

TEST_F(ServedModelTest, SaysWhatIsWrongWithARequest) {
  Scheduler scheduler({1});
  auto predict = queueOf(scheduler, "predict"), pairs = queueOf(scheduler, "pairs");
  auto shape = makeCall(tensorOf<float>({1, 2}, {1, 2}));
  shape->submit(*predict);
  EXPECT_THAT(shape->await().status.message(), HasSubstr("dimension 1 must be 3, is 2"));
  auto rows = makeCall(tensorOf<float>({1, 2}, {1, 2}), tensorOf<float>({2, 1}, {1, 2}));
  rows->submit(*pairs);
  EXPECT_THAT(rows->await().status.message(),
              HasSubstr("dimension 0 is 'batch', here 2, but 1 in dimension 0 of input 'a'"));
  auto count = makeCall(tensorOf<float>({1, 1}, {1}));
  count->submit(*pairs);
  EXPECT_THAT(count->await().status.message(), HasSubstr("takes 2 inputs, 1 were given"));
  EXPECT_EQ(count->await().status.code(), StatusCode::InvalidArgument);
}

TEST_F(ServedModelTest, RefusesRequestsThatWouldTakeTooMuchMemory) {
  Scheduler scheduler({1});
  QueueOptions options;
  options.maxRequestBytes = 1000;
  options.maxBatchRows = 4;
  auto pairs = queueOf(scheduler, "pairs", options), total = queueOf(scheduler, "total", options);
  auto make = [](int64_t rows, int64_t length) {
    std::vector<float> values(static_cast<size_t>(rows * length));
    return makeCall(tensorOf<float>({rows, length}, values),
                    tensorOf<float>({rows, length}, values));
  };
  auto fits = make(4, 80), wide = make(1, 90), many = make(6, 80);
  for (auto &call : {fits, wide, many})
    call->submit(*pairs);
  EXPECT_TRUE(fits->await().status.isOk());
  EXPECT_EQ(wide->await().status.code(), StatusCode::InvalidArgument);
  EXPECT_THAT(wide->await().status.message(),
              HasSubstr("needs 1084 bytes for a row, more than the 1000 that one may have"));
  EXPECT_THAT(many->await().status.message(), HasSubstr("needs 1944 bytes for its outputs"));
  auto sum = makeCall(tensorOf<float>({300}, std::vector<float>(300)));
  sum->submit(*total);
  EXPECT_THAT(sum->await().status.message(), HasSubstr("needs 1204 bytes for its run"));
}

TEST_F(ServedModelTest, TextOutlivesInputsRunAndArtifact) {
  for (int64_t maxRows : {0, 1}) { // joined; the larger one split
    Scheduler scheduler({1});
    QueueOptions options;
    options.maxBatchRows = maxRows;
    auto join = queueOf(scheduler, "join", options), sleep = queueOf(scheduler, "sleep");
    Meeting meeting(*sleep);
    auto a = makeCall(texts({"one", ""}), texts({"two", "x"}));
    auto b = makeCall(texts({"a long text that is not kept in the record itself"}), texts({"!"}));
    a->submit(*join);
    b->submit(*join);
    meeting.begin();
    Outcome &outA = a->await(), &outB = b->await();
    ASSERT_TRUE(outA.status.isOk()) << outA.status.message();
    a->inputs.clear();
    b->inputs.clear();
    auto again = makeCall(texts({"other"}), texts({"text"}));
    again->submit(*join);
    EXPECT_EQ(textAt(again->await().outputs[0], 0), "othertext");
    join.reset();
    sleep.reset();
    EXPECT_EQ(textAt(outA.outputs[0], 0), "onetwo");
    EXPECT_EQ(textAt(outA.outputs[1], 1), "x");
    EXPECT_EQ(textAt(outB.outputs[0], 0), "a long text that is not kept in the record itself!");
  }
}

TEST_F(ServedModelTest, LabelsOutliveTheArtifact) {
  auto scheduler = std::make_unique<Scheduler>(SchedulerOptions{1});
  auto classify = queueOf(*scheduler, "classify");
  auto call = makeCall(tensorOf<float>({1, 3}, {1, 2, 3}));
  call->submit(*classify);
  Outcome &outcome = call->await();
  classify.reset();
  scheduler.reset();
  state.reset();
  artifact.reset(); // unloads it
  EXPECT_EQ(textAt(outcome.outputs[1], 1), "dog");
}

TEST_F(ServedModelTest, EveryTypeIsJoinedAndSplit) {
  for (int64_t maxRows : {1, 2, 64}) {
    Scheduler scheduler({2});
    QueueOptions options;
    options.maxBatchRows = maxRows;
    auto every = queueOf(scheduler, "every_type", options);
    std::vector<std::shared_ptr<Call>> calls;
    std::mt19937 random(7);
    for (int64_t rows : {1, 3, 5, 2}) {
      auto call = std::make_shared<Call>();
      for (int64_t i = 0; i < every->function().input_count; ++i) {
        auto dtype = static_cast<DType>(every->function().inputs[i].dtype);
        if (dtype == DType::String) {
          std::vector<std::string> values;
          for (int64_t k = 0; k < rows * 2; ++k)
            values.push_back("text " + std::to_string(random()));
          call->inputs.push_back(
              std::move(*Tensor::ofTexts({rows, 2}, {values.begin(), values.end()})));
          continue;
        }
        Tensor tensor = std::move(*Tensor::zeros(dtype, {rows, 2}));
        for (size_t k = 0; k < tensor.byteSize(); ++k)
          static_cast<uint8_t *>(tensor.rawData())[k] =
              static_cast<uint8_t>(dtype == DType::Bool ? random() & 1 : random());
        call->inputs.push_back(std::move(tensor));
      }
      call->submit(*every);
      calls.push_back(std::move(call));
    }
    for (auto &call : calls) {
      Outcome &outcome = call->await();
      ASSERT_TRUE(outcome.status.isOk()) << outcome.status.message();
      for (size_t i = 0; i < outcome.outputs.size(); ++i) {
        Tensor &in = call->inputs[i], &out = outcome.outputs[i];
        ASSERT_EQ(in.shape(), out.shape());
        if (in.dtype() == DType::String)
          for (int64_t k = 0; k < in.elementCount(); ++k)
            EXPECT_EQ(textAt(in, k), textAt(out, k));
        else
          EXPECT_EQ(std::memcmp(in.rawData(), out.rawData(), in.byteSize()), 0);
      }
    }
  }
}

/// Many threads, queues, sizes, deadlines and cancellations at once: each request is answered once,
/// and what is answered is what the function says of its rows.
TEST_F(ServedModelTest, ManyThreadsGetTheRowsThatTheyAskedFor) {
  Scheduler scheduler({3});
  QueueOptions options;
  options.maxBatchRows = 16;
  options.maxQueued = 64;
  options.priorityLevels = 2;
  auto predict = queueOf(scheduler, "predict", options);
  auto pick = queueOf(scheduler, "pick", options);
  auto total = queueOf(scheduler, "total", options);
  std::atomic<int> answered{0}, succeeded{0};
  constexpr int threads = 6, rounds = 60, inFlight = 8;
  auto client = [&](unsigned seed) {
    std::mt19937 random(seed);
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::shared_ptr<Call>> calls;
      std::vector<int> kinds;
      for (int i = 0; i < inFlight; ++i) {
        auto rows = static_cast<int64_t>(1 + random() % (random() % 8 == 0 ? 50 : 4));
        int kind = static_cast<int>(random() % 3);
        std::vector<float> x(static_cast<size_t>(kind == 0 ? rows * 3 : rows));
        for (float &value : x)
          value = static_cast<float>(random() % 100);
        std::vector<int64_t> indices(static_cast<size_t>(rows), static_cast<int64_t>(random() % 3));
        if (kind == 1 && random() % 4 == 0)
          indices.back() = 5;
        auto call = kind == 0   ? makeCall(tensorOf<float>({rows, 3}, x))
                    : kind == 1 ? makeCall(tensorOf<int64_t>({rows}, indices))
                                : makeCall(tensorOf<float>({rows}, x));
        call->request.priority = static_cast<int>(random() % 2);
        call->request.mayRunHere = random() % 4 == 0;
        if (random() % 16 == 0)
          call->request.deadline = Clock::now() + std::chrono::microseconds(random() % 200);
        if (random() % 16 == 0) {
          auto token = std::make_shared<Cancellation>();
          call->request.cancellation = token;
          call->submit(kind == 0 ? *predict : kind == 1 ? *pick : *total);
          token->cancel();
        } else {
          call->submit(kind == 0 ? *predict : kind == 1 ? *pick : *total);
        }
        calls.push_back(std::move(call));
        kinds.push_back(kind);
      }
      for (size_t i = 0; i < calls.size(); ++i) {
        Outcome &outcome = calls[i]->await();
        ++answered;
        if (!outcome.status.isOk())
          continue;
        ++succeeded;
        const Tensor &in = calls[i]->inputs[0], &out = outcome.outputs[0];
        for (int64_t row = 0; kinds[i] == 0 && row < in.dim(0); ++row) {
          const float *x = in.data<float>() + row * 3, *y = out.data<float>() + row * 2;
          ASSERT_EQ(y[0], 0.5f + x[0] * 1 + x[1] * 3 + x[2] * 5);
          ASSERT_EQ(y[1], -0.5f + x[0] * 2 + x[1] * 4 + x[2] * 6);
        }
        for (int64_t row = 0; kinds[i] == 1 && row < in.dim(0); ++row)
          ASSERT_EQ(out.data<float>()[row],
                    10.0f * static_cast<float>(1 + in.data<int64_t>()[row]));
        if (kinds[i] == 2) {
          float sum = 0;
          for (int64_t row = 0; row < in.dim(0); ++row)
            sum += in.data<float>()[row];
          ASSERT_EQ(*out.data<float>(), sum);
        }
      }
    }
  };
  std::vector<std::thread> clients;
  for (unsigned i = 0; i < threads; ++i)
    clients.emplace_back(client, i);
  for (std::thread &thread : clients)
    thread.join();
  EXPECT_EQ(answered, threads * rounds * inFlight);
  EXPECT_GT(succeeded, answered / 2);
  for (auto &queue : {predict, pick, total}) {
    queue->close();
    EXPECT_TRUE(queue->awaitIdle(Clock::time_point::max()));
    EXPECT_EQ(queue->status().runningRequests, 0);
  }
}

} // namespace
