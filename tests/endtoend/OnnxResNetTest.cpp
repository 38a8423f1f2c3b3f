// An imported ResNet-18 is fine-tuned on digits: its loss falls, also where its convolutions are
// frozen, and where its normalisation is trained.
#include "frontends/keras/TrainModule.h"
#include "frontends/onnx/ReadOnnx.h"
#include "ingot/data/Npy.h"
#include "tests/support/OnnxModel.h"
#include "tests/support/RunCompiled.h"
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

namespace ingot::test {
namespace {

/// The network of torchvision for images of 3 channels, with ten classes and random weights.
class ResNet18 {
public:
  ResNet18() {
    m.input("x", {"batch", "3", "32", "32"});
    std::string y = convolution("x", "conv1", 3, 64, 7, 2);
    auto &pool = m.node("MaxPool", {relu(y)}, {"pool"});
    OnnxModel::attribute(pool, "kernel_shape", {3, 3});
    OnnxModel::attribute(pool, "strides", {2, 2});
    OnnxModel::attribute(pool, "pads", {1, 1, 1, 1});
    y = "pool";
    int64_t channels = 64;
    for (int64_t layer = 1; layer <= 4; ++layer)
      for (int64_t block = 0; block < 2; ++block) {
        int64_t wanted = int64_t(32) << layer, stride = layer > 1 && block == 0 ? 2 : 1;
        std::string name = "layer" + std::to_string(layer) + "." + std::to_string(block);
        y = residual(y, name, channels, wanted, stride);
        channels = wanted;
      }
    m.node("GlobalAveragePool", {y}, {"mean"});
    m.node("Flatten", {"mean"}, {"features"});
    weights("fc.weight", {10, 512}, 512);
    m.weight("fc.bias", {10}, std::vector<float>(10, 0));
    OnnxModel::attribute(m.node("Gemm", {"features", "fc.weight", "fc.bias"}, {"scores"}), "transB",
                         1);
    m.output("scores");
  }
  OnnxModel m;

private:
  void weights(const std::string &name, const std::vector<int64_t> &dims, int64_t inputs) {
    int64_t count = 1;
    for (int64_t dim : dims)
      count *= dim;
    float limit = std::sqrt(6.0F / static_cast<float>(inputs));
    std::uniform_real_distribution<float> uniform(-limit, limit);
    std::vector<float> values(static_cast<size_t>(count));
    for (float &value : values)
      value = uniform(random);
    m.weight(name, dims, values);
  }
  std::string relu(const std::string &x) {
    m.node("Relu", {x}, {x + ".relu"});
    return x + ".relu";
  }
  /// A convolution and its normalisation, whose scale is `gamma`.
  std::string convolution(const std::string &x, const std::string &name, int64_t from, int64_t to,
                          int64_t window, int64_t stride, float gamma = 1) {
    weights(name + ".weight", {to, from, window, window}, from * window * window);
    auto &node = m.node("Conv", {x, name + ".weight"}, {name});
    int64_t pad = window / 2;
    OnnxModel::attribute(node, "strides", {stride, stride});
    OnnxModel::attribute(node, "pads", {pad, pad, pad, pad});
    std::vector<std::string> inputs = {name};
    size_t size = static_cast<size_t>(to);
    for (const char *part : {"weight", "bias", "running_mean", "running_var"}) {
      float value = part == std::string("weight")        ? gamma
                    : part == std::string("running_var") ? 1.0F
                                                         : 0.0F;
      inputs.push_back(name + ".bn." + part);
      m.weight(inputs.back(), {to}, std::vector<float>(size, value));
    }
    m.node("BatchNormalization", inputs, {name + ".bn"});
    return name + ".bn";
  }
  std::string residual(const std::string &x, const std::string &name, int64_t from, int64_t to,
                       int64_t stride) {
    std::string y = relu(convolution(x, name + ".conv1", from, to, 3, stride));
    // Small, so that the sum keeps its magnitude from block to block.
    y = convolution(y, name + ".conv2", to, to, 3, 1, 0.25F);
    std::string shortcut =
        stride == 1 ? x : convolution(x, name + ".downsample", from, to, 1, stride);
    m.node("Add", {y, shortcut}, {name});
    return relu(name);
  }
  std::mt19937 random{7};
};

/// The first digits of MNIST, in the middle of images of 32 x 32 and three equal channels.
struct Digits {
  Tensor images, labels;
};
std::optional<Digits> readDigits(int64_t count) {
  auto set = data::readNpz(INGOT_SHARED_DIR "/data/mnist.npz", {"x_train", "y_train"});
  if (!set.isOk())
    return std::nullopt;
  const uint8_t *pixels = data::findTensor(*set, "x_train")->data<uint8_t>();
  const uint8_t *classes = data::findTensor(*set, "y_train")->data<uint8_t>();
  Digits digits{*Tensor::zeros(DType::F32, {count, 3, 32, 32}),
                *Tensor::zeros(DType::I64, {count})};
  for (int64_t i = 0; i < count; ++i) {
    digits.labels.data<int64_t>()[i] = classes[i];
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t y = 0; y < 28; ++y)
        for (int64_t x = 0; x < 28; ++x)
          digits.images.data<float>()[((i * 3 + c) * 32 + y + 2) * 32 + x + 2] =
              static_cast<float>(pixels[(i * 28 + y) * 28 + x]) / 127.5F - 1;
  }
  return digits;
}

class OnnxResNet : public testing::Test {
protected:
  /// The losses of steps on one batch of 16 digits, and of `evaluate` before and after them.
  void train(keras::TrainModuleOptions options, int steps) {
    auto digits = readDigits(16);
    if (!digits)
      GTEST_SKIP() << "../shared/data is not there";
    mlir::DialectRegistry registry;
    registerDialects(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    context.loadAllAvailableDialects();
    std::string messages,
        path = testing::TempDir() + "resnet-" + std::to_string(getpid()) + ".onnx";
    mlir::ScopedDiagnosticHandler handler(
        &context, [&](mlir::Diagnostic &diagnostic) { messages += diagnostic.str() + "\n"; });
    ResNet18().m.save(path);
    auto module = readOnnx(path, &context);
    std::filesystem::remove(path);
    ASSERT_TRUE(module) << messages;
    options.loss = "sparse_categorical_crossentropy";
    ASSERT_TRUE(succeeded(keras::addTraining(*module, options))) << messages;
    CompileOptions compileOptions;
    compileOptions.embedWeights = true;
    tests::CompiledModule compiled(*module, compileOptions);
    ASSERT_TRUE(compiled.ok()) << compiled.error() << messages;
    ThreadPool pool(0);
    SessionOptions sessionOptions;
    sessionOptions.pool = &pool;
    auto step = Session::create(compiled.artifact, "train_step", sessionOptions);
    ASSERT_TRUE(step.isOk()) << step.status().message();
    std::vector<double> losses;
    for (int i = 0; i < steps; ++i) {
      Status ran = step->run(*compiled.state, {digits->images, digits->labels});
      ASSERT_TRUE(ran.isOk()) << ran.message();
      losses.push_back(*step->output(0).data<float>());
    }
    EXPECT_LT(losses.back(), 0.6 * losses.front()) << testing::PrintToString(losses);
    for (double loss : losses)
      EXPECT_TRUE(std::isfinite(loss));
  }
};

TEST_F(OnnxResNet, FineTuningLowersItsLoss) {
  keras::TrainModuleOptions options;
  options.optimizer = keras::Optimizer("sgd", {{"learning_rate", 0.005}, {"momentum", 0.9}});
  train(options, 15);
}

TEST_F(OnnxResNet, TrainingItsLastLayersLowersItsLoss) {
  keras::TrainModuleOptions options;
  options.optimizer = keras::Optimizer("adam", {{"learning_rate", 0.001}});
  options.trainable = {"layer4.*", "fc.*"};
  train(options, 15);
}

TEST_F(OnnxResNet, TrainingItsNormalisationLowersItsLoss) {
  keras::TrainModuleOptions options;
  options.optimizer = keras::Optimizer("adam", {{"learning_rate", 0.001}});
  options.batchNormMomentum = 0.9;
  train(options, 15);
}

} // namespace
} // namespace ingot::test
