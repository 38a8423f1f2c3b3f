// A model on a device behaves as it does on the CPU, by the fake driver, which sees each wrong use
// of a function of CUDA: devices by name, states, runs, failures.
#include "LinearOnDevice.h"
#include "runtime/device/CudaLibrary.h"

#include <cstdio>
#include <unistd.h>

using namespace ingot;
using namespace ingot::gputest;

namespace {

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
  const std::string path =
      testing::TempDir() + "ingot-device-" + std::to_string(getpid()) + ".safetensors";
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
      "function 'predict': an arena of 20008 bytes: no memory for 20008 bytes on 'cuda:0', which "
      "has 4294967296 (cuMemAllocAsync: CUDA_ERROR_OUT_OF_MEMORY); a smaller batch takes less, and "
      "so does the model when it is compiled with a memory budget");
  EXPECT_STATUS(predict.run(*state, {ramp({1000, 4})}), ResourceExhausted,
                "function 'predict': the inputs, 16128 bytes");
  driver.set("memory", "1000");
  EXPECT_STATUS(State::create(onDevice).status(), ResourceExhausted, "the state of 'linear'");
  driver.set("memory", "100000000");
  Tensor x = ramp({1000, 4});
  ASSERT_OK(predict.run(*state, {x})); // nothing is broken
  EXPECT_EQ(values(predict.output(0)), expected(x));
}

/// Has one of the next calls of a function fail.
class FailingCalls {
public:
  FailingCalls() : library(const_cast<cuda::Library &>(*cuda::library().value())) {
    real = library;
  }
  ~FailingCalls() { library = real; }
  void launchFails(int call) {
    countdown = call;
    library.cuLaunchKernel = [](cuda::CUfunction f, unsigned x, unsigned y, unsigned z, unsigned bx,
                                unsigned by, unsigned bz, unsigned shared, cuda::CUstream s,
                                void **p, void **e) {
      return --countdown == 0 ? cuda::CUresult{cuda::CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES}
                              : real.cuLaunchKernel(f, x, y, z, bx, by, bz, shared, s, p, e);
    };
  }
  void instantiationFails() {
    countdown = 1;
    library.cuGraphInstantiateWithFlags = [](cuda::CUgraphExec *executable, cuda::CUgraph graph,
                                             unsigned long long flags) {
      return --countdown == 0 ? cuda::CUresult{cuda::CUDA_ERROR_OUT_OF_MEMORY}
                              : real.cuGraphInstantiateWithFlags(executable, graph, flags);
    };
  }

private:
  static inline cuda::Library real;
  static inline int countdown;
  cuda::Library &library;
};

TEST_F(LinearOnDevice, GoesOnBehindALaunchThatFailed) {
  Tensor x = ramp({8, 4}, 0.25f), target = ramp({8});
  std::vector<float> wanted;
  for (int call = 0; call < 5; ++call) { // 1, 2: plain launches; 3, 4: in a recording
    std::unique_ptr<State> own = std::move(State::create(onDevice)).value();
    Session train = session("train_step");
    FailingCalls failing;
    failing.launchFails(call);
    int good = 0;
    for (int run = 0; run < 5; ++run) {
      const Status status = train.run(*own, {x, target});
      good += status.isOk();
      if (status.isOk())
        continue;
      const std::string kernel = call % 2 == 1 ? "dense/difference" : "dense/sgd";
      EXPECT_STATUS(status, Internal,
                    "function 'train_step': dense (kernel '" + kernel +
                        "'): cuLaunchKernel: CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES; the kernel takes "
                        "more registers or shared memory than this GPU has");
    }
    EXPECT_EQ(good, call == 0 ? 5 : 4);
    while (good++ < 5)
      ASSERT_OK(train.run(*own, {x, target}));
    const std::vector<float> kernel = values(*own->get("dense/kernel"));
    wanted = wanted.empty() ? kernel : wanted;
    EXPECT_EQ(kernel, wanted) << call;
  }
}

TEST_F(LinearOnDevice, GoesOnBehindARecordingThatFailed) {
  Session predict = session("predict");
  Tensor x = ramp({3, 4});
  FailingCalls failing;
  failing.instantiationFails();
  ASSERT_OK(predict.run(*state, {x}));
  EXPECT_STATUS(predict.run(*state, {x}), ResourceExhausted,
                "function 'predict': cuGraphInstantiateWithFlags: CUDA_ERROR_OUT_OF_MEMORY");
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(predict.run(*state, {x}));
    EXPECT_EQ(values(predict.output(0)), expected(x));
  }
  EXPECT_EQ(driver.count("cuGraphLaunch"), 3);
}

TEST_F(LinearOnDevice, NamesTheLayerOfABadAccessWhenLaunchesBlock) {
  setenv("CUDA_LAUNCH_BLOCKING", "1", 1);
  open();
  unsetenv("CUDA_LAUNCH_BLOCKING");
  Tensor x = ramp({3, 4});
  {
    Session predict = session("predict"), crash = session("crash");
    for (int i = 0; i < 3; ++i)
      ASSERT_OK(predict.run(*state, {x}));
    EXPECT_EQ(driver.count("cuGraphLaunch"), 0);
    EXPECT_STATUS(
        crash.run(*state, {ramp({3})}), Internal,
        "function 'crash': dense (kernel 'dense/matmul'): cuStreamSynchronize: "
        "CUDA_ERROR_ILLEGAL_ADDRESS; the context of 'cuda:0' is lost (launching 'crash')");
  }
  state.reset();
  onDevice.reset();
  device.reset();
  driver.reset();
}

TEST_F(LinearOnDevice, SaysThatTheContextIsLost) {
  {
    Session crash = session("crash"), predict = session("predict");
    EXPECT_STATUS(
        crash.run(*state, {ramp({3})}), Internal,
        "function 'crash': cuEventQuery: CUDA_ERROR_ILLEGAL_ADDRESS; the context of "
        "'cuda:0' is lost; with CUDA_LAUNCH_BLOCKING=1 in the environment the error names "
        "its layer");
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

} // namespace
