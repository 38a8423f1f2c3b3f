// Models as layers of other models, models made by subclassing, and layers that several models
// share: their graphs, their weights, and what is trained.
#include "tests/unit/frontends/KerasTest.h"

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace ingot::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class KerasNested : public KerasTest {
protected:
  keras::FitOptions quiet() {
    return {.batchSize = 8, .epochs = 2, .verbose = keras::Verbosity::Silent};
  }
  ingot::Tensor numbers(ingot::Shape shape) {
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(static_cast<float>((i * 37 % 23) - 11) / 11);
    return *ingot::Tensor::of(shape, values);
  }
  ingot::Tensor classes(int64_t count, int64_t most) {
    std::vector<int64_t> values;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(i * 7 % most);
    return *ingot::Tensor::of({count}, values);
  }
  std::vector<float> floatsOf(const ingot::Tensor &t) {
    return {t.data<float>(), t.data<float>() + t.elementCount()};
  }
  /// A base of two layers, with a batch norm, and a head on it.
  keras::Model base() {
    keras::Tensor in = keras::Input({6}, {.name = "features"});
    keras::Tensor x = layers::Dense(5, {.activation = "relu", .name = "first"})(in);
    x = layers::BatchNormalization({.name = "norm"})(x);
    return keras::Model(in, layers::Dense(4, {.name = "second"})(x), "base");
  }
  keras::Model withHead(const keras::Model &base, keras::CallOptions options = {}) {
    keras::Tensor in = keras::Input({6}, {.name = "in"});
    keras::Tensor x = base(in, options);
    keras::Model model(in, layers::Dense(3, {.activation = "softmax", .name = "head"})(x), "model");
    model.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy"});
    return model;
  }
};

TEST_F(KerasNested, weightsAreNamedByTheirPath) {
  keras::Model model = withHead(base());
  EXPECT_THAT(model.weightNames(),
              ElementsAre("base/first/kernel", "base/first/bias", "base/norm/gamma",
                          "base/norm/beta", "base/norm/moving_mean", "base/norm/moving_variance",
                          "base/second/kernel", "base/second/bias", "head/kernel", "head/bias"));
  EXPECT_EQ(model.layers().size(), 3u);
  EXPECT_EQ(model.countParams(), 6 * 5 + 5 + 4 * 5 + 5 * 4 + 4 + 4 * 3 + 3);
}

TEST_F(KerasNested, aModelAndItsBaseSeeTheSameWeights) {
  keras::Model inner = base(), model = withHead(inner);
  ingot::Tensor x = numbers({16, 6}), y = classes(16, 3);
  std::vector<float> before = floatsOf(inner.predict(x));
  model.fit(x, y, quiet());
  std::vector<float> after = floatsOf(inner.predict(x));
  EXPECT_NE(before, after);
  EXPECT_EQ(floatsOf(inner.getWeight("first/kernel")),
            floatsOf(model.getWeight("base/first/kernel")));
  // And the other way: what the base is given, the model computes with.
  std::vector<float> scores = floatsOf(model.predict(x));
  inner.setWeight("second/kernel", numbers({5, 4}));
  EXPECT_NE(floatsOf(model.predict(x)), scores);
  EXPECT_EQ(floatsOf(model.getWeight("base/second/kernel")), floatsOf(numbers({5, 4})));
}

TEST_F(KerasNested, weightsOutliveTheModelThatTrainedThem) {
  keras::Model inner = base();
  ingot::Tensor x = numbers({16, 6}), y = classes(16, 3);
  std::vector<float> trained;
  {
    keras::Model model = withHead(inner);
    model.fit(x, y, quiet());
    trained = floatsOf(model.getWeight("base/second/kernel"));
  }
  EXPECT_EQ(floatsOf(inner.getWeight("second/kernel")), trained);
}

