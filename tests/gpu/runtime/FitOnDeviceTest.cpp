// Training on a device, by the fake driver: the next step begins while one works, unless somebody
// looks at what lies between them, and all numbers are those of the CPU.
#include "LinearOnDevice.h"
#include "ingot/train/Sources.h"
#include "ingot/train/Trainer.h"

#include <sstream>

using namespace ingot;
using namespace ingot::gputest;
using namespace ingot::train;

namespace {

constexpr int64_t samples = 70, batchSize = 16, batches = 5, epochs = 3;

/// What a training leaves behind.
struct Trained {
  Status status;
  History history;
  std::vector<float> kernel;
  int64_t steps = 0;
};

class FitOnDevice : public LinearOnDevice {
protected:
  FitOptions options() const {
    FitOptions options;
    options.batchSize = batchSize;
    options.epochs = epochs;
    options.verbose = Verbosity::Silent;
    options.callbacks = callbacks;
    return options;
  }
  Trained fit(State &trained, const FitOptions &options) {
    Trainer trainer = std::move(Trainer::create(trained)).value();
    Result<History> history = trainer.fit({x}, {target}, options);
    Trained result{history.status(),
                   {},
                   values(*trained.get("dense/kernel")),
                   *trained.getScalar<int64_t>("optimizer/steps")};
    if (history.isOk())
      result.history = std::move(*history);
    return result;
  }
  Trained fit(const FitOptions &options) { return fit(*state, options); }
  Trained fit() { return fit(options()); }
  Trained fitOnCpu(const FitOptions &options) {
    std::unique_ptr<State> own = std::move(State::create(onCpu)).value();
    return fit(*own, options);
  }
  /// How often a run was put behind one that was still under way.
  int64_t overlaps() { return driver.count("cuStreamWaitEvent"); }

