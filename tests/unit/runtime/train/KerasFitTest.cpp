// fit, evaluate and callbacks against what Keras did on the same model and data:
// tests/fixtures/keras/training/fit.txt, made by fit.py beside it. Names, their order, texts and
// the order of calls are equal; numbers to the rounding of f32 sums.
#include "Fixture.h"
#include "ingot/train/Sources.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <unistd.h>

using namespace ingot;
using namespace ingot::test;
using namespace ingot::train;

namespace {

/// "\x0a" -> newline.
std::string unescape(const std::string &text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\\') {
      result += char(std::stoi(text.substr(i + 2, 2), nullptr, 16));
      i += 3;
    } else {
      result += text[i];
    }
  return result;
}

/// One case of the file.
struct Expected {
  Dict<std::vector<double>> history;
  Logs logs;
  std::vector<double> weights;
  std::vector<int64_t> epochs;
  std::string calls, printed, csv;
};

Expected expectedOf(const std::string &name) {
  std::ifstream file(INGOT_SOURCE_DIR "/tests/fixtures/keras/training/fit.txt");
  Expected expected;
  bool here = false, found = false;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string kind, key, word;
    words >> kind;
    if (kind == "case") {
      words >> key;
      here = key == name;
      found |= here;
    }
    if (!here)
      continue;
    const std::string rest = line.size() > kind.size() ? line.substr(kind.size() + 1) : "";
    if (kind == "history") {
      words >> key;
      while (words >> word)
        expected.history[key].push_back(std::stod(word));
    } else if (kind == "logs") {
      words >> key >> word;
      expected.logs[key] = std::stod(word);
    } else if (kind == "weights") {
      while (words >> word)
        expected.weights.push_back(std::stod(word));
    } else if (kind == "epochs") {
      while (words >> word)
        expected.epochs.push_back(std::stoll(word));
    } else if (kind == "calls") {
      expected.calls = rest;
    } else if (kind == "printed") {
      expected.printed = unescape(rest);
    } else if (kind == "csv") {
      expected.csv = unescape(rest);
    }
  }
  EXPECT_TRUE(found) << name;
  return expected;
}

class KerasFitTest : public TrainFixture {
protected:
  Tensor sampleWeight, reversed;

  void SetUp() override {
    TrainFixture::SetUp();
    sampleWeight = *Tensor::zeros(DType::F32, {50});
    reversed = *Tensor::zeros(DType::F32, {50});
    for (int64_t i = 0; i < 50; ++i) {
      sampleWeight.data<float>()[i] = float(i % 4) / 2;
      reversed.data<float>()[49 - i] = float(i % 4) / 2;
    }
  }

  void useWeighted() {
    open(weighted_fixture());
    ASSERT_TRUE(trainer->initialize(1).isOk());
  }

  FitOptions unshuffled() {
    FitOptions options = quiet();
    options.shuffle = false;
    return options;
  }

  void expectWeights(const Expected &expected) {
    const std::vector<float> have = weights();
    ASSERT_EQ(expected.weights.size(), have.size());
    for (size_t i = 0; i < have.size(); ++i)
      EXPECT_NEAR(have[i], expected.weights[i], 2e-6) << i;
  }

  void expectLogs(const Logs &logs, const Expected &expected) {
    ASSERT_EQ(logs.size(), expected.logs.size());
    for (size_t i = 0; i < logs.size(); ++i) {
      EXPECT_EQ(logs.begin()[i].first, expected.logs.begin()[i].first);
      EXPECT_NEAR(logs.begin()[i].second, expected.logs.begin()[i].second, 1e-6);
    }
    expectWeights(expected);
  }