TEST_F(KerasNested, aFrozenBaseStaysAsItIs) {
  keras::Model inner = base();
  inner.setTrainable(false);
  keras::Model model = withHead(inner);
  ingot::Tensor x = numbers({16, 6}), y = classes(16, 3);
  model.predict(x);
  std::vector<std::vector<float>> before, after;
  for (const ingot::Tensor &value : inner.getWeights())
    before.push_back(floatsOf(value));
  std::vector<float> head = floatsOf(model.getWeight("head/kernel"));
  model.fit(x, y, quiet());
  for (const ingot::Tensor &value : inner.getWeights())
    after.push_back(floatsOf(value));
  EXPECT_EQ(before, after); // the statistics of the batch norm as well
  EXPECT_NE(head, floatsOf(model.getWeight("head/kernel")));
  // Unfrozen and compiled again it is trained.
  inner.setTrainable(true);
  model.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy"});
  model.fit(x, y, quiet());
  EXPECT_NE(before[0], floatsOf(inner.getWeight("first/kernel")));
}

TEST_F(KerasNested, gradientsOfFrozenLayersAreNotComputed) {
  // As many products with the base's kernels as in `evaluate`: the forward pass alone.
  auto products = [&](const keras::Model &model) {
    module = keras::detail::buildModule(*model.impl(), &context, true);
    int64_t count = 0;
    module->lookupSymbol("train_step")->walk([&](graph::MatMulOp) { ++count; });
    return count;
  };
  keras::Model inner = base(), model = withHead(inner);
  EXPECT_EQ(products(model), 3 * 3 - 1); // the gradient of the model's input is not wanted
  inner.setTrainable(false);
  EXPECT_EQ(products(withHead(inner)), 3 + 1);
}

TEST_F(KerasNested, callOptionsReachTheLayersInside) {
  keras::Model inner = base();
  keras::Model model = withHead(inner, {.training = false});
  ingot::Tensor x = numbers({16, 6}), y = classes(16, 3);
  model.fit(x, y, quiet());
  EXPECT_EQ(floatsOf(inner.getWeight("norm/moving_mean")), std::vector<float>(5, 0.0f));
  EXPECT_NE(floatsOf(inner.getWeight("norm/gamma")), std::vector<float>(5, 1.0f)); // it is trained
}

TEST_F(KerasNested, aNestedModelRoundTripsThroughADirectory) {
  keras::Model model = withHead(base(), {.training = false});
  ingot::Tensor x = numbers({5, 6});
  std::vector<float> expected = floatsOf(model.predict(x));
  std::string path = ::testing::TempDir() + "nested-" + std::to_string(::getpid());
  model.save(path);
  keras::Model loaded = keras::loadModel(path);
  std::filesystem::remove_all(path);
  EXPECT_EQ(keras::detail::modelToJson(*loaded.impl()), keras::detail::modelToJson(*model.impl()));
  EXPECT_EQ(floatsOf(loaded.predict(x)), expected);
}

TEST_F(KerasNested, partsOfAModelAreModels) {
  keras::Tensor in = keras::Input({6}, {.name = "in"});
  keras::Tensor hidden = layers::Dense(4, {.activation = "tanh", .name = "hidden"})(in);
  keras::Model model(in, layers::Dense(2, {.name = "out"})(hidden)), features(in, hidden);
  ingot::Tensor x = numbers({3, 6});
  model.predict(x);
  EXPECT_EQ(floatsOf(features.getWeight("hidden/kernel")),
            floatsOf(model.getWeight("hidden/kernel")));
  EXPECT_EQ(features.predict(x).shape(), (ingot::Shape{3, 4}));
}

TEST_F(KerasNested, sequentialsNest) {
  keras::Sequential body({layers::Dense(4, {.activation = "relu", .name = "a"})}, "body");
  keras::Sequential model({keras::Input({6}), body, layers::Dense(2, {.name = "b"})}, "model");
  EXPECT_THAT(model.weightNames(),
              ElementsAre("body/a/kernel", "body/a/bias", "b/kernel", "b/bias"));
  EXPECT_EQ(model.predict(numbers({3, 6})).shape(), (ingot::Shape{3, 2}));
  EXPECT_THAT(model.summaryText(), HasSubstr("body (Sequential)"));
}

