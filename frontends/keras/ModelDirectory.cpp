// Model directories: `<model>/<version>/` with model.json and variables.safetensors, written whole
// or not at all. The format is in docs/Artifact.md; files may be damaged or hostile.
#include "frontends/keras/ModelDirectory.h"
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Throwing.h"
#include "frontends/keras/files/ModelFile.h"
#include "runtime/core/AtomicDirectory.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/model/Safetensors.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace ingot::keras::detail {

namespace fs = std::filesystem;

namespace {

std::string readText(const fs::path &path) {
  constexpr uintmax_t most = uintmax_t(256) << 20;
  std::error_code error;
  if (fs::exists(path, error) && !fs::is_regular_file(path, error))
    throw Error("cannot read '" + path.string() + "': it is no regular file", StatusCode::DataLoss);
  if (uintmax_t bytes = fs::file_size(path, error); !error && bytes > most)
    throw Error("cannot read '" + path.string() + "': it has " + std::to_string(bytes) +
                    " bytes, a model.json has at most " + std::to_string(most),
                StatusCode::DataLoss);
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw Error("cannot read '" + path.string() + "': no such model directory, or not readable",
                StatusCode::NotFound);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool isVersion(const fs::path &directory) {
  std::error_code error;
  return fs::exists(directory / "model.json", error);
}

/// Where version `number` is: under its name, or, when a save was killed between two renames, where
/// AtomicDirectory put it aside.
fs::path placeOf(const fs::path &path, int number) {
  fs::path place = path / std::to_string(number);
  fs::path aside = AtomicDirectory::previousName(place.string());
  return !isVersion(place) && isVersion(aside) ? aside : place;
}

/// The version directory that `path` and `version` mean.
fs::path versionDirectory(const fs::path &path, int version) {
  if (version == 0 && isVersion(path))
    return path;
  if (version != 0)
    return placeOf(path, version);
  int highest = 0; // whatever else lies there, such as what a killed save left, has another name
  const std::string aside = fs::path(AtomicDirectory::previousName("")).filename();
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.compare(0, aside.size(), aside) == 0)
      name.erase(0, aside.size());
    int number = 0;
    auto [last, problem] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (problem == std::errc() && last == name.data() + name.size() && number > highest &&
        isVersion(placeOf(path, number)))
      highest = number;
  }
  if (highest == 0)
    throw Error("'" + path.string() +
                    "' is not a model directory: expected a directory with <version>/model.json, "
                    "as Model::save writes it",
                StatusCode::NotFound);
  return placeOf(path, highest);
}

void readVariables(ModelImpl &model, const fs::path &path) {
  Result<SafetensorsFile> file = SafetensorsFile::open(path.string());
  check(file.status());
  std::map<std::string, ingot::Tensor> values;
  for (const SafetensorsEntry &entry : file->entries()) {
    Result<ingot::Tensor> value = ingot::Tensor::zeros(entry.dtype, entry.shape);
    check(value.status());
    check(file->read(entry, value->rawData()));
    values.emplace(entry.name, std::move(*value));
  }
  Problems problems;
  for (const WeightRef &ref : weightsOf(model)) {
    auto it = values.find(ref.name());
    if (it == values.end()) {
      problems.add("there is no weight '" + ref.name() + "', which the model has",
                   StatusCode::DataLoss);
      continue;
    }
    if (it->second.dtype() != DType::F32 || it->second.shape() != ref.weight->shape)
      problems.add("weight '" + ref.name() + "' is " + describe(it->second) +
                       ", the model's is f32 " + toString(ref.weight->shape),
                   StatusCode::DataLoss);
    else
      setValue(*ref.weight->variable, std::move(it->second));
    values.erase(it);
  }
  model.held = std::move(values);
  if (problems.count)
    throw LoadError(problems, path.string());
}

void writeText(const fs::path &path, const std::string &text) {
  Result<AtomicFile> file = AtomicFile::create(path.string());
  check(file.status());
  check(file->write(text.data(), text.size()));
  check(file->commit());
}

void writeVariables(ModelImpl &model, const fs::path &path) {
  std::vector<std::pair<std::string, ingot::Tensor>> weights;
  bool haveValues = !model.engine;
  for (const WeightRef &ref : weightsOf(model))
    if (std::optional<ingot::Tensor> value; haveValues) {
      value = newestValue(*ref.weight->variable);
      haveValues = value.has_value();
      if (value)
        weights.emplace_back(ref.name(), std::move(*value));
    }
  if (!haveValues)
    return check(stateOf(ensureEngine(model)).save(path.string()));
  std::map<std::string, TensorView> sorted;
  for (const auto &[name, value] : weights)
    sorted.emplace(name, value);
  for (const auto &[name, value] : model.held)
    sorted.emplace(name, value);
  std::vector<NamedTensor> tensors;
  for (const auto &[name, value] : sorted)
    tensors.push_back({name, value});
  check(writeSafetensors(path.string(), tensors, {}));
}

} // namespace

std::shared_ptr<ModelImpl> readModelDirectory(const std::string &path, int version) {
  fs::path directory = versionDirectory(path, version), file = directory / "model.json";
  std::shared_ptr<ModelImpl> model;
  Problems problems;
  try {
    model = modelFromJson(parseJson(readText(file)), problems);
  } catch (const nlohmann::json::exception &error) {
    problems.add(error.what(), StatusCode::DataLoss);
  } catch (const Error &error) {
    throw Error("'" + file.string() + "': " + error.what(), error.code());
  }
  if (problems.count)
    throw LoadError(problems, file.string());
  readVariables(*model, directory / "variables.safetensors");
  return model;
}

void writeModelDirectory(ModelImpl &model, const std::string &path, int version) {
  if (version < 1)
    throw Error("save: versions count from 1, got " + std::to_string(version));
  fs::path target = fs::path(path) / std::to_string(version);
  Result<AtomicDirectory> directory = AtomicDirectory::create(target.string());
  check(directory.status());
  fs::path temporary = directory->path();
  writeVariables(model, temporary / "variables.safetensors");
  writeText(temporary / "model.json", modelToJson(model).dump(2) + "\n");
  if (model.engine) {
    std::error_code error;
    fs::copy_file(artifactOf(*model.engine), temporary / "model.so", error);
    if (error)
      throw Error("cannot write '" + (temporary / "model.so").string() + "': " + error.message(),
                  StatusCode::IoError);
  }
  check(directory->commit());
}

} // namespace ingot::keras::detail

mlir::OwningOpRef<mlir::ModuleOp> ingot::keras::loadModelDirectory(const std::string &path,
                                                                   mlir::MLIRContext *context,
                                                                   bool withTraining,
                                                                   bool recompute) {
  try {
    auto model = isKerasFile(path) ? detail::readModelFile(path, withTraining)
                                   : detail::readModelDirectory(path, 0);
    if (model->training)
      model->training->recompute |= recompute;
    return detail::buildModule(*model, context, withTraining && model->training.has_value(),
                               /*withValues=*/true);
  } catch (const detail::LoadError &error) {
    for (const std::string &problem : error.each)
      mlir::emitError(mlir::UnknownLoc::get(context), problem);
    return nullptr;
  } catch (const std::exception &error) {
    mlir::emitError(mlir::UnknownLoc::get(context), error.what());
    return nullptr;
  }
}
