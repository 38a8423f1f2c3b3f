// Fine-tuning of imported ONNX models: gradients against central differences, losses that go down
// in compiled artifacts, which parameters are trained, and what wrong options say.
#include "frontends/keras/TrainModule.h"
#include "frontends/onnx/ReadOnnx.h"
#include "ingot/train/Trainer.h"
#include "ir/reference/Interpreter.h"
#include "tests/support/OnnxModel.h"
#include "tests/support/RunCompiled.h"
#include <cmath>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ingot::test {
namespace {

using keras::TrainModuleOptions;
using keras::TrainModuleReport;
using reference::Interpreter;
using reference::Number;
using testing::ElementsAre;
using testing::HasSubstr;
using RTensor = reference::Tensor;

/// Values in (-1, 1), the same in every run.
float noise(int64_t i, int64_t seed) {
  double v = std::sin(12.9898 * static_cast<double>(i + 1) + 78.233 * static_cast<double>(seed)) *
             43758.5453;
  return static_cast<float>(2 * (v - std::floor(v)) - 1);
}

std::vector<float> noises(int64_t count, int64_t seed, float scale = 1, float offset = 0) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(offset + scale * noise(i, seed));
  return values;
}

/// A convolution, batch normalisation, pooling and a classifier of three classes.
OnnxModel smallCnn() {
  OnnxModel m;
  m.input("x", {"batch", "1", "6", "6"});
  m.weight("conv.weight", {4, 1, 3, 3}, noises(36, 1, 0.5));
  m.weight("conv.bias", {4}, noises(4, 2, 0.1));
  m.weight("bn.weight", {4}, noises(4, 3, 0.3, 1));
  m.weight("bn.bias", {4}, noises(4, 4, 0.3));
  m.weight("bn.running_mean", {4}, noises(4, 5, 0.2));
  m.weight("bn.running_var", {4}, noises(4, 6, 0.3, 1));
  m.weight("fc.weight", {3, 4}, noises(12, 7, 0.7));
  m.weight("fc.bias", {3}, noises(3, 8, 0.1));
  m.node("Conv", {"x", "conv.weight", "conv.bias"}, {"conv"});
  m.node("BatchNormalization",
         {"conv", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"}, {"bn"});
  m.node("Relu", {"bn"}, {"relu"});
  m.node("GlobalAveragePool", {"relu"}, {"pool"});
  m.node("Flatten", {"pool"}, {"flat"});
  OnnxModel::attribute(m.node("Gemm", {"flat", "fc.weight", "fc.bias"}, {"scores"}), "transB", 1);
  m.output("scores");
  return m;
}

class OnnxTraining : public testing::Test {
protected:
  OnnxTraining() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
    handler.emplace(context.get(), [this](mlir::Diagnostic &d) {
      messages += graph::layerName(d.getLocation()) + ": " + d.str() + "\n";
    });
  }

  /// Reads the model and adds training; null with `messages` where that fails.
  mlir::OwningOpRef<mlir::ModuleOp> load(const OnnxModel &model,
                                         const TrainModuleOptions &options) {
    std::string path = testing::TempDir() + "train-" + std::to_string(getpid()) + ".onnx";
    model.save(path);
    messages.clear();
    auto module = readOnnx(path, context.get());
    std::filesystem::remove(path);
    if (!module)
      return nullptr;
    auto made = keras::addTraining(*module, options);
    if (failed(made)) {
      EXPECT_NE(messages, "") << "a failure without a message";
      return nullptr;
    }
    report = *made;
    return module;
  }

  static TrainModuleOptions classifier(const char *optimizer = "sgd") {
    TrainModuleOptions options;
    options.loss = "sparse_categorical_crossentropy";
    options.optimizer = optimizer;
    return options;
  }

  RTensor floats(llvm::ArrayRef<int64_t> shape, const std::vector<float> &values) {
    RTensor t(mlir::Float32Type::get(context.get()), shape);
    for (int64_t i = 0; i < t.numElements(); ++i)
      t.set(i, Number::real(values[static_cast<size_t>(i)]));
    return t;
  }
  RTensor labels(const std::vector<int64_t> &values) {
    RTensor t(mlir::IntegerType::get(context.get(), 64, mlir::IntegerType::Signed),
              {static_cast<int64_t>(values.size())});
    for (int64_t i = 0; i < t.numElements(); ++i)
      t.set(i, Number::integer(values[static_cast<size_t>(i)]));
    return t;
  }

  /// The gradients that a step of plain descent with learning rate 1 took, for each trained
  /// variable, against central differences of `evaluate`.
  void expectGradients(const OnnxModel &model, TrainModuleOptions options,
                       const std::vector<RTensor> &inputs) {
    options.optimizer = keras::optimizers::SGD({.learningRate = 1});
    auto module = load(model, options);
    ASSERT_TRUE(module) << messages;
    Interpreter stepped(*module, /*exact=*/true), plain(*module, /*exact=*/true);
    ASSERT_TRUE(succeeded(stepped.run("train_step", inputs))) << stepped.error();
    for (const std::string &name : report.trained) {
      RTensor &value = plain.variables.find(name)->second;
      const RTensor &after = stepped.variables.find(name)->second;
      for (int64_t i = 0; i < value.numElements(); ++i) {
        double at = value.real(i), h = 1e-5;
        auto lossAt = [&](double x) {
          value.set(i, Number::real(x));
          return (*plain.run("evaluate", inputs))[0].real(0);
        };
        double slope = (lossAt(at + h) - lossAt(at - h)) / (2 * h);
        value.set(i, Number::real(at));
        EXPECT_NEAR(at - after.real(i), slope, 1e-6 * (1 + std::fabs(slope))) << name << " " << i;
      }
    }
  }

  std::unique_ptr<mlir::MLIRContext> context;
  std::string messages;
  std::optional<mlir::ScopedDiagnosticHandler> handler;
  TrainModuleReport report;
};

TEST_F(OnnxTraining, GradientsOfACnnAreItsCentralDifferences) {
  expectGradients(smallCnn(), classifier(),
                  {floats({5, 1, 6, 6}, noises(180, 20)), labels({0, 2, 1, 1, 0})});
  EXPECT_THAT(report.trained, ElementsAre("conv.weight", "conv.bias", "bn.weight", "bn.bias",
                                          "fc.weight", "fc.bias"));
  EXPECT_THAT(report.kept, ElementsAre("bn.running_mean", "bn.running_var"));
  EXPECT_EQ(report.meaning, "logits");
}

TEST_F(OnnxTraining, GradientsOfARecurrentNetAreItsCentralDifferences) {
  OnnxModel m;
  m.input("x", {"4", "batch", "3"});
  m.weight("w", {1, 8, 3}, noises(24, 1, 0.6));
  m.weight("r", {1, 8, 2}, noises(16, 2, 0.6));
  m.weight("b", {1, 16}, noises(16, 3, 0.2));
  m.weight("head.weight", {2, 1}, noises(2, 4));
  m.weight("head.bias", {1}, {0.1F});
  OnnxModel::attribute(m.node("LSTM", {"x", "w", "r", "b"}, {"all", "last"}), "hidden_size", 2);
  m.node("Reshape", {"last", "shape"}, {"rows"});
  auto *shape = m.graph().add_initializer();
  shape->set_name("shape");
  shape->set_data_type(::onnx::TensorProto::INT64);
  shape->add_dims(2);
  shape->add_int64_data(-1);
  shape->add_int64_data(2);
  m.node("MatMul", {"rows", "head.weight"}, {"product"});
  m.node("Add", {"product", "head.bias"}, {"y"});
  m.output("y");
  TrainModuleOptions options;
  options.loss = "mean_squared_error";
  expectGradients(m, options, {floats({4, 3, 3}, noises(36, 9)), floats({3, 1}, noises(3, 10))});
  EXPECT_THAT(report.trained, ElementsAre("w", "r", "b", "head.weight", "head.bias"))
      << "also a bias of one element";
}

TEST_F(OnnxTraining, TheLossOfACompiledModelGoesDown) {
  const std::vector<std::pair<const char *, double>> optimizers = {
      {"sgd", 0.3}, {"adam", 0.02}, {"adamw", 0.02}, {"rmsprop", 0.02}};
  for (const auto &[optimizer, rate] : optimizers) {
    TrainModuleOptions options = classifier();
    options.optimizer = keras::Optimizer(optimizer, {{"learning_rate", rate}});
    options.metrics = {"accuracy"};
    auto module = load(smallCnn(), options);
    ASSERT_TRUE(module) << messages;
    CompileOptions compileOptions;
    compileOptions.embedWeights = true;
    tests::CompiledModule compiled(*module, compileOptions);
    ASSERT_TRUE(compiled.ok()) << compiled.error();
    auto types = module->lookupSymbol<mlir::func::FuncOp>("evaluate").getResultTypes();
    std::vector<RTensor> inputs = {floats({6, 1, 6, 6}, noises(216, 30)),
                                   labels({0, 1, 2, 2, 1, 0})};
    double before = compiled.run("evaluate", inputs, types)[0].real(0);
    for (int step = 0; step < 150; ++step)
      ASSERT_EQ(compiled.run("train_step", inputs, types).size(), 2U) << compiled.error();
    double after = compiled.run("evaluate", inputs, types)[0].real(0);
    EXPECT_LT(after, 0.9 * before) << optimizer;
    EXPECT_EQ(compiled.state->getScalar<int64_t>("step").value(), 150);
    EXPECT_FLOAT_EQ(compiled.state->getScalar<float>("learning_rate").value(),
                    static_cast<float>(rate));
  }
}

TEST_F(OnnxTraining, TheTrainerFitsAnImportedModel) {
  TrainModuleOptions options = classifier();
  options.optimizer = keras::Optimizer("adam", {{"learning_rate", 0.02}});
  auto module = load(smallCnn(), options);
  ASSERT_TRUE(module) << messages;
  CompileOptions compileOptions;
  compileOptions.embedWeights = true;
  tests::CompiledModule compiled(*module, compileOptions);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  auto trainer = train::Trainer::create(*compiled.state);
  ASSERT_TRUE(trainer.isOk()) << trainer.status().message();
  Tensor images = *Tensor::of<float>({12, 1, 6, 6}, noises(432, 40));
  Tensor targets = *Tensor::of<int64_t>({12}, {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2});
  train::FitOptions fit;
  fit.batchSize = 4;
  fit.epochs = 40;
  fit.verbose = train::Verbosity::Silent;
  auto history = trainer->fit({images}, {targets}, fit);
  ASSERT_TRUE(history.isOk()) << history.status().message();
  const std::vector<double> &loss = history->history.at("loss");
  EXPECT_LT(loss.back(), 0.8 * loss.front());
}

TEST_F(OnnxTraining, StatisticsStayUnlessTheyAreTrained) {
  std::vector<RTensor> inputs = {floats({5, 1, 6, 6}, noises(180, 20)), labels({0, 2, 1, 1, 0})};
  auto meanAfter = [&](std::optional<double> momentum) {
    TrainModuleOptions options = classifier();
    options.batchNormMomentum = momentum;
    auto module = load(smallCnn(), options);
    EXPECT_TRUE(module) << messages;
    Interpreter run(*module, /*exact=*/true);
    EXPECT_TRUE(succeeded(run.run("train_step", inputs))) << run.error();
    return run.variables.find("bn.running_mean")->second.real(0);
  };
  double before = noises(4, 5, 0.2)[0];
  EXPECT_FLOAT_EQ(static_cast<float>(meanAfter({})), static_cast<float>(before));
  double half = meanAfter(0.5), none = meanAfter(0);
  EXPECT_NE(none, before);
  EXPECT_NEAR(half, (before + none) / 2, 1e-9) << "a share of one half of the old is kept";
}

TEST_F(OnnxTraining, StatisticsThatNormalisationsShareAreSeparateCopies) {
  OnnxModel m;
  m.input("x", {"batch", "2"});
  m.weight("ones", {2}, {1, 1});
  m.weight("zeros", {2}, {0, 0});
  m.node("BatchNormalization", {"x", "ones", "zeros", "zeros", "ones"}, {"a"});
  m.node("BatchNormalization", {"a", "ones", "zeros", "zeros", "ones"}, {"b"});
  m.output("b");
  TrainModuleOptions options;
  options.batchNormMomentum = 0.9;
  auto module = load(m, options);
  ASSERT_TRUE(module) << messages;
  EXPECT_THAT(report.trained, ElementsAre("ones", "zeros"));
  EXPECT_EQ(report.kept.size(), 4U);
}

TEST_F(OnnxTraining, ASoftmaxAtTheEndMakesProbabilities) {
  OnnxModel m = smallCnn();
  m.node("Softmax", {"scores"}, {"probabilities"});
  m.graph().mutable_output(0)->set_name("probabilities");
  std::vector<RTensor> inputs = {floats({5, 1, 6, 6}, noises(180, 20)), labels({0, 2, 1, 1, 0})};
  auto lossOf = [&](const OnnxModel &model) {
    auto module = load(model, classifier());
    EXPECT_TRUE(module) << messages;
    Interpreter run(*module, /*exact=*/true);
    return (*run.run("evaluate", inputs))[0].real(0);
  };
  double fromProbabilities = lossOf(m);
  EXPECT_EQ(report.meaning, "probabilities");
  EXPECT_NEAR(fromProbabilities, lossOf(smallCnn()), 1e-12);
  expectGradients(m, classifier(), inputs);
}

TEST_F(OnnxTraining, PatternsSayWhatIsTrained) {
  TrainModuleOptions options = classifier();
  options.trainable = {"fc.*", "conv.?eight"};
  options.freeze = {"*.bias"};
  auto module = load(smallCnn(), options);
  ASSERT_TRUE(module) << messages;
  EXPECT_THAT(report.trained, ElementsAre("conv.weight", "fc.weight"));
  EXPECT_FALSE(module->lookupSymbol("optimizer/bn.weight/momentum"));
  options.freeze = {"fcc.*", "[*"};
  EXPECT_FALSE(load(smallCnn(), options));
  EXPECT_THAT(messages, HasSubstr("`fcc.*` for --freeze matches no parameter; there are "
                                  "conv.weight, conv.bias"));
  EXPECT_THAT(messages, HasSubstr("`[*` for --freeze is no pattern"));
}

TEST_F(OnnxTraining, TheOutputIsNamedWhereThereAreSeveral) {
  OnnxModel m = smallCnn();
  m.output("pool");
  EXPECT_FALSE(load(m, classifier()));
  EXPECT_THAT(messages, HasSubstr("2 outputs (scores, pool); say which one"));
  TrainModuleOptions options = classifier();
  options.output = "score";
  EXPECT_FALSE(load(m, options));
  EXPECT_THAT(messages, HasSubstr("did you mean 'scores'?"));
  options.output = "scores";
  EXPECT_TRUE(load(m, options)) << messages;
  options.output = "pool";
  options.loss = "mse";
  ASSERT_TRUE(load(m, options)) << messages;
  EXPECT_THAT(report.kept, testing::Contains("fc.weight")) << "the pool does not depend on it";
}

TEST_F(OnnxTraining, WhatHasNoGradientIsNamed) {
  OnnxModel m = smallCnn();
  m.node("ArgMax", {"scores"}, {"best"}, "node_best");
  auto &cast = m.node("Cast", {"best"}, {"number"});
  OnnxModel::attribute(cast, "to", ::onnx::TensorProto::FLOAT);
  m.graph().mutable_output(0)->set_name("number");
  TrainModuleOptions options;
  EXPECT_FALSE(load(m, options));
  EXPECT_THAT(messages, HasSubstr("node_best"));
  EXPECT_THAT(messages, HasSubstr("`fc.weight` gives, and has no gradient"));
}

TEST_F(OnnxTraining, WhatCannotBeTrainedIsSaid) {
  OnnxModel none;
  none.input("x", {"batch", "3"});
  none.node("Relu", {"x"}, {"y"});
  none.output("y");
  EXPECT_FALSE(load(none, {}));
  EXPECT_THAT(messages, HasSubstr("no parameters to train"));
  OnnxModel scalar = smallCnn();
  scalar.node("ReduceMean", {"scores"}, {"mean"});
  scalar.graph().mutable_output(0)->set_name("mean");
  EXPECT_FALSE(load(scalar, classifier()));
  EXPECT_THAT(messages, HasSubstr("has one class"));
  TrainModuleOptions options = classifier();
  options.metrics = {"binary_accuracy"};
  EXPECT_FALSE(load(smallCnn(), options));
  EXPECT_THAT(messages, HasSubstr("metric binary_accuracy wants targets of the output's shape"));
  options = classifier();
  options.trainable = {"fc.*"};
  options.freeze = {"fc.*"};
  EXPECT_FALSE(load(smallCnn(), options));
  EXPECT_THAT(messages, HasSubstr("nothing is left to train"));
}

} // namespace
} // namespace ingot::test