TEST_F(KerasNested, summaryExpandsNestedModels) {
  keras::Model inner = base();
  inner.setTrainable(false);
  EXPECT_EQ(withHead(inner).summaryText({.expandNested = true, .showTrainable = true}),
            R"(Model: "model"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃ Trainable ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩
│ in (InputLayer)                 │ (None, 6)              │             0 │     -     │
├─────────────────────────────────┼────────────────────────┼───────────────┼───────────┤
│ base (Functional)               │ (None, 4)              │            79 │     N     │
├─────────────────────────────────┼────────────────────────┼───────────────┼───────────┤
│    └ features (InputLayer)      │ (None, 6)              │             0 │     -     │
├─────────────────────────────────┼────────────────────────┼───────────────┼───────────┤
│    └ first (Dense)              │ (None, 5)              │            35 │     N     │
├─────────────────────────────────┼────────────────────────┼───────────────┼───────────┤
│    └ norm (BatchNormalization)  │ (None, 5)              │            20 │     N     │
├─────────────────────────────────┼────────────────────────┼───────────────┼───────────┤
│    └ second (Dense)             │ (None, 4)              │            24 │     N     │
├─────────────────────────────────┼────────────────────────┼───────────────┼───────────┤
│ head (Dense)                    │ (None, 3)              │            15 │     Y     │
└─────────────────────────────────┴────────────────────────┴───────────────┴───────────┘
 Total params: 94 (376.00 B)
 Trainable params: 15 (60.00 B)
 Non-trainable params: 79 (316.00 B)
)");
}

TEST_F(KerasNested, plotModelDrawsLayersShapesAndClusters) {
  keras::Model model = withHead(base());
  std::string dot = keras::utils::modelToDot(model, {.showShapes = true, .expandNested = true});
  EXPECT_THAT(dot, HasSubstr("subgraph \"cluster_base\""));
  EXPECT_THAT(dot, HasSubstr("Input shape: <b>(None, 6)</b>"));
  EXPECT_THAT(dot, HasSubstr("\"in\" -> \"base/features\";"));
  EXPECT_THAT(dot, HasSubstr("\"base/second\" -> \"head\";"));
  std::string path = ::testing::TempDir() + "model-" + std::to_string(::getpid()) + ".svg";
  keras::utils::plotModel(model, {.toFile = path, .showLayerNames = true});
  std::ifstream file(path);
  std::string svg(std::istreambuf_iterator<char>(file), {});
  std::filesystem::remove(path);
  EXPECT_THAT(svg, AllOf(HasSubstr("<svg"), HasSubstr("head")));
  EXPECT_THAT(errorOf([&] { keras::utils::plotModel(model, {.toFile = "model.bmp"}); }),
              HasSubstr("unknown file ending 'bmp'"));
}

TEST_F(KerasNested, aModelCalledTwiceSharesItsWeights) {
  keras::Model inner = base();
  keras::Tensor a = keras::Input({6}, {.name = "a"}), b = keras::Input({6}, {.name = "b"});
  keras::Model twins({a, b}, {layers::add({inner(a), inner(b)})});
  EXPECT_EQ(twins.weightNames().size(), inner.weightNames().size());
  ingot::Tensor x = numbers({3, 6});
  std::vector<float> one = floatsOf(inner.predict(x)), two = floatsOf(twins.predict({x, x}));
  for (size_t i = 0; i < one.size(); ++i)
    EXPECT_FLOAT_EQ(two[i], 2 * one[i]);
}

TEST_F(KerasNested, aModelCalledOnTheWrongShapeSaysWhichInput) {
  keras::Model inner = base();
  EXPECT_THAT(errorOf([&] { inner(keras::Input({7})); }),
              AllOf(HasSubstr("'base'"), HasSubstr("'features'"), HasSubstr("(None, 7)")));
}

TEST_F(KerasNested, sizesWithinAModelAreBoundedForEachOfItsInputs) {
  keras::Tensor in = keras::Input({keras::None, 1}, {.name = "any"});
  keras::Tensor x = in;
  for (int i = 0; i < 4; ++i)
    x = layers::UpSampling1D(1 << 20, {.name = "up" + std::to_string(i)})(x);
  keras::Model inner(in, x);
  EXPECT_THAT(errorOf([&] { inner(keras::Input({8, 1})); }),
              AllOf(HasSubstr("layer 'up1' (UpSampling1D)"), HasSubstr("use a smaller one")));
}

