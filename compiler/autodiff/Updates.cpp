// See Updates.h. A step that only accumulates, and one whose gradients are not finite, compute the
// update like any other and choose the old values element by element, so that each parameter's
// update stays one pass over its memory.
#include "compiler/autodiff/Updates.h"

using namespace mlir;

namespace ingot {

using graph::Expr;

static constexpr llvm::StringLiteral kAccumulator = "gradient_accumulator",
                                     kScale = "optimizer/dynamic_scale",
                                     kScaleSteps = "optimizer/step_counter";

static std::string slotName(llvm::StringRef parameter, llvm::StringRef slot) {
  return ("optimizer/" + parameter + "/" + slot).str();
}

std::vector<OptimizerVariable> optimizerVariables(const OptimizerSpec &spec,
                                                  const std::vector<std::string> &parameters) {
  std::vector<OptimizerVariable> all;
  auto scalar = [&](std::string name, std::string slot, double initial, bool isInteger) {
    all.push_back({std::move(name), std::nullopt, std::move(slot), initial, isInteger});
  };
  auto group = [&](const std::vector<Slot> &slots) {
    for (auto [i, parameter] : llvm::enumerate(parameters))
      for (const Slot &slot : slots)
        all.push_back({slotName(parameter, slot.name), i, slot.name.str(), slot.initial, false});
  };
  if (spec.dynamicScale) {
    scalar("", "iteration", 0, true);
    scalar("", "learning_rate", 0, false);
    scalar(kScaleSteps.str(), "step_counter", 0, true);
    scalar(kScale.str(), "dynamic_scale", spec.dynamicScale->initial, false);
  }
  scalar(kStep.str(), "iteration", 0, true);
  if (!spec.schedule)
    scalar(kLearningRate.str(), "learning_rate", spec.learningRate, false);
  if (spec.emaMomentum)
    group({{kAverage}});
  if (spec.accumulationSteps > 1)
    group({{kAccumulator}});
  for (const std::vector<Slot> &slots : Optimizer::slotGroups(spec))
    group(slots);
  for (const Slot &slot : Optimizer::sharedSlots(spec))
    scalar("optimizer/" + slot.name.str(), slot.name.str(), slot.initial, false);
  return all;
}

bool isKept(const OptimizerVariable &variable, llvm::ArrayRef<Parameter> parameters) {
  return !variable.name.empty() && (!variable.parameter || variable.slot == kAverage ||
                                    parameters[*variable.parameter].gradient);
}

Value scaleLoss(OpBuilder &b, Value loss, const OptimizerSpec &spec, VariableAccess &variables) {
  Expr l(b, loss.getLoc(), loss);
  if (spec.dynamicScale)
    return l * castTo(l.with(variables.read(b, kScale)), graph::elementType(loss));
  return spec.lossScale != 1 ? l * spec.lossScale : l;
}

namespace {

class UpdateBuilder {
public:
  UpdateBuilder(OpBuilder &b, Location loc, const OptimizerSpec &spec,
                const TrainStepOptions &options, llvm::ArrayRef<Parameter> parameters,
                VariableAccess &variables)
      : b(b), loc(loc), spec(spec), options(options), parameters(parameters), variables(variables) {
  }
  void build();

private:
  Expr at(Value value) { return Expr(b, loc, value); }
  Expr read(llvm::StringRef name) { return at(variables.read(b, name)); }
  /// `after` if the condition holds or there is none, else `before`.
  Value choose(Value condition, Value after, Value before) {
    return condition ? Value(select(at(condition), at(after), at(before))) : after;
  }
  /// Assigns `after`, unless the step's gradients are not finite.
  void write(llvm::StringRef name, Value after) {
    variables.write(name, finite ? choose(finite, after, variables.read(b, name)) : after);
  }

  void prepareGradients();
  Value reduceScalars(llvm::ArrayRef<Value> scalars, graph::ReduceKind kind);
  Value allFinite();
  void clip();
  void updateParameter(const Parameter &parameter, Value gradient, const Optimizer &optimizer);
  Value averaged(const Parameter &parameter, Value value);
  void count();

  OpBuilder &b;
  Location loc;
  const OptimizerSpec &spec;
  const TrainStepOptions &options;
  llvm::ArrayRef<Parameter> parameters;
  VariableAccess &variables;

