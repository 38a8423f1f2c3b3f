// Trainer: Keras's fit, evaluate and predict over a compiled training artifact.
//
// The artifact has up to six functions over one state (docs/Artifact.md):
//   initialize  no inputs; fills the variables from the state variable `seed`
//   train_step  model inputs, then targets, then sample weights (names ending in `_sample_weight`)
//               -> `loss` and metrics, each an f32 mean over the batch, and f32 sums over the batch
//               that `metrics` takes; updates the variables and adds one to `step`
//   evaluate    the same without changing the state
//   metrics     sums over all batches, named as those outputs -> metrics, f32 scalars
//   predict     model inputs -> model outputs
//   finalize    no inputs; changes the weights when fit ends (averages of the weights)
// Every tensor's first dimension is the batch, but for the sums. A Trainer belongs to one thread at
// a time; it borrows its state, which nobody else may write meanwhile. Given the same artifact,
// variant, state, data and options, fit gives the same bits, whatever the number of workers.
//
// On a device a step begins while the one before works, where no callback looks at the batches
// (Callback::hasBatchHooks) and nothing is printed that takes the state: the numbers are the same.
// When a step fails, the one that was begun behind it may have changed the state.
#ifndef INGOT_TRAIN_TRAINER_H
#define INGOT_TRAIN_TRAINER_H

#include "ingot/DataSource.h"
#include "ingot/Model.h"
#include "ingot/train/Callbacks.h"

#include <initializer_list>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ingot::train {

using ingot::Batch;
using ingot::DataSource;

/// Tensors of the caller for the length of one call, in the order of the function's inputs:
/// `trainer.fit({images}, {labels})`. The first dimension counts samples and is the same in all.
/// The others fit the artifact's, where trailing dimensions of 1 may be left out or added. Element
/// types are converted batch by batch: integers to floats and to other integers (range checked),
/// floats to floats.
using Arrays = std::vector<TensorView>;

/// How much is printed. Auto: a bar when the output is a terminal, lines otherwise.
enum class Verbosity { Auto, Silent, Bar, Lines };

/// Samples that fit measures the model on without learning from them: arrays, or a source.
struct ValidationData {
  ValidationData() = default;
  ValidationData(const TensorView &inputs, const TensorView &targets)
      : inputs{inputs}, targets{targets} {}
  ValidationData(const TensorView &inputs, const TensorView &targets,
                 const TensorView &sampleWeights)
      : inputs{inputs}, targets{targets}, sampleWeights{sampleWeights} {}
  ValidationData(Arrays inputs, Arrays targets, Arrays sampleWeights = {})
      : inputs(std::move(inputs)), targets(std::move(targets)),
        sampleWeights(std::move(sampleWeights)) {}
  ValidationData(DataSource &source) : source(&source) {}

  bool isGiven() const { return source || !inputs.empty() || !targets.empty(); }

  Arrays inputs, targets, sampleWeights;
  DataSource *source = nullptr; ///< borrowed
};

/// After which epochs fit validates: every so many, or those of a list, which count from 1.
class ValidationFreq {
public:
  ValidationFreq(int64_t every) : every(every) {}
  ValidationFreq(std::vector<int64_t> epochs) : epochs(std::move(epochs)) {}
  ValidationFreq(std::initializer_list<int64_t> epochs)
      : ValidationFreq(std::vector<int64_t>(epochs)) {}

  /// InvalidArgument: it names an epoch, or a number of them, below 1.
  Status check() const;
  /// `epoch` counts from 0.
  bool includes(int64_t epoch) const;

private:
  std::optional<int64_t> every; ///< none: the list is meant
  std::vector<int64_t> epochs;
};

/// Keras's arguments in its order, and below them our own.
struct FitOptions {
  /// None: 32, or with stepsPerEpoch what makes so many batches of the arrays.
  std::optional<int64_t> batchSize = {};
  int64_t epochs = 1; ///< number of the last epoch, counted from 1
  Verbosity verbose = Verbosity::Auto;
  std::vector<Callback *> callbacks = {}; ///< borrowed; live as long as fit runs
  double validationSplit = 0; ///< this last fraction, taken before shuffling, only validates
  ValidationData validationData = {}; ///< instead of validationSplit
  bool shuffle = true; ///< a new order each epoch, from `seed` and the epoch's number
  /// Weights of samples by their class, 1 for classes not named; for models of one output. The
  /// class is the target, or the index of its largest entry when its last dimension is not 1.
  std::map<int64_t, double> classWeight = {};
  Arrays sampleWeight = {}; ///< one array a target, or one for all
  int64_t initialEpoch = 0; ///< epochs already done: resumes with the same order of samples
  /// Batches of an epoch; the next epoch goes on where it ended. None: all there are.
  std::optional<int64_t> stepsPerEpoch = {};
  std::optional<int64_t> validationSteps = {};     ///< none: all there are; always the first ones
  std::optional<int64_t> validationBatchSize = {}; ///< none: batchSize
  /// Validates every so many epochs, `2`, or after these, `{1, 5, 10}`.
  ValidationFreq validationFreq = 1;

