// Keras's regularizers and constraints by name and by function, as graph formulas.
//
// Called by Layer.h's users and by GraphModule for losses and training steps.
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/WeightObjects.h"

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using mlir::Value;

namespace {

constexpr double kEpsilon = 1e-7; // keras.backend.epsilon()

using Class = ObjectClass<Expr (*)(Expr x, const Arguments &arguments)>;

Parameter positive(const char *name, double fallback) {
  return {name, Parameter::Number, fallback, 0};
}

Expr total(Expr x) { return sum(x, graph::allAxes(x)); }
Expr l1(Expr x, double factor) { return total(abs(x)) * factor; }
Expr l2(Expr x, double factor) { return total(x * x) * factor; }

Expr orthogonality(Expr x, const Arguments &arguments) {
  bool isRows = text(arguments, "mode") == "rows";
  Dims dims = x.dims();
  auto count = static_cast<double>(dims[isRows ? 0 : 1].value());
  // As Keras's normalize: lengths below 1e-12 count as that.
  Expr inverse = rsqrt(sum(x * x, {isRows ? 1 : 0}, /*keep=*/true));
  Expr unit = x * min(inverse, inverse.number(1e12));
  mlir::OpBuilder &b = *x.b;
  Expr product = x.with(graph::make<graph::MatMulOp>(
      b, x.loc, {unit, unit},
      {b.getNamedAttr(isRows ? "transposeRhs" : "transposeLhs", b.getBoolAttr(true))}));
  auto type = tensorType(product.dims(), b.getIntegerType(64, /*isSigned=*/true));
  Expr row = x.with(graph::IotaOp::create(b, x.loc, type, 0)),
       column = x.with(graph::IotaOp::create(b, x.loc, type, 1));
  Expr others = select(compare(graph::Predicate::EQ, row, column), product.number(0), product);
  double pairs = count * (count - 1) / 2;
  return total(abs(others)) * (number(arguments, "factor") * 0.5 / pairs);
}

const std::vector<Class> &regularizerClasses() {
  static const std::vector<Class> table = [] {
    Parameter mode = {"mode", Parameter::Text, "rows"};
    mode.choices = {"rows", "columns"};
    return std::vector<Class>{
        {"L1",
         {positive("l1", 0.01)},
         [](Expr x, const Arguments &a) { return l1(x, number(a, "l1")); }},
        {"L2",
         {positive("l2", 0.01)},
         [](Expr x, const Arguments &a) { return l2(x, number(a, "l2")); }},
        {"L1L2",
         {positive("l1", 0), positive("l2", 0)},
         [](Expr x, const Arguments &a) { return l1(x, number(a, "l1")) + l2(x, number(a, "l2")); },
         {"l1_l2"}},
        {"OrthogonalRegularizer", {positive("factor", 0.01), mode}, orthogonality}};
  }();
  return table;
}

llvm::SmallVector<int64_t> axesOf(Expr x, const Arguments &arguments) {
  llvm::SmallVector<int64_t> axes;
  for (int64_t axis : integers(arguments, "axis"))
    axes.push_back(axis + (axis < 0 ? graph::rankOf(x) : 0));
  llvm::sort(axes);
  return axes;
}

Expr norm(Expr x, const Arguments &arguments) {
  return sqrt(sum(x * x, axesOf(x, arguments), /*keep=*/true));
}
Expr bounded(Expr x, double low, double high) { return min(max(x, x.number(low)), x.number(high)); }

const Parameter kAxis = {"axis", Parameter::Integers, int64_t(0), -kMaxRank, kMaxRank};

const std::vector<Class> &constraintClasses() {
  static const std::vector<Class> table = {
      {"MaxNorm",
       {positive("max_value", 2), kAxis},
       [](Expr x, const Arguments &a) {
         Expr length = norm(x, a);
         return x * (bounded(length, 0, number(a, "max_value")) / (length + kEpsilon));
       }},
      {"NonNeg", {}, [](Expr x, const Arguments &) { return max(x, x.number(0)); }},
      {"UnitNorm", {kAxis}, [](Expr x, const Arguments &a) { return x / (norm(x, a) + kEpsilon); }},
      {"MinMaxNorm",
       {positive("min_value", 0), positive("max_value", 1), positive("rate", 1), kAxis},
       [](Expr x, const Arguments &a) {
         Expr length = norm(x, a);
         double rate = number(a, "rate");
         Expr wanted = bounded(length, number(a, "min_value"), number(a, "max_value")) * rate +
                       length * (1 - rate);
         return x * (wanted / (length + kEpsilon));
       }},
  };
  return table;
}

const Class &findRegularizer(const std::string &name) {
  return findClass("regularizer", regularizerClasses(), name);
}
const Class &findConstraint(const std::string &name) {
  return findClass("constraint", constraintClasses(), name);
}

Argument axisArgument(const std::vector<int64_t> &axis) {
  return axis.size() == 1 ? Argument(axis[0]) : Argument(axis);
}

template <typename Object>
Object objectFromJson(const Json &json, const Class &(*find)(const std::string &)) {
  if (json.is_null())
    return {};
  if (json.is_string())
    return json.get<std::string>();
  const Class &kind = find(json.at("class_name").get<std::string>());
  auto [name, arguments] = weightObjectFromJson(json, kind.parameters);
  return {name, arguments};
}

} // namespace

