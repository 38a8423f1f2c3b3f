// Layers that normalise. Part of Layers.h.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

struct BatchNormalizationOptions {
  int64_t axis = -1; ///< the axis that keeps its own statistics
  double momentum = 0.99;
  double epsilon = 1e-3;
  bool center = true; ///< add beta
  bool scale = true;  ///< multiply by gamma
  Initializer betaInitializer = "zeros";
  Initializer gammaInitializer = "ones";
  Initializer movingMeanInitializer = "zeros";
  Initializer movingVarianceInitializer = "ones";
  Regularizer betaRegularizer = {}, gammaRegularizer = {};
  Constraint betaConstraint = {}, gammaConstraint = {};
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true; ///< false: it also normalises with the moving statistics in training
  std::string dtype = {};
};
/// Weights: gamma, beta, moving_mean, moving_variance. In training the batch's statistics (biased
/// variance) normalise, and moving = moving * momentum + batch * (1 - momentum).
struct BatchNormalization : Layer {
  explicit BatchNormalization(BatchNormalizationOptions options = {});
};

struct LayerNormalizationOptions {
  Axes axis = -1; ///< over which each sample is normalised
  double epsilon = 1e-3;
  bool center = true;
  bool scale = true;
  /// Divides by the root of the variance and leaves the mean; without beta. Keras's meaning;
  /// RMSNormalization has the usual one.
  bool rmsScaling = false;
  Initializer betaInitializer = "zeros";
  Initializer gammaInitializer = "ones";
  Regularizer betaRegularizer = {}, gammaRegularizer = {};
  Constraint betaConstraint = {}, gammaConstraint = {};
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// Weights: gamma, beta, of the input's extents along the axes.
struct LayerNormalization : Layer {
  explicit LayerNormalization(LayerNormalizationOptions options = {});
};

struct GroupNormalizationOptions {
  int64_t groups = 32; ///< -1: as many as there are channels
  int64_t axis = -1;   ///< the channels
  double epsilon = 1e-3;
  bool center = true;
  bool scale = true;
  Initializer betaInitializer = "zeros";
  Initializer gammaInitializer = "ones";
  Regularizer betaRegularizer = {}, gammaRegularizer = {};
  Constraint betaConstraint = {}, gammaConstraint = {};
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// Each group of channels of a sample is normalised by itself. Weights: gamma, beta.
struct GroupNormalization : Layer {
  explicit GroupNormalization(GroupNormalizationOptions options = {});
};

struct RMSNormalizationOptions {
  Axes axis = -1; ///< the last axes
  double epsilon = 1e-6;
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// x / sqrt(mean(x²) + epsilon) * scale. Weight: scale.
struct RMSNormalization : Layer {
  explicit RMSNormalization(RMSNormalizationOptions options = {});
};

struct UnitNormalizationOptions {
  Axes axis = -1;
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// Each sample divided by its Euclidean length along the axes.
struct UnitNormalization : Layer {
  explicit UnitNormalization(UnitNormalizationOptions options = {});
};

} // namespace ingot::keras::layers
