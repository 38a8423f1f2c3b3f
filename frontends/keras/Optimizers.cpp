// Optimizers, losses and metrics by name and by function: the handles of Model.h.
#include "frontends/keras/Model.h"
#include "frontends/keras/Names.h"

#include <algorithm>
#include <cctype>

namespace ingot::keras {

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Optimizer optimizerByName(const std::string &name) {
  const std::vector<std::pair<std::string, Optimizer (*)()>> table = {
      {"sgd", [] { return optimizers::SGD(); }},
      {"adam", [] { return optimizers::Adam(); }},
      {"adamw", [] { return optimizers::AdamW(); }},
      {"rmsprop", [] { return optimizers::RMSprop(); }}};
  std::vector<std::string> known;
  for (const auto &[key, make] : table) {
    if (key == lower(name))
      return make();
    known.push_back(key);
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

void checkRange(const Optimizer &optimizer, const char *key, double low, double high) {
  double value = optimizer.get(key);
  if (!(value >= low && value < high))
    throw Error("optimizer " + optimizer.className + ": " + key + " must be from " +
                std::to_string(low) + " to below " + std::to_string(high) + ", got " +
                std::to_string(value));
}

Optimizer checked(Optimizer optimizer) {
  for (const auto &[key, value] : optimizer.config) {
    bool isRate = key == "learning_rate" || key == "weight_decay" || key == "epsilon";
    checkRange(optimizer, key.c_str(), 0, isRate ? 1e30 : key == "nesterov" ? 2 : 1);
  }
  return optimizer;
}

} // namespace

Optimizer::Optimizer(const char *name) : Optimizer(optimizerByName(name)) {}
Optimizer::Optimizer(const std::string &name) : Optimizer(optimizerByName(name)) {}

double Optimizer::get(const char *key) const {
  for (const auto &[name, value] : config)
    if (name == key)
      return value;
  throw Error("optimizer " + className + " has no '" + key + "'", StatusCode::NotFound);
}

Optimizer optimizers::SGD(SGDOptions o) {
  return checked(
      {"SGD",
       {{"learning_rate", o.learningRate}, {"momentum", o.momentum}, {"nesterov", o.nesterov}}});
}
Optimizer optimizers::Adam(AdamOptions o) {
  return checked({"Adam",
                  {{"learning_rate", o.learningRate},
                   {"beta_1", o.beta1},
                   {"beta_2", o.beta2},
                   {"epsilon", o.epsilon}}});
}
Optimizer optimizers::AdamW(AdamWOptions o) {
  return checked({"AdamW",
                  {{"learning_rate", o.learningRate},
                   {"weight_decay", o.weightDecay},
                   {"beta_1", o.beta1},
                   {"beta_2", o.beta2},
                   {"epsilon", o.epsilon}}});
}
Optimizer optimizers::RMSprop(RMSpropOptions o) {
  return checked({"RMSprop",
                  {{"learning_rate", o.learningRate},
                   {"rho", o.rho},
                   {"momentum", o.momentum},
                   {"epsilon", o.epsilon}}});
}

Loss::Loss(const char *name) : name(lossByName(name)) {}
Loss::Loss(const std::string &name) : name(lossByName(name)) {}

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
