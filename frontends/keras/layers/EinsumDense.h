// The fully connected layer over any dimensions. Part of Layers.h.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

struct EinsumDenseOptions {
  std::string activation = "linear";
  /// Letters of the result's dimensions along which biases differ; none: no bias.
  std::optional<std::string> biasAxes = {};
  Initializer kernelInitializer = "glorot_uniform", biasInitializer = "zeros";
  Regularizer kernelRegularizer = {}, biasRegularizer = {}, activityRegularizer = {};
  Constraint kernelConstraint = {}, biasConstraint = {};
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// activation(einsum(equation, x, kernel) + bias): "abc,cd->abd", "...x,xy->...y",
/// "ab...,bc->ac...". `outputShape` is without the batch, and without what the ellipsis stands for;
/// None where the extent is the input's.
struct EinsumDense : Layer {
  EinsumDense(const std::string &equation, Shape outputShape, EinsumDenseOptions options = {});
};

} // namespace ingot::keras::layers
