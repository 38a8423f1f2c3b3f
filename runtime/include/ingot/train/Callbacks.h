// What may happen around epochs and batches of Trainer::fit: Keras's callbacks.
//
// Hooks run on the thread that called fit, in the order of FitOptions::callbacks; a Status that is
// not ok ends fit with that status. Logs map metric names to values; what a hook writes into the
// logs of an epoch is seen by later callbacks and kept in the History. A callback serves one fit at
// a time and may be reused: onTrainBegin starts it afresh.
#ifndef INGOT_TRAIN_CALLBACKS_H
#define INGOT_TRAIN_CALLBACKS_H

#include "ingot/Model.h"
#include "ingot/Status.h"

#include <cstdint>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ingot::train {

class Trainer;

/// Metric name -> value, by name: "accuracy", "loss", "val_accuracy", "val_loss".
using Logs = std::map<std::string, double>;

class Callback {
public:
  virtual ~Callback();

  virtual Status onTrainBegin(Logs &logs);
  virtual Status onTrainEnd(Logs &logs);
  /// `epoch` counts from 0. The logs are empty.
  virtual Status onEpochBegin(int64_t epoch, Logs &logs);
  /// The logs hold the means over the epoch's samples and, with validation, the `val_` metrics.
  virtual Status onEpochEnd(int64_t epoch, Logs &logs);
  /// `batch` counts from 0 in each epoch. The logs are empty.
  virtual Status onBatchBegin(int64_t batch, Logs &logs);
  /// The logs hold the means over the epoch's samples so far.
  virtual Status onBatchEnd(int64_t batch, Logs &logs);

protected:
  /// The trainer whose fit is running; valid in the hooks only.
  Trainer &trainer() const { return *current; }

private:
  friend class Trainer;
  Trainer *current = nullptr;
};

/// Whether a monitored metric should fall or rise. Auto: names that end with acc, accuracy, auc,
/// precision, recall, f1_score or r2_score rise, all others fall.
enum class Mode { Auto, Min, Max };

/// Stops when the monitored metric no longer improves.
class EarlyStopping : public Callback {
public:
  struct Options {
    std::string monitor = "val_loss";
    double minDelta = 0;  ///< a change counts only beyond this
    int64_t patience = 0; ///< epochs without improvement that are borne
    Mode mode = Mode::Auto;
    std::optional<double> baseline = {}; ///< improvement must beat this as well
    bool restoreBestWeights = false;     ///< at the end, take the weights of the best epoch
    int64_t startFromEpoch = 0;          ///< epochs before this one are not looked at
    bool verbose = false;
  };
  EarlyStopping() = default;
  explicit EarlyStopping(Options options) : options(std::move(options)) {}

  Status onTrainBegin(Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;
  Status onTrainEnd(Logs &logs) override;

  /// The epoch (from 0) after which training was stopped; 0 when it was not.
  int64_t stoppedEpoch() const { return stopped; }
  /// The epoch (from 0) with the best value.
  int64_t bestEpoch() const { return best; }

private:
  bool improves(double value, const std::optional<double> &reference) const;
  Status rememberWeights();

  Options options;
  int64_t wait = 0, stopped = 0, best = 0;
  std::optional<double> bestValue;
  std::vector<std::pair<std::string, Tensor>> bestWeights;
};

/// Lowers the learning rate when the monitored metric no longer improves. Logs `learning_rate`.
class ReduceLROnPlateau : public Callback {
public:
  struct Options {
    std::string monitor = "val_loss";
    double factor = 0.1; ///< new rate = old rate * factor, below 1
    int64_t patience = 10;
    Mode mode = Mode::Auto;
    double minDelta = 1e-4;
    int64_t cooldown = 0; ///< epochs after a reduction that are not counted
    double minLearningRate = 0;
    bool verbose = false;
  };
  ReduceLROnPlateau() = default;
  explicit ReduceLROnPlateau(Options options) : options(std::move(options)) {}

  Status onTrainBegin(Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;

private:
  Status reduce(int64_t epoch);

  Options options;
  int64_t wait = 0, cooldownLeft = 0;
  double best = 0;
};

/// Saves at the end of epochs.
class ModelCheckpoint : public Callback {
public:
  struct Options {
    /// May hold `{epoch}` (from 1) and metric names with Python's format, as in
    /// `weights-{epoch:02d}-{val_loss:.4f}.safetensors`.
    std::string path = {};
    std::string monitor = "val_loss";
    bool saveBestOnly = false;
    bool saveWeightsOnly = false; ///< without optimizer and control variables
    Mode mode = Mode::Auto;
    bool verbose = false;
    /// Saves in its own way; empty: State::save.
    std::function<Status(State &state, const std::string &path)> save = {};
  };
  explicit ModelCheckpoint(Options options) : options(std::move(options)) {}

  Status onTrainBegin(Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;

private:
  Options options;
  std::optional<double> best;
};

/// Writes one line an epoch: `epoch` (from 0) and the metrics by name.
class CSVLogger : public Callback {
public:
  explicit CSVLogger(std::string path, char separator = ',', bool append = false)
      : path(std::move(path)), separator(separator), append(append) {}

  Status onTrainBegin(Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;
  Status onTrainEnd(Logs &logs) override;

private:
  std::string path;
  char separator;
  bool append;
  std::ofstream file;
  std::vector<std::string> columns;
  bool headerNeeded = true;
};

/// Ends training at the first batch after which the loss is not finite.
class TerminateOnNaN : public Callback {
public:
  Status onBatchEnd(int64_t batch, Logs &logs) override;
};

/// Functions as hooks; those left empty do nothing.
class LambdaCallback : public Callback {
public:
  using Hook = std::function<Status(Trainer &trainer, Logs &logs)>;
  using IndexedHook = std::function<Status(Trainer &trainer, int64_t index, Logs &logs)>;
  Hook trainBegin, trainEnd;
  IndexedHook epochBegin, epochEnd, batchBegin, batchEnd;

  Status onTrainBegin(Logs &logs) override;
  Status onTrainEnd(Logs &logs) override;
  Status onEpochBegin(int64_t epoch, Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;
  Status onBatchBegin(int64_t batch, Logs &logs) override;
  Status onBatchEnd(int64_t batch, Logs &logs) override;
};

/// Fills `{name}` and `{name:format}` of `text` as Python's str.format does for numbers:
/// `[0][width][.precision][d|e|f|g|E|G]`, width below 1000, precision below 100, d for epoch alone;
/// "{{" and "}}" are braces. InvalidArgument names the placeholder that is none of that, or whose
/// name is not in the logs.
Result<std::string> formatPath(const std::string &text, int64_t epochFromOne, const Logs &logs);
/// The part of that which needs no logs.
Status checkPath(const std::string &text);

} // namespace ingot::train

#endif
