// Whole training steps (forward, backward, optimizer) of small models as kernels for GPUs: by the
// fake driver under several orders of threads, each access to memory looked at, and by OpenCL for
// real. Losses, weights and the optimizer's state are what the CPU's code of the same artifact
// makes of the same start. Evidence of logic, not of a GPU's rounding.
#include "ingot/Device.h"
#include "tests/endtoend/CompiledModels.h"
#include "tests/gpu/ops/EveryOrder.h"
#include "tests/gpu/ops/HostImage.h"
#include <gmock/gmock.h>
#include <mutex>

namespace ingot::tests {
namespace {

namespace layers = keras::layers;
namespace optimizers = keras::optimizers;
using testing::HasSubstr;

/// Adam and its kin divide by the gradient's size: where that is rounding alone, so is the step.
constexpr double epsilon = 1e-3;

struct SmallModel {
  const char *name;
  keras::Optimizer optimizer;
  std::function<keras::Model()> build;
  Shape sample;        // of an input
  int64_t tokens = 0;  // inputs are integers below it; 0: floats in [-1, 1]
  int64_t classes = 5; // of labels
};

keras::Model buildTransformer() {
  auto x = keras::Input({9}, {.dtype = "int32", .name = "tokens"});
  keras::Tensor h = layers::Embedding(20, 16)(x);
  keras::Tensor a = layers::MultiHeadAttention(2, 8)(std::vector{h, h});
  h = layers::LayerNormalization()(layers::Add()({h, a}));
  keras::Tensor f = layers::Dense(24, {.activation = "gelu"})(h);
  f = layers::Dropout(0.1)(layers::Dense(16)(f));
  h = layers::LayerNormalization()(layers::Add()({h, f}));
  return keras::Model({x}, {layers::Dense(5)(layers::GlobalAveragePooling1D()(h))});
}

std::vector<SmallModel> smallModels() {
  using keras::Sequential;
  return {
      {"mlp",
       optimizers::Adam({.epsilon = epsilon}),
       [] {
         return Sequential({layers::Dense(33, {.activation = "relu", .inputShape = {40}}),
                            layers::Dropout(0.25), layers::Dense(5)});
       },
       {40}},
      {"cnn",
       optimizers::SGD({.learningRate = 0.05, .momentum = 0.9, .nesterov = true}),
       [] {
         return Sequential(
             {layers::Conv2D(6, {3, 3}, {.activation = "relu", .inputShape = {11, 11, 2}}),
              layers::MaxPooling2D({2, 2}), layers::Conv2D(9, {3, 3}, {.activation = "relu"}),
              layers::Flatten(), layers::Dense(5)});
       },
       {11, 11, 2}},
      {"cnn_bn",
       optimizers::RMSprop({.epsilon = epsilon, .centered = true}),
       [] {
         return Sequential(
             {layers::Conv2D(8, {3, 3},
                             {.strides = 2, .useBias = false, .inputShape = {12, 12, 1}}),
              layers::BatchNormalization(), layers::Activation("relu"),
              layers::DepthwiseConv2D({3, 3}, {.padding = "same", .useBias = false}),
              layers::BatchNormalization(), layers::Activation("relu6"),
              layers::GlobalAveragePooling2D(), layers::Dense(5)});
       },
       {12, 12, 1}},
      {"transformer", optimizers::AdamW({.epsilon = epsilon}), buildTransformer, {9}, 20},
      {"lstm",
       optimizers::Adagrad({.learningRate = 0.05, .clipnorm = 1}),
       [] { return Sequential({layers::LSTM(7, {.inputShape = {5, 3}}), layers::Dense(5)}); },
       {5, 3}},
      {"embedding",
       optimizers::Nadam({.epsilon = epsilon}),
       [] {
         return Sequential({keras::Input({8}, {.dtype = "int32", .name = "tokens"}),
                            layers::Embedding(30, 6), layers::GlobalMaxPooling1D(),
                            layers::Dense(5)});
       },
       {8},
       30},
  };
}

/// A batch, the same for the same seed.
struct Batch {
  std::vector<Tensor> tensors;
  Batch(const SmallModel &model, int64_t size, uint32_t seed, float scale = 1) {
    std::mt19937 random(seed);
    Shape shape = model.sample;
    shape.insert(shape.begin(), size);
    const DType type = model.tokens ? DType::I32 : DType::F32;
    tensors.push_back(std::move(*Tensor::zeros(type, shape)));
    tensors.push_back(std::move(*Tensor::zeros(DType::I64, {size})));
    for (int64_t i = 0; i < tensors[0].elementCount(); ++i)
      if (model.tokens)
        static_cast<int32_t *>(tensors[0].rawData())[i] =
            static_cast<int32_t>(random() % static_cast<uint32_t>(model.tokens));
      else
        static_cast<float *>(tensors[0].rawData())[i] =
            scale * (static_cast<float>(random() % 2001) / 1000 - 1);
    for (int64_t i = 0; i < size; ++i)
      static_cast<int64_t *>(tensors[1].rawData())[i] =
          static_cast<int64_t>(random() % static_cast<uint32_t>(model.classes));
  }
  std::vector<TensorView> views() const { return {tensors.begin(), tensors.end()}; }
};

/// Losses and variables, by name.
using Trained = std::map<std::string, Tensor>;

std::vector<std::string> variableNames(const Artifact &artifact) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < artifact.table().variable_count; ++i)
    names.push_back(artifact.table().variables[i].name);
  return names;
}

