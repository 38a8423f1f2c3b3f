// From a model's config as Keras 2 or 3 wrote it to the graph of our model.json: layers with plain
// configs, nodes in an order in which inputs come first. See ModelFile.h.
#include "frontends/keras/Names.h"
#include "frontends/keras/files/ModelFile.h"

#include <deque>

namespace ingot::keras::detail {

namespace {

bool isModelClass(const std::string &className) {
  return className == "Functional" || className == "Model" || className == "Sequential";
}

const Json &listOf(const Json &object, const char *key) {
  auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end() || !found->is_array())
    throw Error(std::string("has no list '") + key + "'", StatusCode::DataLoss);
  return *found;
}

std::string textOf(const Json &object, const char *key) {
  auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end() || !found->is_string())
    throw Error(std::string("has no text '") + key + "'", StatusCode::DataLoss);
  return found->get<std::string>();
}

std::string nameOf(const Json &layer) {
  return textOf(layer.contains("name") ? layer : layer.at("config"), "name");
}

/// Values of arguments that change nothing here, whoever wrote them.
bool changesNothing(const std::string &key, const Json &value) {
  static const std::set<std::string> indifferent = {"name",
                                                    "trainable",
                                                    "dtype",
                                                    "seed",
                                                    "implementation",
                                                    "fused",
                                                    "autocast",
                                                    "synchronized",
                                                    "batch_input_shape",
                                                    "build_input_shape",
                                                    "input_shape",
                                                    "batch_size",
                                                    "zero_output_for_mask",
                                                    "experimental_autocast",
                                                    "renorm_momentum",
                                                    "renorm_clipping",
                                                    "input_axes",
                                                    "output_axes",
                                                    "function_spec",
                                                    "lora_alpha",
                                                    "query_shape", // of attention of Keras 2
                                                    "key_shape",
                                                    "value_shape",
                                                    "rng_type", // of random layers of Keras 2
                                                    "auto_vectorize",
                                                    "epsilon"}; // of Discretization's adapt
  return value.is_null() || value == false || value == Json::object() || indifferent.count(key) ||
         (key == "data_format" && value == "channels_last") || (key == "groups" && value == 1);
}

/// What Keras 2 called otherwise, or in another form.
Json modernized(const std::string &className, Json config) {
  if (config.contains("batch_input_shape") && className == "InputLayer")
    config["batch_shape"] = config["batch_input_shape"];
  if (className == "SeparableConv1D" || className == "SeparableConv2D")
    config.erase("kernel_initializer"); // it has one for each of its two kernels
  if (className == "Discretization" && config.value("dtype", Json()) == "int64")
    config["dtype"] = "float32"; // that of its results; it has no weights
  if (config.contains("alpha") && className == "LeakyReLU") {
    config["negative_slope"] = config["alpha"];
    config.erase("alpha");
  }
  if (auto axis = config.find("axis"); axis != config.end() && axis->is_array() &&
                                       axis->size() == 1 && className == "BatchNormalization")
    *axis = Json((*axis)[0]);
  return config;
}

/// A tensor that a node takes: the layer's name, which of its calls, which of that call's results.
struct Source {
  std::string layer;
  int64_t call = 0, result = 0;
  bool isSame(const Source &other) const {
    return layer == other.layer && call == other.call && result == other.result;
  }
};

/// A layer's call.
struct Call {
  std::string layer;
  std::string place;
  std::vector<Source> sources;
  Json options = Json::object();  // of CallOptions, by Keras's names
  std::vector<std::string> masks; // names of the ops whose results it is given as masks
};

constexpr int kMostMaskDepth = 64;

/// Keras 3 records the ops that a functional model's masks are made of, and the masks as arguments:
/// what Embedding, Masking and merges give by themselves here.
struct MaskOp {
  std::string className;
  std::vector<Source> sources;
  double value = 0; // that NotEqual compares with
};
bool isMaskOp(const Json &entry) {
  static const std::set<std::string> classes = {"NotEqual", "Any", "LogicalOr", "LogicalAnd"};
  return classes.count(entry.value("class_name", std::string())) && foreignClass(entry).empty();
}

