// Recurrent layers: SimpleRNN, LSTM, GRU, and RNN of cells. Part of Layers.h.
//
// (batch, time, features) -> (batch, units), the last step's result; with `returnSequences` (batch,
// time, units); with `returnState` also the last states, which Layer::callAll gives. States to
// begin with are further inputs of the call, as many as the layer has: lstm({x, h, c}). Steps that
// the input's mask leaves out change nothing.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

// Options that all have, with Keras's defaults:
//   dropout, recurrentDropout  the fraction of inputs and of states that training zeroes, the same
//                              ones at each step
//   goBackwards                from the last step to the first; sequences come in that order
//   zeroOutputForMask          the result of a step that is masked is 0, not that of the one before
//   unroll                     has no meaning here: loops are compiled
//   stateful                   refused: keep states by `returnState` and give them to the next call

struct SimpleRNNOptions {
  std::string activation = "tanh";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform", recurrentInitializer = "orthogonal",
              biasInitializer = "zeros";
  Regularizer kernelRegularizer = {}, recurrentRegularizer = {}, biasRegularizer = {},
              activityRegularizer = {};
  Constraint kernelConstraint = {}, recurrentConstraint = {}, biasConstraint = {};
  double dropout = 0, recurrentDropout = 0;
  bool returnSequences = false, returnState = false, goBackwards = false, stateful = false,
       unroll = false, zeroOutputForMask = false;
  std::optional<int64_t> seed = {};
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// h = activation(x kernel + bias + h recurrent_kernel). One state, h.
struct SimpleRNN : Layer {
  explicit SimpleRNN(int64_t units, SimpleRNNOptions options = {});
};

struct LSTMOptions {
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
       unroll = false, zeroOutputForMask = false;
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// Two states, h and c. Gates in Keras's order: i, f, c, o; weights kernel (features, 4 units),
/// recurrent_kernel (units, 4 units), bias.
struct LSTM : Layer {
  explicit LSTM(int64_t units, LSTMOptions options = {});
};

struct GRUOptions {
  std::string activation = "tanh", recurrentActivation = "sigmoid";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform", recurrentInitializer = "orthogonal",
              biasInitializer = "zeros";
  Regularizer kernelRegularizer = {}, recurrentRegularizer = {}, biasRegularizer = {},
              activityRegularizer = {};
  Constraint kernelConstraint = {}, recurrentConstraint = {}, biasConstraint = {};
  double dropout = 0, recurrentDropout = 0;
  std::optional<int64_t> seed = {};
  bool returnSequences = false, returnState = false, goBackwards = false, stateful = false,
       unroll = false;
  bool resetAfter = true; ///< the reset gate is applied after the product with recurrent_kernel
  bool zeroOutputForMask = false;
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// One state, h. Gates z, r, h; with `resetAfter` the bias is (2, 3 units): of the inputs and of
/// the states.
struct GRU : Layer {
  explicit GRU(int64_t units, GRUOptions options = {});
};

struct SimpleRNNCellOptions {
  std::string activation = "tanh";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform", recurrentInitializer = "orthogonal",
              biasInitializer = "zeros";
  Regularizer kernelRegularizer = {}, recurrentRegularizer = {}, biasRegularizer = {};
  Constraint kernelConstraint = {}, recurrentConstraint = {}, biasConstraint = {};
  double dropout = 0, recurrentDropout = 0;
  std::optional<int64_t> seed = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// What SimpleRNN does at one step; for RNN.
struct SimpleRNNCell : Layer {
  explicit SimpleRNNCell(int64_t units, SimpleRNNCellOptions options = {});
};

struct LSTMCellOptions {
  std::string activation = "tanh", recurrentActivation = "sigmoid";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform", recurrentInitializer = "orthogonal",
              biasInitializer = "zeros";
  bool unitForgetBias = true;
  Regularizer kernelRegularizer = {}, recurrentRegularizer = {}, biasRegularizer = {};
  Constraint kernelConstraint = {}, recurrentConstraint = {}, biasConstraint = {};
  double dropout = 0, recurrentDropout = 0;
  std::optional<int64_t> seed = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// What LSTM does at one step; for RNN.
struct LSTMCell : Layer {
  explicit LSTMCell(int64_t units, LSTMCellOptions options = {});
};

struct GRUCellOptions {
  std::string activation = "tanh", recurrentActivation = "sigmoid";
  bool useBias = true;
  Initializer kernelInitializer = "glorot_uniform", recurrentInitializer = "orthogonal",
              biasInitializer = "zeros";
  Regularizer kernelRegularizer = {}, recurrentRegularizer = {}, biasRegularizer = {};
  Constraint kernelConstraint = {}, recurrentConstraint = {}, biasConstraint = {};
  double dropout = 0, recurrentDropout = 0;
  bool resetAfter = true;
  std::optional<int64_t> seed = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// What GRU does at one step; for RNN.
struct GRUCell : Layer {
  explicit GRUCell(int64_t units, GRUCellOptions options = {});
};

/// Cells one after another at each step; its states are theirs.
struct StackedRNNCells : Layer {
  explicit StackedRNNCells(const std::vector<Layer> &cells, PlainOptions options = {});
};

struct RNNOptions {
  bool returnSequences = false, returnState = false, goBackwards = false, stateful = false,
       unroll = false, zeroOutputForMask = false;
  Regularizer activityRegularizer = {};
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// A cell at each step, or several, stacked.
struct RNN : Layer {
  explicit RNN(const Layer &cell, RNNOptions options = {});
  explicit RNN(const std::vector<Layer> &cells, RNNOptions options = {});
};

} // namespace ingot::keras::layers