/// The model's training step, compiled for the CPU and for what `options` name.
class SmallTraining {
public:
  SmallTraining(const SmallModel &model, CompileOptions options,
                const std::string &policy = "float32")
      : model(model) {
    keras::clearSession();
    keras::config::setDtypePolicy(policy);
    keras::Model built = model.build();
    built.compile({.optimizer = model.optimizer,
                   .loss = keras::losses::SparseCategoricalCrossentropy({.fromLogits = true})});
    keras::config::setDtypePolicy("float32");
    mlir::MLIRContext context(test::allDialects());
    context.loadAllAvailableDialects();
    auto module = keras::detail::buildModule(*built.impl(), &context, true);
    options.functions = {"initialize", "train_step"};
    options.targetCpu = "x86-64";
    compiled.emplace(*module, options);
    EXPECT_TRUE(compiled->ok()) << compiled->error();
    if (compiled->ok())
      start = test::initializedState(compiled->artifact);
  }

  /// Gives the state there the weights of the start.
  void begin(CompiledModule &there) const {
    for (const std::string &name : variableNames(*compiled->artifact)) {
      Status done = there.state->set(name, *start->get(name));
      EXPECT_TRUE(done.isOk()) << done.message();
    }
  }
  static Session session(const CompiledModule &there) {
    auto made = Session::create(there.artifact, "train_step");
    EXPECT_TRUE(made.isOk()) << made.status().message();
    return std::move(*made);
  }
  /// The batch of a step; the first one is larger than the others.
  Batch batch(int step, float scale = 1) const {
    return Batch(model, step == 0 ? 7 : 6, static_cast<uint32_t>(step), scale);
  }
  Trained variables(const CompiledModule &there) const {
    Trained result;
    for (const std::string &name : variableNames(*compiled->artifact))
      result[name] = std::move(*there.state->get(name));
    return result;
  }
  /// What so many steps make of the start, there; inputs are `scale` times as large.
  Trained train(CompiledModule &there, int steps, float scale = 1) const {
    begin(there);
    Session step = session(there);
    Trained losses;
    for (int i = 0; i < steps; ++i) {
      Status done = step.run(*there.state, batch(i, scale).views());
      EXPECT_TRUE(done.isOk()) << done.message();
      losses["loss of step " + std::to_string(i)] = std::move(*step.output(0).clone());
    }
    losses.merge(variables(there));
    return losses;
  }

  SmallModel model;
  std::optional<CompiledModule> compiled;
  std::unique_ptr<State> start;
};

CompileOptions forFakeGpu() {
  CompileOptions options;
  options.gpu = "host";
  options.hostImage = [](const std::string &source) { return makeHostImage(source); };
  return options;
}

