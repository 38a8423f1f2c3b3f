// What every Keras model here is made of: symbolic tensors, layers, initializers, and the one
// error.
//
// Part of Keras.h, the header users include. No MLIR or LLVM type appears here. Tensors and layers
// are small handles: copies mean the same object, as in Python. Building models is not thread-safe.
#pragma once
#include "ingot/Status.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ingot::keras {

namespace detail {
struct LayerImpl;
struct Node;
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

/// An extent that is not known when the model is built: the batch, usually.
inline constexpr int64_t None = -1;
/// Extents; where a comment says "without the batch", the first dimension is left out.
using Shape = std::vector<int64_t>;
/// "(None, 28, 28, 1)", as Keras writes it.
std::string toString(const Shape &shape);

/// How a weight gets its first value: Keras's names ("glorot_uniform", "zeros", …) or one of the
/// functions in `initializers`. The numbers come from Philox, keyed by the model's seed and the
/// weight's name, so that a model starts with the same weights wherever it is built.
struct Initializer {
  std::string className;                              ///< Keras's class: "GlorotUniform"
  std::vector<std::pair<std::string, double>> config; ///< its arguments by Keras's names
  Initializer(const char *name);
  Initializer(const std::string &name);
  /// Arguments that `config` leaves out have Keras's defaults. Throws for a class or an argument
  /// that does not exist.
  Initializer(std::string className, std::vector<std::pair<std::string, double>> config);
  double get(const char *key) const;
};

namespace initializers {
Initializer Zeros();
Initializer Ones();
Initializer Constant(double value = 0);
struct UniformOptions {
  double minval = -0.05, maxval = 0.05;
};
Initializer RandomUniform(UniformOptions options = {});
struct NormalOptions {
  double mean = 0, stddev = 0.05;
};
Initializer RandomNormal(NormalOptions options = {});
/// Values beyond two standard deviations are not drawn.
Initializer TruncatedNormal(NormalOptions options = {});
Initializer GlorotUniform();
Initializer GlorotNormal();
Initializer HeUniform();
Initializer HeNormal();
Initializer LecunUniform();
Initializer LecunNormal();
} // namespace initializers

/// A symbolic tensor: a layer's output while a model is being described. Keras's KerasTensor.
class Tensor {
public:
  /// With the batch as first dimension, None where unknown.
  const Shape &shape() const;
  /// "float32", …
  const std::string &dtype() const;
  /// The layer that makes it.
  const std::string &layerName() const;

  explicit Tensor(std::shared_ptr<const detail::Node> node) : node(std::move(node)) {}
  const std::shared_ptr<const detail::Node> &impl() const { return node; }

private:
  std::shared_ptr<const detail::Node> node;
};

/// A layer. Calling it on tensors adds it to a graph; calling it again shares its weights.
class Layer {
public:
  /// The layer that makes this tensor: lets `keras::Input` stand first in a Sequential.
  Layer(const Tensor &tensor);

  Tensor operator()(const Tensor &input) const;
  /// For layers of several inputs: Concatenate, Add.
  Tensor operator()(const std::vector<Tensor> &inputs) const;

  const std::string &name() const;
  /// Keras's class: "Dense".
  std::string className() const;
  bool trainable() const;
  /// Whether an optimizer may change its weights. Takes effect at the next Model::compile.
  void setTrainable(bool trainable);
  /// Names of its weights ("dense/kernel"), trainable ones first; empty until it was called.
  std::vector<std::string> weightNames() const;

  explicit Layer(std::shared_ptr<detail::LayerImpl> layer) : layer(std::move(layer)) {}
  const std::shared_ptr<detail::LayerImpl> &impl() const { return layer; }

private:
  std::shared_ptr<detail::LayerImpl> layer;
};

struct InputOptions {
  std::string dtype = "float32";
  std::string name;
};
/// An input of a model. `shape` is without the batch; None for extents that vary.
Tensor Input(Shape shape, InputOptions options = {});

/// Names count from the beginning again: the next unnamed Dense is `dense`.
void clearSession();

} // namespace ingot::keras
