// Callbacks. The monitored values are scripted by a callback that comes first and writes into the
// logs, so that each expectation follows from Keras's rules alone.
#include "ingot/train/Callbacks.h"
#include "Fixture.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <unistd.h>

using namespace ingot;
using namespace ingot::test;
using namespace ingot::train;

namespace {

class CallbacksTest : public TrainFixture {
protected:
  LambdaCallback script;
  std::vector<std::vector<float>> weightsAfter;

  /// Trains with `callback` while val_loss takes the given values.
  History run(Callback &callback, std::vector<double> values, const char *metric = "val_loss") {
    script.hooks.onEpochEnd = [this, values, metric](int64_t epoch, Logs &logs) {
      logs[metric] = values[size_t(epoch)];
      weightsAfter.push_back(weights());
    };
    FitOptions options = quiet();
    options.epochs = int64_t(values.size());
    options.callbacks = {&script, &callback};
    return fit(options);
  }
};

TEST_F(CallbacksTest, AFailingHookEndsFitWithItsStatus) {
  LambdaCallback callback;
  callback.hooks.onTrainBatchEnd = [](int64_t, Logs &) {
    return Status(StatusCode::Cancelled, "enough");
  };
  FitOptions options = quiet();
  options.callbacks = {&callback};
  EXPECT_EQ(trainer->fit({pair, extra}, {label}, options).status().message(), "enough");
}

TEST_F(CallbacksTest, ACallInAHookLeavesFitItsOutput) {
  LambdaCallback measuring;
  measuring.hooks.onEpochEnd = [&](int64_t, Logs &) {
    std::ostringstream own;
    EvaluateOptions options;
    options.output = &own;
    EXPECT_TRUE(trainer->evaluate({pair, extra}, {label}, options).isOk());
    EXPECT_NE(own.str(), "");
    EXPECT_EQ(&trainer->output(), &printed);
  };
  FitOptions options = quiet();
  options.callbacks = {&measuring};
  fit(options);
  EXPECT_EQ(&trainer->output(), &std::cout);
}

TEST_F(CallbacksTest, WhatACallbackLogsIsKept) {
  LambdaCallback nothing;
  EXPECT_EQ(run(nothing, {3, 2}, "mine").history.at("mine"), (std::vector<double>{3, 2}));
}

TEST_F(CallbacksTest, EarlyStoppingBearsPatienceEpochs) {
  EarlyStopping::Options options;
  options.patience = 2;
  EarlyStopping callback(options);
  EXPECT_EQ(run(callback, {1.0, 0.8, 0.9, 0.85, 0.7}).epoch.size(), 4u);
  EXPECT_EQ(callback.stoppedEpoch(), 3);
  EXPECT_EQ(callback.bestEpoch(), 1);
  EarlyStopping impatient;
  EXPECT_EQ(run(impatient, {1.0, 1.0, 0.5}).epoch.size(), 2u);
  EXPECT_EQ(run(impatient, {1.0, 0.9, 0.5}).epoch.size(), 3u) << "reusable";
  EXPECT_EQ(impatient.stoppedEpoch(), 0);
}

TEST_F(CallbacksTest, EarlyStoppingCountsOnlyChangesBeyondMinDelta) {
  EarlyStopping::Options options;
  options.minDelta = 0.1;
  options.patience = 1;
  EarlyStopping callback(options);
  EXPECT_EQ(run(callback, {1.0, 0.95, 0.5}).epoch.size(), 2u);
}

TEST_F(CallbacksTest, EarlyStoppingKnowsThatAccuracyRises) {
  EarlyStopping::Options options;
  options.monitor = "val_accuracy";
  EarlyStopping callback(options);
  EXPECT_EQ(run(callback, {0.5, 0.6, 0.7, 0.6, 0.9}, "val_accuracy").epoch.size(), 4u);
}

TEST_F(CallbacksTest, EarlyStoppingMustBeatTheBaselineInTime) {
  EarlyStopping::Options options;
  options.baseline = 0.5;
  options.patience = 3;
  EarlyStopping callback(options);
  // Always better, but never below the baseline: waiting goes on, and the first epoch that does
  // not improve ends it.
  EXPECT_EQ(run(callback, {0.9, 0.8, 0.7, 0.6, 0.65, 0.1}).epoch.size(), 5u);
}

TEST_F(CallbacksTest, EarlyStoppingRestoresTheBestWeights) {
  EarlyStopping::Options options;
  options.patience = 1;
  options.restoreBestWeights = true;
  options.verbose = true;
  EarlyStopping callback(options);
  run(callback, {1.0, 0.5, 0.6, 0.1});
  ASSERT_EQ(weightsAfter.size(), 3u);
  EXPECT_NE(weightsAfter[1], weightsAfter[2]);
  EXPECT_EQ(weights(), weightsAfter[1]);
  EXPECT_EQ(printed.str(), "Epoch 3: early stopping\n"
                           "Restoring model weights from the end of the best epoch: 2.\n");
}

TEST_F(CallbacksTest, AMetricThatIsMissingIsReported) {
  EarlyStopping callback;
  FitOptions options = quiet();
  options.callbacks = {&callback};
  testing::internal::CaptureStderr();
  fit(options);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "warning: Early stopping conditioned on metric `val_loss` which is not available. "
            "Available metrics are: accuracy,loss\n");
}

