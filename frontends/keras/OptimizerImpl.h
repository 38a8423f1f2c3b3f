// What stands behind keras::Optimizer and keras::LearningRateSchedule: the table of their classes
// and arguments, configurations as JSON, and what the compiler is told.
//
// Invariant: the config of an Optimizer or a schedule has every argument of its class, in range.
// Used by Optimizers.cpp, Schedules.cpp, GraphModule, ModelJson and readers of Keras's files.
#pragma once
#include "compiler/autodiff/OptimizerSpec.h"
#include "frontends/keras/ArgumentTable.h"
#include "frontends/keras/Optimizers.h"

namespace ingot::keras::detail {

/// A class of Keras's with its arguments in the order of get_config.
struct ArgumentClass {
  std::string name; // "Adam"
  Parameters parameters;
};
const std::vector<ArgumentClass> &optimizerClasses();
const std::vector<ArgumentClass> &scheduleClasses();

/// `given`, checked, with defaults for the rest. `what` is "optimizer" or "schedule". Throws.
Arguments completeArguments(const std::string &what, const ArgumentClass &its,
                            const Arguments &given);

/// As Keras serializes them: {module, class_name, config, registered_name}.
Json optimizerToJson(const Optimizer &optimizer);
Json scheduleToJson(const LearningRateSchedule &schedule);
/// Of that form, or {class_name, config} alone as Keras 2 has it. Throws Error, and nlohmann's
/// exceptions.
Optimizer optimizerFromJson(const Json &json);
LearningRateSchedule scheduleFromJson(const Json &json);

/// The compiler's description of an optimizer.
OptimizerSpec specOf(const Optimizer &optimizer);
/// The rate after `step` steps, an f32 scalar.
mlir::Value emitSchedule(mlir::OpBuilder &b, mlir::Location loc,
                         const LearningRateSchedule &schedule, mlir::Value step);

} // namespace ingot::keras::detail
