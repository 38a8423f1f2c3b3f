// Model directories: `<model>/<version>/` with model.json and variables.safetensors, written whole
// or not at all. The format is in docs/Artifact.md; files may be damaged or hostile.
#include "frontends/keras/ModelDirectory.h"
#include "frontends/keras/ModelImpl.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/model/Safetensors.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace ingot::keras::detail {

namespace fs = std::filesystem;

namespace {

constexpr const char *kFormat = "ingot-model";
constexpr int kFormatVersion = 1;

Json toJson(const CompileOptions &options) {
  Json losses = Json::array();
  for (const Loss &loss : options.loss.each)
    losses.push_back({{"name", loss.name}, {"from_logits", loss.fromLogits}});
  Json optimizer = Json::object();
  for (const auto &[key, value] : options.optimizer.config)
    optimizer[key] = value;
  return {{"optimizer", {{"class_name", options.optimizer.className}, {"config", optimizer}}},
          {"loss", losses},
          {"metrics", options.metrics},
          {"loss_weights", options.lossWeights}};
}

CompileOptions compileOptionsFromJson(const Json &json) {
  CompileOptions options;
  options.optimizer = Optimizer(json.at("optimizer").at("class_name").get<std::string>());
  for (auto &[key, value] : options.optimizer.config)
    value = json["optimizer"].at("config").value(key, value);
  for (const Json &loss : json.at("loss")) {
    options.loss.each.emplace_back(loss.at("name").get<std::string>());
    options.loss.each.back().fromLogits = loss.value("from_logits", false);
  }
  options.metrics = json.at("metrics").get<std::vector<std::string>>();
  options.lossWeights = json.at("loss_weights").get<std::vector<double>>();
  return options;
}

void check(const Status &status) {
  if (!status.isOk())
    throw Error(status);
}

/// Indices of nodes, by address.
struct Indices {
  std::map<const Node *, size_t> of;
  explicit Indices(const ModelImpl &model) {
    for (const NodePtr &node : model.nodes)
      of.emplace(node.get(), of.size());
  }
  Json operator()(const std::vector<NodePtr> &nodes) const {
    Json result = Json::array();
    for (const NodePtr &node : nodes)
      result.push_back(of.at(node.get()));
    return result;
  }
};

std::string readText(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw Error("cannot read '" + path.string() + "': no such model directory, or not readable",
                StatusCode::NotFound);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The version directory that `path` and `version` mean.
fs::path versionDirectory(const fs::path &path, int version) {
  std::error_code error;
  if (version == 0 && fs::exists(path / "model.json", error))
    return path;
  if (version != 0)
    return path / std::to_string(version);
  int highest = 0;
  for (const fs::directory_entry &entry : fs::directory_iterator(path, error)) {
    std::string name = entry.path().filename().string();
    int number = 0;
    auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (problem == std::errc() && end == name.data() + name.size() &&
        fs::exists(entry.path() / "model.json", error))
      highest = std::max(highest, number);
  }
  if (highest == 0)
    throw Error("'" + path.string() +
                    "' is not a model directory: expected a directory with <version>/model.json, "
                    "as Model::save writes it",
                StatusCode::NotFound);
  return path / std::to_string(highest);
}

void readVariables(ModelImpl &model, const fs::path &path) {
  Result<SafetensorsFile> file = SafetensorsFile::open(path.string());
  check(file.status());
  for (const SafetensorsEntry &entry : file->entries()) {
    Result<ingot::Tensor> value = ingot::Tensor::zeros(entry.dtype, entry.shape);
    check(value.status());
    check(file->read(entry, value->rawData()));
    model.held.emplace(entry.name, std::move(*value));
  }
  for (const WeightRef &ref : weightsOf(model)) {
    auto it = model.held.find(ref.name());
    if (it == model.held.end())
      throw Error("'" + path.string() + "' has no weight '" + ref.name() + "' of the model",
                  StatusCode::DataLoss);
    if (it->second.dtype() != DType::F32 || it->second.shape() != ref.weight->shape)
      throw Error("'" + path.string() + "': weight '" + ref.name() + "' is " +
                      describe(it->second) + ", the model's is f32 " + toString(ref.weight->shape),
                  StatusCode::DataLoss);
  }
}

void writeText(const fs::path &path, const std::string &text) {
  Result<AtomicFile> file = AtomicFile::create(path.string());
  check(file.status());
  check(file->write(text.data(), text.size()));
  check(file->commit());
}

void writeVariables(ModelImpl &model, const fs::path &path) {
  bool isHeld = !model.engine;
  for (const WeightRef &ref : weightsOf(model))
    isHeld &= model.held.count(ref.name()) > 0;
  if (!isHeld)
    return check(stateOf(ensureEngine(model)).save(path.string()));
  std::vector<NamedTensor> tensors;
  for (const auto &[name, value] : model.held)
    tensors.push_back({name, value});
  check(writeSafetensors(path.string(), tensors, {}));
}

/// Puts `temporary` in the place of `target`, which may exist.
void exchange(const fs::path &temporary, const fs::path &target) {
  std::error_code error;
  fs::path old = temporary.string() + ".old";
  bool existed = fs::exists(target, error);
  if (existed)
    fs::rename(target, old, error);
  if (!error)
    fs::rename(temporary, target, error);
  if (error) {
    std::error_code ignored;
    if (existed && !fs::exists(target, ignored))
      fs::rename(old, target, ignored);
    throw Error("cannot write '" + target.string() + "': " + error.message(), StatusCode::IoError);
  }
  fs::remove_all(old, error);
}

} // namespace

Json modelToJson(const ModelImpl &model) {
  Json layers = Json::array(), nodes = Json::array();
  for (const auto &layer : model.layers())
    layers.push_back({{"class_name", layer->className()}, {"config", layerConfig(*layer)}});
  Indices indices(model);
  for (const NodePtr &node : model.nodes)
    nodes.push_back({{"layer", node->layer->name}, {"inputs", indices(node->inputs)}});
  return {{"format", kFormat},
          {"format_version", kFormatVersion},
          {"class_name", model.isSequential ? "Sequential" : "Functional"},
          {"config",
           {{"name", model.name},
            {"layers", layers},
            {"nodes", nodes},
            {"inputs", indices(model.inputs)},
            {"outputs", indices(model.outputs)}}},
          {"seed", model.seed},
          {"compile_config", model.training ? toJson(*model.training) : Json(nullptr)}};
}

std::shared_ptr<ModelImpl> modelFromJson(const Json &json) {
  if (json.value("format", "") != kFormat)
    throw Error("expected \"format\": \"" + std::string(kFormat) + "\"", StatusCode::DataLoss);
  if (json.at("format_version").get<int>() != kFormatVersion)
    throw Error("format_version " + json["format_version"].dump() + " is not known, this is " +
                    std::to_string(kFormatVersion) + "; use a newer Ingot",
                StatusCode::Unsupported);
  const Json &config = json.at("config");
  auto model = std::make_shared<ModelImpl>();
  model->name = config.at("name").get<std::string>();
  model->isSequential = json.at("class_name").get<std::string>() == "Sequential";
  model->seed = json.value("seed", uint64_t(0));
  std::map<std::string, std::shared_ptr<LayerImpl>> layers;
  for (const Json &layer : config.at("layers")) {
    auto made = layerFromConfig(layer.at("class_name").get<std::string>(), layer.at("config"));
    if (!layers.emplace(made->name, made).second)
      throw Error("two layers are called '" + made->name + "'", StatusCode::DataLoss);
    model->stack.push_back(made);
  }
  std::vector<NodePtr> nodes;
  auto nodeAt = [&](const Json &index) {
    auto i = index.get<size_t>();
    if (i >= nodes.size())
      throw Error("node " + std::to_string(i) + " is used before it is made", StatusCode::DataLoss);
    return nodes[i];
  };
  for (const Json &entry : config.at("nodes")) {
    auto layer = layers.find(entry.at("layer").get<std::string>());
    if (layer == layers.end())
      throw Error("node of an unknown layer " + entry["layer"].dump(), StatusCode::DataLoss);
    std::vector<NodePtr> inputs;
    for (const Json &index : entry.at("inputs"))
      inputs.push_back(nodeAt(index));
    bool isInput = dynamic_cast<InputLayerImpl *>(layer->second.get()) != nullptr;
    if (isInput != inputs.empty())
      throw Error("node of layer '" + layer->first + "' has " + std::to_string(inputs.size()) +
                      " inputs",
                  StatusCode::DataLoss);
    nodes.push_back(isInput ? makeInputNode(layer->second) : call(layer->second, inputs));
  }
  for (const Json &index : config.at("inputs"))
    model->inputs.push_back(nodeAt(index));
  for (const Json &index : config.at("outputs"))
    model->outputs.push_back(nodeAt(index));
  if (model->inputs.empty() || model->outputs.empty())
    throw Error("the model has no input or no output", StatusCode::DataLoss);
  if (!model->isSequential)
    model->stack.clear();
  finishGraph(*model);
  if (const Json &training = json.at("compile_config"); !training.is_null()) {
    model->training = compileOptionsFromJson(training);
    checkTraining(*model, *model->training);
  }
  return model;
}

std::shared_ptr<ModelImpl> readModelDirectory(const std::string &path, int version) {
  fs::path directory = versionDirectory(path, version), file = directory / "model.json";
  std::shared_ptr<ModelImpl> model;
  try {
    model = modelFromJson(Json::parse(readText(file)));
  } catch (const nlohmann::json::exception &error) {
    throw Error("'" + file.string() + "': " + error.what(), StatusCode::DataLoss);
  } catch (const Error &error) {
    throw Error("'" + file.string() + "': " + error.what(), error.code());
  }
  readVariables(*model, directory / "variables.safetensors");
  return model;
}

void writeModelDirectory(ModelImpl &model, const std::string &path, int version) {
  if (version < 1)
    throw Error("save: versions count from 1, got " + std::to_string(version));
  std::error_code error;
  fs::path temporary =
      fs::path(path) / (".tmp-" + std::to_string(version) + "-" + std::to_string(::getpid()));
  fs::create_directories(temporary, error);
  if (error)
    throw Error("cannot make '" + temporary.string() + "': " + error.message(),
                StatusCode::IoError);
  try {
    writeVariables(model, temporary / "variables.safetensors");
    writeText(temporary / "model.json", modelToJson(model).dump(2) + "\n");
    if (model.engine) {
      fs::copy_file(artifactOf(*model.engine), temporary / "model.so", error);
      if (error)
        throw Error("cannot write '" + (temporary / "model.so").string() + "': " + error.message(),
                    StatusCode::IoError);
    }
    exchange(temporary, fs::path(path) / std::to_string(version));
  } catch (...) {
    fs::remove_all(temporary, error);
    throw;
  }
}

} // namespace ingot::keras::detail

mlir::OwningOpRef<mlir::ModuleOp> ingot::keras::loadModelDirectory(const std::string &path,
                                                                   mlir::MLIRContext *context,
                                                                   bool withTraining) {
  try {
    auto model = detail::readModelDirectory(path, 0);
    return detail::buildModule(*model, context, withTraining && model->training.has_value(),
                               /*withValues=*/true);
  } catch (const std::exception &error) {
    mlir::emitError(mlir::UnknownLoc::get(context), error.what());
    return nullptr;
  }
}