/// Whether `training` says something in a call of Keras 3, which records the default of the
/// signature like a value that was given, and takes what fit and predict say before either.
bool keepsTraining(const std::string &className, const Json &training) {
  return training == false && (isModelClass(className) || className == "BatchNormalization");
}

class GraphReader {
public:
  GraphReader(const std::string &place, Problems &problems) : place(place), problems(problems) {}
  Json read(const std::string &className, const Json &config);

private:
  void add(const std::string &where, const Error &error) {
    problems.add(where + ": " + error.what(), error.code());
  }
  template <typename Work> bool attempt(const std::string &where, Work work) {
    try {
      work();
      return true;
    } catch (const nlohmann::json::exception &error) {
      problems.add(where + ": " + error.what(), StatusCode::DataLoss);
    } catch (const Error &error) {
      add(where, error);
    }
    return false;
  }

  Json readLayer(const Json &entry, const std::string &where);
  void checkPolicy(const std::string &className, const Json &config);
  void readSequential(const Json &config);
  void readFunctional(const Json &config);
  Json inputFor(const Json &config, const Json &first);
  void readCalls(const Json &entry, const std::string &where);
  void readMaskOp(const Json &entry);
  bool makesMask(const Call &call, const std::string &op, int depth);
  void checkMasks(const Json &list);
  Call readOldCall(const Json &data);
  Call readNewCall(const Json &data);
  void readArgument(const std::string &name, const Json &value, Call &call, bool isPositional);
  Source readSource(const Json &history, bool isShifted);
  void collectEnds(const Json &value, const char *what, std::vector<Source> &ends);
  void orderCalls();
  Json indexOf(const Source &source, const std::string &where);

  std::string place;
  Problems &problems;
  Json layers = Json::array(), nodes = Json::array(), inputs = Json::array(),
       outputs = Json::array();
  std::set<std::string> names, nestedNames;
  std::vector<Call> calls;
  std::map<std::string, std::vector<size_t>> ofLayer; // its calls, once all are read
  std::map<std::string, MaskOp> maskOps;
  int64_t maskWork = 10'000'000;
  std::map<std::string, double> maskedBy; // Embedding and Masking layers: the value that is masked
  std::map<std::pair<std::string, int64_t>, size_t> indices; // of nodes, once ordered
};

void GraphReader::checkPolicy(const std::string &className, const Json &config) {
  const std::string policy = policyName(config);
  if (className == "InputLayer" || policy == "float32")
    return;
  // Variables are float32 under these.
  if (policy == "mixed_float16" || policy == "mixed_bfloat16")
    return;
  throw Error("dtype policy '" + policy +
                  "' is not supported: float32, mixed_float16 and "
                  "mixed_bfloat16 are, whose weights are float32",
              StatusCode::Unsupported);
}

Json GraphReader::readLayer(const Json &entry, const std::string &where) {
  const std::string className = textOf(entry, "class_name");
  if (className == "Lambda")
    throw Error("a Lambda holds Python code, and no code of a file is ever run: replace it by a "
                "layer that does the same (Rescaling, Activation, Reshape, a merge) in Keras, and "
                "save the model again; or build it here and call loadWeights",
                StatusCode::Unsupported);
  if (className == "TFOpLambda" || className == "TensorFlowOpLayer" ||
      className == "SlicingOpLambda" || className == "TFSMLayer")
    throw Error("a call of a TensorFlow function, which is no layer: replace it by a layer that "
                "does the same (Rescaling, Add, Reshape, Concatenate) and save the model again",
                StatusCode::Unsupported);
  if (std::string foreign = foreignClass(entry); !foreign.empty() && className != "Functional")
    throw Error(foreign, StatusCode::Unsupported);
  const std::string module = entry.value("module", std::string());
  if (module.find(".ops.") != std::string::npos || module == "keras.ops")
    throw Error(
        "a call of keras.ops, which is no layer: replace it by the layer of that kind (Add, "
        "Multiply, Reshape, Rescaling) and save the model again",
        StatusCode::Unsupported);
  if (!entry.contains("config") || !entry["config"].is_object())
    throw Error("has no config", StatusCode::DataLoss);
  if (isModelClass(className))
    return readGraph(entry, where, problems);
  const Json config = modernized(className, plainConfig(entry["config"]));
  checkPolicy(className, config);
  const std::shared_ptr<LayerImpl> layer = layerFromConfig(className, config);
  const Json known = layerConfig(*layer);
  for (const auto &[key, value] : config.items())
    if (!known.contains(key) && !changesNothing(key, value))
      throw Error("argument '" + key + "' with value " + value.dump().substr(0, 100) +
                      " is not supported by this layer here",
                  StatusCode::Unsupported);
  return {{"class_name", className}, {"config", config}};
}

