// Classes of initializers, regularizers and constraints, each a name, parameters and a formula, in
// one table a kind; objects of them from names, arguments and JSON.
//
// Called by Initializers.cpp and Regularizers.cpp.
#pragma once
#include "frontends/keras/ArgumentTable.h"
#include "frontends/keras/Names.h"

namespace ingot::keras::detail {

template <typename Formula> struct ObjectClass {
  const char *className;
  Parameters parameters;
  Formula emit;
  std::vector<const char *> otherNames = {}; ///< beside its function's: "glorot_uniform"
};

/// By Keras's class or its function's name: "GlorotUniform", "glorot_uniform".
template <typename Class>
const Class &findClass(const char *kind, const std::vector<Class> &table, const std::string &name) {
  std::vector<std::string> known;
  for (const Class &each : table) {
    known.push_back(snakeCase(each.className));
    if (known.back() == name || each.className == name ||
        llvm::any_of(each.otherNames, [&](const char *other) { return other == name; }))
      return each;
  }
  throw Error(unknownName(kind, name, known));
}

/// {"class_name", "config"}
template <typename Object> Json weightObjectToJson(const Object &object) {
  return {{"class_name", object.className}, {"config", toJson(object.config)}};
}

/// The class and those of the arguments that its parameters name; what else there is belongs to
/// other versions of Keras.
std::pair<std::string, Arguments> weightObjectFromJson(const Json &json,
                                                       const Parameters &parameters);

} // namespace ingot::keras::detail
