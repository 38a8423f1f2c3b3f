// Models: shapes, forward values, losses and training steps of the module they become, on the
// reference interpreter; summary text.
#include "tests/unit/frontends/KerasTest.h"

#include <cmath>

namespace ingot::test {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

keras::Sequential guideMlp() {
  return keras::Sequential(
      {layers::Dense(128, {.activation = "relu", .inputShape = {784}, .name = "hidden1"}),
       layers::Dropout(0.2, {.name = "dropout1"}),
       layers::Dense(64, {.activation = "relu", .name = "hidden2"}),
       layers::Dropout(0.2, {.name = "dropout2"}),
       layers::Dense(10, {.activation = "softmax", .name = "output"})});
}

keras::Sequential guideCnn() {
  return keras::Sequential(
      {layers::Conv2D(32, {3, 3}, {.activation = "relu", .inputShape = {28, 28, 1}}),
       layers::MaxPooling2D({2, 2}), layers::Conv2D(64, {3, 3}, {.activation = "relu"}),
       layers::MaxPooling2D({2, 2}), layers::Flatten(), layers::Dense(64, {.activation = "relu"}),
       layers::Dropout(0.2), layers::Dense(10, {.activation = "softmax"})});
}

TEST_F(KerasTest, namesLayersAsKerasDoes) {
  keras::Sequential model = guideCnn();
  std::vector<std::string> names;
  for (const keras::Layer &layer : model.layers())
    names.push_back(layer.name());
  EXPECT_THAT(names, ElementsAre("conv2d", "max_pooling2d", "conv2d_1", "max_pooling2d_1",
                                 "flatten", "dense", "dropout", "dense_1"));
  EXPECT_EQ(model.name(), "sequential");
  EXPECT_THAT(model.weightNames(),
              ElementsAre("conv2d/kernel", "conv2d/bias", "conv2d_1/kernel", "conv2d_1/bias",
                          "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"));
}

TEST_F(KerasTest, summaryIsKerasTable) {
  EXPECT_EQ(guideMlp().summaryText(),
            "Model: \"sequential\"\n"
            "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓\n"
            "┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃\n"
            "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩\n"
            "│ hidden1 (Dense)                 │ (None, 128)            │       100,480 │\n"
            "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
            "│ dropout1 (Dropout)              │ (None, 128)            │             0 │\n"
            "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
            "│ hidden2 (Dense)                 │ (None, 64)             │         8,256 │\n"
            "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
            "│ dropout2 (Dropout)              │ (None, 64)             │             0 │\n"
            "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
            "│ output (Dense)                  │ (None, 10)             │           650 │\n"
            "└─────────────────────────────────┴────────────────────────┴───────────────┘\n"
            " Total params: 109,386 (427.29 KB)\n"
            " Trainable params: 109,386 (427.29 KB)\n"
            " Non-trainable params: 0 (0.00 B)\n");
}

TEST_F(KerasTest, functionalSummaryTellsConnections) {
  auto input = keras::Input({4}, {.name = "input"});
  auto shared = layers::Dense(4, {.name = "shared"});
  auto twice = layers::add({shared(input), shared(shared(input))});
  std::string text = keras::Model({input}, {twice}).summaryText();
  EXPECT_THAT(text, HasSubstr("Model: \"functional\""));
  EXPECT_THAT(text, HasSubstr("│ input (InputLayer)"));
  EXPECT_THAT(text, HasSubstr("│ shared[0][0], shared[2][0] "));
  EXPECT_THAT(text, HasSubstr("Total params: 20 (80.00 B)"));
}

TEST_F(KerasTest, convolutionalShapesAreKeras) {
  std::vector<keras::Shape> shapes;
  keras::Sequential model = guideCnn();
  for (const keras::detail::NodePtr &node : model.impl()->nodes)
    shapes.push_back(node->results[0].shape);
  using keras::None;
  EXPECT_THAT(shapes,
              ElementsAre(keras::Shape{None, 28, 28, 1}, keras::Shape{None, 26, 26, 32},
                          keras::Shape{None, 13, 13, 32}, keras::Shape{None, 11, 11, 64},
                          keras::Shape{None, 5, 5, 64}, keras::Shape{None, 1600},
                          keras::Shape{None, 64}, keras::Shape{None, 64}, keras::Shape{None, 10}));
  auto image = keras::Input({7, 8, 3});
  auto same = layers::Conv2D(5, 3, {.strides = 2, .padding = "same"})(image);
  EXPECT_EQ(same.shape(), (keras::Shape{None, 4, 4, 5}));
  auto dilated = layers::Conv2D(5, 3, {.dilationRate = 2})(image);
  EXPECT_EQ(dilated.shape(), (keras::Shape{None, 3, 4, 5}));
  EXPECT_EQ(layers::AveragePooling2D(3, {.strides = 2, .padding = "same"})(image).shape(),
            (keras::Shape{None, 4, 4, 3}));
  EXPECT_EQ(layers::GlobalAveragePooling2D({.keepdims = true})(image).shape(),
            (keras::Shape{None, 1, 1, 3}));
}

TEST_F(KerasTest, denseComputesActivationOfProductAndBias) {
  keras::Sequential model({layers::Dense(2, {.activation = "relu",
                                             .biasInitializer = keras::initializers::Constant(0.5),
                                             .inputShape = {3},
                                             .name = "d"})});
  load(model);
  interpreter->variables["d/kernel"] = floats({3, 2}, {1, 2, 3, -4, 5, 6});
  auto y = run("predict", {floats({2, 3}, {1, 1, 1, 0, 1, 0})});
  EXPECT_THAT(valuesOf(y[0]), ElementsAre(9.5, 4.5, 3.5, 0));
}

TEST_F(KerasTest, initialWeightsFollowKerasDistributionsAndTheSeed) {
  keras::Sequential model(
      {layers::Dense(200, {.inputShape = {100}, .name = "glorot"}),
       layers::Dense(100, {.kernelInitializer = "he_normal", .name = "he"}),
       layers::Dense(50, {.kernelInitializer = keras::initializers::RandomNormal({.mean = 1}),
                          .biasInitializer = "ones",
                          .name = "normal"})});
  load(model, 7);
  auto moments = [](const std::vector<double> &values) {
    double sum = 0, squares = 0;
    for (double v : values) {
      sum += v;
      squares += v * v;
    }
    double mean = sum / static_cast<double>(values.size());
    return std::pair(mean, std::sqrt(squares / static_cast<double>(values.size()) - mean * mean));
  };
  std::vector<double> glorot = variable("glorot/kernel");
  double limit = std::sqrt(6.0 / 300);
  EXPECT_LE(*std::max_element(glorot.begin(), glorot.end()), limit);
  EXPECT_GE(*std::max_element(glorot.begin(), glorot.end()), 0.99 * limit);
  EXPECT_NEAR(moments(glorot).first, 0, 0.002);
  EXPECT_NEAR(moments(glorot).second, limit / std::sqrt(3.0), 0.001);
  std::vector<double> he = variable("he/kernel");
  double sigma = std::sqrt(2.0 / 200);
  EXPECT_NEAR(moments(he).second, sigma, 0.001);
  EXPECT_LE(*std::max_element(he.begin(), he.end()), 2 * sigma / 0.8796 + 1e-5);
  EXPECT_GE(*std::max_element(he.begin(), he.end()), 1.95 * sigma / 0.8796);
  EXPECT_NEAR(moments(variable("normal/kernel")).first, 1, 0.003);
  EXPECT_THAT(variable("normal/bias"), Each(1.0));
  load(model, 7);
  EXPECT_EQ(variable("glorot/kernel"), glorot);
  load(model, 8);
  EXPECT_NE(variable("glorot/kernel"), glorot);
}

TEST_F(KerasTest, crossEntropyOfASoftmaxLayerIsStable) {
  keras::Sequential model(
      {layers::Dense(3, {.activation = "softmax", .inputShape = {3}, .name = "d"})});
  model.compile({.loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  load(model);
  interpreter->variables["d/kernel"] = floats({3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1});
  auto results = run("evaluate", {floats({2, 3}, {200, 0, 0, 0, 200, 0}), labels({1, 1})});
  EXPECT_NEAR(results[0].real(0), 100, 1e-4); // clipped probabilities would give 8.06
  EXPECT_NEAR(results[1].real(0), 0.5, 1e-7);
}

TEST_F(KerasTest, lossesAreKerasFormulas) {
  auto lossOf = [&](keras::Loss loss, const char *activation, llvm::ArrayRef<double> outputs,
                    const reference::Tensor &target) {
    int64_t n = outputs.size();
    auto input = keras::Input({n});
    auto scaled = layers::Dense(n, {.name = "identity"})(input);
    keras::Model functional(input, layers::Activation(activation)(scaled));
    functional.compile({.loss = loss});
    load(functional);
    std::vector<double> identity(n * n, 0);
    for (int64_t i = 0; i < n; ++i)
      identity[i * n + i] = 1;
    interpreter->variables["identity/kernel"] = floats({n, n}, identity);
    return run("evaluate", {floats({1, n}, outputs), target})[0].real(0);
  };
  auto target = floats({1, 2}, {1, 0});
  EXPECT_NEAR(lossOf("mse", "linear", {3, 1}, target), 2.5, 1e-6);
  EXPECT_NEAR(lossOf("mae", "linear", {3, 1}, target), 1.5, 1e-6);
  // -log(0.6 / (0.6 + 0.2))
  EXPECT_NEAR(lossOf("categorical_crossentropy", "linear", {0.6, 0.2}, target), -std::log(0.75),
              1e-6);
  EXPECT_NEAR(lossOf("sparse_categorical_crossentropy", "linear", {0.6, 0.4}, labels({1})),
              -std::log(0.4), 1e-6);
  EXPECT_NEAR(lossOf("binary_crossentropy", "linear", {0.6, 0.4}, target), -std::log(0.6), 1e-6);
  EXPECT_NEAR(lossOf("binary_crossentropy", "linear", {0, 0.5}, target),
              (-std::log(1e-7) - std::log(0.5)) / 2, 1e-5);
  EXPECT_NEAR(lossOf("binary_crossentropy", "sigmoid", {-100, 0}, target),
              (100 + std::log(2.0)) / 2, 1e-4);
  EXPECT_NEAR(
      lossOf(keras::losses::BinaryCrossentropy({.fromLogits = true}), "linear", {2, -1}, target),
      (std::log1p(std::exp(-2.0)) + std::log1p(std::exp(-1.0))) / 2, 1e-6);
}

TEST_F(KerasTest, trainStepLowersTheLossAndCountsSteps) {
  keras::Sequential model({layers::Dense(8, {.activation = "tanh", .inputShape = {2}}),
                           layers::Dense(2, {.activation = "softmax"})});
  model.compile({.optimizer = keras::optimizers::Adam({.learningRate = 0.1}),
                 .loss = "sparse_categorical_crossentropy",
                 .metrics = {"accuracy"}});
  load(model, 3);
  auto x = floats({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1});
  auto y = labels({0, 1, 1, 0});
  double first = run("train_step", {x, y})[0].real(0);
  for (int i = 0; i < 60; ++i)
    run("train_step", {x, y});
  auto last = run("evaluate", {x, y});
  EXPECT_LT(last[0].real(0), 0.1 * first);
  EXPECT_EQ(last[1].real(0), 1);
  EXPECT_THAT(variable("step"), ElementsAre(61));
}

TEST_F(KerasTest, gradientStepOfLinearRegressionIsExact) {
  keras::Sequential model(
      {layers::Dense(1, {.kernelInitializer = "zeros", .inputShape = {2}, .name = "d"})});
  model.compile({.optimizer = keras::optimizers::SGD({.learningRate = 0.5}), .loss = "mse"});
  load(model);
  // d/dw of mean (w.x - t)^2 at w = 0 is -2 mean(t x).
  run("train_step", {floats({2, 2}, {1, 0, 0, 2}), floats({2, 1}, {3, 5})});
  EXPECT_THAT(variable("d/kernel"), ElementsAre(1.5, 5));
  EXPECT_THAT(variable("d/bias"), ElementsAre(4));
}

TEST_F(KerasTest, dropoutActsInTrainingAlone) {
  auto target = floats({1, 1000}, {0});
  keras::Sequential trained({layers::Dense(1000, {.useBias = false,
                                                  .kernelInitializer = "zeros",
                                                  .biasInitializer = "zeros",
                                                  .inputShape = {1},
                                                  .name = "d"}),
                             layers::Dropout(0.25)});
  trained.compile({.optimizer = "sgd", .loss = "mse"});
  load(trained);
  interpreter->variables["d/kernel"] = floats({1, 1000}, {1});
  auto x = floats({1, 1}, {1});
  EXPECT_EQ(run("evaluate", {x, target})[0].real(0), 1);
  // Kept elements are 4/3: the mean of squares is 0.75 * 16/9.
  double first = run("train_step", {x, target})[0].real(0);
  EXPECT_NEAR(first, 4.0 / 3, 0.08);
  interpreter->variables["d/kernel"] = floats({1, 1000}, {1});
  EXPECT_NE(run("train_step", {x, target})[0].real(0), first); // another mask at another step
}

TEST_F(KerasTest, batchNormalizationMovesItsStatistics) {
  keras::Sequential model(
      {layers::BatchNormalization({.momentum = 0.9, .inputShape = {1}, .name = "bn"})});
  model.compile({.optimizer = keras::optimizers::SGD({.learningRate = 0}), .loss = "mse"});
  load(model);
  auto x = floats({4, 1}, {1, 3, 5, 7}); // mean 4, biased variance 5
  auto before = run("predict", {x});
  EXPECT_NEAR(before[0].real(0), 1 / std::sqrt(1.001), 1e-6);
  run("train_step", {x, floats({4, 1}, {0})});
  EXPECT_NEAR(variable("bn/moving_mean")[0], 0.4, 1e-6);
  EXPECT_NEAR(variable("bn/moving_variance")[0], 0.9 + 0.5, 1e-6);
  EXPECT_NEAR(run("predict", {x})[0].real(3), (7 - 0.4) / std::sqrt(1.4 + 1e-3), 1e-5);
}

TEST_F(KerasTest, frozenLayersDoNotTrain) {
  keras::Sequential model(
      {layers::Dense(2, {.inputShape = {2}, .name = "fixed", .trainable = false}),
       layers::Dense(1, {.name = "head"})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  load(model);
  std::vector<double> fixed = variable("fixed/kernel"), head = variable("head/kernel");
  run("train_step", {floats({2, 2}, {1, 2, 3, 4}), floats({2, 1}, {3, 5})});
  EXPECT_EQ(variable("fixed/kernel"), fixed);
  EXPECT_NE(variable("head/kernel"), head);
  EXPECT_THAT(model.summaryText(), HasSubstr("Non-trainable params: 6 (24.00 B)"));
}

TEST_F(KerasTest, severalInputsAndOutputsAndSharedLayers) {
  auto left = keras::Input({2}, {.name = "left"}), right = keras::Input({2}, {.name = "right"});
  layers::Dense shared(2, {.useBias = false, .name = "shared"});
  auto both = layers::concatenate({shared(left), shared(right)});
  auto sum = layers::Dense(1, {.useBias = false, .kernelInitializer = "ones", .name = "sum"})(both);
  keras::Model model({left, right}, {sum, both});
  model.compile(
      {.optimizer = "sgd", .loss = "mse", .metrics = {"mae", "mae"}, .lossWeights = {1, 0.5}});
  load(model);
  interpreter->variables["shared/kernel"] = floats({2, 2}, {1, 2, 3, 4});
  auto a = floats({1, 2}, {1, 0}), b = floats({1, 2}, {0, 1});
  auto y = run("predict", {a, b});
  EXPECT_THAT(valuesOf(y[0]), ElementsAre(10));
  EXPECT_THAT(valuesOf(y[1]), ElementsAre(1, 2, 3, 4));
  auto losses = run("evaluate", {a, b, floats({1, 1}, {0}), floats({1, 4}, {0})});
  std::vector<double> values;
  for (const auto &result : losses)
    values.push_back(result.real(0));
  EXPECT_THAT(values, ElementsAre(100 + 0.5 * 7.5, 100, 7.5, 10, 2.5));
  run("train_step", {a, b, floats({1, 1}, {0}), floats({1, 4}, {0})});
}

TEST_F(KerasTest, imageLayersComputeWhatKerasDoes) {
  auto image = keras::Input({3, 3, 1});
  auto conv = layers::Conv2D(
      1, 2, {.padding = "same", .useBias = false, .kernelInitializer = "ones"})(image);
  auto most = layers::MaxPooling2D(2)(image);
  auto mean = layers::AveragePooling2D(2, {.padding = "same"})(image);
  auto global = layers::GlobalAveragePooling2D()(image);
  load(keras::Model({image}, {conv, most, mean, global}));
  auto y = run("predict", {floats({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9})});
  EXPECT_THAT(valuesOf(y[0]), ElementsAre(12, 16, 9, 24, 28, 15, 15, 17, 9));
  EXPECT_THAT(valuesOf(y[1]), ElementsAre(5));
  EXPECT_THAT(valuesOf(y[2]), ElementsAre(3, 4.5, 7.5, 9)); // padding does not count
  EXPECT_THAT(valuesOf(y[3]), ElementsAre(5));
}

TEST_F(KerasTest, activationsAreKerasFunctions) {
  const std::vector<double> x = {-3, -0.5, 0, 0.5, 8};
  auto expectValues = [&](const char *name, double (*f)(double), double tolerance = 1e-6) {
    load(keras::Sequential({layers::Activation(name, {.inputShape = {5}})}));
    std::vector<double> got = valuesOf(run("predict", {floats({1, 5}, x)})[0]);
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_NEAR(got[i], f(x[i]), tolerance * std::max(1.0, std::abs(f(x[i])))) << name << x[i];
  };
  expectValues("relu6", [](double v) { return std::min(6.0, std::max(0.0, v)); });
  expectValues("elu", [](double v) { return v > 0 ? v : std::expm1(v); });
  expectValues("selu", [](double v) {
    return 1.05070098735548 * (v > 0 ? v : 1.67326324235438 * std::expm1(v));
  });
  expectValues("leaky_relu", [](double v) { return v > 0 ? v : 0.2 * v; });
  expectValues("softplus", [](double v) { return std::log1p(std::exp(v)); });
  expectValues("softsign", [](double v) { return v / (1 + std::abs(v)); });
  expectValues("silu", [](double v) { return v / (1 + std::exp(-v)); });
  expectValues("hard_sigmoid", [](double v) { return std::min(1.0, std::max(0.0, v / 6 + 0.5)); });
  expectValues("gelu", [](double v) { return v * 0.5 * std::erfc(-v / std::sqrt(2.0)); });
}

TEST_F(KerasTest, everyOpCarriesItsLayersName) {
  keras::Sequential model = guideMlp();
  model.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy"});
  load(model);
  std::set<std::string> names;
  module->lookupSymbol<mlir::func::FuncOp>("predict").walk(
      [&](mlir::Operation *op) { names.insert(graph::layerName(op->getLoc())); });
  EXPECT_THAT(names, ElementsAre("hidden1", "hidden2", "output", "predict"));
}

} // namespace
} // namespace ingot::test
