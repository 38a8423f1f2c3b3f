// See ArgumentTable.h.
#include "frontends/keras/ArgumentTable.h"
#include "frontends/keras/Names.h"
#include "frontends/keras/OptimizerImpl.h"

#include <cmath>
#include <map>

namespace ingot::keras::detail {

Parameter Parameter::from(double least) const {
  Parameter made = *this;
  made.low = least;
  return made;
}
Parameter Parameter::above(double bound) const {
  Parameter made = from(bound);
  made.excludesLow = true;
  return made;
}
Parameter Parameter::to(double most) const {
  Parameter made = *this;
  made.high = most;
  return made;
}
Parameter Parameter::below(double bound) const {
  Parameter made = to(bound);
  made.excludesHigh = true;
  return made;
}
Parameter Parameter::required() const {
  Parameter made = *this;
  made.isRequired = true;
  return made;
}

namespace {

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
  std::string operator()(const std::shared_ptr<const LearningRateSchedule> &value) const {
    return value ? "a schedule" : "None";
  }
  std::string operator()(const std::shared_ptr<const Optimizer> &value) const {
    return value ? "an optimizer" : "None";
  }
};

/// " from 0 to below 1"; empty where any number will do.
std::string rangeOf(const Parameter &its) {
  bool hasLow = !std::isinf(its.low), hasHigh = !std::isinf(its.high);
  std::string low = (its.excludesLow ? " above "
                     : hasHigh       ? " from "
                                     : " at least ") +
                    show(its.low),
              high = (hasLow ? " to " : " up to ") + std::string(its.excludesHigh ? "below " : "") +
                     show(its.high);
  return (hasLow ? low : "") + (hasHigh ? high : "");
}

std::string typeOf(const Parameter &its) {
  switch (its.type) {
  case Parameter::Truth:
    return "true or false";
  case Parameter::Integer:
    return "a whole number" + rangeOf(its);
  case Parameter::Number:
    return "a number" + rangeOf(its);
  case Parameter::Rate:
    return "a number" + rangeOf(its) + " or a schedule";
  case Parameter::Text: {
    std::string all;
    for (const std::string &choice : its.choices)
      all += (all.empty() ? "'" : ", '") + choice + "'";
    return all.empty() ? "a text" : "one of " + all;
  }
  case Parameter::Integers:
    return "whole numbers" + rangeOf(its);
  case Parameter::Numbers:
    return "numbers" + rangeOf(its);
  case Parameter::Optimizer:
    return "an optimizer";
  }
  return "";
}

bool isInRange(const Parameter &its, double value) {
  bool isHighEnough = its.excludesLow ? value > its.low : value >= its.low;
  bool isLowEnough = its.excludesHigh ? value < its.high : value <= its.high;
  return std::isfinite(value) && isHighEnough && isLowEnough;
}

std::optional<double> asNumber(const Argument &value) {
  if (const auto *number = std::get_if<double>(&value))
    return *number;
  if (const auto *integer = std::get_if<int64_t>(&value))
    return static_cast<double>(*integer);
  return std::nullopt;
}

std::optional<std::vector<double>> asNumbers(const Argument &value) {
  if (const auto *numbers = std::get_if<std::vector<double>>(&value))
    return *numbers;
  if (const auto *integers = std::get_if<std::vector<int64_t>>(&value))
    return std::vector<double>(integers->begin(), integers->end());
  return std::nullopt;
}

/// A whole number, of those that JSON and f64 have exactly.
std::optional<int64_t> asInteger(const Parameter &its, double value) {
  constexpr double most = 9007199254740992; // 2^53
  if (its.cutsFractions)
    value = std::trunc(value);
  if (std::trunc(value) == value && std::abs(value) <= most)
    return static_cast<int64_t>(value);
  return std::nullopt;
}

/// A number in the form of its type; None when it cannot be that.
Argument convertNumber(const Parameter &its, double value) {
  if (!isInRange(its, value))
    return {};
  if (its.type != Parameter::Integer && its.type != Parameter::Integers)
    return value;
  std::optional<int64_t> integer = asInteger(its, value);
  return integer ? Argument(*integer) : Argument();
}

Argument convertNumbers(const Parameter &its, const std::vector<double> &values) {
  std::vector<int64_t> whole;
  for (double value : values) {
    const Argument one = convertNumber(its, value);
    if (std::holds_alternative<std::monostate>(one))
      return {};
    if (const auto *integer = std::get_if<int64_t>(&one))
      whole.push_back(*integer);
  }
  if (values.empty())
    return {};
  return its.type == Parameter::Integers ? Argument(std::move(whole)) : Argument(values);
}

/// The value in the form that its type has; None when it cannot be that.
Argument convert(const Parameter &its, const Argument &value) {
  std::optional<double> number = asNumber(value);
  switch (its.type) {
  case Parameter::Truth:
    if (number && (*number == 0 || *number == 1))
      return *number == 1;
    return std::holds_alternative<bool>(value) ? value : Argument();
  case Parameter::Text: {
    const auto *text = std::get_if<std::string>(&value);
    bool isKnown = text && (its.choices.empty() || llvm::is_contained(its.choices, *text));
    return isKnown ? value : Argument();
  }
  case Parameter::Rate:
    if (const auto *given = std::get_if<std::shared_ptr<const LearningRateSchedule>>(&value))
      return *given ? value : Argument();
    [[fallthrough]];
  case Parameter::Integer:
  case Parameter::Number:
    return number ? convertNumber(its, *number) : Argument();
  case Parameter::Integers:
  case Parameter::Numbers: {
    if (number)
      return convertNumber(its, *number);
    std::optional<std::vector<double>> list = asNumbers(value);
    return list ? convertNumbers(its, *list) : Argument();
  }
  case Parameter::Optimizer: {
    const auto *given = std::get_if<std::shared_ptr<const keras::Optimizer>>(&value);
    return given && *given ? value : Argument();
  }
  }
  return {};
}

Argument checked(const std::string &who, const Parameter &its, const Argument &given) {
  const bool isNone = std::holds_alternative<std::monostate>(given);
  if (isNone && !its.isRequired && std::holds_alternative<std::monostate>(its.fallback))
    return given;
  Argument value = convert(its, given);
  if (std::holds_alternative<std::monostate>(value))
    throw Error(who + ": " + its.name + " must be " + typeOf(its) + ", got " + detail::show(given));
  if (its.type == Parameter::Text)
    checkName("configuration", std::get<std::string>(value));
  return value;
}

struct ToJson {
  Json operator()(std::monostate) const { return nullptr; }
  template <typename T> Json operator()(const T &value) const { return value; }
  Json operator()(const std::shared_ptr<const LearningRateSchedule> &schedule) const {
    return scheduleToJson(*schedule);
  }
  Json operator()(const std::shared_ptr<const Optimizer> &optimizer) const {
    return optimizerToJson(*optimizer);
  }
};

} // namespace

