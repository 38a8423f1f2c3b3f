// What helps to find mistakes: fastDevRun, overfitBatches, detectNaN.
#include "Fixture.h"
#include "runtime/train/NonFinite.h"

#include <cmath>
#include <filesystem>
#include <unistd.h>

using namespace ingot;
using namespace ingot::test;
using namespace ingot::train;

namespace {

class DebuggingTest : public TrainFixture {
protected:
  std::string nan(const FitOptions &options) {
    testing::internal::CaptureStderr();
    const Status status = trainer->fit({pair, extra}, {label}, options).status();
    testing::internal::GetCapturedStderr();
    return status.message();
  }
  FitOptions detecting() {
    FitOptions options = quiet();
    options.shuffle = false;
    options.batchSize = 10;
    options.detectNaN = true;
    return options;
  }
};

TEST_F(DebuggingTest, FastDevRunIsOneEpochOfAFewBatchesThatKeepsNoFiles) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("ingot-dev-" + std::to_string(getpid()))).string();
  CSVLogger logger(path);
  LambdaCallback counting;
  int batches = 0;
  counting.hooks.onTrainBatchEnd = [&](int64_t, Logs &) { ++batches; };
  FitOptions options = quiet();
  options.epochs = 20;
  options.validationData = {{pair, extra}, {label}};
  options.callbacks = {&logger, &counting};
  options.fastDevRun = 1;
  const History history = fit(options);
  EXPECT_EQ(history.epoch.size(), 1u);
  EXPECT_EQ(history.history.count("val_loss"), 1u);
  EXPECT_EQ(batches, 1);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(DebuggingTest, OverfittingTakesTheSameFirstBatchesEachEpoch) {
  FitOptions options = quiet();
  options.epochs = 200;
  options.batchSize = 4;
  options.overfitBatches = 2;
  const History history = fit(options);
  EXPECT_EQ(history.params.steps, 2);
  EXPECT_EQ(*state->getScalar<int64_t>("step"), 400);
  EXPECT_LT(history.history.at("loss").back(), 0.2 * history.history.at("loss").front());
  // The same as training on these eight samples alone.
  const std::vector<float> overfitted = weights();
  makeData(8);
  ASSERT_TRUE(trainer->initialize(1).isOk());
  options.overfitBatches = 0;
  options.shuffle = false;
  fit(options);
  EXPECT_EQ(weights(), overfitted);
}

TEST_F(DebuggingTest, ABadValueInTheDataIsNamedWithItsBatch) {
  extra.data<float>()[23] = INFINITY;
  EXPECT_EQ(nan(detecting()), "epoch 1, batch 2: detectNaN: 'extra', f32[10], is not finite at "
                              "element 3 of the batch");
}

TEST_F(DebuggingTest, AVariableThatIsNotFiniteIsNamed) {
  Tensor kernel = *Tensor::of<float>({3}, {1, 2, NAN});
  ASSERT_TRUE(state->set("dense/kernel", kernel).isOk());
  EXPECT_EQ(nan(detecting()), "epoch 1, batch 0: detectNaN: 'loss' is not finite; variable "
                              "'dense/kernel' was not finite before");
}

TEST_F(DebuggingTest, AnUpdateThatOverflowsIsNamedAndTakenBack) {
  ASSERT_TRUE(trainer->setLearningRate(1e38).isOk());
  for (int64_t i = 0; i < 50; ++i)
    pair.data<float>()[2 * i] *= 1e3f;
  const std::vector<float> before = weights();
  const std::string message = nan(detecting());
  EXPECT_NE(message.find("detectNaN: variable 'dense/kernel', f32[3], is not finite at element 0 "
                         "after the step; the forward pass is finite"),
            std::string::npos)
      << message;
  EXPECT_EQ(weights(), before);
}

TEST_F(DebuggingTest, AGoodTrainingIsLeftAlone) {
  fit(detecting());
  const std::vector<float> watched = weights();
  ASSERT_TRUE(trainer->initialize(1).isOk());
  FitOptions options = detecting();
  options.detectNaN = false;
  fit(options);
  EXPECT_EQ(weights(), watched);
}

} // namespace
