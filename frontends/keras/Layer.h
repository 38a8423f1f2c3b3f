// What every Keras model here is made of: symbolic tensors, layers, initializers, and the one
// error.
//
// Part of Keras.h, the header users include. No MLIR or LLVM type appears here. Tensors and layers
// are small handles: copies mean the same object, as in Python. Building models is not thread-safe.
#pragma once
#include "frontends/keras/Initializers.h"
#include "frontends/keras/Regularizers.h"
#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ingot::keras {

/// An extent that is not known when the model is built: the batch, usually.
inline constexpr int64_t None = -1;
/// Extents; where a comment says "without the batch", the first dimension is left out.
using Shape = std::vector<int64_t>;
/// "(None, 28, 28, 1)", as Keras writes it.
std::string toString(const Shape &shape);

/// Shape with the batch, and element type by Keras's name.
struct TensorSpec {
  Shape shape;
  std::string dtype = "float32";
};

namespace detail {
struct LayerImpl;
struct Node;

/// A result of a layer's call.
struct TensorRef {
  std::shared_ptr<const Node> node;
  int64_t index = 0;
  /// What the call says of it.
  const TensorSpec &operator*() const;
  const TensorSpec *operator->() const { return &**this; }
  bool operator==(const TensorRef &) const = default;
  bool operator<(const TensorRef &other) const {
    return node != other.node ? node < other.node : index < other.index;
  }
};
} // namespace detail

/// The one exception of this API: thrown by every call that cannot do what it was asked, with a
/// message that names the layer, what was expected, what was seen and what to do. Nothing is
/// changed by a call that throws, unless its own comment says so.
class Error : public std::runtime_error {
public:
  explicit Error(const std::string &message, StatusCode code = StatusCode::InvalidArgument)
      : std::runtime_error(message), statusCode(code) {}
  explicit Error(const Status &status) : Error(status.message(), status.code()) {}
  StatusCode code() const { return statusCode; }

private:
  StatusCode statusCode;
};

/// A symbolic tensor: a layer's output while a model is being described. Keras's KerasTensor.
class Tensor {
public:
  /// With the batch as first dimension, None where unknown.
  const Shape &shape() const;
  /// "float32", …
  const std::string &dtype() const;
  /// The layer that makes it.
  const std::string &layerName() const;

  explicit Tensor(detail::TensorRef ref) : ref(std::move(ref)) {}
  const detail::TensorRef &impl() const { return ref; }

private:
  detail::TensorRef ref;
};

/// Arguments of a layer's call beside its inputs.
struct CallOptions {
  /// Whether layers that differ in training (Dropout, BatchNormalization) do here. None: as the
  /// model runs, or as the model that this call is part of was called.
  std::optional<bool> training = {};
  bool useCausalMask = false;         ///< attention layers: no position sees a later one
  bool returnAttentionScores = false; ///< attention layers: a second result, see `callAll`
  bool reverse = false;               ///< ReversibleEmbedding: from rows to scores of indices
  bool operator==(const CallOptions &) const = default;
};

/// A layer. Calling it on tensors adds it to a graph; calling it again shares its weights. Models
/// are layers. Weights belong to the layer: all models that hold it see the same values.
class Layer {
public:
  /// The layer that makes this tensor: lets `keras::Input` stand first in a Sequential.
  Layer(const Tensor &tensor);
  virtual ~Layer() = default;

  /// For layers of one result; of several: the first.
  Tensor operator()(const Tensor &input, const CallOptions &options = {}) const;
  /// For layers of several inputs: Concatenate, Add.
  Tensor operator()(const std::vector<Tensor> &inputs, const CallOptions &options = {}) const;
  /// All results: of an LSTM with `returnState`, of a model of several outputs.
  std::vector<Tensor> callAll(const std::vector<Tensor> &inputs,
                              const CallOptions &options = {}) const;

  const std::string &name() const;
  /// Keras's class: "Dense".
  std::string className() const;
  bool trainable() const;
  /// Whether an optimizer may change its weights, and those of all layers in it. Takes effect at
  /// the next Model::compile.
  void setTrainable(bool trainable);
  /// What it computes in: "float32", "mixed_bfloat16", "mixed_float16". Weights are kept in f32.
  const std::string &dtypePolicy() const;
  /// Before its first call.
  void setDtypePolicy(const std::string &policy);
  /// Names of its weights ("dense/kernel"), trainable ones first; empty until it was called.
  std::vector<std::string> weightNames() const;
  /// Values in the order of weightNames(). Throws FailedPrecondition while they have none: they
  /// get them when a model with the layer first runs, or from a file.
  std::vector<ingot::Tensor> getWeights() const;
  /// Checks all before it changes one.
  void setWeights(const std::vector<ingot::Tensor> &values);

  explicit Layer(std::shared_ptr<detail::LayerImpl> layer) : layer(std::move(layer)) {}
  const std::shared_ptr<detail::LayerImpl> &impl() const { return layer; }

protected:
  /// The results of a call; subclassed models trace themselves first.
  virtual std::vector<Tensor> addCall(const std::vector<Tensor> &inputs,
                                      const CallOptions &options) const;

private:
  std::shared_ptr<detail::LayerImpl> layer;
};

struct InputOptions {
  std::string dtype = "float32"; ///< or "int32", "int64", "uint8", "bool"
  std::string name;
};
/// An input of a model. `shape` is without the batch; None for extents that vary.
Tensor Input(Shape shape, InputOptions options = {});

namespace config {
/// Mixed precision: the policy of all layers that are made from now on. "mixed_bfloat16" and
/// "mixed_float16" compute in 16 bits (sums of products in f32) with weights in f32; give the last
/// layer "float32", so that the loss is computed from such. Process-wide, as in Keras.
void setDtypePolicy(const std::string &policy);
std::string dtypePolicy();
} // namespace config

/// Names count from the beginning again: the next unnamed Dense is `dense`.
void clearSession();

} // namespace ingot::keras
