// See Checkpoint.h. Tensors that are no variables have names that begin with '~'; the metadata has
// numbers as text: `ingot.checkpoint`, `artifact`, `build`, `variant`, `epoch`, `step`, `pass`,
// `batch`, `seed`, `batches`, `samples`, and for callback i `callback.i` (its name) and
// `callback.i.<key>`.
#include "runtime/train/Checkpoint.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/model/Safetensors.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <unistd.h>

namespace ingot::train {

static constexpr const char *format = "1";
static constexpr const char *totalsName = "~totals";

//===----------------------------------------------------------------------===//
// CallbackState

void CallbackState::put(const std::string &name, double value) {
  char text[64];
  put(name, std::string(text, std::to_chars(text, text + sizeof text, value).ptr));
}

void CallbackState::put(const std::string &name, const std::optional<double> &value) {
  if (value)
    put(name, *value);
}

Status CallbackState::put(const std::string &name, const TensorView &value) {
  Tensor copy;
  INGOT_RETURN_IF_ERROR(copy.resize(value.dtype, value.dims, value.rank));
  std::copy_n(static_cast<const char *>(value.data), copy.byteSize(),
              static_cast<char *>(copy.rawData()));
  tensors.emplace_back(name, std::move(copy));
  return Status();
}

std::optional<std::string> CallbackState::text(std::string_view name) const {
  const auto found = texts.find(name);
  return found == texts.end() ? std::nullopt : std::optional<std::string>(found->second);
}

template <typename T> static std::optional<T> parse(const std::optional<std::string> &text) {
  T value = 0;
  if (!text)
    return std::nullopt;
  const char *end = text->data() + text->size();
  const auto result = std::from_chars(text->data(), end, value);
  if (result.ec != std::errc() || result.ptr != end)
    return std::nullopt;
  return value;
}

std::optional<int64_t> CallbackState::integer(std::string_view name) const {
  return parse<int64_t>(text(name));
}

std::optional<double> CallbackState::number(std::string_view name) const {
  return parse<double>(text(name));
}

const Tensor *CallbackState::tensor(std::string_view name) const {
  for (const auto &[key, value] : tensors)
    if (key == name)
      return &value;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Writing

/// A digest (FNV-1a) of the artifact's manifest, which tells builds of a model apart.
static std::string buildOf(const Artifact &artifact) {
  const ingot_artifact_table &table = artifact.table();
  uint64_t digest = 0xCBF29CE484222325u;
  for (uint64_t i = 0; i < table.manifest_bytes; ++i)
    digest = (digest ^ static_cast<const unsigned char *>(table.manifest)[i]) * 0x100000001B3u;
  char text[24];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(digest));
  return text;
}

static SafetensorsMetadata metadataOf(const State &state, const TrainingState &training) {
  const Artifact &artifact = *state.artifact();
  SafetensorsMetadata metadata = {{"ingot.checkpoint", format},
                                  {"artifact", std::string(artifact.name())},
                                  {"build", buildOf(artifact)},
                                  {"variant", std::string(artifact.variant())},
                                  {"epoch", std::to_string(training.place.epoch)},
                                  {"step", std::to_string(training.place.step)},
                                  {"pass", std::to_string(training.place.pass)},
                                  {"batch", std::to_string(training.place.batch)},
                                  {"seed", std::to_string(training.seed)},
                                  {"samples", std::to_string(training.samples)}};
  if (training.batches)
    metadata.emplace_back("batches", std::to_string(*training.batches));
  for (size_t i = 0; i < training.callbacks.size(); ++i) {
    const std::string prefix = "callback." + std::to_string(i);
    metadata.emplace_back(prefix, training.callbacks[i].first);
    for (const auto &[name, value] : training.callbacks[i].second.texts)
      metadata.emplace_back(prefix + "." + name, value);
  }
  return metadata;
}

static std::string tensorPrefix(size_t callback) {
  return "~callback." + std::to_string(callback) + "/";
}

static std::string previousOf(const std::string &path) { return path + ".bkp"; }

/// Gives the file at `path`, if there is one, its second name.
static Status keepPreviousFile(const std::string &path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::exists(path, error))
    return Status();
  const std::string temporary = previousOf(path) + ".tmp-" + std::to_string(getpid());
  fs::remove(temporary, error);
  fs::create_hard_link(path, temporary, error);
  if (error) // not every file system has links
    fs::copy_file(path, temporary, fs::copy_options::overwrite_existing, error);
  if (!error)
    fs::rename(temporary, previousOf(path), error);
  if (!error)
    return Status();
  std::error_code ignored;
  fs::remove(temporary, ignored); // half a copy, perhaps
  return errnoStatus("keep", path, error.value());
}

Status writeCheckpoint(const State &state, const TrainingState &training, const std::string &path,
                       bool keepPrevious) {
  const ingot_artifact_table &table = state.artifact()->table();
  std::vector<Tensor> values(static_cast<size_t>(table.variable_count));
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < values.size(); ++i) {
    INGOT_RETURN_IF_ERROR(state.get(table.variables[i].name, values[i]));
    tensors.push_back({table.variables[i].name, values[i]});
  }
  const int64_t totalCount = int64_t(training.totals.size());
  tensors.push_back({totalsName, {DType::F64, 1, &totalCount, training.totals.data()}});
  for (size_t i = 0; i < training.callbacks.size(); ++i)
    for (const auto &[name, value] : training.callbacks[i].second.tensors)
      tensors.push_back({tensorPrefix(i) + name, value});
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty())
    std::filesystem::create_directories(parent, error);
  if (error)
    return errnoStatus("make", parent.string(), error.value());
  if (keepPrevious)
    INGOT_RETURN_IF_ERROR(keepPreviousFile(path));
  return writeSafetensors(path, tensors, metadataOf(state, training));
}

