// Operators that make tensors of shapes and constants.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Rules.h"

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
  node.unsupported("its value is a string or sparse", "store the constant as a dense tensor");
}

void constantOfShape(Node &node) {
  DenseElementsAttr value = node.tensorAttr("value");
  if (!value)
    value = DenseElementsAttr::get(RankedTensorType::get({1}, node.builder().getF32Type()), 0.0f);
  if (value.getNumElements() != 1)
    node.invalid("its value has " + llvm::Twine(value.getNumElements()) +
                 " elements; one fills it");
  Expr one = node.reshape(node.constantOf(value), {});
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

namespace {

/// A number that determines a shape, times 2^32: a float may be a constant, an input of the model,
/// or made of integers.
Dim fixedPoint(Node &node, size_t i) {
  constexpr double one = 4294967296.0;
  if (node.has(i) && node.constant(i))
    return node.dim(static_cast<int64_t>(std::clamp(node.constantNumber(i, 0), -1e9, 1e9) * one));
  std::optional<Ints> known = node.tryInts(i);
  if (known && known->elements.size() == 1)
    return known->elements[0] * static_cast<int64_t>(one);
  if (node.has(i) && !node.inputs[i]->fixedPoint)
    (void)node.importer.shapeInput(*node.inputs[i]);
  if (node.has(i) && node.inputs[i]->fixedPoint && node.inputs[i]->fixedPoint->size() == 1)
    return node.inputs[i]->fixedPoint->front();
  return node.ints(i)[0]; // says what is wrong
}

} // namespace

/// start + i * delta for i = 0 … ceil((limit - start) / delta) - 1.
void range(Node &node) {
  Type element = node.inputElement(0);
  bool isFloat = llvm::isa<FloatType>(element);
  Dim parts[3];
  for (size_t i = 0; i < 3; ++i)
    parts[i] = isFloat ? fixedPoint(node, i) : node.ints(i)[0];
  if (parts[2].isStatic() && parts[2].value() == 0)
    node.invalid("its delta is 0");
  Dim count = Dim::max((parts[1] - parts[0]).ceilDiv(parts[2]), node.dim(0));
  Expr steps = node.iota({count}, 0, element);
  Expr start = node.reshape(node.in(0), {}), delta = node.reshape(node.in(2), {});
  node.set(0, start + steps * delta);
}

} // namespace ingot::onnx
