// How models are defined: Sequential, Functional, by subclassing.
#include "examples/guide/Guide.h"

namespace guide {

namespace keras = ingot::keras;
namespace layers = keras::layers;

void sequentialApi(const Material &) {
  // [sequential-api]
  // Sequential model
  keras::Sequential model({
      layers::Dense(128, {.activation = "relu", .inputShape = {784}, .name = "hidden1"}),
      layers::Dropout(0.2, {.name = "dropout1"}),
      layers::Dense(64, {.activation = "relu", .name = "hidden2"}),
      layers::Dropout(0.2, {.name = "dropout2"}),
      layers::Dense(10, {.activation = "softmax", .name = "output"}),
  });

  // Compile model
  model.compile({
      .optimizer = "adam",
      .loss = "sparse_categorical_crossentropy",
      .metrics = {"accuracy"},
  });

  // Model summary
  model.summary();

  // Visualize model architecture
  keras::utils::plotModel(model, {.toFile = "model.png", .showShapes = true});
  // [end]
}

void functionalApi(const Material &) {
  // [functional-api]
  // Functional API (more flexible)
  keras::Tensor inputs = keras::Input({784}, {.name = "input"});
  keras::Tensor x = layers::Dense(128, {.activation = "relu", .name = "hidden1"})(inputs);
  x = layers::Dropout(0.2, {.name = "dropout1"})(x);
  x = layers::Dense(64, {.activation = "relu", .name = "hidden2"})(x);
  x = layers::Dropout(0.2, {.name = "dropout2"})(x);
  keras::Tensor outputs = layers::Dense(10, {.activation = "softmax", .name = "output"})(x);

  keras::Model model(inputs, outputs, "mlp_model");
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});

  // Multi-input example
  keras::Tensor input1 = keras::Input({784}, {.name = "input1"});
  keras::Tensor input2 = keras::Input({10}, {.name = "input2"});
  keras::Tensor x1 = layers::Dense(64, {.activation = "relu"})(input1);
  keras::Tensor x2 = layers::Dense(64, {.activation = "relu"})(input2);
  keras::Tensor merged = layers::concatenate({x1, x2});
  outputs = layers::Dense(10, {.activation = "softmax"})(merged);
  keras::Model multiInputModel({input1, input2}, {outputs});
  // [end]
  model.summary();
  multiInputModel.summary();
}

// [model-subclassing]
class MLP : public keras::Model {
public:
  explicit MLP(const std::vector<int64_t> &hiddenUnits = {128, 64}, int64_t numClasses = 10,
               double dropoutRate = 0.2)
      : outputLayer(numClasses, {.activation = "softmax"}) {
    for (int64_t units : hiddenUnits) {
      hiddenLayers.push_back(layers::Dense(units, {.activation = "relu"}));
      hiddenLayers.push_back(layers::Dropout(dropoutRate));
    }
  }

  keras::Tensor call(const keras::Tensor &inputs, bool training) override {
    keras::Tensor x = inputs;
    for (const keras::Layer &layer : hiddenLayers)
      x = layer(x, {.training = training});
    return outputLayer(x);
  }

private:
  std::vector<keras::Layer> hiddenLayers;
  layers::Dense outputLayer;
};
// [end]

void modelSubclassing(const Material &material) {
  // [model-subclassing-use]
  // Create and compile
  MLP model({128, 64}, 10);
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  // [end]
  auto [train, test] = loadDigits(material);
  model.fit(keras::utils::toFloat32(train.x, {keras::None, 784}, 1 / 255.0), train.y,
            {.batchSize = 128});
  model.summary();
}

void functionalApiAgain(const Material &) {
  // [functional-api-again]
  keras::Tensor inputs = keras::Input({784});
  keras::Tensor x = layers::Dense(128, {.activation = "relu"})(inputs);
  x = layers::Dropout(0.2)(x);
  x = layers::Dense(64, {.activation = "relu"})(x);
  keras::Tensor outputs = layers::Dense(10, {.activation = "softmax"})(x);

  keras::Model model(inputs, outputs);
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  // [end]
  model.summary();
}

} // namespace guide
