// Configurations of optimizers and schedules as JSON, in the form of Keras's serialize.
//
// A file may be damaged or hostile: classes come from a closed table, and what is read is checked
// as what a caller gives.
#include "frontends/keras/Names.h"
#include "frontends/keras/OptimizerImpl.h"

namespace ingot::keras::detail {

namespace {

/// Beside the configuration, where Keras, which forgets it, takes no notice of it.
constexpr const char *kNotDecayed = "exclude_from_weight_decay";

Json serialized(const char *module, const std::string &className, const Arguments &config) {
  return {{"module", module},
          {"class_name", className},
          {"config", toJson(config)},
          {"registered_name", nullptr}};
}

Argument valueFromJson(const std::string &key, const Json &value) {
  constexpr size_t most = 10000; // boundaries and values of a schedule
  if (value.is_array() && value.size() > most)
    throw Error("the argument '" + key + "' has " + std::to_string(value.size()) +
                " elements; at most " + std::to_string(most) + " are supported");
  if (!value.is_object())
    return argumentFromJson(value, key);
  if (key == "inner_optimizer")
    return std::make_shared<const Optimizer>(optimizerFromJson(value));
  return std::make_shared<const LearningRateSchedule>(scheduleFromJson(value));
}

/// Arguments that optimizers of Keras 2 had, and that Keras 3 takes no notice of.
bool isForgotten(const std::string &key) {
  return key == "decay" || key == "jit_compile" || key == "is_legacy_optimizer";
}

Arguments configFromJson(const Json &json) {
  Arguments config;
  for (const auto &[key, value] : json.at("config").items())
    if (!isForgotten(key))
      config.emplace_back(key, valueFromJson(key, value));
  return config;
}

} // namespace

Json optimizerToJson(const Optimizer &optimizer) {
  Json json = serialized("keras.optimizers", optimizer.className, optimizer.config);
  if (!optimizer.excludedFromWeightDecay.empty())
    json[kNotDecayed] = optimizer.excludedFromWeightDecay;
  return json;
}
Json scheduleToJson(const LearningRateSchedule &schedule) {
  return serialized("keras.optimizers.schedules", schedule.className, schedule.config);
}

Optimizer optimizerFromJson(const Json &json) {
  Optimizer optimizer(json.at("class_name").get<std::string>(), configFromJson(json));
  optimizer.excludeFromWeightDecay(json.value(kNotDecayed, std::vector<std::string>()));
  return optimizer;
}
LearningRateSchedule scheduleFromJson(const Json &json) {
  return {json.at("class_name").get<std::string>(), configFromJson(json)};
}

} // namespace ingot::keras::detail