  void expectHistory(const Result<History> &history, const char *name) {
    SCOPED_TRACE(name);
    const Expected expected = expectedOf(name);
    ASSERT_TRUE(history.isOk()) << history.status().message();
    EXPECT_EQ(history->epoch, expected.epochs);
    ASSERT_EQ(history->history.size(), expected.history.size());
    for (size_t i = 0; i < expected.history.size(); ++i) {
      const auto &[key, values] = history->history.begin()[i];
      EXPECT_EQ(key, expected.history.begin()[i].first);
      const std::vector<double> &wanted = expected.history.begin()[i].second;
      ASSERT_EQ(values.size(), wanted.size()) << key;
      for (size_t epoch = 0; epoch < values.size(); ++epoch)
        EXPECT_NEAR(values[epoch], wanted[epoch], 2e-6) << key << " of epoch " << epoch;
    }
    expectWeights(expected);
  }

  void expectFit(const FitOptions &options, const char *name) {
    expectHistory(trainer->fit({pair, extra}, {label}, options), name);
  }
};

TEST_F(KerasFitTest, TheSplitAndTheMeansOfEvaluate) {
  FitOptions options = unshuffled();
  options.epochs = 3;
  options.batchSize = 8;
  options.validationSplit = 0.3;
  expectFit(options, "split");
  expectLogs(*evaluate({pair, extra}, {label}, 7), expectedOf("evaluate"));
}

TEST_F(KerasFitTest, EpochsOfStepsGoOnInTheDataAndEndWhereItEnds) {
  FitOptions options = unshuffled();
  options.epochs = 5;
  options.batchSize = 8;
  options.stepsPerEpoch = 3;
  testing::internal::CaptureStderr();
  expectFit(options, "steps");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("Your input ran out of data"),
            std::string::npos);
}

TEST_F(KerasFitTest, StepsAloneChooseTheBatchSize) {
  FitOptions options = unshuffled();
  options.epochs = 2;
  options.stepsPerEpoch = 4;
  expectFit(options, "steps_alone");
}

TEST_F(KerasFitTest, InitialEpochCountsAsDone) {
  FitOptions options = unshuffled();
  options.epochs = 5;
  options.initialEpoch = 3;
  options.batchSize = 8;
  expectFit(options, "initial_epoch");
}

TEST_F(KerasFitTest, ValidatesEverySoManyEpochsOnSoManySteps) {
  FitOptions options = unshuffled();
  options.epochs = 5;
  options.batchSize = 8;
  options.validationFreq = 2;
  options.validationSteps = 2;
  options.validationBatchSize = 5;
  options.validationData = {{pair, extra}, {label}};
  expectFit(options, "validation_freq");
}

TEST_F(KerasFitTest, ValidatesAfterTheEpochsOfAList) {
  FitOptions options = unshuffled();
  options.epochs = 6;
  options.batchSize = 8;
  options.validationFreq = {1, 4, 5, 9};
  options.validationData = {{pair, extra}, {label}};
  expectFit(options, "validation_list");
  options.validationFreq = {2, 0};
  EXPECT_EQ(trainer->fit({pair, extra}, {label}, options).status().message(),
            "the epochs of validationFreq count from 1, got 0");
}

TEST_F(KerasFitTest, ClassWeightsWeighTrainingAlone) {
  useWeighted();
  FitOptions options = unshuffled();
  options.epochs = 3;
  options.batchSize = 8;
  options.classWeight = {{0, 0.5}, {1, 3.0}};
  options.validationData = {{pair, extra}, {label}};
  expectFit(options, "class_weight");
}

TEST_F(KerasFitTest, SampleWeightsOfTrainingAndValidation) {
  useWeighted();
  FitOptions options = unshuffled();
  options.epochs = 3;
  options.batchSize = 8;
  options.sampleWeight = {sampleWeight};
  options.validationData = {{pair, extra}, {label}, {reversed}};
  expectFit(options, "sample_weight");
}

TEST_F(KerasFitTest, TheSplitTakesSampleWeightsAlong) {
  useWeighted();
  FitOptions options = unshuffled();
  options.epochs = 2;
  options.batchSize = 8;
  options.sampleWeight = {sampleWeight};
  options.validationSplit = 0.2;
  expectFit(options, "split_weights");
}

