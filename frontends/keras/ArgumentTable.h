// The parameters of a class of losses or metrics: names, types, defaults, ranges; and arguments
// checked against them, read back and written as JSON.
//
// Invariant: what `complete` returns has every parameter once, in the table's order, with a value
// of its type; the getters rely on that. Called by Losses.cpp and Metrics.cpp.
#pragma once
#include "frontends/keras/Arguments.h"
#include "frontends/keras/LayerImpl.h"

#include <limits>

namespace ingot::keras::detail {

struct Parameter {
  /// Numbers also takes one number, for a list of that one.
  enum Type { Truth, Integer, Number, Text, Integers, Numbers };
  const char *name;
  Type type;
  Argument fallback = {}; ///< none: None, which may then be given as well
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices = {}; ///< of a text; empty: any
  bool isRequired = false;               ///< must be given, and is never None
};
using Parameters = std::vector<Parameter>;

/// `given` with the defaults of what it leaves out. Throws for an argument that there is not, that
/// is of another type or out of range; `who` begins the message: "loss Huber".
Arguments complete(const std::string &who, const Parameters &parameters, const Arguments &given);

/// Arguments of `complete`.
const Argument &argument(const Arguments &arguments, llvm::StringRef name);
bool truth(const Arguments &arguments, llvm::StringRef name);
double number(const Arguments &arguments, llvm::StringRef name);
int64_t integer(const Arguments &arguments, llvm::StringRef name);
std::optional<int64_t> optionalInteger(const Arguments &arguments, llvm::StringRef name);
std::optional<double> optionalNumber(const Arguments &arguments, llvm::StringRef name);
/// Empty where it is None.
std::string text(const Arguments &arguments, llvm::StringRef name);
std::vector<double> numbers(const Arguments &arguments, llvm::StringRef name);

/// "Huber" with its arguments, as Keras writes an object: {"class_name", "config"}.
Json objectToJson(const std::string &className, const std::string &name,
                  const Parameters &parameters, const Arguments &arguments);
/// A JSON value as an argument; throws where it can be none.
Argument argumentFromJson(const Json &json, const std::string &key);

} // namespace ingot::keras::detail
