// Learning-rate schedules: the handles of Optimizers.h, and their formulas as graph ops.
//
// Each formula is Keras's, operation by operation in f32; what Keras computes in Python's f64
// before it is one there, is one here.
#include "frontends/keras/Names.h"
#include "frontends/keras/OptimizerImpl.h"
#include "ir/Elementwise.h"
#include "ir/reference/Interpreter.h"

#include <cmath>

namespace ingot::keras {

using namespace detail;
using graph::Expr;

namespace {

constexpr double kPi = 3.14159265358979323846;

Expr constant(Expr at, double value) { return at.number(value); }

/// base ^ exponent; no gradient is asked of it.
Expr raise(double base, Expr exponent) { return graph::pow(base, exponent); }

/// 1 - x, where Keras has cast x to f32 before.
double oneMinus(double x) { return 1.0 - static_cast<double>(static_cast<float>(x)); }

Expr decayed(const Arguments &c, Expr step) {
  Expr p = step / number(c, "decay_steps");
  return truth(c, "staircase") ? graph::floor(p) : p;
}

Expr exponentialDecay(const Arguments &c, Expr step) {
  return raise(number(c, "decay_rate"), decayed(c, step)) * number(c, "initial_learning_rate");
}

Expr inverseTimeDecay(const Arguments &c, Expr step) {
  Expr p = decayed(c, step);
  return number(c, "initial_learning_rate") / (p * number(c, "decay_rate") + 1.0);
}

Expr polynomialDecay(const Arguments &c, Expr step) {
  const double initial = number(c, "initial_learning_rate"), end = number(c, "end_learning_rate"),
               count = number(c, "decay_steps");
  Expr steps = constant(step, count);
  if (truth(c, "cycle")) {
    Expr isFirst = compare(graph::Predicate::EQ, step, constant(step, 0));
    steps = steps * select(isFirst, constant(step, 1), graph::ceil(step / count));
  } else {
    step = min(step, steps);
  }
  return (constant(step, initial) - end) * graph::pow(1.0 - step / steps, number(c, "power")) + end;
}

/// 0.5 * (1 + cos(pi * fraction)), scaled down to `alpha`.
Expr cosine(const Arguments &c, Expr step, double from) {
  const double alpha = number(c, "alpha");
  Expr fraction = step / number(c, "decay_steps");
  Expr cosine = (graph::cos(fraction * kPi) + 1.0) * 0.5;
  return (cosine * (1 - alpha) + alpha) * from;
}

Expr cosineDecay(const Arguments &c, Expr step) {
  const double initial = number(c, "initial_learning_rate"), count = number(c, "decay_steps");
  if (isNone(c, "warmup_target"))
    return cosine(c, min(step, constant(step, count)), initial);
  const double target = number(c, "warmup_target"), warmup = number(c, "warmup_steps");
  step = min(step, constant(step, count) + warmup);
  Expr cooling = cosine(c, step - warmup, target);
  if (warmup == 0)
    return cooling;
  Expr warming = step / warmup * (constant(step, target) - initial) + initial;
  return select(compare(graph::Predicate::LT, step, constant(step, warmup)), warming, cooling);
}

Expr cosineDecayRestarts(const Arguments &c, Expr step) {
  const double factor = number(c, "t_mul"), alpha = number(c, "alpha");
  Expr fraction = step / number(c, "first_decay_steps");
  Expr restarts = graph::floor(fraction);
  if (static_cast<float>(factor) == 1) {
    fraction = fraction - restarts;
  } else {
    restarts = graph::floor(log(1.0 - fraction * oneMinus(factor)) / log(constant(step, factor)));
    Expr length = raise(factor, restarts); // of the period, in first ones
    fraction = (fraction - (1.0 - length) / oneMinus(factor)) / length;
  }
  Expr height = raise(number(c, "m_mul"), restarts) * 0.5;
  Expr cosine = height * (graph::cos(fraction * kPi) + 1.0);
  return (cosine * oneMinus(alpha) + alpha) * number(c, "initial_learning_rate");
}

/// The one value whose interval the step, an si64 scalar, is in.
Expr piecewiseConstantDecay(const Arguments &c, Expr step) {
  const std::vector<int64_t> boundaries = integers(c, "boundaries");
  const std::vector<double> values = numbers(c, "values");
  std::vector<int64_t> after = boundaries, upTo = boundaries;
  after.insert(after.begin(), std::numeric_limits<int64_t>::min());
  upTo.push_back(std::numeric_limits<int64_t>::max());
  std::vector<float> rates(values.begin(), values.end());
  mlir::OpBuilder &b = *step.b;
  const auto count = static_cast<int64_t>(values.size());
  auto constantOf = [&](mlir::Type element, auto data) {
    auto type = mlir::RankedTensorType::get({count}, element);
    auto value = mlir::DenseElementsAttr::get(type, llvm::ArrayRef(data));
    return step.with(graph::ConstantOp::create(b, step.loc, type, value));
  };
  mlir::Type si64 = graph::elementType(step), f32 = b.getF32Type();
  Expr isAfter = compare(graph::Predicate::GT, step, constantOf(si64, after));
  Expr isUpTo = compare(graph::Predicate::LE, step, constantOf(si64, upTo));
  Expr rate = constantOf(f32, rates), none = rate.number(0);
  return sum(select(isAfter, select(isUpTo, rate, none), none), {0});
}

struct Formula {
  const char *className;
  Expr (*emit)(const Arguments &, Expr step);
  bool takesInteger = false; ///< the step as it is, else as f32
};
constexpr Formula formulas[] = {{"ExponentialDecay", exponentialDecay},
                                {"PiecewiseConstantDecay", piecewiseConstantDecay, true},
                                {"PolynomialDecay", polynomialDecay},
                                {"InverseTimeDecay", inverseTimeDecay},
                                {"CosineDecay", cosineDecay},
                                {"CosineDecayRestarts", cosineDecayRestarts}};

} // namespace

mlir::Value detail::emitSchedule(mlir::OpBuilder &b, mlir::Location loc,
                                 const LearningRateSchedule &schedule, mlir::Value step) {
  const Formula *its = llvm::find_if(
      formulas, [&](const Formula &formula) { return schedule.className == formula.className; });
  Expr at(b, loc, step);
  return its->emit(schedule.config, its->takesInteger ? at : castTo(at, b.getF32Type()));
}

LearningRateSchedule::LearningRateSchedule(const std::string &className, const Arguments &given)
    : className(className) {
  std::vector<std::string> known;
  for (const ArgumentClass &its : scheduleClasses()) {
    known.push_back(its.name);
    if (its.name == className)
      config = completeArguments("schedule", its, given);
  }
  if (config.empty())
    throw Error(unknownName("schedule", className, known));
}

double LearningRateSchedule::operator()(int64_t step) const {
  mlir::MLIRContext context;
  context.loadDialect<graph::GraphDialect, mlir::func::FuncDialect>();
  mlir::OpBuilder b(&context);
  mlir::Location loc = b.getUnknownLoc();
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(b, loc);
  auto si64 = mlir::RankedTensorType::get({}, b.getIntegerType(64, /*isSigned=*/true));
  auto f32 = mlir::RankedTensorType::get({}, b.getF32Type());
  b.setInsertionPointToEnd(module->getBody());
  auto function = mlir::func::FuncOp::create(b, loc, "rate", b.getFunctionType({si64}, {f32}));
  b.setInsertionPointToEnd(function.addEntryBlock());
  mlir::func::ReturnOp::create(b, loc, emitSchedule(b, loc, *this, function.getArgument(0)));
  reference::Interpreter interpreter(*module);
  auto rate = interpreter.run(
      "rate", {reference::Tensor::scalar(si64.getElementType(), reference::Number::integer(step))});
  if (mlir::failed(rate))
    throw Error("schedule " + className + ": " + interpreter.error(), StatusCode::Internal);
  return (*rate)[0].real(0);
}

namespace optimizers::schedules {

LearningRateSchedule ExponentialDecay(double initialLearningRate, int64_t decaySteps,
                                      double decayRate, const ExponentialDecayOptions &o) {
  return {"ExponentialDecay",
          {{"initial_learning_rate", initialLearningRate},
           {"decay_steps", decaySteps},
           {"decay_rate", decayRate},
           {"staircase", o.staircase},
           {"name", o.name}}};
}
LearningRateSchedule PiecewiseConstantDecay(const std::vector<int64_t> &boundaries,
                                            const std::vector<double> &values,
                                            const PiecewiseConstantDecayOptions &o) {
  return {"PiecewiseConstantDecay",
          {{"boundaries", boundaries}, {"values", values}, {"name", o.name}}};
}
LearningRateSchedule PolynomialDecay(double initialLearningRate, int64_t decaySteps,
                                     const PolynomialDecayOptions &o) {
  return {"PolynomialDecay",
          {{"initial_learning_rate", initialLearningRate},
           {"decay_steps", decaySteps},
           {"end_learning_rate", o.endLearningRate},
           {"power", o.power},
           {"cycle", o.cycle},
           {"name", o.name}}};
}
LearningRateSchedule InverseTimeDecay(double initialLearningRate, double decaySteps,
                                      double decayRate, const InverseTimeDecayOptions &o) {
  return {"InverseTimeDecay",
          {{"initial_learning_rate", initialLearningRate},
           {"decay_steps", decaySteps},
           {"decay_rate", decayRate},
           {"staircase", o.staircase},
           {"name", o.name}}};
}
LearningRateSchedule CosineDecay(double initialLearningRate, int64_t decaySteps,
                                 const CosineDecayOptions &o) {
  return {"CosineDecay",
          {{"initial_learning_rate", initialLearningRate},
           {"decay_steps", decaySteps},
           {"alpha", o.alpha},
           {"name", o.name},
           {"warmup_target", o.warmupTarget ? Argument(*o.warmupTarget) : Argument()},
           {"warmup_steps", o.warmupSteps}}};
}
LearningRateSchedule CosineDecayRestarts(double initialLearningRate, int64_t firstDecaySteps,
                                         const CosineDecayRestartsOptions &o) {
  return {"CosineDecayRestarts",
          {{"initial_learning_rate", initialLearningRate},
           {"first_decay_steps", firstDecaySteps},
           {"t_mul", o.tMul},
           {"m_mul", o.mMul},
           {"alpha", o.alpha},
           {"name", o.name}}};
}

} // namespace optimizers::schedules
} // namespace ingot::keras
