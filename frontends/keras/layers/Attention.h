// Attention: which parts of one sequence matter to each part of another. Part of Layers.h.
//
// All are called on {query, value} or {query, value, key}, each (batch, time, features); without a
// key the values are the keys. Masks of the inputs say where nobody looks; with
// `{.useCausalMask = true}` as the call's second argument nobody looks at what comes later;
// callAll(…, {.returnAttentionScores = true}) also gives the weights.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

struct MultiHeadAttentionOptions {
  std::optional<int64_t> valueDim = {}; ///< of a head; none: keyDim
  double dropout = 0;                   ///< of the weights, in training
  bool useBias = true;
  std::optional<Shape> outputShape = {};     ///< none: the query's features
  std::optional<Axes> attentionAxes = {};    ///< none: all between batch and features
  std::optional<int64_t> slidingWindow = {}; ///< only keys fewer steps away are seen
  Initializer kernelInitializer = "glorot_uniform", biasInitializer = "zeros";
  Regularizer kernelRegularizer = {}, biasRegularizer = {}, activityRegularizer = {};
  Constraint kernelConstraint = {}, biasConstraint = {};
  bool useGate = false; ///< what heads give is multiplied by a sigmoid of the query
  std::optional<int64_t> seed = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// A last tensor of bools, (batch, query's time, key's time), says where a query may look. Weights:
/// query, key, value and attention_output, each with kernel and bias.
struct MultiHeadAttention : Layer {
  MultiHeadAttention(int64_t numHeads, int64_t keyDim, MultiHeadAttentionOptions options = {});
};

struct GroupQueryAttentionOptions {
  double dropout = 0;
  bool useBias = true;
  std::optional<int64_t> slidingWindow = {};
  Initializer kernelInitializer = "glorot_uniform", biasInitializer = "zeros";
  Regularizer kernelRegularizer = {}, biasRegularizer = {}, activityRegularizer = {};
  Constraint kernelConstraint = {}, biasConstraint = {};
  bool useGate = false;
  std::optional<int64_t> seed = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// Several heads of queries for each head of keys and values.
struct GroupQueryAttention : Layer {
  GroupQueryAttention(int64_t headDim, int64_t numQueryHeads, int64_t numKeyValueHeads,
                      GroupQueryAttentionOptions options = {});
};

struct AttentionOptions {
  bool useScale = false;         ///< scores times a weight, `scale`
  std::string scoreMode = "dot"; ///< or "concat": weighted sums of tanh(query + key)
  double dropout = 0;
  std::optional<int64_t> seed = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// One head without projections: softmax(query key^T) value.
struct Attention : Layer {
  explicit Attention(AttentionOptions options = {});
};

struct AdditiveAttentionOptions {
  bool useScale = true; ///< a weight for each feature
  double dropout = 0;
  std::optional<int64_t> seed = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// The same with scores sum(scale * tanh(query + key)).
struct AdditiveAttention : Layer {
  explicit AdditiveAttention(AdditiveAttentionOptions options = {});
};

} // namespace ingot::keras::layers
