// Data, training, evaluation and prediction; callbacks; the guide's first exercise.
#include "examples/guide/Guide.h"
#include "ingot/data/Plot.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace guide {

namespace keras = ingot::keras;
namespace layers = keras::layers;

void dataPreprocessing(const Material &material) {
  const std::string &path = material.digits;
  // [data-preprocessing]
  // Load data (MNIST example)
  auto [train, test] = keras::datasets::mnist::loadData(path);

  // Preprocess
  ingot::Tensor xTrain = keras::utils::toFloat32(train.x, {60000, 784}, 1 / 255.0);
  ingot::Tensor xTest = keras::utils::toFloat32(test.x, {10000, 784}, 1 / 255.0);

  // Alternative: Use ImageDataGenerator for augmentation
  keras::preprocessing::image::ImageDataGenerator datagen({.rotationRange = 10,
                                                           .widthShiftRange = 0.1,
                                                           .heightShiftRange = 0.1,
                                                           .zoomRange = 0.1,
                                                           .validationSplit = 0.2});

  // For image data (if using Conv2D)
  ingot::Tensor images = keras::utils::toFloat32(train.x, {keras::None, 28, 28, 1}, 1 / 255.0);
  auto trainGenerator = datagen.flow(images, train.y, {.batchSize = 32, .subset = "training"});
  auto valGenerator = datagen.flow(images, train.y, {.batchSize = 32, .subset = "validation"});
  // [end]
  std::cout << "training batches: " << *trainGenerator.batchCount()
            << ", validation batches: " << *valGenerator.batchCount() << "\n";

  // What fit takes instead of arrays: a CNN on augmented digits.
  keras::Sequential model(
      {layers::Conv2D(8, {3, 3}, {.activation = "relu", .inputShape = {28, 28, 1}}),
       layers::MaxPooling2D({2, 2}), layers::Flatten(),
       layers::Dense(10, {.activation = "softmax"})});
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  model.fit(trainGenerator, {.epochs = 1,
                             .validationData = valGenerator,
                             .stepsPerEpoch = 100,
                             .validationSteps = 20,
                             .workers = 2});
}

namespace {

keras::Sequential createModel() {
  keras::Sequential model({layers::Dense(128, {.activation = "relu", .inputShape = {784}}),
                           layers::Dropout(0.2), layers::Dense(64, {.activation = "relu"}),
                           layers::Dropout(0.2), layers::Dense(10, {.activation = "softmax"})});
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  return model;
}

} // namespace

void training(const Material &material) {
  auto [train, test] = loadDigits(material);
  const ingot::Tensor xTrain = keras::utils::toFloat32(train.x, {keras::None, 784}, 1 / 255.0);
  const ingot::Tensor xTest = keras::utils::toFloat32(test.x, {keras::None, 784}, 1 / 255.0);
  const ingot::Tensor &yTrain = train.y, &yTest = test.y;
  keras::Sequential model = createModel();
  // [training]
  // Train model
  keras::callbacks::EarlyStopping earlyStopping({.patience = 3, .restoreBestWeights = true});
  keras::callbacks::ModelCheckpoint checkpoint("best_model.h5",
                                               {.monitor = "val_loss", .saveBestOnly = true});
  keras::callbacks::ReduceLROnPlateau reduceLr({.factor = 0.5, .patience = 2, .minLr = 1e-7});
  keras::History history = model.fit(xTrain, yTrain,
                                     {.batchSize = 128,
                                      .epochs = 10,
                                      .verbose = keras::Verbosity::Auto,
                                      .callbacks = {&earlyStopping, &checkpoint, &reduceLr},
                                      .validationSplit = 0.2});

  // Plot training history
  keras::utils::plotHistory(history, "history.png");

  // Evaluate
  keras::Logs results = model.evaluate(xTest, yTest, {.verbose = keras::Verbosity::Silent});
  std::printf("Test Loss: %.4f\n", results.at("loss"));
  std::printf("Test Accuracy: %.4f\n", results.at("accuracy"));

  // Make predictions
  ingot::Tensor predictions = model.predict(keras::utils::rows(xTest, 0, 10));
  std::vector<int64_t> predictedClasses = keras::utils::argmax(predictions);
  std::cout << "Predictions:";
  for (int64_t predicted : predictedClasses)
    std::cout << " " << predicted;
  std::cout << "\nTrue labels:";
  for (int64_t i = 0; i < 10; ++i)
    std::cout << " " << int(yTest.data<uint8_t>()[i]);
  std::cout << "\n";
  // [end]
}