TEST_F(CallbacksTest, ReduceLROnPlateauWaitsAndCoolsDown) {
  ReduceLROnPlateau::Options options;
  options.factor = 0.5;
  options.patience = 2;
  options.cooldown = 1;
  options.minLr = 0.1;
  ReduceLROnPlateau callback(options);
  const History history = run(callback, std::vector<double>(9, 1.0));
  // Reduced after epochs 2, 4 and 6; the last time to the least rate.
  const std::vector<double> expected = {0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.1, 0.1};
  ASSERT_EQ(history.history.at("learning_rate").size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(history.history.at("learning_rate")[i], expected[i], 1e-7) << i;
  options.factor = 1;
  ReduceLROnPlateau wrong(options);
  FitOptions fitting = quiet();
  fitting.callbacks = {&wrong};
  EXPECT_EQ(trainer->fit({pair, extra}, {label}, fitting).status().code(),
            StatusCode::InvalidArgument);
}

TEST_F(CallbacksTest, ModelCheckpointNamesAndChoosesEpochs) {
  std::vector<std::string> saved;
  ModelCheckpoint::Options options;
  const std::string path = "w-{epoch:02d}-{val_loss:.2f}";
  options.save = [&](State &, const std::string &path) { return saved.push_back(path), Status(); };
  ModelCheckpoint every(path, options);
  run(every, {0.5, 0.625});
  EXPECT_EQ(saved, (std::vector<std::string>{"w-01-0.50", "w-02-0.62"}));
  saved.clear();
  options.saveBestOnly = true;
  ModelCheckpoint best(path, options);
  run(best, {0.5, 0.7, NAN, 0.5, 0.25});
  EXPECT_EQ(saved, (std::vector<std::string>{"w-01-0.50", "w-05-0.25"}));
  ModelCheckpoint misspelt("{val_los}", options);
  FitOptions fitting = quiet();
  fitting.callbacks = {&misspelt};
  EXPECT_NE(trainer->fit({pair, extra}, {label}, fitting).status().message().find("{val_los}"),
            std::string::npos);
}

TEST(FormatPathTest, FollowsPythonForNumbers) {
  const Logs logs = {{"loss", 0.125}};
  EXPECT_EQ(*formatPath("a", 7, logs), "a");
  EXPECT_EQ(*formatPath("{epoch}/{epoch:03d}/{loss:.1e}/{loss}", 7, logs), "7/007/1.2e-01/0.125");
  EXPECT_EQ(*formatPath("{{open}} {epoch:.1f} {loss:08.3f}", 7, logs), "{open} 7.0 0000.125");
  EXPECT_EQ(formatPath("{loss:999.99f}", 7, {{"loss", 1e308}})->size(), 999u);
}

TEST(FormatPathTest, NamesThePlaceholderWhoseFormatIsNotKnown) {
  const Logs logs = {{"loss", 0.125}, {"x", 1}};
  for (const char *wrong :
       {"{x:1.2.3f}", "{x:.f}", "{x:..2f}", "{x:2f3}", "{x:ff}", "{x:-3f}", "{x: f}", "{x:d}",
        "{loss:%n}", "{loss:.99999999f}", "{loss:.100f}", "{epoch:999999d}", "{epoch:.2d}",
        "{epoch:.2}", "{epoch:1000}", "{}", "{:f}", "{x:x}", "{x:s}"}) {
    const Status status = formatPath(std::string("dir/") + wrong + ".st", 7, logs).status();
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument) << wrong;
    EXPECT_NE(status.message().find("placeholder '" + std::string(wrong) + "'"), std::string::npos)
        << status.message();
    EXPECT_FALSE(checkPath(wrong).isOk()) << wrong;
  }
  for (const char *wrong : {"open { brace", "{epoch", "closed } brace", "{{epoch}"})
    EXPECT_NE(formatPath(wrong, 7, logs).status().message().find("without its partner"),
              std::string::npos)
        << wrong;
  EXPECT_NE(formatPath("{lose}", 7, logs).status().message().find("there are: epoch, loss, x"),
            std::string::npos);
  EXPECT_TRUE(checkPath("{known_later:.2f}").isOk());
}

