// Every optimizer, option and schedule beside the real Keras, step by step, on the reference
// interpreter and on compiled code; Keras's configurations read and written; the order of its
// variables. What Keras made of the gradients is in tests/fixtures/keras/optimizers.json.
#include "compiler/autodiff/Differentiate.h"
#include "frontends/keras/OptimizerImpl.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "tests/support/RunCompiled.h"
#include "tests/unit/frontends/KerasTest.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace ingot::test {
namespace {

using keras::detail::Json;
using ::testing::AllOf;
using ::testing::HasSubstr;
namespace optimizers = keras::optimizers;
namespace schedules = keras::optimizers::schedules;

Json read(const std::string &name) {
  std::ifstream file(std::string(INGOT_SOURCE_DIR) + "/tests/fixtures/keras/" + name);
  return Json::parse(file);
}
const Json &fixture() {
  static const Json document = read("optimizers.json");
  return document;
}

std::string nameOf(size_t number) { return fixture()["cases"][number]["name"]; }
std::vector<double> numbers(const Json &list) { return list.get<std::vector<double>>(); }

/// The loss is the sum of weights times inputs, so that the gradients are the inputs.
constexpr const char *kProblem = R"mlir(
  graph.variable @"dense/kernel" {role = "trainable"} : tensor<3x2xf32>
  graph.variable @"dense/bias" {role = "trainable"} : tensor<2xf32>
  func.func @loss(%g: tensor<3x2xf32>, %h: tensor<2xf32>) -> tensor<f32> {
    %k = graph.read @"dense/kernel" : tensor<3x2xf32>
    %b = graph.read @"dense/bias" : tensor<2xf32>
    %kg = graph.mul %k, %g : tensor<3x2xf32>
    %bh = graph.mul %b, %h : tensor<2xf32>
    %s = graph.reduce %kg {kind = 0 : i32, axes = array<i64: 0, 1>} : (tensor<3x2xf32>) -> tensor<f32>
    %t = graph.reduce %bh {kind = 0 : i32, axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
    %l = graph.add %s, %t : tensor<f32>
    return %l : tensor<f32>
  })mlir";

/// The interpreter or compiled code: both hold variables and run functions.
struct Machine {
  virtual ~Machine() = default;
  virtual void set(const std::string &name, const reference::Tensor &value) = 0;
  virtual reference::Tensor get(const std::string &name, mlir::Type element) = 0;
  virtual void run(const std::string &function, const std::vector<reference::Tensor> &inputs) = 0;
};

struct OnInterpreter : Machine {
  Interpreter interpreter;
  explicit OnInterpreter(mlir::ModuleOp module) : interpreter(module) {}
  void set(const std::string &name, const reference::Tensor &value) override {
    interpreter.variables[name] = value;
  }
  reference::Tensor get(const std::string &name, mlir::Type) override {
    return interpreter.variables.at(name);
  }
  void run(const std::string &function, const std::vector<reference::Tensor> &inputs) override {
    ASSERT_TRUE(mlir::succeeded(interpreter.run(function, inputs))) << interpreter.error();
  }
};

struct OnCpu : Machine {
  tests::CompiledModule compiled;
  mlir::Type scalar;
  explicit OnCpu(mlir::ModuleOp module) : compiled(module) {
    EXPECT_TRUE(compiled.ok()) << compiled.error();
    scalar = mlir::RankedTensorType::get({}, mlir::Float32Type::get(module.getContext()));
  }
  void set(const std::string &name, const reference::Tensor &value) override {
    compiled.setVariable(name, value);
  }
  reference::Tensor get(const std::string &name, mlir::Type element) override {
    return compiled.variable(name, element);
  }
  void run(const std::string &function, const std::vector<reference::Tensor> &inputs) override {
    llvm::SmallVector<mlir::Type> outputs(inputs.empty() ? 0 : 1, scalar);
    compiled.run(function, inputs, outputs);
    ASSERT_EQ(compiled.error(), "");
  }
};

class KerasOptimizers : public KerasTest, public ::testing::WithParamInterface<size_t> {
protected:
  KerasOptimizers() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  void makeModule(const keras::Optimizer &optimizer) {
    module = mlir::parseSourceString<mlir::ModuleOp>(kProblem, &context);
    spec = keras::detail::specOf(optimizer);
    ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", spec)));
    ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  }
  std::vector<reference::Tensor> pair(const std::vector<double> &values) {
    llvm::ArrayRef<double> all(values);
    return {floats({3, 2}, all.take_front(6)), floats({2}, all.drop_front(6))};
  }
  std::vector<double> weights(Machine &machine) {
    mlir::Type f32 = mlir::Float32Type::get(&context);
    std::vector<double> values = valuesOf(machine.get("dense/kernel", f32));
    llvm::append_range(values, valuesOf(machine.get("dense/bias", f32)));
    return values;
  }
  void expectNear(const std::vector<double> &got, const std::vector<double> &want,
                  const std::string &what) {
    ASSERT_EQ(got.size(), want.size()) << what;
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_NEAR(got[i], want[i], 2e-6 * std::max(std::fabs(want[i]), 0.1)) << what << " " << i;
  }
  void compareWithKeras(Machine &machine, const Json &c);
  void compareState(Machine &machine, const Json &c);

