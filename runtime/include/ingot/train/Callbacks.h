// Keras's callbacks, with its arguments in its order. TensorBoard has a header of its own.
#ifndef INGOT_TRAIN_CALLBACKS_H
#define INGOT_TRAIN_CALLBACKS_H

#include "ingot/train/Callback.h"

#include <fstream>
#include <functional>
#include <type_traits>

namespace ingot::train {

/// Whether a monitored metric should fall or rise. Auto: as the metric of that name does (a loss or
/// an error falls, an accuracy rises); a name that is no metric of Keras's is an error.
enum class Mode { Auto, Min, Max };

/// What EarlyStopping, ReduceLROnPlateau and ModelCheckpoint have in common.
class MonitorCallback : public Callback {
protected:
  MonitorCallback(std::string monitor, Mode mode, double minDelta);

  /// Finds out whether the metric rises. InvalidArgument: it is not known.
  Status chooseDirection();
  /// Whether `value` is better than `reference`, by more than minDelta; anything beats none.
  bool improves(double value, const std::optional<double> &reference) const;

  std::string monitor;
  Mode mode;
  double minDelta;

private:
  bool rises = false;
};

/// Stops when the monitored metric no longer improves.
class EarlyStopping : public MonitorCallback {
public:
  struct Options {
    std::string monitor = "val_loss";
    double minDelta = 0;  ///< a change counts only beyond this
    int64_t patience = 0; ///< epochs without improvement that are borne
    bool verbose = false;
    Mode mode = Mode::Auto;
    std::optional<double> baseline = {}; ///< improvement must beat this as well
    bool restoreBestWeights = false;     ///< at the end, take the weights of the best epoch
    int64_t startFromEpoch = 0;          ///< epochs before this one are not looked at
  };
  EarlyStopping() : EarlyStopping(Options()) {}
  explicit EarlyStopping(Options options);

  Status onTrainBegin(Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;
  Status onTrainEnd(Logs &logs) override;
  bool hasBatchHooks() const override { return false; }
  std::string name() const override { return "EarlyStopping"; }
  Status saveState(CallbackState &state) const override;
  Status restoreState(const CallbackState &state) override;

  /// The epoch (from 0) after which training was stopped; 0 when it was not.
  int64_t stoppedEpoch() const { return stopped; }
  /// The epoch (from 0) with the best value.
  int64_t bestEpoch() const { return bestAt; }

private:
  Status rememberWeights();

  Options options;
  int64_t wait = 0, stopped = 0, bestAt = 0;
  std::optional<double> best;
  std::vector<std::pair<std::string, Tensor>> bestWeights;
};

/// Lowers the learning rate when the monitored metric no longer improves. Logs `learning_rate`.
class ReduceLROnPlateau : public MonitorCallback {
public:
  struct Options {
    std::string monitor = "val_loss";
    double factor = 0.1; ///< new rate = old rate * factor, below 1
    int64_t patience = 10;
    bool verbose = false;
    Mode mode = Mode::Auto;
    double minDelta = 1e-4;
    int64_t cooldown = 0; ///< epochs after a reduction that are not counted
    double minLr = 0;
  };
  ReduceLROnPlateau() : ReduceLROnPlateau(Options()) {}
  explicit ReduceLROnPlateau(Options options);

