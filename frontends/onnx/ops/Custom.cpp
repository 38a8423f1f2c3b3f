// Nodes of operators that the user gives the code of: a call, checked against the declaration.
#include "ir/ops/Custom.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;

namespace ingot::onnx {
namespace {

Attribute valueOf(Node &node, const ::onnx::AttributeProto &attribute) {
  OpBuilder &b = node.builder();
  switch (attribute.type()) {
  case ::onnx::AttributeProto::INT:
    return b.getI64IntegerAttr(attribute.i());
  case ::onnx::AttributeProto::FLOAT:
    return b.getF32FloatAttr(attribute.f());
  case ::onnx::AttributeProto::INTS:
    return b.getDenseI64ArrayAttr(node.intsAttr(attribute.name()));
  case ::onnx::AttributeProto::FLOATS:
    return b.getDenseF32ArrayAttr(node.floatsAttr(attribute.name()));
  case ::onnx::AttributeProto::STRING:
    return b.getStringAttr(attribute.s());
  default:
    node.invalid("its attribute `" + attribute.name() +
                 "` is of a kind that custom ops do not take; there are int, float, ints, floats "
                 "and string");
  }
}

} // namespace

void callCustomOp(Node &node, graph::CustomOpOp op) {
  llvm::SmallVector<NamedAttribute> given;
  for (const ::onnx::AttributeProto &attribute : node.proto.attribute())
    given.push_back(node.named(attribute.name(), valueOf(node, attribute)));
  graph::Values inputs;
  for (size_t i = 0; i < node.numInputs(); ++i)
    inputs.push_back(node.in(i));
  auto error = [&] { return emitError(node.loc); };
  auto parameters = op.completeParameters(DictionaryAttr::get(node.context(), given), error);
  auto signature = failed(parameters)
                       ? FailureOr<graph::CustomOpOp::Signature>(failure())
                       : op.signature(ValueRange(inputs).getTypes(), *parameters, error);
  if (failed(signature))
    throw Refusal{Refusal::Reported, "", ""};
  if (node.numOutputs() > signature->results.size())
    node.invalid("it has " + llvm::Twine(node.numOutputs()) + " outputs; `" + op.getSymName() +
                 "` has " + llvm::Twine(signature->results.size()));
  for (auto [i, input] : llvm::enumerate(inputs))
    input = withDims(node, input, signature->inputs[i], "its input `" + node.inputName(i) + "`");
  auto call =
      graph::CustomCallOp::create(node.builder(), node.loc, signature->results,
                                  FlatSymbolRefAttr::get(op.getSymNameAttr()), inputs, *parameters);
  for (size_t i = 0; i < node.numOutputs(); ++i)
    node.set(i, call.getResult(static_cast<unsigned>(i)));
}

} // namespace ingot::onnx
