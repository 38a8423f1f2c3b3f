// Callbacks that write files: ModelCheckpoint, BackupAndRestore, CSVLogger. Semantics and texts
// follow keras.src.callbacks; see Callbacks.h.
#include "ingot/train/Callbacks.h"
#include "ingot/train/Trainer.h"
#include "runtime/train/PythonText.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>

namespace ingot::train {

//===----------------------------------------------------------------------===//
// ModelCheckpoint

ModelCheckpoint::ModelCheckpoint(std::string filepath, Options options)
    : MonitorCallback(options.monitor, options.mode, 0), filepath(std::move(filepath)),
      options(std::move(options)) {
  best = this->options.initialValueThreshold;
}

Status ModelCheckpoint::onTrainBegin(Logs &) {
  if (options.saveFreq && *options.saveFreq < 1)
    return Status(StatusCode::InvalidArgument,
                  "ModelCheckpoint: saveFreq must be at least 1 batch, got " +
                      std::to_string(*options.saveFreq));
  return checkPath(filepath); // now, not after an epoch of training
}

Status ModelCheckpoint::onEpochBegin(int64_t epoch, Logs &) {
  currentEpoch = epoch;
  return Status();
}

Status ModelCheckpoint::onTrainBatchEnd(int64_t batch, Logs &logs) {
  if (!options.saveFreq || ++batchesSinceSaving < *options.saveFreq)
    return Status();
  batchesSinceSaving = 0;
  return save(batch + 1, logs);
}

Status ModelCheckpoint::onEpochEnd(int64_t epoch, Logs &logs) {
  currentEpoch = epoch;
  return options.saveFreq ? Status() : save(std::nullopt, logs);
}

Result<bool> ModelCheckpoint::shouldSave(const Logs &logs, const std::string &path) {
  std::ostream &out = trainer().output();
  const std::string head = "\nEpoch " + std::to_string(currentEpoch + 1) + ": ";
  if (!options.saveBestOnly) {
    if (options.verbose)
      out << head << "saving model to " << path << "\n";
    return true;
  }
  INGOT_RETURN_IF_ERROR(chooseDirection());
  const auto found = logs.find(monitor);
  if (found == logs.end()) {
    std::cerr << "warning: Can save best model only with " << monitor << " available.\n";
    return true;
  }
  const std::string before = best ? pythonFormat("%.5f", *best) : "None";
  if (!improves(found->second, best)) {
    if (options.verbose)
      out << head << monitor << " did not improve from " << before << "\n";
    return false;
  }
  if (options.verbose)
    out << head << monitor << " improved from " << before << " to "
        << pythonFormat("%.5f", found->second) << ", saving model to " << path << "\n";
  best = found->second;
  return true;
}

Status ModelCheckpoint::save(const std::optional<int64_t> &batch, const Logs &logs) {
  INGOT_ASSIGN_OR_RETURN(const std::string path,
                         formatPath(filepath, currentEpoch + 1, logs, batch));
  INGOT_ASSIGN_OR_RETURN(const bool wanted, shouldSave(logs, path));
  if (!wanted)
    return Status();
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!parent.empty())
    std::filesystem::create_directories(parent, error);
  if (error)
    return Status(StatusCode::IoError, "ModelCheckpoint: cannot make directory '" +
                                           parent.string() + "': " + error.message());
  INGOT_RETURN_IF_ERROR(options.save ? options.save(trainer().state(), path)
                                     : trainer().saveModel(path, options.saveWeightsOnly));
  if (options.verbose)
    trainer().output() << "\nEpoch " << currentEpoch + 1 << ": finished saving model to " << path
                       << "\n";
  return Status();
}

Status ModelCheckpoint::saveState(CallbackState &state) const {
  state.put("epoch", currentEpoch);
  state.put("batches", batchesSinceSaving);
  state.put("best", best);
  return Status();
}

Status ModelCheckpoint::restoreState(const CallbackState &state) {
  currentEpoch = state.integer("epoch").value_or(0);
  batchesSinceSaving = state.integer("batches").value_or(0);
  best = state.number("best");
  return Status();
}

//===----------------------------------------------------------------------===//
// BackupAndRestore

std::string BackupAndRestore::path() const { return backupDir + "/checkpoint.safetensors"; }

Result<std::string> BackupAndRestore::checkpointToResume() const {
  std::error_code error;
  const bool there =
      std::filesystem::exists(path(), error) || std::filesystem::exists(path() + ".bkp", error);
  return there ? path() : std::string();
}

/// Removes what a process that was killed while it wrote `path`, or kept it as `path`.bkp, left
/// behind.
static void removeUnfinished(const std::string &path) {
  const std::filesystem::path file(path);
  const std::string name = file.filename().string();
  std::error_code error; // what cannot be removed is in nobody's way
  std::vector<std::filesystem::path> found;
  for (std::filesystem::directory_iterator entry(file.parent_path(), error), end;
       !error && entry != end; entry.increment(error))
    for (const char *tail : {".tmp-", ".bkp.tmp-"})
      if (entry->path().filename().string().rfind(name + tail, 0) == 0)
        found.push_back(entry->path());
  for (const std::filesystem::path &unfinished : found)
    std::filesystem::remove(unfinished, error);
}