TEST_F(KerasFitTest, WithoutWeightsAllSamplesWeighOne) {
  useWeighted();
  FitOptions options = unshuffled();
  options.epochs = 2;
  options.batchSize = 8;
  expectFit(options, "no_weights");
}

/// Rows begin … end of a tensor.
TensorView rowsOf(const Tensor &tensor, int64_t begin, int64_t end, Shape &shape) {
  shape = tensor.shape();
  const size_t row = tensor.byteSize() / size_t(shape[0]);
  shape[0] = end - begin;
  return {tensor.dtype(), tensor.rank(), shape.data(),
          static_cast<const char *>(tensor.rawData()) + size_t(begin) * row};
}

TEST_F(KerasFitTest, OneBatchTellsOfItself) {
  useWeighted();
  Shape a, b, c, d;
  TrainOnBatchOptions options;
  options.sampleWeight = {rowsOf(sampleWeight, 0, 20, a)};
  const Result<Logs> trained = trainer->trainOnBatch(
      {rowsOf(pair, 0, 20, b), rowsOf(extra, 0, 20, c)}, {rowsOf(label, 0, 20, d)}, options);
  ASSERT_TRUE(trained.isOk()) << trained.status().message();
  expectLogs(*trained, expectedOf("on_batch"));
  const Result<Logs> tested = trainer->testOnBatch(
      {rowsOf(pair, 5, 11, b), rowsOf(extra, 5, 11, c)}, {rowsOf(label, 5, 11, d)});
  ASSERT_TRUE(tested.isOk()) << tested.status().message();
  expectLogs(*tested, expectedOf("test_on_batch"));
}

/// Five batches of nine samples.
class Numbers : public PyDataset {
public:
  Numbers(const Tensor &pair, const Tensor &extra, const Tensor &label)
      : pair(pair), extra(extra), label(label) {}
  std::optional<int64_t> size() const override { return 5; }
  Result<Batch> getItem(int64_t index) override {
    Batch batch;
    Shape shape;
    for (const Tensor *tensor : {&pair, &extra, &label}) {
      const TensorView view = rowsOf(*tensor, index * 9, index * 9 + 9, shape);
      Tensor copy = *Tensor::borrow(view.dtype, shape, const_cast<void *>(view.data))->clone();
      (tensor == &label ? batch.targets : batch.inputs).push_back(std::move(copy));
    }
    return batch;
  }

private:
  const Tensor &pair, &extra, &label;
};

TEST_F(KerasFitTest, APyDatasetGivesItsBatches) {
  Numbers numbers(pair, extra, label);
  FitOptions options = unshuffled();
  options.epochs = 2;
  expectHistory(trainer->fit(numbers, options), "py_dataset");
}

TEST_F(KerasFitTest, AGeneratorGoesOnFromEpochToEpoch) {
  Numbers numbers(pair, extra, label);
  GeneratorSource generator([&] {
    return [&, index = 0](Batch &out) mutable -> Result<bool> {
      INGOT_ASSIGN_OR_RETURN(out, numbers.getItem(index++ % 5));
      return true;
    };
  });
  FitOptions options = unshuffled();
  options.epochs = 3;
  options.stepsPerEpoch = 4;
  expectHistory(trainer->fit(generator, options), "generator");
}

/// Writes down each hook; `when` stops training at a hook of that name, `at` with that number.
class Recorder : public Callback {
public:
  std::string calls, when;
  int64_t at = -1;

