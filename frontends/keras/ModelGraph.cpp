// Which nodes a model has, in which order, and what they are called: see ModelImpl.h.
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"
#include "frontends/keras/Throwing.h"
#include "llvm/ADT/DenseSet.h"

#include <algorithm>
#include <set>

namespace ingot::keras {

namespace detail {

std::vector<std::shared_ptr<LayerImpl>> ModelImpl::layers() const {
  if (!hasGraph())
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
  for (const TensorRef &output : outputs) {
    const std::string &layer = output.node->layer->name;
    std::string name = layer;
    while (!taken.insert(name).second)
      name = layer + "_" + std::to_string(++counts[layer]);
    names.push_back(name);
  }
  return names;
}

std::vector<WeightRef> weightsOf(const ModelImpl &model) {
  std::vector<WeightRef> all, result;
  for (const auto &layer : model.layers())
    appendWeights(*layer, all);
  std::set<const Variable *> seen;
  for (WeightRef &ref : all)
    if (seen.insert(ref.weight->variable.get()).second)
      result.push_back(std::move(ref));
  return result;
}

namespace {

/// Keras's order: by distance from the outputs, and as met from the outputs among equals.
std::vector<NodePtr> orderNodes(const std::vector<TensorRef> &outputs) {
  std::vector<NodePtr> postOrder;
  llvm::DenseSet<const Node *> seen;
  // Nodes being visited, with how many of their inputs were: chains may be longer than the stack.
  std::vector<std::pair<NodePtr, size_t>> path;
  auto enter = [&](const NodePtr &node) {
    if (seen.insert(node.get()).second)
      path.emplace_back(node, 0);
  };
  for (const TensorRef &output : outputs) {
    enter(output.node);
    while (!path.empty()) {
      auto &[node, visited] = path.back();
      if (visited < node->inputs.size()) {
        enter(node->inputs[visited++].node);
        continue;
      }
      postOrder.push_back(node);
      path.pop_back();
    }
  }
  llvm::DenseMap<const Node *, int64_t> depth, met;
  for (auto it = postOrder.rbegin(); it != postOrder.rend(); ++it)
    for (const TensorRef &input : (*it)->inputs) {
      int64_t &deepest = depth[input.node.get()];
      deepest = std::max(deepest, depth.lookup(it->get()) + 1);
    }
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
  std::vector<TensorRef> ends = model.outputs;
  ends.insert(ends.end(), model.trainingOutputs.begin(), model.trainingOutputs.end());
  std::vector<NodePtr> nodes = orderNodes(ends);
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

void buildStack(ModelImpl &model, const TensorSpec &input) {
  TensorRef at;
  size_t first = 0;
  if (!model.stack.empty() && dynamic_cast<InputLayerImpl *>(model.stack[0].get())) {
    at = {makeInputNode(model.stack[0])};
    first = 1;
  } else {
    at = Input(input.shape, {.dtype = input.dtype, .name = {}}).impl();
  }
  ModelImpl built;
  built.name = model.name;
  built.inputs = {at.node};
  for (size_t i = first; i < model.stack.size(); ++i)
    at = {detail::call(model.stack[i], {at})};
  built.outputs = {at};
  finishGraph(built);
  model.inputs = built.inputs;
  model.outputs = built.outputs;
  model.nodes = built.nodes;
}

std::shared_ptr<ModelImpl> makeFunctional(const std::vector<Tensor> &inputs,
                                          const std::vector<Tensor> &outputs, std::string name) {
  auto model = std::make_shared<ModelImpl>();
  checkName("model", name);
  model->name = name.empty() ? automaticName("Functional") : std::move(name);
  if (inputs.empty() || outputs.empty())
    throw Error("model '" + model->name + "': needs at least one input and one output");
  for (const Tensor &input : inputs) {
    if (input.impl().index != 0)
      throw Error("model '" + model->name + "': input '" + input.layerName() +
                  "' is the result of a layer; pass what keras::Input returned");
    model->inputs.push_back(input.impl().node);
  }
  for (const Tensor &output : outputs)
    model->outputs.push_back(output.impl());
  finishGraph(*model);
  return model;
}

std::optional<TensorSpec> declaredInput(const ModelImpl &model) {
  if (model.stack.empty())
    return std::nullopt;
  const LayerImpl *first = model.stack[0].get();
  if (auto *input = dynamic_cast<const InputLayerImpl *>(first))
    return model.stack.size() > 1 ? std::optional(TensorSpec{input->shape, input->dtype})
                                  : std::nullopt;
  // A model that is built knows its inputs.
  if (auto *nested = dynamic_cast<const ModelImpl *>(first); nested && nested->inputs.size() == 1) {
    const TensorSpec &input = nested->inputs[0]->results[0];
    return TensorSpec{Shape(input.shape.begin() + 1, input.shape.end()), input.dtype};
  }
  if (!first->inputShape.empty())
    return TensorSpec{first->inputShape};
  return std::nullopt;
}

std::shared_ptr<ModelImpl> makeSequential(const std::vector<Layer> &layers, std::string name) {
  auto model = std::make_shared<ModelImpl>();
  checkName("model", name);
  model->name = name.empty() ? automaticName("Sequential") : std::move(name);
  model->isSequential = true;
  for (const Layer &layer : layers)
    model->stack.push_back(layer.impl());
  if (std::optional<TensorSpec> input = declaredInput(*model))
    buildStack(*model, *input);
  return model;
}

} // namespace detail

} // namespace ingot::keras