std::string show(const Argument &value) { return std::visit(Show(), value); }

Arguments complete(const std::string &who, const Parameters &parameters, const Arguments &given) {
  std::map<std::string, const Argument *> byName;
  for (const auto &[name, value] : given) {
    std::vector<std::string> known;
    for (const Parameter &parameter : parameters)
      known.push_back(parameter.name);
    if (!llvm::is_contained(known, name))
      throw Error(who + ": " + unknownName("argument", name, known));
    if (!byName.emplace(name, &value).second)
      throw Error(who + ": argument '" + name + "' is given twice");
  }
  Arguments result;
  for (const Parameter &parameter : parameters) {
    auto it = byName.find(parameter.name);
    if (it == byName.end() && parameter.isRequired)
      throw Error(who + " needs " + parameter.name + ", " + typeOf(parameter));
    const Argument &value = it == byName.end() ? parameter.fallback : *it->second;
    result.emplace_back(parameter.name, checked(who, parameter, value));
  }
  return result;
}

const Argument &argument(const Arguments &arguments, llvm::StringRef name) {
  for (const auto &[key, value] : arguments)
    if (key == name)
      return value;
  throw Error("there is no argument '" + name.str() + "'", StatusCode::Internal);
}

bool isNone(const Arguments &arguments, llvm::StringRef name) {
  return std::holds_alternative<std::monostate>(argument(arguments, name));
}

