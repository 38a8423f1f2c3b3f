// Keras's optimizers and learning-rate schedules, with its names, arguments and defaults:
//   optimizers::Adam({.learningRate = schedules::CosineDecay(1e-3, 10000), .clipnorm = 1.0})
// Part of Keras.h. The formulas are in compiler/autodiff/Optimizer.cpp and Schedules.cpp.
// Everything here throws keras::Error for arguments that do not exist or are out of range.
#pragma once
#include "frontends/keras/Layer.h"

namespace ingot::keras {

/// A learning rate that follows the number of steps done; one of the functions in
/// `optimizers::schedules`.
struct LearningRateSchedule {
  std::string className; ///< "ExponentialDecay"
  Arguments config;      ///< in the order of Keras's get_config
  /// Arguments that `config` leaves out have Keras's defaults.
  LearningRateSchedule(const std::string &className, const Arguments &config);
  /// The rate of the step that has so many before it, to the bit what the compiled step has before
  /// its own rounding of powers and cosines.
  double operator()(int64_t step) const;
};

/// A number, or a schedule.
struct LearningRate {
  Argument value;
  LearningRate(double rate) : value(rate) {}
  LearningRate(LearningRateSchedule schedule)
      : value(std::make_shared<const LearningRateSchedule>(std::move(schedule))) {}
};

/// Keras's optimizers: a name ("adam"), or one of the functions in `optimizers`.
struct Optimizer {
  std::string className; ///< "Adam"
  Arguments config;      ///< in the order of Keras's get_config
  std::vector<std::string> excludedFromWeightDecay;

