// How a model was compiled, in Keras's keys and in ours: see ModelFile.h.
#include "frontends/keras/OptimizerImpl.h"
#include "frontends/keras/files/ModelFile.h"

namespace ingot::keras::detail {

namespace {

std::string nameOfObject(const Json &object) {
  return object.is_string() ? object.get<std::string>()
                            : object.at("class_name").get<std::string>();
}

Optimizer optimizerFromKeras(const Json &object) {
  return object.is_string() ? Optimizer(object.get<std::string>()) : optimizerFromJson(object);
}

Loss lossFromKeras(const Json &object) {
  if (std::string foreign = foreignClass(object); !foreign.empty())
    throw Error("loss: " + foreign, StatusCode::Unsupported);
  if (object.is_string())
    return Loss(object.get<std::string>());
  const Json config = object.value("config", Json());
  if (config.is_string())
    return Loss(config.get<std::string>());
  return Loss(config.at("name").get<std::string>(), config.value("from_logits", false));
}

/// Keras 2 wraps functions: {"class_name": "MeanMetricWrapper", "config": {"fn":
/// "mean_squared_error"}}.
Json unwrapped(const Json &value) {
  if (value.is_object() && value.contains("class_name")) {
    const Json config = value.value("config", Json());
    const bool isWrapper =
        value["class_name"] == "MeanMetricWrapper" || value["class_name"] == "LossFunctionWrapper";
    return isWrapper && config.is_object() && config.contains("fn") && config["fn"].is_string()
               ? config["fn"]
               : value;
  }
  Json result = value;
  if (result.is_array() || result.is_object())
    for (Json &each : result)
      each = unwrapped(each);
  return result;
}

/// Keras 3 finds functions in its legacy files by their whole names alone.
std::string wholeName(const std::string &name) {
  static const std::map<std::string, std::string> names = {
      {"mse", "mean_squared_error"},
      {"mae", "mean_absolute_error"},
      {"mape", "mean_absolute_percentage_error"},
      {"msle", "mean_squared_logarithmic_error"},
      {"kld", "kl_divergence"},
      {"bce", "binary_crossentropy"}};
  auto found = names.find(name);
  return found == names.end() ? name : found->second;
}

Json lossToKeras(const Loss &loss, bool isLegacy) {
  if (!loss.fromLogits)
    return isLegacy ? wholeName(loss.name) : loss.name;
  const std::string className = loss.name == "binary_crossentropy" ? "BinaryCrossentropy"
                                : loss.name == "categorical_crossentropy"
                                    ? "CategoricalCrossentropy"
                                    : "SparseCategoricalCrossentropy";
  return {{"module", "keras.losses"},
          {"class_name", className},
          {"config", {{"name", loss.name}, {"from_logits", true}}},
          {"registered_name", nullptr}};
}

} // namespace

CompileOptions trainingFromKeras(const Json &training) {
  CompileOptions options;
  const char *key = training.contains("optimizer") ? "optimizer" : "optimizer_config";
  options.optimizer = optimizerFromKeras(plainConfig(training).at(key));
  const Json loss = unwrapped(training.at("loss"));
  if (loss.is_array())
    for (const Json &each : loss)
      options.loss.each.push_back(lossFromKeras(each));
  else if (!loss.is_null())
    options.loss.each = {lossFromKeras(loss)};
  if (const Json metrics = unwrapped(training.value("metrics", Json())); metrics.is_array())
    for (const Json &each : metrics)
      for (const Json &metric : each.is_array() ? each : Json::array({each}))
        options.metrics.push_back(nameOfObject(metric));
  if (const Json weights = training.value("loss_weights", Json()); weights.is_array())
    options.lossWeights = weights.get<std::vector<double>>();
  return options;
}

Json trainingToKeras(const CompileOptions &options, bool isLegacy) {
  const Json optimizer = optimizerToJson(options.optimizer);
  Json losses = Json::array();
  for (const Loss &loss : options.loss.each)
    losses.push_back(lossToKeras(loss, isLegacy));
  Json metrics = Json::array();
  for (const std::string &metric : options.metrics)
    metrics.push_back(isLegacy ? wholeName(metric) : metric);
  Json training = {
      {"loss", losses.size() == 1 ? losses[0] : losses},
      {"loss_weights", options.lossWeights.empty() ? Json(nullptr) : Json(options.lossWeights)},
      {"metrics", metrics.empty() ? Json(nullptr) : metrics},
      {"weighted_metrics", nullptr},
      {"run_eagerly", false},
      {"steps_per_execution", 1},
      {"jit_compile", false}};
  if (isLegacy)
    training["optimizer_config"] = {{"class_name", optimizer["class_name"]},
                                    {"config", optimizer["config"]}};
  else
    training["optimizer"] = optimizer;
  return training;
}

} // namespace ingot::keras::detail
