// Optimizers, losses and metrics by name and by function: the handles of Optimizers.h and Model.h;
// and what the compiler is told of an optimizer.
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"
#include "frontends/keras/OptimizerImpl.h"

#include <algorithm>
#include <cctype>

namespace ingot::keras {

using namespace detail;

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

const ArgumentClass &findOptimizer(const std::string &name) {
  for (const ArgumentClass &its : optimizerClasses())
    if (lower(its.name) == lower(name))
      return its;
  throw Error("compile: " + unknownName("optimizer", name, optimizerNames()));
}

/// An argument of the options as a configuration holds it.
template <typename T> Argument valueFrom(const T &value) { return value; }
template <typename T> Argument valueFrom(const std::optional<T> &value) {
  return value ? Argument(*value) : Argument();
}

/// The arguments that all optimizers have, then those of this one.
template <typename Options>
Optimizer make(const char *className, const Options &o, Arguments arguments) {
  Arguments all = {{"learning_rate", o.learningRate.value},
                   {"weight_decay", valueFrom(o.weightDecay)},
                   {"clipnorm", valueFrom(o.clipnorm)},
                   {"global_clipnorm", valueFrom(o.globalClipnorm)},
                   {"clipvalue", valueFrom(o.clipvalue)},
                   {"use_ema", o.useEma},
                   {"ema_momentum", o.emaMomentum},
                   {"ema_overwrite_frequency", valueFrom(o.emaOverwriteFrequency)},
                   {"loss_scale_factor", valueFrom(o.lossScaleFactor)},
                   {"gradient_accumulation_steps", valueFrom(o.gradientAccumulationSteps)}};
  if (!o.name.empty())
    all.emplace_back("name", o.name);
  all.insert(all.end(), arguments.begin(), arguments.end());
  return {className, all};
}

void fillSpec(OptimizerSpec &spec, const Arguments &config) {
  const std::map<std::string, double OptimizerSpec::*> numbers = {
      {"momentum", &OptimizerSpec::momentum},
      {"beta_1", &OptimizerSpec::beta1},
      {"beta_2", &OptimizerSpec::beta2},
      {"rho", &OptimizerSpec::rho},
      {"epsilon", &OptimizerSpec::epsilon},
      {"initial_accumulator_value", &OptimizerSpec::initialAccumulator},
      {"learning_rate_power", &OptimizerSpec::learningRatePower},
      {"l1_regularization_strength", &OptimizerSpec::l1},
      {"l2_regularization_strength", &OptimizerSpec::l2},
      {"l2_shrinkage_regularization_strength", &OptimizerSpec::l2Shrinkage},
      {"beta", &OptimizerSpec::beta},
      {"weight_decay", &OptimizerSpec::weightDecay},
      {"clipnorm", &OptimizerSpec::clipNorm},
      {"global_clipnorm", &OptimizerSpec::globalClipNorm},
      {"clipvalue", &OptimizerSpec::clipValue},
      {"loss_scale_factor", &OptimizerSpec::lossScale}};
  const std::map<std::string, int64_t OptimizerSpec::*> integers = {
      {"ema_overwrite_frequency", &OptimizerSpec::emaOverwriteFrequency},
      {"gradient_accumulation_steps", &OptimizerSpec::accumulationSteps}};
  const std::map<std::string, bool OptimizerSpec::*> truths = {
      {"nesterov", &OptimizerSpec::nesterov},
      {"amsgrad", &OptimizerSpec::amsgrad},
      {"centered", &OptimizerSpec::centered}};
  for (const auto &[key, value] : config) {
    if (std::holds_alternative<std::monostate>(value))
      continue;
    if (auto field = numbers.find(key); field != numbers.end())
      spec.*(field->second) = std::get<double>(value);
    else if (auto field = integers.find(key); field != integers.end())
      spec.*(field->second) = std::get<int64_t>(value);
    else if (auto field = truths.find(key); field != truths.end())
      spec.*(field->second) = std::get<bool>(value);
  }
}

} // namespace

