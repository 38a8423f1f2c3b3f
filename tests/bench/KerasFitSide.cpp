// Our side of keras_fit.py: trains the guide's MLP or CNN with keras::Model::fit, an epoch whenever
// a line is read from standard input, and answers each with the epoch's seconds, loss and accuracy.
//
//   KerasFitSide mlp|cnn mnist.npz THREADS
#include "frontends/keras/Keras.h"

#include <chrono>
#include <cstdlib>
#include <iostream>

namespace keras = ingot::keras;
namespace layers = keras::layers;

static keras::Sequential mlp() {
  return keras::Sequential(
      {layers::Dense(128, {.activation = "relu", .inputShape = {784}, .name = "hidden1"}),
       layers::Dropout(0.2, {.name = "dropout1"}),
       layers::Dense(64, {.activation = "relu", .name = "hidden2"}),
       layers::Dropout(0.2, {.name = "dropout2"}),
       layers::Dense(10, {.activation = "softmax", .name = "output"})});
}

static keras::Sequential cnn() {
  return keras::Sequential(
      {layers::Conv2D(32, {3, 3}, {.activation = "relu", .inputShape = {28, 28, 1}}),
       layers::MaxPooling2D({2, 2}), layers::Conv2D(64, {3, 3}, {.activation = "relu"}),
       layers::MaxPooling2D({2, 2}), layers::Flatten(), layers::Dense(64, {.activation = "relu"}),
       layers::Dropout(0.2), layers::Dense(10, {.activation = "softmax"})});
}

static int run(const std::string &name, const std::string &path, int threads) {
  const auto [train, test] = keras::datasets::mnist::loadData(path);
  const bool isMlp = name == "mlp";
  const ingot::Shape shape =
      isMlp ? ingot::Shape{keras::None, 784} : ingot::Shape{keras::None, 28, 28, 1};
  const ingot::Tensor x = keras::utils::toFloat32(train.x, shape, 1 / 255.0);
  keras::Sequential model = isMlp ? mlp() : cnn();
  model.setThreads(threads);
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  std::string line;
  for (int64_t epoch = 0; std::getline(std::cin, line); ++epoch) {
    keras::FitOptions options;
    options.batchSize = 128;
    options.epochs = epoch + 1;
    options.initialEpoch = epoch;
    options.verbose = keras::Verbosity::Silent;
    const auto start = std::chrono::steady_clock::now();
    const keras::History history = model.fit(x, train.y, options);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::cout << seconds.count() << " " << history.history.at("loss").back() << " "
              << history.history.at("accuracy").back() << std::endl;
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count != 4) {
    std::cerr << "usage: KerasFitSide mlp|cnn mnist.npz THREADS\n";
    return 2;
  }
  try {
    return run(arguments[1], arguments[2], std::atoi(arguments[3]));
  } catch (const std::exception &error) {
    std::cerr << "KerasFitSide: " << error.what() << "\n";
    return 1;
  }
}
