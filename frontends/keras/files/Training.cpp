// How a model was compiled, in Keras's keys and in ours: see ModelFile.h.
#include "frontends/keras/MetricFormulas.h"
#include "frontends/keras/OptimizerImpl.h"
#include "frontends/keras/files/ModelFile.h"

namespace ingot::keras::detail {

namespace {

Optimizer optimizerFromKeras(const Json &object) {
  return object.is_string() ? Optimizer(object.get<std::string>()) : optimizerFromJson(object);
}

/// The object itself, or the name of a function: {"class_name": "function", "config": "mse"}. What
/// Keras 2 calls the reduction "auto" is the default.
Json plainObject(const Json &object, const char *what) {
  if (std::string foreign = foreignClass(object); !foreign.empty())
    throw Error(std::string(what) + ": " + foreign, StatusCode::Unsupported);
  const Json config = object.is_object() ? object.value("config", Json()) : Json();
  if (config.is_string())
    return config;
  Json result = object;
  if (config.is_object() && config.value("reduction", Json()) == "auto")
    result["config"].erase("reduction");
  if (config.is_object() && config.contains("fn"))
    result["config"]["fn"] = plainObject(config["fn"], what);
  return result;
}

Loss lossFromKeras(const Json &object) { return lossFromJson(plainObject(object, "loss")); }

std::vector<Metric> metricsFromKeras(const Json &entry) {
  std::vector<Metric> result;
  for (const Json &metric : entry.is_array() ? entry : Json::array({entry}))
    if (!metric.is_null())
      result.push_back(metricFromJson(plainObject(metric, "metrics")));
  return result;
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

/// A loss or metric as Keras serializes it: its name, or {"module", "class_name", "config"}.
Json objectToKeras(Json json, const char *module, bool isLegacy) {
  if (json.is_string())
    return isLegacy ? Json(wholeName(json.get<std::string>())) : json;
  Json config = json["config"];
  if (config.contains("fn"))
    config["fn"] = config["fn"].is_string() ? Json{{"module", "builtins"},
                                                   {"class_name", "function"},
                                                   {"config", config["fn"]},
                                                   {"registered_name", "function"}}
                                            : objectToKeras(config["fn"], "keras.losses", isLegacy);
  return {{"module", module},
          {"class_name", json["class_name"]},
          {"config", config},
          {"registered_name", nullptr}};
}
Json entryToKeras(const Loss &loss, bool isLegacy) {
  return objectToKeras(toJson(loss), "keras.losses", isLegacy);
}
Json entryToKeras(const std::vector<Metric> &metrics, bool isLegacy) {
  Json list = Json::array();
  for (const Metric &metric : metrics)
    list.push_back(objectToKeras(toJson(metric), "keras.metrics", isLegacy));
  return list.size() == 1 ? list[0] : list;
}
Json entryToKeras(double weight, bool) { return weight; }

/// A list, an object by output's name, or null where there is nothing.
template <typename All> Json allToKeras(const All &all, bool isLegacy) {
  Json list = Json::array(), object = Json::object();
  for (const auto &entry : all.each)
    list.push_back(entryToKeras(entry, isLegacy));
  for (const auto &[output, entry] : all.byOutput)
    object[output] = entryToKeras(entry, isLegacy);
  return !all.byOutput.empty() ? object : list.empty() ? Json(nullptr) : list;
}

/// What such a value of a file says: entries in order, or by output's name.
template <typename All, typename Read> void readAll(const Json &json, All &all, Read read) {
  if (json.is_array())
    for (const Json &entry : json)
      all.each.push_back(read(entry));
  else if (json.is_object() && !json.contains("class_name"))
    for (const auto &[output, entry] : json.items())
      all.byOutput.emplace_back(output, read(entry));
  else if (!json.is_null())
    all.each.push_back(read(json));
}

} // namespace

CompileOptions trainingFromKeras(const Json &training) {
  CompileOptions options;
  const char *key = training.contains("optimizer") ? "optimizer" : "optimizer_config";
  options.optimizer = optimizerFromKeras(plainConfig(training).at(key));
  readAll(unwrapped(training.at("loss")), options.loss, lossFromKeras);
  readAll(unwrapped(training.value("metrics", Json())), options.metrics, metricsFromKeras);
  readAll(unwrapped(training.value("weighted_metrics", Json())), options.weightedMetrics,
          metricsFromKeras);
  readAll(training.value("loss_weights", Json()), options.lossWeights,
          [](const Json &weight) { return weight.get<double>(); });
  return options;
}

Json trainingToKeras(const CompileOptions &options, bool isLegacy) {
  const Json optimizer = optimizerToJson(options.optimizer);
  const Json losses = allToKeras(options.loss, isLegacy);
  Json training = {{"loss", losses.is_array() && losses.size() == 1 ? losses[0] : losses},
                   {"loss_weights", allToKeras(options.lossWeights, isLegacy)},
                   {"metrics", allToKeras(options.metrics, isLegacy)},
                   {"weighted_metrics", allToKeras(options.weightedMetrics, isLegacy)},
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