void kerasCallbacks(const Material &material) {
  auto [train, test] = loadDigits(material);
  const ingot::Tensor xTrain = keras::utils::toFloat32(train.x, {keras::None, 784}, 1 / 255.0);
  const ingot::Tensor &yTrain = train.y;
  keras::Sequential model = createModel();
  // [keras-callbacks]
  // Early Stopping
  keras::callbacks::EarlyStopping earlyStopping(
      {.monitor = "val_loss", .patience = 5, .verbose = true, .restoreBestWeights = true});

  // Model Checkpointing
  keras::callbacks::ModelCheckpoint checkpoint(
      "best_model.h5", {.monitor = "val_loss", .verbose = true, .saveBestOnly = true});

  // Learning Rate Reduction
  keras::callbacks::ReduceLROnPlateau reduceLr(
      {.monitor = "val_loss", .factor = 0.5, .patience = 2, .verbose = true, .minLr = 1e-7});

  // TensorBoard
  keras::callbacks::TensorBoard tensorboard(
      {.logDir = "./logs", .histogramFreq = 1, .writeGraph = true});

  // CSV Logger
  keras::callbacks::CSVLogger csvLogger("training.log");

  // Use in training
  keras::History history =
      model.fit(xTrain, yTrain,
                {.epochs = 50,
                 .callbacks = {&earlyStopping, &checkpoint, &reduceLr, &tensorboard, &csvLogger},
                 .validationSplit = 0.2});
  // [end]
}

void gpu(const Material &material) {
  auto [train, test] = loadDigits(material);
  const ingot::Tensor xTrain = keras::utils::toFloat32(train.x, {keras::None, 784}, 1 / 255.0);
  const ingot::Tensor &yTrain = train.y;
  keras::Sequential model = createModel();
  // [gpu]
  // Verify installation
  const auto gpus = keras::config::listPhysicalDevices("GPU");
  std::cout << "GPU available: " << (gpus.empty() ? "no" : gpus[0].description) << "\n";

  // Move model to GPU if available
  const std::string device = keras::cuda::isAvailable() ? "cuda" : "cpu";
  model.to(device);
  std::cout << "Using device: " << model.device() << "\n";
  model.fit(xTrain, yTrain, {.batchSize = 128, .epochs = 2});
  // [end]
}

void exercise1(const Material &material) {
  auto [train, test] = loadDigits(material);
  // [exercise-1]
  // Load and preprocess data
  ingot::Tensor xTrain = keras::utils::toFloat32(train.x, {keras::None, 28, 28, 1}, 1 / 255.0);
  ingot::Tensor xTest = keras::utils::toFloat32(test.x, {keras::None, 28, 28, 1}, 1 / 255.0);

  // Build CNN
  keras::Sequential model({
      layers::Conv2D(32, {3, 3}, {.activation = "relu", .inputShape = {28, 28, 1}}),
      layers::MaxPooling2D({2, 2}),
      layers::Conv2D(64, {3, 3}, {.activation = "relu"}),
      layers::MaxPooling2D({2, 2}),
      layers::Flatten(),
      layers::Dense(64, {.activation = "relu"}),
      layers::Dropout(0.2),
      layers::Dense(10, {.activation = "softmax"}),
  });

  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  model.fit(xTrain, train.y, {.batchSize = 128, .epochs = 5, .validationSplit = 0.2});
  keras::Logs results = model.evaluate(xTest, test.y);
  std::printf("Test accuracy: %.4f\n", results.at("accuracy"));
  // [end]
}

} // namespace guide