/// An input layer for a Sequential whose first layer says what it takes.
Json GraphReader::inputFor(const Json &config, const Json &first) {
  const Json own = first.value("config", Json::object());
  Json shape;
  for (const Json *from : {&own, &config})
    for (const char *key : {"batch_input_shape", "batch_shape", "build_input_shape"})
      if (shape.is_null() && from->is_object() && from->contains(key))
        shape = plainConfig(*from)[key];
  std::string dtype = "float32";
  if (shape.is_null() && own.contains("layers") && !own["layers"].empty()) {
    const Json inner = inputFor(own, own["layers"][0]);
    shape = inner["config"]["batch_shape"];
    dtype = inner["config"]["dtype"];
  }
  if (!shape.is_array() || shape.empty())
    throw Error(
        "the model was saved before the shape of its input was known: build it, or begin it "
        "with an Input, and save it again",
        StatusCode::FailedPrecondition);
  if (own.value("input_dtype", Json()).is_string())
    dtype = own["input_dtype"];
  const bool takesIntegers = first.value("class_name", std::string()) == "Embedding";
  const std::string name = own.value("name", std::string()) + "_input";
  return {{"class_name", "InputLayer"},
          {"config",
           {{"batch_shape", shape}, {"dtype", takesIntegers ? "int32" : dtype}, {"name", name}}}};
}

void GraphReader::readSequential(const Json &config) {
  const Json &list = config.is_array() ? config : listOf(config, "layers");
  Json entries = list;
  if (!list.empty() && list[0].value("class_name", std::string()) != "InputLayer")
    entries.insert(entries.begin(), inputFor(config, list[0]));
  const size_t added = entries.size() - list.size();
  for (size_t i = 0; i < entries.size(); ++i) {
    const std::string where = placeOf(place, i - std::min(added, i), entries[i]);
    attempt(where, [&] {
      layers.push_back(readLayer(entries[i], where));
      nodes.push_back({{"layer", layers.back()["config"].value("name", std::string())},
                       {"inputs", i == 0 ? Json::array() : Json::array({i - 1})}});
    });
  }
  if (entries.empty())
    throw Error("has no layers", StatusCode::DataLoss);
  inputs = Json::array({0});
  outputs = Json::array({entries.size() - 1});
}

void GraphReader::readFunctional(const Json &config) {
  const Json &list = listOf(config, "layers");
  const bool isOld = std::none_of(list.begin(), list.end(), [](const Json &entry) {
    const Json calls = entry.value("inbound_nodes", Json());
    return calls.is_array() && !calls.empty() && calls[0].is_object();
  });
  for (const Json &entry : list) {
    const std::string name = nameOf(entry), className = entry.value("class_name", std::string());
    if (!names.insert(name).second)
      throw Error("has two layers called '" + name + "'", StatusCode::DataLoss);
    if (isModelClass(className) && (isOld || className != "Sequential"))
      nestedNames.insert(name);
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string where = placeOf(place, i, list[i]);
    if (isMaskOp(list[i])) {
      attempt(where, [&] { readMaskOp(list[i]); });
      continue;
    }
    attempt(where, [&] {
      layers.push_back(readLayer(list[i], where));
      Json &name = layers.back()["config"]["name"];
      if (name.is_null() && list[i].contains("name"))
        name = list[i]["name"];
    });
    attempt(where, [&] { readCalls(list[i], where); });
  }
  std::vector<Source> ins, outs;
  collectEnds(config.at("input_layers"), "input_layers", ins);
  collectEnds(config.at("output_layers"), "output_layers", outs);
  for (size_t i = 0; i < calls.size(); ++i)
    ofLayer[calls[i].layer].push_back(i);
  checkMasks(list);
  orderCalls();
  for (const Source &source : ins)
    inputs.push_back(indexOf(source, place));
  for (const Source &source : outs)
    outputs.push_back(indexOf(source, place));
}

