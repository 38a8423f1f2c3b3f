// model.json, the architecture and compile configuration of a saved model: writing and reading.
//
// The format is in docs/Artifact.md. A file may be damaged or hostile: everything read is checked,
// and what is wrong is gathered, so that one report tells all of it. Called by ModelDirectory.
#include "frontends/keras/MetricFormulas.h"
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"

namespace ingot::keras::detail {

namespace {

constexpr const char *kFormat = "ingot-model";
constexpr int64_t kFormatVersion = 1;

Json entryToJson(const Loss &loss) { return detail::toJson(loss); }
Json entryToJson(double weight) { return weight; }
/// An output's metrics: a list, or the only one.
Json entryToJson(const std::vector<Metric> &metrics) {
  if (metrics.size() == 1)
    return detail::toJson(metrics[0]);
  Json list = Json::array();
  for (const Metric &metric : metrics)
    list.push_back(detail::toJson(metric));
  return list;
}

/// A list has one entry an output, or one for all; an object is by output's name.
template <typename All> Json allToJson(const All &all) {
  Json list = Json::array(), object = Json::object();
  for (const auto &entry : all.each)
    list.push_back(entryToJson(entry));
  for (const auto &[output, entry] : all.byOutput)
    object[output] = entryToJson(entry);
  return all.byOutput.empty() ? list : object;
}

Json toJson(const CompileOptions &options) {
  return {
      {"optimizer", optimizerToJson(options.optimizer)},
      {"loss", allToJson(options.loss)},
      {"metrics", allToJson(options.metrics)},
      {"weighted_metrics", allToJson(options.weightedMetrics)},
      {"loss_weights", allToJson(options.lossWeights)},
      {"recompute", options.recompute},
      {"memory_budget",
       {{"bytes", options.memoryBudget.bytes}, {"batch_size", options.memoryBudget.batchSize}}}};
}

/// Results of nodes: the node's index, or [index, result] for other results than the first.
struct Indices {
  std::map<const Node *, size_t> of;
  explicit Indices(const ModelImpl &model) {
    for (const NodePtr &node : model.nodes)
      of.emplace(node.get(), of.size());
  }
  Json operator()(const std::vector<TensorRef> &tensors) const {
    Json result = Json::array();
    for (const TensorRef &tensor : tensors) {
      size_t node = of.at(tensor.node.get());
      result.push_back(tensor.index == 0 ? Json(node) : Json::array({node, tensor.index}));
    }
    return result;
  }
};

Json nodeToJson(const Node &node, const Indices &indices) {
  Json json = {{"layer", node.layer->name}, {"inputs", indices(node.inputs)}};
  if (node.options.training)
    json["training"] = *node.options.training;
  if (node.options.useCausalMask)
    json["use_causal_mask"] = true;
  if (node.options.returnAttentionScores)
    json["return_attention_scores"] = true;
  if (node.options.reverse)
    json["reverse"] = true;
  return json;
}

} // namespace

Json graphToJson(const ModelImpl &model) {
  Json layers = Json::array(), nodes = Json::array();
  for (const auto &layer : model.layers())
    layers.push_back({{"class_name", layer->className()}, {"config", layerConfig(*layer)}});
  Indices indices(model);
  for (const NodePtr &node : model.nodes)
    nodes.push_back(nodeToJson(*node, indices));
  std::vector<TensorRef> inputs;
  for (const NodePtr &input : model.inputs)
    inputs.push_back({input});
  Json config = {{"name", model.name},
                 {"layers", layers},
                 {"nodes", nodes},
                 {"inputs", indices(inputs)},
                 {"outputs", indices(model.outputs)}};
  if (!model.trainingOutputs.empty())
    config["training_outputs"] = indices(model.trainingOutputs);
  return config;
}

Json modelToJson(const ModelImpl &model) {
  return {{"format", kFormat},
          {"format_version", kFormatVersion},
          {"class_name", model.className()},
          {"config", graphToJson(model)},
          {"seed", model.seed},
          {"compile_config", model.training ? toJson(*model.training) : Json(nullptr)}};
}

LoadError::LoadError(const Problems &problems, const std::string &file)
    : Error("'" + file + "'" + problems.text(), problems.code), each(problems.each) {
  for (std::string &problem : each)
    problem = "'" + file + "': " + problem;
}

void Problems::add(std::string problem, StatusCode problemCode) {
  constexpr size_t kept = 20, longest = 1000;
  if (count++ == 0)
    code = problemCode;
  if (problem.size() > longest)
    problem = problem.substr(0, longest) + "…";
  if (count <= kept)
    each.push_back(std::move(problem));
  else if (count == kept + 1)
    each.emplace_back();
  if (count > kept)
    each.back() = "and " + std::to_string(count - kept) + " errors more";
}

std::string Problems::text() const {
  if (count == 1)
    return ": " + each[0];
  std::string text = " has " + std::to_string(count) + " errors:";
  for (const std::string &problem : each)
    text += "\n  " + problem;
  return text;
}

namespace {

/// Reads one model. Goes on after an error wherever what follows does not depend on it.
class Reader {
public:
  Reader(const Json &json, Problems &problems)
      : json(json), problems(problems), model(std::make_shared<ModelImpl>()) {}
  /// Null when there were problems.
  std::shared_ptr<ModelImpl> read();
  /// A model that is part of another: `json` has class_name and config alone.
  std::shared_ptr<ModelImpl> readNested();

private:
  /// Runs `work`; what it throws becomes a problem at `where`.
  template <typename Work> bool attempt(const std::string &where, Work work) {
    try {
      work();
      return true;
    } catch (const nlohmann::json::exception &error) {
      problems.add(where + ": " + error.what(), StatusCode::DataLoss);
    } catch (const Error &error) {
      problems.add(error.what(), error.code());
    }
    return false;
  }
  void add(const std::string &problem) { problems.add(problem, StatusCode::DataLoss); }

