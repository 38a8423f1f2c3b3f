// Opening a file of Keras's, recognised by its content, and making a model of it: see ModelFile.h.
#include "frontends/keras/files/ModelFile.h"
#include "frontends/kerasfile/ZipFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

namespace ingot::keras::detail {

using kerasfile::FileError;
using kerasfile::Hdf5File;
using kerasfile::ZipFile;

namespace {

constexpr uint64_t kMostTextBytes = uint64_t(256) << 20;

/// An archive's member or a mapped file, for as long as its reader lives.
struct Archived {
  std::string weights;
};

std::shared_ptr<llvm::MemoryBuffer> mapFile(const std::string &path) {
  if (llvm::sys::fs::is_directory(path))
    throw Error("'" + path + "' is a directory, not a file of Keras's", StatusCode::DataLoss);
  auto buffer =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    throw Error("cannot read '" + path + "': " + buffer.getError().message(),
                buffer.getError() == std::errc::no_such_file_or_directory ? StatusCode::NotFound
                                                                          : StatusCode::IoError);
  return std::move(*buffer);
}

Json parseText(const std::string &text, const std::string &place) {
  try {
    return parseJson(text);
  } catch (const nlohmann::json::exception &error) {
    throw FileError(place + " is no JSON: " + error.what());
  } catch (const Error &error) {
    throw FileError(place + ": " + error.what(), error.code());
  }
}

std::string textOf(const Json &json, const char *key) {
  auto found = json.is_object() ? json.find(key) : json.end();
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void openArchive(ModelFile &file, std::string_view bytes) {
  const ZipFile archive(bytes);
  file.kind = ModelFile::Kind::Archive;
  file.configPlace = "config.json";
  if (archive.contains("model.weights.npz") && !archive.contains("model.weights.h5"))
    throw FileError("its weights are in model.weights.npz, which is not supported: save it with "
                    "weights_format=\"h5\", Keras's default",
                    StatusCode::Unsupported);
  if (!archive.contains("config.json") || !archive.contains("model.weights.h5"))
    throw FileError("a zip archive without config.json and model.weights.h5: it is no .keras file");
  file.config = parseText(archive.read("config.json", kMostTextBytes), "config.json");
  if (file.config.is_object() && file.config.contains("compile_config"))
    file.training = file.config["compile_config"];
  if (archive.contains("metadata.json")) {
    const Json metadata = parseText(archive.read("metadata.json", kMostTextBytes), "metadata.json");
    file.kerasVersion = textOf(metadata, "keras_version");
    file.dateSaved = textOf(metadata, "date_saved");
  }
  auto archived = std::make_shared<Archived>(Archived{archive.read("model.weights.h5")});
  file.hdf5 = std::make_shared<Hdf5File>(archived->weights);
  file.bytes = std::move(archived);
}

void openHdf5(ModelFile &file, std::string_view bytes) {
  file.hdf5 = std::make_shared<Hdf5File>(bytes);
  const Hdf5File &hdf5 = *file.hdf5;
  if (hdf5.isGroup("model_weights"))
    file.weightsRoot = "model_weights";
  const bool hasNames =
      hdf5.texts(file.weightsRoot, "layer_names") || hdf5.texts(file.weightsRoot, "layer_names0");
  file.kind = hasNames ? ModelFile::Kind::Legacy : ModelFile::Kind::Weights;
  for (const std::string &root : {std::string(), file.weightsRoot})
    if (file.kerasVersion.empty())
      file.kerasVersion = hdf5.text(root, "keras_version").value_or("");
  file.configPlace = "model_config";
  if (auto text = hdf5.text("", "model_config"))
    file.config = parseText(*text, "model_config");
  if (auto text = hdf5.text("", "training_config"))
    file.training = parseText(*text, "training_config");
}

} // namespace

bool isKerasFileName(const std::string &path) {
  const llvm::StringRef name(path);
  return name.ends_with(".keras") || name.ends_with(".h5") || name.ends_with(".hdf5");
}

ModelFile openModelFile(const std::string &path) {
  std::shared_ptr<llvm::MemoryBuffer> buffer = mapFile(path);
  const std::string_view bytes(buffer->getBufferStart(), buffer->getBufferSize());
  ModelFile file;
  file.path = path;
  try {
    if (ZipFile::recognises(bytes)) {
      openArchive(file, bytes);
    } else if (Hdf5File::recognises(bytes)) {
      openHdf5(file, bytes);
      file.bytes = buffer;
    } else {
      throw FileError("it is neither a .keras file (a zip archive) nor HDF5, whatever its name",
                      StatusCode::DataLoss);
    }
  } catch (const FileError &error) {
    throw Error("cannot read '" + path + "': " + error.what(), error.code());
  }
  return file;
}

std::shared_ptr<ModelImpl> readModelFile(const std::string &path, bool withTraining) {
  const ModelFile file = openModelFile(path);
  if (!file.config.is_object())
    throw Error("'" + path +
                    "' has weights alone, no model: build the model, then call loadWeights",
                StatusCode::FailedPrecondition);
  Problems problems;
  if (!file.kerasVersion.empty() && file.kerasVersion[0] < '3' &&
      file.config.dump(-1, ' ', false, Json::error_handler_t::replace).find("\"hard_sigmoid\"") !=
          std::string::npos)
    problems.add(file.configPlace +
                     ": hard_sigmoid of Keras 2 is 0.2 x + 0.5, that of Keras 3 and of "
                     "this library x / 6 + 0.5: the model would give other results; "
                     "train it anew with another activation",
                 StatusCode::Unsupported);
  Json graph = readGraph(file.config, file.configPlace, problems);
  std::optional<CompileOptions> training;
  if (withTraining && file.training.is_object() && !file.training.empty()) {
    const std::string place =
        file.kind == ModelFile::Kind::Archive ? "compile_config" : "training_config";
    try {
      training = trainingFromKeras(file.training);
    } catch (const nlohmann::json::exception &error) {
      problems.add(place + ": " + error.what(), StatusCode::DataLoss);
    } catch (const Error &error) {
      problems.add(place + ": " + error.what() + "; load it with .compile = false", error.code());
    }
  }
  if (problems.count)
    throw LoadError(problems, path);
  std::shared_ptr<ModelImpl> model;
  try {
    model = modelFromConfig(graph.at("class_name"), graph.at("config"));
    model->training = std::move(training);
    if (model->training)
      checkTraining(*model, *model->training);
  } catch (const Error &error) {
    throw Error("'" + path + "': " + error.what(), error.code());
  }
  readWeights(*model, file, {});
  if (model->training)
    readOptimizerState(*model, file);
  return model;
}

} // namespace ingot::keras::detail

bool ingot::keras::isKerasFile(const std::string &path) {
  using namespace ingot::kerasfile;
  if (!llvm::sys::fs::is_regular_file(path))
    return false;
  auto buffer =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return false;
  const std::string_view bytes((*buffer)->getBufferStart(), (*buffer)->getBufferSize());
  if (!ZipFile::recognises(bytes))
    return Hdf5File::recognises(bytes);
  try {
    return ZipFile(bytes).contains("config.json");
  } catch (const FileError &) {
    return false;
  }
}
