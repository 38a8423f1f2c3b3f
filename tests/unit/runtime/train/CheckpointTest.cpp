// Whole checkpoints: a training that is interrupted anywhere and resumed gives the bits of one that
// was not, and neither a kill nor a full disk during the writing loses the checkpoint before.
#include "runtime/train/Checkpoint.h"
#include "Fixture.h"
#include "ingot/train/Sources.h"
#include "tests/support/SmallDisk.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace ingot;
using namespace ingot::test;
using namespace ingot::train;

namespace fs = std::filesystem;

namespace {

class CheckpointTest : public TrainFixture {
protected:
  std::string directory, file;

  void SetUp() override {
    TrainFixture::SetUp();
    directory = (fs::temp_directory_path() / ("ingot-backup-" + std::to_string(getpid()))).string();
    fs::remove_all(directory);
    fs::create_directory(directory);
    file = directory + "/backup/checkpoint.safetensors";
  }
  void TearDown() override { fs::remove_all(directory); }

  /// What a training leaves behind.
  struct Left {
    std::vector<float> weights;
    Dict<std::vector<double>> history;
    std::string csv;
    bool operator==(const Left &other) const {
      return weights == other.weights && csv == other.csv;
    }
  };

  std::string csv() {
    std::ifstream stream(directory + "/log.csv", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  }

  /// How a training is run: with a backup every so many batches, 0 epochs, or none; ended after so
  /// many batches; with a checkpoint of its own in `file` after so many; gone on from `file`.
  struct Plan {
    std::optional<int64_t> saveFreq = {};
    bool backup = true;
    int64_t endAfter = -1, keepAfter = -1;
    bool resume = false, isDouble = false;
    std::function<void(int64_t)> onBatch = {}; // with how many there were
  };

  /// Trains with everything made anew, as another process would. Nothing: it was ended.
  std::optional<Left> train(const Plan &plan) {
    open(train_fixture());
    EXPECT_TRUE(trainer->initialize(5).isOk());
    BackupAndRestore::Options saving;
    saving.saveFreq = plan.saveFreq;
    saving.doubleCheckpoint = plan.isDouble;
    BackupAndRestore restoring(directory + "/backup", saving);
    LearningRateScheduler scheduler([](int64_t, double rate) { return rate * 0.9; });
    ReduceLROnPlateau plateau({"loss", 0.5, 1, false, Mode::Auto, 0.05});
    EarlyStopping stopping({"val_loss", 0.01, 2, false, Mode::Auto, {}, true});
    CSVLogger logger(directory + "/log.csv");
    LambdaCallback ending;
    batches = 0;
    ending.hooks.onTrainBatchEnd = [&](int64_t, Logs &) {
      if (++batches == plan.keepAfter)
        trainer->requestCheckpoint(file);
      if (plan.onBatch)
        plan.onBatch(batches);
      return batches == plan.endAfter ? Status(StatusCode::Cancelled, "killed") : Status();
    };
    FitOptions options = quiet();
    options.epochs = 7;
    options.batchSize = 8;
    options.validationSplit = 0.2;
    options.workers = 0;
    options.callbacks = {&ending, &scheduler, &plateau, &stopping, &logger};
    if (plan.backup)
      options.callbacks.push_back(&restoring);
    if (plan.resume)
      options.resumeFrom = file;
    Result<History> history = trainer->fit({pair, extra}, {label}, options);
    ended = history.status();
    if (!history.isOk()) {
      EXPECT_TRUE(plan.onBatch || ended.message() == "killed") << ended.message();
      return std::nullopt;
    }
    return Left{weights(), history->history, csv()};
  }
  int64_t batches = 0; // that the last training ran
  Status ended;        // how it ended

  Left straightOn() {
    Plan plan;
    plan.backup = false;
    return *train(plan);
  }
  static Plan every(int64_t saveFreq, int64_t endAfter = -1) { return {saveFreq, true, endAfter}; }

  /// Runs `body` in a child and gives how that ended, as waitpid says it.
  int inChild(const std::function<void()> &body) {
    const pid_t child = fork();
    if (child == 0) {
      body();
      _exit(0);
    }
    int ended = 0;
    waitpid(child, &ended, 0);
    return ended;
  }
};

TEST_F(CheckpointTest, InterruptedAfterAnyBatchItEndsWithTheSameBits) {
  const Left straight = straightOn();
  const int64_t all = batches;
  ASSERT_GT(all, 20);
  for (int64_t kept = 1; kept < all; ++kept) {
    Plan plan;
    plan.backup = false;
    plan.keepAfter = kept;
    plan.endAfter = kept + 1;
    ASSERT_FALSE(train(plan));
    plan.keepAfter = plan.endAfter = -1;
    plan.resume = true;
    EXPECT_EQ(*train(plan), straight) << "from batch " << kept;
    EXPECT_EQ(batches, all - kept);
  }
}

TEST_F(CheckpointTest, BackupsComeEverySoManyBatchesAndGoAtTheEnd) {
  const Left straight = straightOn();
  ASSERT_FALSE(train(every(3, 11)));
  EXPECT_TRUE(fs::exists(file));
  EXPECT_EQ(*train(every(3)), straight);
  EXPECT_EQ(batches, 35 - 9);
  EXPECT_FALSE(fs::exists(directory + "/backup"));
}

TEST_F(CheckpointTest, ByEpochItRepeatsTheBatchesOfTheBrokenOne) {
  const Left straight = straightOn();
  Plan plan;
  plan.endAfter = 13; // in the third epoch
  ASSERT_FALSE(train(plan));
  plan.endAfter = -1;
  const std::optional<Left> resumed = train(plan);
  EXPECT_EQ(*resumed, straight);
  EXPECT_EQ(batches, 5 * int64_t(resumed->history.at("loss").size()));
  // Keras's History too has the epochs of this fit alone, with the values of the whole.
  for (const auto &[name, values] : resumed->history) {
    const std::vector<double> &all = straight.history.at(name);
    EXPECT_EQ(values, std::vector<double>(all.begin() + 2, all.end())) << name;
  }
}

TEST_F(CheckpointTest, ManyInterruptionsOfOneTrainingChangeNothing) {
  const Left straight = straightOn();
  int kills = 0;
  std::optional<Left> left;
  while (!(left = train(every(1, 3 + kills % 4))))
    ++kills;
  EXPECT_GT(kills, 5);
  EXPECT_EQ(*left, straight);
}

TEST_F(CheckpointTest, AKillAtARandomMomentIsNoLoss) {
  const Left straight = straightOn();
  uint64_t random = 1;
  for (int round = 0; round < 30; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      (void)train(every(1)); // writes a checkpoint after each batch
      _exit(0);
    }
    random = random * 6364136223846793005u + 1442695040888963407u;
    usleep(useconds_t((random >> 40) % 20000));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    // The checkpoint, if there is one by now, is whole.
    if (fs::exists(file))
      EXPECT_TRUE(readCheckpoint(*state, file).isOk());
  }
  EXPECT_EQ(*train(every(1)), straight);
}

TEST_F(CheckpointTest, AFullDiskOrAKillAtAnyByteKeepsTheOneBefore) {
  ASSERT_FALSE(train(every(3, 10)));
  TrainingState training; // the one that will not be written
  training.totals = {1, 2};
  ASSERT_TRUE(writeCheckpoint(*state, training, directory + "/whole", false).isOk());
  const auto size = int64_t(fs::file_size(directory + "/whole"));
  const Left straight = straightOn();
  for (int64_t limit = 0; limit < size; limit += 61)
    for (const bool kills : {false, true}) {
      // A write beyond the limit fails, or kills the process in the middle of the file.
      const int ended = inChild([&] {
        open(train_fixture());
        if (!readCheckpoint(*state, file).isOk())
          _exit(2);
        signal(SIGXFSZ, kills ? SIG_DFL : SIG_IGN);
        rlimit limits = {rlim_t(limit), rlim_t(limit)};
        setrlimit(RLIMIT_FSIZE, &limits);
        _exit(writeCheckpoint(*state, training, file, false).isOk() ? 1 : 0);
      });
      EXPECT_TRUE(kills ? WIFSIGNALED(ended) && WTERMSIG(ended) == SIGXFSZ
                        : WIFEXITED(ended) && WEXITSTATUS(ended) == 0)
          << "at byte " << limit << ": " << ended;
      EXPECT_TRUE(readCheckpoint(*state, file).isOk()) << "at byte " << limit;
    }
  std::ofstream(directory + "/log.csv", std::ios::trunc);
  EXPECT_EQ(train(every(3))->weights, straight.weights);
}

TEST_F(CheckpointTest, ADiskThatRunsFullEndsFitAndKeepsTheCheckpointBefore) {
  const Left straight = straightOn();
  const tests::SmallDisk disk(directory, 128);
  if (!disk.isMounted())
    GTEST_SKIP() << disk.whyNot();
  for (const bool isDouble : {false, true}) {
    Plan plan = every(1);
    plan.isDouble = isDouble;
    const int64_t last = isDouble ? 2 : 13; // later on the file that goes makes room for the next
    plan.onBatch = [&](int64_t batch) {
      if (batch == last)
        disk.fill();
    };
    ASSERT_FALSE(train(plan));
    EXPECT_EQ(ended.code(), StatusCode::ResourceExhausted);
    EXPECT_EQ(ended.message(), "cannot write '" + file +
                                   "': No space left on device; make room there, or choose a path "
                                   "on another disk");
    EXPECT_EQ(batches, last);
    disk.clear();
    const fs::directory_iterator entries(directory + "/backup");
    EXPECT_EQ(std::distance(begin(entries), end(entries)), isDouble ? 2 : 1);
    plan.onBatch = nullptr;
    EXPECT_EQ(*train(plan), straight);
    EXPECT_EQ(batches, 35 - (last - 1));
  }
}

TEST_F(CheckpointTest, WhatAKilledWriteLeftIsInNobodysWay) {
  fs::create_directory(directory + "/backup");
  // Whatever number comes next, a file of that name is there: a killed process had this one's id.
  for (int i = 0; i < 1000; ++i)
    std::ofstream(file + ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(i)) << "half";
  const TrainingState training;
  EXPECT_TRUE(writeCheckpoint(*state, training, file, false).isOk());
  fs::remove(file);
  Plan plan = every(2, 5);
  ASSERT_FALSE(train(plan));
  const fs::directory_iterator entries(directory + "/backup");
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "the checkpoint alone";
}

TEST_F(CheckpointTest, AFailedWriteEndsFitWithItsError) {
  const int ended = inChild([&] {
    signal(SIGXFSZ, SIG_IGN);
    rlimit limits = {200, 200};
    setrlimit(RLIMIT_FSIZE, &limits);
    BackupAndRestore restoring(directory + "/backup");
    FitOptions options = quiet();
    options.workers = 0; // no threads in the child of a fork
    options.callbacks = {&restoring};
    const Status status = trainer->fit({pair, extra}, {label}, options).status();
    _exit(status.message().find("cannot write") != std::string::npos ? 0 : 1);
  });
  EXPECT_EQ(ended, 0);
}

TEST_F(CheckpointTest, ADamagedFileFallsBackToTheOneBefore) {
  TrainingState training;
  training.totals = {1.5, 0.1};
  training.place = {3, 2, 4, 1};
  ASSERT_TRUE(writeCheckpoint(*state, training, file, true).isOk());
  training.place = {3, 3, 4, 2};
  ASSERT_TRUE(writeCheckpoint(*state, training, file, true).isOk());
  EXPECT_EQ(readCheckpoint(*state, file)->place.step, 3);
  fs::resize_file(file, fs::file_size(file) / 2);
  testing::internal::CaptureStderr();
  const Result<TrainingState> before = readCheckpoint(*state, file);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("taking the one before"),
            std::string::npos);
  ASSERT_TRUE(before.isOk());
  EXPECT_EQ(before->place.step, 2);
  EXPECT_EQ(before->place.pass, 4);
  EXPECT_EQ(before->totals, training.totals);
  fs::remove(file + ".bkp");
  EXPECT_EQ(readCheckpoint(*state, file).status().code(), StatusCode::DataLoss);
}