  Status onTrainBegin(Logs &logs) override { return record("train_begin", -1, logs); }
  Status onTrainEnd(Logs &logs) override { return record("train_end", -1, logs); }
  Status onEpochBegin(int64_t i, Logs &logs) override { return record("epoch_begin", i, logs); }
  Status onEpochEnd(int64_t i, Logs &logs) override { return record("epoch_end", i, logs); }
  Status onTrainBatchBegin(int64_t i, Logs &logs) override {
    return record("train_batch_begin", i, logs);
  }
  Status onTrainBatchEnd(int64_t i, Logs &logs) override {
    return record("train_batch_end", i, logs);
  }
  Status onTestBegin(Logs &logs) override { return record("test_begin", -1, logs); }
  Status onTestEnd(Logs &logs) override { return record("test_end", -1, logs); }
  Status onTestBatchBegin(int64_t i, Logs &logs) override {
    return record("test_batch_begin", i, logs);
  }
  Status onTestBatchEnd(int64_t i, Logs &logs) override {
    return record("test_batch_end", i, logs);
  }
  Status onPredictBegin(Logs &logs) override { return record("predict_begin", -1, logs); }
  Status onPredictEnd(Logs &logs) override { return record("predict_end", -1, logs); }
  Status onPredictBatchBegin(int64_t i, Logs &logs) override {
    return record("predict_batch_begin", i, logs);
  }
  Status onPredictBatchEnd(int64_t i, const std::vector<TensorView> &outputs) override {
    EXPECT_EQ(outputs.size(), 1u);
    Logs logs = {{"outputs", 0}};
    return record("predict_batch_end", i, logs);
  }

private:
  Status record(const std::string &hook, int64_t argument, const Logs &logs) {
    std::string keys;
    for (const auto &[name, value] : logs)
      keys += (keys.empty() ? "" : ",") + name;
    calls += (calls.empty() ? "" : " ") + hook + "(" +
             (argument < 0 ? "" : std::to_string(argument)) + ";" + keys + ")";
    if (hook == when && argument == at)
      trainer().stopTraining();
    return Status();
  }
};

TEST_F(KerasFitTest, HooksComeInKerassOrderWithItsArguments) {
  Recorder recorder;
  FitOptions options = quiet();
  options.epochs = 2;
  options.batchSize = 25;
  options.validationData = {{pair, extra}, {label}};
  options.validationBatchSize = 50;
  options.callbacks = {&recorder};
  fit(options);
  EXPECT_EQ(recorder.params().epochs, 2);
  EXPECT_EQ(recorder.params().steps, 2);
  EXPECT_EQ(recorder.params().verbose, 0);
  EvaluateOptions evaluating;
  evaluating.batchSize = 25;
  evaluating.verbose = Verbosity::Silent;
  evaluating.callbacks = {&recorder};
  ASSERT_TRUE(trainer->evaluate({pair, extra}, {label}, evaluating).isOk());
  PredictOptions predicting;
  predicting.batchSize = 25;
  predicting.verbose = Verbosity::Silent;
  predicting.callbacks = {&recorder};
  ASSERT_TRUE(trainer->predict({pair, extra}, predicting).isOk());
  EXPECT_EQ(recorder.calls, expectedOf("calls").calls);
}

TEST_F(KerasFitTest, StoppingTakesEffectWhereKerasLooks) {
  struct {
    int64_t epochs;
    const char *when;
    int64_t at;
  } cases[] = {{2, "train_batch_end", 0}, {2, "epoch_begin", 0}, {3, "epoch_end", 1}};
  for (const auto &stop : cases) {
    Recorder recorder;
    recorder.when = stop.when;
    recorder.at = stop.at;
    FitOptions options = quiet();
    options.epochs = stop.epochs;
    options.batchSize = 25;
    options.callbacks = {&recorder};
    fit(options);
    EXPECT_EQ(recorder.calls, expectedOf(std::string("stop_on_") + stop.when).calls);
  }
}

/// Numbers between commas and line ends as '#'.
std::string withoutNumbers(const std::string &csv) {
  std::string result;
  for (size_t i = 0; i < csv.size();) {
    const size_t end = csv.find_first_not_of("-0123456789.e", i);
    const bool number = end != i && i > 0 && csv[i - 1] == ',' && end != std::string::npos &&
                        (csv[end] == ',' || csv[end] == '\r');
    result += number ? '#' : csv[i];
    i = number ? end : i + 1;
  }
  return result;
}