  llvm::SmallVector<Value> gradients; // one a parameter, null where there is none
  Value step;                         // steps before this one
  Value updates;                      // updates before this one
  Value finite;                       // with a dynamic scale: whether this step counts
  Value isUpdate;                     // with accumulation: whether this step updates
};

/// count - 1, 2 count - 1, …
Value isLastOf(Expr done, int64_t count) {
  Expr next = done + 1.0;
  return compare(graph::Predicate::EQ, floorMod(next, next.number(static_cast<double>(count))),
                 next.number(0));
}

/// Of all the scalars at once, so that none waits for another; by so many as a kernel may read.
Value UpdateBuilder::reduceScalars(llvm::ArrayRef<Value> scalars, graph::ReduceKind kind) {
  constexpr size_t most = 64;
  Dims one{Dim::constant(b.getContext(), 1)};
  llvm::SmallVector<Value> list(scalars), next;
  do {
    for (llvm::ArrayRef<Value> left = list; !left.empty();) {
      llvm::SmallVector<Value> some;
      for (Value scalar : left.take_front(most))
        some.push_back(graph::reshape(b, loc, scalar, one));
      left = left.drop_front(some.size());
      next.push_back(graph::reduce(b, loc, graph::concat(b, loc, some, 0), kind, {0}));
    }
    list = std::exchange(next, {});
  } while (list.size() > 1);
  return list.front();
}

/// Whether all elements of all gradients are finite.
Value UpdateBuilder::allFinite() {
  llvm::SmallVector<Value> least{graph::splat(b, loc, b.getF32Type(), {}, 1)};
  for (Value gradient : gradients)
    if (gradient)
      least.push_back(graph::reduce(b, loc, castTo(isFinite(at(gradient)), b.getF32Type()),
                                    graph::ReduceKind::Min, graph::allAxes(gradient)));
  Expr all = at(reduceScalars(least, graph::ReduceKind::Min));
  return compare(graph::Predicate::GT, all, all.number(0));
}

/// Unscales, adds up what was accumulated, and clips.
void UpdateBuilder::prepareGradients() {
  for (const Parameter &parameter : parameters)
    gradients.push_back(parameter.gradient);
  if (spec.dynamicScale)
    finite = allFinite();
  for (auto [parameter, gradient] : llvm::zip_equal(parameters, gradients)) {
    if (!gradient)
      continue;
    Expr g(b, parameter.loc, gradient);
    if (spec.dynamicScale) {
      // Nothing is made of a gradient before all are known to be finite, and so stored until then.
      g = Expr(b, parameter.loc, choose(finite, g, g.number(0)));
      g = g / castTo(g.with(variables.read(b, kScale)), graph::elementType(g));
    } else if (spec.lossScale != 1) {
      g = g / spec.lossScale;
    }
    if (spec.accumulationSteps > 1) {
      std::string name = slotName(parameter.name, kAccumulator);
      g = g + g.with(variables.read(b, name));
      write(name, choose(isUpdate, g.number(0), g));
      g = g / static_cast<double>(spec.accumulationSteps);
    }
    gradient = g;
  }
  clip();
}

void UpdateBuilder::clip() {
  auto squares = [&](Value gradient) {
    return sum(at(gradient) * at(gradient), graph::allAxes(gradient));
  };
  auto each = [&](llvm::function_ref<Value(Expr)> change) {
    for (Value &gradient : gradients)
      if (gradient)
        gradient = change(at(gradient));
  };
  if (spec.clipNorm > 0)
    return each([&](Expr g) {
      Expr norm = sqrt(squares(g));
      return g * spec.clipNorm / max(norm, norm.number(spec.clipNorm));
    });
  if (spec.globalClipNorm > 0) {
    llvm::SmallVector<Value> parts{graph::splat(b, loc, b.getF32Type(), {}, 0)};
    for (Value gradient : gradients)
      if (gradient)
        parts.push_back(castTo(squares(gradient), b.getF32Type()));
    Expr norm = sqrt(at(reduceScalars(parts, graph::ReduceKind::Sum)));
    // What is not finite makes the scale NaN, so that the weights show it.
    Expr scale =
        min(1.0 / norm, norm.number(1 / spec.globalClipNorm)) * spec.globalClipNorm + (norm - norm);
    return each([&](Expr g) { return g * castTo(scale, graph::elementType(g)); });
  }
  if (spec.clipValue > 0)
    each([&](Expr g) { return clamp(g, -spec.clipValue, spec.clipValue); });
}

/// Moves the parameter's average towards `value`; what becomes of the parameter.
Value UpdateBuilder::averaged(const Parameter &parameter, Value value) {
  std::string name = slotName(parameter.name, kAverage);
  Expr v(b, parameter.loc, value), average = v.with(variables.read(b, name));
  Expr done = at(updates);
  Expr momentum =
      castTo(compare(graph::Predicate::NE, done, done.number(0)), graph::elementType(value)) *
      *spec.emaMomentum;
  average = momentum * average + (1.0 - momentum) * v;
  write(name, average);
  if (spec.emaOverwriteFrequency == 0)
    return value;
  return choose(isLastOf(done, spec.emaOverwriteFrequency), average, value);
}

void UpdateBuilder::updateParameter(const Parameter &parameter, Value gradient,
                                    const Optimizer &optimizer) {
  Value value = parameter.value;
  if (gradient) {
    llvm::SmallVector<Value> state;
    std::vector<Slot> slots = Optimizer::slots(spec);
    for (const Slot &slot : slots)
      state.push_back(variables.read(b, slotName(parameter.name, slot.name)));
    Location at = NameLoc::get(b.getStringAttr("update of " + parameter.name), parameter.loc);
    value =
        choose(isUpdate, optimizer.update(b, at, parameter.name, parameter.value, gradient, state),
               parameter.value);
    for (auto [slot, kept] : llvm::zip_equal(slots, state)) {
      std::string name = slotName(parameter.name, slot.name);
      write(name, choose(isUpdate, kept, variables.read(b, name)));
    }
  }
  if (spec.emaMomentum)
    value = averaged(parameter, value);
  if (options.constrain && gradient)
    value = options.constrain(b, parameter.loc, parameter.name, value);
  if (value != parameter.value)
    variables.write(parameter.name, choose(finite, value, parameter.value));
}

/// The step's number, the rate of the next one, and the loss scale.
void UpdateBuilder::count() {
  Expr next = at(step) + 1.0;
  write(kStep, next);
  if (spec.schedule)
    write(kLearningRate, spec.schedule(b, loc, next));
  if (!spec.dynamicScale)
    return;
  Expr scale = read(kScale), steps = read(kScaleSteps);
  Expr grows = compare(graph::Predicate::EQ, steps,
                       steps.number(static_cast<double>(spec.dynamicScale->growthSteps - 1)));
  variables.write(kScale, select(at(finite), select(grows, scale * 2.0, scale), scale * 0.5));
  variables.write(kScaleSteps,
                  select(at(finite), select(grows, steps.number(0), steps + 1.0), steps.number(0)));
}

void UpdateBuilder::build() {
  step = updates = read(kStep);
  if (spec.accumulationSteps > 1) {
    isUpdate = isLastOf(at(step), spec.accumulationSteps);
    updates = at(step) / static_cast<double>(spec.accumulationSteps);
  }
  prepareGradients();
  Value rate = spec.schedule ? spec.schedule(b, loc, step) : Value(read(kLearningRate));
  Optimizer optimizer(spec, rate, updates);
  std::vector<Slot> slots = Optimizer::sharedSlots(spec);
  llvm::SmallVector<Value> shared;
  for (const Slot &slot : slots)
    shared.push_back(read("optimizer/" + slot.name.str()));
  optimizer.begin(b, loc, shared);
  for (auto [slot, value] : llvm::zip_equal(slots, shared)) {
    std::string name = "optimizer/" + slot.name.str();
    write(name, choose(isUpdate, value, variables.read(b, name)));
  }
  for (auto [parameter, gradient] : llvm::zip_equal(parameters, gradients))
    updateParameter(parameter, gradient, optimizer);
  count();
}

} // namespace

void emitUpdates(OpBuilder &b, Location loc, const OptimizerSpec &spec,
                 const TrainStepOptions &options, llvm::ArrayRef<Parameter> parameters,
                 VariableAccess &variables) {
  UpdateBuilder(b, loc, spec, options, parameters, variables).build();
}

} // namespace ingot
