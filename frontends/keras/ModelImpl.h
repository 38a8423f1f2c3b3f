// What stands behind a keras::Model: its nodes, how it is trained, and where its weights are.
//
// Invariants: a built model's `nodes` are in an order in which inputs come first, each reachable
// from its outputs; layer names are unique. Weights are in `held` until there is an engine, then in
// the engine's state alone. Used by Model.cpp, GraphModule.cpp, Summary.cpp, ModelDirectory.cpp.
#pragma once
#include "compiler/autodiff/Differentiate.h"
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Model.h"

namespace ingot::keras::detail {

/// The compiled model: artifact, state, trainer. See Engine.cpp.
struct Engine;

struct ModelImpl {
  std::string name;
  bool isSequential = false;
  std::vector<std::shared_ptr<LayerImpl>> stack; // Sequential's layers, its input layer too
  std::vector<NodePtr> inputs, outputs, nodes;   // empty until built
  std::optional<CompileOptions> training;        // what compile was given
  uint64_t seed = 0;
  int threads = 0;
  std::map<std::string, ingot::Tensor> held;
  std::shared_ptr<Engine> engine;

  bool isBuilt() const { return !nodes.empty(); }
  /// Each layer once, in the order of nodes.
  std::vector<std::shared_ptr<LayerImpl>> layers() const;
  /// Names of the outputs: their layers', made unique.
  std::vector<std::string> outputNames() const;
};

/// Orders the nodes behind `outputs` and checks the graph. Throws.
void finishGraph(ModelImpl &model);

/// A weight of a model, with the layer it belongs to.
struct WeightRef {
  std::shared_ptr<LayerImpl> layer;
  const Weight *weight;
  std::string name() const { return layer->weightName(*weight); }
};
/// Keras's order: layer by layer, within a layer trainable weights first.
std::vector<WeightRef> weightsOf(const ModelImpl &model);

// Losses.cpp
const Loss &lossOf(const CompileOptions &options, size_t output);
double lossWeightOf(const CompileOptions &options, size_t output);
/// Throws when the loss or a metric does not fit an output of this shape.
void checkLossFits(const Loss &loss, const std::vector<std::string> &metrics, const Shape &shape,
                   const std::string &outputName);
/// Throws when losses or metrics do not fit the model's outputs.
void checkTraining(const ModelImpl &model, const CompileOptions &options);
/// The type of the targets this loss wants for an output of these dimensions.
mlir::RankedTensorType targetType(const Loss &loss, llvm::ArrayRef<Dim> output,
                                  mlir::MLIRContext *context);
mlir::Value emitLoss(Emitter &emitter, const Loss &loss, mlir::Value output, mlir::Value target);
mlir::Value emitMetric(Emitter &emitter, const std::string &metric, const Loss &loss,
                       mlir::Value output, mlir::Value target);

// Optimizers.cpp
/// The compiler's description of an optimizer.
OptimizerSpec specOf(const Optimizer &optimizer);

// Summary.cpp
std::string summaryText(const ModelImpl &model);

// GraphModule.cpp
/// The graph module of the model (see compiler/Compile.h): `initialize` and `predict`, and, when
/// `withTraining`, `loss` (private), `evaluate` and `train_step`. Held weights become the
/// variables' values when `withValues`. Throws.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(const ModelImpl &model, mlir::MLIRContext *context,
                                              bool withTraining, bool withValues = false);

// Engine.cpp
/// Compiles the model if it is not, and moves the held weights into its state. Throws.
Engine &ensureEngine(ModelImpl &model);
/// Takes the weights out of the state and drops the compiled model. `everything`: optimizer and
/// control variables too.
void releaseEngine(ModelImpl &model);
train::Trainer &trainerOf(Engine &engine);
State &stateOf(Engine &engine);
/// The compiled file.
std::string artifactOf(const Engine &engine);

// ModelJson.cpp
Json modelToJson(const ModelImpl &model);
/// What is wrong with a file: the first few, and how many there are.
struct Problems {
  std::vector<std::string> each;
  size_t count = 0;
  StatusCode code = StatusCode::DataLoss; // the first one's
  void add(std::string problem, StatusCode code);
  /// ": <the problem>" or " has 3 errors:" and a line for each.
  std::string text() const;
};
/// Everything that is wrong with a model's file; `each` has one message a problem.
struct LoadError : Error {
  LoadError(const Problems &problems, const std::string &file);
  std::vector<std::string> each;
};
/// Throws nlohmann's exceptions, and Error for what is nested too deeply.
Json parseJson(const std::string &text);
/// Null, with problems added, when something is wrong.
std::shared_ptr<ModelImpl> modelFromJson(const Json &json, Problems &problems);

// ModelDirectory.cpp
/// Reads `<path>/<version>`; 0: the highest version. Weights are held.
std::shared_ptr<ModelImpl> readModelDirectory(const std::string &path, int version);
void writeModelDirectory(ModelImpl &model, const std::string &path, int version);

} // namespace ingot::keras::detail
