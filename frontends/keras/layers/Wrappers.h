// Layers around others: TimeDistributed, Bidirectional. Part of Layers.h.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

/// A layer or model for each step of (batch, time, …) by itself, with the same weights. Layers with
/// statistics (BatchNormalization) train on one step after another, or, where their number is not
/// known, on all together.
struct TimeDistributed : Layer {
  explicit TimeDistributed(const Layer &layer, PlainOptions options = {});
};

struct BidirectionalOptions {
  std::optional<std::string> mergeMode = "concat"; ///< or "sum", "mul", "ave"; none: two results
  std::optional<Layer> backwardLayer = {};         ///< none: like `layer`, the other way
  Regularizer activityRegularizer = {};
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {};
};
/// A recurrent layer like the given one, with weights of its own, from the first step to the last,
/// and another one from the last to the first; states are those of the one, then of the other.
struct Bidirectional : Layer {
  explicit Bidirectional(const Layer &layer, BidirectionalOptions options = {});
};

} // namespace ingot::keras::layers
