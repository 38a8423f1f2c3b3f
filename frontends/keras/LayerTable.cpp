// Layers from their configs, in Keras's keys: what model.json holds. Each family has a table of its
// classes (layers/Arguments.h).
#include "frontends/keras/Layers.h"
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"
#include "frontends/keras/layers/Arguments.h"

#include <map>

namespace ingot::keras::detail {

namespace {

std::shared_ptr<LayerImpl> inputLayer(const Json &config) {
  InputOptions options;
  if (config.contains("name"))
    argumentFromJson(config["name"], "name", options.name);
  if (config.contains("dtype"))
    argumentFromJson(config["dtype"], "dtype", options.dtype);
  Shape shape;
  const Json &batchShape = config.at("batch_shape");
  if (!batchShape.is_array() || batchShape.empty())
    throw Error("layer '" + options.name + "' (InputLayer): batch_shape is no list of extents");
  for (size_t i = 1; i < batchShape.size(); ++i)
    shape.push_back(batchShape[i].is_null() ? None : integerFromJson(batchShape[i], "batch_shape"));
  return layers::InputLayer(shape, options).impl();
}

using Factory = std::shared_ptr<LayerImpl> (*)(const Json &config);

const std::map<std::string, Factory> &factories() {
  static const std::map<std::string, Factory> table = [] {
    std::map<std::string, Factory> all = {{"InputLayer", inputLayer}};
    for (llvm::ArrayRef<LayerClass> family :
         {activationLayers(), attentionLayers(), augmentationLayers(), cellLayers(),
          convLSTMLayers(), convolutionLayers(), coreLayers(), einsumLayers(), embeddingLayers(),
          headLayers(), mergingLayers(), normalizationLayers(), poolingLayers(),
          preprocessingLayers(), recurrentLayers(), regularizationLayers(), reshapingLayers(),
          wrapperLayers()})
      for (const LayerClass &layer : family)
        all.emplace(layer.name, layer.make);
    return all;
  }();
  return table;
}

} // namespace

namespace {
/// By its name, or as Keras 3 writes it: an object with the name in its config.
std::string policyFromConfig(const Json &config) {
  if (!config.contains("dtype") || config["dtype"].is_null())
    return "float32";
  const Json &dtype = config["dtype"];
  std::string name = dtype.is_object() ? dtype.at("config").at("name").get<std::string>()
                                       : dtype.get<std::string>();
  checkDtypePolicy(name);
  return name;
}
} // namespace

std::shared_ptr<LayerImpl> layerFromConfig(const std::string &className, const Json &config) {
  if (className == "Functional" || className == "Sequential")
    return modelFromConfig(className, config);
  auto factory = factories().find(className);
  if (factory == factories().end()) {
    std::vector<std::string> known;
    for (const auto &[key, value] : factories())
      known.push_back(key);
    throw Error(unknownName("layer class", className, known), StatusCode::Unsupported);
  }
  std::shared_ptr<LayerImpl> layer = factory->second(config);
  if (className != "InputLayer") // whose dtype is its tensor's
    layer->dtypePolicy = policyFromConfig(config);
  return layer;
}

Json layerConfig(const LayerImpl &layer) {
  Json config = {{"name", layer.name}, {"trainable", layer.trainable}};
  if (layer.dtypePolicy != "float32")
    config["dtype"] = layer.dtypePolicy;
  config.update(layer.config());
  return config;
}

} // namespace ingot::keras::detail
