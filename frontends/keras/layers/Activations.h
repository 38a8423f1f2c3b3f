// Layers that are an activation. Part of Layers.h.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

struct Activation : Layer {
  explicit Activation(const std::string &activation, PlainOptions options = {});
};
struct ReLUOptions {
  std::optional<double> maxValue = {};
  double negativeSlope = 0;
  double threshold = 0;
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
struct ReLU : Layer {
  explicit ReLU(ReLUOptions options = {});
};
struct LeakyReLUOptions {
  double negativeSlope = 0.3;
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
struct LeakyReLU : Layer {
  explicit LeakyReLU(LeakyReLUOptions options = {});
};
struct PReLUOptions {
  Initializer alphaInitializer = "zeros";
  Regularizer alphaRegularizer = {};
  Constraint alphaConstraint = {};
  std::optional<Axes> sharedAxes = {}; ///< along which all share one slope: {1, 2} for images
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// A slope below 0 that is learned. Weight: alpha, of the input's shape without the batch, 1 along
/// the shared axes.
struct PReLU : Layer {
  explicit PReLU(PReLUOptions options = {});
};
struct ELUOptions {
  double alpha = 1;
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
struct ELU : Layer {
  explicit ELU(ELUOptions options = {});
};
struct SoftmaxOptions {
  Axes axis = -1; ///< of several, over all of them together
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
struct Softmax : Layer {
  explicit Softmax(SoftmaxOptions options = {});
};

} // namespace ingot::keras::layers
