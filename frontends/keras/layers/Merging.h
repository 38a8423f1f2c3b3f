// Layers of several inputs, and Keras's functions of their names: a new layer, called. Part of
// Layers.h.
//
// Tensors of fewer dimensions get dimensions of 1 behind the batch; extents of 1 are repeated.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

struct MergeOptions {
  std::string name = {};
  std::string dtype = {};
};
struct Add : Layer {
  explicit Add(MergeOptions options = {});
};
/// Of two tensors: the first less the second.
struct Subtract : Layer {
  explicit Subtract(MergeOptions options = {});
};
struct Multiply : Layer {
  explicit Multiply(MergeOptions options = {});
};
struct Average : Layer {
  explicit Average(MergeOptions options = {});
};
struct Maximum : Layer {
  explicit Maximum(MergeOptions options = {});
};
struct Minimum : Layer {
  explicit Minimum(MergeOptions options = {});
};

struct ConcatenateOptions {
  int64_t axis = -1;
  std::string name = {};
  std::string dtype = {};
};
struct Concatenate : Layer {
  explicit Concatenate(ConcatenateOptions options = {});
};

struct DotOptions {
  bool normalize = false; ///< both are divided by their lengths first: the cosine of their angle
  std::string name = {};
  std::string dtype = {};
};
/// The products of two tensors, sample by sample, summed over an axis of each: one for both, or one
/// each. The other dimensions stay, the first tensor's first.
struct Dot : Layer {
  explicit Dot(Axes axes, DotOptions options = {});
};

Tensor add(const std::vector<Tensor> &inputs, MergeOptions options = {});
Tensor subtract(const std::vector<Tensor> &inputs, MergeOptions options = {});
Tensor multiply(const std::vector<Tensor> &inputs, MergeOptions options = {});
Tensor average(const std::vector<Tensor> &inputs, MergeOptions options = {});
Tensor maximum(const std::vector<Tensor> &inputs, MergeOptions options = {});
Tensor minimum(const std::vector<Tensor> &inputs, MergeOptions options = {});
Tensor concatenate(const std::vector<Tensor> &inputs, ConcatenateOptions options = {});
Tensor dot(const std::vector<Tensor> &inputs, Axes axes = -1, DotOptions options = {});

} // namespace ingot::keras::layers
