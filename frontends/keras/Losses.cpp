// The losses there are: names, arguments, what they demand of outputs, their targets.
//
// Formulas are in LossFormulas.cpp and CrossEntropies.cpp. Called by users (Loss), TrainingPlan
// (checks, values) and ModelJson.
#include "frontends/keras/ArgumentTable.h"
#include "frontends/keras/LossFormulas.h"
#include "frontends/keras/Names.h"

namespace ingot::keras {

namespace detail {

struct LossKind {
  const char *className;
  const char *function; // Keras's function; null: only the class has a name
  const char *name;     // of an object that is given none
  Targets targets;
  LossFormula formula;
  Parameters parameters;
};

namespace {

using P = Parameter;

/// What every class takes last: how values become one.
P reduction() {
  return {.name = "reduction",
          .type = P::Text,
          .fallback = std::string("sum_over_batch_size"),
          .choices = {"sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"}};
}
P real(const char *name, double fallback) { return {name, P::Number, fallback}; }
P axis() { return {"axis", P::Integer, int64_t(-1), -kMaxRank, kMaxRank}; }
P axes() { return {"axis", P::Integers, {}, -kMaxRank, kMaxRank}; }
P fromLogits() { return {"from_logits", P::Truth, false}; }
P labelSmoothing() { return {"label_smoothing", P::Number, 0.0, 0, 1}; }

const std::vector<LossKind> &lossKinds() {
  constexpr Targets same = Targets::Same, classes = Targets::Classes;
  static const std::vector<LossKind> table = {
      {"MeanSquaredError", "mean_squared_error", "mean_squared_error", same, meanSquaredError, {}},
      {"MeanAbsoluteError",
       "mean_absolute_error",
       "mean_absolute_error",
       same,
       meanAbsoluteError,
       {}},
      {"MeanAbsolutePercentageError",
       "mean_absolute_percentage_error",
       "mean_absolute_percentage_error",
       same,
       meanAbsolutePercentageError,
       {}},
      {"MeanSquaredLogarithmicError",
       "mean_squared_logarithmic_error",
       "mean_squared_logarithmic_error",
       same,
       meanSquaredLogarithmicError,
       {}},
      {"LogCosh", "log_cosh", "log_cosh", same, logCosh, {}},
      {"Poisson", "poisson", "poisson", same, poisson, {}},
      {"KLDivergence", "kl_divergence", "kl_divergence", same, klDivergence, {}},
      {"Hinge", "hinge", "hinge", same, hinge, {}},
      {"SquaredHinge", "squared_hinge", "squared_hinge", same, squaredHinge, {}},
      {"CategoricalHinge", "categorical_hinge", "categorical_hinge", same, categoricalHinge, {}},
      {"Huber", "huber", "huber_loss", same, huber, {real("delta", 1)}},
      {"CosineSimilarity",
       "cosine_similarity",
       "cosine_similarity",
       same,
       cosineSimilarity,
       {axis()}},
      {"Dice", "dice", "dice", same, dice, {axes()}},
      {"Tversky",
       "tversky",
       "tversky",
       same,
       tversky,
       {real("alpha", 0.5), real("beta", 0.5), axes()}},
      {"Circle",
       "circle",
       "circle",
       classes,
       circle,
       {real("gamma", 80), real("margin", 0.4), {"remove_diagonal", P::Truth, true}}},
      {"CTC", "ctc", "ctc", Targets::Sequences, ctc, {}},
      {"BinaryCrossentropy",
       "binary_crossentropy",
       "binary_crossentropy",
       same,
       binaryCrossentropy,
       {fromLogits(), labelSmoothing(), axis()}},
      {"BinaryFocalCrossentropy",
       "binary_focal_crossentropy",
       "binary_focal_crossentropy",
       same,
       binaryFocalCrossentropy,
       {fromLogits(),
        labelSmoothing(),
        axis(),
        {"apply_class_balancing", P::Truth, false},
        real("alpha", 0.25),
        real("gamma", 2)}},
      {"CategoricalCrossentropy",
       "categorical_crossentropy",
       "categorical_crossentropy",
       same,
       categoricalCrossentropy,
       {fromLogits(), labelSmoothing(), axis()}},
      {"CategoricalFocalCrossentropy",
       "categorical_focal_crossentropy",
       "categorical_focal_crossentropy",
       same,
       categoricalFocalCrossentropy,
       {fromLogits(), labelSmoothing(), axis(), real("alpha", 0.25), real("gamma", 2)}},
      {"CategoricalGeneralizedCrossEntropy",
       nullptr,
       "categorical_generalized_cross_entropy",
       classes,
       categoricalGeneralizedCrossEntropy,
       {{"q", P::Number, 0.5, 1e-6, 1 - 1e-6}}},
      {"SparseCategoricalCrossentropy",
       "sparse_categorical_crossentropy",
       "sparse_categorical_crossentropy",
       classes,
       sparseCategoricalCrossentropy,
       {fromLogits(), {"ignore_class", P::Integer, {}, -kMaxExtent, kMaxExtent}, axis()}}};
  return table;
}

const LossKind *findName(llvm::StringRef name) {
  for (const LossKind &kind : lossKinds())
    if (name == kind.className || (kind.function && name == kind.function))
      return &kind;
  return findShortName(lossKinds(), name);
}

std::vector<std::string> knownNames() {
  std::vector<std::string> names;
  for (const LossKind &kind : lossKinds())
    names.push_back(kind.function ? kind.function : kind.className);
  appendShortNames(names);
  return names;
}

Parameters parametersOf(const LossKind &kind) {
  Parameters all = kind.parameters;
  all.push_back(reduction());
  return all;
}

} // namespace

const LossKind &kindOf(const Loss &loss) {
  if (const LossKind *kind = findClass(lossKinds(), loss.className))
    return *kind;
  throw Error("compile: " + unknownName("loss", loss.className, knownNames()));
}

Targets targetsOf(const Loss &loss) { return kindOf(loss).targets; }

Loss resolveLoss(const Loss &loss, const Shape &shape, const std::string &where) {
  if (!loss.className.empty())
    return loss;
  if (!shape.empty() && shape.back() == 1)
    return Loss("binary_crossentropy");
  throw Error("loss '" + loss.name + "' of " + where +
              " does not say what the targets are; use \"sparse_categorical_crossentropy\" for "
              "class indices, \"categorical_crossentropy\" for distributions");
}

void checkLoss(const Loss &loss, const Shape &shape, const std::string &where) {
  const LossKind &kind = kindOf(loss);
  auto rank = static_cast<int64_t>(shape.size());
  auto fail = [&](const std::string &why) { throw Error("loss " + loss.name + ": " + why); };
  for (const auto &[name, value] : loss.config)
    if (name == "axis")
      for (int64_t axis : integers(loss.config, "axis"))
        if (axis < -rank || axis >= rank)
          fail("axis " + std::to_string(axis) + " is none of " + where);
  llvm::StringRef name = kind.className;
  bool isCategorical =
      name.contains("Categorical") && (name.ends_with("rossentropy") || name.ends_with("Entropy"));
  if ((isCategorical || kind.targets == Targets::Classes) && rank < 2)
    fail("expected an output of shape (batch, classes), " + where +
         " has no class dimension; end with a Dense");
  if (isCategorical && shape.back() == 1)
    fail(where + " has one class, so that its loss is always 0; use binary_crossentropy with a "
                 "sigmoid, or a Dense with one unit a class");
  if (name == "SparseCategoricalCrossentropy" &&
      axisOf(integer(loss.config, "axis"), rank) != rank - 1)
    fail("axis must be the last one of " + where + ", as in Keras");
  if (name == "CTC" && (rank != 3 || shape.back() < 2))
    fail("expected an output of shape (batch, time, classes), got " + where);
  if (name == "Circle" && rank != 2)
    fail("expected an output of shape (batch, features), got " + where);
}

Json toJson(const Loss &loss) {
  if (loss.isNamed)
    return loss.name;
  Json config = {{"name", loss.name}};
  config.update(toJson(loss.config));
  return {{"class_name", loss.className}, {"config", config}};
}

Loss lossFromJson(const Json &json) {
  if (json.is_string())
    return Loss(json.get<std::string>());
  if (!json.contains("class_name")) // as earlier versions wrote it
    return json.value("from_logits", false)
               ? Loss::object(Loss(json.at("name").get<std::string>()).className,
                              {{"from_logits", true}})
               : Loss(json.at("name").get<std::string>());
  Arguments arguments;
  for (const auto &[key, value] : json.at("config").items())
    arguments.emplace_back(key, argumentFromJson(value, key));
  return Loss::object(json.at("class_name").get<std::string>(), arguments);
}

LossValues lossValues(Emitter &e, const Loss &loss, mlir::Value output, mlir::Value target) {
  return kindOf(loss).formula({e, loss, output, target});
}

/// The class with its arguments, of which "name" and "dtype" are none of a table's.
static void completeLoss(Loss &loss, const LossKind &kind, const Arguments &config) {
  Arguments rest;
  loss.name = kind.name;
  for (const auto &[key, value] : config) {
    const auto *given = std::get_if<std::string>(&value);
    if (key == "name" && given && !given->empty())
      loss.name = *given;
    else if (key != "name" && key != "dtype")
      rest.emplace_back(key, value);
    else if (key == "dtype" && given && *given != "float32")
      throw Error(std::string("loss ") + kind.className + ": dtype must be float32, got " + *given);
  }
  checkName("loss", loss.name);
  loss.className = kind.className;
  std::string who = std::string("loss ") + kind.className;
  for (const auto &[key, value] : rest)
    if (key == "reduction" &&
        (std::holds_alternative<std::monostate>(value) || value == Argument(std::string("none"))))
      throw Error(who + ": reduction none gives no single number to train with; use "
                        "\"sum_over_batch_size\" or \"sum\"");
  loss.config = complete(who, parametersOf(kind), rest);
}

} // namespace detail

using namespace detail;

Loss::Loss(const char *name) : Loss(std::string(name)) {}

Loss::Loss(const std::string &name) {
  std::string lower = llvm::StringRef(name).lower();
  if (lower == "crossentropy" || lower == "ce") {
    this->name = name;
    isNamed = true;
    return;
  }
  const LossKind *kind = findName(name);
  if (!kind)
    throw Error(unknownName("loss", name, knownNames()));
  completeLoss(*this, *kind, {});
  this->name = name;
  isNamed = true;
}

Loss Loss::object(const std::string &className, const Arguments &config) {
  const LossKind *kind = findClass(lossKinds(), className);
  if (!kind)
    throw Error(unknownName("loss", className, knownNames()));
  Loss loss;
  completeLoss(loss, *kind, config);
  return loss;
}

namespace losses {

namespace {

Argument axesOf(const std::vector<int64_t> &axes) {
  return axes.empty() ? Argument() : Argument(axes);
}

template <typename Options> Arguments argumentsOf(const Options &options, Arguments rest = {}) {
  if (!options.name.empty())
    rest.emplace_back("name", options.name);
  rest.emplace_back("reduction", options.reduction);
  return rest;
}

template <typename Options> Arguments crossentropy(const Options &options, Arguments rest = {}) {
  rest.emplace_back("from_logits", options.fromLogits);
  rest.emplace_back("label_smoothing", options.labelSmoothing);
  rest.emplace_back("axis", options.axis);
  return argumentsOf(options, std::move(rest));
}

} // namespace

#define INGOT_PLAIN_LOSS(CLASS)                                                                    \
  Loss CLASS(const LossOptions &options) { return Loss::object(#CLASS, argumentsOf(options)); }
INGOT_PLAIN_LOSS(MeanSquaredError)
INGOT_PLAIN_LOSS(MeanAbsoluteError)
INGOT_PLAIN_LOSS(MeanAbsolutePercentageError)
INGOT_PLAIN_LOSS(MeanSquaredLogarithmicError)
INGOT_PLAIN_LOSS(LogCosh)
INGOT_PLAIN_LOSS(Poisson)
INGOT_PLAIN_LOSS(KLDivergence)
INGOT_PLAIN_LOSS(Hinge)
INGOT_PLAIN_LOSS(SquaredHinge)
INGOT_PLAIN_LOSS(CategoricalHinge)
INGOT_PLAIN_LOSS(CTC)
#undef INGOT_PLAIN_LOSS

Loss Huber(const HuberOptions &o) {
  return Loss::object("Huber", argumentsOf(o, {{"delta", o.delta}}));
}
Loss CosineSimilarity(const CosineSimilarityOptions &o) {
  return Loss::object("CosineSimilarity", argumentsOf(o, {{"axis", o.axis}}));
}
Loss BinaryCrossentropy(const CrossentropyOptions &o) {
  return Loss::object("BinaryCrossentropy", crossentropy(o));
}
Loss CategoricalCrossentropy(const CrossentropyOptions &o) {
  return Loss::object("CategoricalCrossentropy", crossentropy(o));
}
Loss SparseCategoricalCrossentropy(const SparseCategoricalCrossentropyOptions &o) {
  Argument ignored = o.ignoreClass ? Argument(*o.ignoreClass) : Argument();
  return Loss::object(
      "SparseCategoricalCrossentropy",
      argumentsOf(o, {{"from_logits", o.fromLogits}, {"ignore_class", ignored}, {"axis", o.axis}}));
}
Loss BinaryFocalCrossentropy(const BinaryFocalCrossentropyOptions &o) {
  return Loss::object("BinaryFocalCrossentropy",
                      crossentropy(o, {{"apply_class_balancing", o.applyClassBalancing},
                                       {"alpha", o.alpha},
                                       {"gamma", o.gamma}}));
}
Loss CategoricalFocalCrossentropy(const CategoricalFocalCrossentropyOptions &o) {
  return Loss::object("CategoricalFocalCrossentropy",
                      crossentropy(o, {{"alpha", o.alpha}, {"gamma", o.gamma}}));
}
Loss CategoricalGeneralizedCrossEntropy(const CategoricalGeneralizedCrossEntropyOptions &o) {
  return Loss::object("CategoricalGeneralizedCrossEntropy", argumentsOf(o, {{"q", o.q}}));
}
Loss Dice(const DiceOptions &o) {
  return Loss::object("Dice", argumentsOf(o, {{"axis", axesOf(o.axis)}}));
}
Loss Tversky(const TverskyOptions &o) {
  return Loss::object(
      "Tversky", argumentsOf(o, {{"alpha", o.alpha}, {"beta", o.beta}, {"axis", axesOf(o.axis)}}));
}
Loss Circle(const CircleOptions &o) {
  return Loss::object("Circle", argumentsOf(o, {{"gamma", o.gamma},
                                                {"margin", o.margin},
                                                {"remove_diagonal", o.removeDiagonal}}));
}

} // namespace losses

} // namespace ingot::keras
