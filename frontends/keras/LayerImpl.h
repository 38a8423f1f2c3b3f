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

/// A compiled model; see Engine.cpp.
struct Engine;

/// Where a weight's value is: here, or in the state of the compiled model that wrote it last, which
/// puts it back here when it goes. Models that share a layer share its variables. Moved by
/// Engine.cpp alone.
struct Variable {
  std::optional<ingot::Tensor> value;
  Engine *owner = nullptr;
  std::string nameInOwner;
  uint64_t version = 0; // counts changes; 0: it has no value yet
};

struct Weight {
  std::string name; // "kernel"
  Shape shape;
  Initializer initializer;
  bool trainable = true; // false: a statistic that training assigns
  Regularizer regularizer = {};
  Constraint constraint = {};
  int64_t onesFrom = 0, onesTo = 0; // these elements of a vector begin as 1, whatever `initializer`
  std::shared_ptr<Variable> variable = std::make_shared<Variable>();
};

struct Emitter;

struct LayerImpl {
  std::string name;
  bool trainable = true;
  std::string dtypePolicy = config::dtypePolicy();
  Shape inputShape; // without the batch; empty: not given
  bool isBuilt = false;
  Regularizer activityRegularizer; // of its results
  std::vector<Weight> weights;     // its own, without those of its sublayers
  int64_t calls = 0;

  virtual ~LayerImpl() = default;
  virtual const char *className() const = 0;
  /// Arguments by Keras's names, without name, trainable and input shape.
  virtual Json config() const = 0;
  /// How many tensors a call takes.
  virtual bool takesSeveral() const { return false; }
  /// Whether it wants integers as they are; other layers get them as floats.
  virtual bool takesIntegers() const { return false; }
  /// Whether floats come to it in the type it computes in; a nested model leaves that to its
  /// layers.
  virtual bool convertsInputs() const { return true; }
  /// Whether it computes in f32 whatever its policy, which then is its result's: statistics.
  virtual bool computesInFloat32() const { return false; }
  /// Whether its result has the mask of its (first) input.
  virtual bool supportsMasking() const { return false; }
  /// Layers that it is made of, in Keras's order, each with its own name: cells, wrapped layers,
  /// layers of a nested model. Their weights count as its own.
  virtual std::vector<std::shared_ptr<LayerImpl>> sublayers() const { return {}; }

  /// What a call gives for inputs of these shapes; throws through `fail`. A layer of one result
  /// overrides resultShape, others `results`.
  virtual std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const;
  virtual Shape resultShape(const std::vector<Shape> &inputs) const;
  virtual std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const { return {}; }
  /// Makes the weights of the sublayers, by `build` of each; called first of all by each call.
  virtual void buildSublayers(const std::vector<TensorSpec> &inputs) {}

  /// The same for a call with these options, where those matter.
  virtual std::vector<TensorSpec> resultsOf(const std::vector<TensorSpec> &inputs,
                                            const CallOptions &options) const {
    return results(inputs);
  }
  /// How many of `results` a call with these options has: the first so many.
  virtual size_t resultCount(size_t all, const CallOptions &options) const { return all; }

  /// The ops of a call. A layer of one result that takes no options overrides emit, others emitAll.
  virtual llvm::SmallVector<mlir::Value> emitAll(Emitter &emitter, mlir::ValueRange inputs,
                                                 const CallOptions &options) const;
  virtual mlir::Value emit(Emitter &emitter, mlir::ValueRange inputs) const;

  /// "layer 'dense_1' (Dense): <text>"
  [[noreturn]] void fail(const std::string &text) const;
  std::string weightName(const Weight &weight) const { return name + "/" + weight.name; }
  bool isTrainable(const Weight &weight) const { return trainable && weight.trainable; }
  /// Sublayers included.
  void setTrainable(bool value);
};

/// A call of a layer.
struct Node {
  std::shared_ptr<LayerImpl> layer;
  std::vector<TensorRef> inputs;
  std::vector<TensorSpec> results;
  CallOptions options;
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
  bool takesIntegers() const override { return true; }
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override;
};

/// Adds a call of the layer to the graph: checks shapes, makes weights the first time.
NodePtr call(const std::shared_ptr<LayerImpl> &layer, std::vector<TensorRef> inputs,
             const CallOptions &options = {});
/// The results of a call, within the bounds of what a model may ask for; throws beyond them.
std::vector<TensorSpec> checkedResults(const LayerImpl &layer,
                                       const std::vector<TensorSpec> &inputs,
                                       const CallOptions &options = {});
/// What `call` does first, and all there is to do to a layer that is part of another: checks
/// shapes, makes the weights, or checks that inputs like these need the same. Returns the results.
std::vector<TensorSpec> build(LayerImpl &layer, const std::vector<TensorSpec> &inputs,
                              const CallOptions &options = {});

/// The node of an input layer.
NodePtr makeInputNode(const std::shared_ptr<LayerImpl> &layer);

/// A weight with the layers that it is in, outermost first.
struct WeightRef {
  std::vector<const LayerImpl *> layers;
  const Weight *weight;
  /// "lstm/lstm_cell/kernel"; within an artifact the variable's name.
  std::string name() const;
  /// "lstm/lstm_cell"
  std::string layerPath() const;
  const LayerImpl &layer() const { return *layers.back(); }
  bool isTrainable() const;
};
/// Keras's order: own weights, trainable ones first, then those of the sublayers.
void appendWeights(const LayerImpl &layer, std::vector<WeightRef> &weights);
std::vector<WeightRef> weightsOf(const LayerImpl &layer);

