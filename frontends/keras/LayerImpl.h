// What stands behind a keras::Layer and a keras::Tensor, and what a layer emits its ops with.
//
// Invariants: a Node's shape was accepted by its layer; a layer that was called has its weights,
// the same for every call. Layer files derive from LayerImpl; Model, GraphModule and ModelDirectory
// walk the nodes.
#pragma once
#include "frontends/keras/Layer.h"
#include "ir/Builder.h"

#include <nlohmann/json.hpp>
#include <set>

namespace ingot::keras::detail {

/// Keeps the order of keys, so that files have reproducible bytes.
using Json = nlohmann::ordered_json;

struct Weight {
  std::string name; // "kernel"
  Shape shape;
  Initializer initializer;
  bool trainable = true; // false: a statistic that training assigns
};

struct Emitter;

struct LayerImpl {
  std::string name;
  bool trainable = true;
  Shape inputShape; // without the batch; empty: not given
  bool isBuilt = false;
  std::vector<Weight> weights;
  int64_t calls = 0;

  virtual ~LayerImpl() = default;
  virtual const char *className() const = 0;
  /// Arguments by Keras's names, without name, trainable and input shape.
  virtual Json config() const = 0;
  /// How many tensors a call takes.
  virtual bool takesSeveral() const { return false; }
  /// The shape of the result for inputs of these shapes; throws through `fail`.
  virtual Shape resultShape(const std::vector<Shape> &inputs) const = 0;
  virtual std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const { return {}; }
  virtual mlir::Value emit(Emitter &emitter, mlir::ValueRange inputs) const = 0;

  /// "layer 'dense_1' (Dense): <text>"
  [[noreturn]] void fail(const std::string &text) const;
  std::string weightName(const Weight &weight) const { return name + "/" + weight.name; }
  bool isTrainable(const Weight &weight) const { return trainable && weight.trainable; }
};

struct Node {
  std::shared_ptr<LayerImpl> layer;
  std::vector<std::shared_ptr<const Node>> inputs;
  Shape shape;
  std::string dtype;
  int64_t call = 0; // counts the layer's calls

  Node() = default;
  Node(const Node &) = delete;
  /// Lets go of chains of nodes one after another: they may be longer than the stack is deep.
  ~Node();
};
using NodePtr = std::shared_ptr<const Node>;

/// The layer that Input makes.
struct InputLayerImpl : LayerImpl {
  Shape shape; // without the batch
  std::string dtype;
  const char *className() const override { return "InputLayer"; }
  Json config() const override;
  Shape resultShape(const std::vector<Shape> &inputs) const override;
  mlir::Value emit(Emitter &emitter, mlir::ValueRange inputs) const override;
};

/// Adds a call of the layer to the graph: checks shapes, makes weights the first time.
NodePtr call(const std::shared_ptr<LayerImpl> &layer, std::vector<NodePtr> inputs);

/// The node of an input layer.
NodePtr makeInputNode(const std::shared_ptr<LayerImpl> &layer);

/// What softmax and sigmoid were applied to, for the cross-entropies: Keras's `_keras_logits`.
struct Logits {
  mlir::Value value;
  std::string function; // "softmax" along the last axis, or "sigmoid"
};

/// Where a layer's ops go. One function at a time.
struct Emitter {
  mlir::OpBuilder &b;
  mlir::Location loc; // the current layer's
  bool training = false;
  std::string layer;     // the current layer's name
  int64_t callIndex = 0; // which of the layer's calls is emitted
  llvm::DenseMap<mlir::Value, Logits> logits;
  std::set<uint32_t> randomIds;

