// How runs on a device come one after another: recorded and replayed, two under way, watched, by
// many threads, on several devices, by any schedule of the fake driver.
#include "LinearOnDevice.h"
#include "ingot/ingot.h"

#include <thread>

using namespace ingot;
using namespace ingot::gputest;

namespace {

//===----------------------------------------------------------------------===//
// Recordings
//===----------------------------------------------------------------------===//

TEST_F(LinearOnDevice, RecordsTheSecondRunAndReplaysIt) {
  Session train = session("train_step");
  Tensor x = ramp({8, 4}), target = ramp({8});
  std::vector<int64_t> launches, replays;
  for (int i = 0; i < 5; ++i) {
    const int64_t launched = driver.count("cuLaunchKernel"),
                  replayed = driver.count("cuGraphLaunch");
    ASSERT_OK(train.run(*state, {x, target}));
    launches.push_back(driver.count("cuLaunchKernel") - launched);
    replays.push_back(driver.count("cuGraphLaunch") - replayed);
  }
  EXPECT_EQ(launches, (std::vector<int64_t>{2, 2, 0, 0, 0}));
  EXPECT_EQ(replays, (std::vector<int64_t>{0, 1, 1, 1, 1}));
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 5);
}

TEST_F(LinearOnDevice, KeepsAsManyRecordingsAsThereIsRoomFor) {
  Session predict = session("predict");
  for (int round = 0; round < 3; ++round)
    for (int64_t batch = 40; batch > 0; --batch) {
      Tensor x = ramp({batch, 4});
      ASSERT_OK(predict.run(*state, {x}));
      ASSERT_EQ(values(predict.output(0)), expected(x));
    }
  // Of 40 sizes in turn none is there any more when it comes again.
  EXPECT_EQ(driver.count("cuGraphLaunch"), 0);
  for (int i = 0; i < 3; ++i)
    ASSERT_OK(predict.run(*state, {ramp({40, 4})}));
  EXPECT_EQ(driver.count("cuGraphLaunch"), 2);
}

TEST_F(LinearOnDevice, RecordsForEachState) {
  std::unique_ptr<State> other = std::move(State::create(onDevice)).value();
  ASSERT_OK(other->setScalar("dense/bias", 100.0f));
  Session predict = session("predict");
  Tensor x = ramp({2, 4});
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK(predict.run(*state, {x}));
    const std::vector<float> first = values(predict.output(0));
    ASSERT_OK(predict.run(*other, {x}));
    EXPECT_EQ(predict.output(0).data<float>()[0] - first[0], 95);
  }
}

//===----------------------------------------------------------------------===//
// Runs under way
//===----------------------------------------------------------------------===//

TEST_F(LinearOnDevice, StartsARunWhileAnotherWorks) {
  Session predict = session("predict");
  Tensor x = ramp({6, 4});
  std::vector<std::vector<float>> wanted;
  ASSERT_OK(predict.start(*state, {x}));
  for (int i = 1; i < 7; ++i) {
    wanted.push_back(i == 1 ? expected(x) : wanted.back());
    for (int64_t k = 0; k < x.elementCount(); ++k) // what was given may change
      x.data<float>()[k] += 1;
    if (i > 1)
      for (float &y : wanted.back())
        y += 1 + 2 + 3 + 4;
    ASSERT_OK(predict.start(*state, {x}));
    EXPECT_EQ(predict.runsUnderWay(), 2u);
    EXPECT_STATUS(predict.start(*state, {x}), FailedPrecondition, "two runs are under way");
    ASSERT_OK(predict.wait());
    EXPECT_EQ(values(predict.output(0)), wanted.back()) << i;
  }
  ASSERT_OK(predict.wait());
  EXPECT_STATUS(predict.wait(), FailedPrecondition, "no run is under way");
  EXPECT_EQ(predict.runsUnderWay(), 0u);
}

TEST_F(LinearOnDevice, KeepsTheStateWhileRunsAreUnderWay) {
  Session train = session("train_step"), predict = session("predict");
  Tensor x = ramp({8, 4}), target = ramp({8});
  ASSERT_OK(train.start(*state, {x, target}));
  ASSERT_OK(train.start(*state, {x, target}));
  ASSERT_OK(train.wait());
  EXPECT_STATUS(state->get("dense/kernel").status(), FailedPrecondition, "writing it");
  EXPECT_STATUS(predict.run(*state, {x}), FailedPrecondition, "writing it");
  EXPECT_STATUS(train.run(*state, {x, target}), FailedPrecondition, "wait for it first");
  EXPECT_STATUS(train.setOutputBuffer(0, nullptr, 0), FailedPrecondition, "wait for it first");
  ASSERT_OK(train.wait());
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 2);
}

TEST_F(LinearOnDevice, StartsRunsOfOtherSizesBehindOneAnother) {
  Session predict = session("predict");
  ASSERT_OK(predict.start(*state, {ramp({2, 4})}));
  for (int64_t batch : {300, 5, 1000, 1}) {
    ASSERT_OK(predict.start(*state, {ramp({batch, 4})}));
    ASSERT_OK(predict.wait());
  }
  ASSERT_OK(predict.wait());
  EXPECT_EQ(values(predict.output(0)), expected(ramp({1, 4})));
}

