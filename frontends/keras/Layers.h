// Keras's layers, with its arguments, defaults and meanings; options are named arguments:
//   layers::Dense(128, {.activation = "relu", .name = "hidden1"})
// Part of Keras.h. Images are channels last, (batch, height, width, channels). Each constructor
// throws keras::Error for arguments that can never be right; shapes are checked when it is called.
#pragma once
#include "frontends/keras/Layer.h"

namespace ingot::keras::layers {

/// Height and width: one number for both, or {height, width}.
struct Size2D {
  int64_t height, width;
  Size2D(int64_t both) : height(both), width(both) {}
  Size2D(int64_t height, int64_t width) : height(height), width(width) {}
};

struct DenseOptions {
  std::string activation = "linear";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform";
  Initializer biasInitializer = "zeros";
  Shape inputShape = {}; ///< without the batch; for the first layer of a Sequential
  std::string name = {}; ///< empty: dense, dense_1, …
  bool trainable = true;
  std::string dtype = {}; ///< policy, see config::setDtypePolicy; empty: that
};
/// (…, inputs) -> (…, units): activation(x kernel + bias). Weights: kernel (inputs, units), bias.
struct Dense : Layer {
  explicit Dense(int64_t units, DenseOptions options = {});
};

struct Conv2DOptions {
  Size2D strides = 1;
  std::string padding = "valid"; ///< or "same": outputs = ceil(inputs / stride), as TensorFlow pads
  Size2D dilationRate = 1;
  int64_t groups = 1;
  std::string activation = "linear";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform";
  Initializer biasInitializer = "zeros";
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
};
/// (batch, h, w, channels) -> (batch, h', w', filters). Weights: kernel
/// (kernel height, kernel width, channels / groups, filters), bias.
struct Conv2D : Layer {
  Conv2D(int64_t filters, Size2D kernelSize, Conv2DOptions options = {});
};

struct Pooling2DOptions {
  std::optional<Size2D> strides = {}; ///< none: the pool's size
  std::string padding = "valid";
  Shape inputShape = {};
  std::string name = {};
};
struct MaxPooling2D : Layer {
  explicit MaxPooling2D(Size2D poolSize = 2, Pooling2DOptions options = {});
};
/// Elements of the padding do not count.
struct AveragePooling2D : Layer {
  explicit AveragePooling2D(Size2D poolSize = 2, Pooling2DOptions options = {});
};
struct GlobalPooling2DOptions {
  bool keepdims = false;
  Shape inputShape = {};
  std::string name = {};
};
/// (batch, h, w, channels) -> (batch, channels), or (batch, 1, 1, channels) with keepdims.
struct GlobalAveragePooling2D : Layer {
  explicit GlobalAveragePooling2D(GlobalPooling2DOptions options = {});
};

struct ShapingOptions {
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {}; ///< policy, see config::setDtypePolicy; empty: that
};
/// (batch, …) -> (batch, product).
struct Flatten : Layer {
  explicit Flatten(ShapingOptions options = {});
};
/// `targetShape` is without the batch; one -1 takes what is left.
struct Reshape : Layer {
  explicit Reshape(Shape targetShape, ShapingOptions options = {});
};

/// In training zeroes each element with probability `rate` and divides the others by 1 - rate.
struct Dropout : Layer {
  explicit Dropout(double rate, ShapingOptions options = {});
};

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
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true; ///< false: it also normalises with the moving statistics in training
};
/// Weights: gamma, beta, moving_mean, moving_variance. In training the batch's statistics (biased
/// variance) normalise, and moving = moving * momentum + batch * (1 - momentum).
struct BatchNormalization : Layer {
  explicit BatchNormalization(BatchNormalizationOptions options = {});
};

struct Activation : Layer {
  explicit Activation(const std::string &activation, ShapingOptions options = {});
};
struct ReLUOptions {
  std::optional<double> maxValue = {};
  double negativeSlope = 0;
  double threshold = 0;
  Shape inputShape = {};
  std::string name = {};
};
struct ReLU : Layer {
  explicit ReLU(ReLUOptions options = {});
};
struct SoftmaxOptions {
  int64_t axis = -1;
  Shape inputShape = {};
  std::string name = {};
};
struct Softmax : Layer {
  explicit Softmax(SoftmaxOptions options = {});
};

struct ConcatenateOptions {
  int64_t axis = -1;
  std::string name = {};
};
struct Concatenate : Layer {
  explicit Concatenate(ConcatenateOptions options = {});
};
struct MergeOptions {
  std::string name = {};
};
/// The sum of tensors of one shape; extents of 1 are repeated.
struct Add : Layer {
  explicit Add(MergeOptions options = {});
};

/// Keras's functions of these names: a new layer, called.
Tensor concatenate(const std::vector<Tensor> &inputs, ConcatenateOptions options = {});
Tensor add(const std::vector<Tensor> &inputs, MergeOptions options = {});

/// The first element of a Sequential; Input() makes the same with a tensor.
struct InputLayer : Layer {
  explicit InputLayer(Shape shape, InputOptions options = {});
};

} // namespace ingot::keras::layers