  Emitter(mlir::OpBuilder &b, bool training) : b(b), loc(b.getUnknownLoc()), training(training) {}
  void enter(const std::string &layerName, int64_t callIndex = 0);
  /// The id of a random op, from its path in the model: stable, and unlike all before.
  mlir::NamedAttribute randomId(llvm::StringRef path);
  /// An si64 scalar variable of the model: "seed", "step".
  mlir::Value control(llvm::StringRef name);
  mlir::Value read(const LayerImpl &layer, llvm::StringRef weight);
  void assign(const LayerImpl &layer, llvm::StringRef weight, mlir::Value value);
  graph::Expr expr(mlir::Value value) { return graph::Expr(b, loc, value); }
  mlir::NamedAttribute named(llvm::StringRef name, mlir::Attribute value) {
    return b.getNamedAttr(name, value);
  }
  mlir::NamedAttribute integers(llvm::StringRef name, llvm::ArrayRef<int64_t> values) {
    return named(name, b.getDenseI64ArrayAttr(values));
  }
  /// Throws keras::Error with what the op's shape rule says.
  template <typename OpTy>
  OpTy createOp(mlir::ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    std::string message;
    mlir::FailureOr<OpTy> op = mlir::failure();
    {
      mlir::ScopedDiagnosticHandler handler(
          b.getContext(), [&](mlir::Diagnostic &diagnostic) { message = diagnostic.str(); });
      op = graph::tryCreate<OpTy>(b, loc, operands, attributes);
    }
    if (mlir::failed(op))
      throw Error("layer '" + layer + "': " + message);
    return *op;
  }
  template <typename OpTy>
  mlir::Value create(mlir::ValueRange operands,
                     llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    return createOp<OpTy>(operands, attributes)->getResult(0);
  }
};

// Activations.cpp
/// Throws Error with the names there are when it is unknown; `layer` is for the message.
void checkActivation(const std::string &name, const LayerImpl &layer);
mlir::Value emitActivation(Emitter &emitter, const std::string &name, mlir::Value x);
mlir::Value emitSoftmax(Emitter &emitter, mlir::Value x, int64_t axis);

// Initializers.cpp
/// The initial value of a weight; `name` keys its random numbers.
mlir::Value emitInitializer(Emitter &emitter, const Initializer &initializer,
                            const std::string &name, const Shape &shape);
Json toJson(const Initializer &initializer);
Initializer initializerFromJson(const Json &json);

// LayerTable.cpp
/// Makes a layer from its class and its config, as written by `layerConfig`.
std::shared_ptr<LayerImpl> layerFromConfig(const std::string &className, const Json &config);
/// The layer's whole config: name, trainable, input shape and its own arguments.
Json layerConfig(const LayerImpl &layer);

/// Numbers of model.json; throw for what is no whole number of 64 bits, naming the key.
int64_t integerFromJson(const Json &json, const std::string &key);
Shape shapeFromJson(const Json &json, const std::string &key);

/// Elements, or None; at most INT64_MAX.
int64_t elementCount(const Shape &shape, size_t firstAxis = 0);

/// Bounds of what a model may ask for, beyond any machine: with them no product of extents,
/// windows and element sizes in frontend and compiler leaves 64 bits.
constexpr int64_t kMaxExtent = INT32_MAX;
constexpr int64_t kMaxRank = 32;
constexpr int64_t kMaxSampleElements = int64_t(1) << 32; // of a tensor, without the batch
constexpr int64_t kMaxWeightElements = int64_t(1) << 36;
constexpr int64_t kMaxWindowElements = int64_t(1) << 24;
/// Throws, naming the layer and `what`, when a shape is beyond them. Unknown extents count as 1.
void checkBounds(const LayerImpl &layer, const std::string &what, const Shape &shape,
                 int64_t maxElements);

/// Takes over name, trainable and input shape, or gives an automatic name.
template <typename Impl, typename Options>
std::shared_ptr<Impl> makeLayer(std::shared_ptr<Impl> layer, const Options &options);

std::string chooseName(const char *className, const std::string &given);

template <typename Impl, typename Options>
std::shared_ptr<Impl> makeLayer(std::shared_ptr<Impl> layer, const Options &options) {
  layer->name = chooseName(layer->className(), options.name);
  if constexpr (requires { options.inputShape; })
    layer->inputShape = options.inputShape;
  if constexpr (requires { options.trainable; })
    layer->trainable = options.trainable;
  return layer;
}

} // namespace ingot::keras::detail
