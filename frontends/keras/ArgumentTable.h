// The parameters of a class that is described by Keras's arguments: names, types, defaults, ranges;
// and arguments checked against them, read back, and as JSON. One table type for losses, metrics,
// initializers, regularizers, constraints, optimizers and schedules.
//
// Invariant: what `complete` returns has every parameter once, in the table's order, with a value
// of its type; the getters rely on that. Layers, whose arguments are structs of C++, describe
// themselves by `fields` (layers/Arguments.h).
#pragma once
#include "frontends/keras/Arguments.h"
#include "frontends/keras/LayerImpl.h"

#include <limits>

namespace ingot::keras::detail {

struct Parameter {
  /// Integers and Numbers also take one number, for a list of that one. Rate: a number or a
  /// schedule.
  enum Type { Truth, Integer, Number, Text, Integers, Numbers, Rate, Optimizer };
  const char *name;
  Type type;
  Argument fallback = {}; ///< none: None, which may then be given as well
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices = {}; ///< of a text; empty: any
  bool isRequired = false;               ///< must be given, and is never None
  bool excludesLow = false, excludesHigh = false;
  bool cutsFractions = false; ///< whole numbers are cut to that, as Keras casts some

  Parameter from(double least) const;
  Parameter above(double bound) const;
  Parameter to(double most) const;
  Parameter below(double bound) const;
  Parameter required() const;
};
using Parameters = std::vector<Parameter>;

/// `given` with the defaults of what it leaves out. Throws for an argument that there is not, that
/// is given twice, of another type or out of range; `who` begins the message: "loss Huber".
Arguments complete(const std::string &who, const Parameters &parameters, const Arguments &given);

// Arguments of `complete`.
const Argument &argument(const Arguments &arguments, llvm::StringRef name);
bool isNone(const Arguments &arguments, llvm::StringRef name);
bool truth(const Arguments &arguments, llvm::StringRef name);
double number(const Arguments &arguments, llvm::StringRef name);
int64_t integer(const Arguments &arguments, llvm::StringRef name);
std::optional<int64_t> optionalInteger(const Arguments &arguments, llvm::StringRef name);
std::optional<double> optionalNumber(const Arguments &arguments, llvm::StringRef name);
/// Empty where it is None.
std::string text(const Arguments &arguments, llvm::StringRef name);
/// Empty where it is None; of a list of whole numbers, too.
std::vector<double> numbers(const Arguments &arguments, llvm::StringRef name);
std::vector<int64_t> integers(const Arguments &arguments, llvm::StringRef name);

/// Keras's short names of losses and metrics, and their classes: {"mse", "MeanSquaredError"}.
using ShortNames = std::vector<std::pair<const char *, const char *>>;
const ShortNames &shortNames();

/// The class of this name in a table of such; null when there is none.
template <typename Kind>
const Kind *findClass(const std::vector<Kind> &kinds, llvm::StringRef className) {
  auto it = llvm::find_if(kinds, [&](const Kind &kind) { return className == kind.className; });
  return it == kinds.end() ? nullptr : &*it;
}
/// The class that a short name stands for; null likewise.
template <typename Kind>
const Kind *findShortName(const std::vector<Kind> &kinds, llvm::StringRef name) {
  for (const auto &[shortName, className] : shortNames())
    if (name == shortName)
      return findClass(kinds, className);
  return nullptr;
}
/// Adds the short names of such a table to those that a message suggests.
void appendShortNames(std::vector<std::string> &names);

/// As a message shows it: 'text', a list of 3.
std::string show(const Argument &value);

Json toJson(const Argument &value);
/// By Keras's names, in their order.
Json toJson(const Arguments &arguments);
/// A JSON value as an argument; throws where it can be none.
Argument argumentFromJson(const Json &json, const std::string &key);

} // namespace ingot::keras::detail
