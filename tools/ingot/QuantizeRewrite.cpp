// The quantised model as ONNX nodes. See QuantizeOnnx.h.
#include "tools/ingot/OnnxEdit.h"
#include "tools/ingot/OnnxTensors.h"
#include "tools/ingot/QuantizeOnnx.h"
#include <algorithm>
#include <cmath>

namespace ingot::cli {
namespace {

using ::onnx::GraphProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;

struct ScaleAndZero {
  float scale;
  int zero;
};

/// 256 steps over the range, one of them exactly zero.
ScaleAndZero spread(Range range, bool isSigned) {
  double scale = (range.high - range.low) / 255;
  // A tensor of zeros, or of values so small that their steps are none.
  if (!(scale > 1e-30))
    scale = 1;
  int low = isSigned ? -128 : 0;
  double zero = std::nearbyint(low - range.low / scale);
  return {static_cast<float>(scale), static_cast<int>(std::clamp<double>(zero, low, low + 255))};
}

template <typename T> Tensor tensorOf(const Shape &shape, const std::vector<T> &values) {
  return check(Tensor::of<T>(shape, values));
}

/// Writes the new graph: initializers at its end, nodes in the order in which they are added.
class GraphWriter {
public:
  explicit GraphWriter(GraphProto &graph) : graph(graph) {
    for (const TensorProto &tensor : graph.initializer())
      names.insert(tensor.name());
    for (const NodeProto &node : graph.node())
      names.insert(node.output().begin(), node.output().end());
    for (const auto &input : graph.input())
      names.insert(input.name());
  }
  std::string unique(const std::string &base) {
    std::string name = base;
    for (int i = 2; !names.insert(name).second; ++i)
      name = base + "_" + std::to_string(i);
    return name;
  }
  std::string constant(const std::string &base, const Tensor &value) {
    TensorProto &proto = *graph.add_initializer();
    proto.set_name(unique(base));
    storeOnnx(proto, value);
    return proto.name();
  }
  NodeProto node(const char *op, const std::string &name, const std::vector<std::string> &inputs,
                 const std::string &output) {
    NodeProto node;
    node.set_op_type(op);
    node.set_name(unique(name));
    for (const std::string &input : inputs)
      node.add_input(input);
    node.add_output(output);
    return node;
  }

private:
  GraphProto &graph;
  std::set<std::string> names;
};

void setAxis(NodeProto &node, int64_t axis) {
  auto &attribute = *node.add_attribute();
  attribute.set_name("axis");
  attribute.set_type(::onnx::AttributeProto::INT);
  attribute.set_i(axis);
}

/// A weight's integers and scales, one or one for each index of the axis.
struct QuantizedWeight {
  std::vector<int8_t> values;
  std::vector<float> scales;
};

QuantizedWeight quantizeWeight(const Tensor &weight, int axis, const QuantizeOptions &options) {
  const bool perTensor = options.perTensor;
  const float most = options.reducedRange ? 63 : 127;
  const float *values = weight.data<float>();
  int64_t count = weight.elementCount(), channels = perTensor ? 1 : weight.dim(axis), inner = 1;
  for (int64_t d = axis + 1; d < weight.rank(); ++d)
    inner *= weight.dim(d);
  auto channel = [&](int64_t i) {
    return perTensor ? 0 : static_cast<size_t>(i / inner % channels);
  };
  QuantizedWeight result{std::vector<int8_t>(static_cast<size_t>(count)),
                         std::vector<float>(static_cast<size_t>(channels), 0)};
  for (int64_t i = 0; i < count; ++i)
    result.scales[channel(i)] = std::max(result.scales[channel(i)], std::abs(values[i]));
  for (float &scale : result.scales)
    scale = scale > 1e-30F ? scale / most : 1;
  for (int64_t i = 0; i < count; ++i)
    result.values[static_cast<size_t>(i)] = static_cast<int8_t>(
        std::clamp(std::nearbyint(values[i] / result.scales[channel(i)]), -most, most));
  return result;
}

} // namespace

/// Makes the nodes of the quantised graph around those of the model.
class Rewriter {
public:
  Rewriter(GraphProto &graph, const QuantizeOptions &options,
           const std::map<std::string, const TensorProto *> &weights)
      : options(options), weights(weights), writer(graph) {}

