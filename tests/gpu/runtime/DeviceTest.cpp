// A model on a device behaves as it does on the CPU, by the fake driver, which sees each wrong use
// of a function of CUDA.
#include "FakeDriver.h"
#include "LinearModel.h"
#include "ingot/ingot.h"

#include <cstring>
#include <thread>

using namespace ingot;
using namespace ingot::gputest;

namespace {

Tensor ramp(Shape shape, float scale = 1) {
  Tensor tensor = std::move(Tensor::zeros(DType::F32, shape)).value();
  for (int64_t i = 0; i < tensor.elementCount(); ++i)
    tensor.data<float>()[i] = scale * static_cast<float>(i % 13 - 6);
  return tensor;
}

std::vector<float> values(const Tensor &tensor) {
  return std::vector<float>(tensor.data<float>(), tensor.data<float>() + tensor.elementCount());
}

class LinearOnDevice : public DeviceTest {
protected:
  void SetUp() override {
    DeviceTest::SetUp();
    onCpu = linearModel({"sm_90", /*hasWeights=*/true});
    open();
  }
  void TearDown() override {
    state.reset();
    onDevice.reset();
    device.reset();
    DeviceTest::TearDown();
  }
  void open(const char *name = "cuda") {
    state.reset();
    onDevice.reset();
    device = std::move(Device::open(name)).value();
    onDevice = std::move(onCpu->onDevice(device)).value();
    state = std::move(State::create(onDevice)).value();
  }
  Session session(const char *function, const SessionOptions &options = {}) {
    return std::move(Session::create(onDevice, function, options)).value();
  }
  /// predict of the CPU, with the variables of the device's state.
  std::vector<float> expected(const Tensor &x) {
    std::unique_ptr<State> mirror = std::move(State::create(onCpu)).value();
    for (const char *name : {"dense/kernel", "dense/bias"})
      EXPECT_TRUE(mirror->set(name, *state->get(name)).isOk());
    Session predict = std::move(Session::create(onCpu, "predict")).value();
    EXPECT_TRUE(predict.run(*mirror, {x}).isOk());
    return values(predict.output(0));
  }

