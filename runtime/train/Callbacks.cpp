// Callbacks that watch, stop and steer. Semantics follow keras.src.callbacks; see Callbacks.h.
// Those that write files are in SavingCallbacks.cpp.
#include "ingot/train/Callbacks.h"
#include "ingot/train/Trainer.h"
#include "runtime/train/PythonText.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string_view>

namespace ingot::train {

Callback::~Callback() = default;
Status Callback::onTrainBegin(Logs &) { return Status(); }
Status Callback::onTrainEnd(Logs &) { return Status(); }
Status Callback::onEpochBegin(int64_t, Logs &) { return Status(); }
Status Callback::onEpochEnd(int64_t, Logs &) { return Status(); }
Status Callback::onTrainBatchBegin(int64_t batch, Logs &logs) { return onBatchBegin(batch, logs); }
Status Callback::onTrainBatchEnd(int64_t batch, Logs &logs) { return onBatchEnd(batch, logs); }
Status Callback::onBatchBegin(int64_t, Logs &) { return Status(); }
Status Callback::onBatchEnd(int64_t, Logs &) { return Status(); }
Status Callback::onTestBegin(Logs &) { return Status(); }
Status Callback::onTestEnd(Logs &) { return Status(); }
Status Callback::onTestBatchBegin(int64_t, Logs &) { return Status(); }
Status Callback::onTestBatchEnd(int64_t, Logs &) { return Status(); }
Status Callback::onPredictBegin(Logs &) { return Status(); }
Status Callback::onPredictEnd(Logs &) { return Status(); }
Status Callback::onPredictBatchBegin(int64_t, Logs &) { return Status(); }
Status Callback::onPredictBatchEnd(int64_t, const std::vector<TensorView> &) { return Status(); }
Status Callback::saveState(CallbackState &) const { return Status(); }
Status Callback::restoreState(const CallbackState &) { return Status(); }

//===----------------------------------------------------------------------===//
// MonitorCallback

/// Whether a metric of this name should rise, by the direction that Keras's metrics declare. Names
/// of outputs may stand before it and a number behind it ("out_accuracy", "auc_1"). None: not
/// known.
static std::optional<bool> directionOf(std::string_view name) {
  static constexpr std::string_view rising[] = {"acc",
                                                "accuracy",
                                                "auc",
                                                "cosine_similarity",
                                                "f1_score",
                                                "fbeta_score",
                                                "io_u",
                                                "precision",
                                                "precision_at_recall",
                                                "r2_score",
                                                "recall",
                                                "recall_at_precision",
                                                "concordance_correlation",
                                                "pearson_correlation",
                                                "sensitivity_at_specificity",
                                                "specificity_at_sensitivity"};
  static constexpr std::string_view falling[] = {"loss",
                                                 "binary_crossentropy",
                                                 "categorical_crossentropy",
                                                 "crossentropy",
                                                 "hinge",
                                                 "kl_divergence",
                                                 "logcosh",
                                                 "mean_absolute_error",
                                                 "mean_absolute_percentage_error",
                                                 "mean_squared_error",
                                                 "mean_squared_logarithmic_error",
                                                 "mae",
                                                 "mape",
                                                 "mse",
                                                 "msle",
                                                 "poisson",
                                                 "root_mean_squared_error",
                                                 "sparse_categorical_crossentropy",
                                                 "squared_hinge"};
  if (const size_t digits = name.find_last_not_of("0123456789");
      digits + 1 < name.size() && digits != std::string_view::npos && name[digits] == '_')
    name = name.substr(0, digits);
  const auto ends = [&](std::string_view known) {
    return name.size() >= known.size() && name.substr(name.size() - known.size()) == known &&
           (name.size() == known.size() || name[name.size() - known.size() - 1] == '_');
  };
  if (std::any_of(std::begin(rising), std::end(rising), ends))
    return true;
  if (std::any_of(std::begin(falling), std::end(falling), ends))
    return false;
  return std::nullopt;
}

MonitorCallback::MonitorCallback(std::string monitor, Mode mode, double minDelta)
    : monitor(std::move(monitor)), mode(mode), minDelta(std::abs(minDelta)) {}

Status MonitorCallback::chooseDirection() {
  if (mode != Mode::Auto) {
    rises = mode == Mode::Max;
    return Status();
  }
  const std::optional<bool> known = directionOf(monitor);
  if (!known)
    return Status(StatusCode::InvalidArgument,
                  name() + " watches '" + monitor +
                      "', and whether that should rise or fall is not known; pass Mode::Max or "
                      "Mode::Min");
  rises = *known;
  return Status();
}

bool MonitorCallback::improves(double value, const std::optional<double> &reference) const {
  if (!reference)
    return true;
  return rises ? value - minDelta > *reference : value + minDelta < *reference;
}

/// The monitored value; says what is missing when the logs lack it.
static std::optional<double> monitored(const char *what, const std::string &monitor,
                                       const Logs &logs) {
  if (auto found = logs.find(monitor); found != logs.end())
    return found->second;
  std::string available;
  for (const auto &[name, value] : logs)
    available += (available.empty() ? "" : ",") + name;
  std::cerr << "warning: " << what << " conditioned on metric `" << monitor
            << "` which is not available. Available metrics are: " << available << "\n";
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// EarlyStopping

EarlyStopping::EarlyStopping(Options options)
    : MonitorCallback(options.monitor, options.mode, options.minDelta),
      options(std::move(options)) {}

Status EarlyStopping::onTrainBegin(Logs &) {
  wait = stopped = bestAt = 0;
  best.reset();
  bestWeights.clear();
  return Status();
}

Status EarlyStopping::rememberWeights() {
  const ingot_artifact_table &table = trainer().state().artifact()->table();
  bestWeights.resize(size_t(table.variable_count));
  size_t kept = 0;
  for (int64_t i = 0; i < table.variable_count; ++i) {
    const ingot_variable_info &info = table.variables[i];
    if (info.flags & (INGOT_VARIABLE_OPTIMIZER | INGOT_VARIABLE_CONTROL))
      continue;
    bestWeights[kept].first = info.name;
    INGOT_RETURN_IF_ERROR(trainer().state().get(info.name, bestWeights[kept].second));
    ++kept;
  }
  bestWeights.resize(kept);
  return Status();
}

Status EarlyStopping::onEpochEnd(int64_t epoch, Logs &logs) {
  INGOT_RETURN_IF_ERROR(chooseDirection());
  const std::optional<double> value = monitored("Early stopping", monitor, logs);
  if (!value || epoch < options.startFromEpoch)
    return Status();
  if (options.restoreBestWeights && bestWeights.empty()) {
    INGOT_RETURN_IF_ERROR(rememberWeights());
    bestAt = epoch;
  }
  ++wait;
  if (improves(*value, best)) {
    best = value;
    bestAt = epoch;
    if (options.restoreBestWeights)
      INGOT_RETURN_IF_ERROR(rememberWeights());
    // Only a value that beats the baseline as well starts the patience again.
    if (improves(*value, options.baseline))
      wait = 0;
    return Status();
  }
  if (wait >= options.patience && epoch > 0) {
    stopped = epoch;
    trainer().stopTraining();
  }
  return Status();
}

Status EarlyStopping::onTrainEnd(Logs &) {
  if (stopped > 0 && options.verbose)
    trainer().output() << "Epoch " << stopped + 1 << ": early stopping\n";
  if (bestWeights.empty())
    return Status();
  if (options.verbose)
    trainer().output() << "Restoring model weights from the end of the best epoch: " << bestAt + 1
                       << ".\n";
  for (const auto &[name, value] : bestWeights)
    INGOT_RETURN_IF_ERROR(trainer().state().set(name, value));
  return Status();
}

Status EarlyStopping::saveState(CallbackState &state) const {
  state.put("wait", wait);
  state.put("stopped", stopped);
  state.put("best_epoch", bestAt);
  state.put("best", best);
  for (const auto &[name, value] : bestWeights)
    INGOT_RETURN_IF_ERROR(state.put(name, value));
  return Status();
}

Status EarlyStopping::restoreState(const CallbackState &state) {
  wait = state.integer("wait").value_or(0);
  stopped = state.integer("stopped").value_or(0);
  bestAt = state.integer("best_epoch").value_or(0);
  best = state.number("best");
  bestWeights.clear();
  for (const auto &[name, value] : state.tensors) {
    INGOT_ASSIGN_OR_RETURN(Tensor copy, value.clone());
    bestWeights.emplace_back(name, std::move(copy));
  }
  return Status();
}

//===----------------------------------------------------------------------===//
// ReduceLROnPlateau

ReduceLROnPlateau::ReduceLROnPlateau(Options options)
    : MonitorCallback(options.monitor, options.mode, options.minDelta),
      options(std::move(options)) {}

Status ReduceLROnPlateau::onTrainBegin(Logs &) {
  if (!(options.factor < 1))
    return Status(StatusCode::InvalidArgument,
                  "ReduceLROnPlateau does not support a factor >= 1.0. Received factor=" +
                      pythonRepr(options.factor));
  wait = cooldownLeft = 0;
  best.reset();
  return Status();
}

Status ReduceLROnPlateau::onEpochEnd(int64_t epoch, Logs &logs) {
  INGOT_RETURN_IF_ERROR(chooseDirection());
  INGOT_ASSIGN_OR_RETURN(logs["learning_rate"], trainer().learningRate());
  const std::optional<double> value = monitored("Learning rate reduction is", monitor, logs);
  if (!value)
    return Status();
  if (cooldownLeft > 0) {
    --cooldownLeft;
    wait = 0;
  }
  if (improves(*value, best)) {
    best = value;
    wait = 0;
    return Status();
  }
  if (cooldownLeft > 0 || ++wait < options.patience)
    return Status();
  return reduce(epoch);
}

Status ReduceLROnPlateau::reduce(int64_t epoch) {
  INGOT_ASSIGN_OR_RETURN(const double rate, trainer().learningRate());
  if (rate <= double(float(options.minLr)))
    return Status();
  const double lower = std::max(rate * options.factor, options.minLr);
  INGOT_RETURN_IF_ERROR(trainer().setLearningRate(lower));
  if (options.verbose)
    trainer().output() << "\nEpoch " << epoch + 1
                       << ": ReduceLROnPlateau reducing learning rate to " << pythonRepr(lower)
                       << ".\n";
  cooldownLeft = options.cooldown;
  wait = 0;
  return Status();
}

Status ReduceLROnPlateau::saveState(CallbackState &state) const {
  state.put("wait", wait);
  state.put("cooldown", cooldownLeft);
  state.put("best", best);
  return Status();
}

Status ReduceLROnPlateau::restoreState(const CallbackState &state) {
  wait = state.integer("wait").value_or(0);
  cooldownLeft = state.integer("cooldown").value_or(0);
  best = state.number("best");
  return Status();
}

//===----------------------------------------------------------------------===//
// LearningRateScheduler, TerminateOnNaN

Status LearningRateScheduler::onEpochBegin(int64_t epoch, Logs &) {
  INGOT_ASSIGN_OR_RETURN(const double before, trainer().learningRate());
  const double rate = schedule(epoch, before);
  INGOT_RETURN_IF_ERROR(trainer().setLearningRate(rate));
  if (verbose)
    trainer().output() << "\nEpoch " << epoch + 1
                       << ": LearningRateScheduler setting learning rate to " << pythonRepr(rate)
                       << ".\n";
  return Status();
}

Status LearningRateScheduler::onEpochEnd(int64_t, Logs &logs) {
  INGOT_ASSIGN_OR_RETURN(logs["learning_rate"], trainer().learningRate());
  return Status();
}

Status TerminateOnNaN::onBatchEnd(int64_t batch, Logs &logs) {
  const auto loss = logs.find("loss");
  if (loss == logs.end() || std::isfinite(loss->second))
    return Status();
  if (raiseError)
    return Status(StatusCode::FailedPrecondition, "NaN or Inf loss encountered at batch " +
                                                      std::to_string(batch) +
                                                      ". Loss value: " + pythonRepr(loss->second) +
                                                      ". Terminating training immediately.");
  trainer().output() << "Batch " << batch << ": Invalid loss, terminating training\n";
  trainer().stopTraining();
  return Status();
}

} // namespace ingot::train
