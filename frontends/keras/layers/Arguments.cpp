// See Arguments.h.
#include "frontends/keras/layers/Arguments.h"
#include "frontends/keras/Names.h"

#include <algorithm>

namespace ingot::keras::detail {

namespace {
[[noreturn]] void failType(const Json &json, const std::string &key, const std::string &expected) {
  throw Error(
      key + ": expected " + expected + ", got " +
      (json.is_primitive() && !json.is_string() ? json.dump() : std::string(json.type_name())));
}
template <typename T> std::vector<T> listFromJson(const Json &json, const std::string &key) {
  if (!json.is_array())
    failType(json, key, "a list of numbers");
  std::vector<T> values;
  for (const Json &element : json)
    argumentFromJson(element, key, values.emplace_back());
  return values;
}
} // namespace

int64_t integerFromJson(const Json &json, const std::string &key) {
  bool fits =
      json.is_number_unsigned() ? json.get<uint64_t>() <= INT64_MAX : json.is_number_integer();
  if (!fits)
    failType(json, key, "an integer");
  return json.get<int64_t>();
}

Shape shapeFromJson(const Json &json, const std::string &key) {
  return listFromJson<int64_t>(json, key);
}

Json argumentToJson(bool value) { return value; }
Json argumentToJson(int64_t value) { return value; }
Json argumentToJson(double value) { return value; }
Json argumentToJson(const std::string &value) { return value; }
Json argumentToJson(const Shape &value) { return value; }
Json argumentToJson(const std::vector<double> &value) { return value; }
Json argumentToJson(const Initializer &value) { return toJson(value); }
Json argumentToJson(const Regularizer &value) { return toJson(value); }
Json argumentToJson(const Constraint &value) { return toJson(value); }
Json argumentToJson(const layers::Ends &value) { return Json::array({value.before, value.after}); }
Json argumentToJson(const layers::Axes &value) {
  return value.isList ? Json(value.values) : Json(value.values[0]);
}
Json argumentToJson(const std::optional<Shape> &value) {
  if (!value)
    return nullptr;
  Json list = Json::array();
  for (int64_t extent : *value)
    list.push_back(extent == None ? Json(nullptr) : Json(extent));
  return list;
}

Json argumentToJson(const layers::Factor &value) {
  return value.isRange ? Json::array({value.lower, value.upper}) : Json(value.upper);
}
Json argumentToJson(const layers::ValueRange &value) { return Json(value); }

namespace {
/// The part of an array from dimension `d` on, whose elements begin at `at`.
Json nested(const layers::Numbers &value, size_t d, size_t &at) {
  if (d == value.shape.size())
    return value.values[at++];
  Json list = Json::array();
  for (int64_t i = 0; i < value.shape[d]; ++i)
    list.push_back(nested(value, d + 1, at));
  return list;
}
/// Appends the elements of nested lists, which are alike.
void flatten(const Json &json, const std::string &key, size_t d, layers::Numbers &value) {
  if (!json.is_array()) {
    if (d != value.shape.size())
      throw Error(key + ": its lists have different depths");
    argumentFromJson(json, key, value.values.emplace_back());
    return;
  }
  if (d == value.shape.size() || static_cast<int64_t>(json.size()) != value.shape[d])
    throw Error(key + ": its lists have different lengths");
  for (const Json &element : json)
    flatten(element, key, d + 1, value);
}
} // namespace

Json argumentToJson(const layers::Numbers &value) {
  size_t at = 0;
  return nested(value, 0, at);
}

void argumentFromJson(const Json &json, const std::string &key, layers::Numbers &value) {
  const Json *data = &json; // an array of NumPy's is in an object
  if (json.is_object() && json.contains("config") && json["config"].contains("value"))
    data = &json["config"]["value"];
  value.values.clear();
  value.shape.clear();
  for (const Json *inner = data; inner->is_array(); inner = &(*inner)[0]) {
    value.shape.push_back(static_cast<int64_t>(inner->size()));
    if (inner->empty() || static_cast<int64_t>(value.shape.size()) > kMaxRank)
      throw Error(key + ": expected a number or an array of numbers");
  }
  flatten(*data, key, 0, value);
}
void argumentFromJson(const Json &json, const std::string &key, layers::Factor &value) {
  if (!json.is_array()) {
    double factor = 0;
    argumentFromJson(json, key, factor);
    value = layers::Factor(factor);
    return;
  }
  layers::ValueRange range = {0, 0};
  argumentFromJson(json, key, range);
  value = layers::Factor(range[0], range[1]);
}
void argumentFromJson(const Json &json, const std::string &key, layers::ValueRange &value) {
  std::vector<double> list = listFromJson<double>(json, key);
  if (list.size() != 2)
    throw Error(key + ": expected two numbers, got " + std::to_string(list.size()));
  value = {list[0], list[1]};
}
void argumentFromJson(const Json &json, const std::string &key, bool &value) {
  if (!json.is_boolean())
    failType(json, key, "true or false");
  value = json.get<bool>();
}
void argumentFromJson(const Json &json, const std::string &key, int64_t &value) {
  value = integerFromJson(json, key);
}
void argumentFromJson(const Json &json, const std::string &key, double &value) {
  if (!json.is_number())
    failType(json, key, "a number");
  value = json.get<double>();
}
void argumentFromJson(const Json &json, const std::string &key, std::string &value) {
  if (!json.is_string())
    failType(json, key, "a string");
  value = json.get<std::string>();
}
void argumentFromJson(const Json &json, const std::string &key, Shape &value) {
  value = shapeFromJson(json, key);
}
void argumentFromJson(const Json &json, const std::string &key, std::vector<double> &value) {
  value = listFromJson<double>(json, key);
}
void argumentFromJson(const Json &json, const std::string &, Initializer &value) {
  value = initializerFromJson(json);
}
void argumentFromJson(const Json &json, const std::string &, Regularizer &value) {
  value = regularizerFromJson(json);
}
void argumentFromJson(const Json &json, const std::string &, Constraint &value) {
  value = constraintFromJson(json);
}
void argumentFromJson(const Json &json, const std::string &key, layers::Ends &value) {
  std::vector<int64_t> ends = sizesFromJson(json, key, 2);
  value = {ends[0], ends[1]};
}
void argumentFromJson(const Json &json, const std::string &key, layers::Axes &value) {
  if (json.is_array())
    value = layers::Axes(listFromJson<int64_t>(json, key));
  else
    value = integerFromJson(json, key);
}
void argumentFromJson(const Json &json, const std::string &key, std::optional<Shape> &value) {
  if (!json.is_array())
    failType(json, key, "a list of extents");
  Shape shape;
  for (const Json &extent : json)
    shape.push_back(extent.is_null() ? None : integerFromJson(extent, key));
  value = std::move(shape);
}

std::vector<int64_t> sizesFromJson(const Json &json, const std::string &key, size_t count) {
  if (!json.is_array())
    return std::vector<int64_t>(count, integerFromJson(json, key));
  if (json.size() != count)
    throw Error(key + ": expected a number or a list of " + std::to_string(count) +
                ", got a list of " + std::to_string(json.size()));
  return listFromJson<int64_t>(json, key);
}

std::vector<layers::Ends> endsFromJson(const Json &json, const std::string &key, size_t count) {
  std::vector<layers::Ends> values(count);
  if (!json.is_array() || count == 1) {
    for (layers::Ends &ends : values)
      argumentFromJson(json, key, ends);
    return values;
  }
  if (json.size() != count)
    throw Error(key + ": expected a number or a list of " + std::to_string(count) +
                ", got a list of " + std::to_string(json.size()));
  for (size_t i = 0; i < count; ++i)
    argumentFromJson(json[i], key, values[i]);
  return values;
}

void ConfigReader::axis(const char *key, int64_t &value) {
  layers::Axes axes = value;
  (*this)(key, axes);
  if (axes.values.size() != 1)
    layer.fail(std::string(key) + ": expected one axis, got " + toString(axes.values));
  value = axes.values[0];
}

void ConfigReader::only(const char *key, const Json &value, const char *remedy) {
  if (config.contains(key) && !config[key].is_null() && config[key] != value)
    layer.fail(std::string(key) + " " + config[key].dump().substr(0, 64) + " is not supported; " +
               remedy);
}

void checkPositive(const LayerImpl &layer, const char *what, int64_t value) {
  if (value <= 0)
    layer.fail(std::string(what) + " must be positive, got " + std::to_string(value));
  if (value > kMaxExtent)
    layer.fail(std::string(what) + " must be at most " + std::to_string(kMaxExtent) + ", got " +
               std::to_string(value));
}

void checkRate(const LayerImpl &layer, const char *what, double rate) {
  if (!(rate >= 0 && rate < 1))
    layer.fail(std::string(what) + " is the fraction to drop, from 0 to below 1, got " +
               std::to_string(rate));
}

void checkOneOf(const LayerImpl &layer, const char *what, const std::string &value,
                const std::vector<std::string> &known) {
  if (std::find(known.begin(), known.end(), value) == known.end())
    layer.fail(unknownName(what, value, known));
}

mlir::Value addBias(Emitter &e, const LayerImpl &layer, bool useBias, mlir::Value y) {
  return useBias ? mlir::Value(e.expr(y) + e.expr(e.read(layer, "bias"))) : y;
}

int64_t positiveAxis(const LayerImpl &layer, const char *what, int64_t axis, const Shape &shape) {
  int64_t rank = shape.size();
  if (axis >= rank || axis < -rank)
    layer.fail(std::string(what) + " " + std::to_string(axis) + " does not exist in input shape " +
               toString(shape) + "; use -1 for the last axis");
  return axis < 0 ? axis + rank : axis;
}

std::vector<int64_t> positiveAxes(const LayerImpl &layer, const char *what,
                                  const layers::Axes &axes, const Shape &shape) {
  std::vector<int64_t> result;
  for (int64_t axis : axes.values)
    result.push_back(positiveAxis(layer, what, axis, shape));
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end())
    layer.fail(std::string(what) + " names a dimension of input shape " + toString(shape) +
               " twice");
  return result;
}

} // namespace ingot::keras::detail
