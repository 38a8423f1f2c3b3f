// Models on disk, and models that others trained.
#include "examples/guide/Guide.h"

#include <algorithm>
#include <iostream>

namespace guide {

namespace keras = ingot::keras;
namespace layers = keras::layers;

// [keras-saving-create]
static keras::Sequential createModel() { // Define architecture
  return keras::Sequential({layers::Dense(64, {.activation = "relu", .inputShape = {784}}),
                            layers::Dense(10, {.activation = "softmax"})});
}
// [end]

void kerasSaving(const Material &material) {
  auto [train, test] = loadDigits(material);
  const ingot::Tensor x = keras::utils::toFloat32(train.x, {keras::None, 784}, 1 / 255.0);
  keras::Model model = createModel();
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  model.fit(x, train.y, {.batchSize = 128});
  const ingot::Tensor expected = model.predict(x);
  // [keras-saving]
  // Save entire model (architecture + weights + optimizer state)
  model.save("model.h5");
  model.save("model.keras"); // New format in Keras 3

  // Save only weights
  model.saveWeights("weights.h5");

  // Save model as a directory (SavedModel-style, for serving): saved_model/1/
  model.save("saved_model");

  // Load entire model
  model = keras::models::loadModel("model.h5");

  // Load only weights (need to create model first)
  model = createModel(); // Define architecture
  model.loadWeights("weights.h5");

  // Load and compile
  model = keras::models::loadModel("model.h5", {.compile = false});
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  // [end]
  const ingot::Tensor again = model.predict(x);
  const bool same =
      std::equal(expected.data<float>(), expected.data<float>() + expected.elementCount(),
                 again.data<float>());
  std::cout << (same ? "the same predictions as before\n" : "OTHER PREDICTIONS\n");
}

void kerasTransferLearning(const Material &material) {
  const std::string &weights = material.weights;
  // [keras-transfer-learning]
  // Load pre-trained model (e.g., VGG16): weights is "imagenet", or a Keras file
  keras::Model baseModel = keras::applications::VGG16(
      {.includeTop = false, .weights = weights, .inputShape = {224, 224, 3}});

  // Freeze base model
  baseModel.setTrainable(false);

  // Add custom classifier
  keras::Tensor inputs = keras::Input({224, 224, 3});
  keras::Tensor x = baseModel(inputs, {.training = false});
  x = layers::GlobalAveragePooling2D()(x);
  x = layers::Dense(128, {.activation = "relu"})(x);
  x = layers::Dropout(0.2)(x);
  keras::Tensor outputs = layers::Dense(10, {.activation = "softmax"})(x);

  keras::Model model(inputs, outputs);
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  // [end]
  model.summary();
  const int64_t few = 8;
  ingot::Tensor images = *ingot::Tensor::zeros(ingot::DType::F32, {few, 224, 224, 3});
  ingot::Tensor classes = *ingot::Tensor::zeros(ingot::DType::I64, {few});
  for (int64_t i = 0; i < few; ++i)
    classes.data<int64_t>()[i] = i % 10;
  for (int64_t i = 0; i < images.elementCount(); ++i)
    images.data<float>()[i] = static_cast<float>(i * 2654435761 % 255);
  model.fit(images, classes, {.batchSize = 4});
  // [keras-fine-tuning]
  // Fine-tuning: Unfreeze some layers
  baseModel.setTrainable(true);
  std::vector<keras::Layer> baseLayers = baseModel.layers();
  for (size_t i = 0; i + 4 < baseLayers.size(); ++i)
    baseLayers[i].setTrainable(false);

  model.compile({.optimizer = keras::optimizers::Adam({.learningRate = 1e-5}), // Lower LR
                 .loss = "sparse_categorical_crossentropy",
                 .metrics = {"accuracy"}});
  // [end]
  model.fit(images, classes, {.batchSize = 4});
}

} // namespace guide