  std::shared_ptr<const Artifact> onCpu, onDevice;
  std::shared_ptr<Device> device;
  std::unique_ptr<State> state;
};

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

using Devices = DeviceTest;

TEST_F(Devices, AreListedByWhatTheDriverSays) {
  driver.set("capability", "9.0,8.6");
  std::vector<DeviceInfo> devices = Device::list();
  ASSERT_GE(devices.size(), 2u);
  EXPECT_EQ(devices[1].api, "cuda");
  EXPECT_EQ(devices[1].index, 1);
  EXPECT_EQ(devices[1].memoryBytes, uint64_t{1} << 32);
  EXPECT_EQ(describe(devices[1]), "cuda:1 (Fake GPU, compute capability 8.6)");
  EXPECT_TRUE(Device::isAvailable("cuda"));
  EXPECT_TRUE(Device::isAvailable("cuda:1"));
  EXPECT_FALSE(Device::isAvailable("cuda:2"));
  EXPECT_FALSE(Device::isAvailable("tpu"));
  EXPECT_EQ((*Device::open("cuda:1"))->name(), "cuda:1");
}

TEST_F(Devices, AreRefusedByNameAndNumber) {
  EXPECT_STATUS(Device::open("cuda:2").status(), NotFound,
                "there is no device 'cuda:2': the last one is 'cuda:1'");
  EXPECT_STATUS(Device::open("tpu").status(), InvalidArgument, "'tpu' is no device");
  EXPECT_STATUS(Device::open("cuda:x").status(), InvalidArgument, "a number is expected");
  EXPECT_STATUS(Device::open("cuda:-1").status(), InvalidArgument, "a number is expected");
}

TEST_F(Devices, RunImagesForTheirArchitecture) {
  std::shared_ptr<Device> device;
  struct Case {
    const char *capability, *target;
    bool suits;
  };
  // Host images stand for machine code, which other major versions do not run.
  for (const Case &c :
       {Case{"9.0", "sm_90", true}, Case{"8.6", "sm_80", true}, Case{"9.0", "sm_80", false},
        Case{"8.0", "sm_86", false}, Case{"9.0", "sm_90a", true}, Case{"10.3", "sm_100", true},
        Case{"10.3", "sm_100a", false}, Case{"10.3", "sm_100f", true}}) {
    driver.set("capability", c.capability);
    device = std::move(Device::open("cuda")).value();
    EXPECT_EQ(linearModel({c.target})->onDevice(device).isOk(), c.suits)
        << c.capability << " " << c.target;
  }
  driver.set("capability", "7.5");
  device = std::move(Device::open("cuda")).value();
  EXPECT_STATUS(linearModel({"sm_80"})->onDevice(device).status(), Unsupported,
                "model 'linear' has no code for cuda:0 (Fake GPU, compute capability 7.5): it was "
                "compiled for sm_80; compile it with --gpu sm_75");
  LinearOptions none;
  none.hasDevices = false;
  EXPECT_STATUS(linearModel(none)->onDevice(device).status(), Unsupported,
                "it was compiled for no device of CUDA; compile it with --gpu sm_75");
  LinearOptions old;
  old.isOld = true;
  EXPECT_STATUS(linearModel(old)->onDevice(device).status(), Unsupported, "for no device");
  EXPECT_STATUS(linearModel()->onDevice(nullptr).status(), InvalidArgument, "no device");
}

//===----------------------------------------------------------------------===//
// States and runs
//===----------------------------------------------------------------------===//

TEST_F(LinearOnDevice, PredictsAsTheCpu) {
  Session predict = session("predict");
  for (int64_t batch : {1, 7, 100, 0, 33}) {
    Tensor x = ramp({batch, 4});
    ASSERT_OK(predict.run(*state, {x}));
    ASSERT_EQ(predict.output(0).shape(), Shape({batch}));
    EXPECT_EQ(values(predict.output(0)), expected(x)) << batch;
  }
  EXPECT_EQ(onDevice->device(), device);
  EXPECT_EQ(onCpu->device(), nullptr);
}

TEST_F(LinearOnDevice, TrainsAsTheCpu) {
  std::unique_ptr<State> mirror = std::move(State::create(onCpu)).value();
  Session here = std::move(Session::create(onCpu, "train_step")).value(),
          there = session("train_step");
  for (int step = 0; step < 10; ++step) {
    const float rate = 0.001f * static_cast<float>(step);
    ASSERT_OK(mirror->setScalar("optimizer/learning_rate", rate));
    ASSERT_OK(state->setScalar("optimizer/learning_rate", rate));
    Tensor x = ramp({step % 3 == 2 ? 5 : 40, 4}, 0.25f), target = ramp({x.dim(0)}, 2);
    ASSERT_OK(here.run(*mirror, {x, target}));
    ASSERT_OK(there.run(*state, {x, target}));
    EXPECT_EQ(values(there.output(0)), values(here.output(0))) << step;
  }
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 10);
  EXPECT_EQ(values(*state->get("dense/kernel")), values(*mirror->get("dense/kernel")));
  Tensor x = ramp({3, 4});
  Session predict = session("predict"); // derives from what was trained
  ASSERT_OK(predict.run(*state, {x}));
  EXPECT_EQ(values(predict.output(0)), expected(x));
}

TEST_F(LinearOnDevice, TakesWeightsOfTheCpusTableAndOfFiles) {
  EXPECT_TRUE(onDevice->hasWeights());
  EXPECT_EQ(values(*state->get("dense/kernel")), (std::vector<float>{1, 2, 3, 4}));
  ASSERT_OK(state->setScalar("dense/bias", 7.0f));
  const std::string path = testing::TempDir() + "ingot-device.safetensors";
  ASSERT_OK(state->save(path));
  std::unique_ptr<State> other = std::move(State::create(onDevice)).value();
  ASSERT_OK(other->bind(path));
  EXPECT_EQ(*other->getScalar<float>("dense/bias"), 7);
  std::unique_ptr<State> cpu = std::move(State::create(onCpu)).value();
  ASSERT_OK(cpu->bind(path)); // the same file
  EXPECT_EQ(*cpu->getScalar<float>("dense/bias"), 7);
  std::remove(path.c_str());
}