/// Floats within the tolerance of the largest, and everything else the same.
void expectNear(const Trained &expected, const Trained &actual, double tolerance) {
  ASSERT_EQ(expected.size(), actual.size());
  for (const auto &[name, e] : expected) {
    const Tensor &a = actual.at(name);
    ASSERT_EQ(e.elementCount(), a.elementCount()) << name;
    if (e.dtype() != DType::F32) {
      EXPECT_EQ(test::bytesOf(e), test::bytesOf(a)) << name;
      continue;
    }
    double scale = 0, difference = 0;
    for (int64_t i = 0; i < e.elementCount(); ++i) {
      scale = std::fmax(scale, std::fabs(e.data<float>()[i]));
      const double apart = std::fabs(e.data<float>()[i] - a.data<float>()[i]);
      difference = apart <= difference ? difference : apart; // NaN stays
    }
    EXPECT_LE(difference, tolerance * scale + 1e-6) << name;
  }
}

std::vector<const char *> names() {
  std::vector<const char *> all;
  for (const SmallModel &model : smallModels())
    all.push_back(model.name);
  return all;
}

SmallModel modelOf(const std::string &name) {
  auto all = smallModels();
  return *std::find_if(all.begin(), all.end(), [&](const auto &m) { return m.name == name; });
}

//===----------------------------------------------------------------------===//
// By the fake driver
//===----------------------------------------------------------------------===//

class TrainingOnFakeGpu : public gputest::DeviceTest {
protected:
  void SetUp() override {
    DeviceTest::SetUp();
    driver.set("capability", "8.0");
  }
};
class SmallModelsOnFakeGpu : public TrainingOnFakeGpu,
                             public testing::WithParamInterface<const char *> {};

TEST_P(SmallModelsOnFakeGpu, TrainInEveryOrderAsOnTheCpu) {
  SmallTraining training(modelOf(GetParam()), forFakeGpu());
  ASSERT_TRUE(training.compiled->ok());
  const int steps = 4; // the last is replayed from a graph
  const Trained expected = training.train(*training.compiled, steps);
  inEveryOrder(driver, *training.compiled, [&](CompiledModule &there) {
    expectNear(expected, training.train(there, steps), 1e-5);
  });
  EXPECT_GT(driver.count("cuGraphLaunch"), 0);
}

INSTANTIATE_TEST_SUITE_P(Small, SmallModelsOnFakeGpu, testing::ValuesIn(names()),
                         [](const auto &info) { return std::string(info.param); });

CompiledModule on(const SmallTraining &training, const char *name) {
  auto device = Device::open(name);
  EXPECT_TRUE(device.isOk()) << device.status().message();
  return training.compiled->onDevice(*device);
}

#if !__has_feature(address_sanitizer) // which would end the process
TEST_F(TrainingOnFakeGpu, KernelsThatGoOnBehindTheirLastPointAreStopped) {
  CompileOptions options = forFakeGpu();
  options.hostImage = [](std::string source) {
    const std::string isInside = "if (v0 >= a0)\n    return;\n";
    EXPECT_THAT(source, HasSubstr(isInside));
    for (size_t at = 0; (at = source.find(isInside)) != std::string::npos;)
      source.erase(at, isInside.size());
    return makeHostImage(source);
  };
  SmallTraining training(modelOf("mlp"), options);
  ASSERT_TRUE(training.compiled->ok());
  {
    CompiledModule there = on(training, "cuda");
    ASSERT_TRUE(there.ok()) << there.error();
    training.begin(there);
    Session step = SmallTraining::session(there);
    EXPECT_FALSE(step.run(*there.state, training.batch(0).views()).isOk());
    EXPECT_THAT(driver.misuses(), HasSubstr("train_step_k"));
  }
  driver.reset();
}
#endif

