// A model's config as Keras 3 serializes it: see ModelFile.h.
#include "frontends/keras/files/ModelFile.h"

namespace ingot::keras::detail {

namespace {

Json shapeToJson(const Shape &shape) {
  Json json = Json::array();
  for (int64_t extent : shape)
    json.push_back(extent == None ? Json(nullptr) : Json(extent));
  return json;
}

/// Layers whose inputs are arguments of their own, not one list.
bool takesArguments(const LayerImpl &layer) {
  const std::string className = layer.className();
  return className == "MultiHeadAttention" || className == "GroupQueryAttention" ||
         className == "TimeDistributed";
}

bool isRecurrent(const LayerImpl &layer) {
  static const std::set<std::string> classes = {
      "RNN", "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional"};
  return classes.count(layer.className()) > 0;
}

class GraphWriter {
public:
  GraphWriter(const ModelImpl &model, bool isLegacy) : model(model), isLegacy(isLegacy) {}
  Json write();

private:
  Json object(const LayerImpl &layer, const Node *firstCall);
  Json configOf(const LayerImpl &layer);
  Json functionalConfig();
  Json sequentialConfig();
  Json tensor(const TensorRef &ref);
  Json callOf(const Node &node);
  Json end(const TensorRef &ref);
  const Node *firstCallOf(const LayerImpl &layer);

