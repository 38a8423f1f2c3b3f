// The classes of optimizers and schedules with all their arguments, Keras's defaults and ranges;
// and the one way by which a configuration, whoever wrote it, is checked and completed.
#include "frontends/keras/Names.h"
#include "frontends/keras/OptimizerImpl.h"

#include "llvm/ADT/StringExtras.h"
#include <cmath>

namespace ingot::keras::detail {

using Kind = Argument::Kind;

//===----------------------------------------------------------------------===//
// The table

Argument Argument::from(double least) const {
  Argument made = *this;
  made.low = least;
  return made;
}
Argument Argument::above(double bound) const {
  Argument made = from(bound);
  made.excludesLow = true;
  return made;
}
Argument Argument::to(double most) const {
  Argument made = *this;
  made.high = most;
  return made;
}
Argument Argument::below(double bound) const {
  Argument made = to(bound);
  made.excludesHigh = true;
  return made;
}

namespace {

Argument number(std::string key, double initial) { return {std::move(key), Kind::Number, initial}; }
Argument share(std::string key, double initial) {
  return number(std::move(key), initial).from(0).below(1);
}
Argument magnitude(std::string key, double initial) {
  return number(std::move(key), initial).from(0).below(1e30);
}
Argument truth(std::string key, bool initial) { return {std::move(key), Kind::Truth, initial}; }
Argument text(std::string key, std::string initial) {
  return {std::move(key), Kind::Text, std::move(initial)};
}
Argument required(std::string key, Kind kind) { return {std::move(key), kind, {}, true}; }
Argument orNone(std::string key, Kind kind) { return {std::move(key), kind, {}, false, true}; }

/// The arguments of all optimizers, then those of this one.
ArgumentClass optimizer(const std::string &name, double learningRate,
                        std::vector<Argument> arguments, std::optional<double> weightDecay = {}) {
  Argument decay =
      weightDecay ? number("weight_decay", *weightDecay) : orNone("weight_decay", Kind::Number);
  Argument rate = magnitude("learning_rate", learningRate);
  rate.kind = Kind::Rate;
  ArgumentClass its = {name,
                       {text("name", snakeCase(name)), rate, decay.from(0).below(1e30),
                        orNone("clipnorm", Kind::Number).from(0),
                        orNone("global_clipnorm", Kind::Number).from(0),
                        orNone("clipvalue", Kind::Number).from(0), truth("use_ema", false),
                        number("ema_momentum", 0.99).from(0).to(1),
                        orNone("ema_overwrite_frequency", Kind::Integer).from(1),
                        orNone("loss_scale_factor", Kind::Number).above(0),
                        orNone("gradient_accumulation_steps", Kind::Integer).from(2)}};
  its.arguments.insert(its.arguments.end(), arguments.begin(), arguments.end());
  return its;
}

std::vector<Argument> adamArguments(bool hasAmsgrad) {
  std::vector<Argument> arguments = {share("beta_1", 0.9), share("beta_2", 0.999),
                                     magnitude("epsilon", 1e-7)};
  if (hasAmsgrad)
    arguments.push_back(truth("amsgrad", false));
  return arguments;
}

std::vector<ArgumentClass> makeOptimizers() {
  std::vector<Argument> ftrl = {number("learning_rate_power", -0.5).to(0),
                                magnitude("initial_accumulator_value", 0.1),
                                magnitude("l1_regularization_strength", 0),
                                magnitude("l2_regularization_strength", 0),
                                magnitude("l2_shrinkage_regularization_strength", 0),
                                magnitude("beta", 0)};
  Argument growth = {"dynamic_growth_steps", Kind::Integer, int64_t(2000)};
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
       {text("name", "loss_scale_optimizer"), required("inner_optimizer", Kind::Optimizer),
        number("initial_scale", 32768).above(0).to(3.4028234663852886e38), growth.from(1)}},
  };
}