TEST_F(CheckpointTest, AFileThatIsNoCheckpointIsRefused) {
  ASSERT_TRUE(state->save(directory + "/weights.safetensors").isOk());
  FitOptions options = quiet();
  options.resumeFrom = directory + "/weights.safetensors";
  EXPECT_NE(
      trainer->fit({pair, extra}, {label}, options).status().message().find("is no checkpoint"),
      std::string::npos);
  options.resumeFrom = directory + "/nothing";
  EXPECT_EQ(trainer->fit({pair, extra}, {label}, options).status().code(), StatusCode::NotFound);
}

TEST_F(CheckpointTest, OtherDataAndOtherMetricsAreRefused) {
  LambdaCallback keeping;
  keeping.hooks.onTrainBatchEnd = [&](int64_t batch, Logs &) {
    if (batch == 1)
      trainer->requestCheckpoint(file);
  };
  FitOptions options = quiet();
  options.batchSize = 10;
  options.callbacks = {&keeping};
  fit(options);
  options.callbacks = {};
  options.resumeFrom = file;
  options.batchSize = 20;
  EXPECT_NE(trainer->fit({pair, extra}, {label}, options)
                .status()
                .message()
                .find("5 batches a pass over the data, here are 3"),
            std::string::npos);
  open(weighted_fixture());
  options.batchSize = 10;
  EXPECT_NE(trainer->fit({pair, extra}, {label}, options).status().message().find("other metrics"),
            std::string::npos);
}

