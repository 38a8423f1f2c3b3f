// Models on compiled code: fit, evaluate, predict, weights, saving and going on; the same numbers
// as the reference interpreter's; mistakes that show when running.
#include "tests/unit/frontends/KerasTest.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>

namespace ingot::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class KerasTraining : public KerasTest {
protected:
  keras::FitOptions quiet(int64_t epochs) {
    return {.batchSize = 16, .epochs = epochs, .verbose = keras::Verbosity::Silent};
  }
  /// Points in the plane; the class tells whether they are inside a circle.
  struct Points {
    ingot::Tensor x, y;
  };
  Points points(int64_t count) {
    std::vector<float> x;
    std::vector<int64_t> y;
    for (int64_t i = 0; i < count; ++i) {
      double a = std::fmod(static_cast<double>(i) * 0.754877666, 1.0) * 2 - 1;
      double b = std::fmod(static_cast<double>(i) * 0.569840296, 1.0) * 2 - 1;
      x.insert(x.end(), {static_cast<float>(a), static_cast<float>(b)});
      y.push_back(a * a + b * b < 0.6);
    }
    return {*ingot::Tensor::of({count, 2}, x), *ingot::Tensor::of({count}, y)};
  }
  keras::Sequential classifier() {
    keras::Sequential model(
        {layers::Dense(24, {.activation = "relu", .inputShape = {2}, .name = "hidden"}),
         layers::Dense(2, {.activation = "softmax", .name = "scores"})});
    model.compile({.optimizer = keras::optimizers::Adam({.learningRate = 0.02}),
                   .loss = "sparse_categorical_crossentropy",
                   .metrics = {"accuracy"}});
    return model;
  }
  std::vector<float> floatsOf(const ingot::Tensor &t) {
    return {t.data<float>(), t.data<float>() + t.elementCount()};
  }
};

TEST_F(KerasTraining, learnsAndEvaluates) {
  keras::Sequential model = classifier();
  Points data = points(320);
  auto before = model.evaluate(data.x, data.y);
  keras::FitOptions options = quiet(30);
  options.validationSplit = 0.2;
  keras::History history = model.fit(data.x, data.y, options);
  EXPECT_EQ(history.history.at("loss").size(), 30u);
  EXPECT_EQ(history.history.count("val_accuracy"), 1u);
  auto after = model.evaluate(data.x, data.y);
  EXPECT_LT(after.at("loss"), 0.5 * before.at("loss"));
  EXPECT_GT(after.at("accuracy"), 0.9);
}

TEST_F(KerasTraining, compiledNumbersAreTheInterpretersNumbers) {
  keras::Sequential model = classifier();
  model.setSeed(5);
  load(model, 5);
  for (const std::string &name : model.weightNames()) {
    std::vector<float> compiled = floatsOf(model.getWeight(name));
    std::vector<double> reference = variable(name);
    ASSERT_EQ(compiled.size(), reference.size());
    for (size_t i = 0; i < compiled.size(); ++i)
      EXPECT_EQ(compiled[i], static_cast<float>(reference[i])) << name << " " << i;
  }
  Points data = points(7);
  std::vector<float> y = floatsOf(model.predict(data.x));
  std::vector<double> x(data.x.data<float>(), data.x.data<float>() + 14);
  std::vector<double> reference = valuesOf(run("predict", {floats({7, 2}, x)})[0]);
  for (size_t i = 0; i < y.size(); ++i)
    EXPECT_NEAR(y[i], reference[i], 1e-6);
}

TEST_F(KerasTraining, weightsMoveBetweenModelsAndSurviveCompile) {
  keras::Sequential a = classifier();
  Points data = points(64);
  a.fit(data.x, data.y, quiet(3));
  std::vector<float> expected = floatsOf(a.predict(data.x));
  keras::clearSession();
  keras::Sequential b = classifier();
  b.setWeights(a.getWeights());
  EXPECT_EQ(floatsOf(b.predict(data.x)), expected);
  b.compile({.optimizer = "sgd", .loss = "sparse_categorical_crossentropy"});
  EXPECT_EQ(floatsOf(b.predict(data.x)), expected);
}

TEST_F(KerasTraining, aSavedModelGoesOnAsIfItHadNotStopped) {
  std::string path = ::testing::TempDir() + "keras_goes_on-" + std::to_string(getpid());
  std::filesystem::remove_all(path);
  Points data = points(64);
  keras::Sequential straight = classifier();
  straight.fit(data.x, data.y, quiet(4));

  keras::clearSession();
  keras::Sequential first = classifier();
  first.fit(data.x, data.y, quiet(2));
  first.save(path);
  EXPECT_TRUE(std::filesystem::exists(path + "/1/model.so"));
  keras::Model loaded = keras::loadModel(path);
  keras::FitOptions rest = quiet(4);
  rest.initialEpoch = 2;
  loaded.fit(data.x, data.y, rest);
  EXPECT_EQ(floatsOf(loaded.getWeight("hidden/kernel")),
            floatsOf(straight.getWeight("hidden/kernel")));
  std::filesystem::remove_all(path);
}