  Tensor x = ramp({samples, 4}, 0.25f), target = ramp({samples});
  std::vector<Callback *> callbacks;
};

void expectSame(const Trained &expected, const Trained &actual) {
  EXPECT_TRUE(actual.status.isOk()) << actual.status.message();
  EXPECT_EQ(actual.history.epoch, expected.history.epoch);
  EXPECT_EQ(actual.history.history, expected.history.history);
  EXPECT_EQ(actual.kernel, expected.kernel);
  EXPECT_EQ(actual.steps, expected.steps);
}

TEST_F(FitOnDevice, BeginsAStepWhileTheOneBeforeWorks) {
  const Trained expected = fitOnCpu(options());
  expectSame(expected, fit());
  EXPECT_EQ(expected.steps, epochs * batches);
  EXPECT_EQ(overlaps(), epochs * (batches - 1));
}

TEST_F(FitOnDevice, ShowsABarWhileStepsWork) {
  std::ostringstream text, expectedText;
  FitOptions shown = options();
  shown.verbose = Verbosity::Bar;
  shown.output = &expectedText;
  const Trained expected = fitOnCpu(shown);
  shown.output = &text;
  expectSame(expected, fit(shown));
  EXPECT_EQ(overlaps(), epochs * (batches - 1));
  const auto lossOf = [](const std::string &bar) { // spaces behind it hide what was longer
    const size_t at = bar.rfind("loss: ") + 6;
    return bar.substr(at, bar.find_first_of(" \n", at) - at);
  };
  EXPECT_EQ(lossOf(text.str()), lossOf(expectedText.str()));
}

TEST_F(FitOnDevice, ShowsCallbacksTheTrainingAfterEachBatch) {
  using Seen = std::vector<std::pair<int64_t, double>>; // steps so far and loss
  const auto train = [&](State &trained) {
    Seen seen;
    LambdaCallback::Options hooks;
    hooks.onTrainBatchEnd = [&](int64_t, Logs &logs) {
      seen.emplace_back(*trained.getScalar<int64_t>("optimizer/steps"), logs.at("loss"));
    };
    LambdaCallback looks(hooks);
    callbacks = {&looks};
    EXPECT_TRUE(fit(trained, options()).status.isOk());
    return seen;
  };
  std::unique_ptr<State> own = std::move(State::create(onCpu)).value();
  const Seen expected = train(*own), seen = train(*state);
  EXPECT_EQ(seen, expected);
  ASSERT_EQ(seen.size(), static_cast<size_t>(epochs * batches));
  for (size_t i = 0; i < seen.size(); ++i)
    EXPECT_EQ(seen[i].first, static_cast<int64_t>(i) + 1);
  EXPECT_EQ(overlaps(), 0);
}

TEST_F(FitOnDevice, DoesNotWaitForCallbacksOfEpochs) {
  int64_t begun = 0;
  LambdaCallback::Options hooks;
  hooks.onEpochBegin = [&](int64_t, Logs &) { ++begun; };
  LambdaCallback counts(hooks);
  EarlyStopping stops([] {
    EarlyStopping::Options options;
    options.monitor = "loss";
    options.minDelta = 1e9; // nothing is better than the first epoch
    options.restoreBestWeights = true;
    return options;
  }());
  callbacks = {&counts, &stops};
  const Trained expected = fitOnCpu(options());
  expectSame(expected, fit());
  EXPECT_EQ(expected.history.epoch.size(), 2u);
  EXPECT_EQ(begun, 4);
  EXPECT_EQ(overlaps(), 2 * (batches - 1));
}

TEST_F(FitOnDevice, ValidatesAndPredictsTheSameWay) {
  FitOptions validating = options();
  validating.validationSplit = 0.5; // 3 batches each
  const Trained expected = fitOnCpu(validating);
  expectSame(expected, fit(validating));
  EXPECT_EQ(expected.history.history.at("val_loss").size(), static_cast<size_t>(epochs));
  EXPECT_EQ(overlaps(), epochs * (2 + 2));
  Trainer trainer = std::move(Trainer::create(*state)).value();
  PredictOptions predicting;
  predicting.batchSize = batchSize;
  predicting.verbose = Verbosity::Silent;
  Result<std::vector<Tensor>> predicted = trainer.predict({x}, predicting);
  ASSERT_OK(predicted.status());
  EXPECT_EQ(values((*predicted)[0]), this->expected(x));
  EXPECT_EQ(overlaps(), epochs * (2 + 2) + batches - 1);
}

//===----------------------------------------------------------------------===//
// Interruptions
//===----------------------------------------------------------------------===//

/// Asks for a checkpoint before the first step of the second epoch, which is kept behind that step.
class AsksForCheckpoint : public Callback {
public:
  explicit AsksForCheckpoint(std::string path) : path(std::move(path)) {}
  Status onEpochBegin(int64_t epoch, Logs &) override {
    if (epoch == 1)
      trainer().requestCheckpoint(path);
    return Status();
  }
  bool hasBatchHooks() const override { return false; }

private:
  std::string path;
};

TEST_F(FitOnDevice, KeepsCheckpointsOfStepsThatAreDone) {
  const std::string path =
      testing::TempDir() + "ingot-fit-" + std::to_string(getpid()) + ".safetensors";
  AsksForCheckpoint asks(path);
  callbacks = {&asks};
  const Trained expected = fit();
  EXPECT_EQ(overlaps(), epochs * (batches - 1) - 1);
  std::unique_ptr<State> other = std::move(State::create(onDevice)).value();
  callbacks = {};
  FitOptions resuming = options();
  resuming.resumeFrom = path;
  const Trained resumed = fit(*other, resuming);
  ASSERT_OK(resumed.status);
  EXPECT_EQ(resumed.history.epoch, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(resumed.kernel, expected.kernel);
  EXPECT_EQ(resumed.steps, epochs * batches);
  std::filesystem::remove(path);
}

TEST_F(FitOnDevice, NamesTheStepThatFailed) {
  FitOptions inOrder = options();
  inOrder.shuffle = false;
  target.data<float>()[2 * batchSize + 3] = -1000;
  EXPECT_STATUS(fit(inOrder).status, OutOfRange,
                "'train_step', batch 2: function 'train_step': dense: an index is outside");
  // The fourth was begun before it was known of the third.
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 3);
  target.data<float>()[2 * batchSize + 3] = 0;
  EXPECT_TRUE(fit(inOrder).status.isOk());
  EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), 3 + epochs * batches);
}

/// Two batches, and a third that something is wrong with.
class ThirdIsWrong : public PyDataset {
public:
  explicit ThirdIsWrong(Result<Batch> third) : third(std::move(third)) {}
  std::optional<int64_t> size() const override { return 3; }
  Result<Batch> getItem(int64_t index) override {
    if (index == 2)
      return std::move(third);
    return batchOf(4);
  }
  static Batch batchOf(int64_t rows) {
    Batch batch;
    batch.inputs.push_back(ramp({rows, 4}, 0.25f));
    batch.targets.push_back(ramp({rows}));
    return batch;
  }

private:
  Result<Batch> third;
};

TEST_F(FitOnDevice, EndsStepsBeforeAnErrorOfTheData) {
  for (bool isTooLarge : {false, true}) {
    Trainer trainer = std::move(Trainer::create(*state)).value();
    const int64_t before = *state->getScalar<int64_t>("optimizer/steps");
    ThirdIsWrong data(isTooLarge ? Result<Batch>(ThirdIsWrong::batchOf(1 << 20))
                                 : Status(StatusCode::DataLoss, "cannot be read"));
    if (isTooLarge)
      driver.set("memory", "1000000");
    FitOptions once = options();
    once.epochs = 1;
    once.shuffle = false;
    once.workers = 0;
    const Status status = trainer.fit(data, once).status();
    if (isTooLarge)
      EXPECT_STATUS(status, ResourceExhausted,
                    "'train_step', batch 2: function 'train_step': an arena of");
    else
      EXPECT_STATUS(status, DataLoss, "cannot be read");
    EXPECT_EQ(*state->getScalar<int64_t>("optimizer/steps"), before + 2);
    EXPECT_TRUE(fit().status.isOk());
  }
}

} // namespace