OptimizerSpec detail::specOf(const Optimizer &given) {
  // The handle is open: what was put into it is checked as what a constructor is given.
  Optimizer optimizer(given.className, given.config);
  if (optimizer.className == "LossScaleOptimizer") {
    OptimizerSpec spec = specOf(
        *std::get<std::shared_ptr<const Optimizer>>(argument(optimizer.config, "inner_optimizer")));
    spec.lossScale = 1;
    spec.dynamicScale = {number(optimizer.config, "initial_scale"),
                         integer(optimizer.config, "dynamic_growth_steps")};
    return spec;
  }
  using Kind = OptimizerSpec::Kind;
  const std::map<std::string, Kind> kinds = {
      {"SGD", Kind::SGD},         {"Adam", Kind::Adam},       {"AdamW", Kind::AdamW},
      {"RMSprop", Kind::RMSprop}, {"Adagrad", Kind::Adagrad}, {"Adadelta", Kind::Adadelta},
      {"Adamax", Kind::Adamax},   {"Nadam", Kind::Nadam},     {"Lion", Kind::Lion},
      {"Ftrl", Kind::Ftrl}};
  OptimizerSpec spec;
  spec.kind = kinds.at(optimizer.className);
  fillSpec(spec, optimizer.config);
  if (truth(optimizer.config, "use_ema"))
    spec.emaMomentum = number(optimizer.config, "ema_momentum");
  spec.notDecayed = given.excludedFromWeightDecay;
  const Argument &rate = argument(optimizer.config, "learning_rate");
  if (const auto *schedule = std::get_if<std::shared_ptr<const LearningRateSchedule>>(&rate)) {
    spec.learningRate = (**schedule)(0);
    spec.schedule = [schedule = *schedule](mlir::OpBuilder &b, mlir::Location loc,
                                           mlir::Value step) {
      return emitSchedule(b, loc, *schedule, step);
    };
  } else {
    spec.learningRate = std::get<double>(rate);
  }
  return spec;
}

std::vector<std::string> optimizerNames() {
  std::vector<std::string> names;
  for (const ArgumentClass &its : optimizerClasses())
    names.push_back(lower(its.name));
  return names;
}

Optimizer::Optimizer(const char *name) : Optimizer(std::string(name)) {}
Optimizer::Optimizer(const std::string &name) : Optimizer(name, Arguments()) {}
Optimizer::Optimizer(const std::string &name, const Arguments &given) {
  const ArgumentClass &its = findOptimizer(name);
  className = its.name;
  config = completeArguments("optimizer", its, given);
}

double Optimizer::get(const char *key) const {
  for (const auto &[name, value] : config)
    if (name == key)
      return std::holds_alternative<bool>(value) ? std::get<bool>(value) : number(config, key);
  throw Error("optimizer " + className + " has no '" + key + "'", StatusCode::NotFound);
}

Optimizer optimizers::SGD(const SGDOptions &o) {
  return make("SGD", o, {{"momentum", o.momentum}, {"nesterov", o.nesterov}});
}
Optimizer optimizers::Adam(const AdamOptions &o) {
  return make(
      "Adam", o,
      {{"beta_1", o.beta1}, {"beta_2", o.beta2}, {"epsilon", o.epsilon}, {"amsgrad", o.amsgrad}});
}
Optimizer optimizers::AdamW(const AdamWOptions &o) {
  return make(
      "AdamW", o,
      {{"beta_1", o.beta1}, {"beta_2", o.beta2}, {"epsilon", o.epsilon}, {"amsgrad", o.amsgrad}});
}
Optimizer optimizers::RMSprop(const RMSpropOptions &o) {
  return make(
      "RMSprop", o,
      {{"rho", o.rho}, {"momentum", o.momentum}, {"epsilon", o.epsilon}, {"centered", o.centered}});
}
Optimizer optimizers::Adagrad(const AdagradOptions &o) {
  return make("Adagrad", o,
              {{"initial_accumulator_value", o.initialAccumulatorValue}, {"epsilon", o.epsilon}});
}
Optimizer optimizers::Adadelta(const AdadeltaOptions &o) {
  return make("Adadelta", o, {{"rho", o.rho}, {"epsilon", o.epsilon}});
}
Optimizer optimizers::Adamax(const AdamaxOptions &o) {
  return make("Adamax", o, {{"beta_1", o.beta1}, {"beta_2", o.beta2}, {"epsilon", o.epsilon}});
}
Optimizer optimizers::Nadam(const NadamOptions &o) {
  return make("Nadam", o, {{"beta_1", o.beta1}, {"beta_2", o.beta2}, {"epsilon", o.epsilon}});
}
Optimizer optimizers::Lion(const LionOptions &o) {
  return make("Lion", o, {{"beta_1", o.beta1}, {"beta_2", o.beta2}});
}
Optimizer optimizers::Ftrl(const FtrlOptions &o) {
  return make("Ftrl", o,
              {{"learning_rate_power", o.learningRatePower},
               {"initial_accumulator_value", o.initialAccumulatorValue},
               {"l1_regularization_strength", o.l1RegularizationStrength},
               {"l2_regularization_strength", o.l2RegularizationStrength},
               {"l2_shrinkage_regularization_strength", o.l2ShrinkageRegularizationStrength},
               {"beta", o.beta}});
}
Optimizer optimizers::LossScaleOptimizer(const Optimizer &innerOptimizer,
                                         const LossScaleOptions &o) {
  Arguments config = {{"inner_optimizer", std::make_shared<const Optimizer>(innerOptimizer)},
                      {"initial_scale", o.initialScale},
                      {"dynamic_growth_steps", o.dynamicGrowthSteps}};
  if (!o.name.empty())
    config.emplace_back("name", o.name);
  return {"LossScaleOptimizer", config};
}

} // namespace ingot::keras