  Status onTrainBegin(Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;
  bool hasBatchHooks() const override { return false; }
  std::string name() const override { return "ReduceLROnPlateau"; }
  Status saveState(CallbackState &state) const override;
  Status restoreState(const CallbackState &state) override;

private:
  Status reduce(int64_t epoch);

  Options options;
  int64_t wait = 0, cooldownLeft = 0;
  std::optional<double> best;
};

/// Saves the model at the end of epochs, or every so many batches. A file that cannot be written
/// ends fit with an error; what was at its path stays.
class ModelCheckpoint : public MonitorCallback {
public:
  struct Options {
    std::string monitor = "val_loss";
    bool verbose = false;
    bool saveBestOnly = false;
    bool saveWeightsOnly = false; ///< without optimizer and control variables
    Mode mode = Mode::Auto;
    std::optional<int64_t> saveFreq = {}; ///< in batches; none: at the end of each epoch
    std::optional<double> initialValueThreshold = {}; ///< what the first one must beat
    /// Saves in its own way; empty: Trainer::saveModel.
    std::function<Status(State &state, const std::string &path)> save = {};
  };
  /// `filepath` may hold `{epoch}` and `{batch}` (from 1) and metric names with Python's format, as
  /// in `weights-{epoch:02d}-{val_loss:.4f}.safetensors`.
  explicit ModelCheckpoint(std::string filepath)
      : ModelCheckpoint(std::move(filepath), Options()) {}
  ModelCheckpoint(std::string filepath, Options options);

  Status onTrainBegin(Logs &logs) override;
  Status onEpochBegin(int64_t epoch, Logs &logs) override;
  Status onTrainBatchEnd(int64_t batch, Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;
  bool hasBatchHooks() const override { return options.saveFreq.has_value(); }
  std::string name() const override { return "ModelCheckpoint"; }
  Status saveState(CallbackState &state) const override;
  Status restoreState(const CallbackState &state) override;
  bool keepsFiles() const override { return true; }

private:
  Status save(const std::optional<int64_t> &batch, const Logs &logs);
  Result<bool> shouldSave(const Logs &logs, const std::string &path);

  std::string filepath;
  Options options;
  int64_t currentEpoch = 0, batchesSinceSaving = 0;
  std::optional<double> best;
};

/// Writes one line an epoch: `epoch` (from 0) and the metrics by name, as Python's csv does.
class CSVLogger : public Callback {
public:
  explicit CSVLogger(std::string filename, char separator = ',', bool append = false)
      : filename(std::move(filename)), separator(separator), append(append) {}

  Status onTrainBegin(Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;
  Status onTrainEnd(Logs &logs) override;
  bool hasBatchHooks() const override { return false; }
  std::string name() const override { return "CSVLogger"; }
  Status saveState(CallbackState &state) const override;
  Status restoreState(const CallbackState &state) override;
  bool keepsFiles() const override { return true; }

private:
  Status open(bool appending);
  Status writeLine(const std::vector<std::string> &fields);

  std::string filename;
  char separator;
  bool append;
  std::ofstream file;
  int64_t bytes = 0; // of the file
  std::vector<std::string> columns;
  bool headerNeeded = true;
};

/// Sets the learning rate at the beginning of each epoch. Logs `learning_rate`.
class LearningRateScheduler : public Callback {
public:
  /// The rate of an epoch (from 0) from that and the rate before.
  using Schedule = std::function<double(int64_t epoch, double rate)>;
  explicit LearningRateScheduler(Schedule schedule, bool verbose = false)
      : schedule(std::move(schedule)), verbose(verbose) {}

  Status onEpochBegin(int64_t epoch, Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;
  bool hasBatchHooks() const override { return false; }
  std::string name() const override { return "LearningRateScheduler"; }

private:
  Schedule schedule;
  bool verbose;
};

/// Ends training at the first batch after which the loss is not finite.
class TerminateOnNaN : public Callback {
public:
  /// With `raiseError` fit returns that as an error, and no other callback ends the training.
  explicit TerminateOnNaN(bool raiseError = false) : raiseError(raiseError) {}
  Status onBatchEnd(int64_t batch, Logs &logs) override;
  std::string name() const override { return "TerminateOnNaN"; }

private:
  bool raiseError;
};

/// Keeps a whole checkpoint of the training (Trainer::requestCheckpoint) in a directory of its own,
/// and goes on from it when fit is called again after an interruption: with bit for bit the results
/// of a training that was never interrupted. One that cannot be written ends fit with an error that
/// names the file and the reason; the one before stays, and fit goes on from there when called
/// again.
class BackupAndRestore : public Callback {
public:
  struct Options {
    std::optional<int64_t> saveFreq = {}; ///< in batches; none: at the end of each epoch
    bool doubleCheckpoint = false;        ///< keeps the one before as well, in case of disk errors
    bool deleteCheckpoint = true;         ///< once training has come to its end
  };
  explicit BackupAndRestore(std::string backupDir)
      : BackupAndRestore(std::move(backupDir), Options()) {}
  BackupAndRestore(std::string backupDir, Options options)
      : backupDir(std::move(backupDir)), options(options) {}

