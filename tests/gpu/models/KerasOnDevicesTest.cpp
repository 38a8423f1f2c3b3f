// Models of the Keras API on devices: they train there as on the CPU, weights go with them, and
// where there is no device they run on the CPU.
#include "frontends/keras/ModelImpl.h"
#include "tests/endtoend/CompiledModels.h"
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/runtime/FakeDriver.h"
#include <gtest/gtest.h>

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
