// A model as a layer of another model: its results for other inputs, and its ops in the middle of
// the other's. See ModelImpl.
#include "frontends/keras/ModelImpl.h"

namespace ingot::keras::detail {

namespace {

bool fits(const Shape &wanted, const Shape &given) {
  return std::equal(wanted.begin(), wanted.end(), given.begin(), given.end(),
                    [](int64_t a, int64_t b) { return a == b || a == None || b == None; });
}

void checkInput(const ModelImpl &model, const TensorRef &input, const TensorSpec &given) {
  if (!fits(input->shape, given.shape))
    model.fail("its input '" + input.node->layer->name + "' has shape " + toString(input->shape) +
               ", it was called on " + toString(given.shape) +
               "; bring the tensor to that shape first");
}

} // namespace

Json ModelImpl::config() const {
  if (!hasGraph())
    fail("its input shape is not known yet; build it, or begin with an Input");
  return graphToJson(*this);
}

void ModelImpl::buildSublayers(const std::vector<TensorSpec> &given) {
  if (!hasGraph() && isSequential && given.size() == 1)
    buildStack(*this,
               {Shape(given[0].shape.begin() + !given[0].shape.empty(), given[0].shape.end()),
                given[0].dtype});
}

std::vector<TensorSpec> ModelImpl::results(const std::vector<TensorSpec> &given) const {
  if (!hasGraph())
    fail("its input shape is not known yet: " +
         std::string(isSubclassed ? "call it on a tensor, or call its build, before it becomes "
                                    "part of a Sequential"
                                  : "begin it with an Input"));
  if (given.size() != inputs.size())
    fail("has " + std::to_string(inputs.size()) + " inputs, was called on " +
         std::to_string(given.size()) + " tensors");
  std::map<TensorRef, TensorSpec> specs;
  for (auto [input, spec] : llvm::zip(inputs, given)) {
    checkInput(*this, {input, 0}, spec);
    specs[{input, 0}] = {spec.shape, input->results[0].dtype};
  }
  for (const NodePtr &node : nodes) {
    if (node->inputs.empty())
      continue;
    std::vector<TensorSpec> operands;
    for (const TensorRef &input : node->inputs)
      operands.push_back(specs.at(input));
    std::vector<TensorSpec> made = checkedResults(*node->layer, operands, node->options);
    for (size_t i = 0; i < made.size(); ++i)
      specs[{node, static_cast<int64_t>(i)}] = made[i];
  }
  std::vector<TensorSpec> result;
  for (const TensorRef &output : outputs)
    result.push_back(specs.at(output));
  return result;
}

llvm::SmallVector<mlir::Value> ModelImpl::emitAll(Emitter &emitter, mlir::ValueRange given,
                                                  const CallOptions &) const {
  const bool differs = emitter.training && !trainingOutputs.empty();
  const std::vector<TensorRef> &wanted = differs ? trainingOutputs : outputs;
  std::set<const Node *> needed;
  for (const TensorRef &output : wanted)
    needed.insert(output.node.get());
  for (const NodePtr &node : llvm::reverse(nodes))
    if (needed.count(node.get()))
      for (const TensorRef &input : node->inputs)
        needed.insert(input.node.get());

  std::map<TensorRef, mlir::Value> values;
  for (auto [input, value] : llvm::zip(inputs, given)) {
    mlir::Type element = elementTypeOf(input->results[0].dtype, emitter.b.getContext());
    mlir::Value converted = graph::elementType(value) == element
                                ? mlir::Value(value)
                                : graph::cast(emitter.b, emitter.loc, value, element);
    emitter.setMask(converted, emitter.maskOf(value));
    values[{input, 0}] = converted;
  }
  std::map<const LayerImpl *, int64_t> calls; // counted in this model, so that reloading keeps them
  for (const NodePtr &node : nodes) {
    if (node->inputs.empty() || !needed.count(node.get()))
      continue;
    auto operands =
        llvm::map_to_vector(node->inputs, [&](const TensorRef &input) { return values.at(input); });
    auto results = emitter.call(*node->layer, operands, node->options, calls[node->layer.get()]++);
    for (auto [i, result] : llvm::enumerate(results))
      values[{node, static_cast<int64_t>(i)}] = result;
  }
  return llvm::map_to_vector(wanted, [&](const TensorRef &output) { return values.at(output); });
}

} // namespace ingot::keras::detail
