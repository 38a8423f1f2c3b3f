// See ArgumentTable.h.
#include "frontends/keras/ArgumentTable.h"
#include "frontends/keras/Names.h"

#include <cmath>

namespace ingot::keras::detail {

namespace {

bool isNone(const Argument &value) { return std::holds_alternative<std::monostate>(value); }

/// Inclusive bounds, as a message says them.
std::string rangeOf(const Parameter &parameter) {
  auto text = [](double bound) { return Json(bound).dump(); };
  if (std::isinf(parameter.low) && std::isinf(parameter.high))
    return "a finite number";
  if (std::isinf(parameter.high))
    return "at least " + text(parameter.low);
  return "from " + text(parameter.low) + " to " + text(parameter.high);
}

std::string typeOf(const Parameter &parameter) {
  switch (parameter.type) {
  case Parameter::Truth:
    return "true or false";
  case Parameter::Integer:
    return "a whole number " + rangeOf(parameter);
  case Parameter::Number:
    return std::isinf(parameter.low) ? "a number" : "a number " + rangeOf(parameter);
  case Parameter::Text: {
    std::string all;
    for (const std::string &choice : parameter.choices)
      all += (all.empty() ? "'" : ", '") + choice + "'";
    return all.empty() ? "a name" : "one of " + all;
  }
  case Parameter::Integers:
    return "whole numbers " + rangeOf(parameter);
  case Parameter::Numbers:
    return "numbers " + rangeOf(parameter);
  }
  return "";
}

bool isInRange(const Parameter &parameter, double value) {
  bool isWhole = value == std::floor(value) && std::abs(value) <= 1e15;
  bool wantsWhole = parameter.type == Parameter::Integer || parameter.type == Parameter::Integers;
  return std::isfinite(value) && value >= parameter.low && value <= parameter.high &&
         (isWhole || !wantsWhole);
}

bool fits(const Parameter &parameter, const Argument &value) {
  if (isNone(value))
    return !parameter.isRequired && isNone(parameter.fallback);
  const auto *one = std::get_if<double>(&value);
  const auto *list = std::get_if<std::vector<double>>(&value);
  switch (parameter.type) {
  case Parameter::Truth:
    return std::holds_alternative<bool>(value);
  case Parameter::Integer:
  case Parameter::Number:
    return one && isInRange(parameter, *one);
  case Parameter::Text: {
    const auto *text = std::get_if<std::string>(&value);
    return text && (parameter.choices.empty() || llvm::is_contained(parameter.choices, *text));
  }
  case Parameter::Integers:
  case Parameter::Numbers:
    return (one && isInRange(parameter, *one)) ||
           (list && !list->empty() &&
            llvm::all_of(*list, [&](double x) { return isInRange(parameter, x); }));
  }
  return false;
}

Json numberToJson(const Parameter &parameter, double value) {
  if (parameter.type == Parameter::Integer || parameter.type == Parameter::Integers)
    return static_cast<int64_t>(value);
  return value;
}

Json toJson(const Parameter &parameter, const Argument &value) {
  if (const auto *truth = std::get_if<bool>(&value))
    return *truth;
  if (const auto *one = std::get_if<double>(&value))
    return numberToJson(parameter, *one);
  if (const auto *text = std::get_if<std::string>(&value))
    return *text;
  if (const auto *list = std::get_if<std::vector<double>>(&value)) {
    Json result = Json::array();
    for (double x : *list)
      result.push_back(numberToJson(parameter, x));
    return result;
  }
  return nullptr;
}

} // namespace

Arguments complete(const std::string &who, const Parameters &parameters, const Arguments &given) {
  for (const auto &[name, value] : given) {
    std::vector<std::string> known;
    for (const Parameter &parameter : parameters)
      known.push_back(parameter.name);
    if (!llvm::is_contained(known, name))
      throw Error(who + ": " + unknownName("argument", name, known));
  }
  Arguments result;
  for (const Parameter &parameter : parameters) {
    auto it =
        llvm::find_if(given, [&](const auto &entry) { return entry.first == parameter.name; });
    if (it == given.end() && parameter.isRequired)
      throw Error(who + " needs " + parameter.name + ", " + typeOf(parameter));
    const Argument &value = it == given.end() ? parameter.fallback : it->second;
    if (!fits(parameter, value))
      throw Error(who + ": " + parameter.name + " must be " + typeOf(parameter) + ", got " +
                  toJson(parameter, value).dump(-1, ' ', false, Json::error_handler_t::replace));
    result.emplace_back(parameter.name, value);
  }
  return result;
}

const Argument &argument(const Arguments &arguments, llvm::StringRef name) {
  for (const auto &[key, value] : arguments)
    if (key == name)
      return value;
  throw Error("there is no argument '" + name.str() + "'", StatusCode::Internal);
}

bool truth(const Arguments &arguments, llvm::StringRef name) {
  return std::get<bool>(argument(arguments, name));
}

double number(const Arguments &arguments, llvm::StringRef name) {
  return std::get<double>(argument(arguments, name));
}

int64_t integer(const Arguments &arguments, llvm::StringRef name) {
  return static_cast<int64_t>(number(arguments, name));
}

std::optional<double> optionalNumber(const Arguments &arguments, llvm::StringRef name) {
  const auto *value = std::get_if<double>(&argument(arguments, name));
  return value ? std::optional<double>(*value) : std::nullopt;
}

std::optional<int64_t> optionalInteger(const Arguments &arguments, llvm::StringRef name) {
  std::optional<double> value = optionalNumber(arguments, name);
  return value ? std::optional<int64_t>(static_cast<int64_t>(*value)) : std::nullopt;
}

std::string text(const Arguments &arguments, llvm::StringRef name) {
  const auto *value = std::get_if<std::string>(&argument(arguments, name));
  return value ? *value : std::string();
}

std::vector<double> numbers(const Arguments &arguments, llvm::StringRef name) {
  const Argument &value = argument(arguments, name);
  if (const auto *one = std::get_if<double>(&value))
    return {*one};
  const auto *list = std::get_if<std::vector<double>>(&value);
  return list ? *list : std::vector<double>();
}

Json objectToJson(const std::string &className, const std::string &name,
                  const Parameters &parameters, const Arguments &arguments) {
  Json config = {{"name", name}};
  for (const Parameter &parameter : parameters)
    config[parameter.name] = toJson(parameter, argument(arguments, parameter.name));
  return {{"class_name", className}, {"config", config}};
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
  if (!json.is_array() || json.size() > most)
    throw Error("argument '" + key + "' is no number, name or list of numbers",
                StatusCode::DataLoss);
  return json.get<std::vector<double>>();
}

} // namespace ingot::keras::detail
