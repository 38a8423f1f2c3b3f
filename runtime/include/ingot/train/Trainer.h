// Trainer: Keras's fit, evaluate and predict over a compiled training artifact.
//
// The artifact has up to four functions over one state (docs/Artifact.md):
//   initialize  no inputs; fills the variables from the state variable `seed`
//   train_step  model inputs, then targets -> `loss` and metrics, each an f32 mean over the batch;
//               updates the variables and adds one to `step`
//   evaluate    the same without changing the state
//   predict     model inputs -> model outputs
// Every tensor's first dimension is the batch. A Trainer belongs to one thread at a time; it
// borrows its state, which nobody else may write meanwhile. Given the same artifact, variant,
// state, data and options, fit gives the same bits.
#ifndef INGOT_TRAIN_TRAINER_H
#define INGOT_TRAIN_TRAINER_H

#include "ingot/Model.h"
#include "ingot/train/Callbacks.h"

#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ingot::train {

/// Tensors of the caller for the length of one call, in the order of the function's inputs:
/// `trainer.fit({images}, {labels})`. The first dimension counts samples and is the same in all.
/// The others fit the artifact's, where trailing dimensions of 1 may be left out or added. Element
/// types are converted batch by batch: integers to floats and to other integers (range checked),
/// floats to floats.
using Arrays = std::vector<TensorView>;

/// How much is printed. Auto: a bar when the output is a terminal, lines otherwise.
enum class Verbosity { Auto, Silent, Bar, Lines };

struct FitOptions {
  int64_t batchSize = 32;
  int64_t epochs = 1;           ///< number of the last epoch, counted from 1
  int64_t initialEpoch = 0;     ///< epochs already done: resumes with the same order of samples
  double validationSplit = 0;   ///< this last fraction, taken before shuffling, only validates
  Arrays validationInputs = {}; ///< instead of validationSplit
  Arrays validationTargets = {};
  int64_t validationBatchSize = 0;   ///< 0: batchSize
  bool shuffle = true;               ///< a new order each epoch, from `seed` and the epoch's number
  std::optional<uint64_t> seed = {}; ///< none: the state's variable `seed`, or 0 without one
  std::vector<Callback *> callbacks = {}; ///< borrowed; live as long as fit runs
  Verbosity verbose = Verbosity::Auto;
  std::ostream *output = nullptr; ///< where progress goes; NULL: std::cout
};

/// What fit returns: for each metric its value after each epoch.
struct History {
  std::vector<int64_t> epochs;                        ///< from 0
  std::map<std::string, std::vector<double>> metrics; ///< "loss", "accuracy", "val_loss", …
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
  /// NotFound (the artifact was compiled without training), what a run or a callback returns.
  Result<History> fit(const Arrays &inputs, const Arrays &targets, const FitOptions &options = {});

  /// Means of the loss and the metrics over all samples.
  Result<Logs> evaluate(const Arrays &inputs, const Arrays &targets, int64_t batchSize = 32);

  /// Outputs of `predict` for all samples, in the order of the function's outputs.
  Result<std::vector<Tensor>> predict(const Arrays &inputs, int64_t batchSize = 32);

  /// For callbacks: fit returns after this epoch.
  void stopTraining();
  bool isStopping() const;
  /// For callbacks: where fit prints; messages go on a line of their own.
  std::ostream &output() const;

  State &state() const;
  Result<double> learningRate() const;
  Status setLearningRate(double rate);

private:
  struct Impl;
  explicit Trainer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace ingot::train

#endif
