// See ReduceModel.h. Nodes first, as these decide how much there is to look at; then what is left
// of weights, outputs, attributes and sizes.
#include "tools/ingot/ReduceModel.h"
#include "tools/ingot/OnnxTensors.h"
#include <algorithm>

namespace ingot::cli {
namespace {

using ::onnx::GraphProto;
using ::onnx::NodeProto;

/// Names that the graph inside a node reads from around it.
void freeNames(const GraphProto &graph, std::set<std::string> &names);

void namesRead(const NodeProto &node, std::set<std::string> &names) {
  for (const std::string &input : node.input())
    if (!input.empty())
      names.insert(input);
  for (const ::onnx::AttributeProto &attribute : node.attribute()) {
    if (attribute.has_g())
      freeNames(attribute.g(), names);
    for (const GraphProto &graph : attribute.graphs())
      freeNames(graph, names);
  }
}

void freeNames(const GraphProto &graph, std::set<std::string> &names) {
  std::set<std::string> read, made;
  for (const auto &input : graph.input())
    made.insert(input.name());
  for (const auto &tensor : graph.initializer())
    made.insert(tensor.name());
  for (const NodeProto &node : graph.node()) {
    namesRead(node, read);
    made.insert(node.output().begin(), node.output().end());
  }
  for (const auto &output : graph.output())
    read.insert(output.name());
  for (const std::string &name : read)
    if (!made.count(name))
      names.insert(name);
}

template <typename List, typename Keep> void filter(List *list, const Keep &keep) {
  List kept;
  for (auto &item : *list)
    if (keep(item))
      *kept.Add() = std::move(item);
  list->Swap(&kept);
}

/// Functions that no node calls any more go.
void dropUnusedFunctions(::onnx::ModelProto &model) {
  std::set<std::pair<std::string, std::string>> called;
  std::function<void(const NodeProto &)> visit = [&](const NodeProto &node) {
    bool isNew = called.emplace(node.domain(), node.op_type()).second;
    for (const ::onnx::AttributeProto &attribute : node.attribute())
      for (const NodeProto &inner : attribute.g().node())
        visit(inner);
    if (isNew)
      for (const ::onnx::FunctionProto &function : model.functions())
        if (function.name() == node.op_type() && function.domain() == node.domain())
          for (const NodeProto &inner : function.node())
            visit(inner);
  };
  for (const NodeProto &node : model.graph().node())
    visit(node);
  filter(model.mutable_functions(), [&](const ::onnx::FunctionProto &function) {
    return called.count({function.domain(), function.name()}) != 0;
  });
}

::onnx::TypeProto typeOf(const Tensor &tensor) {
  ::onnx::TypeProto type;
  type.mutable_tensor_type()->set_elem_type(onnxTypeOf(tensor.dtype()));
  auto *shape = type.mutable_tensor_type()->mutable_shape();
  for (int64_t size : tensor.shape())
    shape->add_dim()->set_dim_value(size);
  return type;
}

bool isMadeUpOf(const ::onnx::ValueInfoProto &value, const std::set<std::string> &names) {
  return names.count(value.name()) != 0;
}

/// Sizes of axes, of tensors that have values or types in the model.
std::set<int64_t, std::greater<>> sizesOf(const ::onnx::ModelProto &model) {
  std::set<int64_t, std::greater<>> sizes;
  for (const auto &input : model.graph().input())
    for (const auto &dim : input.type().tensor_type().shape().dim())
      if (dim.dim_value() > 1)
        sizes.insert(dim.dim_value());
  for (const auto &tensor : model.graph().initializer())
    for (int64_t size : tensor.dims())
      if (size > 1)
        sizes.insert(size);
  return sizes;
}

/// The tensor with every axis of extent `from` cut to its first `to`; null where none has it.
std::shared_ptr<const Tensor> shrunk(const Tensor &tensor, int64_t from, int64_t to) {
  Shape shape = tensor.shape();
  std::replace(shape.begin(), shape.end(), from, to);
  if (shape == tensor.shape() || elementsPerByte(tensor.dtype()) != 1)
    return nullptr;
  auto result = Tensor::zeros(tensor.dtype(), shape);
  if (!result.isOk())
    return nullptr;
  size_t width = byteSize(tensor.dtype());
  auto *out = static_cast<char *>(result->rawData());
  const auto *in = static_cast<const char *>(tensor.rawData());
  for (int64_t i = 0; i < result->elementCount(); ++i) {
    int64_t rest = i, place = 0, stride = 1;
    for (size_t axis = shape.size(); axis-- > 0;) {
      place += rest % shape[axis] * stride;
      rest /= shape[axis];
      stride *= tensor.shape()[axis];
    }
    std::copy_n(in + static_cast<size_t>(place) * width, width,
                out + static_cast<size_t>(i) * width);
  }
  return std::make_shared<const Tensor>(std::move(*result));
}

/// A short list of integers is likely a shape: sizes in it change too.
bool shrinkInitializer(::onnx::TensorProto &proto, int64_t from, int64_t to) {
  std::optional<Tensor> tensor = tensorOfOnnx(proto);
  if (!tensor)
    return false;
  constexpr int64_t longestShape = 16;
  bool isChanged = false;
  if (auto *numbers = tensor->data<int64_t>();
      numbers && tensor->rank() <= 1 && tensor->elementCount() <= longestShape)
    for (int64_t i = 0; i < tensor->elementCount(); ++i)
      if (numbers[i] == from) {
        numbers[i] = to;
        isChanged = true;
      }
  std::shared_ptr<const Tensor> cut = shrunk(*tensor, from, to);
  if (cut || isChanged)
    storeOnnx(proto, cut ? *cut : *tensor);
  return cut || isChanged;
}

} // namespace

ModelReducer::ModelReducer(Candidate model,
                           std::map<std::string, std::shared_ptr<const Tensor>> recorded,
                           ReduceQuestions questions)
    : current(std::move(model)), recorded(std::move(recorded)), questions(std::move(questions)) {
  for (const auto &value : current.model.graph().value_info())
    types[value.name()] = value.type();
  for (const auto &[name, tensor] : this->recorded)
    types[name] = typeOf(*tensor);
}

void ModelReducer::reduce() {
  findPrefix();
  learnTypes();
  bypassUnknown();
  findSuffix();
  deltaDebug();
  dropText();
  dropOutputs();
  weightsToInputs();
  shrinkSizes();
  dropAttributes();
}

bool ModelReducer::adopt(Candidate candidate) {
  if (!questions.fails(candidate))
    return false;
  current = std::move(candidate);
  return true;
}

std::optional<Candidate> ModelReducer::part(const std::vector<bool> &keep) const {
  const GraphProto &graph = current.model.graph();
  Candidate result;
  result.model = current.model;
  GraphProto &cut = *result.model.mutable_graph();
  std::set<std::string> made, read, before;
  cut.clear_node();
  for (const NodeProto &node : graph.node())
    before.insert(node.output().begin(), node.output().end());
  for (int i = 0; i < graph.node_size(); ++i)
    if (keep[static_cast<size_t>(i)]) {
      namesRead(graph.node(i), read);
      made.insert(graph.node(i).output().begin(), graph.node(i).output().end());
      *cut.add_node() = graph.node(i);
    }
  made.erase("");
  filter(cut.mutable_initializer(),
         [&](const ::onnx::TensorProto &tensor) { return read.count(tensor.name()) != 0; });
  filter(cut.mutable_sparse_initializer(), [&](const ::onnx::SparseTensorProto &tensor) {
    return read.count(tensor.values().name()) != 0;
  });
  filter(cut.mutable_input(), [&](const auto &input) { return isMadeUpOf(input, read); });
  filter(cut.mutable_output(), [&](const auto &output) { return isMadeUpOf(output, made); });
  std::set<std::string> there = made, outputs;
  for (const auto &input : cut.input())
    there.insert(input.name());
  for (const auto &tensor : cut.initializer())
    there.insert(tensor.name());
  for (const auto &tensor : cut.sparse_initializer())
    there.insert(tensor.values().name());
  for (const std::string &name : read) {
    if (there.count(name) || !before.count(name)) // what nothing made stays a mistake
      continue;
    auto type = types.find(name);
    if (type == types.end())
      return std::nullopt;
    auto *input = cut.add_input();
    input->set_name(name);
    *input->mutable_type() = type->second;
  }
  for (const auto &output : cut.output())
    outputs.insert(output.name());
  for (const std::string &name : made)
    if (!read.count(name) && !outputs.count(name)) {
      auto *output = cut.add_output();
      output->set_name(name);
      if (auto type = types.find(name); type != types.end())
        *output->mutable_type() = type->second;
    }
  for (const auto &input : cut.input())
    if (auto known = current.values.find(input.name()); known != current.values.end())
      result.values.insert(*known);
    else if (auto value = recorded.find(input.name()); value != recorded.end())
      result.values.insert(*value);
  dropUnusedFunctions(result.model);
  return cut.output_size() > 0 ? std::optional(std::move(result)) : std::nullopt;
}

bool ModelReducer::tryPart(const std::vector<bool> &keep) {
  std::optional<Candidate> candidate = part(keep);
  return candidate && adopt(std::move(*candidate));
}

/// The shortest beginning that fails, by halving: what comes after the first wrong node goes.
void ModelReducer::findPrefix() {
  size_t count = static_cast<size_t>(current.model.graph().node_size());
  size_t works = 0; // a beginning of this many nodes does not fail
  while (works + 1 < count) {
    size_t middle = (works + count) / 2;
    std::vector<bool> keep(count);
    std::fill_n(keep.begin(), middle, true);
    if (tryPart(keep))
      count = middle;
    else
      works = middle;
  }
}

/// Types of all but what the last node makes, which is likely what fails.
void ModelReducer::learnTypes() {
  ::onnx::ModelProto before = current.model;
  if (before.graph().node_size() > 1) {
    before.mutable_graph()->mutable_node()->RemoveLast();
    before.mutable_graph()->clear_output();
  }
  for (const auto &[name, type] : questions.types(before))
    types.emplace(name, type);
}

/// Nodes that make tensors of unknown type are in the way of cuts behind them: where it fails
/// without such a node too, what it reads takes the place of what it makes.
void ModelReducer::bypassUnknown() {
  for (int i = 0; i + 1 < current.model.graph().node_size();) {
    const NodeProto &node = current.model.graph().node(i);
    bool isKnown =
        node.input_size() == 0 || node.output_size() != 1 || types.count(node.output(0)) != 0;
    Candidate candidate;
    if (!isKnown) {
      candidate = current;
      GraphProto &graph = *candidate.model.mutable_graph();
      std::string from = node.output(0), to = node.input(0);
      graph.mutable_node()->DeleteSubrange(i, 1);
      for (NodeProto &other : *graph.mutable_node())
        std::replace(other.mutable_input()->begin(), other.mutable_input()->end(), from, to);
      filter(graph.mutable_output(), [&](const auto &output) { return output.name() != from; });
    }
    if (!isKnown && adopt(std::move(candidate)))
      learnTypes();
    else
      ++i;
  }
}

/// The last node alone, else the last 2, 4, 8, …: what fails is most often there.
void ModelReducer::findSuffix() {
  size_t count = static_cast<size_t>(current.model.graph().node_size());
  for (size_t length = 1; length < count; length *= 2) {
    std::vector<bool> keep(count);
    std::fill_n(keep.rbegin(), length, true);
    if (tryPart(keep))
      return;
  }
}

/// Zeller's ddmin over the nodes.
void ModelReducer::deltaDebug() {
  size_t chunks = 2;
  for (;;) {
    auto count = static_cast<size_t>(current.model.graph().node_size());
    if (count < 2)
      return;
    chunks = std::min(chunks, count);
    if (tryChunks(chunks)) {
      chunks = 2;
    } else if (chunks == count) {
      return;
    } else {
      chunks *= 2;
    }
  }
}

/// Keeps one of `chunks` parts, or all but one.
bool ModelReducer::tryChunks(size_t chunks) {
  auto count = static_cast<size_t>(current.model.graph().node_size());
  for (bool isAlone : {true, false})
    for (size_t chunk = chunks; chunk-- > 0;) {
      std::vector<bool> keep(count, !isAlone);
      for (size_t i = count * chunk / chunks; i < count * (chunk + 1) / chunks; ++i)
        keep[i] = isAlone;
      if (tryPart(keep))
        return true;
    }
  return false;
}

void ModelReducer::dropText() {
  Candidate candidate = current;
  GraphProto &graph = *candidate.model.mutable_graph();
  candidate.model.clear_doc_string();
  candidate.model.clear_metadata_props();
  candidate.model.clear_training_info();
  graph.clear_doc_string();
  graph.clear_value_info();
  graph.clear_quantization_annotation();
  graph.clear_metadata_props();
  for (NodeProto &node : *graph.mutable_node()) {
    node.clear_doc_string();
    node.clear_metadata_props();
  }
  adopt(std::move(candidate));
}

void ModelReducer::dropOutputs() {
  for (int i = current.model.graph().output_size(); i-- > 0;) {
    if (current.model.graph().output_size() < 2)
      return;
    Candidate candidate = current;
    candidate.model.mutable_graph()->mutable_output()->DeleteSubrange(i, 1);
    adopt(std::move(candidate));
  }
}

void ModelReducer::dropAttributes() {
  for (int n = 0; n < current.model.graph().node_size(); ++n)
    for (int i = current.model.graph().node(n).attribute_size(); i-- > 0;) {
      Candidate candidate = current;
      candidate.model.mutable_graph()->mutable_node(n)->mutable_attribute()->DeleteSubrange(i, 1);
      adopt(std::move(candidate));
    }
}

/// Weights become inputs, which have a type and take no room; their values stay where values are
/// kept.
void ModelReducer::weightsToInputs() {
  for (int i = current.model.graph().initializer_size(); i-- > 0;) {
    const ::onnx::TensorProto &weight = current.model.graph().initializer(i);
    std::optional<Tensor> value = tensorOfOnnx(weight);
    constexpr int64_t fewElements = 16;
    if (!value || value->elementCount() <= fewElements)
      continue;
    Candidate candidate = current;
    GraphProto &graph = *candidate.model.mutable_graph();
    graph.mutable_initializer()->DeleteSubrange(i, 1);
    filter(graph.mutable_input(), [&](const auto &input) { return input.name() != weight.name(); });
    auto *input = graph.add_input();
    input->set_name(weight.name());
    *input->mutable_type() = typeOf(*value);
    if (!recorded.empty())
      candidate.values[weight.name()] = std::make_shared<const Tensor>(std::move(*value));
    adopt(std::move(candidate));
  }
}

/// Axes of one size are likely one dimension: they are cut together, to 1, 2, or half.
void ModelReducer::shrinkSizes() {
  for (int64_t size : sizesOf(current.model))
    for (int64_t from = size; from > 1;) {
      int64_t to = 0;
      for (int64_t smaller : {int64_t(1), int64_t(2), from / 2})
        if (to == 0 && smaller < from && tryShrink(from, smaller))
          to = smaller;
      if (to == 0)
        break;
      from = to;
    }
}

bool ModelReducer::tryShrink(int64_t from, int64_t to) {
  Candidate candidate = current;
  GraphProto &graph = *candidate.model.mutable_graph();
  bool isChanged = false;
  for (auto &input : *graph.mutable_input())
    if (input.type().tensor_type().has_shape())
      for (auto &dim : *input.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim())
        if (dim.has_dim_value() && dim.dim_value() == from) {
          dim.set_dim_value(to);
          isChanged = true;
        }
  for (auto &tensor : *graph.mutable_initializer())
    isChanged |= shrinkInitializer(tensor, from, to);
  for (auto &[name, value] : candidate.values)
    if (auto cut = shrunk(*value, from, to))
      value = std::move(cut);
  for (auto &output : *graph.mutable_output())
    output.clear_type(); // it follows
  return isChanged && adopt(std::move(candidate));
}

} // namespace ingot::cli
