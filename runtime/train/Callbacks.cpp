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

namespace {

/// One placeholder of a path: `{name}` or `{name:spec}`, where spec is what Python's format takes
/// of [0][width][.precision][type], type one of d (epoch alone), e, f, g, E, G.
struct Placeholder {
  std::string text, name, flagsAndWidth, precision; // precision with its point
  char type = 0;

  bool isEpoch() const { return name == "epoch"; }
  static Result<Placeholder> parse(std::string_view text);
  std::string format(double value) const;
};

/// Takes the digits that `text` begins with.
std::string takeDigits(std::string_view &text) {
  size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9')
    ++count;
  std::string digits(text.substr(0, count));
  text.remove_prefix(count);
  return digits;
}

/// `text` is what stands between the braces.
Result<Placeholder> Placeholder::parse(std::string_view text) {
  Placeholder result;
  result.text = "{" + std::string(text) + "}";
  const size_t colon = text.find(':');
  result.name = text.substr(0, colon);
  std::string_view spec = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  result.flagsAndWidth = takeDigits(spec);
  bool valid = !result.name.empty() && result.flagsAndWidth.size() <= 3;
  if (!spec.empty() && spec.front() == '.') {
    spec.remove_prefix(1);
    const std::string digits = takeDigits(spec);
    valid &= !digits.empty() && digits.size() <= 2;
    result.precision = "." + digits;
  }
  if (!spec.empty() && std::strchr("defgEG", spec.front())) {
    result.type = spec.front();
    spec.remove_prefix(1);
  }
  const bool integral = result.type == 'd' || (result.isEpoch() && !result.type);
  valid &= spec.empty() && !(integral && !result.precision.empty());
  valid &= result.isEpoch() || result.type != 'd'; // a metric is no integer
  if (!valid)
    return Status(StatusCode::InvalidArgument,
                  "placeholder '" + result.text +
                      "' has a format that is not known; use for example {epoch:02d} or "
                      "{val_loss:.4f}");
  return result;
}

std::string Placeholder::format(double value) const {
  char buffer[1024]; // a width below 1000; else 309 digits, the point and a precision below 100
  const std::string head = "%" + flagsAndWidth + precision;
  if (isEpoch() && (!type || type == 'd'))
    std::snprintf(buffer, sizeof buffer, ("%" + flagsAndWidth + "lld").c_str(),
                  static_cast<long long>(value));
  else
    std::snprintf(buffer, sizeof buffer, (head + (type ? type : 'g')).c_str(), value);
  return buffer;
}

/// Calls `literal` and `placeholder` with the parts of a path in order. "{{" and "}}" are braces,
/// as in Python.
template <typename Literal, typename Hole>
Status walkPath(const std::string &path, Literal literal, Hole placeholder) {
  for (size_t at = 0; at < path.size(); ++at) {
    const char c = path[at];
    if (c != '{' && c != '}') {
      literal(c);
      continue;
    }
    if (at + 1 < path.size() && path[at + 1] == c) {
      literal(c);
      ++at;
      continue;
    }
    const size_t close = c == '{' ? path.find('}', at) : std::string::npos;
    if (close == std::string::npos)
      return Status(StatusCode::InvalidArgument,
                    "brace '" + std::string(1, c) + "' without its partner at character " +
                        std::to_string(at + 1) + "; write '" + std::string(2, c) + "' for a brace");
    INGOT_ASSIGN_OR_RETURN(const Placeholder hole, Placeholder::parse(std::string_view(path).substr(
                                                       at + 1, close - at - 1)));
    INGOT_RETURN_IF_ERROR(placeholder(hole));
    at = close;
  }
  return Status();
}

std::string contextOf(const std::string &path) { return "checkpoint path '" + path + "'"; }

} // namespace

Result<std::string> formatPath(const std::string &text, int64_t epochFromOne, const Logs &logs) {
  std::string result;
  const auto literal = [&](char c) { result += c; };
  const auto placeholder = [&](const Placeholder &hole) {
    const auto found = logs.find(hole.name);
    if (!hole.isEpoch() && found == logs.end()) {
      std::string known = "epoch";
      for (const auto &[name, value] : logs)
        known += ", " + name;
      return Status(StatusCode::InvalidArgument, "placeholder '" + hole.text +
                                                     "' names no metric of this training; there "
                                                     "are: " +
                                                     known);
    }
    result += hole.format(hole.isEpoch() ? double(epochFromOne) : found->second);
    return Status();
  };
  INGOT_RETURN_IF_ERROR(walkPath(text, literal, placeholder).withContext(contextOf(text)));
  return result;
}

Status checkPath(const std::string &text) {
  const auto ignore = [](char) {};
  const auto accept = [](const Placeholder &) { return Status(); };
  return walkPath(text, ignore, accept).withContext(contextOf(text));
}

Status ModelCheckpoint::onTrainBegin(Logs &) {
  best.reset();
  return checkPath(options.path); // now, not after an epoch of training
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
