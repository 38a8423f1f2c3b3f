// Keras's models: Sequential and Functional, compile, fit, evaluate, predict, summary, save, load.
//
// Part of Keras.h. The model becomes a graph module, the compiler makes native code of it when it
// is first needed (fit, evaluate, predict, weights), and the runtime's Trainer runs that. A Model
// is a handle: copies mean the same model. One thread at a time uses a model.
#pragma once
#include "frontends/keras/Layer.h"
#include "frontends/keras/Metrics.h"
#include "frontends/keras/Optimizers.h"
#include "ingot/Tensor.h"
#include "ingot/train/Sources.h"
#include "ingot/train/Trainer.h"

#include <iosfwd>
#include <map>

namespace ingot::keras {

namespace detail {
struct ModelImpl;
}

/// What a step may take of memory, beside weights and optimizer state, for batches of that size.
/// The model is compiled for any size all the same.
struct MemoryBudget {
  uint64_t bytes = 0; ///< 0: no budget
  int64_t batchSize = 32;
};

struct CompileOptions {
  Optimizer optimizer = "rmsprop";
  Losses loss = {};
  Metrics metrics = {};
  /// As `metrics`, of samples that count as much as their weights say, where fit or evaluate gets
  /// any.
  Metrics weightedMetrics = {};
  LossWeights lossWeights = {};
  /// A model made under the policy "mixed_float16" gets a LossScaleOptimizer around the optimizer.
  bool autoScaleLoss = true;
  /// Training computes cheap values of the forward pass again instead of keeping them (Keras's
  /// RematScope): less memory in a step, more time, the same bits.
  bool recompute = false;
  /// Beyond that, computes again whatever it takes to stay within, also convolutions, and as little
  /// as it can: the same bits. What does not fit is an error of the first call that runs the model.
  MemoryBudget memoryBudget = {};
  /// As Model::to; empty: where the model is.
  std::string device = {};
};

/// Arrays of the caller for the length of one call: one tensor, or one an input or output.
struct Data {
  train::Arrays arrays;
  Data() = default;
  Data(const TensorView &array) : arrays{array} {}
  Data(const ingot::Tensor &array) : arrays{array} {}
  Data(std::initializer_list<TensorView> arrays) : arrays(arrays) {}
  Data(train::Arrays arrays) : arrays(std::move(arrays)) {}
};

using train::Batch;
using train::Callback;
using train::DataSource;
using train::EvaluateOptions;
using train::FitOptions;
using train::GeneratorSource;
using train::History;
using train::Logs;
using train::PredictOptions;
using train::PyDataset;
using train::TrainOnBatchOptions;
using train::Verbosity;

struct SummaryOptions {
  bool expandNested = false;  ///< the layers of models in the model, too
  bool showTrainable = false; ///< a column that says Y, N, or - for layers without weights
};

struct LoadWeightsOptions {
  bool byName = false; ///< legacy files: layers of the same name, instead of one after another
  bool skipMismatch = false; ///< leaves out what does not fit
};

class Model : public Layer {
public:
  Model(const Tensor &input, const Tensor &output, std::string name = {});
  Model(const std::vector<Tensor> &inputs, const std::vector<Tensor> &outputs,
        std::string name = {});

  /// Input layers included for functional models, as in Keras.
  std::vector<Layer> layers() const;
  /// Throws when there is none of that name.
  Layer getLayer(const std::string &name) const;

  /// Chooses optimizer, loss and metrics; checks them against the outputs. Weights stay.
  void compile(CompileOptions options);

  /// Trains; returns what Keras's fit does. `options` in Keras's names.
  History fit(const Data &x, const Data &y, const FitOptions &options = {});
  /// Means over all samples by name: "loss", "accuracy", …
  Logs evaluate(const Data &x, const Data &y, const EvaluateOptions &options = {});
  /// For a model of one output.
  ingot::Tensor predict(const Data &x, const PredictOptions &options = {});
  std::vector<ingot::Tensor> predictAll(const Data &x, const PredictOptions &options = {});

  /// The same on batches of a source: a PyDataset, a generator, pictures. The model must be built.
  History fit(DataSource &data, const FitOptions &options = {});
  Logs evaluate(DataSource &data, const EvaluateOptions &options = {});
  ingot::Tensor predict(DataSource &data, const PredictOptions &options = {});
  std::vector<ingot::Tensor> predictAll(DataSource &data, const PredictOptions &options = {});

  /// One step, or one measurement or prediction, on all samples given.
  Logs trainOnBatch(const Data &x, const Data &y, const TrainOnBatchOptions &options = {});
  Logs testOnBatch(const Data &x, const Data &y, const Data &sampleWeight = {});
  ingot::Tensor predictOnBatch(const Data &x);