void GraphReader::readCalls(const Json &entry, const std::string &where) {
  const std::string name = nameOf(entry);
  if (entry.value("class_name", std::string()) == "InputLayer") {
    calls.push_back({name, where, {}, Json::object(), {}});
    return;
  }
  for (const Json &data : listOf(entry, "inbound_nodes")) {
    Call call = data.is_object() ? readNewCall(data) : readOldCall(data);
    if (data.is_object() && call.options.contains("training") &&
        !keepsTraining(entry.value("class_name", std::string()), call.options["training"]))
      call.options.erase("training");
    call.layer = name;
    call.place = where;
    if (call.sources.empty())
      throw Error("a call of the layer has no inputs", StatusCode::DataLoss);
    calls.push_back(std::move(call));
  }
}

void GraphReader::readMaskOp(const Json &entry) {
  MaskOp op = {textOf(entry, "class_name"), {}};
  const Json &made = listOf(entry, "inbound_nodes");
  if (made.size() != 1)
    throw Error("is called " + std::to_string(made.size()) + " times", StatusCode::DataLoss);
  for (const Json &argument : listOf(made[0], "args"))
    if (argument.is_number())
      op.value = argument.get<double>();
    else
      op.sources.push_back(readSource(argument.at("config").at("keras_history"), false));
  maskOps.emplace(nameOf(entry), std::move(op));
}

/// Whether the call's inputs come, through whatever layers, from one that makes this mask. Bounded,
/// since a file may have masks of masks in circles.
bool GraphReader::makesMask(const Call &call, const std::string &name, int depth) {
  const auto op = maskOps.find(name);
  if (op == maskOps.end())
    return false;
  if (depth == 0 || --maskWork < 0)
    throw Error("its masks are too many, or made of each other", StatusCode::Unsupported);
  const std::vector<Source> &of = op->second.sources;
  if (op->second.className != "NotEqual")
    return !of.empty() && std::all_of(of.begin(), of.end(), [&](const Source &source) {
      return makesMask(call, source.layer, depth - 1);
    });
  std::set<const Call *> seen = {&call};
  std::vector<const Call *> left = {&call};
  while (!left.empty()) {
    const Call &at = *left.back();
    left.pop_back();
    const auto masked = maskedBy.find(at.layer);
    if (masked != maskedBy.end() && masked->second == op->second.value && of.size() == 1 &&
        at.sources.size() == 1 && at.sources[0].isSame(of[0]))
      return true;
    maskWork -= static_cast<int64_t>(at.sources.size());
    for (const Source &source : at.sources)
      if (const auto &made = ofLayer[source.layer];
          source.call >= 0 && source.call < static_cast<int64_t>(made.size()))
        if (const Call *maker = &calls[made[static_cast<size_t>(source.call)]];
            seen.insert(maker).second)
          left.push_back(maker);
  }
  return false;
}

/// Masks that a layer is given must be those that it gets here by itself.
void GraphReader::checkMasks(const Json &list) {
  for (const Json &entry : list) {
    const std::string className = entry.value("class_name", std::string());
    const Json config = entry.value("config", Json::object());
    if (className == "Masking" && config.value("mask_value", Json()).is_number())
      maskedBy[nameOf(entry)] = config["mask_value"];
    else if (className == "Embedding" && config.value("mask_zero", Json()) == true)
      maskedBy[nameOf(entry)] = 0;
  }
  for (const Call &call : calls)
    for (const std::string &mask : call.masks)
      if (!makesMask(call, mask, kMostMaskDepth))
        problems.add(call.place +
                         ": a call is given a mask that none of the layers before it makes, "
                         "which is not supported",
                     StatusCode::Unsupported);
}