  /// Quantises the tensor; what read it reads its integers, as floats.
  void addTensor(const std::string &name, Range range) {
    ScaleAndZero parameters = spread(range, options.signedActivations);
    scaleOf[name] = parameters.scale;
    std::string scale = writer.constant(name + "_scale", tensorOf<float>({}, {parameters.scale}));
    std::string zero =
        options.signedActivations
            ? writer.constant(name + "_zero_point",
                              tensorOf<int8_t>({}, {static_cast<int8_t>(parameters.zero)}))
            : writer.constant(name + "_zero_point",
                              tensorOf<uint8_t>({}, {static_cast<uint8_t>(parameters.zero)}));
    std::string integers = writer.unique(name + "_quantized");
    std::string floats = QuantizationPlan::dequantizedName(name);
    nodes.push_back(
        writer.node("QuantizeLinear", name + "_QuantizeLinear", {name, scale, zero}, integers));
    nodes.push_back(writer.node("DequantizeLinear", name + "_DequantizeLinear",
                                {integers, scale, zero}, floats));
    renamed[name] = floats;
  }

  void addNode(NodeProto node, int weightInput, int axis) {
    if (weightInput >= 0) {
      auto [weight, scales] = addWeight(node.input(weightInput), axis);
      auto known = scaleOf.find(node.input(1 - weightInput));
      if (node.input_size() > 2 && known != scaleOf.end() && isPlain(node))
        addBias(node, known->second, scales);
      node.set_input(weightInput, weight);
    }
    for (std::string &input : *node.mutable_input())
      if (auto other = renamed.find(input); other != renamed.end())
        input = other->second;
    nodes.push_back(std::move(node));
  }

  std::vector<NodeProto> nodes;

private:
  /// Whether a Gemm adds its bias as it is.
  static bool isPlain(const NodeProto &node) {
    return std::none_of(node.attribute().begin(), node.attribute().end(), [](const auto &a) {
      return (a.name() == "alpha" || a.name() == "beta") && a.f() != 1;
    });
  }

  struct WeightEntry {
    std::string name;
    std::vector<float> scales;
  };
  WeightEntry addWeight(const std::string &name, int axis) {
    if (auto known = weightsDone.find({name, axis}); known != weightsDone.end())
      return known->second;
    auto tensor = tensorOfOnnx(*weights.at(name));
    if (!tensor)
      throw Failure(kInput, "the weight `" + name + "` has data that cannot be read",
                    "check the file with onnx.checker");
    QuantizedWeight q = quantizeWeight(*tensor, axis, options);
    Shape shape = options.perTensor ? Shape{} : Shape{static_cast<int64_t>(q.scales.size())};
    std::string values =
        writer.constant(name + "_quantized", tensorOf<int8_t>(tensor->shape(), q.values));
    std::string scale = writer.constant(name + "_scale", tensorOf<float>(shape, q.scales));
    std::string zero = writer.constant(
        name + "_zero_point", tensorOf<int8_t>(shape, std::vector<int8_t>(q.scales.size(), 0)));
    std::string floats = writer.unique(QuantizationPlan::dequantizedName(name));
    NodeProto node =
        writer.node("DequantizeLinear", name + "_DequantizeLinear", {values, scale, zero}, floats);
    if (!options.perTensor)
      setAxis(node, axis);
    nodes.push_back(std::move(node));
    return weightsDone[{name, axis}] = {floats, q.scales};
  }

