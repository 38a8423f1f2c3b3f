// Models as users handle them: see Model.h. Everything that takes more than a few lines is in
// GraphModule, Engine, Summary and ModelDirectory.
#include "frontends/keras/Model.h"
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"

#include <algorithm>
#include <cstring>
#include <iostream>
#include <set>

namespace ingot::keras {

using namespace detail;

namespace detail {

std::vector<std::shared_ptr<LayerImpl>> ModelImpl::layers() const {
  if (!isBuilt())
    return stack;
  std::vector<std::shared_ptr<LayerImpl>> result;
  llvm::DenseSet<const LayerImpl *> seen;
  for (const NodePtr &node : nodes)
    if (seen.insert(node->layer.get()).second)
      result.push_back(node->layer);
  return result;
}

std::vector<std::string> ModelImpl::outputNames() const {
  std::vector<std::string> names;
  std::set<std::string> taken;
  std::map<std::string, int64_t> counts; // by layer: the next number to try
  for (const NodePtr &output : outputs) {
    std::string name = output->layer->name;
    while (!taken.insert(name).second)
      name = output->layer->name + "_" + std::to_string(++counts[output->layer->name]);
    names.push_back(name);
  }
  return names;
}

std::vector<WeightRef> weightsOf(const ModelImpl &model) {
  std::vector<WeightRef> result;
  for (const auto &layer : model.layers())
    for (bool trainable : {true, false})
      for (const Weight &weight : layer->weights)
        if (weight.trainable == trainable)
          result.push_back({layer, &weight});
  return result;
}

namespace {

/// Keras's order: by distance from the outputs, and as met from the outputs among equals.
std::vector<NodePtr> orderNodes(const std::vector<NodePtr> &outputs) {
  std::vector<NodePtr> postOrder;
  llvm::DenseSet<const Node *> seen;
  // Nodes being visited, with how many of their inputs were: chains may be longer than the stack.
  std::vector<std::pair<NodePtr, size_t>> path;
  auto enter = [&](const NodePtr &node) {
    if (seen.insert(node.get()).second)
      path.emplace_back(node, 0);
  };
  for (const NodePtr &output : outputs) {
    enter(output);
    while (!path.empty()) {
      auto &[node, visited] = path.back();
      if (visited < node->inputs.size()) {
        enter(node->inputs[visited++]);
        continue;
      }
      postOrder.push_back(node);
      path.pop_back();
    }
  }
  llvm::DenseMap<const Node *, int64_t> depth, met;
  for (auto it = postOrder.rbegin(); it != postOrder.rend(); ++it)
    for (const NodePtr &input : (*it)->inputs)
      depth[input.get()] = std::max(depth.lookup(input.get()), depth.lookup(it->get()) + 1);
  for (const NodePtr &node : postOrder)
    met.try_emplace(node.get(), met.size());
  auto rank = [&](const NodePtr &node) {
    return std::pair(-depth.lookup(node.get()), met.lookup(node.get()));
  };
  std::sort(postOrder.begin(), postOrder.end(),
            [&](const NodePtr &a, const NodePtr &b) { return rank(a) < rank(b); });
  return postOrder;
}

bool isInput(const Node &node) { return node.inputs.empty(); }

} // namespace

void finishGraph(ModelImpl &model) {
  std::vector<NodePtr> nodes = orderNodes(model.outputs);
  llvm::DenseSet<const Node *> reached, listed;
  for (const NodePtr &node : nodes)
    reached.insert(node.get());
  for (const NodePtr &input : model.inputs) {
    if (!listed.insert(input.get()).second)
      throw Error("model '" + model.name + "': input '" + input->layer->name +
                  "' is listed twice; list each input once");
    if (!isInput(*input))
      throw Error("model '" + model.name + "': input '" + input->layer->name +
                  "' is the result of a layer; pass what keras::Input returned");
    if (!reached.contains(input.get()))
      throw Error("model '" + model.name + "': no output depends on input '" + input->layer->name +
                  "'; leave it out or connect it");
  }
  std::map<std::string, const LayerImpl *> byName;
  for (const NodePtr &node : nodes) {
    if (isInput(*node) && !listed.contains(node.get()))
      throw Error("model '" + model.name + "': its outputs depend on input '" + node->layer->name +
                  "', which is not among the model's inputs; add it to them");
    auto [it, isNew] = byName.emplace(node->layer->name, node->layer.get());
    if (!isNew && it->second != node->layer.get())
      throw Error("model '" + model.name + "': two layers are called '" + node->layer->name +
                  "'; give one of them another name");
  }
  model.nodes = std::move(nodes);
}

} // namespace detail

namespace {

std::shared_ptr<ModelImpl> makeFunctional(const std::vector<Tensor> &inputs,
                                          const std::vector<Tensor> &outputs, std::string name) {
  auto model = std::make_shared<ModelImpl>();
  checkName("model", name);
  model->name = name.empty() ? automaticName("Functional") : std::move(name);
  if (inputs.empty() || outputs.empty())
    throw Error("model '" + model->name + "': needs at least one input and one output");
  for (const Tensor &input : inputs)
    model->inputs.push_back(input.impl());
  for (const Tensor &output : outputs)
    model->outputs.push_back(output.impl());
  finishGraph(*model);
  return model;
}

/// Calls the stack's layers one after another, beginning with an input of this shape.
void buildStack(ModelImpl &model, const Shape &sampleShape) {
  NodePtr at;
  size_t first = 0;
  if (!model.stack.empty() && llvm::StringRef(model.stack[0]->className()) == "InputLayer") {
    at = makeInputNode(model.stack[0]);
    first = 1;
  } else {
    at = Input(sampleShape).impl();
  }
  ModelImpl built;
  built.name = model.name;
  built.inputs = {at};
  for (size_t i = first; i < model.stack.size(); ++i)
    at = call(model.stack[i], {at});
  built.outputs = {at};
  finishGraph(built);
  model.inputs = built.inputs;
  model.outputs = built.outputs;
  model.nodes = built.nodes;
}

/// What the first layer says of the input; empty when it says nothing.
std::optional<Shape> declaredInput(const ModelImpl &model) {
  if (model.stack.empty())
    return std::nullopt;
  if (auto *input = dynamic_cast<InputLayerImpl *>(model.stack[0].get()))
    return model.stack.size() > 1 ? std::optional<Shape>(input->shape) : std::nullopt;
  if (!model.stack[0]->inputShape.empty())
    return model.stack[0]->inputShape;
  return std::nullopt;
}

std::shared_ptr<ModelImpl> makeSequential(const std::vector<Layer> &layers, std::string name) {
  auto model = std::make_shared<ModelImpl>();
  checkName("model", name);
  model->name = name.empty() ? automaticName("Sequential") : std::move(name);
  model->isSequential = true;
  for (const Layer &layer : layers)
    model->stack.push_back(layer.impl());
  if (std::optional<Shape> shape = declaredInput(*model))
    buildStack(*model, *shape);
  return model;
}

void requireBuilt(const ModelImpl &model, const char *what) {
  if (!model.isBuilt())
    throw Error("model '" + model.name + "' cannot " + what +
                    " yet: the shape of its input is not known; give its first layer an "
                    "inputShape, begin with keras::Input, or call build",
                StatusCode::FailedPrecondition);
}

/// Builds a Sequential from the data it is given.
void buildFrom(ModelImpl &model, const Data &x) {
  if (model.isBuilt() || !model.isSequential || x.arrays.size() != 1 || x.arrays[0].rank < 1)
    return;
  const TensorView &array = x.arrays[0];
  buildStack(model, Shape(array.dims + 1, array.dims + array.rank));
  if (model.training)
    checkTraining(model, *model.training);
}

void requireCompiled(const ModelImpl &model, const char *what) {
  if (!model.training)
    throw Error("model '" + model.name +
                    "' was not compiled: call compile with an optimizer and a "
                    "loss before " +
                    what,
                StatusCode::FailedPrecondition);
}

/// The model's shapes are checked here, where the message can speak of layers; element types and
/// the number of arrays by the trainer.
void checkInputs(const ModelImpl &model, const Data &x) {
  for (size_t i = 0; i < x.arrays.size() && i < model.inputs.size(); ++i) {
    const TensorView &array = x.arrays[i];
    const Node &input = *model.inputs[i];
    Shape has(array.dims, array.dims + array.rank), wants = input.shape;
    // As the trainer: what is open is the array's, and trailing dimensions of 1 may be left out or
    // added.
    auto strip = [](Shape shape) {
      while (shape.size() > 1 && shape.back() == 1)
        shape.pop_back();
      return shape;
    };
    Shape filled = wants;
    for (size_t d = 0; d < filled.size(); ++d)
      if (filled[d] == None)
        filled[d] = d < has.size() ? has[d] : 1;
    if (has.empty() || strip(filled) != strip(has))
      throw Error("model '" + model.name + "', input '" + input.layer->name + "': expected shape " +
                  toString(wants) + ", got " + toString(has) +
                  "; reshape the array (the first dimension counts samples)");
  }
}

/// All arrays have the same number of samples.
void checkSamples(const ModelImpl &model, const Data &x, const Data &y) {
  if (x.arrays.empty())
    throw Error("model '" + model.name + "': there is no array x");
  auto countOf = [](const TensorView &array) { return array.rank > 0 ? array.dims[0] : 0; };
  for (const Data *data : {&x, &y})
    for (const TensorView &array : data->arrays)
      if (countOf(array) != countOf(x.arrays[0]))
        throw Error("model '" + model.name + "': x has " + std::to_string(countOf(x.arrays[0])) +
                    " samples, " + (data == &x ? "another input " : "y ") + "has " +
                    std::to_string(countOf(array)) +
                    "; both need one entry a sample (their first dimension)");
}

template <typename T> T valueOf(Result<T> result) {
  if (!result.isOk())
    throw Error(result.status());
  return std::move(result).value();
}

void checkStatus(const Status &status) {
  if (!status.isOk())
    throw Error(status);
}

/// The weight of this name; throws with a suggestion.
WeightRef findWeight(const ModelImpl &model, const std::string &name) {
  std::vector<std::string> names;
  for (const WeightRef &ref : weightsOf(model)) {
    names.push_back(ref.name());
    if (names.back() == name)
      return ref;
  }
  throw Error("model '" + model.name + "': " + unknownName("weight", name, names),
              StatusCode::NotFound);
}

void checkValue(const WeightRef &ref, const TensorView &value) {
  Shape has(value.dims, value.dims + value.rank);
  if (has != ref.weight->shape || value.dtype != DType::F32)
    throw Error("weight '" + ref.name() + "': expected f32 " + toString(ref.weight->shape) +
                ", got " + toString(value.dtype) + " " + toString(has));
}

/// Copies a value to where the model's weights are now.
void putWeight(ModelImpl &model, const std::string &name, const TensorView &value) {
  if (model.engine)
    return checkStatus(stateOf(*model.engine).set(name, value));
  ingot::Tensor copy =
      valueOf(ingot::Tensor::zeros(value.dtype, Shape(value.dims, value.dims + value.rank)));
  if (copy.byteSize())
    std::memcpy(copy.rawData(), value.data, copy.byteSize());
  model.held.insert_or_assign(name, std::move(copy));
}

/// Runs what the runtime answers with a Status, and turns that into an Error naming the model.
template <typename T> T run(const ModelImpl &model, Result<T> result) {
  if (!result.isOk())
    throw Error(result.status().withContext("model '" + model.name + "'"));
  return std::move(result).value();
}

} // namespace

Model::Model(const Tensor &input, const Tensor &output, std::string name)
    : model(makeFunctional({input}, {output}, std::move(name))) {}

Model::Model(const std::vector<Tensor> &inputs, const std::vector<Tensor> &outputs,
             std::string name)
    : model(makeFunctional(inputs, outputs, std::move(name))) {}

const std::string &Model::name() const { return model->name; }

std::vector<Layer> Model::layers() const {
  std::vector<Layer> result;
  for (const auto &layer : model->layers())
    if (!model->isSequential || !dynamic_cast<InputLayerImpl *>(layer.get()))
      result.emplace_back(layer);
  return result;
}

Layer Model::getLayer(const std::string &name) const {
  std::vector<std::string> names;
  for (const auto &layer : model->layers()) {
    if (layer->name == name)
      return Layer(layer);
    names.push_back(layer->name);
  }
  throw Error("model '" + model->name + "': " + unknownName("layer", name, names),
              StatusCode::NotFound);
}

void Model::compile(CompileOptions options) {
  if (model->isBuilt())
    checkTraining(*model, options);
  else if (options.loss.each.empty())
    throw Error("model '" + model->name + "': compile needs a loss, for example .loss = \"mse\"");
  releaseEngine(*model);
  // As in Keras a new optimizer starts afresh.
  std::erase_if(model->held, [&](const auto &entry) {
    for (const WeightRef &ref : weightsOf(*model))
      if (ref.name() == entry.first)
        return false;
    return true;
  });
  model->training = std::move(options);
}

History Model::fit(const Data &x, const Data &y, const FitOptions &options) {
  requireCompiled(*model, "fit");
  buildFrom(*model, x);
  requireBuilt(*model, "fit");
  checkTraining(*model, *model->training); // layers may have come after compile
  checkInputs(*model, x);
  checkSamples(*model, x, y);
  return run(*model, trainer().fit(x.arrays, y.arrays, options));
}

std::map<std::string, double> Model::evaluate(const Data &x, const Data &y,
                                              const EvaluateOptions &options) {
  requireCompiled(*model, "evaluate");
  buildFrom(*model, x);
  requireBuilt(*model, "evaluate");
  checkTraining(*model, *model->training); // layers may have come after compile
  checkInputs(*model, x);
  checkSamples(*model, x, y);
  return run(*model, trainer().evaluate(x.arrays, y.arrays, options.batchSize));
}

std::vector<ingot::Tensor> Model::predictAll(const Data &x, const EvaluateOptions &options) {
  buildFrom(*model, x);
  requireBuilt(*model, "predict");
  checkInputs(*model, x);
  return run(*model, trainer().predict(x.arrays, options.batchSize));
}

ingot::Tensor Model::predict(const Data &x, const EvaluateOptions &options) {
  if (model->outputs.size() > 1)
    throw Error("model '" + model->name + "' has " + std::to_string(model->outputs.size()) +
                " outputs; use predictAll");
  return std::move(predictAll(x, options)[0]);
}

std::string Model::summaryText() const { return detail::summaryText(*model); }
void Model::summary() const { summary(std::cout); }
void Model::summary(std::ostream &out) const { out << summaryText() << std::flush; }

int64_t Model::countParams() const {
  requireBuilt(*model, "count parameters");
  int64_t count = 0;
  for (const WeightRef &ref : weightsOf(*model))
    count += elementCount(ref.weight->shape);
  return count;
}

std::vector<std::string> Model::weightNames() const {
  std::vector<std::string> names;
  for (const WeightRef &ref : weightsOf(*model))
    names.push_back(ref.name());
  return names;
}

ingot::Tensor Model::getWeight(const std::string &name) {
  requireBuilt(*model, "give weights");
  findWeight(*model, name);
  return valueOf(stateOf(ensureEngine(*model)).get(name));
}

void Model::setWeight(const std::string &name, const TensorView &value) {
  requireBuilt(*model, "take weights");
  checkValue(findWeight(*model, name), value);
  putWeight(*model, name, value);
}

std::vector<ingot::Tensor> Model::getWeights() {
  std::vector<ingot::Tensor> values;
  for (const std::string &name : weightNames())
    values.push_back(getWeight(name));
  return values;
}

void Model::setWeights(const std::vector<TensorView> &values) {
  requireBuilt(*model, "take weights");
  std::vector<WeightRef> refs = weightsOf(*model);
  if (refs.size() != values.size())
    throw Error("model '" + model->name + "' has " + std::to_string(refs.size()) +
                " weights, got " + std::to_string(values.size()) + "; see weightNames()");
  for (size_t i = 0; i < refs.size(); ++i)
    checkValue(refs[i], values[i]);
  for (size_t i = 0; i < refs.size(); ++i)
    putWeight(*model, refs[i].name(), values[i]);
}

void Model::setWeights(const std::vector<ingot::Tensor> &values) {
  setWeights(std::vector<TensorView>(values.begin(), values.end()));
}

void Model::save(const std::string &path, int version) {
  requireBuilt(*model, "be saved");
  writeModelDirectory(*model, path, version);
}

void Model::setSeed(uint64_t seed) {
  if (model->engine)
    checkStatus(stateOf(*model->engine).setScalar("seed", static_cast<int64_t>(seed)));
  model->held.erase("seed"); // of an earlier engine or of a file
  model->seed = seed;
}

void Model::setThreads(int threads) {
  if (threads < 0)
    throw Error("model '" + model->name + "': threads must be 0 (all CPUs) or more, got " +
                std::to_string(threads));
  releaseEngine(*model);
  model->threads = threads;
}

train::Trainer &Model::trainer() {
  requireBuilt(*model, "run");
  return trainerOf(ensureEngine(*model));
}

Sequential::Sequential(std::initializer_list<Layer> layers, std::string name)
    : Sequential(std::vector<Layer>(layers), std::move(name)) {}

Sequential::Sequential(const std::vector<Layer> &layers, std::string name)
    : Model(makeSequential(layers, std::move(name))) {}

void Sequential::add(const Layer &layer) {
  if (model->isBuilt()) {
    ModelImpl longer = {};
    longer.name = model->name;
    longer.inputs = model->inputs;
    longer.outputs = {call(layer.impl(), {model->outputs[0]})};
    finishGraph(longer);
    releaseEngine(*model);
    model->outputs = longer.outputs;
    model->nodes = longer.nodes;
    model->stack.push_back(layer.impl());
    return;
  }
  model->stack.push_back(layer.impl());
  if (std::optional<Shape> shape = declaredInput(*model)) {
    try {
      buildStack(*model, *shape);
    } catch (...) {
      model->stack.pop_back();
      throw;
    }
  }
}

void Sequential::build(const Shape &inputShape) {
  if (inputShape.empty())
    throw Error("model '" + model->name + "': build takes the shape with the batch: {None, 784}");
  buildStack(*model, Shape(inputShape.begin() + 1, inputShape.end()));
}

Model loadModel(const std::string &path, int version) {
  return Model(readModelDirectory(path, version));
}

} // namespace ingot::keras