  Optimizer(const char *name);
  Optimizer(const std::string &name);
  /// Arguments that `config` leaves out have Keras's defaults.
  Optimizer(const std::string &className, const Arguments &config);
  /// A number among the arguments; truths are 0 and 1.
  double get(const char *key) const;
  /// Weights whose names have one of these in them ("bias") do not decay. Keras's
  /// exclude_from_weight_decay(var_names=…).
  void excludeFromWeightDecay(std::vector<std::string> varNames) {
    excludedFromWeightDecay = std::move(varNames);
  }
};

/// Names of all optimizers: "sgd", "adam", …
std::vector<std::string> optimizerNames();

namespace optimizers {

/// What all of them take. Of the three clips one can be set. `useEma` keeps an average of each
/// weight, which fit puts into the model at its end, and every `emaOverwriteFrequency` updates.
/// With `gradientAccumulationSteps` weights change every so manyth step, by the mean of the
/// gradients since the last change.
#define INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS                                                          \
  std::optional<double> clipnorm = {}, clipvalue = {}, globalClipnorm = {};                        \
  bool useEma = false;                                                                             \
  double emaMomentum = 0.99;                                                                       \
  std::optional<int64_t> emaOverwriteFrequency = {};                                               \
  std::optional<double> lossScaleFactor = {};                                                      \
  std::optional<int64_t> gradientAccumulationSteps = {};                                           \
  std::string name = {}

struct SGDOptions {
  LearningRate learningRate = 0.01;
  double momentum = 0;
  bool nesterov = false;
  std::optional<double> weightDecay = {};
  INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS;
};
Optimizer SGD(const SGDOptions &options = {});

struct AdamOptions {
  LearningRate learningRate = 0.001;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  bool amsgrad = false;
  std::optional<double> weightDecay = {};
  INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS;
};
Optimizer Adam(const AdamOptions &options = {});

struct AdamWOptions {
  LearningRate learningRate = 0.001;
  double weightDecay = 0.004;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  bool amsgrad = false;
  INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS;
};
Optimizer AdamW(const AdamWOptions &options = {});

struct RMSpropOptions {
  LearningRate learningRate = 0.001;
  double rho = 0.9, momentum = 0, epsilon = 1e-7;
  bool centered = false;
  std::optional<double> weightDecay = {};
  INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS;
};
Optimizer RMSprop(const RMSpropOptions &options = {});

struct AdagradOptions {
  LearningRate learningRate = 0.001;
  double initialAccumulatorValue = 0.1, epsilon = 1e-7;
  std::optional<double> weightDecay = {};
  INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS;
};
Optimizer Adagrad(const AdagradOptions &options = {});

struct AdadeltaOptions {
  LearningRate learningRate = 0.001;
  double rho = 0.95, epsilon = 1e-7;
  std::optional<double> weightDecay = {};
  INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS;
};
Optimizer Adadelta(const AdadeltaOptions &options = {});

struct AdamaxOptions {
  LearningRate learningRate = 0.001;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  std::optional<double> weightDecay = {};
  INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS;
};
Optimizer Adamax(const AdamaxOptions &options = {});

struct NadamOptions {
  LearningRate learningRate = 0.001;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  std::optional<double> weightDecay = {};
  INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS;
};
Optimizer Nadam(const NadamOptions &options = {});

struct LionOptions {
  LearningRate learningRate = 0.001;
  double beta1 = 0.9, beta2 = 0.99;
  std::optional<double> weightDecay = {};
  INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS;
};
Optimizer Lion(const LionOptions &options = {});

struct FtrlOptions {
  LearningRate learningRate = 0.001;
  double learningRatePower = -0.5, initialAccumulatorValue = 0.1;
  double l1RegularizationStrength = 0, l2RegularizationStrength = 0;
  double l2ShrinkageRegularizationStrength = 0, beta = 0;
  std::optional<double> weightDecay = {};
  INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS;
};
Optimizer Ftrl(const FtrlOptions &options = {});
#undef INGOT_ARGUMENTS_OF_ALL_OPTIMIZERS

struct LossScaleOptions {
  double initialScale = 32768;
  int64_t dynamicGrowthSteps = 2000;
  std::string name = {};
};
/// Multiplies the loss before it is differentiated, so that small gradients of float16 survive. A
/// step whose gradients are not all finite leaves weights and optimizer as they are and halves the
/// scale; `dynamicGrowthSteps` steps without one double it.
Optimizer LossScaleOptimizer(const Optimizer &innerOptimizer, const LossScaleOptions &options = {});

namespace schedules {

struct ExponentialDecayOptions {
  bool staircase = false;
  std::string name = "ExponentialDecay";
};
/// initial * decayRate ^ (step / decaySteps); with `staircase` in whole steps of the exponent.
LearningRateSchedule ExponentialDecay(double initialLearningRate, int64_t decaySteps,
                                      double decayRate,
                                      const ExponentialDecayOptions &options = {});

struct PiecewiseConstantDecayOptions {
  std::string name = "PiecewiseConstant";
};
/// values[0] up to and with step boundaries[0], values[1] up to boundaries[1], …
LearningRateSchedule PiecewiseConstantDecay(const std::vector<int64_t> &boundaries,
                                            const std::vector<double> &values,
                                            const PiecewiseConstantDecayOptions &options = {});

struct PolynomialDecayOptions {
  double endLearningRate = 0.0001, power = 1;
  bool cycle = false;
  std::string name = "PolynomialDecay";
};
/// (initial - end) * (1 - step / decaySteps) ^ power + end; with `cycle` it starts again.
LearningRateSchedule PolynomialDecay(double initialLearningRate, int64_t decaySteps,
                                     const PolynomialDecayOptions &options = {});

struct InverseTimeDecayOptions {
  bool staircase = false;
  std::string name = "InverseTimeDecay";
};
/// initial / (1 + decayRate * step / decaySteps).
LearningRateSchedule InverseTimeDecay(double initialLearningRate, double decaySteps,
                                      double decayRate,
                                      const InverseTimeDecayOptions &options = {});

struct CosineDecayOptions {
  double alpha = 0;
  std::string name = "CosineDecay";
  std::optional<double> warmupTarget = {};
  int64_t warmupSteps = 0;
};
/// Linear to `warmupTarget`, if there is one, then along half a cosine down to `alpha` of it.
LearningRateSchedule CosineDecay(double initialLearningRate, int64_t decaySteps,
                                 const CosineDecayOptions &options = {});

struct CosineDecayRestartsOptions {
  double tMul = 2, mMul = 1, alpha = 0;
  std::string name = "SGDRDecay";
};
/// Half cosines one after another, each `tMul` times as long as the last and from `mMul` times its
/// height.
LearningRateSchedule CosineDecayRestarts(double initialLearningRate, int64_t firstDecaySteps,
                                         const CosineDecayRestartsOptions &options = {});

} // namespace schedules
} // namespace optimizers
} // namespace ingot::keras