TEST_F(KerasFitTest, CallbacksDoPrintAndLogTheSame) {
  const std::string directory =
      (std::filesystem::temp_directory_path() / ("ingot-fit-" + std::to_string(getpid()))).string();
  std::filesystem::create_directory(directory);
  for (const bool validates : {true, false}) {
    const char *name = validates ? "callbacks" : "no_validation";
    ASSERT_TRUE(trainer->initialize(1).isOk());
    printed.str("");
    LearningRateScheduler scheduler(
        [](int64_t epoch, double rate) { return epoch < 2 ? rate : rate * 0.5; }, true);
    ReduceLROnPlateau plateau({"loss", 0.25, 1, true, Mode::Auto, 10, 1, 0.01});
    CSVLogger logger(directory + "/" + name + ".csv");
    ModelCheckpoint::Options saving;
    saving.monitor = "val_accuracy";
    saving.verbose = saving.saveBestOnly = saving.saveWeightsOnly = true;
    saving.save = [](State &, const std::string &) { return Status(); };
    ModelCheckpoint checkpoint("w{epoch}.weights.h5", saving);
    EarlyStopping stopping({"val_loss", 0.02, 1, true, Mode::Auto, {}, true});
    FitOptions options = unshuffled();
    options.epochs = 6;
    options.batchSize = 8;
    options.callbacks = {&scheduler, &plateau, &logger};
    if (validates) {
      options.validationData = {{pair, extra}, {label}};
      options.callbacks = {&scheduler, &plateau, &logger, &checkpoint, &stopping};
    }
    expectFit(options, name);
    const Expected expected = expectedOf(name);
    EXPECT_EQ(printed.str(), expected.printed);
    std::ifstream file(directory + "/" + name + ".csv", std::ios::binary);
    EXPECT_EQ(withoutNumbers(std::string(std::istreambuf_iterator<char>(file), {})), expected.csv);
  }
  std::filesystem::remove_all(directory);
}

/// Without times, and the blanks and backspaces that follow from their width: fit.py's `tidy`.
std::string tidy(std::string text) {
  text = std::regex_replace(text, std::regex("[0-9]+(s|ms|us)\\b"), "T");
  text.erase(std::remove(text.begin(), text.end(), '\b'), text.end());
  return std::regex_replace(text, std::regex(" +(?=[\r\n]|$)"), "");
}

TEST_F(KerasFitTest, WhatIsPrintedStandsWhereKerasHasIt) {
  unsetenv("NO_COLOR");
  for (const int verbose : {1, 2}) {
    const Verbosity verbosity = verbose == 1 ? Verbosity::Bar : Verbosity::Lines;
    ASSERT_TRUE(trainer->initialize(1).isOk());
    printed.str("");
    ReduceLROnPlateau plateau({"loss", 0.25, 1, true, Mode::Auto, 10});
    EarlyStopping stopping({"val_loss", 0.06, 0, true});
    FitOptions options = quiet();
    options.verbose = verbosity;
    options.epochs = 3;
    options.batchSize = 50;
    options.validationData = {{pair, extra}, {label}};
    options.callbacks = {&plateau, &stopping};
    fit(options);
    EvaluateOptions evaluating;
    evaluating.batchSize = 50;
    evaluating.verbose = verbosity;
    evaluating.output = &printed;
    ASSERT_TRUE(trainer->evaluate({pair, extra}, {label}, evaluating).isOk());
    PredictOptions predicting;
    predicting.batchSize = 50;
    predicting.verbose = verbosity;
    predicting.output = &printed;
    ASSERT_TRUE(trainer->predict({pair, extra}, predicting).isOk());
    EXPECT_EQ(tidy(printed.str()), expectedOf("verbose_" + std::to_string(verbose)).printed);
  }
}

} // namespace