/// ["dense", 0, 0]. Keras counts a nested model's calls from 1 where it writes this form.
Source GraphReader::readSource(const Json &history, bool isShifted) {
  if (!history.is_array() || history.size() < 3 || !history[0].is_string())
    throw Error("a tensor is [layer, call, result], got " + history.dump().substr(0, 100),
                StatusCode::DataLoss);
  Source source = {history[0].get<std::string>(), integerFromJson(history[1], "call"),
                   integerFromJson(history[2], "result")};
  if (!names.count(source.layer))
    throw Error("takes a result of layer '" + source.layer.substr(0, 64) + "', which there is not",
                StatusCode::DataLoss);
  if (isShifted && nestedNames.count(source.layer) && source.call > 0)
    --source.call;
  return source;
}

/// [["a", 0, 0, {…}], ["b", 0, 0, {…}]], the form of Keras 2: arguments beside the first tensors
/// are in the last place.
Call GraphReader::readOldCall(const Json &data) {
  Call call;
  const bool isFlat = data.is_array() && !data.empty() && data[0].is_string();
  for (const Json &tensor : isFlat ? Json::array({data}) : data) {
    if (tensor.is_array() && !tensor.empty() && tensor[0] == "_CONSTANT_VALUE")
      throw Error("a call takes a constant, which is not supported", StatusCode::Unsupported);
    call.sources.push_back(readSource(tensor, /*isShifted=*/true));
    if (tensor.size() < 4 || !tensor[3].is_object())
      continue;
    for (const auto &[name, value] : tensor[3].items())
      readArgument(name, value, call, /*isPositional=*/false);
  }
  return call;
}

/// {"args": […], "kwargs": {…}}, the form of Keras 3.
Call GraphReader::readNewCall(const Json &data) {
  Call call;
  for (const Json &argument : listOf(data, "args"))
    readArgument("its inputs", argument, call, /*isPositional=*/true);
  const Json named = data.value("kwargs", Json::object());
  for (const auto &[name, value] : named.items())
    readArgument(name, value, call, /*isPositional=*/false);
  return call;
}

void GraphReader::readArgument(const std::string &name, const Json &value, Call &call,
                               bool isPositional) {
  if (value.is_null() || (name != "training" && value == false))
    return;
  if (name == "training" || name == "use_causal_mask" || name == "return_attention_scores" ||
      name == "reverse") {
    if (!value.is_boolean())
      throw Error("argument '" + name + "' of a call is not true or false",
                  StatusCode::Unsupported);
    call.options[name] = value;
    return;
  }
  if (value.is_object() && value.value("class_name", std::string()) == "__keras_tensor__") {
    const Source source = readSource(value.at("config").at("keras_history"), false);
    const bool isMask = name.find("mask") != std::string::npos && name != "attention_mask";
    if (isMask && maskOps.count(source.layer))
      call.masks.push_back(source.layer);
    else if (isMask)
      throw Error("a call is given a mask as argument '" + name + "', which is not supported",
                  StatusCode::Unsupported);
    else
      call.sources.push_back(source);
    return;
  }
  if (value.is_array() && !value.empty() && value[0].is_string() && value.size() == 3) {
    call.sources.push_back(readSource(value, true));
    return;
  }
  if (value.is_array()) {
    for (const Json &each : value)
      readArgument(name, each, call, isPositional);
    return;
  }
  throw Error("a call has the argument '" + name + "' with value " + value.dump().substr(0, 100) +
                  ", which is not supported",
              StatusCode::Unsupported);
}

/// ["x", 0, 0], lists of such, or names with such; in Keras's order of flattening.
void GraphReader::collectEnds(const Json &value, const char *what, std::vector<Source> &ends) {
  if (value.is_object()) {
    std::map<std::string, Json> sorted;
    for (const auto &[key, each] : value.items())
      sorted.emplace(key, each);
    for (const auto &[key, each] : sorted)
      collectEnds(each, what, ends);
    return;
  }
  if (!value.is_array())
    throw Error(std::string("has no list '") + what + "'", StatusCode::DataLoss);
  if (!value.empty() && value[0].is_string()) {
    ends.push_back(readSource(value, true));
    return;
  }
  for (const Json &each : value)
    collectEnds(each, what, ends);
}

