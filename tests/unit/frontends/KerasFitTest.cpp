// fit on compiled models: sources, callbacks that save or look at models, checkpoints, what names a
// layer.
#include "frontends/keras/TensorBoardGraph.h"
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

TEST_F(KerasFit, nodesOfTheGraphHaveNamesOfTheirOwn) {
  keras::Tensor a = keras::Input({2}, {.name = "a"}), b = keras::Input({2}, {.name = "b"});
  layers::Dense shared(2);
  keras::Tensor both = layers::add({shared(a), shared(b)});
  keras::Model model({a, b}, {layers::Dense(1, {.name = "dense_1"})(both)});
  const std::string graph = keras::detail::graphDefOf(*model.impl());
  auto nodesCalled = [&](const std::string &name) {
    const std::string field = "\x0a" + std::string(1, char(name.size())) + name + "\x12";
    int count = 0;
    for (size_t at = graph.find(field); at != std::string::npos; at = graph.find(field, at + 1))
      ++count;
    return count;
  };
  EXPECT_EQ(nodesCalled("dense"), 1);
  EXPECT_EQ(nodesCalled("dense_1"), 1); // the layer, not the other's second call
  EXPECT_EQ(nodesCalled("dense_2"), 1);
}

TEST_F(KerasFit, aModelOfSharedLayersSeesThemTrain) {
  keras::Tensor in = keras::Input({2});
  keras::Tensor hidden = layers::Dense(4, {.activation = "tanh"})(in);
  keras::Model model(in, layers::Dense(2, {.activation = "softmax"})(hidden)), features(in, hidden);
  model.compile({.optimizer = "sgd", .loss = "sparse_categorical_crossentropy"});
  auto look = [&] {
    const ingot::Tensor made = features.predictOnBatch(x);
    return std::vector<float>(made.data<float>(), made.data<float>() + made.elementCount());
  };
  std::vector<std::vector<float>> seen = {look()};
  train::LambdaCallback looking;
  looking.hooks.onEpochEnd = [&](int64_t, keras::Logs &) {
    seen.push_back(look());
    return Status();
  };
  keras::FitOptions options = quiet(3);
  options.callbacks = {&looking};
  model.fit(x, y, options);
  for (size_t i = 1; i < seen.size(); ++i)
    EXPECT_NE(seen[i], seen[i - 1]) << "epoch " << i;
  EXPECT_EQ(look(), seen.back());
}

TEST_F(KerasFit, callbacksMeasureTheModelAndAreToldWhatHasToWait) {
  keras::Sequential plain = classifier();
  plain.fit(x, y, quiet(3));
  keras::Sequential measured = classifier();
  const ingot::Tensor ones = *ingot::Tensor::of<float>({48}, std::vector<float>(48, 1));
  train::LambdaCallback callback;
  double loss = 0;
  callback.hooks.onEpochEnd = [&](int64_t, keras::Logs &) {
    // The first weights of samples: the model is compiled anew while fit goes on.
    loss = measured.evaluate(x, y, {.verbose = keras::Verbosity::Silent, .sampleWeight = {ones}})
               .at("loss");
    EXPECT_THAT(errorOf([&] { measured.compile({.loss = "mse"}); }),
                HasSubstr("compile has to wait until fit has returned"));
    EXPECT_THAT(errorOf([&] { measured.setThreads(1); }), HasSubstr("setThreads has to wait"));
    EXPECT_THAT(errorOf([&] { measured.add(layers::Dense(1)); }), HasSubstr("add has to wait"));
    return Status();
  };
  keras::FitOptions options = quiet(2);
  options.callbacks = {&callback};
  measured.fit(x, y, options);
  EXPECT_NEAR(measured.evaluate(x, y, {.verbose = keras::Verbosity::Silent}).at("loss"), loss,
              1e-5);
  options = quiet(3);
  options.initialEpoch = 2;
  measured.fit(x, y, options); // goes on with optimizer and step as they were
  const std::vector<float> expected = weightsOf(plain), got = weightsOf(measured);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], 1e-4) << i;
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
