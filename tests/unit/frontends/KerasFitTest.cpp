// fit on compiled models: sources, callbacks that save, checkpoints, what names a layer.
#include "ingot/train/TensorBoard.h"
#include "tests/unit/frontends/KerasTest.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace ingot::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class KerasFit : public KerasTest {
protected:
  std::string directory;
  ingot::Tensor x, y;

  void SetUp() override {
    KerasTest::SetUp();
    directory =
        (fs::temp_directory_path() / ("ingot-keras-fit-" + std::to_string(getpid()))).string();
    fs::remove_all(directory);
    std::vector<float> values;
    std::vector<int64_t> labels;
    for (int i = 0; i < 48; ++i) {
      const float a = float(i * 37 % 101) / 50 - 1, b = float(i * 53 % 97) / 48 - 1;
      values.insert(values.end(), {a, b});
      labels.push_back(a * a + b * b < 0.6f);
    }
    x = *ingot::Tensor::of<float>({48, 2}, values);
    y = *ingot::Tensor::of<int64_t>({48}, labels);
  }
  void TearDown() override { fs::remove_all(directory); }

  keras::Sequential classifier() {
    keras::clearSession();
    keras::Sequential model({layers::Dense(8, {.activation = "relu", .inputShape = {2}}),
                             layers::Dropout(0.25), layers::Dense(2, {.activation = "softmax"})});
    model.setSeed(7);
    model.compile(
        {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
    return model;
  }
  static keras::FitOptions quiet(int64_t epochs) {
    return {.batchSize = 8, .epochs = epochs, .verbose = keras::Verbosity::Silent};
  }
  static std::vector<float> weightsOf(keras::Model model) {
    std::vector<float> all;
    for (const ingot::Tensor &weight : model.getWeights())
      all.insert(all.end(), weight.data<float>(), weight.data<float>() + weight.elementCount());
    return all;
  }
};

/// Six batches of eight rows.
class Rows : public keras::PyDataset {
public:
  Rows(const ingot::Tensor &x, const ingot::Tensor &y) : all({x}, {y}, {}, 0, 48, 8) {}
  std::optional<int64_t> size() const override { return 6; }
  Result<keras::Batch> getItem(int64_t index) override {
    keras::Batch batch;
    INGOT_ASSIGN_OR_RETURN(const bool made, all.fill(0, index, batch));
    EXPECT_TRUE(made);
    return batch;
  }

private:
  train::ArraySource all;
};

TEST_F(KerasFit, aPyDatasetTrainsMeasuresAndPredictsAsItsArrays) {
  keras::Sequential one = classifier();
  keras::FitOptions options = quiet(2);
  options.shuffle = false;
  one.fit(x, y, options);
  keras::Sequential two = classifier();
  Rows rows(x, y);
  options.workers = 2;
  two.fit(rows, options);
  EXPECT_EQ(weightsOf(one), weightsOf(two));
  const keras::EvaluateOptions silent = {.batchSize = 8, .verbose = keras::Verbosity::Silent};
  EXPECT_EQ(one.evaluate(x, y, silent), two.evaluate(rows, silent));
  const ingot::Tensor scores = two.predict(rows, {.verbose = keras::Verbosity::Silent});
  EXPECT_EQ(scores.shape(), (ingot::Shape{48, 2}));
  const ingot::Tensor expected = one.predictOnBatch(x);
  EXPECT_EQ(std::memcmp(scores.rawData(), expected.rawData(), scores.byteSize()), 0);
}

TEST_F(KerasFit, trainOnBatchIsAStepOfFit) {
  keras::Sequential one = classifier(), two = classifier();
  keras::FitOptions options = quiet(1);
  options.batchSize = 48;
  options.shuffle = false;
  keras::History history = one.fit(x, y, options);
  keras::Logs logs = two.trainOnBatch(x, y);
  EXPECT_EQ(weightsOf(one), weightsOf(two));
  EXPECT_EQ(logs.at("loss"), history.history.at("loss")[0]);
  const keras::EvaluateOptions silent = {.batchSize = 48, .verbose = keras::Verbosity::Silent};
  EXPECT_EQ(two.testOnBatch(x, y), two.evaluate(x, y, silent));
}

TEST_F(KerasFit, aResumedTrainingHasTheBitsOfAnUninterruptedOne) {
  keras::Sequential straight = classifier();
  straight.fit(x, y, quiet(4));
  for (const int64_t end : {5, 12, 19}) {
    keras::Sequential broken = classifier();
    train::BackupAndRestore backup(directory, {.saveFreq = 3});
    train::LambdaCallback ending;
    int64_t done = 0;
    ending.hooks.onTrainBatchEnd = [&](int64_t, keras::Logs &) {
      return ++done == end ? Status(StatusCode::Cancelled, "killed") : Status();
    };
    keras::FitOptions options = quiet(4);
    options.callbacks = {&ending, &backup};
    EXPECT_THAT(errorOf([&] { broken.fit(x, y, options); }), HasSubstr("killed"));
    keras::Sequential resumed = classifier();
    resumed.setSeed(99); // the checkpoint has the seed
    options.callbacks = {&backup};
    resumed.fit(x, y, options);
    EXPECT_EQ(weightsOf(resumed), weightsOf(straight)) << "ended after batch " << end;
    EXPECT_FALSE(fs::exists(directory));
  }
}

TEST_F(KerasFit, modelCheckpointSavesModelsThatLoad) {
  keras::Sequential model = classifier();
  train::ModelCheckpoint checkpoint(directory + "/best", {.monitor = "loss", .saveBestOnly = true});
  keras::FitOptions options = quiet(3);
  options.callbacks = {&checkpoint};
  keras::History history = model.fit(x, y, options);
  const std::vector<double> &loss = history.history.at("loss");
  ASSERT_EQ(std::min_element(loss.begin(), loss.end()), loss.end() - 1) << "the last is the best";
  EXPECT_EQ(weightsOf(keras::loadModel(directory + "/best")), weightsOf(model));
}

TEST_F(KerasFit, tensorBoardIsToldTheGraphOfLayers) {
  keras::Sequential model = classifier();
  train::TensorBoard board({.logDir = directory});
  keras::FitOptions options = quiet(1);
  options.callbacks = {&board};
  model.fit(x, y, options);
  std::string bytes;
  for (const auto &entry : fs::directory_iterator(directory + "/train")) {
    std::ifstream file(entry.path(), std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  EXPECT_THAT(bytes,
              AllOf(HasSubstr("dense_1"), HasSubstr("Dropout"), HasSubstr("_output_shapes")));
}

TEST_F(KerasFit, theFirstInfinityIsNamedByItsLayer) {
  keras::Sequential model(
      {layers::Dense(4, {.activation = "relu", .inputShape = {2}, .name = "calm"}),
       layers::Dense(4, {.activation = "relu", .name = "loud"}),
       layers::Dense(1, {.name = "last"})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  ingot::Tensor huge = *ingot::Tensor::of<float>({4, 4}, std::vector<float>(16, 3e38f));
  ingot::Tensor ones = *ingot::Tensor::of<float>({4}, {9, 9, 9, 9});
  model.setWeight("calm/bias", ones);
  model.setWeight("loud/kernel", huge);
  keras::FitOptions options = quiet(1);
  options.shuffle = false;
  options.detectNaN = true;
  EXPECT_THAT(errorOf([&] { model.fit(x, y, options); }),
              AllOf(HasSubstr("epoch 1, batch 0: detectNaN: 'loss' is not finite"),
                    HasSubstr("the first infinity of the forward pass is made by 'loud'")));
}

} // namespace
} // namespace ingot::test
