// Operators that make tensors of shapes and constants.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Rules.h"
#include "frontends/onnx/ops/Text.h"

using namespace mlir;
using ingot::graph::Expr;

namespace ingot::onnx {

void identity(Node &node) {
  if (!node.has(0))
    node.invalid("it has no input 0");
  node.set(0, node.inputs[0]);
}

void constant(Node &node) {
  OpBuilder &b = node.builder();
  if (DenseElementsAttr value = node.tensorAttr("value"))
    return node.set(0, node.constantOf(value));
  auto list = [](auto values, Type element) {
    return RankedTensorType::get({static_cast<int64_t>(values.size())}, element);
  };
  if (node.hasAttribute("value_float"))
    return node.set(0, node.splat(b.getF32Type(), {}, node.attr("value_float", 0.0)));
  if (const auto *number = node.attribute("value_int")) {
    int64_t value = number->i();
    return node.set(0, node.constantOf(DenseElementsAttr::getFromRawBuffer(
                           RankedTensorType::get({}, node.integerType()),
                           {reinterpret_cast<const char *>(&value), sizeof value})));
  }
  if (node.hasAttribute("value_floats")) {
    std::vector<float> values = node.floatsAttr("value_floats");
    return node.set(0, node.constantOf(DenseElementsAttr::get(list(values, b.getF32Type()),
                                                              llvm::ArrayRef<float>(values))));
  }
  if (node.hasAttribute("value_ints")) {
    llvm::SmallVector<int64_t> values = node.intsAttr("value_ints");
    return node.set(
        0, node.constantOf(DenseElementsAttr::getFromRawBuffer(
               list(values, node.integerType()),
               {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(int64_t)})));
  }
  if (node.hasAttribute("value_strings"))
    return node.set(0, textsOf(node, node.stringsAttr("value_strings")));
  if (node.hasAttribute("value_string"))
    return node.set(0, oneText(node, node.attr("value_string", ""), {}));
  node.unsupported("its value is sparse", "store the constant as a dense tensor");
}

void constantOfShape(Node &node) {
  DenseElementsAttr value = node.tensorAttr("value");
  if (!value)
    value = DenseElementsAttr::get(RankedTensorType::get({1}, node.builder().getF32Type()), 0.0f);
  if (value.getNumElements() != 1)
    node.invalid("its value has " + llvm::Twine(value.getNumElements()) +
                 " elements; one fills it");
  Expr one = node.reshape(node.constantOf(value), {});
  node.expectCount(0, node.declaredRank());
  node.set(0, node.broadcastTo(one, node.ints(0)));
}

void shape(Node &node) {
  auto entry = std::make_shared<Entry>();
  entry->element = node.integerType();
  entry->ints = intsShape(node);
  node.set(0, entry);
}

void size(Node &node) {
  auto entry = std::make_shared<Entry>();
  entry->element = node.integerType();
  entry->ints = intsSize(node);
  node.set(0, entry);
}

/// start + i * delta for i = 0 … ceil((limit - start) / delta) - 1.
void range(Node &node) {
  Type element = node.inputElement(0);
  Dim parts[3];
  for (size_t i = 0; i < 3; ++i) {
    std::optional<Dims> fixed = llvm::isa<FloatType>(element) ? node.fixedPoint(i) : std::nullopt;
    Dims known = fixed ? *fixed : node.ints(i); // says what is wrong
    if (known.size() != 1)
      node.invalid("its input " + llvm::Twine(i) + " has " + llvm::Twine(known.size()) +
                   " elements; one is expected");
    parts[i] = known[0];
  }
  if (parts[2].isStatic() && parts[2].value() == 0)
    node.invalid("its delta is 0");
  Dim count = Dim::max((parts[1] - parts[0]).ceilDiv(parts[2]), node.dim(0));
  Expr steps = node.iota({count}, 0, element);
  Expr start = node.reshape(node.in(0), {}), delta = node.reshape(node.in(2), {});
  node.set(0, start + steps * delta);
}

} // namespace ingot::onnx
