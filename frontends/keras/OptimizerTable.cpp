// The classes of optimizers and schedules with all their arguments, Keras's defaults and ranges;
// and what their arguments must be together.
#include "frontends/keras/Names.h"
#include "frontends/keras/OptimizerImpl.h"

#include "llvm/ADT/StringExtras.h"

namespace ingot::keras::detail {

namespace {

using P = Parameter;

P number(const char *name, double fallback) { return {name, P::Number, fallback}; }
P share(const char *name, double fallback) { return number(name, fallback).from(0).below(1); }
P magnitude(const char *name, double fallback) {
  return number(name, fallback).from(0).below(1e30);
}
P integer(const char *name, int64_t fallback) { return {name, P::Integer, fallback}; }
P truth(const char *name, bool fallback) { return {name, P::Truth, fallback}; }
P text(const char *name, std::string fallback) { return {name, P::Text, std::move(fallback)}; }
P orNone(const char *name, P::Type type) { return {name, type}; }
P required(const char *name, P::Type type) { return orNone(name, type).required(); }

/// The arguments of all optimizers, then those of this one.
ArgumentClass optimizer(const std::string &name, double learningRate, Parameters arguments,
                        std::optional<double> weightDecay = {}) {
  P decay = weightDecay ? number("weight_decay", *weightDecay) : orNone("weight_decay", P::Number);
  P rate = magnitude("learning_rate", learningRate);
  rate.type = P::Rate;
  ArgumentClass its = {name,
                       {text("name", snakeCase(name)), rate, decay.from(0).below(1e30),
                        orNone("clipnorm", P::Number).from(0),
                        orNone("global_clipnorm", P::Number).from(0),
                        orNone("clipvalue", P::Number).from(0), truth("use_ema", false),
                        number("ema_momentum", 0.99).from(0).to(1),
                        orNone("ema_overwrite_frequency", P::Integer).from(1),
                        orNone("loss_scale_factor", P::Number).above(0),
                        orNone("gradient_accumulation_steps", P::Integer).from(2)}};
  its.parameters.insert(its.parameters.end(), arguments.begin(), arguments.end());
  return its;
}

Parameters adamArguments(bool hasAmsgrad) {
  Parameters arguments = {share("beta_1", 0.9), share("beta_2", 0.999), magnitude("epsilon", 1e-7)};
  if (hasAmsgrad)
    arguments.push_back(truth("amsgrad", false));
  return arguments;
}

std::vector<ArgumentClass> makeOptimizers() {
  Parameters ftrl = {number("learning_rate_power", -0.5).to(0),
                     magnitude("initial_accumulator_value", 0.1),
                     magnitude("l1_regularization_strength", 0),
                     magnitude("l2_regularization_strength", 0),
                     magnitude("l2_shrinkage_regularization_strength", 0),
                     magnitude("beta", 0)};
  return {
      optimizer("SGD", 0.01, {number("momentum", 0).from(0).to(1), truth("nesterov", false)}),
      optimizer("Adam", 0.001, adamArguments(true)),
      optimizer("AdamW", 0.001, adamArguments(true), 0.004),
      optimizer("RMSprop", 0.001,
                {share("rho", 0.9), share("momentum", 0), magnitude("epsilon", 1e-7),
                 truth("centered", false)}),
      optimizer("Adagrad", 0.001,
                {magnitude("initial_accumulator_value", 0.1), magnitude("epsilon", 1e-7)}),
      optimizer("Adadelta", 0.001, {share("rho", 0.95), magnitude("epsilon", 1e-7)}),
      optimizer("Adamax", 0.001, adamArguments(false)),
      optimizer("Nadam", 0.001, adamArguments(false)),
      optimizer("Lion", 0.001,
                {number("beta_1", 0.9).above(0).to(1), number("beta_2", 0.99).from(0).to(1)}),
      optimizer("Ftrl", 0.001, ftrl),
      {"LossScaleOptimizer",
       {text("name", "loss_scale_optimizer"), required("inner_optimizer", P::Optimizer),
        number("initial_scale", 32768).above(0).to(3.4028234663852886e38),
        integer("dynamic_growth_steps", 2000).from(1)}},
  };
}

std::vector<ArgumentClass> makeSchedules() {
  const P initial = required("initial_learning_rate", P::Number).from(0).below(1e30);
  const P decaySteps = required("decay_steps", P::Integer).above(0);
  const P decayRate = required("decay_rate", P::Number).from(0);
  P boundaries = required("boundaries", P::Integers);
  boundaries.cutsFractions = true; // Keras casts them to the type of the step
  auto name = [](const char *its) { return text("name", its); };
  return {
      {"ExponentialDecay",
       {initial, decaySteps, decayRate, truth("staircase", false), name("ExponentialDecay")}},
      {"PiecewiseConstantDecay",
       {boundaries, required("values", P::Numbers).from(0).below(1e30), name("PiecewiseConstant")}},
      {"PolynomialDecay",
       {initial, decaySteps, magnitude("end_learning_rate", 0.0001), magnitude("power", 1),
        truth("cycle", false), name("PolynomialDecay")}},
      {"InverseTimeDecay",
       {initial, required("decay_steps", P::Number).above(0), decayRate, truth("staircase", false),
        name("InverseTimeDecay")}},
      {"CosineDecay",
       {initial, decaySteps, number("alpha", 0), name("CosineDecay"),
        orNone("warmup_target", P::Number).from(0).below(1e30),
        integer("warmup_steps", 0).from(0)}},
      {"CosineDecayRestarts",
       {initial, required("first_decay_steps", P::Integer).above(0), number("t_mul", 2).above(0),
        magnitude("m_mul", 1), number("alpha", 0), name("SGDRDecay")}},
  };
}

/// What no argument alone can say.
void checkTogether(const std::string &where, const std::string &className,
                   const Arguments &config) {
  if (className == "LossScaleOptimizer") {
    const auto &inner =
        std::get<std::shared_ptr<const Optimizer>>(argument(config, "inner_optimizer"));
    if (inner->className == className)
      throw Error(where + ": inner_optimizer must be another optimizer, got a LossScaleOptimizer");
    return;
  }
  if (className == "PiecewiseConstantDecay") {
    const std::vector<int64_t> boundaries = integers(config, "boundaries");
    const size_t values = numbers(config, "values").size();
    if (boundaries.size() + 1 != values)
      throw Error(where + ": there must be one value more than boundaries, got " +
                  std::to_string(boundaries.size()) + " boundaries and " + std::to_string(values) +
                  " values");
    for (size_t i = 1; i < boundaries.size(); ++i)
      if (boundaries[i] <= boundaries[i - 1])
        throw Error(where + ": boundaries must rise, got " + std::to_string(boundaries[i]) +
                    " after " + std::to_string(boundaries[i - 1]));
    return;
  }
  std::vector<std::string> clips;
  for (const char *key : {"clipnorm", "clipvalue", "global_clipnorm"})
    for (const auto &[name, value] : config)
      if (name == key && !std::holds_alternative<std::monostate>(value))
        clips.push_back(name + " = " + show(value));
  if (clips.size() > 1)
    throw Error(where + ": only one of clipnorm, clipvalue and global_clipnorm can be set, got " +
                llvm::join(clips, " and "));
}

} // namespace

const std::vector<ArgumentClass> &optimizerClasses() {
  static const std::vector<ArgumentClass> table = makeOptimizers();
  return table;
}
const std::vector<ArgumentClass> &scheduleClasses() {
  static const std::vector<ArgumentClass> table = makeSchedules();
  return table;
}

Arguments completeArguments(const std::string &what, const ArgumentClass &its,
                            const Arguments &given) {
  const std::string where = what + " " + its.name;
  Arguments config = complete(where, its.parameters, given);
  checkTogether(where, its.name, config);
  return config;
}

} // namespace ingot::keras::detail
