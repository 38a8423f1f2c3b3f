// Arguments by Keras's names, as objects of its classes have them in their config: losses, metrics,
// initializers, regularizers, constraints, optimizers, learning-rate schedules.
//
// Part of Keras.h. A class's own table of parameters (ArgumentTable.h) says which there are, what
// they may be and what they are when left out.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ingot::keras {

struct LearningRateSchedule;
struct Optimizer;

/// Keras's None, a truth, a whole number, a number, a text, numbers, or an object. An object that
/// was made has whole numbers, and only those, as such, whatever it was given.
using Argument =
    std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<int64_t>,
                 std::vector<double>, std::shared_ptr<const LearningRateSchedule>,
                 std::shared_ptr<const Optimizer>>;
using Arguments = std::vector<std::pair<std::string, Argument>>;

} // namespace ingot::keras
