// Writing Keras's files: see ModelFile.h. They are made in memory and appear whole or not at all.
#include "frontends/keras/files/ModelFile.h"
#include "frontends/kerasfile/Hdf5Writer.h"
#include "frontends/kerasfile/ZipFile.h"
#include "runtime/core/AtomicFile.h"

#include <ctime>

namespace ingot::keras::detail {

using kerasfile::FileError;
using kerasfile::Hdf5Writer;

namespace {

/// The version whose form the files have.
constexpr const char *kKerasVersion = "3.15.1";

using Values = std::map<std::string, ingot::Tensor>;

bool endsWith(const std::string &text, std::string_view suffix) {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

const ingot::Tensor &at(const Values &values, const std::string &name) {
  auto found = values.find(name);
  if (found == values.end())
    throw Error("internal error: no value of '" + name + "'", StatusCode::Internal);
  return found->second;
}

/// What a variable is before the first step.
ingot::Tensor initialValue(const OptimizerSlot &slot) {
  ingot::Tensor value =
      ingot::Tensor::zeros(slot.isInteger ? DType::I64 : DType::F32, slot.shape).value();
  for (int64_t i = 0; i < value.elementCount(); ++i)
    if (slot.isInteger)
      value.data<int64_t>()[i] = static_cast<int64_t>(slot.initial);
    else
      value.data<float>()[i] = static_cast<float>(slot.initial);
  return value;
}

/// The optimizer's arrays in Keras's order with their values; none before training, when there is
/// nothing to keep. Keras has some that a training step here does without.
std::vector<std::pair<std::string, ingot::Tensor>> writtenState(const ModelImpl &model,
                                                                const Values &values) {
  std::vector<std::pair<std::string, ingot::Tensor>> state;
  if (!model.training || !values.count("step"))
    return state;
  for (const OptimizerSlot &slot : optimizerSlots(model)) {
    auto found = values.find(slot.name);
    state.emplace_back(std::to_string(state.size()),
                       found == values.end() ? initialValue(slot) : copyOf(found->second));
  }
  return state;
}

void putTree(Hdf5Writer &writer, const ModelImpl &model, const Values &values) {
  const WeightTree tree = weightTree(model);
  for (const LayerPlace &layer : tree.layers) {
    writer.group(layer.path + "/vars");
    writer.text(layer.path + "/vars", "name", layer.name);
  }
  for (const WeightPlace &weight : tree.weights)
    writer.dataset(weight.path, at(values, weight.ref.name()));
  writer.group("vars");
  writer.text("vars", "name", model.name);
  const auto state = writtenState(model, values);
  if (state.empty())
    return;
  writer.group("optimizer/vars");
  writer.text("optimizer/vars", "name", "optimizer");
  for (size_t i = 0; i < state.size(); ++i)
    writer.dataset("optimizer/vars/" + std::to_string(i), state[i].second);
}

void putLegacyWeights(Hdf5Writer &writer, const std::string &root, const ModelImpl &model,
                      const Values &values) {
  std::vector<std::string> layerNames;
  const std::string prefix = root.empty() ? "" : root + "/";
  for (const auto &layer : model.layers()) {
    if (model.isSequential && dynamic_cast<InputLayerImpl *>(layer.get()))
      continue;
    layerNames.push_back(layer->name);
    std::vector<std::string> weightNames;
    writer.group(prefix + layer->name);
    for (const WeightRef &ref : legacyWeights(*layer)) {
      weightNames.push_back(ref.name());
      writer.dataset(prefix + layer->name + "/" + ref.name(), at(values, ref.name()));
    }
    writer.texts(prefix + layer->name, "weight_names", weightNames);
  }
  writer.group(prefix + "top_level_model_weights");
  writer.texts(prefix + "top_level_model_weights", "weight_names", {});
  writer.texts(root, "layer_names", layerNames);
  writer.text(root, "backend", "tensorflow");
  writer.text(root, "keras_version", kKerasVersion);
}

std::string legacyFile(const ModelImpl &model, const Values &values) {
  Hdf5Writer writer;
  writer.text("", "keras_version", kKerasVersion);
  writer.text("", "backend", "tensorflow");
  writer.text("", "model_config", modelToKeras(model, /*isLegacy=*/true).dump());
  if (model.training)
    writer.text("", "training_config", trainingToKeras(*model.training, /*isLegacy=*/true).dump());
  writer.group("model_weights");
  putLegacyWeights(writer, "model_weights", model, values);
  const auto state = writtenState(model, values);
  std::vector<std::string> names;
  for (const auto &[name, value] : state) {
    names.push_back("optimizer/" + name);
    writer.dataset("optimizer_weights/optimizer/" + name, value);
  }
  if (!state.empty())
    writer.texts("optimizer_weights", "weight_names", names);
  return writer.finish();
}

std::string treeFile(const ModelImpl &model, const Values &values) {
  Hdf5Writer writer;
  putTree(writer, model, values);
  return writer.finish();
}

std::string archive(const ModelImpl &model, const Values &values) {
  Json config = modelToKeras(model, /*isLegacy=*/false);
  if (model.training)
    config["compile_config"] = trainingToKeras(*model.training, /*isLegacy=*/false);
  char date[32];
  const std::time_t now = std::time(nullptr);
  std::tm parts;
  std::strftime(date, sizeof date, "%Y-%m-%d@%H:%M:%S", localtime_r(&now, &parts));
  const std::string metadata =
      Json({{"keras_version", kKerasVersion}, {"date_saved", date}}).dump();
  const std::string configText = config.dump(), weights = treeFile(model, values);
  return kerasfile::writeZip(
      {{"metadata.json", metadata}, {"config.json", configText}, {"model.weights.h5", weights}});
}

template <typename Make> void writeWhole(const std::string &path, Make make) {
  try {
    const std::string bytes = make();
    Result<AtomicFile> file = AtomicFile::create(path);
    Status status = file.isOk() ? file->write(bytes.data(), bytes.size()) : file.status();
    if (status.isOk())
      status = file->commit();
    if (!status.isOk())
      throw Error(status);
  } catch (const FileError &error) {
    throw Error("cannot write '" + path + "': " + error.what(), error.code());
  }
}

} // namespace

std::map<std::string, ingot::Tensor> valuesOf(ModelImpl &model, bool withState) {
  Values values;
  bool areKnown = true;
  for (const WeightRef &ref : weightsOf(model)) {
    std::optional<ingot::Tensor> value = newestValue(*ref.weight->variable);
    areKnown &= value.has_value();
    if (value)
      values.emplace(ref.name(), std::move(*value));
  }
  if (!areKnown) { // they are what `initialize` makes
    ensureEngine(model);
    for (const WeightRef &ref : weightsOf(model))
      values.insert_or_assign(ref.name(), *newestValue(*ref.weight->variable));
  }
  if (!withState || !model.training)
    return values;
  for (const OptimizerSlot &slot : optimizerSlots(model)) {
    const std::string &name = slot.name;
    if (model.engine) {
      if (Result<ingot::Tensor> value = stateOf(*model.engine).get(name); value.isOk())
        values.emplace(name, std::move(*value));
    } else if (auto held = model.held.find(name); held != model.held.end()) {
      values.emplace(name, copyOf(held->second));
    }
  }
  return values;
}

void writeModelFile(ModelImpl &model, const std::string &path) {
  writeWhole(path, [&] {
    const Values values = valuesOf(model, /*withState=*/true);
    return endsWith(path, ".keras") ? archive(model, values) : legacyFile(model, values);
  });
}

void writeWeightsFile(ModelImpl &model, const std::string &path) {
  writeWhole(path, [&] {
    if (endsWith(path, ".weights.h5"))
      return treeFile(model, valuesOf(model, /*withState=*/true));
    Hdf5Writer writer;
    putLegacyWeights(writer, "", model, valuesOf(model, /*withState=*/false));
    return writer.finish();
  });
}

} // namespace ingot::keras::detail
