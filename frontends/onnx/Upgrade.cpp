// The table of what changed between operator sets. See Upgrade.h.
//
// Nearly every change was an attribute that became an input. Where the meaning changed (softmax's
// axis, say), the rule itself asks Node::version.
#include "frontends/onnx/Upgrade.h"
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;

namespace ingot::onnx {
namespace {

constexpr AttributeToInput kAttributesToInputs[] = {
    {"Clip", 11, "min", 1},
    {"Clip", 11, "max", 2},
    {"Dropout", 12, "ratio", 1},
    {"Pad", 2, "paddings", 1},
    {"Pad", 11, "pads", 1},
    {"Pad", 11, "value", 2},
    {"ReduceL1", 18, "axes", 1},
    {"ReduceL2", 18, "axes", 1},
    {"ReduceLogSum", 18, "axes", 1},
    {"ReduceLogSumExp", 18, "axes", 1},
    {"ReduceMax", 18, "axes", 1},
    {"ReduceMean", 18, "axes", 1},
    {"ReduceMin", 18, "axes", 1},
    {"ReduceProd", 18, "axes", 1},
    {"ReduceSum", 13, "axes", 1},
    {"ReduceSumSquare", 18, "axes", 1},
    {"Reshape", 5, "shape", 1},
    {"Slice", 10, "starts", 1},
    {"Slice", 10, "ends", 2},
    {"Slice", 10, "axes", 3},
    {"Split", 13, "split", 1},
    {"Squeeze", 13, "axes", 1},
    {"TopK", 10, "k", 1},
    {"Unsqueeze", 13, "axes", 1},
    {"Upsample", 9, "scales", 1},
};

/// The attribute's value as a constant: ints a list, a single int or float a scalar.
DenseElementsAttr valueOf(Node &node, const ::onnx::AttributeProto &attribute) {
  OpBuilder &b = node.builder();
  int64_t count = 0;
  switch (attribute.type()) {
  case ::onnx::AttributeProto::FLOAT:
    return DenseElementsAttr::get(RankedTensorType::get({}, b.getF32Type()), attribute.f());
  case ::onnx::AttributeProto::FLOATS:
    count = attribute.floats_size();
    return DenseElementsAttr::get(
        RankedTensorType::get({count}, b.getF32Type()),
        llvm::ArrayRef<float>(attribute.floats().data(), attribute.floats_size()));
  case ::onnx::AttributeProto::INT: {
    int64_t value = attribute.i();
    return DenseElementsAttr::getFromRawBuffer(
        RankedTensorType::get({1}, node.integerType()),
        llvm::ArrayRef<char>(reinterpret_cast<const char *>(&value), sizeof value));
  }
  default:
    count = attribute.ints_size();
    return DenseElementsAttr::getFromRawBuffer(
        RankedTensorType::get({count}, node.integerType()),
        llvm::ArrayRef<char>(reinterpret_cast<const char *>(attribute.ints().data()),
                             attribute.ints_size() * sizeof(int64_t)));
  }
}

/// Before operator set 7 a second operand was not always aligned at the end: its first dimension is
/// `axis`, and a PRelu's slopes are those of the channels.
void alignSecondOperand(Node &node) {
  static const llvm::StringRef kOps[] = {"Add", "And",   "Div", "Equal", "Greater", "Less",
                                         "Mul", "PRelu", "Pow", "Or",    "Sub",     "Xor"};
  if (node.version >= 7 || !node.proto.domain().empty() || node.numInputs() != 2 ||
      !llvm::is_contained(kOps, node.proto.op_type()))
    return;
  bool isSlope = node.proto.op_type() == "PRelu";
  if (!isSlope && (node.attr("broadcast", int64_t(0)) == 0 || !node.hasAttribute("axis")))
    return;
  int64_t rank = node.inputRank(0), operand = node.inputRank(1);
  int64_t axis = isSlope ? std::min<int64_t>(1, rank - operand)
                         : node.axis(node.attr("axis", int64_t(0)), rank);
  if (axis < 0 || axis + operand > rank)
    node.invalid("an operand of rank " + llvm::Twine(operand) + " does not fit at axis " +
                 llvm::Twine(axis) + " of a tensor of rank " + llvm::Twine(rank));
  if (axis + operand == rank || numElements(node.context(), dimsOf(node.in(1))) == node.dim(1))
    return;
  Dims dims = dimsOf(node.in(1));
  dims.append(rank - axis - operand, node.dim(1));
  node.inputs[1] = tensorEntry(node.reshape(node.in(1), dims));
}

} // namespace

llvm::ArrayRef<AttributeToInput> attributesToInputs() { return kAttributesToInputs; }

void upgrade(Node &node) {
  alignSecondOperand(node);
  for (const AttributeToInput &row : kAttributesToInputs) {
    const ::onnx::AttributeProto *attribute = node.attribute(row.attribute);
    if (node.version >= row.before || node.proto.op_type() != row.op ||
        !node.proto.domain().empty() || !attribute || node.has(row.input))
      continue;
    auto entry = std::make_shared<Entry>();
    entry->tensor = node.constantOf(valueOf(node, *attribute));
    entry->element = graph::elementType(entry->tensor);
    while (node.inputs.size() <= row.input)
      node.inputs.push_back(nullptr);
    node.inputs[row.input] = std::move(entry);
    while (node.proto.input_size() <= static_cast<int>(row.input))
      node.proto.add_input();
    node.proto.set_input(static_cast<int>(row.input), row.attribute);
  }
}

} // namespace ingot::onnx
