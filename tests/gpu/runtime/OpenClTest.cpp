// A model on a device of OpenCL behaves as it does on the CPU. Runs on what is there, PoCL for
// example; without it all is skipped.
#include "LinearModel.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <thread>

using namespace ingot;
using namespace ingot::gputest;

namespace {

class OpenClTest : public testing::Test {
protected:
  void SetUp() override {
    Result<std::shared_ptr<Device>> opened = Device::open("opencl");
    if (!opened.isOk())
      GTEST_SKIP() << opened.status().message();
    device = *opened;
    onCpu = linearModel({"sm_80", /*hasWeights=*/true});
    onDevice = std::move(onCpu->onDevice(device)).value();
    state = std::move(State::create(onDevice)).value();
  }
  Session session(const char *function, const SessionOptions &options = {}) {
    return std::move(Session::create(onDevice, function, options)).value();
  }
  std::vector<float> expected(const Tensor &x) {
    std::unique_ptr<State> mirror = std::move(State::create(onCpu)).value();
    Session predict = std::move(Session::create(onCpu, "predict")).value();
    EXPECT_TRUE(predict.run(*mirror, {x}).isOk());
    return values(predict.output(0));
  }

  std::shared_ptr<Device> device;
  std::shared_ptr<const Artifact> onCpu, onDevice;
  std::unique_ptr<State> state;
};

TEST_F(OpenClTest, HasDevicesByName) {
  EXPECT_TRUE(Device::isAvailable("opencl:0"));
  EXPECT_EQ(device->name(), "opencl:0");
  EXPECT_GT(device->info().memoryBytes, 0u);
  EXPECT_STATUS(Device::open("opencl:99").status(), NotFound, "there is no device 'opencl:99'");
}

TEST_F(OpenClTest, PredictsAsTheCpu) {
  Session predict = session("predict");
  for (int64_t batch : {1, 7, 100, 0, 33, 100}) {
    Tensor x = ramp({batch, 4});
    ASSERT_OK(predict.run(*state, {x}));
    EXPECT_EQ(values(predict.output(0)), expected(x)) << batch;
  }
}

TEST_F(OpenClTest, TrainsAsTheCpu) {
  std::unique_ptr<State> mirror = std::move(State::create(onCpu)).value();
  Session here = std::move(Session::create(onCpu, "train_step")).value(),
          there = session("train_step");
  Tensor x = ramp({40, 4}, 0.25f), target = ramp({40});
  ASSERT_OK(there.start(*state, {x, target}));
  for (int step = 0; step < 5; ++step) {
    ASSERT_OK(here.run(*mirror, {x, target}));
    ASSERT_OK(there.start(*state, {x, target}));
    ASSERT_OK(there.wait());
    EXPECT_FLOAT_EQ(*there.output(0).data<float>(), *here.output(0).data<float>());
  }
  ASSERT_OK(there.wait());
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 6);
}

TEST_F(OpenClTest, NamesTheNodeOfAnIndexOutOfRange) {
  Session lookup = session("lookup");
  EXPECT_STATUS(lookup.run(*state, {*Tensor::of<int64_t>({3}, {0, 4, 1})}), OutOfRange,
                "embedding");
  ASSERT_OK(lookup.run(*state, {*Tensor::of<int64_t>({3}, {0, 3, 1})}));
  EXPECT_EQ(values(lookup.output(0)), (std::vector<float>{1, 4, 2}));
}

TEST_F(OpenClTest, ComputesExtentsAndCarriesValues) {
  Session positives = session("positives"), stream = session("accumulate");
  ASSERT_OK(positives.run(*state, {ramp({13})}));
  EXPECT_EQ(values(positives.output(0)), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  Tensor a = std::move(Tensor::of<float>({2}, {1, 10})).value();
  for (float runs : {1.f, 2.f, 3.f}) {
    ASSERT_OK(stream.run(*state, {a}));
    EXPECT_EQ(values(stream.output(0)), (std::vector<float>{runs, runs * 10}));
  }
}

TEST_F(OpenClTest, TellsWhatKernelsTook) {
  std::vector<double> seconds;
  SessionOptions options;
  options.user = &seconds;
  options.timed = [](void *user, int64_t, double took) {
    static_cast<std::vector<double> *>(user)->push_back(took);
  };
  Session train = session("train_step", options);
  ASSERT_OK(train.run(*state, {ramp({8, 4}), ramp({8})}));
  ASSERT_EQ(seconds.size(), 2u);
  for (double each : seconds) {
    EXPECT_GE(each, 0);
    EXPECT_LT(each, 10);
  }
}

TEST_F(OpenClTest, ServesManyThreads) {
  const Tensor x = ramp({9, 4});
  const std::vector<float> wanted = expected(x);
  std::vector<std::thread> threads;
  std::vector<int> good(4);
  for (size_t t = 0; t < good.size(); ++t)
    threads.emplace_back([&, t] {
      Session predict = session("predict");
      for (int i = 0; i < 10; ++i)
        good[t] += predict.run(*state, {x}).isOk() && values(predict.output(0)) == wanted;
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 10));
}

TEST_F(OpenClTest, SaysWhatTheCompilerSays) {
  ingot_artifact_table *table = linearTable();
  ingot_device_code code = table->devices[1];
  ingot_image image = code.images[0];
  image.data = "what is this";
  image.bytes = 12;
  code.images = &image;
  table->devices = &code;
  table->device_count = 1;
  std::shared_ptr<const Artifact> model = std::move(Artifact::adopt(table)).value();
  std::shared_ptr<const Artifact> there = std::move(model->onDevice(device)).value();
  std::unique_ptr<State> own = std::move(State::create(there)).value();
  Session lookup = std::move(Session::create(there, "lookup")).value();
  EXPECT_STATUS(lookup.run(*own, {*Tensor::of<int64_t>({1}, {0})}), Unsupported,
                "function 'lookup': dense (kernel 'dense/matmul'): launching 'lookup': "
                "clBuildProgram: OpenCL error -11");
}

} // namespace
