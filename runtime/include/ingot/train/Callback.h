// Callback: what may happen around the epochs and batches of fit, evaluate and predict, as in
// Keras.
//
// Hooks run on the thread that called fit, in the order of the callbacks; a Status that is not ok
// ends fit with that status. All callbacks of one event share its logs, so what a hook writes there
// later ones see, and at the end of an epoch the History keeps. Metrics come sorted by name, as
// Keras sorts them. A callback serves one fit at a time and may be reused: onTrainBegin starts it
// afresh.
//
// A checkpoint (Trainer::requestCheckpoint) keeps what saveState gives; when fit resumes from one,
// that goes to restoreState after onTrainBegin. A callback whose hooks depend on what they saw in
// earlier batches or epochs has both. An epoch that is resumed in its middle is not begun again:
// its onEpochBegin was before the interruption.
#ifndef INGOT_TRAIN_CALLBACK_H
#define INGOT_TRAIN_CALLBACK_H

#include "ingot/Model.h"
#include "ingot/Status.h"
#include "ingot/train/Dict.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ingot::train {

class Trainer;

/// Keras's `params`.
struct Params {
  int verbose = 0; ///< 0 silent, 1 a bar, 2 lines
  int64_t epochs = 1;
  std::optional<int64_t> steps = {}; ///< of an epoch; none: not known yet
};

/// What a callback keeps in a checkpoint, under names of its own.
class CallbackState {
public:
  void put(const std::string &name, const std::string &value) { texts[name] = value; }
  void put(const std::string &name, int64_t value) { put(name, std::to_string(value)); }
  /// Reads back as the same bits.
  void put(const std::string &name, double value);
  void put(const std::string &name, const std::optional<double> &value);
  /// A copy. ResourceExhausted.
  Status put(const std::string &name, const TensorView &value);

  /// None: it was not put, or is no such value.
  std::optional<std::string> text(std::string_view name) const;
  std::optional<int64_t> integer(std::string_view name) const;
  std::optional<double> number(std::string_view name) const;
  const Tensor *tensor(std::string_view name) const;

  Dict<std::string> texts;
  std::vector<std::pair<std::string, Tensor>> tensors;
};

class Callback {
public:
  virtual ~Callback();

  /// The logs are empty.
  virtual Status onTrainBegin(Logs &logs);
  /// The logs are those of the last epoch, without what callbacks wrote.
  virtual Status onTrainEnd(Logs &logs);
  /// `epoch` counts from 0. The logs are empty.
  virtual Status onEpochBegin(int64_t epoch, Logs &logs);
  /// The logs hold the metrics over the epoch and, where it was validated, the `val_` metrics.
  virtual Status onEpochEnd(int64_t epoch, Logs &logs);
  /// `batch` counts from 0 in each epoch. The logs are empty. Calls onBatchBegin.
  virtual Status onTrainBatchBegin(int64_t batch, Logs &logs);
  /// The logs hold the metrics over the epoch's batches so far. Calls onBatchEnd.
  virtual Status onTrainBatchEnd(int64_t batch, Logs &logs);
  virtual Status onBatchBegin(int64_t batch, Logs &logs);
  virtual Status onBatchEnd(int64_t batch, Logs &logs);

  /// Around evaluate, and around the validation in fit.
  virtual Status onTestBegin(Logs &logs);
  virtual Status onTestEnd(Logs &logs);
  virtual Status onTestBatchBegin(int64_t batch, Logs &logs);
  virtual Status onTestBatchEnd(int64_t batch, Logs &logs);

  virtual Status onPredictBegin(Logs &logs);
  virtual Status onPredictEnd(Logs &logs);
  virtual Status onPredictBatchBegin(int64_t batch, Logs &logs);
  /// `outputs` are the model's for this batch, valid in the hook only.
  virtual Status onPredictBatchEnd(int64_t batch, const std::vector<TensorView> &outputs);

  /// Whether it does something in the hooks around batches, which are not called else. Where no
  /// callback does, a device begins a step while the one before works, and the batches between are
  /// nobody's: a hook sees the training as its batch has left it.
  virtual bool hasBatchHooks() const { return true; }

  /// Of which kind it is, as a checkpoint says it.
  virtual std::string name() const { return "Callback"; }
  virtual Status saveState(CallbackState &state) const;
  virtual Status restoreState(const CallbackState &state);
  /// A checkpoint from which fit shall go on, asked for before onTrainBegin; empty: none.
  virtual Result<std::string> checkpointToResume() const { return std::string(); }
  /// Whether its files are meant to outlive the training: FitOptions::fastDevRun leaves it out
  /// then.
  virtual bool keepsFiles() const { return false; }

  const Params &params() const { return given; }

protected:
  /// The trainer whose fit is running; valid in the hooks only.
  Trainer &trainer() const { return *current; }

private:
  friend class Trainer;
  Trainer *current = nullptr;
  Params given;
};

} // namespace ingot::train

#endif