TEST_F(CheckpointTest, AnotherCpuVariantAndAnotherBuildWarn) {
  const TrainingState training;
  ASSERT_TRUE(writeCheckpoint(*state, training, file, false).isOk());
  const auto warning = [&](const ingot_artifact_table *table) {
    open(table);
    testing::internal::CaptureStderr();
    EXPECT_TRUE(readCheckpoint(*state, file).isOk());
    return testing::internal::GetCapturedStderr();
  };
  const std::string head = "warning: checkpoint '" + file + "' was written ";
  const std::string tail = ": the training goes on, but its bits may differ from an uninterrupted "
                           "one\n";
  EXPECT_EQ(warning(train_fixture()), "");
  EXPECT_EQ(warning(other_variant_fixture()),
            head + "on CPU variant 'portable', this is 'other'" + tail);
  EXPECT_EQ(warning(other_build_fixture()), head + "by another build of the model" + tail);
}

TEST_F(CheckpointTest, StepsThatSpanEpochsGoOnWhereTheyWere) {
  FitOptions options = quiet();
  options.epochs = 6;
  options.batchSize = 8;
  options.stepsPerEpoch = 3;
  testing::internal::CaptureStderr();
  fit(options);
  const std::vector<float> straight = weights();
  for (const int64_t at : {2, 7, 8, 12}) {
    ASSERT_TRUE(trainer->initialize(1).isOk());
    LambdaCallback keeping;
    int64_t done = 0;
    keeping.hooks.onTrainBatchEnd = [&](int64_t, Logs &) {
      if (++done == at)
        trainer->requestCheckpoint(file);
      return done > at ? Status(StatusCode::Cancelled, "killed") : Status();
    };
    options.callbacks = {&keeping};
    EXPECT_FALSE(trainer->fit({pair, extra}, {label}, options).isOk());
    ASSERT_TRUE(trainer->initialize(2).isOk());
    options.callbacks = {};
    options.resumeFrom = file;
    fit(options);
    EXPECT_EQ(weights(), straight) << at;
    options.resumeFrom.clear();
  }
  testing::internal::GetCapturedStderr();
}