TEST_F(CallbacksTest, ModelCheckpointRefusesAWrongPathBeforeTraining) {
  ModelCheckpoint checkpoint("w-{x:1.2.3f}");
  const std::vector<float> before = weights();
  FitOptions fitting = quiet();
  fitting.callbacks = {&checkpoint};
  EXPECT_NE(trainer->fit({pair, extra}, {label}, fitting).status().message().find("{x:1.2.3f}"),
            std::string::npos);
  EXPECT_EQ(weights(), before);
}

TEST_F(CallbacksTest, CsvLoggerWritesALineAnEpoch) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("ingot-log-" + std::to_string(getpid()) + ".csv"))
          .string();
  const auto text = [&] {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  LambdaCallback onlyOne;
  onlyOne.hooks.onEpochEnd = [](int64_t epoch, Logs &logs) {
    logs = epoch == 0 ? Logs{{"loss", 1}, {"val_loss", 0.1}} : Logs{{"loss", 1e-5}};
  };
  FitOptions options = quiet();
  options.epochs = 2;
  CSVLogger fresh(path);
  options.callbacks = {&onlyOne, &fresh};
  fit(options);
  EXPECT_EQ(text(), "epoch,loss,val_loss\r\n0,1.0,0.1\r\n1,1e-05,NA\r\n");
  CSVLogger appending(path, ',', true);
  options.epochs = 1;
  options.callbacks = {&onlyOne, &appending};
  fit(options);
  EXPECT_EQ(text(), "epoch,loss,val_loss\r\n0,1.0,0.1\r\n1,1e-05,NA\r\n0,1.0,0.1\r\n");
  std::filesystem::remove(path);
  CSVLogger nowhere("/no/such/directory/log.csv");
  options.callbacks = {&nowhere};
  EXPECT_EQ(trainer->fit({pair, extra}, {label}, options).status().code(), StatusCode::IoError);
}

TEST_F(CallbacksTest, TerminateOnNaNStopsWithinTheEpoch) {
  extra.data<float>()[0] = NAN;
  TerminateOnNaN callback;
  FitOptions options = quiet();
  options.batchSize = 5;
  options.epochs = 3;
  options.shuffle = false;
  options.callbacks = {&callback};
  testing::internal::CaptureStderr();
  EXPECT_EQ(fit(options).epoch.size(), 1u);
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(*state->getScalar<int64_t>("step"), 1);
}

} // namespace