TEST_F(KerasTraining, anUnbuiltSequentialTakesItsShapeFromTheData) {
  keras::Sequential model({layers::Dense(4, {.activation = "tanh"}), layers::Dense(2)});
  model.compile({.loss = keras::losses::SparseCategoricalCrossentropy({.fromLogits = true})});
  Points data = points(32);
  model.fit(data.x, data.y, quiet(1));
  EXPECT_EQ(model.countParams(), 2 * 4 + 4 + 4 * 2 + 2);
}

TEST_F(KerasTraining, labelsOutOfRangeAreAnErrorThatNamesTheLoss) {
  keras::Sequential model = classifier();
  Points data = points(32);
  data.y.data<int64_t>()[20] = 2;
  std::vector<float> before = floatsOf(model.getWeight("hidden/kernel"));
  keras::FitOptions options = quiet(1);
  options.batchSize = 32;
  EXPECT_THAT(errorOf([&] { model.fit(data.x, data.y, options); }),
              AllOf(HasSubstr("model 'sequential'"), HasSubstr("sparse_categorical_crossentropy")));
  EXPECT_EQ(floatsOf(model.getWeight("hidden/kernel")), before);
}

TEST_F(KerasTraining, targetsOfAnotherElementType) {
  keras::Sequential model = classifier();
  Points data = points(8);
  ingot::Tensor y = *ingot::Tensor::of({8}, std::vector<float>(8, 1.0f));
  EXPECT_THAT(errorOf([&] { model.fit(data.x, y, quiet(1)); }),
              AllOf(HasSubstr("scores_target"), HasSubstr("f32"), HasSubstr("i64")));
}

TEST_F(KerasTraining, openExtentsTakeWhatTheArrayHas) {
  auto input = keras::Input({keras::None, keras::None, 1}, {.name = "image"});
  keras::Model model(input, layers::GlobalAveragePooling2D()(layers::Conv2D(2, 1)(input)));
  for (const ingot::Shape &shape :
       {ingot::Shape{3, 5, 1, 1}, {3, 1, 5, 1}, {3, 1, 1, 1}, {3, 5, 4}}) {
    ingot::Tensor x = *ingot::Tensor::zeros(DType::F32, shape);
    EXPECT_EQ(model.predict(x).shape(), (ingot::Shape{3, 2})) << shape.size();
  }
  for (const ingot::Shape &shape : {ingot::Shape{3, 5, 1, 2}, {3, 5, 4, 1, 2}, {}}) {
    ingot::Tensor x = *ingot::Tensor::zeros(DType::F32, shape);
    EXPECT_THAT(errorOf([&] { model.predict(x); }),
                HasSubstr("input 'image': expected shape (None, None, None, 1)"));
  }
}

TEST_F(KerasTraining, aNewSeedGovernsDropoutAndTheOrderOfSamples) {
  Points data = points(64);
  auto build = [&] {
    keras::clearSession();
    keras::Sequential model({layers::Dense(8, {.inputShape = {2}, .name = "hidden"}),
                             layers::Dropout(0.5), layers::Dense(2, {.activation = "softmax"})});
    model.compile({.optimizer = "sgd", .loss = "sparse_categorical_crossentropy"});
    model.setSeed(1);
    (void)model.getWeight("hidden/kernel"); // its first weights are of seed 1 from here on
    return model;
  };
  auto trained = [&](uint64_t seed, bool threads, std::optional<uint64_t> order, bool shuffle) {
    keras::Sequential model = build();
    model.setSeed(seed);
    if (threads)
      model.setThreads(1); // compiled anew, with the state carried over
    keras::FitOptions options = quiet(1);
    options.seed = order;
    options.shuffle = shuffle;
    model.fit(data.x, data.y, options);
    return floatsOf(model.getWeight("hidden/kernel"));
  };
  // Dropout alone: the samples are in one order.
  std::vector<float> dropout = trained(2, false, {}, false);
  EXPECT_NE(trained(1, false, {}, false), dropout);
  EXPECT_EQ(trained(2, true, {}, false), dropout);
  // The order: fit's own seed, or the model's.
  std::vector<float> order = trained(2, true, {}, true);
  EXPECT_EQ(trained(2, false, 2, true), order);
  EXPECT_NE(trained(2, false, 3, true), order);
}

/// The arena of a step on this many samples.
uint64_t arenaOf(keras::Model &model, int64_t batch) {
  const Artifact &artifact = *model.trainer().state().artifact();
  const ingot_function &step = *artifact.findFunction("train_step");
  std::vector<int64_t> symbols(step.symbol_count, batch), plan(step.plan_words);
  EXPECT_EQ(step.plan(symbols.data(), plan.data()), 0);
  return static_cast<uint64_t>(plan[0]);
}