  int workers = 1;                   ///< threads that make batches ahead; 0: the caller makes them
  int64_t maxQueueSize = 10;         ///< batches made ahead at most
  std::optional<uint64_t> seed = {}; ///< none: the state's variable `seed`, or 0 without one
  std::ostream *output = nullptr;    ///< where progress goes; NULL: std::cout
  /// Goes on from this checkpoint (Trainer::requestCheckpoint); empty: from the beginning.
  std::string resumeFrom = {};
  /// To look for mistakes: one epoch of so many batches, as many of validation, without callbacks
  /// that keep files; 0: off.
  int64_t fastDevRun = 0;
  /// To see whether the model can learn at all: each epoch trains on the same first batches of the
  /// data, unshuffled; 0: off.
  int64_t overfitBatches = 0;
  /// After each step looks for values that are not finite: in the batch, the loss and the
  /// variables; the first one found ends fit with an error that names it.
  bool detectNaN = false;
};

struct EvaluateOptions {
  std::optional<int64_t> batchSize = {}; ///< none: 32, or with `steps` what makes so many batches
  Verbosity verbose = Verbosity::Auto;
  Arrays sampleWeight = {};
  std::optional<int64_t> steps = {}; ///< none: all there are
  std::vector<Callback *> callbacks = {};
  int workers = 1;
  int64_t maxQueueSize = 10;
  std::ostream *output = nullptr;
};

struct PredictOptions {
  std::optional<int64_t> batchSize = {};
  Verbosity verbose = Verbosity::Auto;
  std::optional<int64_t> steps = {};
  std::vector<Callback *> callbacks = {};
  int workers = 1;
  int64_t maxQueueSize = 10;
  std::ostream *output = nullptr;
};

struct TrainOnBatchOptions {
  Arrays sampleWeight = {};
  std::map<int64_t, double> classWeight = {};
};

/// What fit returns: for each metric its value after each epoch.
struct History {
  Params params;
  std::vector<int64_t> epoch;        ///< from 0
  Dict<std::vector<double>> history; ///< "accuracy", "loss", "val_accuracy", "val_loss", …
};

/// How the batches came that training asked for: a step waits for none where the work allows.
struct DataProfile {
  int64_t batches = 0; ///< that were asked for
  int64_t waited = 0;  ///< of them, those that were not made yet; all of them without workers
  double seconds = 0;  ///< until they were
};

class Trainer {
public:
  /// The state and the pool are borrowed and outlive the trainer. `pool` NULL: one thread.
  /// Unsupported when the artifact's functions do not have the form above.
  static Result<Trainer> create(State &state, ThreadPool *pool = nullptr);

  Trainer(Trainer &&) noexcept;
  Trainer &operator=(Trainer &&) noexcept;
  ~Trainer();

  /// Sets `seed` and runs `initialize`.
  Status initialize(int64_t seed);

  /// Trains. The loss may become NaN: that is reported on std::cerr once and training goes on.
  /// InvalidArgument (arrays that do not fit each other or the model: the message names both),
  /// NotFound (the artifact was compiled without training), what a run, a source (the message has
  /// the batch) or a callback returns.
  Result<History> fit(const Arrays &inputs, const Arrays &targets, const FitOptions &options = {});
  Result<History> fit(DataSource &data, const FitOptions &options = {});

  /// The loss and the metrics over all samples, sorted by name.
  Result<Logs> evaluate(const Arrays &inputs, const Arrays &targets,
                        const EvaluateOptions &options = {});
  Result<Logs> evaluate(DataSource &data, const EvaluateOptions &options = {});

  /// Outputs of `predict` for all samples, in the order of the function's outputs.
  Result<std::vector<Tensor>> predict(const Arrays &inputs, const PredictOptions &options = {});
  Result<std::vector<Tensor>> predict(DataSource &data, const PredictOptions &options = {});

  /// One step on all samples given; the metrics of that batch alone.
  Result<Logs> trainOnBatch(const Arrays &inputs, const Arrays &targets,
                            const TrainOnBatchOptions &options = {});
  Result<Logs> testOnBatch(const Arrays &inputs, const Arrays &targets,
                           const Arrays &sampleWeight = {});
  Result<std::vector<Tensor>> predictOnBatch(const Arrays &inputs);

  /// For callbacks: fit returns after this batch, evaluate and predict likewise.
  void stopTraining();
  void stopEvaluating();
  void stopPredicting();
  bool isStopping() const;
  /// For callbacks: whether this fit goes on from a checkpoint.
  bool isResuming() const;
  /// For callbacks: where fit prints.
  std::ostream &output() const;

  /// For callbacks, in the hooks of fit: once the hooks of this event have run, writes all that it
  /// takes to go on from here: the variables (weights, optimizer, step, seed, learning rate), the
  /// place in the data, the metrics so far, the callbacks' states. The file appears whole or not at
  /// all. `keepPrevious`: the file that was there is kept as `path`.bkp.
  void requestCheckpoint(std::string path, bool keepPrevious = false);

  /// Saves the model as whoever built it does (setModelSaver), else as State::save.
  Status saveModel(const std::string &path, bool weightsOnly);
  using ModelSaver = std::function<Status(const std::string &path, bool weightsOnly)>;
  void setModelSaver(ModelSaver saver);

  /// What the TensorBoard callback shows in its Graphs tab; empty where nobody said.
  struct ModelGraph {
    std::string graphDef; ///< the bytes of a TensorFlow GraphDef
    std::string json;     ///< the model's Keras configuration
  };
  ModelGraph modelGraph() const;
  void setModelGraph(std::function<ModelGraph()> graph);

  /// Of the training data of the fit that runs, or of the last one.
  DataProfile dataProfile() const;

  State &state() const;
  Result<double> learningRate() const;
  /// FailedPrecondition where a schedule computes the rate.
  Status setLearningRate(double rate);

private:
  friend class Fit;
  struct Impl;
  explicit Trainer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace ingot::train

#endif
