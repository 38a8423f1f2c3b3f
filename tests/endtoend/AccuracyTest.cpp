// The guide's models on the real data sets reach the accuracy that Keras reaches. Takes minutes:
// label `long`. Prints the accuracy of every seed.
#include "frontends/keras/Keras.h"
#include "ingot/data/ImageDataset.h"
#include <cstdio>
#include <filesystem>
#include <gtest/gtest.h>

namespace ingot::keras {
namespace {

const std::string mnist = INGOT_SHARED_DIR "/data/mnist.npz";
const std::string fashion = "/usr/share/datasets/fashion-mnist";

struct Digits {
  ingot::Tensor trainImages, trainLabels, testImages, testLabels;
};

Digits load(const std::string &path, bool flat) {
  auto set = data::loadImageDataset(path);
  EXPECT_TRUE(set.isOk()) << set.status().message();
  auto images = [&](const ingot::Tensor &pixels) {
    ingot::Shape shape =
        flat ? ingot::Shape{pixels.dim(0), 784} : ingot::Shape{pixels.dim(0), 28, 28, 1};
    return std::move(data::toFloat(pixels, 1 / 255.0, shape)).value();
  };
  return {images(set->trainImages), std::move(set->trainLabels), images(set->testImages),
          std::move(set->testLabels)};
}

/// The guide's Exercise 1.
Sequential cnn() {
  return Sequential(
      {layers::Conv2D(32, {3, 3}, {.activation = "relu", .inputShape = {28, 28, 1}}),
       layers::MaxPooling2D({2, 2}), layers::Conv2D(64, {3, 3}, {.activation = "relu"}),
       layers::MaxPooling2D({2, 2}), layers::Flatten(), layers::Dense(64, {.activation = "relu"}),
       layers::Dropout(0.2), layers::Dense(10, {.activation = "softmax"})});
}

/// The guide's first Sequential model.
Sequential mlp() {
  return Sequential(
      {layers::Dense(128, {.activation = "relu", .inputShape = {784}, .name = "hidden1"}),
       layers::Dropout(0.2), layers::Dense(64, {.activation = "relu", .name = "hidden2"}),
       layers::Dropout(0.2), layers::Dense(10, {.activation = "softmax", .name = "output"})});
}

double meanAccuracy(const char *what, const std::string &path, bool flat, int64_t epochs,
                    int64_t seeds, Sequential (*build)()) {
  Digits digits = load(path, flat);
  double sum = 0;
  for (int64_t seed = 1; seed <= seeds; ++seed) {
    clearSession();
    Sequential model = build();
    model.setSeed(static_cast<uint64_t>(seed)); // of weights, dropout and the order of samples
    model.compile(
        {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
    model.fit(
        digits.trainImages, digits.trainLabels,
        {.batchSize = 128, .epochs = epochs, .verbose = Verbosity::Silent, .validationSplit = 0.2});
    double accuracy = model.evaluate(digits.testImages, digits.testLabels)["accuracy"];
    std::printf("%s, seed %ld: test accuracy %.4f\n", what, static_cast<long>(seed), accuracy);
    std::fflush(stdout);
    sum += accuracy;
  }
  std::printf("%s: mean of %ld seeds %.4f\n", what, static_cast<long>(seeds),
              sum / static_cast<double>(seeds));
  return sum / static_cast<double>(seeds);
}

TEST(Accuracy, ExerciseOneOnMnist) {
  if (!std::filesystem::exists(mnist))
    GTEST_SKIP() << mnist << " is not there";
  EXPECT_GE(meanAccuracy("MNIST CNN, 5 epochs", mnist, false, 5, 3, cnn), 0.986);
}

TEST(Accuracy, MlpOnMnist) {
  if (!std::filesystem::exists(mnist))
    GTEST_SKIP() << mnist << " is not there";
  EXPECT_GE(meanAccuracy("MNIST MLP, 10 epochs", mnist, true, 10, 3, mlp), 0.974);
}

TEST(Accuracy, ExerciseOneOnFashionMnist) {
  if (!std::filesystem::exists(fashion))
    GTEST_SKIP() << fashion << " is not there: install dataset-fashion-mnist";
  EXPECT_GE(meanAccuracy("Fashion-MNIST CNN, 5 epochs", fashion, false, 5, 3, cnn), 0.88);
}

} // namespace
} // namespace ingot::keras
