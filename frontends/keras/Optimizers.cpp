// Optimizers, losses and metrics by name and by function: the handles of Model.h; and what the
// compiler is told of an optimizer.
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"

#include <algorithm>
#include <cctype>
#include <tuple>

namespace ingot::keras {

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

using Config = std::vector<std::pair<std::string, double>>;

/// Each class with all its arguments and Keras's defaults.
const std::vector<std::pair<std::string, Config>> &optimizerKinds() {
  static const std::vector<std::pair<std::string, Config>> table = {
      {"SGD", {{"learning_rate", 0.01}, {"momentum", 0}, {"nesterov", 0}}},
      {"Adam", {{"learning_rate", 0.001}, {"beta_1", 0.9}, {"beta_2", 0.999}, {"epsilon", 1e-7}}},
      {"AdamW",
       {{"learning_rate", 0.001},
        {"weight_decay", 0.004},
        {"beta_1", 0.9},
        {"beta_2", 0.999},
        {"epsilon", 1e-7}}},
      {"RMSprop", {{"learning_rate", 0.001}, {"rho", 0.9}, {"momentum", 0}, {"epsilon", 1e-7}}}};
  return table;
}

const std::pair<std::string, Config> &findOptimizer(const std::string &name) {
  std::vector<std::string> known;
  for (const auto &kind : optimizerKinds()) {
    known.push_back(lower(kind.first));
    if (known.back() == lower(name))
      return kind;
  }
  throw Error("compile: " + detail::unknownName("optimizer", name, known));
}

std::string lossByName(const std::string &name) {
  const std::vector<std::pair<std::string, std::string>> aliases = {{"mean_squared_error", "mse"},
                                                                    {"mean_absolute_error", "mae"}};
  const std::vector<std::string> known = {"sparse_categorical_crossentropy",
                                          "categorical_crossentropy", "binary_crossentropy", "mse",
                                          "mae"};
  for (const auto &[alias, meaning] : aliases)
    if (alias == name)
      return meaning;
  if (std::find(known.begin(), known.end(), name) != known.end())
    return name;
  throw Error("compile: " + detail::unknownName("loss", name, known));
}

void checkRange(const std::string &className, const std::string &key, double value) {
  bool isRate = key == "learning_rate" || key == "weight_decay" || key == "epsilon";
  double high = isRate ? 1e30 : key == "nesterov" ? 2 : 1;
  if (!(value >= 0 && value < high))
    throw Error("optimizer " + className + ": " + key + " must be from 0 to below " +
                std::to_string(high) + ", got " + std::to_string(value));
}

} // namespace

OptimizerSpec detail::specOf(const Optimizer &optimizer) {
  const std::map<std::string, OptimizerSpec::Kind> kinds = {
      {"SGD", OptimizerSpec::Kind::SGD},
      {"Adam", OptimizerSpec::Kind::Adam},
      {"AdamW", OptimizerSpec::Kind::AdamW},
      {"RMSprop", OptimizerSpec::Kind::RMSprop}};
  auto namesIn = [](const auto &table) {
    std::vector<std::string> names;
    for (const auto &entry : table)
      names.push_back(entry.first);
    return names;
  };
  auto kind = kinds.find(optimizer.className);
  if (kind == kinds.end())
    throw Error(unknownName("optimizer", optimizer.className, namesIn(kinds)));
  OptimizerSpec spec;
  spec.kind = kind->second;
  const std::map<std::string, double OptimizerSpec::*> fields = {
      {"learning_rate", &OptimizerSpec::learningRate},
      {"momentum", &OptimizerSpec::momentum},
      {"beta_1", &OptimizerSpec::beta1},
      {"beta_2", &OptimizerSpec::beta2},
      {"rho", &OptimizerSpec::rho},
      {"epsilon", &OptimizerSpec::epsilon},
      {"weight_decay", &OptimizerSpec::weightDecay}};
  for (const auto &[key, value] : optimizer.config) {
    if (auto field = fields.find(key); field != fields.end())
      spec.*(field->second) = value;
    else if (key == "nesterov")
      spec.nesterov = value != 0;
    else
      throw Error(unknownName(optimizer.className + " option", key, namesIn(fields)));
  }
  return spec;
}

Optimizer::Optimizer(const char *name) : Optimizer(std::string(name)) {}
Optimizer::Optimizer(const std::string &name) : Optimizer(name, Config{}) {}

Optimizer::Optimizer(std::string name, Config given) {
  std::tie(className, config) = findOptimizer(name);
  for (const auto &[key, value] : given) {
    auto argument = std::find_if(config.begin(), config.end(),
                                 [&](const auto &entry) { return entry.first == key; });
    if (argument == config.end()) {
      std::vector<std::string> known;
      for (const auto &entry : config)
        known.push_back(entry.first);
      throw Error(detail::unknownName(className + " option", key, known));
    }
    checkRange(className, key, value);
    argument->second = value;
  }
}

double Optimizer::get(const char *key) const {
  for (const auto &[name, value] : config)
    if (name == key)
      return value;
  throw Error("optimizer " + className + " has no '" + key + "'", StatusCode::NotFound);
}

Optimizer optimizers::SGD(SGDOptions o) {
  return {"SGD",
          {{"learning_rate", o.learningRate}, {"momentum", o.momentum}, {"nesterov", o.nesterov}}};
}
Optimizer optimizers::Adam(AdamOptions o) {
  return {"Adam",
          {{"learning_rate", o.learningRate},
           {"beta_1", o.beta1},
           {"beta_2", o.beta2},
           {"epsilon", o.epsilon}}};
}
Optimizer optimizers::AdamW(AdamWOptions o) {
  return {"AdamW",
          {{"learning_rate", o.learningRate},
           {"weight_decay", o.weightDecay},
           {"beta_1", o.beta1},
           {"beta_2", o.beta2},
           {"epsilon", o.epsilon}}};
}
Optimizer optimizers::RMSprop(RMSpropOptions o) {
  return {"RMSprop",
          {{"learning_rate", o.learningRate},
           {"rho", o.rho},
           {"momentum", o.momentum},
           {"epsilon", o.epsilon}}};
}

Loss::Loss(const char *name) : name(lossByName(name)) {}
Loss::Loss(const std::string &name) : name(lossByName(name)) {}
Loss::Loss(const std::string &name, bool fromLogits)
    : name(lossByName(name)), fromLogits(fromLogits) {}

Loss losses::SparseCategoricalCrossentropy(CrossentropyOptions options) {
  return {"sparse_categorical_crossentropy", options.fromLogits};
}
Loss losses::CategoricalCrossentropy(CrossentropyOptions options) {
  return {"categorical_crossentropy", options.fromLogits};
}
Loss losses::BinaryCrossentropy(CrossentropyOptions options) {
  return {"binary_crossentropy", options.fromLogits};
}
Loss losses::MeanSquaredError() { return "mse"; }
Loss losses::MeanAbsoluteError() { return "mae"; }

} // namespace ingot::keras
