// Arguments of losses and metrics by Keras's names, as objects of Keras's classes have them in
// their config.
//
// Part of Keras.h. A class's own table of parameters (ArgumentTable.h) says which there are, what
// they may be and what they are when left out.
#pragma once
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ingot::keras {

/// Keras's None, a truth, a number, a name, or numbers.
using Argument = std::variant<std::monostate, bool, double, std::string, std::vector<double>>;
using Arguments = std::vector<std::pair<std::string, Argument>>;

} // namespace ingot::keras