/// Puts calls behind those that make what they take, and each layer's in the order of the file.
void GraphReader::orderCalls() {
  std::vector<std::vector<size_t>> readers(calls.size());
  std::vector<size_t> waits(calls.size(), 0);
  auto wait = [&](size_t call, size_t on) {
    readers[on].push_back(call);
    ++waits[call];
  };
  for (size_t i = 0; i < calls.size(); ++i)
    for (const Source &source : calls[i].sources) {
      const std::vector<size_t> &made = ofLayer[source.layer];
      if (source.call < 0 || source.call >= static_cast<int64_t>(made.size()))
        problems.add(calls[i].place + ": takes call " + std::to_string(source.call) +
                         " of layer '" + source.layer + "', which is called " +
                         std::to_string(made.size()) + " times",
                     StatusCode::DataLoss);
      else
        wait(i, made[static_cast<size_t>(source.call)]);
    }
  for (const auto &[layer, own] : ofLayer)
    for (size_t k = 1; k < own.size(); ++k)
      wait(own[k], own[k - 1]);
  std::deque<size_t> ready;
  for (size_t i = 0; i < calls.size(); ++i)
    if (waits[i] == 0)
      ready.push_back(i);
  std::map<std::string, int64_t> made;
  for (; !ready.empty(); ready.pop_front()) {
    const Call &call = calls[ready.front()];
    Json node = {{"layer", call.layer}, {"inputs", Json::array()}};
    for (const Source &source : call.sources)
      node["inputs"].push_back(indexOf(source, call.place));
    node.update(call.options);
    indices[{call.layer, made[call.layer]++}] = nodes.size();
    nodes.push_back(std::move(node));
    for (size_t reader : readers[ready.front()])
      if (--waits[reader] == 0)
        ready.push_back(reader);
  }
  if (nodes.size() < calls.size() && problems.count == 0)
    problems.add(place + ": its layers take each other's results in a circle",
                 StatusCode::DataLoss);
}

Json GraphReader::indexOf(const Source &source, const std::string &where) {
  auto found = indices.find({source.layer, source.call});
  if (found == indices.end()) {
    if (problems.count == 0)
      problems.add(where + ": takes call " + std::to_string(source.call) + " of layer '" +
                       source.layer + "', which there is not",
                   StatusCode::DataLoss);
    return 0;
  }
  return source.result == 0 ? Json(found->second) : Json::array({found->second, source.result});
}

Json GraphReader::read(const std::string &className, const Json &config) {
  const bool isSequential = className == "Sequential";
  attempt(place, [&] { isSequential ? readSequential(config) : readFunctional(config); });
  std::string name = config.is_object() ? config.value("name", std::string()) : std::string();
  return {{"class_name", isSequential ? "Sequential" : "Functional"},
          {"config",
           {{"name", name},
            {"trainable",
             config.is_object() && config.contains("trainable") && config["trainable"].is_boolean()
                 ? config["trainable"]
                 : Json(true)},
            {"layers", layers},
            {"nodes", nodes},
            {"inputs", inputs},
            {"outputs", outputs}}}};
}

} // namespace

Json readGraph(const Json &object, const std::string &place, Problems &problems) {
  try {
    const std::string className = textOf(object, "class_name");
    if (!isModelClass(className)) {
      std::string foreign = foreignClass(object);
      throw Error(foreign.empty() ? "'" + className.substr(0, 64) +
                                        "' is no model that files describe: Sequential, Functional "
                                        "and Model are. Build it here and call loadWeights"
                                  : foreign,
                  StatusCode::Unsupported);
    }
    if (!object.contains("config"))
      throw Error("has no config", StatusCode::DataLoss);
    return GraphReader(place, problems).read(className, object["config"]);
  } catch (const nlohmann::json::exception &error) {
    problems.add(place + ": " + error.what(), StatusCode::DataLoss);
  } catch (const Error &error) {
    problems.add(place + ": " + error.what(), error.code());
  }
  return {};
}

} // namespace ingot::keras::detail
