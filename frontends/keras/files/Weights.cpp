// Weights of a model and their places in Keras's files: see ModelFile.h.
//
// Keras 3 names groups by class, counted in the order of layers, and by attribute below; legacy
// files have the layers' own names, each with a list. Own names are attributes in the former.
#include "frontends/keras/Names.h"
#include "frontends/keras/files/ModelFile.h"
#include "llvm/ADT/APFloat.h"

namespace ingot::keras::detail {

using kerasfile::FileError;
using kerasfile::Hdf5File;

namespace {

/// A name for the next of that class in a container: "dense", "dense_1".
std::string nextName(const std::string &className, std::map<std::string, int> &counts) {
  // Whose class has another name in Keras's sources, from which it makes that of the group.
  const bool isGrouped = className == "GroupQueryAttention";
  const std::string name = isGrouped ? "grouped_query_attention" : snakeCase(className);
  const int count = counts[name]++;
  return count == 0 ? name : name + "_" + std::to_string(count);
}

/// The attribute of a layer of Keras's that holds its sublayer.
std::string attributeOf(const LayerImpl &layer, const LayerImpl &sublayer, size_t index) {
  const std::string className = layer.className();
  if (className == "Bidirectional")
    return index == 0 ? "forward_layer" : "backward_layer";
  if (className == "TimeDistributed")
    return "layer";
  if (className == "MultiHeadAttention" || className == "GroupQueryAttention")
    return (className == "GroupQueryAttention" ? "_" : "") +
           (sublayer.name == "attention_output" ? std::string("output") : sublayer.name) + "_dense";
  return "cell";
}

/// Walks layers as Keras's saving does, each once.
class TreeBuilder {
public:
  explicit TreeBuilder(WeightTree &tree) : tree(tree) {}

  void addModel(const ModelImpl &model, const std::string &path) {
    std::map<std::string, int> counts;
    for (const auto &layer : model.layers())
      if (!model.isSequential || !dynamic_cast<InputLayerImpl *>(layer.get()))
        add(*layer, path + "layers/" + nextName(layer->className(), counts));
  }

private:
  void add(const LayerImpl &layer, const std::string &path) {
    if (!seen.insert(&layer).second)
      return;
    chain.push_back(&layer);
    tree.layers.push_back({path, layer.name});
    size_t index = 0;
    for (bool trainable : {true, false})
      for (const Weight &weight : layer.weights)
        if (weight.trainable == trainable)
          tree.weights.push_back(
              {path + "/vars/" + std::to_string(index++), WeightRef{chain, &weight}});
    if (auto *model = dynamic_cast<const ModelImpl *>(&layer)) {
      addModel(*model, path + "/");
    } else {
      const auto sublayers = layer.sublayers();
      std::map<std::string, int> counts;
      for (size_t i = 0; i < sublayers.size(); ++i)
        add(*sublayers[i], path + "/" +
                               (std::string(layer.className()) == "StackedRNNCells"
                                    ? "cells/" + nextName(sublayers[i]->className(), counts)
                                    : attributeOf(layer, *sublayers[i], i)));
    }
    chain.pop_back();
  }

  WeightTree &tree;
  std::vector<const LayerImpl *> chain;
  std::set<const LayerImpl *> seen;
};

std::string joined(const std::string &a, const std::string &b) {
  return a.empty() ? b : a + "/" + b;
}

/// Element `index` as a number.
double elementAt(const ingot::Tensor &tensor, int64_t index) {
  const auto *at = static_cast<const char *>(tensor.rawData()) +
                   static_cast<size_t>(index) * ingot::byteSize(tensor.dtype());
  auto as = [&](auto value) {
    std::memcpy(&value, at, sizeof value);
    return value;
  };
  auto small = [&](const llvm::fltSemantics &semantics) {
    return llvm::APFloat(semantics, llvm::APInt(16, as(uint16_t()))).convertToFloat();
  };
  switch (tensor.dtype()) {
  case DType::Bool:
  case DType::U8:
    return as(uint8_t());
  case DType::I8:
    return as(int8_t());
  case DType::I16:
    return as(int16_t());
  case DType::U16:
    return as(uint16_t());
  case DType::I32:
    return as(int32_t());
  case DType::U32:
    return as(uint32_t());
  case DType::I64:
    return static_cast<double>(as(int64_t()));
  case DType::U64:
    return static_cast<double>(as(uint64_t()));
  case DType::F16:
    return small(llvm::APFloat::IEEEhalf());
  case DType::BF16:
    return small(llvm::APFloat::BFloat());
  case DType::F32:
    return as(float());
  default:
    return as(double());
  }
}

/// An array of a file and the weight it is for.
struct Assignment {
  std::string path;
  WeightRef ref;
};

/// Finds the array of each weight, reads all of them, and only then changes the model.
class WeightReader {
public:
  WeightReader(ModelImpl &model, const ModelFile &file, const WeightOptions &options)
      : model(model), file(file), options(options) {}
  void read();

private:
  void findInTree();
  void findInOrder();
  void findByName();
  void match(const std::string &group, const LayerImpl &layer,
             const std::vector<std::string> &names);
  void add(const std::string &problem, StatusCode code = StatusCode::DataLoss) {
    problems.add(problem, code);
  }
  std::vector<std::string> namesIn(const std::string &group) {
    return file.arrays().longTexts(group, "weight_names");
  }
  void checkAll();