TEST_F(LinearOnDevice, FinishesRunsThatNobodyWaitedFor) {
  {
    Session train = session("train_step");
    ASSERT_OK(train.start(*state, {ramp({8, 4}), ramp({8})}));
  }
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 1);
}

TEST_F(LinearOnDevice, CarriesBetweenRunsUnderWay) {
  Session stream = session("accumulate");
  Tensor a = std::move(Tensor::of<float>({2}, {1, 10})).value();
  ASSERT_OK(stream.start(*state, {a}));
  for (float runs : {1.f, 2.f, 3.f}) {
    ASSERT_OK(stream.start(*state, {a}));
    ASSERT_OK(stream.wait());
    EXPECT_EQ(values(stream.output(0)), (std::vector<float>{runs, runs * 10}));
  }
  ASSERT_OK(stream.wait());
}

TEST_F(LinearOnDevice, HasOneRunUnderWayWithTheCallersOutput) {
  Session predict = session("predict");
  float y = 0;
  ASSERT_OK(predict.setOutputBuffer(0, &y, sizeof y));
  ASSERT_OK(predict.start(*state, {ramp({1, 4})}));
  EXPECT_STATUS(predict.start(*state, {ramp({1, 4})}), FailedPrecondition, "buffer of the caller");
  ASSERT_OK(predict.wait());
  EXPECT_EQ(y, expected(ramp({1, 4}))[0]);
}

//===----------------------------------------------------------------------===//
// Callbacks
//===----------------------------------------------------------------------===//

struct Seen {
  std::vector<int64_t> begun, ended, timed;
  double seconds = 0;
  int64_t cancelAt = -1;
};
SessionOptions watching(Seen &seen) {
  SessionOptions options;
  options.user = &seen;
  options.begin = [](void *user, int64_t kernel) {
    auto &seen = *static_cast<Seen *>(user);
    seen.begun.push_back(kernel);
    return kernel == seen.cancelAt ? 1 : 0;
  };
  options.end = [](void *user, int64_t kernel) {
    static_cast<Seen *>(user)->ended.push_back(kernel);
  };
  return options;
}

