// Losses and metrics against the real Keras's: values, gradients and results over batches of two
// sizes, with and without sample weights, on the reference interpreter and compiled; the names of
// History; mistakes.
//
// The fixtures and how they were made are in tests/fixtures/keras/losses.
#include "frontends/keras/TrainingPlan.h"
#include "frontends/keras/files/ModelFile.h"
#include "tests/support/RunCompiled.h"
#include "tests/unit/frontends/KerasTest.h"

#include <fstream>
#include <functional>

namespace ingot::test {
namespace {

using keras::detail::Json;
using ::testing::AllOf;
using ::testing::HasSubstr;

Json fixture(const std::string &name) {
  std::ifstream file(std::string(INGOT_KERAS_FIXTURES) + "/losses/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  return Json::parse(file);
}

class KerasLosses : public KerasTest {
protected:
  using Tensors = std::vector<reference::Tensor>;

  reference::Tensor tensorOf(const Json &json, bool isClasses = false) {
    auto shape = json.at("shape").get<std::vector<int64_t>>();
    auto values = json.at("values").get<std::vector<double>>();
    mlir::Type type = mlir::Float32Type::get(&context);
    if (isClasses)
      type = mlir::IntegerType::get(&context, 64, mlir::IntegerType::Signed);
    reference::Tensor t(type, shape);
    for (auto [i, value] : llvm::enumerate(values))
      t.set(static_cast<int64_t>(i),
            isClasses ? Number::integer(static_cast<int64_t>(value)) : Number::real(value));
    return t;
  }

  /// Runs functions of the module, on the interpreter or compiled, with layers' kernels that change
  /// nothing.
  struct Runner {
    KerasLosses &test;
    std::unique_ptr<tests::CompiledModule> compiled = {};

    void compile() {
      mlir::DialectRegistry registry;
      registerDialects(registry);
      test.context.appendDialectRegistry(registry);
      test.context.loadAllAvailableDialects();
      compiled = std::make_unique<tests::CompiledModule>(*test.module);
      ASSERT_TRUE(compiled->ok()) << compiled->error();
    }
    void set(const std::string &name, const reference::Tensor &value) {
      if (compiled)
        compiled->setVariable(name, value);
      else
        test.interpreter->variables[name] = value;
    }
    std::vector<double> get(const std::string &name) {
      return test.valuesOf(compiled
                               ? compiled->variable(name, mlir::Float32Type::get(&test.context))
                               : test.interpreter->variables.at(name));
    }
    Tensors run(const std::string &function, const Tensors &inputs) {
      if (!compiled) {
        auto results = test.run(function, inputs);
        return Tensors(results.begin(), results.end());
      }
      auto type = test.module->lookupSymbol<mlir::func::FuncOp>(function).getFunctionType();
      Tensors results = compiled->run(function, inputs, type.getResults());
      EXPECT_EQ(results.size(), type.getNumResults()) << compiled->error();
      return results;
    }
  };

  reference::Tensor identity(int64_t n) {
    std::vector<double> values(static_cast<size_t>(n * n), 0);
    for (int64_t i = 0; i < n; ++i)
      values[static_cast<size_t>(i * n + i)] = 1;
    return floats({n, n}, values);
  }

  /// The names of a function's inputs or results.
  std::vector<std::string> namesOf(const std::string &function, bool areInputs) {
    std::vector<std::string> names;
    auto op = module->lookupSymbol<mlir::func::FuncOp>(function);
    unsigned count = !op ? 0 : areInputs ? op.getNumArguments() : op.getNumResults();
    for (unsigned i = 0; i < count; ++i)
      names.push_back((areInputs ? op.getArgAttrOfType<mlir::StringAttr>(i, "graph.name")
                                 : op.getResultAttrOfType<mlir::StringAttr>(i, "graph.name"))
                          .str());
    return names;
  }

  bool hasClasses(const Json &group) {
    const Json &batch = group.at("batches")[0];
    return batch.at("y").at("shape").size() < batch.at("x").at("shape").size();
  }

  void checkLosses(const Json &group, bool weighted, bool compiled);
  void checkMetrics(const Json &group, bool compiled);
  std::map<std::string, double> resultsOf(const Json &group, Runner &runner);
};

void expectClose(double value, double expected, const std::string &what) {
  EXPECT_NEAR(value, expected, 2e-6 + 1e-5 * std::abs(expected)) << what;
}

/// Each loss has an output of its own, behind a kernel whose gradient is x transposed times the
/// loss's.
void KerasLosses::checkLosses(const Json &group, bool weighted, bool compiled) {
  keras::clearSession();
  const Json &batches = group.at("batches"), &cases = group.at("losses");
  auto shape = batches[0].at("x").at("shape").get<keras::Shape>();
  const int64_t features = shape.back();
  auto input = keras::Input(keras::Shape(shape.begin() + 1, shape.end()));
  std::vector<keras::Tensor> outputs;
  std::vector<keras::Loss> losses;
  for (const Json &loss : cases) {
    std::string name = "loss" + std::to_string(losses.size());
    outputs.push_back(layers::Dense(features, {.useBias = false, .name = name})(input));
    losses.push_back(keras::detail::lossFromJson(loss));
  }
  keras::Model model({input}, outputs);
  model.compile({.optimizer = keras::optimizers::SGD({.learningRate = 1}), .loss = losses});
  model.impl()->takesSampleWeights = weighted;
  load(model);
  Runner runner{*this};
  if (compiled)
    runner.compile();
  std::vector<std::string> names = namesOf("train_step", /*areInputs=*/false);
  for (size_t k = 0; k < batches.size(); ++k) {
    Tensors inputs = {tensorOf(batches[k].at("x"))};
    inputs.insert(inputs.end(), losses.size(), tensorOf(batches[k].at("y"), hasClasses(group)));
    if (weighted)
      inputs.insert(inputs.end(), losses.size(), tensorOf(batches[k].at("w")));
    for (size_t i = 0; i < losses.size(); ++i)
      runner.set("loss" + std::to_string(i) + "/kernel", identity(features));
    runner.set("learning_rate", floats({}, {1}));
    Tensors results = runner.run("train_step", inputs);
    ASSERT_EQ(results.size(), names.size());
    std::vector<double> x = valuesOf(inputs[0]);
    for (size_t i = 0; i < losses.size(); ++i) {
      const Json &expected = cases[i].at(weighted ? "weighted" : "plain");
      std::string what = group.at("name").get<std::string>() + " " +
                         cases[i].dump().substr(0, 180) + " batch " + std::to_string(k);
      size_t at =
          llvm::find(names, losses.size() == 1 ? "loss" : "loss" + std::to_string(i) + "_loss") -
          names.begin();
      expectClose(results[at].real(0), expected.at("values")[k].get<double>(), what);
      auto g = expected.at("gradients")[k].get<std::vector<double>>();
      std::vector<double> kernel = runner.get("loss" + std::to_string(i) + "/kernel");
      for (int64_t a = 0; a < features; ++a)
        for (int64_t b = 0; b < features; ++b) {
          double slope = 0;
          for (size_t row = 0; row < x.size(); row += features)
            slope += x[row + a] * g[row + b];
          expectClose(kernel[a * features + b], (a == b) - slope, what + ", gradient");
        }
    }
  }
}

TEST_F(KerasLosses, valuesAndGradientsAreKeras) {
  for (const Json &group : fixture("losses.json"))
    checkLosses(group, /*weighted=*/false, /*compiled=*/false);
}
TEST_F(KerasLosses, weightedValuesAndGradientsAreKeras) {
  for (const Json &group : fixture("losses.json"))
    checkLosses(group, true, false);
}
TEST_F(KerasLosses, compiledValuesAndGradientsAreKeras) {
  for (const Json &group : fixture("losses.json"))
    for (bool weighted : {false, true})
      checkLosses(group, weighted, true);
}

/// All batches' means and sums, as a trainer accumulates them.
std::map<std::string, double> KerasLosses::resultsOf(const Json &group, Runner &runner) {
  std::vector<std::string> names = namesOf("evaluate", /*areInputs=*/false);
  std::map<std::string, reference::Tensor> sums;
  std::map<std::string, double> results;
  double samples = 0;
  std::vector<std::string> summed = namesOf("metrics", /*areInputs=*/true);
  for (const Json &batch : group.at("batches")) {
    Tensors inputs = {tensorOf(batch.at("x")), tensorOf(batch.at("y"), hasClasses(group)),
                      tensorOf(batch.at("w"))};
    auto size = static_cast<double>(inputs[0].shape()[0]);
    Tensors values = runner.run("evaluate", inputs);
    for (size_t i = 0; i < names.size() && i < values.size(); ++i) {
      if (!llvm::is_contained(summed, names[i])) {
        EXPECT_EQ(values[i].numElements(), 1) << names[i];
        results[names[i]] += values[i].real(0) * size;
        continue;
      }
      auto [sum, isNew] = sums.emplace(names[i], values[i]);
      for (int64_t k = 0; !isNew && k < values[i].numElements(); ++k)
        sum->second.set(k, Number::real(sum->second.real(k) + values[i].real(k)));
    }
    samples += size;
  }
  for (auto &[name, value] : results)
    value /= samples;
  Tensors inputs;
  for (const std::string &name : summed)
    inputs.push_back(sums.at(name));
  if (!inputs.empty())
    for (auto [name, value] :
         llvm::zip(namesOf("metrics", /*areInputs=*/false), runner.run("metrics", inputs)))
      results[name] = value.real(0);
  return results;
}

void KerasLosses::checkMetrics(const Json &group, bool compiled) {
  keras::clearSession();
  auto shape = group.at("batches")[0].at("x").at("shape").get<keras::Shape>();
  auto input = keras::Input(keras::Shape(shape.begin() + 1, shape.end()));
  keras::Model model(input, layers::Dense(shape.back(), {.useBias = false, .name = "out"})(input));
  std::vector<keras::Metric> plain, weighted;
  for (Json metric : group.at("metrics"))
    for (bool isWeighted : {false, true}) {
      std::vector<keras::Metric> &all = isWeighted ? weighted : plain;
      if (!metric.contains(isWeighted ? "weighted" : "plain"))
        continue;
      metric["config"]["name"] = (isWeighted ? "w" : "m") + std::to_string(all.size());
      all.push_back(keras::detail::metricFromJson(metric));
    }
  model.compile({.optimizer = "sgd",
                 .loss = hasClasses(group) ? "sparse_categorical_crossentropy" : "mse",
                 .metrics = plain,
                 .weightedMetrics = weighted});
  model.impl()->takesSampleWeights = true;
  load(model);
  Runner runner{*this};
  if (compiled)
    runner.compile();
  runner.set("out/kernel", identity(shape.back()));
  std::map<std::string, double> results = resultsOf(group, runner);
  size_t counts[2] = {0, 0};
  for (const Json &metric : group.at("metrics"))
    for (bool isWeighted : {false, true}) {
      if (!metric.contains(isWeighted ? "weighted" : "plain"))
        continue;
      std::string name = (isWeighted ? "w" : "m") + std::to_string(counts[isWeighted]++);
      ASSERT_EQ(results.count(name), 1u) << name;
      expectClose(results.at(name), metric.at(isWeighted ? "weighted" : "plain").get<double>(),
                  name + " " + group.at("name").get<std::string>() + " " + metric.dump());
    }
}

TEST_F(KerasLosses, metricsAreKeras) {
  for (const Json &group : fixture("metrics.json"))
    checkMetrics(group, /*compiled=*/false);
}
TEST_F(KerasLosses, compiledMetricsAreKeras) {
  for (const Json &group : fixture("metrics.json"))
    checkMetrics(group, /*compiled=*/true);
}

class KerasCompile : public KerasLosses {
protected:
  /// Outputs of 1, 4 and 4 values, as in names.json.
  keras::Model modelOf(const std::vector<std::string> &outputs) {
    auto input = keras::Input({4});
    std::vector<keras::Tensor> made;
    for (const std::string &name : outputs)
      made.push_back(
          layers::Dense(name == "one" ? 1 : 4, {.activation = "sigmoid", .name = name})(input));
    return keras::Model({input}, made);
  }
  /// What History would have, of the functions' results.
  std::vector<std::string> keysOf(const keras::Model &model) {
    load(model);
    std::vector<std::string> summed = namesOf("metrics", /*areInputs=*/true),
                             keys = namesOf("metrics", /*areInputs=*/false);
    for (const std::string &name : namesOf("evaluate", /*areInputs=*/false))
      if (!llvm::is_contained(summed, name))
        keys.push_back(name);
    llvm::sort(keys);
    return keys;
  }
};

TEST_F(KerasCompile, historyHasKerasNames) {
  namespace losses = keras::losses;
  namespace metrics = keras::metrics;
  using Lists = std::vector<std::vector<keras::Metric>>;
  // In the order of names.json, made as there: objects before the names that become metrics.
  std::vector<std::function<keras::CompileOptions()>> cases = {
      [] {
        return keras::CompileOptions{
            .loss = "mse", .metrics = {"accuracy", "acc", "mse", "MSE", "mean_squared_error"}};
      },
      [] {
        return keras::CompileOptions{.loss = "mse",
                                     .metrics = {"mse", metrics::MeanSquaredError(),
                                                 metrics::MeanSquaredError(), "mse", "mse"}};
      },
      [] {
        return keras::CompileOptions{.loss = "mse",
                                     .metrics = {"mae"},
                                     .weightedMetrics = {"mae", "mae", "mae", "accuracy"}};
      },
      [] {
        return keras::CompileOptions{.loss = "bce",
                                     .metrics = {"AUC", "auc", metrics::AUC(), metrics::AUC(),
                                                 metrics::Precision(),
                                                 metrics::AUC({.name = "mine"})}};
      },
      [] {
        return keras::CompileOptions{
            .loss = losses::Huber(),
            .metrics = {keras::Loss("huber"), metrics::LogCoshError(), "R2Score"}};
      },
      [] {
        return keras::CompileOptions{.loss = "mse", .metrics = Lists{{"mae"}, {"mae", "accuracy"}}};
      },
      [] {
        return keras::CompileOptions{.loss = {{"one", "bce"}, {"four", "mse"}},
                                     .metrics = {{"four", {"mae", metrics::Recall()}}}};
      },
      [] {
        return keras::CompileOptions{.loss = {"bce", "mse", "mae"},
                                     .metrics = {{"four", {"mse"}}, {"one", {"acc"}}},
                                     .weightedMetrics = {{"four", {"mse", "mse"}}}};
      },
      [] {
        return keras::CompileOptions{.loss = "mse",
                                     .metrics = {metrics::BinaryIoU(), metrics::TruePositives(),
                                                 metrics::F1Score({.threshold = 0.5}), "f1_score"}};
      },
      [] {
        return keras::CompileOptions{
            .loss = "mse",
            .metrics = {metrics::MeanIoU(4, {.sparseYTrue = false, .sparseYPred = false}),
                        metrics::OneHotMeanIoU(4), metrics::SensitivityAtSpecificity(0.5),
                        metrics::TopKCategoricalAccuracy({.k = 2})}};
      }};
  Json names = fixture("names.json");
  ASSERT_EQ(names.size(), cases.size());
  for (size_t i = 0; i < cases.size(); ++i) {
    keras::clearSession();
    keras::Model model = modelOf(names[i].at("outputs").get<std::vector<std::string>>());
    model.compile(cases[i]());
    EXPECT_EQ(keysOf(model), names[i].at("keys").get<std::vector<std::string>>())
        << names[i].at("case");
  }
}

TEST_F(KerasCompile, sampleWeightsAreInputsOfTheirOwn) {
  keras::Model model = modelOf({"one", "four"});
  model.compile({.loss = "mse"});
  load(model);
  using ::testing::ElementsAre;
  EXPECT_THAT(namesOf("evaluate", true), ElementsAre("input_layer", "one_target", "four_target"));
  model.impl()->takesSampleWeights = true;
  load(model);
  for (const char *function : {"evaluate", "train_step"})
    EXPECT_THAT(namesOf(function, true), ElementsAre("input_layer", "one_target", "four_target",
                                                     "one_sample_weight", "four_sample_weight"));
}

TEST_F(KerasCompile, fitTakesWeightsAndStreamsMetrics) {
  auto build = [&] {
    keras::clearSession();
    keras::Model model = modelOf({"one"});
    model.compile({.optimizer = "sgd",
                   .loss = "bce",
                   .metrics = {"mae", keras::metrics::AUC()},
                   .weightedMetrics = {"mae"}});
    model.setSeed(3);
    return model;
  };
  std::vector<float> x, y, w;
  for (int i = 0; i < 40; ++i) {
    x.push_back(static_cast<float>((i * 37) % 23) / 23);
    w.push_back(i % 4 < 2 ? 0.0f : 1.5f);
    if (i % 4 == 0)
      y.push_back(static_cast<float>(i / 4 % 2));
  }
  ingot::Tensor inputs = *ingot::Tensor::of({10, 4}, x), targets = *ingot::Tensor::of({10, 1}, y),
                weights = *ingot::Tensor::of({10}, std::vector<float>(w.begin(), w.begin() + 10));
  keras::Model model = build();
  keras::EvaluateOptions options = {.batchSize = 4, .verbose = keras::Verbosity::Silent};
  auto plain = model.evaluate(inputs, targets, options);
  EXPECT_EQ(plain.at("mae"), plain.at("weighted_mae"));
  options.sampleWeight = {weights};
  auto weighted = model.evaluate(inputs, targets, options);
  EXPECT_EQ(weighted.at("mae"), plain.at("mae"));
  EXPECT_NEAR(weighted.at("auc"), plain.at("auc"), 1e-6);
  EXPECT_NE(weighted.at("loss"), plain.at("loss"));
  EXPECT_NE(weighted.at("weighted_mae"), plain.at("weighted_mae"));
  // Samples of weight 0 teach nothing: the same weights whatever their targets are.
  keras::FitOptions fit = {.batchSize = 4, .epochs = 2, .verbose = keras::Verbosity::Silent};
  fit.sampleWeight = {weights};
  keras::History history = model.fit(inputs, targets, fit);
  EXPECT_EQ(history.history.count("auc"), 1u);
  keras::Model other = build();
  for (int64_t i = 0; i < 10; ++i)
    if (w[static_cast<size_t>(i)] == 0)
      targets.data<float>()[i] = 1 - targets.data<float>()[i];
  other.fit(inputs, targets, fit);
  ingot::Tensor a = model.getWeight("one/kernel"), b = other.getWeight("one/kernel");
  for (int64_t i = 0; i < 4; ++i)
    EXPECT_EQ(a.data<float>()[i], b.data<float>()[i]);
}

TEST_F(KerasCompile, lossWeightsCountInTheSumAlone) {
  keras::Model model = modelOf({"one", "four"});
  model.compile({.loss = "mse", .lossWeights = {{"four", 3}, {"one", 0.5}}});
  load(model);
  auto values =
      run("evaluate", {floats({2, 4}, {1, 2, 3}), floats({2, 1}, {0}), floats({2, 4}, {1})});
  EXPECT_NEAR(values[0].real(0), 0.5 * values[1].real(0) + 3 * values[2].real(0), 1e-6);
}

TEST_F(KerasCompile, aSoftmaxIsJudgedByItsLogits) {
  // Keras's Loss sees what the activation was applied to; with ignore_class it does not.
  auto input = keras::Input({2});
  keras::Model model(
      input, layers::Dense(2, {.activation = "softmax", .useBias = false, .name = "d"})(input));
  model.compile({.loss = "categorical_crossentropy", .metrics = {"categorical_crossentropy"}});
  load(model);
  interpreter->variables["d/kernel"] = identity(2);
  auto values = run("evaluate", {floats({1, 2}, {60, 0}), floats({1, 2}, {0, 1})});
  EXPECT_NEAR(values[0].real(0), 60, 1e-4);
  EXPECT_NEAR(values[1].real(0), 60, 1e-4);
  model.compile({.loss = keras::losses::SparseCategoricalCrossentropy({.ignoreClass = 7})});
  load(model);
  interpreter->variables["d/kernel"] = identity(2);
  EXPECT_NEAR(run("evaluate", {floats({1, 2}, {60, 0}), labels({1})})[0].real(0), 16.118, 1e-3);
}

TEST_F(KerasCompile, configurationsComeBackFromJson) {
  keras::Model model = modelOf({"one", "four"});
  keras::CompileOptions options;
  options.loss = {{"one", keras::losses::BinaryFocalCrossentropy({.gamma = 3})}, {"four", "mse"}};
  options.lossWeights = {{"one", 2}, {"four", 0.25}};
  options.metrics = {{"one", {"accuracy", keras::metrics::AUC({.curve = "PR", .name = "area"})}},
                     {"four", {keras::Loss("huber"), keras::losses::Dice()}}};
  options.weightedMetrics = {"mae", keras::metrics::OneHotMeanIoU(4)};
  model.compile(options);
  Json json = keras::detail::modelToJson(*model.impl());
  keras::detail::Problems problems;
  auto loaded = keras::detail::modelFromJson(json, problems);
  ASSERT_TRUE(loaded) << problems.text();
  EXPECT_EQ(keras::detail::modelToJson(*loaded), json);
  EXPECT_EQ(keysOf(keras::Model(loaded)), keysOf(model));
  // As earlier versions wrote it.
  json["compile_config"]["loss"] =
      Json::array({{{"name", "binary_crossentropy"}, {"from_logits", true}},
                   {{"name", "mse"}, {"from_logits", false}}});
  json["compile_config"]["metrics"] = {"mae", "mse"};
  json["compile_config"]["loss_weights"] = Json::array({1.0, 0.5});
  json["compile_config"].erase("weighted_metrics");
  loaded = keras::detail::modelFromJson(json, problems);
  ASSERT_TRUE(loaded) << problems.text();
  EXPECT_EQ(loaded->training->loss.each[0].className, "BinaryCrossentropy");
  EXPECT_EQ(loaded->training->loss.each[0].config[0].second, keras::Argument(true));
}

TEST_F(KerasCompile, configurationsComeBackFromKerasFiles) {
  keras::CompileOptions options;
  options.loss = {{"one", keras::losses::BinaryFocalCrossentropy({.gamma = 3})},
                  {"four", keras::losses::Huber({.delta = 0.5})}};
  options.lossWeights = {{"one", 2}, {"four", 0.25}};
  options.metrics = {{"one", {"accuracy", keras::metrics::AUC({.curve = "PR", .name = "area"})}},
                     {"four", {keras::Loss("huber"), keras::losses::Dice()}}};
  options.weightedMetrics = {{"four", {"mean_absolute_error"}}};
  auto configOf = [&](const keras::CompileOptions &of) {
    keras::Model model = modelOf({"one", "four"});
    model.compile(of);
    Json all = keras::detail::modelToJson(*model.impl()).at("compile_config");
    return Json::array({all["loss"], all["loss_weights"], all["metrics"], all["weighted_metrics"]});
  };
  for (bool isLegacy : {false, true}) {
    Json json = keras::detail::trainingToKeras(options, isLegacy);
    EXPECT_EQ(configOf(keras::detail::trainingFromKeras(json)), configOf(options)) << json;
  }
}

TEST_F(KerasCompile, mistakesNameTheOutputAndTheRemedy) {
  namespace losses = keras::losses;
  namespace metrics = keras::metrics;
  keras::Model one = modelOf({"four"}), two = modelOf({"one", "four"});
  auto compileTwo = [&](keras::CompileOptions options) {
    return errorOf([&] { two.compile(options); });
  };
  EXPECT_THAT(compileTwo({.loss = "mse", .metrics = {"mae"}}),
              AllOf(HasSubstr("metrics: a list has one entry an output, got 1 for 2 outputs"),
                    HasSubstr("name the outputs instead")));
  EXPECT_THAT(compileTwo({.loss = {{"one", "mse"}, {"fuor", "mae"}}}),
              HasSubstr("loss: unknown output 'fuor': did you mean 'four'?"));
  EXPECT_THAT(compileTwo({.loss = {{"one", "mse"}}}),
              HasSubstr("loss: output 'four' has none; give each of 'one', 'four' a loss"));
  EXPECT_THAT(compileTwo({.loss = "mse", .lossWeights = {1, 2, 3}}),
              HasSubstr("got 3 loss weights for 2 outputs"));
  EXPECT_THAT(errorOf([&] { one.compile({.loss = "crossentropy"}); }),
              AllOf(HasSubstr("loss 'crossentropy' of output 'four' of shape (None, 4)"),
                    HasSubstr("\"sparse_categorical_crossentropy\" for class indices")));
  EXPECT_THAT(errorOf([&] { one.compile({.loss = "mse", .metrics = {metrics::F1Score()}}); }),
              AllOf(HasSubstr("metric f1_score (F1Score)"), HasSubstr("choose an average")));
  EXPECT_THAT(errorOf([&] {
                one.compile(
                    {.loss = "mse", .metrics = {metrics::MeanIoU(4, {.sparseYTrue = false})}});
              }),
              AllOf(HasSubstr("metric mean_io_u (MeanIoU)"), HasSubstr("set sparseYPred = false")));
  EXPECT_THAT(errorOf([&] {
                one.compile({.loss = "mse", .metrics = {metrics::Precision({.classId = 4})}});
              }),
              AllOf(HasSubstr("class_id 4 is beyond the last dimension of output 'four'")));
  EXPECT_THAT(errorOf([&] {
                one.compile(
                    {.loss = "mse", .metrics = {metrics::MeanSquaredError({.name = "loss"})}});
              }),
              HasSubstr("has the name of a loss; give it another name"));
  EXPECT_THAT(errorOf([] { losses::MeanSquaredError({.reduction = "none"}); }),
              AllOf(HasSubstr("loss MeanSquaredError"), HasSubstr("sum_over_batch_size")));
  EXPECT_THAT(errorOf([] { losses::BinaryCrossentropy({.labelSmoothing = 2}); }),
              HasSubstr("loss BinaryCrossentropy: label_smoothing must be a number from 0 to 1"));
  EXPECT_THAT(errorOf([] { keras::Loss::object("Huber", {{"dleta", 1.0}}); }),
              HasSubstr("loss Huber: unknown argument 'dleta': did you mean 'delta'?"));
  EXPECT_THAT(errorOf([] { metrics::AUC({.curve = "roc"}); }),
              HasSubstr("metric AUC: curve must be one of 'ROC', 'PR', 'PRGAIN', got 'roc'"));
  EXPECT_THAT(errorOf([] { keras::Metric("SensitivityAtSpecificity"); }),
              HasSubstr("metric SensitivityAtSpecificity needs specificity, a number"));
}

} // namespace
} // namespace ingot::test
