// Models of the Keras API on devices: they train there as on the CPU, weights go with them, and
// where there is no device they run on the CPU.
#include "frontends/keras/ModelImpl.h"
#include "tests/endtoend/CompiledModels.h"
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/runtime/FakeDriver.h"
#include <gtest/gtest.h>
#include <sstream>

namespace ingot::test {
namespace {

class KerasOnDevices : public gputest::DeviceTest {
protected:
  void SetUp() override {
    DeviceTest::SetUp();
    driver.set("capability", "8.0");
    keras::detail::hostImageOfTests = [](const std::string &source) {
      return tests::makeHostImage(source, /*isChecked=*/false);
    };
  }
  void TearDown() override {
    keras::detail::hostImageOfTests = nullptr;
    DeviceTest::TearDown();
  }
};

/// What three steps from the same start make of the weights, and then of an input.
std::pair<std::vector<Tensor>, Tensor> trainedOn(const std::string &device) {
  keras::Sequential model = buildKerasModel("small");
  model.setSeed(7);
  model.to(device);
  LabelledBatch batch("small", 16, 3);
  for (int step = 0; step < 3; ++step)
    model.trainOnBatch(batch.x(), batch.y());
  auto weights = model.getWeights();
  return {std::move(weights), model.predict(batch.x())};
}

void expectNear(const Tensor &expected, const Tensor &actual) {
  ASSERT_EQ(expected.elementCount(), actual.elementCount());
  for (int64_t i = 0; i < expected.elementCount(); ++i)
    EXPECT_NEAR(expected.data<float>()[i], actual.data<float>()[i], 1e-5) << i;
}

TEST_F(KerasOnDevices, AModelTrainsThereAsOnTheCpu) {
  auto [weights, scores] = trainedOn("cpu");
  auto [weightsThere, scoresThere] = trainedOn("cuda");
  ASSERT_EQ(weights.size(), weightsThere.size());
  for (size_t i = 0; i < weights.size(); ++i)
    expectNear(weights[i], weightsThere[i]);
  expectNear(scores, scoresThere);
  EXPECT_GT(driver.count("cuLaunchKernel"), 0);
}

TEST_F(KerasOnDevices, WeightsGoWithTheModel) {
  keras::Sequential model = buildKerasModel("small");
  LabelledBatch batch("small", 4, 1);
  Tensor before = model.predict(batch.x());
  model.cuda(1);
  EXPECT_EQ(model.device(), "cuda:1");
  expectNear(before, model.predict(batch.x()));
  model.cpu();
  EXPECT_EQ(model.device(), "cpu");
  expectNear(before, model.predict(batch.x()));
}

TEST_F(KerasOnDevices, DevicesAreListedAsFrameworksDo) {
  const auto gpus = keras::config::listPhysicalDevices("GPU");
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[1].name, "cuda:1");
  EXPECT_EQ(gpus[1].description, "cuda:1 (Fake GPU, compute capability 8.0)");
  EXPECT_EQ(keras::config::listPhysicalDevices("CPU").size(), 1u);
  EXPECT_EQ(keras::config::listPhysicalDevices()[0].name, "cpu");
  EXPECT_TRUE(keras::config::listPhysicalDevices("TPU").empty());
  EXPECT_TRUE(keras::cuda::isAvailable());
  EXPECT_EQ(keras::cuda::deviceCount(), 2);
  EXPECT_EQ(keras::cuda::getDeviceName(1), "Fake GPU");
  EXPECT_THROW(keras::cuda::getDeviceName(2), keras::Error);
}

/// A training with a metric that is a function of sums, validated, with a bar: the history.
keras::History fitOn(const std::string &device) {
  namespace layers = keras::layers;
  keras::clearSession();
  keras::Sequential model({layers::Dense(8, {.activation = "tanh", .inputShape = {8}}),
                           layers::Dense(1, {.activation = "sigmoid"})});
  model.compile({.optimizer = "adam",
                 .loss = "binary_crossentropy",
                 .metrics = {"accuracy", "AUC"},
                 .device = device});
  LabelledBatch batch("small", 40, 3);
  for (int64_t &label : batch.labels)
    label %= 2;
  std::ostringstream bar;
  return model.fit(batch.x(), batch.y(),
                   {.batchSize = 8,
                    .epochs = 3,
                    .verbose = keras::Verbosity::Bar,
                    .validationSplit = 0.2,
                    .output = &bar});
}

TEST_F(KerasOnDevices, FitsAsOnTheCpuWithStepsBehindOneAnother) {
  const keras::History expected = fitOn("cpu"), actual = fitOn("cuda");
  EXPECT_GT(driver.count("cuStreamWaitEvent"), 0);
  ASSERT_EQ(actual.history.size(), expected.history.size());
  for (const auto &[name, values] : expected.history) {
    // Rounding may put a score on the other side of one of AUC's thresholds.
    const double tolerance = name.find("AUC") == std::string::npos ? 1e-4 : 0.05;
    for (size_t epoch = 0; epoch < 3; ++epoch)
      EXPECT_NEAR(values[epoch], actual.history.at(name)[epoch], tolerance) << name;
  }
}

TEST_F(KerasOnDevices, WithoutADeviceTheCpuRunsIt) {
  keras::Sequential model = buildKerasModel("small");
  testing::internal::CaptureStderr();
  model.cuda(9);
  std::string notice = testing::internal::GetCapturedStderr();
  EXPECT_NE(notice.find("ingot: models run on the CPU"), std::string::npos) << notice;
  EXPECT_EQ(model.device(), "cpu");
  LabelledBatch batch("small", 4, 1);
  EXPECT_EQ(model.predict(batch.x()).dim(0), 4);
  EXPECT_THROW(model.to("tpu"), keras::Error);
}

} // namespace
} // namespace ingot::test
