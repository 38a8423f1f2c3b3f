// Models whose graph is made by calling their `call` with symbolic tensors: see keras::Model.
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"

namespace ingot::keras {

using namespace detail;

namespace {

/// Pairs the nodes of two traces, from the outputs back.
class Comparison {
public:
  /// Whether both are the same calls of the same layers, but for `training`, which is false in the
  /// first and true in the second where it was handed on.
  bool same(const std::vector<TensorRef> &a, const std::vector<TensorRef> &b) {
    // Without recursion: chains may be longer than the stack is deep.
    bool isSame = pair(a, b);
    while (isSame && !pending.empty()) {
      const auto [x, y] = pending.back();
      pending.pop_back();
      isSame = same(*x, *y);
    }
    return isSame;
  }
  /// Nodes of the first trace that were handed `training`.
  std::set<const Node *> handed;

private:
  /// Whether both take the same results of nodes, which then are to be compared.
  bool pair(const std::vector<TensorRef> &a, const std::vector<TensorRef> &b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](const TensorRef &x, const TensorRef &y) {
                        pending.emplace_back(x.node.get(), y.node.get());
                        return x.index == y.index;
                      });
  }
  bool same(const Node &a, const Node &b) {
    if (&a == &b || !partners.emplace(&a, &b).second)
      return &a == &b || partners[&a] == &b;
    if (a.layer != b.layer)
      return false;
    CallOptions first = a.options, second = b.options;
    if (first.training == false && second.training == true) {
      handed.insert(&a);
      first.training = second.training = std::nullopt;
    }
    return first == second && pair(a.inputs, b.inputs);
  }
  std::map<const Node *, const Node *> partners;
  std::vector<std::pair<const Node *, const Node *>> pending;
};

std::set<const LayerImpl *> layersBehind(const std::vector<TensorRef> &outputs) {
  std::set<const LayerImpl *> layers;
  std::set<const Node *> seen;
  std::vector<const Node *> pending;
  for (const TensorRef &output : outputs)
    pending.push_back(output.node.get());
  while (!pending.empty()) {
    const Node *node = pending.back();
    pending.pop_back();
    if (!seen.insert(node).second)
      continue;
    layers.insert(node->layer.get());
    for (const TensorRef &input : node->inputs)
      pending.push_back(input.node.get());
  }
  return layers;
}

std::vector<TensorRef> refsOf(const std::vector<Tensor> &tensors) {
  std::vector<TensorRef> refs;
  for (const Tensor &tensor : tensors)
    refs.push_back(tensor.impl());
  return refs;
}

} // namespace

Tensor Model::call(const Tensor &, bool) {
  throw Error("model '" + name() + "': a subclass overrides call(inputs, training)");
}

std::vector<Tensor> Model::call(const std::vector<Tensor> &inputs, bool training) {
  if (inputs.size() != 1)
    throw Error("model '" + name() +
                "': a subclass of several inputs overrides call(const "
                "std::vector<keras::Tensor> &inputs, bool training)");
  return {call(inputs[0], training)};
}

void Model::trace(const std::vector<TensorSpec> &specs) {
  ModelImpl traced;
  traced.name = model->name;
  std::vector<Tensor> inputs;
  for (const TensorSpec &spec : specs) {
    inputs.push_back(Input(spec.shape, {.dtype = spec.dtype, .name = {}}));
    traced.inputs.push_back(inputs.back().impl().node);
  }
  traced.outputs = refsOf(call(inputs, /*training=*/false));
  std::vector<TensorRef> training = refsOf(call(inputs, /*training=*/true));
  if (traced.outputs.empty() || traced.outputs.size() != training.size())
    throw Error("model '" + name() + "': call returned " + std::to_string(traced.outputs.size()) +
                " tensors without training and " + std::to_string(training.size()) +
                " with it; return the same outputs, at least one");
  Comparison comparison;
  if (comparison.same(traced.outputs, training)) {
    // The nodes are new and nobody else's. What says "as the model runs" also obeys a caller.
    for (const Node *node : comparison.handed)
      const_cast<Node *>(node)->options.training.reset();
  } else {
    traced.trainingOutputs = training;
    const std::set<const LayerImpl *> used = layersBehind(training);
    for (const LayerImpl *layer : layersBehind(traced.outputs))
      if (!layer->weights.empty() && !used.count(layer))
        throw Error("model '" + name() + "': layer '" + layer->name +
                    "' has weights and is not used in training, so they would never be trained; "
                    "make layers in the constructor, not in call");
  }
  finishGraph(traced);
  model->inputs = traced.inputs;
  model->outputs = traced.outputs;
  model->trainingOutputs = traced.trainingOutputs;
  model->nodes = traced.nodes;
}

std::vector<Tensor> Model::addCall(const std::vector<Tensor> &inputs,
                                   const CallOptions &options) const {
  if (model->isSubclassed && !model->hasGraph()) {
    std::vector<TensorSpec> specs;
    for (const Tensor &input : inputs) {
      const Shape &shape = input.shape();
      specs.push_back({Shape(shape.begin() + !shape.empty(), shape.end()), input.dtype()});
    }
    const_cast<Model *>(this)->trace(specs); // a handle: what changes is the model behind it
  }
  return Layer::addCall(inputs, options);
}

} // namespace ingot::keras