//===----------------------------------------------------------------------===//
// Reading

namespace {

/// The metadata of a checkpoint.
class Header {
public:
  explicit Header(const SafetensorsFile &file) : file(file) {}

  std::optional<std::string> text(const std::string &key) const {
    for (const auto &[name, value] : file.metadata())
      if (name == key)
        return value;
    return std::nullopt;
  }
  template <typename T> Status read(const char *key, T &value) const {
    const std::optional<T> number = parse<T>(text(key));
    if (!number || *number < T(0))
      return Status(StatusCode::DataLoss,
                    "checkpoint '" + file.path() + "': its metadata has no number '" + key + "'");
    value = *number;
    return Status();
  }

private:
  const SafetensorsFile &file;
};

} // namespace

static Result<Tensor> readTensor(const SafetensorsFile &file, const SafetensorsEntry &entry) {
  Tensor value;
  INGOT_RETURN_IF_ERROR(value.resize(entry.dtype, entry.shape));
  INGOT_RETURN_IF_ERROR(file.read(entry, value.rawData()));
  return value;
}

static Result<CallbackState> readCallback(const SafetensorsFile &file, size_t index) {
  CallbackState state;
  const std::string prefix = "callback." + std::to_string(index) + ".";
  for (const auto &[name, value] : file.metadata())
    if (name.rfind(prefix, 0) == 0)
      state.texts[name.substr(prefix.size())] = value;
  const std::string head = tensorPrefix(index);
  for (const SafetensorsEntry &entry : file.entries())
    if (entry.name.rfind(head, 0) == 0) {
      INGOT_ASSIGN_OR_RETURN(Tensor value, readTensor(file, entry));
      state.tensors.emplace_back(entry.name.substr(head.size()), std::move(value));
    }
  return state;
}

static Result<TrainingState> readTraining(const SafetensorsFile &file) {
  const Header header(file);
  if (header.text("ingot.checkpoint") != format)
    return Status(StatusCode::DataLoss,
                  "'" + file.path() + "' is no checkpoint of a training, or of another version");
  TrainingState training;
  INGOT_RETURN_IF_ERROR(header.read("epoch", training.place.epoch));
  INGOT_RETURN_IF_ERROR(header.read("step", training.place.step));
  INGOT_RETURN_IF_ERROR(header.read("pass", training.place.pass));
  INGOT_RETURN_IF_ERROR(header.read("batch", training.place.batch));
  INGOT_RETURN_IF_ERROR(header.read("seed", training.seed));
  INGOT_RETURN_IF_ERROR(header.read("samples", training.samples));
  training.batches = parse<int64_t>(header.text("batches"));
  const SafetensorsEntry *totals = file.find(totalsName);
  if (!totals || totals->dtype != DType::F64)
    return Status(StatusCode::DataLoss, "checkpoint '" + file.path() + "' has no totals");
  INGOT_ASSIGN_OR_RETURN(const Tensor values, readTensor(file, *totals));
  training.totals.assign(values.data<double>(), values.data<double>() + values.elementCount());
  for (size_t i = 0;; ++i) {
    const std::optional<std::string> name = header.text("callback." + std::to_string(i));
    if (!name)
      return training;
    INGOT_ASSIGN_OR_RETURN(CallbackState state, readCallback(file, i));
    training.callbacks.emplace_back(*name, std::move(state));
  }
}

/// Bits are promised for one artifact on one CPU variant.
static void warnOfOthers(const Header &header, const Artifact &artifact, const std::string &path) {
  const std::string variant = header.text("variant").value_or("");
  std::string what;
  if (variant != artifact.variant())
    what = "on CPU variant '" + variant + "', this is '" + std::string(artifact.variant()) + "'";
  else if (header.text("build") != buildOf(artifact))
    what = "by another build of the model";
  if (!what.empty())
    std::cerr << "warning: checkpoint '" << path << "' was written " << what
              << ": the training goes on, but its bits may differ from an uninterrupted one\n";
}

static Result<TrainingState> readFile(State &state, const std::string &path) {
  INGOT_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::open(path));
  INGOT_ASSIGN_OR_RETURN(TrainingState training, readTraining(file));
  BindOptions binding;
  binding.requireAll = true;
  binding.allowExtra = true;
  INGOT_RETURN_IF_ERROR(state.bind(path, binding));
  warnOfOthers(Header(file), *state.artifact(), path);
  return training;
}

Result<TrainingState> readCheckpoint(State &state, const std::string &path) {
  Result<TrainingState> training = readFile(state, path);
  std::error_code error;
  if (training.isOk() || training.status().code() == StatusCode::InvalidArgument ||
      !std::filesystem::exists(previousOf(path), error))
    return training;
  std::cerr << "warning: " << training.status().message() << "; taking the one before, '"
            << previousOf(path) << "'\n";
  return readFile(state, previousOf(path));
}

} // namespace ingot::train