TEST_F(LinearOnDevice, SharesReadOnlyWeights) {
  std::unique_ptr<State> one = std::move(State::readOnly(onDevice)).value();
  const int64_t before = driver.count("cuMemAllocAsync");
  std::unique_ptr<State> other = std::move(State::readOnly(onDevice)).value();
  EXPECT_EQ(driver.count("cuMemAllocAsync"), before);
  EXPECT_TRUE(other->isReadOnly());
  EXPECT_STATUS(other->setScalar("dense/bias", 1.0f), FailedPrecondition, "read-only");
  Session predict = session("predict");
  Tensor x = ramp({3, 4});
  ASSERT_OK(predict.run(*other, {x}));
  EXPECT_EQ(values(predict.output(0)), expected(x));
}

TEST_F(LinearOnDevice, HasDevicesWithoutPools) {
  driver.set("pools", "0");
  open();
  const int64_t before = driver.count("cuMemAllocAsync");
  Session predict = session("predict");
  for (int64_t batch : {3, 50, 3}) {
    Tensor x = ramp({batch, 4});
    ASSERT_OK(predict.run(*state, {x}));
    EXPECT_EQ(values(predict.output(0)), expected(x));
  }
  EXPECT_EQ(driver.count("cuMemAllocAsync"), before);
}

TEST_F(LinearOnDevice, GivesSharedMemoryBeyond48KiB) {
  Session wide = session("wide");
  Tensor x = ramp({70});
  ASSERT_OK(wide.run(*state, {x}));
  for (int64_t i = 0; i < 70; ++i)
    EXPECT_EQ(wide.output(0).data<float>()[i], x.data<float>()[i < 64 ? 63 - i : 133 - i]);
}

TEST_F(LinearOnDevice, LoadsUnitsWhenTheyAreLaunched) {
  const int64_t before = driver.count("cuModuleLoadDataEx");
  Session predict = session("predict"), wide = session("wide");
  EXPECT_EQ(driver.count("cuModuleLoadDataEx"), before);
  Tensor x = ramp({3, 4});
  ASSERT_OK(predict.run(*state, {x}));
  EXPECT_EQ(driver.count("cuModuleLoadDataEx"), before + 1);
  ASSERT_OK(predict.run(*state, {x}));
  EXPECT_EQ(driver.count("cuModuleLoadDataEx"), before + 1);
  ASSERT_OK(wide.run(*state, {ramp({3})}));
  EXPECT_EQ(driver.count("cuModuleLoadDataEx"), before + 2);
}

TEST_F(LinearOnDevice, WritesOutputsToTheCallersMemory) {
  Session predict = session("predict");
  Tensor x = ramp({3, 4});
  std::vector<float> buffer(3);
  ASSERT_OK(predict.setOutputBuffer(0, buffer.data(), buffer.size() * sizeof(float)));
  ASSERT_OK(predict.run(*state, {x}));
  EXPECT_EQ(buffer, expected(x));
  EXPECT_STATUS(predict.run(*state, {ramp({4, 4})}), InvalidArgument, "output 'y'");
  ASSERT_OK(predict.setOutputBuffer(0, nullptr, 0));
  Tensor own;
  ASSERT_OK(predict.run(*state, {x}));
  predict.swapOutput(0, own);
  EXPECT_EQ(values(own), expected(x));
}

TEST_F(LinearOnDevice, CarriesValuesFromRunToRun) {
  Session stream = session("accumulate");
  Tensor a = std::move(Tensor::of<float>({2}, {1, 10})).value();
  Tensor bad = std::move(Tensor::of<float>({2}, {-1, 10})).value();
  for (float runs : {1.f, 2.f, 3.f}) {
    ASSERT_OK(stream.run(*state, {a}));
    EXPECT_EQ(values(stream.output(0)), (std::vector<float>{runs, runs * 10}));
  }
  EXPECT_STATUS(stream.run(*state, {bad}), OutOfRange, "function 'accumulate': embedding");
  ASSERT_OK(stream.run(*state, {a})); // as if the failed run had not been
  EXPECT_EQ(values(stream.output(0)), (std::vector<float>{4, 40}));
  ASSERT_OK(stream.setCarried(0, *Tensor::of<float>({2}, {100, 0})));
  ASSERT_OK(stream.run(*state, {a}));
  EXPECT_EQ(values(stream.output(0)), (std::vector<float>{101, 10}));
}