  void readHead();
  void readLayers(const Json &list);
  void readLayer(const Json &entry, const std::string &where);
  void readNodes(const Json &list);
  NodePtr makeNode(const Json &entry);
  /// Null for a node that could not be made, which was reported there.
  TensorRef tensorAt(const Json &index);
  void readEnds(const Json &list, const char *what, std::vector<TensorRef> &ends);
  void readGraph(const Json &config);
  void readTraining();

  const Json &json;
  Problems &problems;
  std::shared_ptr<ModelImpl> model;
  std::map<std::string, std::shared_ptr<LayerImpl>> layers; // null: could not be made
  std::vector<NodePtr> nodes;                               // null: could not be made
};

void Reader::readHead() {
  const Json &config = json.at("config");
  model->name = config.at("name").get<std::string>();
  checkName("model", model->name);
  model->isSequential = json.at("class_name").get<std::string>() == "Sequential";
  if (json.contains("seed")) {
    if (!json["seed"].is_number_unsigned())
      throw Error("seed: expected an integer that is not negative", StatusCode::DataLoss);
    model->seed = json["seed"].get<uint64_t>();
  }
}

void Reader::readLayer(const Json &entry, const std::string &where) {
  std::string name;
  if (const Json &config = entry.at("config"); config.contains("name"))
    name = config["name"].get<std::string>();
  checkName("layer", name);
  if (layers.count(name))
    throw Error(where + ": two layers are called '" + name + "'", StatusCode::DataLoss);
  if (!name.empty())
    layers[name] = nullptr;
  try {
    auto made = layerFromConfig(entry.at("class_name").get<std::string>(), entry["config"]);
    layers[made->name] = made;
    model->stack.push_back(made);
  } catch (const Error &error) {
    std::string text = error.what();
    bool isNamed = name.empty() || text.find("'" + name + "'") != std::string::npos;
    throw Error((isNamed ? "" : "layer '" + name + "': ") + text, error.code());
  }
}

void Reader::readLayers(const Json &list) {
  for (const Json &entry : list) {
    std::string where = "layer " + std::to_string(model->stack.size());
    attempt(where, [&] { readLayer(entry, where); });
  }
}

TensorRef Reader::tensorAt(const Json &index) {
  const bool isPair = index.is_array() && index.size() == 2;
  int64_t i = integerFromJson(isPair ? index[0] : index, "node");
  int64_t result = isPair ? integerFromJson(index[1], "result") : 0;
  if (i < 0 || i >= static_cast<int64_t>(nodes.size()))
    throw Error("node " + std::to_string(i) + " is used before it is made", StatusCode::DataLoss);
  if (nodes[i] && (result < 0 || result >= static_cast<int64_t>(nodes[i]->results.size())))
    throw Error("node " + std::to_string(i) + " has " + std::to_string(nodes[i]->results.size()) +
                    " results, result " + std::to_string(result) + " is used",
                StatusCode::DataLoss);
  return {nodes[i], result};
}

NodePtr Reader::makeNode(const Json &entry) {
  std::vector<TensorRef> inputs;
  for (const Json &index : entry.at("inputs"))
    inputs.push_back(tensorAt(index));
  auto name = entry.at("layer").get<std::string>();
  auto found = layers.find(name);
  if (found == layers.end())
    throw Error("node of an unknown layer '" + name.substr(0, 64) + "'", StatusCode::DataLoss);
  const std::shared_ptr<LayerImpl> &layer = found->second;
  for (const TensorRef &input : inputs)
    if (!input.node)
      return nullptr;
  if (!layer)
    return nullptr;
  bool isInput = dynamic_cast<InputLayerImpl *>(layer.get()) != nullptr;
  if (isInput != inputs.empty())
    throw Error("node of layer '" + name + "' has " + std::to_string(inputs.size()) + " inputs",
                StatusCode::DataLoss);
  if (isInput && layer->calls > 0)
    throw Error("input layer '" + name + "' has two nodes", StatusCode::DataLoss);
  CallOptions options;
  if (entry.contains("training"))
    options.training = entry["training"].get<bool>();
  options.useCausalMask = entry.value("use_causal_mask", false);
  options.returnAttentionScores = entry.value("return_attention_scores", false);
  options.reverse = entry.value("reverse", false);
  return isInput ? makeInputNode(layer) : call(layer, std::move(inputs), options);
}

void Reader::readNodes(const Json &list) {
  for (const Json &entry : list) {
    NodePtr node;
    attempt("node " + std::to_string(nodes.size()), [&] { node = makeNode(entry); });
    nodes.push_back(std::move(node));
  }
}

void Reader::readEnds(const Json &list, const char *what, std::vector<TensorRef> &ends) {
  if (!list.is_array() || list.empty())
    return add(std::string("the model has no ") + what);
  for (const Json &index : list)
    attempt(what, [&] { ends.push_back(tensorAt(index)); });
}

void Reader::readGraph(const Json &config) {
  readLayers(config.at("layers"));
  readNodes(config.at("nodes"));
  std::vector<TensorRef> inputs;
  readEnds(config.at("inputs"), "input", inputs);
  for (const TensorRef &input : inputs)
    model->inputs.push_back(input.node);
  readEnds(config.at("outputs"), "output", model->outputs);
  if (config.contains("training_outputs"))
    readEnds(config["training_outputs"], "output", model->trainingOutputs);
  if (!model->trainingOutputs.empty() && model->trainingOutputs.size() != model->outputs.size())
    add("training_outputs: as many as outputs are needed");
}

/// A metric, or a list of an output's.
std::vector<Metric> metricsFromJson(const Json &json) {
  if (!json.is_array())
    return {metricFromJson(json)};
  std::vector<Metric> metrics;
  for (const Json &entry : json)
    metrics.push_back(metricFromJson(entry));
  return metrics;
}

template <typename All, typename Read> void readAll(const Json &json, All &all, Read read) {
  if (json.is_object())
    for (const auto &[output, entry] : json.items())
      all.byOutput.emplace_back(output, read(entry));
  else
    for (const Json &entry : json)
      all.each.push_back(read(entry));
}

void Reader::readTraining() {
  const Json &training = json.at("compile_config");
  if (training.is_null())
    return;
  CompileOptions options;
  options.optimizer = optimizerFromJson(training.at("optimizer"));
  readAll(training.at("loss"), options.loss, lossFromJson);
  readAll(training.at("metrics"), options.metrics, metricsFromJson);
  if (auto weighted = training.find("weighted_metrics"); weighted != training.end())
    readAll(*weighted, options.weightedMetrics, metricsFromJson);
  readAll(training.at("loss_weights"), options.lossWeights,
          [](const Json &weight) { return weight.get<double>(); });
  options.recompute = training.value("recompute", false);
  if (auto budget = training.find("memory_budget"); budget != training.end())
    options.memoryBudget = {budget->at("bytes").get<uint64_t>(),
                            budget->at("batch_size").get<int64_t>()};
  model->training = std::move(options);
}

std::shared_ptr<ModelImpl> Reader::read() {
  attempt("compile_config", [&] { readTraining(); });
  readNested();
  if (!problems.count && model->training)
    attempt("model", [&] { checkTraining(*model, *model->training); });
  return problems.count ? nullptr : model;
}

std::shared_ptr<ModelImpl> Reader::readNested() {
  attempt("model", [&] { readHead(); });
  attempt("layers", [&] { readGraph(json.at("config")); });
  if (problems.count)
    return nullptr;
  if (!model->isSequential)
    model->stack.clear();
  attempt("model", [&] { finishGraph(*model); });
  return problems.count ? nullptr : model;
}

} // namespace

Json parseJson(const std::string &text) {
  // Counted beforehand: the parser's own hook for this takes quadratic time.
  int64_t depth = 0;
  bool isString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"')
      isString = !isString;
    else if (isString)
      i += c == '\\'; // the character after it as well
    else
      depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    if (depth > 64)
      throw Error("lists and objects are nested too deeply", StatusCode::DataLoss);
  }
  return Json::parse(text);
}

std::shared_ptr<ModelImpl> modelFromConfig(const std::string &className, const Json &config) {
  Problems problems;
  const Json json = {{"class_name", className}, {"config", config}};
  auto model = Reader(json, problems).readNested();
  if (problems.count)
    throw Error("model '" + config.value("name", std::string()) + "'" + problems.text(),
                problems.code);
  model->trainable = config.value("trainable", true);
  return model;
}

std::shared_ptr<ModelImpl> modelFromJson(const Json &json, Problems &problems) {
  if (!json.is_object() || !json.contains("format") || json["format"] != kFormat) {
    problems.add("expected \"format\": \"" + std::string(kFormat) + "\"", StatusCode::DataLoss);
    return nullptr;
  }
  const Json version = json.contains("format_version") ? json["format_version"] : Json();
  if (version != kFormatVersion) {
    problems.add("format_version " + (version.is_number() ? version.dump() : "of no number") +
                     " is not known, this is " + std::to_string(kFormatVersion) +
                     "; use a newer Ingot",
                 StatusCode::Unsupported);
    return nullptr;
  }
  return Reader(json, problems).read();
}

} // namespace ingot::keras::detail
