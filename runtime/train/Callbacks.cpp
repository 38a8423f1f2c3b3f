// Semantics follow keras.src.callbacks; see Callbacks.h.
#include "ingot/train/Callbacks.h"
#include "ingot/train/Trainer.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string_view>

namespace ingot::train {

Callback::~Callback() = default;
Status Callback::onTrainBegin(Logs &) { return Status(); }
Status Callback::onTrainEnd(Logs &) { return Status(); }
Status Callback::onEpochBegin(int64_t, Logs &) { return Status(); }
Status Callback::onEpochEnd(int64_t, Logs &) { return Status(); }
Status Callback::onBatchBegin(int64_t, Logs &) { return Status(); }
Status Callback::onBatchEnd(int64_t, Logs &) { return Status(); }

static bool rises(Mode mode, const std::string &monitor) {
  if (mode != Mode::Auto)
    return mode == Mode::Max;
  for (std::string_view ending :
       {"acc", "accuracy", "auc", "precision", "recall", "f1_score", "r2_score"})
    if (monitor.size() >= ending.size() &&
        std::string_view(monitor).substr(monitor.size() - ending.size()) == ending)
      return true;
  return false;
}

/// The monitored value; warns and gives nothing when the logs lack it.
static std::optional<double> monitored(const char *callback, const std::string &monitor,
                                       const Logs &logs) {
  if (auto found = logs.find(monitor); found != logs.end())
    return found->second;
  std::string available;
  for (const auto &[name, value] : logs)
    available += (available.empty() ? "" : ", ") + name;
  std::cerr << "warning: " << callback << " watches '" << monitor
            << "', which is not available; there are: " << available
            << (monitor.rfind("val_", 0) == 0 ? " (train with validation data)" : "") << "\n";
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// EarlyStopping

Status EarlyStopping::onTrainBegin(Logs &) {
  wait = stopped = best = 0;
  bestValue.reset();
  bestWeights.clear();
  return Status();
}

bool EarlyStopping::improves(double value, const std::optional<double> &reference) const {
  const double delta = std::abs(options.minDelta);
  if (!reference)
    return true;
  return rises(options.mode, options.monitor) ? value - delta > *reference
                                              : value + delta < *reference;
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
  const std::optional<double> value = monitored("EarlyStopping", options.monitor, logs);
  if (!value || epoch < options.startFromEpoch)
    return Status();
  if (options.restoreBestWeights && bestWeights.empty()) {
    INGOT_RETURN_IF_ERROR(rememberWeights());
    best = epoch;
  }
  ++wait;
  if (improves(*value, bestValue)) {
    bestValue = value;
    best = epoch;
    if (options.restoreBestWeights)
      INGOT_RETURN_IF_ERROR(rememberWeights());
    // Only a value that beats the baseline as well starts the patience again.
    if (!options.baseline || improves(*value, options.baseline))
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
    trainer().output() << "Restoring model weights from the end of the best epoch: " << best + 1
                       << ".\n";
  for (const auto &[name, value] : bestWeights)
    INGOT_RETURN_IF_ERROR(trainer().state().set(name, value));
  return Status();
}

//===----------------------------------------------------------------------===//
// ReduceLROnPlateau

Status ReduceLROnPlateau::onTrainBegin(Logs &) {
  if (!(options.factor < 1))
    return Status(StatusCode::InvalidArgument,
                  "ReduceLROnPlateau: the factor must be below 1, got " +
                      std::to_string(options.factor));
  wait = cooldownLeft = 0;
  best = rises(options.mode, options.monitor) ? -INFINITY : INFINITY;
  return Status();
}

Status ReduceLROnPlateau::onEpochEnd(int64_t epoch, Logs &logs) {
  INGOT_ASSIGN_OR_RETURN(logs["learning_rate"], trainer().learningRate());
  const std::optional<double> value = monitored("ReduceLROnPlateau", options.monitor, logs);
  if (!value)
    return Status();
  if (cooldownLeft > 0) {
    --cooldownLeft;
    wait = 0;
  }
  const bool improved = rises(options.mode, options.monitor) ? *value > best + options.minDelta
                                                             : *value < best - options.minDelta;
  if (improved) {
    best = *value;
    wait = 0;
    return Status();
  }
  if (cooldownLeft > 0 || ++wait < options.patience)
    return Status();
  return reduce(epoch);
}

Status ReduceLROnPlateau::reduce(int64_t epoch) {
  INGOT_ASSIGN_OR_RETURN(const double rate, trainer().learningRate());
  if (rate <= double(float(options.minLearningRate)))
    return Status();
  const double lower = std::max(rate * options.factor, options.minLearningRate);
  INGOT_RETURN_IF_ERROR(trainer().setLearningRate(lower));
  if (options.verbose)
    trainer().output() << "Epoch " << epoch + 1 << ": ReduceLROnPlateau reducing learning rate to "
                       << lower << ".\n";
  cooldownLeft = options.cooldown;
  wait = 0;
  return Status();
}

//===----------------------------------------------------------------------===//
// ModelCheckpoint

/// One replacement field, without its braces: `name` or `name:format`.
static Result<std::string> formatField(std::string_view field, int64_t epoch, const Logs &logs) {
  const size_t colon = field.find(':');
  const std::string name(field.substr(0, colon));
  std::string_view spec = colon == std::string_view::npos ? "" : field.substr(colon + 1);
  const auto found = logs.find(name);
  const bool isEpoch = name == "epoch";
  if (!isEpoch && found == logs.end())
    return Status(StatusCode::InvalidArgument,
                  "'{" + std::string(field) + "}' names no metric of this training");
  char kind = spec.empty() ? 0 : spec.back();
  const bool typed = kind && std::strchr("defgEG", kind);
  const std::string digits(spec.substr(0, spec.size() - (typed ? 1 : 0)));
  if (digits.size() > 5 || digits.find_first_not_of("0123456789.") != std::string::npos ||
      (typed && (kind == 'd') != isEpoch && kind == 'd'))
    return Status(StatusCode::InvalidArgument, "'{" + std::string(field) +
                                                   "}' has a format that is not known; use for "
                                                   "example {epoch:02d} or {val_loss:.4f}");
  char text[512];
  if (isEpoch && (!typed || kind == 'd'))
    std::snprintf(text, sizeof text, ("%" + digits + "lld").c_str(), static_cast<long long>(epoch));
  else
    std::snprintf(text, sizeof text, ("%" + digits + (typed ? std::string(1, kind) : "g")).c_str(),
                  isEpoch ? double(epoch) : found->second);
  return std::string(text);
}

Result<std::string> formatPath(const std::string &text, int64_t epochFromOne, const Logs &logs) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find('{', at);
    const size_t close = open == std::string::npos ? open : text.find('}', open);
    if (close == std::string::npos)
      return result + text.substr(at);
    result += text.substr(at, open - at);
    INGOT_ASSIGN_OR_RETURN(
        const std::string value,
        formatField(std::string_view(text).substr(open + 1, close - open - 1), epochFromOne, logs));
    result += value;
    at = close + 1;
  }
  return result;
}

Status ModelCheckpoint::onTrainBegin(Logs &) {
  best.reset();
  return Status();
}

Status ModelCheckpoint::onEpochEnd(int64_t epoch, Logs &logs) {
  INGOT_ASSIGN_OR_RETURN(const std::string path, formatPath(options.path, epoch + 1, logs));
  if (options.saveBestOnly) {
    const std::optional<double> value = monitored("ModelCheckpoint", options.monitor, logs);
    const bool up = rises(options.mode, options.monitor);
    if (!value || (best && !(up ? *value > *best : *value < *best)))
      return Status();
    if (std::isnan(*value)) // worse than anything
      return Status();
    best = value;
  }
  if (options.verbose)
    trainer().output() << "Epoch " << epoch + 1 << ": saving model to " << path << "\n";
  if (options.save)
    return options.save(trainer().state(), path);
  SaveOptions saving;
  saving.weightsOnly = options.saveWeightsOnly;
  return trainer().state().save(path, saving);
}

//===----------------------------------------------------------------------===//
// CSVLogger

Status CSVLogger::onTrainBegin(Logs &) {
  headerNeeded = true;
  columns.clear();
  if (append) {
    std::ifstream existing(path);
    headerNeeded = existing.peek() == std::ifstream::traits_type::eof();
  }
  file.close();
  file.clear();
  file.open(path, append ? std::ios::app : std::ios::trunc);
  if (!file)
    return Status(StatusCode::IoError,
                  "CSVLogger: cannot write '" + path + "': " + std::strerror(errno));
  return Status();
}

/// The shortest text that reads back as the same number.
static std::string shortest(double value) {
  if (std::isnan(value))
    return "nan"; // whatever its sign
  char text[40];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

Status CSVLogger::onEpochEnd(int64_t epoch, Logs &logs) {
  if (columns.empty())
    for (const auto &[name, value] : logs)
      columns.push_back(name);
  if (headerNeeded) {
    file << "epoch";
    for (const std::string &column : columns)
      file << separator << column;
    file << "\n";
    headerNeeded = false;
  }
  file << epoch;
  for (const std::string &column : columns) {
    const auto found = logs.find(column);
    file << separator << (found == logs.end() ? "NA" : shortest(found->second));
  }
  file << "\n" << std::flush;
  if (!file)
    return Status(StatusCode::IoError, "CSVLogger: cannot write '" + path + "'");
  return Status();
}

Status CSVLogger::onTrainEnd(Logs &) {
  file.close();
  return Status();
}

//===----------------------------------------------------------------------===//
// TerminateOnNaN, LambdaCallback

Status TerminateOnNaN::onBatchEnd(int64_t batch, Logs &logs) {
  if (const auto loss = logs.find("loss"); loss != logs.end() && !std::isfinite(loss->second)) {
    trainer().output() << "Batch " << batch << ": Invalid loss, terminating training\n";
    trainer().stopTraining();
  }
  return Status();
}

Status LambdaCallback::onTrainBegin(Logs &logs) {
  return trainBegin ? trainBegin(trainer(), logs) : Status();
}
Status LambdaCallback::onTrainEnd(Logs &logs) {
  return trainEnd ? trainEnd(trainer(), logs) : Status();
}
Status LambdaCallback::onEpochBegin(int64_t epoch, Logs &logs) {
  return epochBegin ? epochBegin(trainer(), epoch, logs) : Status();
}
Status LambdaCallback::onEpochEnd(int64_t epoch, Logs &logs) {
  return epochEnd ? epochEnd(trainer(), epoch, logs) : Status();
}
Status LambdaCallback::onBatchBegin(int64_t batch, Logs &logs) {
  return batchBegin ? batchBegin(trainer(), batch, logs) : Status();
}
Status LambdaCallback::onBatchEnd(int64_t batch, Logs &logs) {
  return batchEnd ? batchEnd(trainer(), batch, logs) : Status();
}

} // namespace ingot::train
