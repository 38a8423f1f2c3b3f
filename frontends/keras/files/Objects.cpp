// The values of Keras's configs, whichever version wrote them: see ModelFile.h.
#include "frontends/keras/files/ModelFile.h"

namespace ingot::keras::detail {

namespace {

std::string textAt(const Json &object, const char *key) {
  auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool startsWith(const std::string &text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

bool endsWith(const std::string &text, std::string_view suffix) {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

/// Modules of Keras and of what its files refer to otherwise.
bool isKerasModule(const std::string &module) {
  for (const char *root : {"keras", "tf_keras", "tensorflow", "builtins"})
    if (module == root || startsWith(module, std::string(root) + "."))
      return true;
  return false;
}

Json plainValue(const Json &value);

Json plainObject(const Json &object) {
  const std::string className = textAt(object, "class_name");
  if (className == "__tuple__" || className == "TensorShape")
    return plainValue(object.contains("items") ? object["items"] : Json::array());
  if (className == "__lambda__")
    throw Error("a Python lambda, whose code is never run here: write what it computes as a layer",
                StatusCode::Unsupported);
  if (std::string foreign = foreignClass(object); !foreign.empty())
    throw Error(foreign, StatusCode::Unsupported);
  const Json config = object.contains("config") ? object["config"] : Json::object();
  if (className == "__numpy__" || className == "__tensor__" || className == "__ndarray__")
    return config.is_object() && config.contains("value") ? plainValue(config["value"]) : config;
  if (className == "function")
    return config;
  return {{"class_name", className}, {"config", plainValue(config)}};
}

Json plainValue(const Json &value) {
  if (value.is_array()) {
    Json list = Json::array();
    for (const Json &each : value)
      list.push_back(plainValue(each));
    return list;
  }
  if (!value.is_object())
    return value;
  if (value.contains("class_name"))
    return plainObject(value);
  return plainConfig(value);
}

const char *moduleFor(const std::string &key, const std::string &className) {
  if (endsWith(key, "initializer"))
    return "keras.initializers";
  if (endsWith(key, "regularizer"))
    return "keras.regularizers";
  if (endsWith(key, "constraint"))
    return "keras.constraints";
  if (className == "Functional")
    return "keras.src.models.functional";
  if (className == "Sequential" || className == "DTypePolicy")
    return "keras";
  return "keras.layers";
}

Json valueWithModules(const std::string &key, const Json &value) {
  if (value.is_array()) {
    Json list = Json::array();
    for (const Json &each : value)
      list.push_back(valueWithModules(key, each));
    return list;
  }
  if (!value.is_object() || !value.contains("class_name") || value.contains("module"))
    return value;
  const std::string className = textAt(value, "class_name");
  return {{"module", moduleFor(key, className)},
          {"class_name", className},
          {"config", value.contains("config") ? withModules(value["config"]) : Json::object()},
          {"registered_name", nullptr}};
}

} // namespace

std::string foreignClass(const Json &object) {
  const std::string className = textAt(object, "class_name"),
                    registered = textAt(object, "registered_name"),
                    module = textAt(object, "module");
  const bool hasModule = object.is_object() && object.contains("module");
  if (registered.find('>') == std::string::npos && (!hasModule || isKerasModule(module)))
    return {};
  const std::string name = className == "function" ? textAt(object, "config") : className;
  std::string from = registered.find('>') != std::string::npos
                         ? "registered as '" + registered + "'"
                     : module.empty() ? "of a script"
                                      : "of the Python module '" + module + "'";
  return "'" + name.substr(0, 100) + "' is a class or function of a user's, " +
         from.substr(0, 200) +
         ": a file has its name and arguments, not its code, and no code of a file is ever run. "
         "Build the model here with a layer that does the same, and give it the weights with "
         "loadWeights";
}

std::string policyName(const Json &config) {
  if (!config.is_object() || !config.contains("dtype"))
    return "float32";
  const Json &dtype = config["dtype"];
  if (dtype.is_string())
    return dtype.get<std::string>();
  const std::string name = dtype.is_object() ? textAt(dtype.value("config", Json()), "name") : "";
  return name.empty() ? "float32" : name;
}

Json plainConfig(const Json &config) {
  Json plain = Json::object();
  for (const auto &[key, value] : config.items()) {
    try {
      plain[key] = key == "dtype" ? Json(policyName(config)) : plainValue(value);
    } catch (const Error &error) {
      const bool isOurs = startsWith(error.what(), "argument ");
      throw Error((isOurs ? "" : "argument '" + key + "': ") + error.what(), error.code());
    }
  }
  return plain;
}

Json withModules(const Json &config) {
  if (!config.is_object())
    return config;
  Json result = Json::object();
  for (const auto &[key, value] : config.items())
    result[key] = valueWithModules(key, value);
  return result;
}

std::string placeOf(const std::string &outer, size_t index, const Json &layer) {
  std::string name;
  if (layer.is_object() && layer.contains("config"))
    name = textAt(layer["config"], "name");
  if (name.empty())
    name = textAt(layer, "name");
  return outer + " › layers[" + std::to_string(index) + "] ('" + name.substr(0, 64) + "', " +
         textAt(layer, "class_name").substr(0, 64) + ")";
}

} // namespace ingot::keras::detail
