// The input, the fully connected layer, and nothing at all. Part of Layers.h.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

/// The first element of a Sequential; Input() makes the same with a tensor.
struct InputLayer : Layer {
  explicit InputLayer(Shape shape, InputOptions options = {});
};

struct DenseOptions {
  std::string activation = "linear";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform";
  Initializer biasInitializer = "zeros";
  Regularizer kernelRegularizer = {}, biasRegularizer = {}, activityRegularizer = {};
  Constraint kernelConstraint = {}, biasConstraint = {};
  Shape inputShape = {}; ///< without the batch; for the first layer of a Sequential
  std::string name = {}; ///< empty: dense, dense_1, …
  bool trainable = true;
  std::string dtype = {}; ///< policy, see config::setDtypePolicy; empty: that
};
/// (…, inputs) -> (…, units): activation(x kernel + bias). Weights: kernel (inputs, units), bias.
struct Dense : Layer {
  explicit Dense(int64_t units, DenseOptions options = {});
};

/// Its input.
struct Identity : Layer {
  explicit Identity(PlainOptions options = {});
};

} // namespace ingot::keras::layers