/// The element type of Keras's name ("float32"); a null type when there is none.
mlir::Type elementTypeOf(const std::string &dtype, mlir::MLIRContext *context);
bool isFloatName(const std::string &dtype);

// MixedPrecision.cpp
void checkDtypePolicy(const std::string &name);
/// "mixed_bfloat16" -> "bfloat16"
std::string computeDtype(const std::string &policy);

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
  std::string layer;     // the current layer's path: "vgg16/block1_conv1"
  int64_t callIndex = 0; // which of the layer's calls is emitted
  llvm::DenseMap<mlir::Value, Logits> logits;
  std::set<uint32_t> randomIds;
  /// Names of variables in the artifact; those not listed are <layer>/<weight>.
  std::map<const Variable *, std::string> variableNames;
  /// Scalars to be added to the loss: activity regularisation.
  llvm::SmallVector<mlir::Value> losses;

  Emitter(mlir::OpBuilder &b, bool training) : b(b), loc(b.getUnknownLoc()), training(training) {}
  void enter(const std::string &layerName, int64_t callIndex = 0);
  /// The ops of one call of a layer, which is part of the current one or, at the beginning, of the
  /// model: its path, its mode and the masks of its results are taken care of.
  llvm::SmallVector<mlir::Value> call(const LayerImpl &layer, mlir::ValueRange inputs,
                                      const CallOptions &options = {}, int64_t callIndex = 0);
  /// The mask of a sequence, bool (batch, time), null without one: true where there is a value.
  mlir::Value maskOf(mlir::Value value) const { return masks.lookup(value); }
  void setMask(mlir::Value value, mlir::Value mask) { masks[value] = mask; }
  /// The value in f32, for losses: what is known of it as the result of a softmax stays known.
  mlir::Value toFloat32(mlir::Value value);
  /// The id of a random op, from its path in the model: stable, and unlike all before.
  mlir::NamedAttribute randomId(llvm::StringRef path);
  /// An si64 scalar variable of the model: "seed", "step".
  mlir::Value control(llvm::StringRef name);
  /// The value that was assigned last, at the beginning the variable's.
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

private:
  mlir::Type computeType() const;
  mlir::Value castTo(mlir::Type element, mlir::Value value);
  std::string nameOf(const LayerImpl &layer, llvm::StringRef weight) const;
  std::string computes = "float32"; // the current layer
  std::map<std::string, graph::AssignOp> assigned;
  llvm::DenseMap<mlir::Value, mlir::Value> masks;
};

// layers/Activations.cpp
/// Throws Error with the names there are when it is unknown; `layer` is for the message.
void checkActivation(const std::string &name, const LayerImpl &layer);
/// The same where the result must have the shape of what is activated: not for glu.
void checkSameShapeActivation(const std::string &name, const LayerImpl &layer);
/// The shape of the activation's result: `shape`, but for glu, which halves the last dimension.
Shape activatedShape(const std::string &name, Shape shape, const LayerImpl &layer);
mlir::Value emitActivation(Emitter &emitter, const std::string &name, mlir::Value x);
mlir::Value emitSoftmax(Emitter &emitter, mlir::Value x, int64_t axis);

// Initializers.cpp
/// The initial value of a weight; `name` keys its random numbers.
mlir::Value emitInitializer(Emitter &emitter, const Initializer &initializer,
                            const std::string &name, const Shape &shape);
/// Throws, naming layer and weight, when it is none for a weight of this shape.
void checkInitializer(const LayerImpl &layer, const Weight &weight);
Json toJson(const Initializer &initializer);
Initializer initializerFromJson(const Json &json);

// Regularizers.cpp
/// A scalar.
mlir::Value emitRegularizer(Emitter &emitter, const Regularizer &regularizer, mlir::Value x);
/// What becomes of a weight's new value.
mlir::Value emitConstraint(mlir::OpBuilder &b, mlir::Location loc, const Constraint &constraint,
                           mlir::Value x);
/// Throws, naming layer and weight, when its regularizer or constraint is none for its shape.
void checkRegularizer(const LayerImpl &layer, const Weight &weight);
/// Throws, naming the layer, when its activity regularizer is none for such results.
void checkActivityRegularizer(const LayerImpl &layer, const std::vector<TensorSpec> &results);
/// null without one.
Json toJson(const Regularizer &regularizer);
Json toJson(const Constraint &constraint);
Regularizer regularizerFromJson(const Json &json);
Constraint constraintFromJson(const Json &json);

// LayerTable.cpp
/// Makes a layer from its class and its config, as written by `layerConfig`.
std::shared_ptr<LayerImpl> layerFromConfig(const std::string &className, const Json &config);
/// The layer's whole config: name, trainable, dtype policy and its own arguments.
Json layerConfig(const LayerImpl &layer);

// layers/Arguments.cpp
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

/// Takes over name, trainable, input shape and dtype policy, or gives an automatic name.
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
  if constexpr (requires { options.dtype; })
    if (!options.dtype.empty()) {
      checkDtypePolicy(options.dtype);
      layer->dtypePolicy = options.dtype;
    }
  return layer;
}

} // namespace ingot::keras::detail
