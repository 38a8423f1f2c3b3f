// Layers from their configs, in Keras's keys: what model.json holds.
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"
#include "frontends/keras/Window.h"

#include <map>

namespace ingot::keras::detail {

namespace {

using namespace layers;

template <typename T> void take(const Json &config, const char *key, T &value) {
  if (config.contains(key))
    value = config[key].get<T>();
}
void take(const Json &config, const char *key, int64_t &value) {
  if (config.contains(key))
    value = integerFromJson(config[key], key);
}
void take(const Json &config, const char *key, Initializer &value) {
  if (config.contains(key))
    value = initializerFromJson(config[key]);
}
void take(const Json &config, const char *key, Size2D &value) {
  if (config.contains(key))
    value = size2DFromJson(config, key);
}

/// The name comes first, so that messages carry it.
template <typename Options> Options named(const Json &config) {
  Options options;
  take(config, "name", options.name);
  if constexpr (requires { options.trainable; })
    take(config, "trainable", options.trainable);
  return options;
}

Layer inputLayer(const Json &config) {
  auto options = named<InputOptions>(config);
  take(config, "dtype", options.dtype);
  Shape shape;
  const Json &batchShape = config.at("batch_shape");
  if (!batchShape.is_array() || batchShape.empty())
    throw Error("layer '" + options.name + "' (InputLayer): batch_shape is no list of extents");
  for (size_t i = 1; i < batchShape.size(); ++i)
    shape.push_back(batchShape[i].is_null() ? None : integerFromJson(batchShape[i], "batch_shape"));
  return InputLayer(shape, options);
}

Layer dense(const Json &config) {
  auto options = named<DenseOptions>(config);
  take(config, "activation", options.activation);
  take(config, "use_bias", options.useBias);
  take(config, "kernel_initializer", options.kernelInitializer);
  take(config, "bias_initializer", options.biasInitializer);
  return Dense(integerFromJson(config.at("units"), "units"), options);
}

Layer conv2D(const Json &config) {
  auto options = named<Conv2DOptions>(config);
  take(config, "strides", options.strides);
  take(config, "padding", options.padding);
  take(config, "dilation_rate", options.dilationRate);
  take(config, "groups", options.groups);
  take(config, "activation", options.activation);
  take(config, "use_bias", options.useBias);
  take(config, "kernel_initializer", options.kernelInitializer);
  take(config, "bias_initializer", options.biasInitializer);
  return Conv2D(integerFromJson(config.at("filters"), "filters"),
                size2DFromJson(config, "kernel_size"), options);
}

template <typename Pooling> Layer pooling(const Json &config) {
  auto options = named<Pooling2DOptions>(config);
  options.strides = size2DFromJson(config, "strides");
  take(config, "padding", options.padding);
  return Pooling(size2DFromJson(config, "pool_size"), options);
}

Layer globalAveragePooling2D(const Json &config) {
  auto options = named<GlobalPooling2DOptions>(config);
  take(config, "keepdims", options.keepdims);
  return GlobalAveragePooling2D(options);
}

Layer batchNormalization(const Json &config) {
  auto options = named<BatchNormalizationOptions>(config);
  take(config, "axis", options.axis);
  take(config, "momentum", options.momentum);
  take(config, "epsilon", options.epsilon);
  take(config, "center", options.center);
  take(config, "scale", options.scale);
  take(config, "beta_initializer", options.betaInitializer);
  take(config, "gamma_initializer", options.gammaInitializer);
  take(config, "moving_mean_initializer", options.movingMeanInitializer);
  take(config, "moving_variance_initializer", options.movingVarianceInitializer);
  return BatchNormalization(options);
}

Layer reLU(const Json &config) {
  auto options = named<ReLUOptions>(config);
  if (config.contains("max_value") && !config["max_value"].is_null())
    options.maxValue = config["max_value"].get<double>();
  take(config, "negative_slope", options.negativeSlope);
  take(config, "threshold", options.threshold);
  return ReLU(options);
}

Layer softmax(const Json &config) {
  auto options = named<SoftmaxOptions>(config);
  take(config, "axis", options.axis);
  return Softmax(options);
}

Layer concatenate(const Json &config) {
  auto options = named<ConcatenateOptions>(config);
  take(config, "axis", options.axis);
  return Concatenate(options);
}

using Factory = Layer (*)(const Json &config);

const std::map<std::string, Factory> &factories() {
  static const std::map<std::string, Factory> table = {
      {"InputLayer", inputLayer},
      {"Dense", dense},
      {"Conv2D", conv2D},
      {"MaxPooling2D", pooling<MaxPooling2D>},
      {"AveragePooling2D", pooling<AveragePooling2D>},
      {"GlobalAveragePooling2D", globalAveragePooling2D},
      {"Flatten",
       [](const Json &config) -> Layer { return Flatten(named<ShapingOptions>(config)); }},
      {"Reshape",
       [](const Json &config) -> Layer {
         return Reshape(shapeFromJson(config.at("target_shape"), "target_shape"),
                        named<ShapingOptions>(config));
       }},
      {"Dropout",
       [](const Json &config) -> Layer {
         return Dropout(config.at("rate").get<double>(), named<ShapingOptions>(config));
       }},
      {"BatchNormalization", batchNormalization},
      {"Activation",
       [](const Json &config) -> Layer {
         return Activation(config.at("activation").get<std::string>(),
                           named<ShapingOptions>(config));
       }},
      {"ReLU", reLU},
      {"Softmax", softmax},
      {"Concatenate", concatenate},
      {"Add", [](const Json &config) -> Layer { return Add(named<MergeOptions>(config)); }}};
  return table;
}

} // namespace

int64_t integerFromJson(const Json &json, const std::string &key) {
  bool fits =
      json.is_number_unsigned() ? json.get<uint64_t>() <= INT64_MAX : json.is_number_integer();
  if (!fits)
    throw Error(key + ": expected an integer, got " +
                (json.is_number() ? json.dump() : std::string(json.type_name())));
  return json.get<int64_t>();
}

Shape shapeFromJson(const Json &json, const std::string &key) {
  if (!json.is_array())
    throw Error(key + ": expected a list of integers, got " + json.type_name());
  Shape shape;
  for (const Json &extent : json)
    shape.push_back(integerFromJson(extent, key));
  return shape;
}

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
  std::shared_ptr<LayerImpl> layer = factory->second(config).impl();
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