  ModelImpl &model;
  const ModelFile &file;
  const WeightOptions &options;
  Problems problems;
  std::vector<Assignment> assignments;
};

void WeightReader::findInTree() {
  const Hdf5File &arrays = file.arrays();
  // Files of TensorFlow 2.13 call the container so.
  const bool isOld = arrays.isGroup("_layer_checkpoint_dependencies");
  for (const auto &[path, ref] : weightTree(model).weights) {
    std::string place = path;
    if (isOld && !arrays.isDataset(place))
      for (size_t at = 0; (at = place.find("layers/", at)) != std::string::npos; at += 30)
        if (at == 0 || place[at - 1] == '/')
          place.replace(at, 6, "_layer_checkpoint_dependencies");
    if (const size_t at = place.rfind("_dense/vars/"); // Keras 2: "_query_dense"
        at != std::string::npos && !arrays.isDataset(place))
      place.insert(place.rfind('/', at) + 1, "_");
    if (arrays.isDataset(place))
      assignments.push_back({place, ref});
    else if (!options.skipMismatch)
      add("there is no '" + path + "', which weight '" + ref.name() + "' is read from");
  }
}

void WeightReader::match(const std::string &group, const LayerImpl &layer,
                         const std::vector<std::string> &names) {
  const std::vector<WeightRef> refs = legacyWeights(layer);
  if (refs.size() != names.size()) {
    if (!options.skipMismatch)
      add("'" + group + "' has " + std::to_string(names.size()) + " weights, layer '" + layer.name +
          "' (" + layer.className() + ") has " + std::to_string(refs.size()));
    return;
  }
  for (size_t i = 0; i < refs.size(); ++i)
    assignments.push_back({joined(group, names[i]), refs[i]});
}

/// Layers with weights, one after another: Keras's "topological" loading.
void WeightReader::findInOrder() {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const std::string &name : file.arrays().longTexts(file.weightsRoot, "layer_names")) {
    const std::string group = joined(file.weightsRoot, name);
    if (std::vector<std::string> names = namesIn(group); !names.empty())
      groups.emplace_back(group, std::move(names));
  }
  std::vector<std::shared_ptr<LayerImpl>> layers;
  for (const auto &layer : model.layers())
    if (!weightsOf(*layer).empty())
      layers.push_back(layer);
  if (groups.size() != layers.size())
    return add("it has weights of " + std::to_string(groups.size()) + " layers, the model has " +
                   std::to_string(layers.size()) +
                   " layers with weights; .byName = true takes those of the same name",
               StatusCode::InvalidArgument);
  for (size_t i = 0; i < groups.size(); ++i)
    match(groups[i].first, *layers[i], groups[i].second);
}

void WeightReader::findByName() {
  std::map<std::string, std::shared_ptr<LayerImpl>> layers;
  for (const auto &layer : model.layers())
    layers.emplace(layer->name, layer);
  for (const std::string &name : file.arrays().longTexts(file.weightsRoot, "layer_names"))
    if (auto found = layers.find(name); found != layers.end()) {
      const std::string group = joined(file.weightsRoot, name);
      match(group, *found->second, namesIn(group));
    }
}

/// Drops, or reports, what does not fit.
void WeightReader::checkAll() {
  std::vector<Assignment> fitting;
  for (Assignment &assignment : assignments) {
    const Hdf5File::Dataset found = file.arrays().describe(assignment.path);
    const Weight &weight = *assignment.ref.weight;
    if (found.shape != weight.shape) {
      if (!options.skipMismatch)
        add("'" + assignment.path + "' has shape " + toString(found.shape) + ", weight '" +
                assignment.ref.name() + "' of the model has " + toString(weight.shape),
            StatusCode::InvalidArgument);
      continue;
    }
    fitting.push_back(std::move(assignment));
  }
  assignments = std::move(fitting);
}

void WeightReader::read() {
  try {
    if (file.kind != ModelFile::Kind::Legacy)
      options.byName ? add("byName is for legacy .h5 files, whose groups have layers' names; in "
                           "this file weights are found by their layers' order",
                           StatusCode::InvalidArgument)
                     : findInTree();
    else
      options.byName ? findByName() : findInOrder();
    checkAll();
    if (problems.count)
      throw LoadError(problems, file.path);
    std::vector<ingot::Tensor> values;
    for (const Assignment &assignment : assignments)
      values.push_back(toFloat32(file.arrays().read(assignment.path)));
    for (size_t i = 0; i < values.size(); ++i)
      setValue(*assignments[i].ref.weight->variable, std::move(values[i]));
  } catch (const FileError &error) {
    throw Error("'" + file.path + "': " + error.what(), error.code());
  }
}

} // namespace

ingot::Tensor toFloat32(ingot::Tensor tensor) {
  if (tensor.dtype() == DType::F32)
    return tensor;
  Result<ingot::Tensor> result = ingot::Tensor::zeros(DType::F32, tensor.shape());
  if (!result.isOk())
    throw Error(result.status());
  for (int64_t i = 0; i < tensor.elementCount(); ++i)
    result->data<float>()[i] = static_cast<float>(elementAt(tensor, i));
  return std::move(*result);
}

WeightTree weightTree(const ModelImpl &model) {
  WeightTree tree;
  TreeBuilder(tree).addModel(model, "");
  return tree;
}

std::vector<WeightRef> legacyWeights(const LayerImpl &layer) {
  const std::vector<WeightRef> all = weightsOf(layer);
  std::vector<WeightRef> ordered;
  for (bool trainable : {true, false})
    for (const WeightRef &ref : all)
      if (ref.isTrainable() == trainable)
        ordered.push_back(ref);
  return ordered;
}

void readWeights(ModelImpl &model, const ModelFile &file, const WeightOptions &options) {
  WeightReader(model, file, options).read();
}

} // namespace ingot::keras::detail