std::vector<ArgumentClass> makeSchedules() {
  const Argument initial = required("initial_learning_rate", Kind::Number).from(0).below(1e30);
  const Argument decaySteps = required("decay_steps", Kind::Integer).above(0);
  const Argument decayRate = required("decay_rate", Kind::Number).from(0);
  Argument warmupSteps = {"warmup_steps", Kind::Integer, int64_t(0)};
  auto name = [](const char *its) { return text("name", its); };
  return {
      {"ExponentialDecay",
       {initial, decaySteps, decayRate, truth("staircase", false), name("ExponentialDecay")}},
      {"PiecewiseConstantDecay",
       {required("boundaries", Kind::Integers), required("values", Kind::Numbers),
        name("PiecewiseConstant")}},
      {"PolynomialDecay",
       {initial, decaySteps, magnitude("end_learning_rate", 0.0001), magnitude("power", 1),
        truth("cycle", false), name("PolynomialDecay")}},
      {"InverseTimeDecay",
       {initial, required("decay_steps", Kind::Number).above(0), decayRate,
        truth("staircase", false), name("InverseTimeDecay")}},
      {"CosineDecay",
       {initial, decaySteps, number("alpha", 0), name("CosineDecay"),
        orNone("warmup_target", Kind::Number).from(0).below(1e30), warmupSteps.from(0)}},
      {"CosineDecayRestarts",
       {initial, required("first_decay_steps", Kind::Integer).above(0), number("t_mul", 2).above(0),
        magnitude("m_mul", 1), number("alpha", 0), name("SGDRDecay")}},
  };
}

//===----------------------------------------------------------------------===//
// Checks

std::string show(double value) {
  if (std::trunc(value) == value && std::abs(value) < 1e15)
    return std::to_string(static_cast<int64_t>(value));
  char shortest[32];
  (void)std::snprintf(shortest, sizeof shortest, "%g", value);
  return shortest;
}

struct Show {
  std::string operator()(std::monostate) const { return "None"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return show(value); }
  std::string operator()(const std::string &value) const { return "'" + value.substr(0, 64) + "'"; }
  template <typename T> std::string operator()(const std::vector<T> &value) const {
    return "a list of " + std::to_string(value.size());
  }
  std::string operator()(const std::shared_ptr<const LearningRateSchedule> &) const {
    return "a schedule";
  }
  std::string operator()(const std::shared_ptr<const Optimizer> &) const { return "an optimizer"; }
};

std::optional<double> asNumber(const ConfigValue &value) {
  if (const auto *number = std::get_if<double>(&value))
    return *number;
  if (const auto *integer = std::get_if<int64_t>(&value))
    return static_cast<double>(*integer);
  return std::nullopt;
}

std::optional<int64_t> asInteger(double value) {
  constexpr double most = 9007199254740992; // 2^53: exact in JSON and in f64
  if (std::trunc(value) == value && std::abs(value) <= most)
    return static_cast<int64_t>(value);
  return std::nullopt;
}

/// "from 0 to below 1"
std::string rangeOf(const Argument &its) {
  std::string low =
      std::isinf(its.low) ? "" : (its.excludesLow ? "above " : "from ") + show(its.low);
  std::string high =
      std::isinf(its.high) ? "" : (its.excludesHigh ? "below " : "") + show(its.high);
  if (low.empty())
    return high.empty() ? "a finite number" : "a number up to " + high;
  if (high.empty())
    return its.excludesLow ? low : "at least " + show(its.low);
  return low + " to " + high;
}

bool isInRange(const Argument &its, double value) {
  bool isHighEnough = its.excludesLow ? value > its.low : value >= its.low;
  bool isLowEnough = its.excludesHigh ? value < its.high : value <= its.high;
  return std::isfinite(value) && isHighEnough && isLowEnough;
}

const char *wordFor(Kind kind) {
  switch (kind) {
  case Kind::Rate:
    return "a number or a schedule";
  case Kind::Number:
    return "a number";
  case Kind::Integer:
    return "an integer";
  case Kind::Truth:
    return "true or false";
  case Kind::Text:
    return "a text";
  case Kind::Integers:
    return "a list of integers";
  case Kind::Numbers:
    return "a list of numbers";
  case Kind::Optimizer:
    return "an optimizer";
  }
  return "";
}

std::optional<std::vector<double>> asNumbers(const ConfigValue &value) {
  if (const auto *numbers = std::get_if<std::vector<double>>(&value))
    return *numbers;
  if (const auto *integers = std::get_if<std::vector<int64_t>>(&value))
    return std::vector<double>(integers->begin(), integers->end());
  return std::nullopt;
}