TEST_F(TrainingOnFakeGpu, StepsUnderWayOnTwoDevicesGiveWhatSingleOnesGive) {
  SmallTraining training(modelOf("cnn_bn"), forFakeGpu());
  ASSERT_TRUE(training.compiled->ok());
  CompiledModule models[] = {on(training, "cuda:0"), on(training, "cuda:0"),
                             on(training, "cuda:1")};
  for (const CompiledModule &model : models)
    ASSERT_TRUE(model.ok()) << model.error();
  const int steps = 4;
  const Trained expected = training.train(models[0], steps);
  driver.set("schedule", "random:1"); // which stream goes on is chosen anew at each call
  std::vector<Session> sessions;
  for (CompiledModule &model : models) {
    training.begin(model);
    sessions.push_back(SmallTraining::session(model));
  }
  for (int step = 0; step <= steps; ++step)
    for (size_t i = 0; i < std::size(models); ++i) {
      if (step < steps)
        EXPECT_TRUE(sessions[i].start(*models[i].state, training.batch(step).views()).isOk());
      if (step > 0) {
        EXPECT_TRUE(sessions[i].wait().isOk());
        const std::string name = "loss of step " + std::to_string(step - 1);
        EXPECT_EQ(test::bytesOf(sessions[i].output(0)), test::bytesOf(expected.at(name)));
      }
    }
  for (const CompiledModule &model : models)
    for (const auto &[name, value] : training.variables(model))
      EXPECT_EQ(test::bytesOf(value), test::bytesOf(expected.at(name))) << name;
}

//===----------------------------------------------------------------------===//
// Mixed precision
//===----------------------------------------------------------------------===//

SmallTraining mixedTraining(const CompileOptions &options) {
  SmallModel model = modelOf("mlp");
  model.sample = {64};
  model.build = [] {
    return keras::Sequential({layers::Dense(64, {.activation = "relu", .inputShape = {64}}),
                              layers::Dense(32, {.activation = "relu"}),
                              layers::Dense(5, {.dtype = "float32"})});
  };
  return SmallTraining(model, options, "mixed_float16");
}

double scaleOf(const Trained &trained) {
  return *trained.at("optimizer/dynamic_scale").data<float>();
}

/// As on the CPU: the losses, and that a step whose gradients overflow halves the loss's scale and
/// changes no weight.
void expectMixedPrecision(SmallTraining &training, CompiledModule &there) {
  ASSERT_TRUE(there.ok()) << there.error();
  CompiledModule &here = *training.compiled;
  expectNear(training.train(here, 5), training.train(there, 5), 5e-3);
  const Trained before = training.train(there, 0);
  const Trained expected = training.train(here, 2, 3e4), actual = training.train(there, 2, 3e4);
  EXPECT_EQ(scaleOf(before), 32768);
  EXPECT_EQ(scaleOf(expected), 32768 / 4);
  EXPECT_EQ(scaleOf(actual), 32768 / 4);
  for (const std::string &name : {"dense/kernel", "dense_2/bias"})
    EXPECT_EQ(test::bytesOf(actual.at(name)), test::bytesOf(before.at(name))) << name;
}

TEST_F(TrainingOnFakeGpu, MixedPrecisionIsThatOfTheCpuByTensorCores) {
  std::string texts;
  std::mutex mutex;
  CompileOptions options = forFakeGpu();
  options.hostImage = [&](const std::string &source) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      texts += source;
    }
    return makeHostImage(source);
  };
  SmallTraining training = mixedTraining(options);
  ASSERT_TRUE(training.compiled->ok());
  EXPECT_THAT(texts, HasSubstr("k_mma"));
  CompiledModule there = on(training, "cuda");
  expectMixedPrecision(training, there);
}

TEST(TrainingOnOpenCl, MixedPrecisionIsThatOfTheCpu) {
  auto device = Device::open("opencl");
  if (!device.isOk())
    GTEST_SKIP() << device.status().message();
  CompileOptions options;
  options.gpu = "opencl";
  SmallTraining training = mixedTraining(options);
  ASSERT_TRUE(training.compiled->ok());
  CompiledModule there = on(training, "opencl");
  expectMixedPrecision(training, there);
}

} // namespace
} // namespace ingot::tests