TEST_F(LinearOnDevice, ComputesExtentsFromLoadedValues) {
  Session positives = session("positives");
  const int64_t before = driver.count("cuStreamBeginCapture_v2");
  for (int i = 0; i < 4; ++i) {
    Tensor x = ramp({13});
    ASSERT_OK(positives.run(*state, {x}));
    EXPECT_EQ(values(positives.output(0)), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  }
  EXPECT_EQ(driver.count("cuStreamBeginCapture_v2"), before); // it waits: it cannot be recorded
}

TEST_F(LinearOnDevice, RefusesAFunctionThatWaitsAndDoesNotSaySo) {
  Session forgetful = session("forgetful");
  ASSERT_OK(forgetful.run(*state, {ramp({13})}));
  EXPECT_STATUS(forgetful.run(*state, {ramp({13})}), Internal, "does not say that it waits");
}

TEST_F(LinearOnDevice, LeavesFunctionsToTheCpuWithAReason) {
  EXPECT_STATUS(Session::create(onDevice, "text").status(), Unsupported,
                "function 'text' is left to the CPU: lookup: text is handled on the CPU alone");
  EXPECT_STATUS(Session::create(onDevice, "nothing").status(), NotFound, "no function 'nothing'");
}

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
// Failures
//===----------------------------------------------------------------------===//

TEST_F(LinearOnDevice, NamesTheNodeOfAnIndexOutOfRange) {
  Session lookup = session("lookup");
  Tensor good = std::move(Tensor::of<int64_t>({3}, {0, 3, 1})).value();
  Tensor bad = std::move(Tensor::of<int64_t>({3}, {0, 4, 1})).value();
  for (int i = 0; i < 4; ++i) { // recorded and replayed too
    EXPECT_STATUS(lookup.run(*state, {bad}), OutOfRange,
                  "function 'lookup': embedding: an index is outside the axis it selects from");
    ASSERT_OK(lookup.run(*state, {good}));
    EXPECT_EQ(values(lookup.output(0)), (std::vector<float>{1, 4, 2}));
  }
  ASSERT_OK(lookup.start(*state, {bad}));
  ASSERT_OK(lookup.start(*state, {good}));
  EXPECT_STATUS(lookup.wait(), OutOfRange, "embedding");
  ASSERT_OK(lookup.wait());
}

TEST_F(LinearOnDevice, SaysWhatThereIsNoMemoryFor) {
  Session predict = session("predict");
  driver.set("memory", "8192");
  EXPECT_STATUS(
      predict.run(*state, {ramp({5000, 4})}), ResourceExhausted,
      "function 'predict': an arena of 20008 bytes: no memory for 20008 bytes on 'cuda:0'");
  EXPECT_STATUS(predict.run(*state, {ramp({1000, 4})}), ResourceExhausted,
                "function 'predict': the inputs, 16128 bytes");
  driver.set("memory", "1000");
  EXPECT_STATUS(State::create(onDevice).status(), ResourceExhausted, "the state of 'linear'");
  driver.set("memory", "100000000");
  Tensor x = ramp({1000, 4});
  ASSERT_OK(predict.run(*state, {x})); // nothing is broken
  EXPECT_EQ(values(predict.output(0)), expected(x));
}

TEST_F(LinearOnDevice, SaysThatTheContextIsLost) {
  {
    Session crash = session("crash"), predict = session("predict");
    EXPECT_STATUS(crash.run(*state, {ramp({3})}), Internal,
                  "function 'crash': cuEventQuery: CUDA_ERROR_ILLEGAL_ADDRESS; the context of "
                  "'cuda:0' is lost");
    EXPECT_STATUS(predict.run(*state, {ramp({3, 4})}), Internal,
                  "the context of 'cuda:0' is lost since CUDA_ERROR_ILLEGAL_ADDRESS; only a new "
                  "process can use the device again");
    EXPECT_STATUS(state->get("dense/bias").status(), Internal, "is lost");
  }
  EXPECT_NE(driver.misuses().find("crash: "), std::string::npos) << driver.misuses();
  state.reset();
  onDevice.reset();
  device.reset();
  driver.reset(); // what is left in a lost context is left to the driver
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