/// The value in the form that its kind has; None when it cannot be that.
ConfigValue convert(Kind kind, const ConfigValue &value) {
  std::optional<double> number = asNumber(value);
  switch (kind) {
  case Kind::Rate:
    if (std::holds_alternative<std::shared_ptr<const LearningRateSchedule>>(value))
      return value;
    [[fallthrough]];
  case Kind::Number:
    return number ? ConfigValue(*number) : ConfigValue();
  case Kind::Integer: {
    std::optional<int64_t> integer = number ? asInteger(*number) : std::nullopt;
    return integer ? ConfigValue(*integer) : ConfigValue();
  }
  case Kind::Truth:
    if (number && (*number == 0 || *number == 1))
      return *number == 1;
    return std::holds_alternative<bool>(value) ? value : ConfigValue();
  case Kind::Text:
    return std::holds_alternative<std::string>(value) ? value : ConfigValue();
  case Kind::Integers: {
    // As Keras, which casts boundaries to the type of the step.
    std::optional<std::vector<double>> numbers = asNumbers(value);
    std::vector<int64_t> integers;
    for (double each : numbers.value_or(std::vector<double>())) {
      std::optional<int64_t> integer = asInteger(std::trunc(each));
      if (!integer)
        return {};
      integers.push_back(*integer);
    }
    return numbers ? ConfigValue(integers) : ConfigValue();
  }
  case Kind::Numbers: {
    std::optional<std::vector<double>> numbers = asNumbers(value);
    return numbers ? ConfigValue(*numbers) : ConfigValue();
  }
  case Kind::Optimizer:
    return std::holds_alternative<std::shared_ptr<const Optimizer>>(value) ? value : ConfigValue();
  }
  return {};
}

ConfigValue check(const std::string &where, const Argument &its, const ConfigValue &given) {
  if (std::holds_alternative<std::monostate>(given) && its.mayBeNone)
    return given;
  ConfigValue value = convert(its.kind, given);
  auto refuse = [&](const std::string &expected) {
    throw Error(where + ": " + its.key + " must be " + expected + ", got " +
                std::visit(Show(), given));
  };
  if (std::holds_alternative<std::monostate>(value))
    refuse(wordFor(its.kind));
  if (std::optional<double> number = asNumber(value); number && !isInRange(its, *number))
    refuse(rangeOf(its));
  if (its.kind == Kind::Text)
    checkName("configuration", std::get<std::string>(value));
  return value;
}

/// What no argument alone can say.
void checkTogether(const std::string &where, const std::string &className, const Config &config) {
  if (className == "LossScaleOptimizer") {
    const auto &inner =
        std::get<std::shared_ptr<const Optimizer>>(valueOf(config, "inner_optimizer"));
    if (inner->className == className)
      throw Error(where + ": inner_optimizer must be another optimizer, got a LossScaleOptimizer");
    return;
  }
  if (className == "PiecewiseConstantDecay") {
    const auto &boundaries = std::get<std::vector<int64_t>>(valueOf(config, "boundaries"));
    const auto &values = std::get<std::vector<double>>(valueOf(config, "values"));
    if (boundaries.size() + 1 != values.size())
      throw Error(where + ": there must be one value more than boundaries, got " +
                  std::to_string(boundaries.size()) + " boundaries and " +
                  std::to_string(values.size()) + " values");
    for (double value : values)
      if (!(value >= 0 && value < 1e30))
        throw Error(where + ": values must be from 0 to below 1e+30, got " + show(value));
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
        clips.push_back(name + " = " + std::visit(Show(), value));
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

Config completeConfig(const std::string &what, const ArgumentClass &its, const Config &given) {
  const std::string where = what + " " + its.name;
  std::vector<std::string> known;
  for (const Argument &argument : its.arguments)
    known.push_back(argument.key);
  for (const auto &[key, value] : given)
    if (!llvm::is_contained(known, key))
      throw Error(unknownName(its.name + " option", key, known));
  Config config;
  for (const Argument &argument : its.arguments) {
    const ConfigValue *value = argument.isRequired ? nullptr : &argument.initial;
    for (const auto &[key, each] : given)
      if (key == argument.key)
        value = &each;
    if (!value)
      throw Error(where + ": " + argument.key + " is missing");
    config.emplace_back(argument.key, check(where, argument, *value));
  }
  checkTogether(where, its.name, config);
  return config;
}

const ConfigValue &valueOf(const Config &config, llvm::StringRef key) {
  for (const auto &[name, value] : config)
    if (name == key)
      return value;
  throw Error("there is no argument '" + key.str() + "'", StatusCode::NotFound);
}
bool isNone(const Config &config, llvm::StringRef key) {
  return std::holds_alternative<std::monostate>(valueOf(config, key));
}
double numberOf(const Config &config, llvm::StringRef key) {
  std::optional<double> number = asNumber(valueOf(config, key));
  if (!number)
    throw Error("the argument '" + key.str() + "' is no number");
  return *number;
}
bool truthOf(const Config &config, llvm::StringRef key) {
  return std::get<bool>(valueOf(config, key));
}

} // namespace ingot::keras::detail