Regularizer::Regularizer(const char *name) : Regularizer(std::string(name)) {}
Regularizer::Regularizer(const std::string &name) : Regularizer(name, Arguments{}) {}
Regularizer::Regularizer(const std::string &name, const Arguments &given) {
  const Class &kind = findRegularizer(name);
  className = kind.className;
  config = complete("regularizer " + className, kind.parameters, given);
}

namespace regularizers {
Regularizer L1(double l1) { return {"L1", {{"l1", l1}}}; }
Regularizer L2(double l2) { return {"L2", {{"l2", l2}}}; }
Regularizer L1L2(const L1L2Options &o) { return {"L1L2", {{"l1", o.l1}, {"l2", o.l2}}}; }
Regularizer OrthogonalRegularizer(const OrthogonalOptions &o) {
  return {"OrthogonalRegularizer", {{"factor", o.factor}, {"mode", o.mode}}};
}
} // namespace regularizers

Constraint::Constraint(const char *name) : Constraint(std::string(name)) {}
Constraint::Constraint(const std::string &name) : Constraint(name, Arguments{}) {}
Constraint::Constraint(const std::string &name, const Arguments &given) {
  const Class &kind = findConstraint(name);
  className = kind.className;
  config = complete("constraint " + className, kind.parameters, given);
}

namespace constraints {
Constraint MaxNorm(double maxValue, const NormOptions &o) {
  return {"MaxNorm", {{"max_value", maxValue}, {"axis", axisArgument(o.axis)}}};
}
Constraint NonNeg() { return "NonNeg"; }
Constraint UnitNorm(const NormOptions &o) { return {"UnitNorm", {{"axis", axisArgument(o.axis)}}}; }
Constraint MinMaxNorm(const MinMaxNormOptions &o) {
  return {"MinMaxNorm",
          {{"min_value", o.minValue},
           {"max_value", o.maxValue},
           {"rate", o.rate},
           {"axis", axisArgument(o.axis)}}};
}
} // namespace constraints

namespace detail {

Value emitRegularizer(Emitter &emitter, const Regularizer &regularizer, Value x) {
  return findRegularizer(regularizer.className).emit(emitter.expr(x), regularizer.config);
}

Value emitConstraint(mlir::OpBuilder &b, mlir::Location loc, const Constraint &constraint,
                     Value x) {
  return findConstraint(constraint.className).emit(Expr(b, loc, x), constraint.config);
}

void checkRegularizer(const LayerImpl &layer, const Weight &weight) {
  auto rank = static_cast<int64_t>(weight.shape.size());
  if (weight.regularizer.className == "OrthogonalRegularizer" && rank != 2)
    layer.fail("OrthogonalRegularizer is for weights of two dimensions; its weight '" +
               weight.name + "' has shape " + toString(weight.shape) + ", use another one");
  if (!weight.constraint)
    return;
  for (const auto &[key, value] : weight.constraint.config)
    if (key == "axis")
      for (int64_t axis : integers(weight.constraint.config, "axis"))
        if (axis >= rank || axis < -rank)
          layer.fail("constraint " + weight.constraint.className + " is along axis " +
                     std::to_string(axis) + ", which its weight '" + weight.name + "' of shape " +
                     toString(weight.shape) + " has not; use an axis that there is");
}

void checkActivityRegularizer(const LayerImpl &layer, const std::vector<TensorSpec> &results) {
  if (layer.activityRegularizer.className != "OrthogonalRegularizer")
    return;
  const bool isRows = text(layer.activityRegularizer.config, "mode") == "rows";
  for (const TensorSpec &result : results)
    if (result.shape.size() != 2 || result.shape[isRows ? 0 : 1] == None)
      layer.fail("OrthogonalRegularizer is for results of two dimensions, of which it must know "
                 "how many " +
                 std::string(isRows ? "rows" : "columns") + " there are; its result has shape " +
                 toString(result.shape) + ", use another one, or mode \"columns\"");
}

Json toJson(const Regularizer &regularizer) {
  return regularizer ? weightObjectToJson(regularizer) : Json(nullptr);
}
Json toJson(const Constraint &constraint) {
  return constraint ? weightObjectToJson(constraint) : Json(nullptr);
}
Regularizer regularizerFromJson(const Json &json) {
  return objectFromJson<Regularizer>(json, findRegularizer);
}
Constraint constraintFromJson(const Json &json) {
  return objectFromJson<Constraint>(json, findConstraint);
}

std::pair<std::string, Arguments> weightObjectFromJson(const Json &json,
                                                       const Parameters &parameters) {
  Arguments arguments;
  if (auto config = json.find("config"); config != json.end() && config->is_object())
    for (const Parameter &parameter : parameters)
      // A seed may be a generator of Keras's, which has no meaning here.
      if (auto value = config->find(parameter.name); value != config->end() && !value->is_object())
        arguments.emplace_back(parameter.name, argumentFromJson(*value, parameter.name));
  return {json.at("class_name").get<std::string>(), arguments};
}

} // namespace detail
} // namespace ingot::keras
