// What stands behind a keras::Model: its nodes, how it is trained, and where its weights are.
//
// Invariants: a built model's `nodes` are in an order in which inputs come first, each reachable
// from its outputs; layer names are unique. A model is a layer, so that it may be part of another.
// Weights are in the layers' variables (LayerImpl.h); `held` has what else a state holds
// (optimizer, step, seed) while there is no engine. Used by Model.cpp, ModelGraph.cpp,
// GraphModule.cpp, Summary.cpp, ModelDirectory.cpp.
#pragma once
#include "compiler/autodiff/Differentiate.h"
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Model.h"
#include "frontends/keras/OptimizerImpl.h"
#include "ingot/Device.h"

namespace ingot::keras::detail {

struct ModelImpl : LayerImpl {
  bool isSequential = false;
  bool isSubclassed = false;                     // its graph is made by tracing `call`
  std::vector<std::shared_ptr<LayerImpl>> stack; // Sequential's layers, its input layer too
  std::vector<NodePtr> inputs;                   // empty until built, as are the following
  std::vector<TensorRef> outputs;
  std::vector<TensorRef>
      trainingOutputs;        // where a subclassed model differs in training; else empty
  std::vector<NodePtr> nodes; // behind both kinds of outputs
  std::optional<CompileOptions> training; // what compile was given
  bool takesSampleWeights = false; // train_step and evaluate do, for fit or evaluate got some
  uint64_t seed = 0;
  int threads = 0;
  std::shared_ptr<Device> device; // where it runs; null: on the CPU
  std::map<std::string, ingot::Tensor> held;
  std::shared_ptr<Engine> engine;
  int writingRuns = 0; // of fit and the like, callbacks included

  bool hasGraph() const { return !nodes.empty(); }
  /// Each layer once, in the order of nodes; before it is built the stack.
  std::vector<std::shared_ptr<LayerImpl>> layers() const;
  /// Names of the outputs: their layers', made unique.
  std::vector<std::string> outputNames() const;

  // As a layer of another model (NestedModel.cpp).
  const char *className() const override { return isSequential ? "Sequential" : "Functional"; }
  Json config() const override;
  bool takesSeveral() const override { return true; }
  bool takesIntegers() const override { return true; }
  bool convertsInputs() const override { return false; }
  std::vector<std::shared_ptr<LayerImpl>> sublayers() const override { return layers(); }
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override;
  void buildSublayers(const std::vector<TensorSpec> &inputs) override;
  /// The ops of all nodes; also what GraphModule calls for the model itself.
  llvm::SmallVector<mlir::Value> emitAll(Emitter &emitter, mlir::ValueRange inputs,
                                         const CallOptions &options) const override;
};

// Engine.cpp
/// The device of the name; null for "cpu", and where there is none, which is said once. Throws for
/// a name that is none.
std::shared_ptr<Device> openDevice(const ModelImpl &model, const std::string &name);
/// For tests without a GPU: makes an image for the host of kernels' text (CompileOptions::hostImage
/// of the compiler), with which models are compiled for devices then.
extern std::function<std::string(const std::string &)> hostImageOfTests;

// ModelGraph.cpp
std::shared_ptr<ModelImpl> makeFunctional(const std::vector<Tensor> &inputs,
                                          const std::vector<Tensor> &outputs, std::string name);
/// Built when its first layer says what its input is like.
std::shared_ptr<ModelImpl> makeSequential(const std::vector<Layer> &layers, std::string name);
/// Orders the nodes behind the outputs and checks the graph. Throws.
void finishGraph(ModelImpl &model);
/// What a Sequential's first layer says of its input; empty when it says nothing.
std::optional<TensorSpec> declaredInput(const ModelImpl &model);
/// Calls a Sequential's layers one after another, beginning with an input like this.
void buildStack(ModelImpl &model, const TensorSpec &input);

/// The weights as the model's own artifact names them: "dense/kernel", "vgg16/block1_conv1/kernel";
/// layer by layer in Keras's order, each variable once.
std::vector<WeightRef> weightsOf(const ModelImpl &model);

// TrainingPlan.cpp
/// Throws when losses or metrics do not fit the model's outputs.
void checkTraining(const ModelImpl &model, const CompileOptions &options);

// Summary.cpp
std::string summaryText(const ModelImpl &model, const SummaryOptions &options = {});

// GraphModule.cpp
/// The graph module of the model (see compiler/Compile.h): `initialize` and `predict`, and, when
/// `withTraining`, `loss` (private), `evaluate`, `train_step` and, for metrics that are no means
/// over samples, `metrics`. Held weights become the variables' values when `withValues`. Throws.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(const ModelImpl &model, mlir::MLIRContext *context,
                                              bool withTraining, bool withValues = false);

// Engine.cpp
/// Compiles the model if it is not, and brings the weights in its state up to date. Throws.
Engine &ensureEngine(ModelImpl &model);
/// The same for a run that changes weights: from now on the engine's state has the newest ones.
Engine &ensureEngineForWriting(ModelImpl &model);
/// Takes weights, optimizer and control variables out of the state and drops the compiled model.
void releaseEngine(ModelImpl &model);
/// For a caller who keeps it: from now on other models look at these weights anew at every run.
train::Trainer &handOutTrainer(ModelImpl &model);
/// A run that changes weights. While it lives its engine does, whatever callbacks do with the
/// model, and models that share layers look at its weights anew at every run of theirs.
class WritingRun {
public:
  explicit WritingRun(ModelImpl &model);
  ~WritingRun();
  WritingRun(const WritingRun &) = delete;
  train::Trainer &trainer();
  /// At the run's end.
  void finish();

private:
  ModelImpl &model;
  std::shared_ptr<Engine> engine;
  bool wasWriting;
};
/// Throws in the callbacks of a run that changes weights; `what` is "compile".
void requireIdle(const ModelImpl &model, const char *what);
/// Compiled functions take weights of samples from the first call on that brings some; others are
/// spared them.
void takeSampleWeights(ModelImpl &model, bool areGiven);
void takeSampleWeights(ModelImpl &model, DataSource *source, const FitOptions &options);
train::Trainer &trainerOf(Engine &engine);
State &stateOf(Engine &engine);
/// Elements and bytes of an optimizer's variables; zero before training.
struct OptimizerSize {
  int64_t elements = 0, bytes = 0;
};
OptimizerSize optimizerSize(const ModelImpl &model);
/// The compiled file.
std::string artifactOf(const Engine &engine);
/// A copy of the newest value; nothing when it never had one.
std::optional<ingot::Tensor> newestValue(const Variable &variable);
void setValue(Variable &variable, ingot::Tensor value);
ingot::Tensor copyOf(const TensorView &value);
/// Throws when the value is not of the weight's shape.
void checkValue(const WeightRef &ref, const TensorView &value);

// ModelJson.cpp
/// Layers, nodes, inputs and outputs: the config of a model that is part of another.
Json graphToJson(const ModelImpl &model);
/// A model from such a config; throws LoadError with all that is wrong.
std::shared_ptr<ModelImpl> modelFromConfig(const std::string &className, const Json &config);
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