TEST_F(LinearOnDevice, CallsBackForEachKernelOfEachRun) {
  Seen seen;
  Session train = session("train_step", watching(seen));
  for (int i = 0; i < 3; ++i)
    ASSERT_OK(train.run(*state, {ramp({8, 4}), ramp({8})}));
  EXPECT_EQ(seen.begun, (std::vector<int64_t>{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(driver.count("cuGraphLaunch"), 0);
  seen.cancelAt = 1;
  EXPECT_STATUS(train.run(*state, {ramp({8, 4}), ramp({8})}), Cancelled, "was cancelled");
}

TEST_F(LinearOnDevice, TellsWhatKernelsTook) {
  for (const std::shared_ptr<const Artifact> &artifact : {onDevice, onCpu}) {
    Seen seen;
    SessionOptions options = watching(seen);
    options.timed = [](void *user, int64_t kernel, double seconds) {
      auto &seen = *static_cast<Seen *>(user);
      seen.timed.push_back(kernel);
      seen.seconds += seconds;
    };
    std::unique_ptr<State> own = std::move(State::create(artifact)).value();
    Session train = std::move(Session::create(artifact, "train_step", options)).value();
    for (int i = 0; i < 2; ++i)
      ASSERT_OK(train.run(*own, {ramp({8, 4}), ramp({8})}));
    if (artifact == onCpu)
      continue; // its functions by hand have no kernels
    EXPECT_EQ(seen.timed, (std::vector<int64_t>{0, 1, 0, 1}));
    EXPECT_EQ(seen.ended, seen.timed);
    EXPECT_GT(seen.seconds, 0);
    EXPECT_LT(seen.seconds, 10);
  }
}

//===----------------------------------------------------------------------===//
// Threads, devices, schedules
//===----------------------------------------------------------------------===//

TEST_F(LinearOnDevice, ServesManyThreads) {
  const Tensor probe = ramp({9, 4});
  const std::vector<float> wanted = expected(probe);
  std::vector<std::thread> threads;
  std::vector<int> good(4);
  for (size_t t = 0; t < good.size(); ++t)
    threads.emplace_back([&, t] {
      Session predict = session("predict");
      for (int i = 0; i < 10; ++i)
        good[t] += predict.run(*state, {probe}).isOk() && values(predict.output(0)) == wanted;
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 10));
}

TEST_F(LinearOnDevice, RunsOnSeveralDevicesOfOneProcess) {
  std::shared_ptr<Device> second = std::move(Device::open("cuda:1")).value();
  std::shared_ptr<const Artifact> there = std::move(onDevice->onDevice(second)).value();
  std::unique_ptr<State> other = std::move(State::create(there)).value();
  ASSERT_OK(other->setScalar("dense/bias", 100.0f));
  Session first = session("predict"), next = std::move(Session::create(there, "predict")).value();
  Tensor x = ramp({5, 4});
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(first.start(*state, {x}));
    ASSERT_OK(next.start(*other, {x}));
    ASSERT_OK(first.wait());
    ASSERT_OK(next.wait());
    EXPECT_EQ(next.output(0).data<float>()[4] - first.output(0).data<float>()[4], 95);
  }
  EXPECT_STATUS(first.run(*other, {x}), FailedPrecondition, "a state of another artifact");
}

TEST_F(LinearOnDevice, TrainsTheSameByAnySchedule) {
  Tensor x = ramp({40, 4}, 0.25f), target = ramp({40});
  std::vector<float> wanted;
  for (const char *schedule : {"lazy", "random:1", "random:2", "random:3"})
    for (const char *threads : {"forward", "reverse", "random:1", "interleaved:2"}) {
      driver.set("schedule", schedule);
      driver.set("threads", threads);
      std::unique_ptr<State> own = std::move(State::create(onDevice)).value();
      Session train = session("train_step");
      ASSERT_OK(train.start(*own, {x, target}));
      for (int i = 0; i < 4; ++i) {
        ASSERT_OK(train.start(*own, {x, target}));
        ASSERT_OK(train.wait());
      }
      ASSERT_OK(train.wait());
      const std::vector<float> kernel = values(*own->get("dense/kernel"));
      wanted = wanted.empty() ? kernel : wanted;
      EXPECT_EQ(kernel, wanted) << schedule << " " << threads;
    }
}

TEST_F(LinearOnDevice, IsReachedFromC) {
  ingot_error error;
  ingot_model *model, *there;
  ingot_state *own;
  ingot_session *predict;
  ASSERT_EQ(ingot_model_adopt(linearTable({"sm_90", /*hasWeights=*/true}), &model, &error), 0);
  EXPECT_EQ(ingot_model_on_device(model, "cuda:9", &there, &error), INGOT_CODE_NOT_FOUND);
  EXPECT_EQ(ingot_model_on_device(model, nullptr, &there, &error), INGOT_CODE_INVALID_ARGUMENT);
  ASSERT_EQ(ingot_model_on_device(model, "cuda", &there, &error), 0) << error.message;
  ASSERT_EQ(ingot_state_create(there, &own, &error), 0) << error.message;
  ASSERT_EQ(ingot_session_create(there, "predict", nullptr, &predict, &error), 0);
  ingot_model_close(model);
  ingot_model_close(there);
  const Tensor x = ramp({2, 4});
  const ingot_tensor input = {INGOT_F32, 2, x.shape().data(), x.rawData()};
  EXPECT_EQ(ingot_session_wait(predict, &error), INGOT_CODE_FAILED_PRECONDITION);
  EXPECT_EQ(ingot_session_start(predict, own, &input, 1, &error), 0) << error.message;
  EXPECT_EQ(ingot_session_start(predict, own, &input, 1, &error), 0) << error.message;
  EXPECT_EQ(ingot_session_wait(predict, &error), 0) << error.message;
  ingot_tensor y;
  ASSERT_EQ(ingot_session_output(predict, 0, &y, &error), 0);
  const auto *begin = static_cast<const float *>(y.data);
  EXPECT_EQ(std::vector<float>(begin, begin + 2), expected(x));
  ingot_session_destroy(predict); // with a run under way
  ingot_state_destroy(own);
}

//===----------------------------------------------------------------------===//
// The CPU
//===----------------------------------------------------------------------===//

TEST(StartOnCpu, RunsAtOnceAndGivesEachRunItsOutputs) {
  std::shared_ptr<const Artifact> model = linearModel({"sm_80", /*hasWeights=*/true});
  std::unique_ptr<State> state = std::move(State::create(model)).value();
  Session predict = std::move(Session::create(model, "predict")).value();
  Tensor x = std::move(Tensor::zeros(DType::F32, {2, 4})).value();
  ASSERT_OK(predict.start(*state, {x}));
  x.data<float>()[0] = 1;
  ASSERT_OK(predict.start(*state, {x}));
  EXPECT_STATUS(predict.start(*state, {x}), FailedPrecondition, "two runs are under way");
  ASSERT_OK(predict.wait());
  EXPECT_EQ(values(predict.output(0)), (std::vector<float>{5.5, 5.5}));
  ASSERT_OK(predict.wait());
  EXPECT_EQ(values(predict.output(0)), (std::vector<float>{6.5, 5.5}));

  Session stream = std::move(Session::create(model, "accumulate")).value();
  Tensor a = std::move(Tensor::of<float>({2}, {1, 10})).value();
  Tensor bad = std::move(Tensor::of<float>({2}, {-1, 10})).value();
  ASSERT_OK(stream.start(*state, {a}));
  ASSERT_OK(stream.start(*state, {bad})); // its failure is that of `wait`
  ASSERT_OK(stream.wait());
  ASSERT_OK(stream.start(*state, {a}));
  EXPECT_STATUS(stream.wait(), OutOfRange, "embedding");
  ASSERT_OK(stream.wait());
  EXPECT_EQ(values(stream.output(0)), (std::vector<float>{2, 20}));
}

} // namespace
