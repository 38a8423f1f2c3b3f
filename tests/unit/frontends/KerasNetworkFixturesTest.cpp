// Whole networks: trained by our API on the same data from the same weights, they give the History
// and the weights that Keras gave, recorded in tests/fixtures/keras/networks.{json,npz}.
//
// make_networks.py has the same networks under the same names; each is built here as a user would.
#include "frontends/keras/Keras.h"
#include "ingot/data/Npy.h"
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ingot::test {
namespace {

namespace keras = ingot::keras;
namespace layers = ingot::keras::layers;
using Json = nlohmann::ordered_json; // History's keys have an order

const std::string kDirectory = INGOT_SOURCE_DIR "/tests/fixtures/keras";

/// A compiled model and how it is trained.
struct Network {
  keras::Model model;
  keras::FitOptions fit;
  std::vector<std::shared_ptr<keras::Callback>> callbacks = {};
};

Network shared() {
  auto a = keras::Input({3}, {.name = "a"}), b = keras::Input({3}, {.name = "b"});
  auto layer = layers::Dense(4, {.activation = "tanh", .name = "shared"});
  auto y = layers::Dense(1, {.name = "out"})(layers::concatenate({layer(a), layer(b)}));
  keras::Model model({a, b}, {y});
  model.compile({.optimizer = keras::optimizers::SGD({.learningRate = 0.05, .momentum = 0.9}),
                 .loss = "mse",
                 .metrics = {"mae"}});
  return {model, {.batchSize = 8, .epochs = 3}};
}

Network nested() {
  auto features = keras::Input({4}, {.name = "features"});
  auto hidden = layers::Dense(5, {.activation = "relu", .name = "hidden"})(features);
  keras::Model encoder(features, layers::Dense(3, {.name = "code"})(hidden), "encoder");
  keras::Sequential head({layers::InputLayer({3}),
                          layers::Dense(4, {.activation = "relu", .name = "wide"}),
                          layers::Dense(4, {.name = "back"})},
                         "head");
  auto x = keras::Input({4}, {.name = "x"});
  auto decoded = head(encoder(x));
  auto again = encoder(decoded);
  keras::Model model({x}, {decoded, again}, "autoencoder");
  model.compile({.optimizer = keras::optimizers::Adam({.learningRate = 0.02}),
                 .loss = {"mse", "mae"},
                 .lossWeights = {1.0, 0.25}});
  return {model, {.batchSize = 20, .epochs = 4}};
}

Network cnn() {
  keras::Sequential model(
      {layers::InputLayer({6, 6, 2}),
       layers::Conv2D(4, 3, {.padding = "same", .useBias = false, .name = "conv"}),
       layers::BatchNormalization({.momentum = 0.9, .name = "norm"}),
       layers::ReLU({.name = "relu"}), layers::MaxPooling2D(2, {.name = "pool"}),
       layers::Flatten({.name = "flat"}), layers::Dropout(0, {.name = "drop"}),
       layers::Dense(3, {.activation = "softmax", .name = "out"})});
  model.compile({.optimizer = keras::optimizers::AdamW({.learningRate = 0.01, .weightDecay = 0.01}),
                 .loss = "categorical_crossentropy",
                 .metrics = {"accuracy"}});
  return {model, {.batchSize = 8, .epochs = 3, .validationSplit = 0.25}};
}

Network frozen() {
  keras::Sequential base({layers::InputLayer({4}),
                          layers::Dense(5, {.activation = "relu", .name = "hidden"}),
                          layers::BatchNormalization({.name = "norm"})},
                         "base");
  base.setTrainable(false);
  auto x = keras::Input({4}, {.name = "x"});
  keras::Model model(x, layers::Dense(1, {.name = "out"})(base(x)));
  model.compile({.optimizer = keras::optimizers::SGD({.learningRate = 0.1}), .loss = "mse"});
  return {model, {.batchSize = 10, .epochs = 3}};
}

Network callbacks() {
  keras::Sequential model({layers::InputLayer({6}),
                           layers::Dense(12, {.activation = "tanh", .name = "hidden"}),
                           layers::Dense(1, {.name = "out"})});
  model.compile({.optimizer = keras::optimizers::Adam({.learningRate = 0.1}),
                 .loss = "mse",
                 .metrics = {"mae"}});
  Network network = {model, {.batchSize = 8, .epochs = 30, .validationSplit = 0.25}};
  network.callbacks = {
      std::make_shared<train::EarlyStopping>(train::EarlyStopping::Options{
          .monitor = "val_loss", .patience = 5, .restoreBestWeights = true}),
      std::make_shared<train::ReduceLROnPlateau>(train::ReduceLROnPlateau::Options{
          .monitor = "val_loss", .factor = 0.5, .patience = 1, .cooldown = 1, .minLr = 1e-3})};
  return network;
}

Network severalOutputs() {
  auto image = keras::Input({4, 4, 1}, {.name = "image"});
  auto number = keras::Input({2}, {.name = "number"});
  auto conv = layers::Conv2D(3, 3, {.activation = "relu", .name = "conv"})(image);
  auto x = layers::concatenate({layers::Flatten({.name = "flat"})(conv), number});
  auto kind = layers::Dense(3, {.activation = "softmax", .name = "kind"})(x);
  auto size = layers::Dense(1, {.name = "size"})(x);
  keras::Model model({image, number}, {kind, size});
  model.compile({.optimizer = keras::optimizers::RMSprop({.learningRate = 0.01}),
                 .loss = {"sparse_categorical_crossentropy", "mse"},
                 .metrics = {{"kind", {"accuracy"}}, {"size", {"mae"}}},
                 .lossWeights = {1.0, 0.3}});
  return {model, {.batchSize = 6, .epochs = 3}};
}

Network weighted() {
  keras::Sequential model(
      {layers::InputLayer({4}), layers::Dense(3, {.activation = "softmax", .name = "out"})});
  model.compile({.optimizer = keras::optimizers::SGD({.learningRate = 0.2}),
                 .loss = "sparse_categorical_crossentropy",
                 .metrics = {"accuracy"},
                 .weightedMetrics = {"accuracy"}});
  return {model, {.batchSize = 8, .epochs = 3, .classWeight = {{0, 1.0}, {1, 2.5}, {2, 0.5}}}};
}

Network sampleWeights() {
  keras::Sequential model({layers::InputLayer({4}), layers::Dense(2, {.name = "out"})});
  model.compile({.optimizer = keras::optimizers::SGD({.learningRate = 0.1}),
                 .loss = "mse",
                 .metrics = {"mae"}});
  return {model, {.batchSize = 8, .epochs = 3, .validationSplit = 0.25}};
}

Network textWith(const keras::Optimizer &optimizer) {
  keras::Sequential model({layers::InputLayer({6}, {.dtype = "int32", .name = "tokens"}),
                           layers::Embedding(9, 4, {.maskZero = true, .name = "embed"}),
                           layers::LSTM(4, {.returnSequences = true, .name = "lstm"}),
                           layers::GRU(3, {.name = "gru"}),
                           layers::Dense(1, {.activation = "sigmoid", .name = "out"})});
  model.compile({.optimizer = optimizer, .loss = "binary_crossentropy", .metrics = {"accuracy"}});
  return {model, {.batchSize = 8, .epochs = 3}};
}
Network text() { return textWith(keras::optimizers::SGD({.learningRate = 0.2})); }
Network textAdam() { return textWith(keras::optimizers::Adam({.learningRate = 0.01})); }

Network transformer() {
  auto x = keras::Input({5, 4}, {.name = "x"});
  auto attended = layers::MultiHeadAttention(2, 3, {.name = "attention"})(
      std::vector<keras::Tensor>{x, x}, {.useCausalMask = true});
  auto h =
      layers::LayerNormalization({.name = "norm1"})(layers::Add({.name = "add1"})({x, attended}));
  auto f =
      layers::Dense(4, {.name = "down"})(layers::Dense(8, {.activation = "gelu", .name = "up"})(h));
  h = layers::LayerNormalization({.name = "norm2"})(layers::Add({.name = "add2"})({h, f}));
  auto mean = layers::GlobalAveragePooling1D({.name = "mean"})(h);
  keras::Model model(x, layers::Dense(1, {.name = "out"})(mean));
  model.compile({.optimizer = keras::optimizers::Adam({.learningRate = 0.01, .clipnorm = 0.5}),
                 .loss = "mse"});
  return {model, {.batchSize = 6, .epochs = 3}};
}

Network bidirectional() {
  keras::Sequential model(
      {layers::InputLayer({5, 3}),
       layers::Bidirectional(layers::LSTM(3, {.returnSequences = true}), {.name = "both"}),
       layers::TimeDistributed(layers::Dense(2, {.activation = "relu"}), {.name = "each"}),
       layers::GlobalAveragePooling1D({.name = "mean"}), layers::Dense(1, {.name = "out"})});
  model.compile({.optimizer = keras::optimizers::Nadam({.learningRate = 0.01}), .loss = "mse"});
  return {model, {.batchSize = 6, .epochs = 3}};
}

Network regularized() {
  keras::Sequential model(
      {layers::InputLayer({4}),
       layers::Dense(6, {.activation = "relu",
                         .kernelRegularizer = keras::regularizers::L2(0.01),
                         .biasRegularizer = keras::regularizers::L1(0.02),
                         .activityRegularizer = keras::regularizers::L1(0.003),
                         .kernelConstraint = keras::constraints::MaxNorm(0.8),
                         .name = "hidden"}),
       layers::Dense(1, {.kernelRegularizer = keras::regularizers::L1L2({.l1 = 0.01, .l2 = 0.02}),
                         .kernelConstraint = "non_neg",
                         .name = "out"})});
  model.compile({.optimizer = keras::optimizers::SGD({.learningRate = 0.1}),
                 .loss = "mse",
                 .metrics = {"mse"}});
  return {model, {.batchSize = 10, .epochs = 3, .validationSplit = 0.2}};
}

using Maker = Network (*)();
const std::map<std::string, Maker> &makers() {
  static const std::map<std::string, Maker> table = {{"shared", shared},
                                                     {"nested", nested},
                                                     {"cnn", cnn},
                                                     {"frozen", frozen},
                                                     {"callbacks", callbacks},
                                                     {"several_outputs", severalOutputs},
                                                     {"text", text},
                                                     {"text_adam", textAdam},
                                                     {"transformer", transformer},
                                                     {"bidirectional", bidirectional},
                                                     {"regularized", regularized},
                                                     {"weighted", weighted},
                                                     {"sample_weights", sampleWeights}};
  return table;
}

const Json &recorded() {
  static const Json json = [] {
    std::ifstream file(kDirectory + "/networks.json");
    return Json::parse(file).at("networks");
  }();
  return json;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto &[name, line] : recorded().items())
    all.push_back(name); // one without a maker fails
  return all;
}

class KerasNetworkFixtures : public ::testing::TestWithParam<std::string> {
protected:
  data::NamedTensors arrays;

  void SetUp() override {
    keras::clearSession();
    auto read = data::readNpz(kDirectory + "/networks.npz");
    ASSERT_TRUE(read.isOk()) << read.status().message();
    arrays = std::move(*read);
  }
  const Tensor &array(const std::string &name) {
    const Tensor *found = data::findTensor(arrays, GetParam() + "/" + name);
    if (!found)
      throw std::runtime_error("no array " + name);
    return *found;
  }
  train::Arrays several(const char *prefix, size_t count) {
    train::Arrays all;
    for (size_t i = 0; i < count; ++i)
      all.push_back(array(prefix + std::to_string(i)));
    return all;
  }
};

/// Losses and metrics are sums of a few dozen f32 values; steps carry differences on.
constexpr double kHistoryTolerance = 2e-5;
constexpr double kWeightTolerance = 1e-4;

TEST_P(KerasNetworkFixtures, trainsAsKerasDid) {
  const Json &line = recorded().at(GetParam());
  Network network = makers().at(GetParam())();
  size_t weights = line.at("weights").size();
  ASSERT_EQ(network.model.weightNames().size(), weights)
      << ::testing::PrintToString(network.model.weightNames());
  network.model.setWeights(several("before", weights));
  network.fit.shuffle = false;
  network.fit.verbose = keras::Verbosity::Silent;
  for (const auto &callback : network.callbacks)
    network.fit.callbacks.push_back(callback.get());
  if (data::findTensor(arrays, GetParam() + "/sample_weight"))
    network.fit.sampleWeight = {array("sample_weight")};
  keras::History history = network.model.fit(several("x", line.at("inputs")),
                                             several("y", line.at("targets")), network.fit);
  std::vector<std::pair<std::string, std::vector<double>>> expected;
  for (const auto &[key, values] : line.at("history").items())
    expected.emplace_back(key, values.get<std::vector<double>>());
  std::vector<std::string> keys, expectedKeys; // in Keras's order
  for (const auto &[key, values] : history.history)
    keys.push_back(key);
  for (const auto &[key, values] : line.at("history").items())
    expectedKeys.push_back(key);
  EXPECT_EQ(keys, expectedKeys);
  for (const auto &[key, values] : expected) {
    auto got = history.history.find(key);
    if (got == history.history.end())
      continue;
    ASSERT_EQ(got->second.size(), values.size()) << key;
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(got->second[i], values[i], kHistoryTolerance * (1 + std::abs(values[i])))
          << key << " of epoch " << i;
  }
  std::vector<Tensor> after = network.model.getWeights();
  for (size_t i = 0; i < weights; ++i) {
    const Tensor &want = array("after" + std::to_string(i));
    ASSERT_EQ(after[i].shape(), want.shape());
    for (int64_t j = 0; j < want.elementCount(); ++j)
      ASSERT_NEAR(after[i].data<float>()[j], want.data<float>()[j], kWeightTolerance)
          << line.at("weights")[i][0] << " element " << j;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, KerasNetworkFixtures, ::testing::ValuesIn(names()),
                         [](const auto &info) { return info.param; });

TEST(KerasNetworks, allRecordedOnesAreBuiltHere) {
  EXPECT_EQ(names().size(), recorded().size());
  EXPECT_EQ(makers().size(), recorded().size());
}

} // namespace
} // namespace ingot::test