  /// Makes the graph of a Sequential or subclassed model for an input of this shape, with the
  /// batch: {None, 784}. fit, evaluate and predict do it for the data they are given.
  void build(const Shape &inputShape);

  /// Keras's table. To a string, or to a stream (std::cout by default).
  std::string summaryText(const SummaryOptions &options = {}) const;
  void summary(const SummaryOptions &options = {}) const;
  void summary(std::ostream &out, const SummaryOptions &options = {}) const;
  /// Elements of all weights.
  int64_t countParams() const;

  /// "dense/kernel", … in the order of layers.
  std::vector<std::string> weightNames() const;
  ingot::Tensor getWeight(const std::string &name);
  void setWeight(const std::string &name, const TensorView &value);
  /// In the order of weightNames(). setWeights checks all before it changes one.
  std::vector<ingot::Tensor> getWeights();
  void setWeights(const std::vector<TensorView> &values);
  void setWeights(const std::vector<ingot::Tensor> &values);

  /// Architecture, weights, optimizer state and compile configuration: as Keras's file where the
  /// path ends in `.keras` or (its legacy format) `.h5` or `.hdf5`, docs/KerasFiles.md; else as the
  /// model directory `path`/`version`/, docs/Artifact.md. Replaces what was there as a whole.
  void save(const std::string &path, int version = 1);
  /// Weights alone, to `.weights.h5` or to a legacy `.h5` or `.hdf5`.
  void saveWeights(const std::string &path);
  /// From any file of Keras's, recognised by its content. All is checked before a weight changes.
  void loadWeights(const std::string &path, const LoadWeightsOptions &options = {});

  /// Keras's keras.utils.set_random_seed, for this model: from now on it governs dropout, the order
  /// of samples in fit (unless fit is given a `seed`) and the weights that have no values yet;
  /// weights that have been read, trained or loaded stay. 0 unless set.
  void setSeed(uint64_t seed);
  /// Threads that run the model; 0: all CPUs of this process.
  void setThreads(int threads);
  /// Where the model runs and trains from now on: "cuda" or "cuda:1", "opencl", "cpu". Weights stay
  /// what they are; tensors given and got are always the host's. Where there is no such device the
  /// model runs on the CPU, which is said once on standard error. Throws for a name that is none.
  void to(const std::string &device);
  void cuda(int index = 0) { to("cuda:" + std::to_string(index)); }
  void cpu() { to("cpu"); }
  /// "cpu", or what runs it: "cuda:0".
  std::string device() const;
  /// For callbacks and what this class does not offer. Compiles the model if need be.
  train::Trainer &trainer();

  explicit Model(std::shared_ptr<detail::ModelImpl> model);
  const std::shared_ptr<detail::ModelImpl> &impl() const { return model; }

protected:
  /// For subclasses: their constructors make the layers, `call` says how they are connected:
  ///   class Classifier : public keras::Model {
  ///     layers::Dense hidden{64, {.activation = "relu"}}, output{10, {.activation = "softmax"}};
  ///     keras::Tensor call(const keras::Tensor &inputs, bool training) override {
  ///       return output(hidden(inputs, {.training = training}));
  ///     }
  ///   };
  explicit Model(std::string name = {});
  /// Called with symbolic tensors, once for inference and once for training, when the shape of the
  /// input is known; both times it uses the same layers. The second form is for models of several
  /// inputs or outputs.
  virtual Tensor call(const Tensor &inputs, bool training);
  virtual std::vector<Tensor> call(const std::vector<Tensor> &inputs, bool training);

  std::vector<Tensor> addCall(const std::vector<Tensor> &inputs,
                              const CallOptions &options) const override;

  std::shared_ptr<detail::ModelImpl> model;

private:
  void trace(const std::vector<TensorSpec> &inputs);
  void buildFrom(const Data &x);
  void prepareTraining(const Data *x, const Data *y, const char *what);
};

/// A stack of layers. Built at once when the first layer is an Input, a built model or has an
/// inputShape, else by `build`, when it is called, or from the data that `fit` is given.
class Sequential : public Model {
public:
  explicit Sequential(std::initializer_list<Layer> layers = {}, std::string name = {});
  explicit Sequential(const std::vector<Layer> &layers, std::string name = {});
  void add(const Layer &layer);
};

struct LoadModelOptions {
  bool compile = true; ///< as it was when it was saved, if it was
  int version = 0;     ///< of a model directory; 0: the highest
};
/// Reads a model directory, or a `.keras` or `.h5` file of Keras 2 or 3, recognised by its content.
/// No code in a file is ever run: a Lambda, and classes of a user's, are refused. NotFound,
/// DataLoss (none of these, or damaged), Unsupported, InvalidArgument.
Model loadModel(const std::string &path, const LoadModelOptions &options = {});

namespace models {
using keras::loadModel;
using keras::Model;
using keras::Sequential;
} // namespace models

} // namespace ingot::keras