bool truth(const Arguments &arguments, llvm::StringRef name) {
  return std::get<bool>(argument(arguments, name));
}

double number(const Arguments &arguments, llvm::StringRef name) {
  if (std::optional<double> value = optionalNumber(arguments, name))
    return *value;
  throw Error("the argument '" + name.str() + "' is no number", StatusCode::Internal);
}

int64_t integer(const Arguments &arguments, llvm::StringRef name) {
  return std::get<int64_t>(argument(arguments, name));
}

std::optional<double> optionalNumber(const Arguments &arguments, llvm::StringRef name) {
  return asNumber(argument(arguments, name));
}

std::optional<int64_t> optionalInteger(const Arguments &arguments, llvm::StringRef name) {
  const auto *value = std::get_if<int64_t>(&argument(arguments, name));
  return value ? std::optional<int64_t>(*value) : std::nullopt;
}

std::string text(const Arguments &arguments, llvm::StringRef name) {
  const auto *value = std::get_if<std::string>(&argument(arguments, name));
  return value ? *value : std::string();
}

std::vector<double> numbers(const Arguments &arguments, llvm::StringRef name) {
  const Argument &value = argument(arguments, name);
  if (std::optional<double> one = asNumber(value))
    return {*one};
  return asNumbers(value).value_or(std::vector<double>());
}

std::vector<int64_t> integers(const Arguments &arguments, llvm::StringRef name) {
  const Argument &value = argument(arguments, name);
  if (const auto *one = std::get_if<int64_t>(&value))
    return {*one};
  const auto *list = std::get_if<std::vector<int64_t>>(&value);
  return list ? *list : std::vector<int64_t>();
}

Json toJson(const Argument &value) { return std::visit(ToJson(), value); }

Json toJson(const Arguments &arguments) {
  Json json = Json::object();
  for (const auto &[name, value] : arguments)
    json[name] = toJson(value);
  return json;
}

Argument argumentFromJson(const Json &json, const std::string &key) {
  if (json.is_null())
    return {};
  if (json.is_boolean())
    return json.get<bool>();
  if (json.is_number())
    return json.get<double>();
  if (json.is_string())
    return json.get<std::string>();
  constexpr size_t most = 1 << 20; // thresholds, weights of labels
  if (!json.is_array())
    throw Error("argument '" + key + "' is no number, text or list of numbers",
                StatusCode::DataLoss);
  if (json.size() > most)
    throw Error("argument '" + key + "' has " + std::to_string(json.size()) +
                    " elements; at most " + std::to_string(most) + " are supported",
                StatusCode::DataLoss);
  return json.get<std::vector<double>>();
}

const ShortNames &shortNames() {
  static const ShortNames names = {{"bce", "BinaryCrossentropy"},
                                   {"BCE", "BinaryCrossentropy"},
                                   {"kld", "KLDivergence"},
                                   {"KLD", "KLDivergence"},
                                   {"mae", "MeanAbsoluteError"},
                                   {"MAE", "MeanAbsoluteError"},
                                   {"mse", "MeanSquaredError"},
                                   {"MSE", "MeanSquaredError"},
                                   {"mape", "MeanAbsolutePercentageError"},
                                   {"MAPE", "MeanAbsolutePercentageError"},
                                   {"msle", "MeanSquaredLogarithmicError"},
                                   {"MSLE", "MeanSquaredLogarithmicError"}};
  return names;
}

void appendShortNames(std::vector<std::string> &names) {
  for (const auto &[name, className] : shortNames())
    if (llvm::StringRef(name).lower() == name)
      names.push_back(name);
}

} // namespace ingot::keras::detail
