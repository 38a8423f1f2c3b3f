// LSTMs over images: ConvLSTM1D, ConvLSTM2D, ConvLSTM3D. Part of Layers.h.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

template <int N> struct ConvLSTMOptions {
  Size<N> strides = 1;
  std::string padding = "valid"; ///< or "same"; of the inputs: states keep their size
  std::string dataFormat = "channels_last";
  Size<N> dilationRate = 1;
  std::string activation = "tanh", recurrentActivation = "sigmoid";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform", recurrentInitializer = "orthogonal",
              biasInitializer = "zeros";
  bool unitForgetBias = true; ///< the forget gate's bias begins as 1
  Regularizer kernelRegularizer = {}, recurrentRegularizer = {}, biasRegularizer = {},
              activityRegularizer = {};
  Constraint kernelConstraint = {}, recurrentConstraint = {}, biasConstraint = {};
  double dropout = 0, recurrentDropout = 0;
  std::optional<int64_t> seed = {};
  bool returnSequences = false, returnState = false, goBackwards = false, stateful = false,
       unroll = false, zeroOutputForMask = false; ///< see Recurrent.h
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// An LSTM whose products are convolutions: (batch, time, spatial…, channels) -> (batch, spatial'…,
/// filters), or with `returnSequences` (batch, time, spatial'…, filters). Two states, h and c, each
/// (batch, spatial'…, filters); the spatial sizes must be known. Weights: kernel (kernel size…,
/// channels, 4 filters), recurrent_kernel (kernel size…, filters, 4 filters), bias.
template <int N> struct ConvLSTM : Layer {
  ConvLSTM(int64_t filters, Size<N> kernelSize, ConvLSTMOptions<N> options = {});
};
using ConvLSTM1D = ConvLSTM<1>;
using ConvLSTM2D = ConvLSTM<2>;
using ConvLSTM3D = ConvLSTM<3>;

} // namespace ingot::keras::layers