Status BackupAndRestore::onTrainBegin(Logs &) {
  batchesSinceSaving = 0;
  if (backupDir.empty())
    return Status(StatusCode::InvalidArgument, "Empty `backup_dir` argument passed");
  if (options.saveFreq && *options.saveFreq < 1)
    return Status(StatusCode::InvalidArgument,
                  "BackupAndRestore: saveFreq must be at least 1 batch, got " +
                      std::to_string(*options.saveFreq));
  removeUnfinished(path());
  return Status();
}

Status BackupAndRestore::requestSave() {
  batchesSinceSaving = 0;
  trainer().requestCheckpoint(path(), options.doubleCheckpoint);
  return Status();
}

Status BackupAndRestore::onTrainBatchEnd(int64_t, Logs &) {
  if (!options.saveFreq || ++batchesSinceSaving < *options.saveFreq)
    return Status();
  return requestSave();
}

Status BackupAndRestore::onEpochEnd(int64_t, Logs &) {
  return options.saveFreq ? Status() : requestSave();
}

Status BackupAndRestore::onTrainEnd(Logs &) {
  std::error_code error;
  if (options.deleteCheckpoint)
    std::filesystem::remove_all(backupDir, error);
  if (error)
    return Status(StatusCode::IoError,
                  "BackupAndRestore: cannot remove '" + backupDir + "': " + error.message());
  return Status();
}

Status BackupAndRestore::saveState(CallbackState &state) const {
  state.put("batches", batchesSinceSaving);
  return Status();
}

Status BackupAndRestore::restoreState(const CallbackState &state) {
  batchesSinceSaving = state.integer("batches").value_or(0);
  return Status();
}

//===----------------------------------------------------------------------===//
// CSVLogger

Status CSVLogger::open(bool appending) {
  file.close();
  file.clear();
  file.open(filename, std::ios::binary | (appending ? std::ios::app : std::ios::trunc));
  if (!file)
    return Status(StatusCode::IoError,
                  "CSVLogger: cannot write '" + filename + "': " + std::strerror(errno));
  std::error_code error;
  const auto size = std::filesystem::file_size(filename, error);
  bytes = error ? 0 : int64_t(size);
  return Status();
}

Status CSVLogger::onTrainBegin(Logs &) {
  columns.clear();
  const bool appending = append || trainer().isResuming();
  INGOT_RETURN_IF_ERROR(open(appending));
  headerNeeded = bytes == 0;
  return Status();
}

/// As Python's csv writes a field: quoted where it must be.
static std::string csvField(const std::string &text, char separator) {
  if (text.find_first_of(std::string("\"\r\n") + separator) == std::string::npos)
    return text;
  std::string quoted = "\"";
  for (const char c : text)
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

Status CSVLogger::writeLine(const std::vector<std::string> &fields) {
  std::string line;
  for (size_t i = 0; i < fields.size(); ++i)
    line += (i == 0 ? "" : std::string(1, separator)) + csvField(fields[i], separator);
  line += "\r\n"; // the csv module's, on every system
  file << line << std::flush;
  bytes += int64_t(line.size());
  if (!file)
    return Status(StatusCode::IoError,
                  "CSVLogger: cannot write '" + filename + "': " + std::strerror(errno));
  return Status();
}

Status CSVLogger::onEpochEnd(int64_t epoch, Logs &logs) {
  if (columns.empty()) {
    Logs sorted = logs;
    sorted.sort();
    bool validates = false;
    for (const auto &[name, value] : sorted) {
      columns.push_back(name);
      validates |= name.rfind("val_", 0) == 0;
    }
    // An epoch without validation may come before one with it.
    for (size_t i = 0, count = columns.size(); i < count && !validates; ++i)
      columns.push_back("val_" + columns[i]);
  }
  if (headerNeeded) {
    std::vector<std::string> header = {"epoch"};
    header.insert(header.end(), columns.begin(), columns.end());
    INGOT_RETURN_IF_ERROR(writeLine(header));
    headerNeeded = false;
  }
  std::vector<std::string> fields = {std::to_string(epoch)};
  for (const std::string &column : columns) {
    const auto found = logs.find(column);
    fields.push_back(found == logs.end() ? "NA" : pythonRepr(found->second));
  }
  return writeLine(fields);
}

Status CSVLogger::onTrainEnd(Logs &) {
  file.close();
  return Status();
}

Status CSVLogger::saveState(CallbackState &state) const {
  state.put("bytes", bytes);
  std::string names;
  for (const std::string &column : columns)
    names += column + "\n";
  state.put("columns", names);
  return Status();
}

/// Lines of epochs after the checkpoint are written again.
Status CSVLogger::restoreState(const CallbackState &state) {
  const int64_t kept = state.integer("bytes").value_or(0);
  if (kept < bytes) {
    std::error_code error;
    std::filesystem::resize_file(filename, std::uintmax_t(kept), error);
    if (error)
      return Status(StatusCode::IoError, "cannot shorten '" + filename + "': " + error.message());
    INGOT_RETURN_IF_ERROR(open(/*appending=*/true));
  }
  headerNeeded = bytes == 0;
  columns.clear();
  const std::string names = state.text("columns").value_or("");
  for (size_t at = 0, next; (next = names.find('\n', at)) != std::string::npos; at = next + 1)
    columns.push_back(names.substr(at, next - at));
  return Status();
}

} // namespace ingot::train
