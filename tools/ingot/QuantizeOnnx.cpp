// Which tensors of a model become integers. See QuantizeOnnx.h.
#include "tools/ingot/QuantizeOnnx.h"
#include "frontends/onnx/Upgrade.h"
#include "tools/ingot/OnnxEdit.h"
#include "tools/ingot/OnnxTensors.h"
#include <algorithm>
#include <fmt/format.h>

namespace ingot::cli {
namespace {

using ::onnx::NodeProto;
constexpr int64_t kLeastVersion = 13; // of scales by channel

bool isOneOf(const std::string &op, std::initializer_list<const char *> ops) {
  return std::find(ops.begin(), ops.end(), op) != ops.end();
}
bool isStandard(const NodeProto &node) {
  return node.domain().empty() || node.domain() == "ai.onnx";
}
/// Maps whose results are the convolution's: they run behind it.
bool isMap(const std::string &op) {
  return isOneOf(op, {"Relu", "Clip", "LeakyRelu", "HardSwish", "HardSigmoid", "Sigmoid", "Mul",
                      "Add", "BatchNormalization", "Identity", "Dropout"});
}
/// Nodes whose results are elements of their first input.
bool isMovement(const std::string &op) {
  return isOneOf(op, {"MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze",
                      "Identity", "Dropout"});
}
bool joins(const std::string &op) {
  return isOneOf(op, {"Add", "Concat", "MaxPool", "AveragePool", "GlobalAveragePool"});
}

int64_t intAttribute(const NodeProto &node, const char *name, int64_t otherwise) {
  for (const auto &attribute : node.attribute())
    if (attribute.name() == name)
      return attribute.i();
  return otherwise;
}

std::string titleOf(const NodeProto &node) {
  return fmt::format("node `{}` ({})", nodeTitle(node), node.op_type());
}

/// What the node means in an older operator set and not in 13.
bool changedMeaning(const NodeProto &node) {
  if (isOneOf(node.op_type(), {"Softmax", "LogSoftmax", "Hardmax"}))
    return intAttribute(node, "axis", 1) != -1; // everything from the axis on was one row
  if (isOneOf(node.op_type(), {"Upsample", "Resize", "Scan", "Scatter"}))
    return true;
  return std::any_of(node.attribute().begin(), node.attribute().end(), [](const auto &attribute) {
    return attribute.has_g() || attribute.graphs_size() > 0;
  });
}

/// The attribute, where the node has it, as an initializer that is its input.
void makeInput(const onnx::AttributeToInput &row, NodeProto &node, ::onnx::GraphProto &graph) {
  auto &attributes = *node.mutable_attribute();
  auto found = std::find_if(attributes.begin(), attributes.end(),
                            [&](const auto &a) { return a.name() == row.attribute; });
  if (found == attributes.end() || node.input_size() > static_cast<int>(row.input))
    return;
  ::onnx::TensorProto &value = *graph.add_initializer();
  value.set_name(node.output(0) + "_" + row.attribute);
  Tensor tensor;
  if (found->type() == ::onnx::AttributeProto::FLOAT)
    tensor = check(Tensor::of<float>({}, {found->f()}));
  else if (found->type() == ::onnx::AttributeProto::INT)
    tensor = check(Tensor::of<int64_t>({1}, {found->i()}));
  else
    tensor = check(
        Tensor::of<int64_t>({found->ints_size()}, {found->ints().begin(), found->ints().end()}));
  storeOnnx(value, tensor);
  while (node.input_size() < static_cast<int>(row.input))
    node.add_input("");
  node.add_input(value.name());
  attributes.erase(found);
}

} // namespace

QuantizationPlan::QuantizationPlan(::onnx::ModelProto given, const QuantizeOptions &options)
    : model(std::move(given)), options(options) {
  checkSkipped();
  upgrade();
  foldWeights();
  chooseNodes();
  chooseTensors();
}

std::vector<std::string> QuantizationPlan::outputs() const {
  std::vector<std::string> names;
  for (const auto &output : model.graph().output())
    names.push_back(output.name());
  return names;
}

void QuantizationPlan::checkSkipped() const {
  std::vector<std::string> known;
  for (const NodeProto &node : model.graph().node())
    known.push_back(nodeTitle(node));
  for (const std::string &name : options.skipped)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Failure(kInput, "the model has no node `" + name + "` to skip", suggest(name, known));
}

bool QuantizationPlan::isSkipped(const NodeProto &node) const {
  const auto &skipped = options.skipped;
  return std::find(skipped.begin(), skipped.end(), nodeTitle(node)) != skipped.end();
}

/// Attributes that became inputs, become inputs.
void QuantizationPlan::upgrade() {
  for (auto &set : *model.mutable_opset_import()) {
    if ((!set.domain().empty() && set.domain() != "ai.onnx") || set.version() >= kLeastVersion)
      continue;
    for (NodeProto &node : *model.mutable_graph()->mutable_node()) {
      if (!isStandard(node))
        continue;
      if (set.version() < 7 || changedMeaning(node))
        throw Failure(kInput,
                      fmt::format("{} is of operator set {} and means something else in {}, which "
                                  "scales by channel need",
                                  titleOf(node), set.version(), kLeastVersion),
                      fmt::format("convert the model first: onnx.version_converter.convert_version("
                                  "model, {})",
                                  kLeastVersion));
      for (const onnx::AttributeToInput &row : onnx::attributesToInputs())
        if (row.op == node.op_type() && set.version() < row.before && row.before <= kLeastVersion)
          makeInput(row, node, *model.mutable_graph());
    }
    set.set_version(kLeastVersion);
  }
}

/// Weights that a Constant makes, or a Reshape of one, become initializers.
void QuantizationPlan::foldWeights() {
  ::onnx::GraphProto &graph = *model.mutable_graph();
  std::map<std::string, ::onnx::TensorProto> constants;
  for (const auto &tensor : graph.initializer())
    constants.emplace(tensor.name(), tensor);
  std::vector<NodeProto> kept;
  for (const NodeProto &node : graph.node()) {
    std::optional<::onnx::TensorProto> value;
    if (node.op_type() == "Constant" && node.attribute_size() == 1 && node.attribute(0).has_t())
      value = node.attribute(0).t();
    else if (node.op_type() == "Reshape" && isStandard(node) && node.input_size() == 2 &&
             constants.count(node.input(0)) != 0 && constants.count(node.input(1)) != 0) {
      auto shape = tensorOfOnnx(constants.at(node.input(1)));
      auto data = tensorOfOnnx(constants.at(node.input(0)));
      const int64_t *dims = shape ? shape->data<int64_t>() : nullptr;
      if (dims && data &&
          std::all_of(dims, dims + shape->elementCount(), [](int64_t d) { return d > 0; })) {
        value = constants.at(node.input(0));
        value->clear_dims();
        for (int64_t i = 0; i < shape->elementCount(); ++i)
          value->add_dims(dims[i]);
      }
    }
    if (!value) {
      kept.push_back(node);
      continue;
    }
    value->set_name(node.output(0));
    constants.insert_or_assign(node.output(0), *value);
    *graph.add_initializer() = *value;
  }
  graph.clear_node();
  for (NodeProto &node : kept)
    *graph.add_node() = std::move(node);
  for (const auto &tensor : graph.initializer())
    if (tensor.data_type() == ::onnx::TensorProto::FLOAT)
      weights[tensor.name()] = &tensor;
}

/// The weight of a convolution or a matrix product; nothing where there is no fixed one.
std::optional<QuantizationPlan::Weight> QuantizationPlan::weightFor(const NodeProto &node) const {
  if (!isStandard(node) || node.input_size() < 2 || !isWeight(node.input(1)) ||
      isWeight(node.input(0)))
    return std::nullopt;
  int rank = weights.at(node.input(1))->dims_size();
  if (node.op_type() == "Conv" && rank >= 3)
    return Weight{1, 0};
  if (node.op_type() == "Gemm" && rank == 2)
    return Weight{1, intAttribute(node, "transB", 0) != 0 ? 0 : 1};
  if (node.op_type() == "MatMul" && rank == 2)
    return Weight{1, 1};
  return std::nullopt;
}

void QuantizationPlan::chooseNodes() {
  int index = -1;
  for (const NodeProto &node : model.graph().node()) {
    ++index;
    if (auto weight = weightFor(node); weight && !isSkipped(node))
      weightOf.emplace(index, *weight);
  }
  if (weightOf.empty())
    throw Failure(
        kInput,
        "the model has nothing to quantize: no Conv, Gemm or MatMul whose weight is an f32 "
        "initializer",
        options.skipped.empty() ? "" : "leave out some --skip");
}

void QuantizationPlan::take(const std::string &tensor, const std::string &like) {
  if (tensor.empty() || isWeight(tensor) || indexOf.count(tensor) != 0)
    return;
  indexOf[tensor] = found.size();
  found.push_back({tensor, "", "", like});
}

void QuantizationPlan::chooseTensors() {
  std::set<std::string> ofConvolution; // what a convolution, or a map behind one, makes
  std::set<std::string> needed;
  const auto &nodes = model.graph().node();
  for (const auto &[index, weight] : weightOf)
    needed.insert(nodes[index].input(1 - weight.input));
  for (int i = 0; i < nodes.size(); ++i) {
    const NodeProto &node = nodes[i];
    bool isKnown = false, joinsTwo = false;
    int operands = 0;
    for (const std::string &input : node.input()) {
      bool isTensor = !input.empty() && !isWeight(input);
      operands += isTensor;
      isKnown |= isTensor && (ofConvolution.count(input) != 0 || indexOf.count(input) != 0);
    }
    joinsTwo = isStandard(node) && joins(node.op_type()) && !isSkipped(node) && isKnown &&
               (node.op_type() != "Add" || operands == 2);
    for (const std::string &input : node.input())
      if (joinsTwo && ofConvolution.count(input) != 0)
        take(input);
    if (auto weight = weightOf.find(i); weight != weightOf.end())
      take(node.input(1 - weight->second.input));
    bool isConvolution = weightOf.count(i) != 0 && node.op_type() == "Conv";
    bool follows = isStandard(node) && isKnown && (isMap(node.op_type()) || joins(node.op_type()));
    if ((isConvolution || follows) && node.output_size() > 0)
      ofConvolution.insert(node.output(0));
    bool moves = isStandard(node) && isMovement(node.op_type()) && node.input_size() > 0 &&
                 indexOf.count(node.input(0)) != 0;
    if (moves && (needed.count(node.output(0)) != 0 || node.op_type() == "MaxPool"))
      take(node.output(0), node.input(0));
  }
  std::map<std::string, Maker> makers = makersOf(model.graph());
  for (QuantizedTensor &tensor : found)
    if (auto maker = makers.find(tensor.name); maker != makers.end()) {
      tensor.node = maker->second.name;
      tensor.op = maker->second.op;
    }
}

::onnx::ModelProto QuantizationPlan::observed() const {
  ::onnx::ModelProto result = model;
  std::set<std::string> inputs;
  for (const auto &input : model.graph().input())
    inputs.insert(input.name());
  std::vector<std::string> names;
  for (const QuantizedTensor &tensor : found)
    if (inputs.count(tensor.name) == 0)
      names.push_back(tensor.name);
  addOutputs(*result.mutable_graph(), names);
  return result;
}

} // namespace ingot::cli