TEST_F(CheckpointTest, AGeneratorIsRunThroughToWhereItWas) {
  const auto source = [&] {
    return GeneratorSource([&] {
      return [&, index = 0](Batch &out) mutable -> Result<bool> {
        const int64_t first = index++ * 7 % 40;
        ArraySource rows({pair, extra}, {label}, {}, first, first + 6, 6);
        return rows.fill(0, 0, out);
      };
    });
  };
  FitOptions options = quiet();
  options.epochs = 3;
  options.stepsPerEpoch = 5;
  GeneratorSource all = source();
  ASSERT_TRUE(trainer->fit(all, options).isOk());
  const std::vector<float> straight = weights();
  ASSERT_TRUE(trainer->initialize(1).isOk());
  BackupAndRestore::Options saving;
  saving.saveFreq = 4;
  BackupAndRestore restoring(directory + "/backup", saving);
  LambdaCallback ending;
  int64_t done = 0;
  ending.hooks.onTrainBatchEnd = [&](int64_t, Logs &) {
    return ++done == 10 ? Status(StatusCode::Cancelled, "killed") : Status();
  };
  options.callbacks = {&restoring, &ending};
  GeneratorSource first = source(), second = source();
  EXPECT_FALSE(trainer->fit(first, options).isOk());
  ASSERT_TRUE(trainer->initialize(2).isOk());
  options.callbacks = {&restoring};
  ASSERT_TRUE(trainer->fit(second, options).isOk());
  EXPECT_EQ(weights(), straight);
}

} // namespace
