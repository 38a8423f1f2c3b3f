// Convolutions of one, two and three spatial dimensions. Part of Layers.h.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

template <int N> struct ConvOptions {
  Size<N> strides = 1;
  /// "valid"; "same": outputs = ceil(inputs / stride), as TensorFlow pads; Conv1D also "causal": no
  /// output sees a later input.
  std::string padding = "valid";
  std::string dataFormat = "channels_last";
  Size<N> dilationRate = 1;
  int64_t groups = 1;
  std::string activation = "linear";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform";
  Initializer biasInitializer = "zeros";
  Regularizer kernelRegularizer = {}, biasRegularizer = {}, activityRegularizer = {};
  Constraint kernelConstraint = {}, biasConstraint = {};
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// (batch, spatial…, channels) -> (batch, spatial'…, filters). Weights: kernel (kernel size…,
/// channels / groups, filters), bias.
template <int N> struct Conv : Layer {
  Conv(int64_t filters, Size<N> kernelSize, ConvOptions<N> options = {});
};
using Conv1D = Conv<1>;
using Conv2D = Conv<2>;
using Conv3D = Conv<3>;

template <int N> struct ConvTransposeOptions {
  Size<N> strides = 1;
  /// "valid": outputs = (inputs - 1) stride + max(kernel, stride); "same": inputs * stride.
  std::string padding = "valid";
  /// Elements beyond the least size, fewer than the stride; none: the sizes above.
  std::optional<Size<N>> outputPadding = {};
  std::string dataFormat = "channels_last";
  Size<N> dilationRate = 1;
  std::string activation = "linear";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform";
  Initializer biasInitializer = "zeros";
  Regularizer kernelRegularizer = {}, biasRegularizer = {}, activityRegularizer = {};
  Constraint kernelConstraint = {}, biasConstraint = {};
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// The gradient of a convolution as a layer. Weights: kernel (kernel size…, filters, channels),
/// bias.
template <int N> struct ConvTranspose : Layer {
  ConvTranspose(int64_t filters, Size<N> kernelSize, ConvTransposeOptions<N> options = {});
};
using Conv1DTranspose = ConvTranspose<1>;
using Conv2DTranspose = ConvTranspose<2>;
using Conv3DTranspose = ConvTranspose<3>;

template <int N> struct DepthwiseConvOptions {
  Size<N> strides = 1;
  std::string padding = "valid";
  int64_t depthMultiplier = 1;
  std::string dataFormat = "channels_last";
  Size<N> dilationRate = 1;
  std::string activation = "linear";
  bool useBias = true;
  Initializer depthwiseInitializer = "glorot_uniform";
  Initializer biasInitializer = "zeros";
  Regularizer depthwiseRegularizer = {}, biasRegularizer = {}, activityRegularizer = {};
  Constraint depthwiseConstraint = {}, biasConstraint = {};
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// Each channel by itself, into `depthMultiplier` channels. Weights: kernel (kernel size…,
/// channels, depth multiplier), bias.
template <int N> struct DepthwiseConv : Layer {
  explicit DepthwiseConv(Size<N> kernelSize, DepthwiseConvOptions<N> options = {});
};
using DepthwiseConv1D = DepthwiseConv<1>;
using DepthwiseConv2D = DepthwiseConv<2>;

template <int N> struct SeparableConvOptions {
  Size<N> strides = 1;
  std::string padding = "valid";
  std::string dataFormat = "channels_last";
  Size<N> dilationRate = 1;
  int64_t depthMultiplier = 1;
  std::string activation = "linear";
  bool useBias = true;
  Initializer depthwiseInitializer = "glorot_uniform";
  Initializer pointwiseInitializer = "glorot_uniform";
  Initializer biasInitializer = "zeros";
  Regularizer depthwiseRegularizer = {}, pointwiseRegularizer = {}, biasRegularizer = {},
              activityRegularizer = {};
  Constraint depthwiseConstraint = {}, pointwiseConstraint = {}, biasConstraint = {};
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// A depthwise convolution, then one with a kernel of size 1. Weights: depthwise_kernel,
/// pointwise_kernel (1…, channels * depth multiplier, filters), bias.
template <int N> struct SeparableConv : Layer {
  SeparableConv(int64_t filters, Size<N> kernelSize, SeparableConvOptions<N> options = {});
};
using SeparableConv1D = SeparableConv<1>;
using SeparableConv2D = SeparableConv<2>;

} // namespace ingot::keras::layers
