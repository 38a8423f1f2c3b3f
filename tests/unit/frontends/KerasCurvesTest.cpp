// The same training curves as Keras: from the recorded initial weights and batches, each step's
// loss is met (../shared/refs_training; its README states the tolerances), for every model and
// optimizer there.
#include "frontends/keras/Keras.h"
#include "ingot/data/ImageDataset.h"
#include "ingot/data/Npy.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>

namespace ingot::test {
namespace {

namespace keras = ingot::keras;
namespace layers = ingot::keras::layers;

const std::string kShared = std::string(INGOT_SOURCE_DIR) + "/../shared";

keras::Sequential modelOf(const std::string &name) {
  keras::Tensor image = keras::Input({28, 28, 1});
  if (name == "mlp")
    return keras::Sequential({image, layers::Flatten(), layers::Dense(128, {.activation = "relu"}),
                              layers::Dense(64, {.activation = "relu"}), layers::Dense(10)});
  if (name == "cnn")
    return keras::Sequential({image, layers::Conv2D(32, 3, {.activation = "relu"}),
                              layers::MaxPooling2D(), layers::Conv2D(64, 3, {.activation = "relu"}),
                              layers::MaxPooling2D(), layers::Flatten(),
                              layers::Dense(64, {.activation = "relu"}), layers::Dense(10)});
  return keras::Sequential({image, layers::Conv2D(16, 3, {.useBias = false}),
                            layers::BatchNormalization(), layers::ReLU(), layers::MaxPooling2D(),
                            layers::Conv2D(32, 3, {.useBias = false}), layers::BatchNormalization(),
                            layers::ReLU(), layers::GlobalAveragePooling2D(), layers::Dense(10)});
}

keras::Optimizer optimizerOf(const std::string &name) {
  using namespace keras::optimizers;
  if (name == "sgd")
    return SGD({.learningRate = 0.05, .momentum = 0.9});
  if (name == "nesterov")
    return SGD({.learningRate = 0.05, .momentum = 0.9, .nesterov = true});
  if (name == "adamw")
    return AdamW({.learningRate = 1e-3, .weightDecay = 1e-2});
  return name;
}

template <typename T> T valueOf(Result<T> result) {
  if (!result.isOk())
    throw keras::Error(result.status());
  return std::move(result).value();
}

/// The batches' images and labels, one after another.
struct Samples {
  ingot::Tensor images, labels;
};

Samples gather(const ingot::Tensor &batches) {
  data::ImageDataset set = valueOf(data::loadImageDataset(kShared + "/data/mnist.npz"));
  int64_t count = batches.elementCount(), pixels = 28 * 28;
  std::vector<float> images;
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = batches.data<int64_t>()[i];
    for (int64_t p = 0; p < pixels; ++p)
      images.push_back(static_cast<float>(set.trainImages.data<uint8_t>()[at * pixels + p]) /
                       255.0f);
    labels.push_back(set.trainLabels.data<int64_t>()[at]);
  }
  return {valueOf(ingot::Tensor::of({count, 28, 28, 1}, images)),
          valueOf(ingot::Tensor::of({count}, labels))};
}

class KerasCurves : public ::testing::TestWithParam<std::tuple<const char *, const char *>> {};

TEST_P(KerasCurves, lossesAreThoseKerasRecorded) {
  auto [modelName, optimizerName] = GetParam();
  std::string folder = kShared + "/refs_training/";
  if (!std::filesystem::exists(folder) || !std::filesystem::exists(kShared + "/data/mnist.npz"))
    GTEST_SKIP() << "the recorded curves or MNIST are not at " << kShared;
  data::NamedTensors init = valueOf(data::readNpz(folder + "init-" + modelName + ".npz"));
  data::NamedTensors recorded =
      valueOf(data::readNpz(folder + "keras-" + modelName + "-" + optimizerName + ".npz"));
  Samples samples = gather(*data::findTensor(init, "batches"));

  keras::Sequential model = modelOf(modelName);
  model.compile({.optimizer = optimizerOf(optimizerName),
                 .loss = keras::losses::SparseCategoricalCrossentropy({.fromLogits = true})});
  // In the archive as in the model: layer by layer, in Keras's order.
  std::vector<TensorView> weights;
  for (const auto &[name, value] : init)
    if (name != "batches")
      weights.push_back(value);
  model.setWeights(weights);

  std::vector<double> losses;
  double sum = 0;
  train::LambdaCallback callback;
  callback.hooks.onTrainBatchEnd = [&](int64_t batch, train::Logs &logs) {
    double total = logs.at("loss") * static_cast<double>(batch + 1);
    losses.push_back(total - sum);
    sum = total;
  };
  keras::FitOptions options = {.batchSize = 64, .epochs = 1, .shuffle = false};
  options.callbacks = {&callback};
  options.verbose = keras::Verbosity::Silent;
  model.fit(samples.images, samples.labels, options);

  const ingot::Tensor &reference = *data::findTensor(recorded, "loss");
  ASSERT_EQ(losses.size(), static_cast<size_t>(reference.elementCount()));
  double early = std::strcmp(modelName, "cnn_bn") == 0 ? 1e-4 : 1e-5;
  for (size_t i = 0; i < losses.size(); ++i) {
    double expected =
        reference.dtype() == DType::F64 ? reference.data<double>()[i] : reference.data<float>()[i];
    double tolerance = i < 10 ? early : i < 20 ? 1e-3 : 2e-2;
    EXPECT_NEAR(losses[i] / expected, 1, tolerance) << "step " << i + 1;
  }
}

INSTANTIATE_TEST_SUITE_P(All, KerasCurves,
                         ::testing::Combine(::testing::Values("mlp", "cnn", "cnn_bn"),
                                            ::testing::Values("sgd", "nesterov", "adam", "adamw",
                                                              "rmsprop")),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param)) + "_" +
                                  std::get<1>(info.param);
                         });

} // namespace
} // namespace ingot::test