class Mlp : public keras::Model {
public:
  explicit Mlp(const std::vector<int64_t> &units = {8, 6}, double rate = 0.2) : Model("mlp") {
    for (int64_t count : units) {
      hidden.push_back(layers::Dense(count, {.activation = "relu"}));
      hidden.push_back(layers::Dropout(rate));
    }
  }
  keras::Tensor call(const keras::Tensor &inputs, bool training) override {
    keras::Tensor x = inputs;
    for (const keras::Layer &layer : hidden)
      x = layer(x, {.training = training});
    return output(x);
  }

private:
  std::vector<keras::Layer> hidden;
  layers::Dense output{3, {.activation = "softmax"}};
};

TEST_F(KerasNested, aSubclassedModelTrains) {
  Mlp model;
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  ingot::Tensor x = numbers({64, 6}), y = classes(64, 3);
  keras::FitOptions options = quiet();
  options.epochs = 20;
  keras::History history = model.fit(x, y, options);
  EXPECT_LT(history.history.at("loss").back(), history.history.at("loss").front());
  EXPECT_EQ(model.predict(x).shape(), (ingot::Shape{64, 3}));
  // `training` was only handed on: one graph serves both modes.
  EXPECT_TRUE(model.impl()->trainingOutputs.empty());
  EXPECT_EQ(model.predict(x).shape(), (ingot::Shape{64, 3}));
}

TEST_F(KerasNested, aSubclassedModelIsALayer) {
  Mlp inner;
  keras::Tensor in = keras::Input({6});
  keras::Model model(in, layers::Dense(2)(inner(in)));
  EXPECT_EQ(model.predict(numbers({4, 6})).shape(), (ingot::Shape{4, 2}));
}

/// Twice as much in training, and a layer that is only used there.
class TwoModes : public keras::Model {
public:
  keras::Tensor call(const keras::Tensor &inputs, bool training) override {
    keras::Tensor x = dense(inputs);
    return training ? layers::add({x, x}) : x;
  }

private:
  layers::Dense dense{1, {.useBias = false, .kernelInitializer = "ones", .name = "dense"}};
};

TEST_F(KerasNested, callMayDifferInTraining) {
  TwoModes model;
  model.build({keras::None, 2});
  model.compile({.optimizer = keras::optimizers::SGD({.learningRate = 0}), .loss = "mae"});
  ingot::Tensor x = *ingot::Tensor::of({1, 2}, std::vector<float>{1, 2});
  ingot::Tensor y = *ingot::Tensor::of({1, 1}, std::vector<float>{0});
  EXPECT_FLOAT_EQ(model.predict(x).data<float>()[0], 3);
  EXPECT_FLOAT_EQ(static_cast<float>(model.evaluate(x, y).at("loss")), 3);
  EXPECT_FLOAT_EQ(static_cast<float>(model.fit(x, y, quiet()).history.at("loss")[0]), 6);
  std::string path = ::testing::TempDir() + "modes-" + std::to_string(::getpid());
  model.save(path);
  keras::Model loaded = keras::loadModel(path);
  std::filesystem::remove_all(path);
  EXPECT_FLOAT_EQ(static_cast<float>(loaded.fit(x, y, quiet()).history.at("loss")[0]), 6);
  EXPECT_FLOAT_EQ(loaded.predict(x).data<float>()[0], 3);
}

class Deep : public keras::Model {
public:
  keras::Tensor call(const keras::Tensor &inputs, bool training) override {
    keras::Tensor x = inputs;
    for (int i = 0; i < 200'000; ++i)
      x = layer(x, {.training = training});
    return x;
  }

private:
  layers::Dropout layer{0.5};
};

TEST_F(KerasNested, aCallOf200000LayersIsTraced) {
  Deep model;
  model.build({keras::None, 2});
  EXPECT_TRUE(model.impl()->trainingOutputs.empty());
  EXPECT_EQ(model.layers().size(), 2u);
}

class Forgetful : public keras::Model {
public:
  keras::Tensor call(const keras::Tensor &inputs, bool) override {
    return layers::Dense(2)(inputs);
  }
};

TEST_F(KerasNested, layersMadeInCallAreAMistake) {
  Forgetful model;
  EXPECT_THAT(errorOf([&] { model.build({keras::None, 2}); }), HasSubstr("in the constructor"));
}

} // namespace
} // namespace ingot::test