TEST_F(KerasTraining, recomputationTakesLessMemoryAndGivesTheSameBits) {
  auto deepMlp = [] {
    std::vector<keras::Layer> stack = {layers::InputLayer({2})};
    for (int i = 0; i < 6; ++i) {
      stack.push_back(layers::Dense(64));
      stack.push_back(layers::Activation("gelu"));
      stack.push_back(layers::Dropout(0.1));
    }
    stack.push_back(layers::Dense(2, {.activation = "softmax"}));
    return keras::Sequential(stack);
  };
  auto deepCnn = [] {
    std::vector<keras::Layer> stack = {layers::InputLayer({2}), layers::Dense(64),
                                       layers::Reshape({8, 8, 1})};
    for (int i = 0; i < 3; ++i) {
      stack.push_back(layers::Conv2D(4, 3, {.padding = "same"}));
      stack.push_back(layers::Activation("silu"));
    }
    stack.push_back(layers::GlobalAveragePooling2D());
    stack.push_back(layers::Dense(2, {.activation = "softmax"}));
    return keras::Sequential(stack);
  };
  Points data = points(64);
  for (bool isCnn : {false, true}) {
    std::vector<std::vector<float>> weights[2];
    uint64_t arena[2];
    for (bool recompute : {false, true}) {
      keras::clearSession();
      keras::Sequential model = isCnn ? deepCnn() : deepMlp();
      model.compile(
          {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .recompute = recompute});
      model.fit(data.x, data.y, quiet(2));
      for (const ingot::Tensor &weight : model.getWeights())
        weights[recompute].push_back(floatsOf(weight));
      arena[recompute] = arenaOf(model, 256);
    }
    EXPECT_EQ(weights[0], weights[1]);
    EXPECT_LT(arena[1], arena[0]) << (isCnn ? "CNN" : "MLP");
    std::printf("%s: arena of a step on 256 samples %lu bytes, recomputing %lu\n",
                isCnn ? "CNN" : "MLP", arena[0], arena[1]);
  }
}

TEST_F(KerasTraining, aMemoryBudgetIsKeptAndGivesTheSameBits) {
  // Convolutions without activations: nothing cheap is there to be computed again.
  auto train = [&](uint64_t budget) {
    keras::clearSession();
    std::vector<keras::Layer> stack = {layers::InputLayer({2}), layers::Dense(64),
                                       layers::Reshape({8, 8, 1})};
    for (int i = 0; i < 8; ++i)
      stack.push_back(layers::Conv2D(8, 3, {.padding = "same"}));
    stack.push_back(layers::GlobalAveragePooling2D());
    stack.push_back(layers::Dense(2, {.activation = "softmax"}));
    keras::Sequential model(stack);
    model.compile({.optimizer = "adam",
                   .loss = "sparse_categorical_crossentropy",
                   .memoryBudget = {budget, 256}});
    Points data = points(64);
    model.fit(data.x, data.y, quiet(2));
    std::vector<std::vector<float>> weights;
    for (const ingot::Tensor &weight : model.getWeights())
      weights.push_back(floatsOf(weight));
    return std::pair(weights, arenaOf(model, 256));
  };
  auto [plain, arena] = train(0);
  for (uint64_t share : {95, 85, 80}) {
    uint64_t budget = arena * share / 100;
    auto [weights, less] = train(budget);
    EXPECT_LE(less, budget);
    EXPECT_EQ(weights, plain) << share << " %";
  }
  try {
    train(arena / 20);
    FAIL() << "a twentieth cannot be enough";
  } catch (const keras::Error &error) {
    EXPECT_EQ(error.code(), StatusCode::ResourceExhausted);
    EXPECT_THAT(error.what(), HasSubstr("`train_step` takes at least"));
    EXPECT_THAT(error.what(), HasSubstr("at batch=256"));
    EXPECT_THAT(error.what(), HasSubstr("conv2d"));
  }
}

TEST_F(KerasTraining, codeIsKeptWhereTheEnvironmentSays) {
  namespace fs = std::filesystem;
  std::string directory = testing::TempDir() + "keras-cache-" + std::to_string(getpid());
  auto train = [&] {
    keras::clearSession();
    keras::Sequential model({layers::InputLayer({2}), layers::Dense(4, {.activation = "tanh"}),
                             layers::Dense(2, {.activation = "softmax"})});
    model.compile({.optimizer = "sgd", .loss = "sparse_categorical_crossentropy"});
    Points data = points(64);
    model.fit(data.x, data.y, quiet(2));
    return floatsOf(model.getWeights()[0]);
  };
  std::vector<float> plain = train();
  setenv("INGOT_CACHE", directory.c_str(), 1);
  std::vector<float> first = train(), second = train();
  unsetenv("INGOT_CACHE");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator()), 1)
      << "the second model took the first one's code";
  EXPECT_EQ(first, plain);
  EXPECT_EQ(second, plain);
  fs::remove_all(directory);
}

} // namespace
} // namespace ingot::test