  OptimizerSpec spec;
};

/// All of the optimizer's variables, in Keras's order.
void KerasOptimizers::compareState(Machine &machine, const Json &c) {
  auto si64 = mlir::IntegerType::get(&context, 64, mlir::IntegerType::Signed);
  std::vector<OptimizerVariable> kept = optimizerVariables(spec, {"dense/kernel", "dense/bias"});
  ASSERT_EQ(kept.size(), c["variables"].size());
  for (size_t i = 0; i < kept.size(); ++i) {
    std::vector<double> got = {kept[i].initial};
    if (!kept[i].name.empty())
      got = valuesOf(machine.get(
          kept[i].name, kept[i].isInteger ? mlir::Type(si64) : mlir::Float32Type::get(&context)));
    expectNear(got, numbers(c["variables"][i]), "variable " + std::to_string(i) + kept[i].name);
  }
}

void KerasOptimizers::compareWithKeras(Machine &machine, const Json &c) {
  machine.run("initialize", {});
  std::vector<reference::Tensor> initial = pair(numbers(fixture()["initial"]));
  machine.set("dense/kernel", initial[0]);
  machine.set("dense/bias", initial[1]);
  for (size_t step = 0; step < c["weights"].size(); ++step) {
    std::vector<double> gradients = numbers(fixture()["gradients"][step]);
    for (const Json &bad : c["infinite"])
      if (bad == step)
        for (size_t i : {6, 7})
          gradients[i] *= INFINITY;
    machine.run("train_step", pair(gradients));
    expectNear(weights(machine), numbers(c["weights"][step]), "step " + std::to_string(step));
    double rate = machine.get("learning_rate", mlir::Float32Type::get(&context)).real(0);
    EXPECT_NEAR(rate, c["rates"][step].get<double>(), 1e-6 * 0.1) << "step " << step;
  }
  compareState(machine, c);
  if (module->lookupSymbol("finalize"))
    machine.run("finalize", {});
  expectNear(weights(machine), numbers(c["final"]), "finalized");
}

keras::Optimizer optimizerOf(const Json &c) {
  keras::Optimizer optimizer = keras::detail::optimizerFromJson(c["optimizer"]);
  optimizer.excludeFromWeightDecay(c.value("excluded", std::vector<std::string>()));
  return optimizer;
}

TEST_P(KerasOptimizers, weightsRatesAndStateAreKerass) {
  const Json &c = fixture()["cases"][GetParam()];
  makeModule(optimizerOf(c));
  OnInterpreter machine(*module);
  compareWithKeras(machine, c);
}

TEST_P(KerasOptimizers, compiledTooTheyAreKerass) {
  const Json &c = fixture()["cases"][GetParam()];
  makeModule(optimizerOf(c));
  OnCpu machine(*module);
  compareWithKeras(machine, c);
}

TEST_P(KerasOptimizers, configurationsAreWrittenAsKerasWritesThem) {
  const Json &c = fixture()["cases"][GetParam()];
  Json written = keras::detail::optimizerToJson(keras::detail::optimizerFromJson(c["optimizer"]));
  // Without regard to the order of keys, and 3 is 3.0.
  EXPECT_EQ(nlohmann::json::parse(written.dump()), nlohmann::json::parse(c["optimizer"].dump()));
}

INSTANTIATE_TEST_SUITE_P(All, KerasOptimizers,
                         ::testing::Range(size_t(0), fixture()["cases"].size()),
                         [](const auto &info) { return nameOf(info.param); });

/// What fit makes of a small network, beside what Keras's made of it (optimizers_fit.json).
class KerasOptimizersInFit : public KerasTest {
protected:
  ingot::Tensor tensorOf(const Json &values, const ingot::Shape &shape) {
    return *ingot::Tensor::of(shape, values.get<std::vector<float>>());
  }
  keras::Sequential network() {
    keras::clearSession();
    return keras::Sequential(
        {layers::Dense(4, {.activation = "tanh", .inputShape = {3}}), layers::Dense(1)});
  }
  keras::FitOptions quiet(int64_t epochs) {
    return {
        .batchSize = 8, .epochs = epochs, .verbose = keras::Verbosity::Silent, .shuffle = false};
  }
  void setInitialWeights(keras::Model &model) {
    std::vector<ingot::Tensor> weights;
    for (const ingot::Tensor &weight : model.getWeights())
      weights.push_back(tensorOf(document["initial"][weights.size()], weight.shape()));
    model.setWeights(weights);
  }