  Result<std::string> checkpointToResume() const override;
  Status onTrainBegin(Logs &logs) override;
  Status onTrainBatchEnd(int64_t batch, Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;
  Status onTrainEnd(Logs &logs) override;
  bool hasBatchHooks() const override { return options.saveFreq.has_value(); }
  std::string name() const override { return "BackupAndRestore"; }
  Status saveState(CallbackState &state) const override;
  Status restoreState(const CallbackState &state) override;
  bool keepsFiles() const override { return true; }

  /// "<backup_dir>/checkpoint.safetensors".
  std::string path() const;

private:
  Status requestSave();

  std::string backupDir;
  Options options;
  int64_t batchesSinceSaving = 0;
};

/// A function as a hook: one that returns a Status, or nothing.
template <typename... Arguments> class Hook {
public:
  Hook() = default;
  template <typename F, typename = std::enable_if_t<std::is_invocable_v<F &, Arguments...>>>
  Hook(F function) {
    if constexpr (std::is_convertible_v<std::invoke_result_t<F &, Arguments...>, Status>)
      call = std::move(function);
    else
      call = [function = std::move(function)](Arguments... arguments) mutable {
        function(static_cast<Arguments>(arguments)...);
        return Status();
      };
  }
  explicit operator bool() const { return bool(call); }
  Status operator()(Arguments... arguments) const {
    return call ? call(static_cast<Arguments>(arguments)...) : Status();
  }

private:
  std::function<Status(Arguments...)> call;
};

/// Functions as hooks; those left empty do nothing.
class LambdaCallback : public Callback {
public:
  struct Options {
    Hook<int64_t, Logs &> onEpochBegin = {}, onEpochEnd = {};
    Hook<Logs &> onTrainBegin = {}, onTrainEnd = {};
    Hook<int64_t, Logs &> onTrainBatchBegin = {}, onTrainBatchEnd = {};
  };
  LambdaCallback() = default;
  explicit LambdaCallback(Options options) : hooks(std::move(options)) {}
  Options hooks;

  Status onTrainBegin(Logs &logs) override { return hooks.onTrainBegin(logs); }
  Status onTrainEnd(Logs &logs) override { return hooks.onTrainEnd(logs); }
  Status onEpochBegin(int64_t epoch, Logs &logs) override {
    return hooks.onEpochBegin(epoch, logs);
  }
  Status onEpochEnd(int64_t epoch, Logs &logs) override { return hooks.onEpochEnd(epoch, logs); }
  Status onTrainBatchBegin(int64_t batch, Logs &logs) override {
    return hooks.onTrainBatchBegin(batch, logs);
  }
  Status onTrainBatchEnd(int64_t batch, Logs &logs) override {
    return hooks.onTrainBatchEnd(batch, logs);
  }
  bool hasBatchHooks() const override { return hooks.onTrainBatchBegin || hooks.onTrainBatchEnd; }
  std::string name() const override { return "LambdaCallback"; }
};

/// Fills `{name}` and `{name:format}` of `text` as Python's str.format does for numbers:
/// `[0][width][.precision][d|e|f|g|E|G]`, width below 1000, precision below 100, d for epoch and
/// batch alone; "{{" and "}}" are braces. InvalidArgument names the placeholder that is none of
/// that, or whose name is not in the logs. `batchFromOne` none: there is no `batch`.
Result<std::string> formatPath(const std::string &text, int64_t epochFromOne, const Logs &logs,
                               const std::optional<int64_t> &batchFromOne = std::nullopt);
/// The part of that which needs no logs.
Status checkPath(const std::string &text);

} // namespace ingot::train

#endif
