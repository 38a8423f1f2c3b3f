// What an optimizer is told to do: the rule, its numbers, and everything around it that Keras's
// base optimizer does. Filled by frontends, read by buildTrainStep.
#pragma once
#include "mlir/IR/Builders.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ingot {

/// An optimizer. Learning rate and step are variables ("learning_rate", "step"), never baked in.
/// Where frameworks differ, fields say which formula is meant.
struct OptimizerSpec {
  enum class Kind { SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, Nadam, Lion, Ftrl };
  Kind kind = Kind::SGD;
  double learningRate = 0.01; // initial value of the variable
  /// Gives the rate of a step, an f32 scalar, from the number of steps before it, an si64 scalar;
  /// empty: the variable alone says it. With a schedule the variable holds the next step's rate,
  /// for those who look, and is no control.
  std::function<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::Value step)> schedule;

  double momentum = 0; // SGD, RMSprop
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999; // Adam, AdamW, Adamax, Nadam; Lion
  bool amsgrad = false;              // Adam, AdamW
  double rho = 0.9;                  // RMSprop (PyTorch: alpha 0.99), Adadelta
  bool centered = false;             // RMSprop
  double epsilon = 1e-7;             // PyTorch: 1e-8
  double initialAccumulator = 0.1;   // Adagrad, Ftrl
  double learningRatePower = -0.5, l1 = 0, l2 = 0, l2Shrinkage = 0, beta = 0; // Ftrl

  /// AdamW and all of Keras: decoupled, p -= p * decay * lr first. PyTorch's others: g += p *
  /// decay.
  double weightDecay = 0;
  /// Parameters whose name has one of these in it do not decay.
  std::vector<std::string> notDecayed;
  /// Keras: m * lr * sqrt(1 - b2^t) / (1 - b1^t) / (sqrt(v) + eps).
  /// PyTorch: eps is added to sqrt(v / (1 - b2^t)); SGD keeps momentum as b = m*b + g, p -= lr*b.
  /// SGD, Adam, AdamW and RMSprop alone.
  bool pytorch = false;

  /// Bounds for the norm of each gradient, for that of all of them together, and for each element's
  /// magnitude; 0: none. The first that is set counts.
  double clipNorm = 0, globalClipNorm = 0, clipValue = 0;
  /// Averages of the weights, one a parameter, as the rule leaves them: average * momentum + weight
  /// * (1 - momentum), the weight itself after the first step.
  std::optional<double> emaMomentum;
  /// The weights become their averages at every so manyth update; 0: only by `finalize`.
  int64_t emaOverwriteFrequency = 0;
  /// Gradients of so many steps are averaged, and the last of these steps makes the update.
  int64_t accumulationSteps = 1;
  /// The loss is multiplied by this before it is differentiated, and the gradients divided by it.
  double lossScale = 1;
  /// Instead of lossScale: halved by a step whose gradients are not all finite, which changes
  /// nothing else that is the optimizer's, and doubled after `growthSteps` steps without one.
  struct DynamicScale {
    double initial = 32768;
    int64_t growthSteps = 2000;
  };
  std::optional<DynamicScale> dynamicScale;
};

/// A variable of an optimizer.
struct OptimizerVariable {
  std::string name;                ///< "optimizer/dense/kernel/momentum", "step"; empty: see below
  std::optional<size_t> parameter; ///< whose shape and type it has; none: a scalar
  std::string slot;                ///< "momentum"; of scalars the name's end
  double initial = 0;
  bool isInteger = false; ///< a scalar of si64, otherwise f32
};

/// All variables of an optimizer of these parameters in the order in which Keras keeps and numbers
/// them (`optimizer/vars/<i>` of its files). Those without a name Keras has and never changes, and
/// a training step has not.
std::vector<OptimizerVariable> optimizerVariables(const OptimizerSpec &spec,
                                                  const std::vector<std::string> &parameters);

} // namespace ingot