  const ModelImpl &model;
  bool isLegacy;
  std::map<const Node *, int64_t> calls; // of its layer, in this model
};

Json GraphWriter::configOf(const LayerImpl &layer) {
  Json config = layerConfig(layer);
  if (dynamic_cast<const InputLayerImpl *>(&layer)) {
    config.erase("trainable");
    config.update({{"sparse", false}, {"ragged", false}, {"optional", false}});
    return config;
  }
  const llvm::StringRef className = layer.className();
  if (className.starts_with("SpatialDropout") || className == "Discretization")
    config.erase("trainable"); // Keras's do not take it
  if (!config.contains("dtype"))
    config["dtype"] = {{"class_name", "DTypePolicy"}, {"config", {{"name", "float32"}}}};
  return withModules(config);
}

Json GraphWriter::object(const LayerImpl &layer, const Node *firstCall) {
  if (auto *nested = dynamic_cast<const ModelImpl *>(&layer))
    return modelToKeras(*nested, isLegacy);
  // Legacy files have the class's name in Keras's sources, others that of its API.
  const std::string className = layer.className(), source = className == "GroupQueryAttention"
                                                                ? "GroupedQueryAttention"
                                                                : className;
  Json result = {{"class_name", isLegacy ? source : className}, {"config", configOf(layer)}};
  if (isLegacy)
    return result;
  result = {{"module", "keras.layers"},
            {"class_name", className},
            {"config", result["config"]},
            {"registered_name", nullptr}};
  if (firstCall && firstCall->inputs.size() == 1)
    result["build_config"] = {{"input_shape", shapeToJson(firstCall->inputs[0]->shape)}};
  return result;
}

const Node *GraphWriter::firstCallOf(const LayerImpl &layer) {
  for (const NodePtr &node : model.nodes)
    if (node->layer.get() == &layer)
      return node.get();
  return nullptr;
}

Json GraphWriter::tensor(const TensorRef &ref) {
  return {{"class_name", "__keras_tensor__"},
          {"config",
           {{"shape", shapeToJson(ref->shape)},
            {"dtype", ref->dtype},
            {"keras_history",
             Json::array({ref.node->layer->name, calls.at(ref.node.get()), ref.index})}}}};
}

Json GraphWriter::callOf(const Node &node) {
  Json args = Json::array(), named = Json::object(), all = Json::array();
  for (const TensorRef &input : node.inputs)
    all.push_back(tensor(input));
  if (takesArguments(*node.layer)) {
    args = all;
    if (all.size() > 1 && node.inputs.back()->dtype == "bool") { // see layers::MultiHeadAttention
      named["attention_mask"] = all.back();
      args.erase(args.size() - 1);
    }
  } else if (isRecurrent(*node.layer)) {
    args = Json::array({all[0]});
    if (all.size() > 1)
      named["initial_state"] = Json(all.begin() + 1, all.end());
  } else if (node.layer->takesSeveral() &&
             !(dynamic_cast<const ModelImpl *>(node.layer.get()) && all.size() == 1)) {
    args = Json::array({all});
  } else {
    args = all;
  }
  if (node.options.training)
    named["training"] = *node.options.training;
  if (node.options.useCausalMask)
    named["use_causal_mask"] = true;
  if (node.options.returnAttentionScores)
    named["return_attention_scores"] = true;
  if (node.options.reverse)
    named["reverse"] = true;
  return {{"args", args}, {"kwargs", named}};
}

/// Keras counts the calls of nested functional models from 1 here.
Json GraphWriter::end(const TensorRef &ref) {
  auto *nested = dynamic_cast<const ModelImpl *>(ref.node->layer.get());
  const int64_t built = nested && !nested->isSequential ? 1 : 0;
  return Json::array({ref.node->layer->name, calls.at(ref.node.get()) + built, ref.index});
}

Json GraphWriter::functionalConfig() {
  std::map<const LayerImpl *, std::vector<const Node *>> ofLayer;
  for (const NodePtr &node : model.nodes) {
    auto &own = ofLayer[node->layer.get()];
    calls[node.get()] = static_cast<int64_t>(own.size());
    own.push_back(node.get());
  }
  Json layers = Json::array();
  for (const auto &layer : model.layers()) {
    const auto &own = ofLayer[layer.get()];
    Json entry = object(*layer, own.empty() ? nullptr : own[0]);
    entry["name"] = layer->name;
    entry["inbound_nodes"] = Json::array();
    for (const Node *node : own)
      if (!node->inputs.empty())
        entry["inbound_nodes"].push_back(callOf(*node));
    layers.push_back(std::move(entry));
  }
  Json inputs = Json::array(), outputs = Json::array();
  for (const NodePtr &input : model.inputs)
    inputs.push_back(end({input}));
  for (const TensorRef &output : model.outputs)
    outputs.push_back(end(output));
  return {{"name", model.name},
          {"trainable", model.trainable},
          {"layers", layers},
          {"input_layers", inputs.size() == 1 ? inputs[0] : inputs},
          {"output_layers", outputs.size() == 1 ? outputs[0] : outputs}};
}

Json GraphWriter::sequentialConfig() {
  Json layers = Json::array();
  if (model.stack.empty() || !dynamic_cast<InputLayerImpl *>(model.stack[0].get()))
    layers.push_back(object(*model.inputs[0]->layer, nullptr));
  for (const auto &layer : model.stack)
    layers.push_back(object(*layer, firstCallOf(*layer)));
  return {{"name", model.name},
          {"trainable", model.trainable},
          {"dtype", withModules({{"dtype",
                                  {{"class_name", "DTypePolicy"},
                                   {"config", {{"name", "float32"}}}}}})["dtype"]},
          {"layers", layers},
          {"build_input_shape", shapeToJson(model.inputs[0]->results[0].shape)}};
}

Json GraphWriter::write() {
  if (!model.trainingOutputs.empty())
    throw Error(
        "model '" + model.name +
            "': what it computes in training differs from inference beyond what its layers "
            "do themselves, which no file of Keras's can say; save it as a model directory, "
            "or its weights alone",
        StatusCode::Unsupported);
  const bool isSequential = model.isSequential;
  const Json config = isSequential ? sequentialConfig() : functionalConfig();
  if (isLegacy)
    return {{"class_name", isSequential ? "Sequential" : "Functional"}, {"config", config}};
  Json result = {{"module", isSequential ? "keras" : "keras.src.models.functional"},
                 {"class_name", isSequential ? "Sequential" : "Functional"},
                 {"config", config},
                 {"registered_name", isSequential ? Json(nullptr) : Json("Functional")}};
  if (model.inputs.size() == 1)
    result["build_config"] = {{"input_shape", shapeToJson(model.inputs[0]->results[0].shape)}};
  return result;
}

} // namespace

Json modelToKeras(const ModelImpl &model, bool isLegacy) {
  return GraphWriter(model, isLegacy).write();
}

} // namespace ingot::keras::detail
