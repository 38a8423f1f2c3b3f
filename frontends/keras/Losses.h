// Keras's losses: by name, or as objects with arguments.
//
// Part of Keras.h. Formulas, defaults and names are Keras's, its numerics too: on the result of a
// softmax or sigmoid the cross-entropies are computed from what that function was applied to, other
// probabilities are clipped to [1e-7, 1 - 1e-7].
#pragma once
#include "frontends/keras/Arguments.h"
#include "frontends/keras/Layer.h"

namespace ingot::keras {

/// A loss: the name of one of Keras's functions or classes ("mse", "mean_squared_error",
/// "MeanSquaredError"), or what a function of `losses` returns. A name that there is not, and an
/// argument that cannot be, throw at once.
struct Loss {
  std::string name;      ///< as it was given, or the object's
  std::string className; ///< "MeanSquaredError"; empty: "crossentropy", which the output decides
  Arguments config;      ///< every argument by Keras's name, `reduction` among them
  /// Given by name: it has a function's defaults, and is saved as that name.
  bool isNamed = false;
  Loss(const char *name);
  Loss(const std::string &name);
  /// An object of that class; `config` may have its `name`, and leave out what has a default.
  static Loss object(const std::string &className, const Arguments &config = {});

private:
  Loss() = default;
};

namespace losses {

/// `reduction`: "sum_over_batch_size" (the mean over all samples and positions), "sum", "mean" (the
/// first's other name) or "mean_with_sample_weight" (divided by the sum of the weights).
struct LossOptions {
  std::string reduction = "sum_over_batch_size", name = {};
};
/// The function's targets: f32 of the output's shape.
Loss MeanSquaredError(const LossOptions &options = {});
Loss MeanAbsoluteError(const LossOptions &options = {});
Loss MeanAbsolutePercentageError(const LossOptions &options = {});
Loss MeanSquaredLogarithmicError(const LossOptions &options = {});
Loss LogCosh(const LossOptions &options = {});
Loss Poisson(const LossOptions &options = {});
Loss KLDivergence(const LossOptions &options = {});
/// Targets -1 and 1; a batch of zeros and ones is taken for those.
Loss Hinge(const LossOptions &options = {});
Loss SquaredHinge(const LossOptions &options = {});
/// Targets 0 or 1.
Loss CategoricalHinge(const LossOptions &options = {});

struct HuberOptions {
  double delta = 1;
  std::string reduction = "sum_over_batch_size", name = {};
};
Loss Huber(const HuberOptions &options = {});

struct CosineSimilarityOptions {
  int64_t axis = -1;
  std::string reduction = "sum_over_batch_size", name = {};
};
Loss CosineSimilarity(const CosineSimilarityOptions &options = {});

struct CrossentropyOptions {
  bool fromLogits = false;
  double labelSmoothing = 0;
  int64_t axis = -1;
  std::string reduction = "sum_over_batch_size", name = {};
};
/// Targets: f32 of the output's shape, 0 or 1.
Loss BinaryCrossentropy(const CrossentropyOptions &options = {});
/// Targets: f32 of the output's shape, a distribution along `axis`.
Loss CategoricalCrossentropy(const CrossentropyOptions &options = {});

struct SparseCategoricalCrossentropyOptions {
  bool fromLogits = false;
  std::optional<int64_t> ignoreClass = {}; ///< samples of this class do not count
  std::string reduction = "sum_over_batch_size";
  int64_t axis = -1; ///< the last one
  std::string name = {};
};
/// Targets: i64 class indices with the output's shape less its last dimension.
Loss SparseCategoricalCrossentropy(const SparseCategoricalCrossentropyOptions &options = {});

struct BinaryFocalCrossentropyOptions {
  bool applyClassBalancing = false;
  double alpha = 0.25, gamma = 2;
  bool fromLogits = false;
  double labelSmoothing = 0;
  int64_t axis = -1;
  std::string reduction = "sum_over_batch_size", name = {};
};
Loss BinaryFocalCrossentropy(const BinaryFocalCrossentropyOptions &options = {});

struct CategoricalFocalCrossentropyOptions {
  double alpha = 0.25, gamma = 2;
  bool fromLogits = false;
  double labelSmoothing = 0;
  int64_t axis = -1;
  std::string reduction = "sum_over_batch_size", name = {};
};
Loss CategoricalFocalCrossentropy(const CategoricalFocalCrossentropyOptions &options = {});

struct CategoricalGeneralizedCrossEntropyOptions {
  double q = 0.5; ///< between 0 and 1
  std::string reduction = "sum_over_batch_size", name = {};
};
/// Targets: i64 class indices, as for SparseCategoricalCrossentropy.
Loss CategoricalGeneralizedCrossEntropy(
    const CategoricalGeneralizedCrossEntropyOptions &options = {});

/// Over all of a batch, or over `axis`.
struct DiceOptions {
  std::string reduction = "sum_over_batch_size", name = {};
  std::vector<int64_t> axis = {}; ///< empty: all
};
Loss Dice(const DiceOptions &options = {});
struct TverskyOptions {
  double alpha = 0.5, beta = 0.5;
  std::string reduction = "sum_over_batch_size", name = {};
  std::vector<int64_t> axis = {}; ///< empty: all
};
Loss Tversky(const TverskyOptions &options = {});

struct CircleOptions {
  double gamma = 80, margin = 0.4;
  bool removeDiagonal = true;
  std::string reduction = "sum_over_batch_size", name = {};
};
/// Output: (batch, features) of length 1; targets: i64 class indices (batch).
Loss Circle(const CircleOptions &options = {});

/// Output: logits (batch, time, classes), class 0 being the blank; targets: i64 labels
/// (batch, time), 0 behind the end of each.
Loss CTC(const LossOptions &options = {});

} // namespace losses

/// One loss for all outputs; one an output, in their order; or by output's name:
/// `{"mse", "mae"}`, `{{"boxes", "mse"}, {"classes", "categorical_crossentropy"}}`.
struct Losses {
  std::vector<Loss> each;                             ///< one, or one an output
  std::vector<std::pair<std::string, Loss>> byOutput; ///< instead, if not empty
  Losses() = default;
  Losses(const char *name) : each{Loss(name)} {}
  Losses(const std::string &name) : each{Loss(name)} {}
  Losses(Loss loss) : each{std::move(loss)} {}
  Losses(std::initializer_list<Loss> losses) : each(losses) {}
  Losses(std::vector<Loss> losses) : each(std::move(losses)) {}
  Losses(std::initializer_list<std::pair<std::string, Loss>> losses) : byOutput(losses) {}
  Losses(std::vector<std::pair<std::string, Loss>> losses) : byOutput(std::move(losses)) {}
  bool empty() const { return each.empty() && byOutput.empty(); }
};

/// What each output's loss counts in the sum of all: one an output, or by output's name. None: 1.
struct LossWeights {
  std::vector<double> each;
  std::vector<std::pair<std::string, double>> byOutput; ///< instead, if not empty
  LossWeights() = default;
  LossWeights(double weight) : each{weight} {}
  LossWeights(std::initializer_list<double> weights) : each(weights) {}
  LossWeights(std::vector<double> weights) : each(std::move(weights)) {}
  LossWeights(std::initializer_list<std::pair<std::string, double>> weights) : byOutput(weights) {}
  LossWeights(std::vector<std::pair<std::string, double>> weights) : byOutput(std::move(weights)) {}
};

} // namespace ingot::keras