  const Json document = read("optimizers_fit.json");
  const ingot::Tensor x = tensorOf(document["x"], {40, 3}), y = tensorOf(document["y"], {40, 1});
};

TEST_F(KerasOptimizersInFit, lossesAndFinalWeightsAreKerass) {
  for (const Json &c : document["cases"]) {
    SCOPED_TRACE(c["name"].get<std::string>());
    keras::Sequential model = network();
    model.compile(
        {.optimizer = optimizerOf(c), .loss = "mse", .lossWeights = {c["weight"].get<double>()}});
    setInitialWeights(model);
    keras::History history = model.fit(x, y, quiet(3));
    for (size_t epoch = 0; epoch < 3; ++epoch)
      EXPECT_NEAR(history.history.at("loss")[epoch] / c["loss"][epoch].get<double>(), 1, 1e-5);
    std::vector<ingot::Tensor> weights = model.getWeights();
    for (size_t w = 0; w < weights.size(); ++w) {
      std::vector<double> wanted = numbers(c["weights"][w]);
      for (size_t i = 0; i < wanted.size(); ++i)
        EXPECT_NEAR(weights[w].data<float>()[i], wanted[i], 1e-5) << w << " " << i;
    }
    EXPECT_NEAR(*model.trainer().learningRate(), c["rate"].get<double>(), 1e-8);
  }
}

TEST_F(KerasOptimizersInFit, aScheduledRateIsNotSettable) {
  keras::Sequential model = network();
  model.compile(
      {.optimizer = optimizers::SGD({.learningRate = schedules::ExponentialDecay(0.1, 5, 0.5)}),
       .loss = "mse"});
  EXPECT_NEAR(*model.trainer().learningRate(), 0.1, 1e-8);
  EXPECT_THAT(model.trainer().setLearningRate(0.01).message(),
              HasSubstr("This optimizer was created with a `LearningRateSchedule` object"));
  model.fit(x, y, quiet(1));
  EXPECT_NEAR(*model.trainer().learningRate(), 0.05, 1e-8);
  EXPECT_EQ(model.trainer().setLearningRate(0.01).code(), StatusCode::FailedPrecondition);
  keras::FitOptions options = quiet(4);
  train::LearningRateScheduler scheduler([](int64_t, double) { return 0.01; });
  options.callbacks = {&scheduler};
  EXPECT_THAT(errorOf([&] { model.fit(x, y, options); }), HasSubstr("is not settable"));
  train::ReduceLROnPlateau plateau({.monitor = "loss", .patience = 1, .minDelta = 1e9});
  options.callbacks = {&plateau};
  EXPECT_THAT(errorOf([&] { model.fit(x, y, options); }), HasSubstr("is not settable"));
}

TEST_F(KerasOptimizersInFit, aSavedModelGoesOnWithItsOptimizer) {
  keras::Optimizer inner =
      optimizers::AdamW({.learningRate = schedules::PiecewiseConstantDecay({4, 9}, {.1, .05, .01}),
                         .amsgrad = true,
                         .globalClipnorm = 0.5,
                         .useEma = true,
                         .emaOverwriteFrequency = 3,
                         .gradientAccumulationSteps = 2});
  inner.excludeFromWeightDecay({"bias"});
  keras::CompileOptions options = {
      .optimizer = optimizers::LossScaleOptimizer(inner, {.dynamicGrowthSteps = 3}), .loss = "mse"};
  keras::Sequential straight = network();
  straight.compile(options);
  setInitialWeights(straight);
  // The end of a fit puts averages into the weights, so each part is a fit of its own.
  straight.fit(x, y, quiet(1));
  straight.fit(x, y, quiet(1));

  std::string path = ::testing::TempDir() + "keras_optimizer_goes_on-" + std::to_string(getpid());
  std::filesystem::remove_all(path);
  keras::Sequential first = network();
  first.compile(options);
  setInitialWeights(first);
  first.fit(x, y, quiet(1));
  first.save(path);
  keras::Model loaded = keras::loadModel(path);
  const keras::Optimizer &read = loaded.impl()->training->optimizer;
  EXPECT_EQ(keras::detail::optimizerToJson(read),
            keras::detail::optimizerToJson(options.optimizer));
  loaded.fit(x, y, quiet(1));
  for (const std::string &name : straight.weightNames()) {
    ingot::Tensor want = straight.getWeight(name), got = loaded.getWeight(name);
    for (int64_t i = 0; i < want.elementCount(); ++i)
      EXPECT_EQ(got.data<float>()[i], want.data<float>()[i]) << name << " " << i;
  }
  std::filesystem::remove_all(path);
}

class KerasSchedules : public KerasTest {};

TEST_F(KerasSchedules, aScheduleIsAFunctionOfTheStep) {
  for (const Json &c : fixture()["cases"]) {
    keras::Optimizer optimizer = optimizerOf(c);
    if (optimizer.className == "LossScaleOptimizer")
      continue;
    const keras::Argument &rate = keras::detail::argument(optimizer.config, "learning_rate");
    if (const auto *schedule =
            std::get_if<std::shared_ptr<const keras::LearningRateSchedule>>(&rate))
      for (size_t step = 0; step < c["rates"].size(); ++step)
        EXPECT_NEAR((**schedule)(static_cast<int64_t>(step + 1)), c["rates"][step].get<double>(),
                    1e-8)
            << c["name"] << " " << step;
  }
}

TEST_F(KerasSchedules, functionsGiveTheClassesOfTheirNames) {
  auto same = [](const keras::LearningRateSchedule &schedule, const std::string &name) {
    for (const Json &c : fixture()["cases"])
      if (c["name"] == "schedule_" + name) {
        Json config = keras::detail::scheduleToJson(schedule);
        EXPECT_EQ(nlohmann::json::parse(config.dump()),
                  nlohmann::json::parse(c["optimizer"]["config"]["learning_rate"].dump()));
        return;
      }
    ADD_FAILURE() << name;
  };
  same(schedules::ExponentialDecay(0.1, 3, 0.7, {.staircase = true}), "exponential_staircase");
  same(schedules::PiecewiseConstantDecay({2, 5, 6}, {0.1, 0.03, 0.02, 0.005}), "piecewise");
  same(schedules::PolynomialDecay(0.1, 4, {.endLearningRate = 0.01, .power = 2, .cycle = true}),
       "polynomial_cycle");
  same(schedules::InverseTimeDecay(0.1, 2, 0.5), "inverse_time");
  same(schedules::CosineDecay(0.01, 5, {.warmupTarget = 0.1, .warmupSteps = 3}), "cosine_warmup");
  same(schedules::CosineDecayRestarts(0.1, 2, {.tMul = 1.5, .mMul = 0.9, .alpha = 0.1}),
       "restarts_long");
}

TEST_F(KerasSchedules, optionsAreKerassArguments) {
  keras::Optimizer adam = optimizers::Adam({.learningRate = schedules::CosineDecay(0.1, 9),
                                            .beta1 = 0.8,
                                            .amsgrad = true,
                                            .weightDecay = 0.01,
                                            .clipnorm = 2,
                                            .useEma = true,
                                            .emaOverwriteFrequency = 5,
                                            .gradientAccumulationSteps = 4,
                                            .name = "mine"});
  OptimizerSpec spec = keras::detail::specOf(
      optimizers::LossScaleOptimizer(adam, {.initialScale = 1024, .dynamicGrowthSteps = 7}));
  EXPECT_EQ(spec.beta1, 0.8);
  EXPECT_TRUE(spec.amsgrad);
  EXPECT_EQ(spec.weightDecay, 0.01);
  EXPECT_EQ(spec.clipNorm, 2);
  EXPECT_EQ(spec.emaMomentum, 0.99);
  EXPECT_EQ(spec.emaOverwriteFrequency, 5);
  EXPECT_EQ(spec.accumulationSteps, 4);
  EXPECT_EQ(spec.dynamicScale->initial, 1024);
  EXPECT_EQ(spec.dynamicScale->growthSteps, 7);
  EXPECT_FLOAT_EQ(spec.learningRate, 0.1);
  EXPECT_EQ(keras::detail::text(adam.config, "name"), "mine");
  EXPECT_EQ(optimizers::Ftrl({.l1RegularizationStrength = 0.5}).get("l1_regularization_strength"),
            0.5);
}

TEST_F(KerasSchedules, mistakesAreNamedWithWhatWouldBeRight) {
  EXPECT_THAT(errorOf([] { optimizers::SGD({.momentum = 1.5}); }),
              HasSubstr("optimizer SGD: momentum must be a number from 0 to 1, got 1.5"));
  EXPECT_THAT(errorOf([] { optimizers::Adam({.learningRate = -1}); }),
              HasSubstr("optimizer Adam: learning_rate must be a number from 0 to below 1e+30 or a "
                        "schedule, got -1"));
  EXPECT_THAT(errorOf([] { optimizers::Lion({.beta1 = 0}); }),
              HasSubstr("optimizer Lion: beta_1 must be a number above 0 to 1, got 0"));
  EXPECT_THAT(errorOf([] { optimizers::SGD({.gradientAccumulationSteps = 1}); }),
              HasSubstr("gradient_accumulation_steps must be a whole number at least 2, got 1"));
  EXPECT_THAT(errorOf([] { optimizers::SGD({.useEma = true, .emaMomentum = 1.1}); }),
              HasSubstr("ema_momentum must be a number from 0 to 1, got 1.1"));
  EXPECT_THAT(errorOf([] { optimizers::SGD({.clipnorm = 1, .globalClipnorm = 2}); }),
              HasSubstr("only one of clipnorm, clipvalue and global_clipnorm can be set, got "
                        "clipnorm = 1 and global_clipnorm = 2"));
  EXPECT_THAT(errorOf([] { optimizers::SGD({.learningRate = std::nan("")}); }),
              HasSubstr("learning_rate must be"));
  EXPECT_THAT(errorOf([] { keras::Optimizer("Adam", {{"nesterov", true}}); }),
              HasSubstr("optimizer Adam: unknown argument 'nesterov'"));
  EXPECT_THAT(errorOf([] { keras::Optimizer("SGD", {{"nesterov", 0.5}}); }),
              HasSubstr("nesterov must be true or false, got 0.5"));
  EXPECT_THAT(
      errorOf([] { schedules::ExponentialDecay(0.1, 0, 0.5); }),
      HasSubstr("schedule ExponentialDecay: decay_steps must be a whole number above 0, got 0"));
  EXPECT_THAT(errorOf([] { schedules::PiecewiseConstantDecay({1, 2}, {0.1}); }),
              HasSubstr("one value more than boundaries, got 2 boundaries and 1 values"));
  EXPECT_THAT(errorOf([] { schedules::PiecewiseConstantDecay({2, 2}, {0.1, 0.2, 0.3}); }),
              HasSubstr("boundaries must rise, got 2 after 2"));
  EXPECT_THAT(errorOf([] { keras::LearningRateSchedule("CosineDecai", {}); }),
              HasSubstr("unknown schedule 'CosineDecai': did you mean 'CosineDecay'?"));
  EXPECT_THAT(errorOf([] { keras::LearningRateSchedule("CosineDecay", {}); }),
              HasSubstr("schedule CosineDecay needs initial_learning_rate, a number"));
  EXPECT_THAT(
      errorOf([] { optimizers::LossScaleOptimizer(optimizers::LossScaleOptimizer("adam")); }),
      HasSubstr("inner_optimizer must be another optimizer"));
  EXPECT_THAT(errorOf([] {
                keras::Optimizer("LossScaleOptimizer",
                                 {{"inner_optimizer", std::shared_ptr<const keras::Optimizer>()}});
              }),
              HasSubstr("inner_optimizer must be an optimizer"));
}

TEST_F(KerasSchedules, configurationsFromFilesAreCheckedLikeArguments) {
  auto said = [](const std::string &text) {
    return errorOf([&] { keras::detail::optimizerFromJson(Json::parse(text)); });
  };
  auto adam = [](const std::string &config) {
    return R"({"class_name": "Adam", "config": {)" + config + "}}";
  };
  EXPECT_THAT(said(R"({"class_name": "Lambda", "config": {}})"),
              HasSubstr("unknown optimizer 'Lambda'"));
  EXPECT_THAT(said(adam(R"("clipnorm": "x")")),
              HasSubstr("clipnorm must be a number at least 0, got 'x'"));
  EXPECT_THAT(said(adam(R"("clipnorm": [1])")), HasSubstr("got a list of 1"));
  EXPECT_THAT(said(adam(R"("learning_rate": 1e39)")),
              HasSubstr("learning_rate must be a number from 0 to below 1e+30 or a schedule"));
  EXPECT_THAT(said(adam(R"("gradient_accumulation_steps": 1e300)")),
              HasSubstr("must be a whole number"));
  EXPECT_THAT(said(adam(R"("beta_3": 0.5)")), HasSubstr("unknown argument 'beta_3'"));
  EXPECT_THAT(said(adam(R"("learning_rate": {"class_name": "function", "config": {}})")),
              HasSubstr("unknown schedule 'function'"));
  EXPECT_THAT(said(adam(R"("learning_rate": {"class_name": "CosineDecay", "config": {}})")),
              HasSubstr("schedule CosineDecay needs initial_learning_rate"));
  std::string piecewise = R"("learning_rate": {"class_name": "PiecewiseConstantDecay", "config": )";
  EXPECT_THAT(said(adam(piecewise + R"({"boundaries": [1e300], "values": [1, 2]}})")),
              HasSubstr("boundaries must be whole numbers"));
  std::string many = "0";
  for (int i = 0; i < 10000; ++i)
    many += ",0";
  EXPECT_THAT(said(adam(piecewise + R"({"boundaries": [1], "values": [)" + many + "]}}")),
              HasSubstr("has 10001 elements; at most 10000 are supported"));
  // Keras 2 wrote arguments that Keras 3 takes no notice of.
  EXPECT_EQ(keras::detail::optimizerFromJson(
                Json::parse(adam(R"("decay": 0.1, "jit_compile": true, "beta_1": 0.7)")))
                .get("beta_1"),
            0.7);
}

} // namespace
} // namespace ingot::test