  /// The bias as integers of 32 bits, as fine as the sums; it stays f32 where they are too small
  /// for that.
  void addBias(NodeProto &node, float inputScale, const std::vector<float> &weightScales) {
    auto bias = weights.find(node.input(2));
    auto tensor = bias != weights.end() ? tensorOfOnnx(*bias->second) : std::nullopt;
    if (!tensor || tensor->rank() != 1 ||
        (weightScales.size() != 1 &&
         tensor->elementCount() != static_cast<int64_t>(weightScales.size())))
      return;
    std::vector<int32_t> values;
    std::vector<float> scales;
    for (float weightScale : weightScales)
      scales.push_back(inputScale * weightScale);
    for (int64_t i = 0; i < tensor->elementCount(); ++i) {
      double value = std::nearbyint(static_cast<double>(tensor->data<float>()[i]) /
                                    scales[weightScales.size() == 1 ? 0 : static_cast<size_t>(i)]);
      if (!(std::abs(value) < 1 << 30))
        return;
      values.push_back(static_cast<int32_t>(value));
    }
    const std::string name = node.input(2);
    Shape shape = options.perTensor ? Shape{} : Shape{static_cast<int64_t>(scales.size())};
    std::string integers =
        writer.constant(name + "_quantized", tensorOf<int32_t>(tensor->shape(), values));
    std::string scale = writer.constant(name + "_scale", tensorOf<float>(shape, scales));
    std::string floats = writer.unique(QuantizationPlan::dequantizedName(name));
    NodeProto made =
        writer.node("DequantizeLinear", name + "_DequantizeLinear", {integers, scale}, floats);
    if (!options.perTensor)
      setAxis(made, 0);
    nodes.push_back(std::move(made));
    node.set_input(2, floats);
  }

  const QuantizeOptions &options;
  const std::map<std::string, const TensorProto *> &weights;
  GraphWriter writer;
  std::map<std::string, float> scaleOf;
  std::map<std::string, std::string> renamed;
  std::map<std::pair<std::string, int>, WeightEntry> weightsDone;
};

/// Initializers that nothing reads any more go, and the inputs that older files list them as.
static void removeUnused(GraphProto &graph) {
  std::set<std::string> used;
  std::vector<const GraphProto *> graphs{&graph};
  while (!graphs.empty()) {
    const GraphProto *next = graphs.back();
    graphs.pop_back();
    for (const auto &output : next->output())
      used.insert(output.name());
    for (const NodeProto &node : next->node()) {
      used.insert(node.input().begin(), node.input().end());
      for (const auto &attribute : node.attribute()) {
        if (attribute.has_g())
          graphs.push_back(&attribute.g());
        for (const auto &inner : attribute.graphs())
          graphs.push_back(&inner);
      }
    }
  }
  std::set<std::string> removed;
  auto &initializers = *graph.mutable_initializer();
  for (int i = initializers.size() - 1; i >= 0; --i)
    if (used.count(initializers[i].name()) == 0) {
      removed.insert(initializers[i].name());
      initializers.DeleteSubrange(i, 1);
    }
  auto &inputs = *graph.mutable_input();
  for (int i = inputs.size() - 1; i >= 0; --i)
    if (removed.count(inputs[i].name()) != 0)
      inputs.DeleteSubrange(i, 1);
}

::onnx::ModelProto QuantizationPlan::quantized(const std::map<std::string, Range> &ranges) const {
  ::onnx::ModelProto result = model;
  GraphProto &graph = *result.mutable_graph();
  Rewriter rewriter(graph, options, weights);
  auto rangeOf = [&](const std::string &name) {
    std::string source = name;
    while (!found[indexOf.at(source)].like.empty())
      source = found[indexOf.at(source)].like;
    return ranges.at(source);
  };
  for (const QuantizedTensor &tensor : found)
    if (tensor.node.empty())
      rewriter.addTensor(tensor.name, rangeOf(tensor.name));
  for (int i = 0; i < model.graph().node_size(); ++i) {
    const NodeProto &node = model.graph().node(i);
    auto weight = weightOf.find(i);
    if (weight == weightOf.end())
      rewriter.addNode(node, -1, 0);
    else
      rewriter.addNode(node, weight->second.input, weight->second.axis);
    for (const std::string &output : node.output())
      if (indexOf.count(output) != 0)
        rewriter.addTensor(output, rangeOf(output));
  }
  graph.clear_node();
  for (NodeProto &node : rewriter.nodes)
    *graph.add_node() = std::move(node);
  removeUnused(graph);
  result.set_producer_name("ingot quantize");
  // From version 4 on initializers need not be inputs; 7 goes with operator set 13.
  result.set_ir_version(std::max<int64_t>(result.ir_version(), 7));
  return result;
}

} // namespace ingot::cli
