// ai.onnx.ml's operators that look values up: LabelEncoder, CategoryMapper, OneHotEncoder. The keys
// are in the artifact: texts are found by halving, numbers by comparing with each.
#include "frontends/onnx/ops/Classical.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Text.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

/// A list that is given as `name` followed by strings, int64s, floats or tensor; a constant vector.
/// Nothing where none is.
std::optional<Expr> listAttr(Node &node, llvm::StringRef name) {
  auto named = [&](llvm::StringRef kind) { return (name + kind).str(); };
  if (node.hasAttribute(named("strings")))
    return textsOf(node, node.stringsAttr(named("strings")));
  if (node.hasAttribute(named("int64s")))
    return intsOf(node, node.intsAttr(named("int64s")));
  if (node.hasAttribute(named("floats"))) {
    std::vector<float> floats = node.floatsAttr(named("floats"));
    std::vector<double> values(floats.begin(), floats.end());
    return floatsOf(node, values, {static_cast<int64_t>(values.size())},
                    node.builder().getF32Type());
  }
  if (DenseElementsAttr tensor = node.tensorAttr(named("tensor")))
    return flat(node, node.constantOf(tensor));
  return std::nullopt;
}

/// The value of `name` followed by string, int64, float or tensor; as ONNX has it where none is.
Expr defaultAttr(Node &node, llvm::StringRef name, Type element) {
  auto named = [&](llvm::StringRef kind) { return (name + kind).str(); };
  if (DenseElementsAttr tensor = node.tensorAttr(named("tensor"))) {
    if (tensor.getNumElements() != 1 || tensor.getElementType() != element)
      node.invalid("attribute `" + named("tensor") + "` is no single value of its results' type");
    return node.reshape(node.constantOf(tensor), {});
  }
  if (isText(element))
    return oneText(node, node.attr(named("string"), "_Unused"), {});
  if (llvm::isa<FloatType>(element))
    return node.splat(element, {}, node.attr(named("float"), -0.0));
  return node.cast(node.reshape(intsOf(node, {node.attr(named("int64"), int64_t(-1))}), {}),
                   element);
}

/// Positions (si64) of x among the keys, a constant vector of x's type; -1 where there is none.
Expr positionsOf(Node &node, Expr x, Expr keys) {
  Type element = graph::elementType(x);
  if (element != graph::elementType(keys))
    node.invalid("its keys are not of its input's type");
  if (isText(element)) {
    std::vector<std::string> texts;
    auto constant = keys.v.getDefiningOp<graph::ConstantOp>();
    if (!constant)
      node.unsupported("its keys are not a vector", "store them as strings");
    for (Attribute text : llvm::cast<DenseElementsAttr>(constant.getValue()).getValues<Attribute>())
      texts.push_back(llvm::cast<StringAttr>(text).getValue().str());
    return findText(node, x, texts);
  }
  Dim count = keys.dims()[0];
  Dims dims = x.dims(), pairs = dims;
  pairs.push_back(count);
  dims.push_back(node.dim(1));
  Expr column = node.broadcastTo(node.reshape(x, dims), pairs), row = node.broadcastTo(keys, pairs);
  Expr isKey = graph::compare(Predicate::EQ, column, row);
  if (llvm::isa<FloatType>(element)) // NaN is a key like others
    isKey = node.binary<graph::OrOp>(
        isKey, node.binary<graph::AndOp>(node.expr(node.make<graph::IsNanOp>({column.v})),
                                         node.expr(node.make<graph::IsNanOp>({row.v}))));
  Type integer = node.integerType();
  Expr number = node.iota(pairs, static_cast<int64_t>(pairs.size()) - 1, integer);
  Expr none = node.extent(count, integer);
  Expr first = node.expr(graph::reduce(
      node.builder(), node.loc, graph::select(isKey, number, node.broadcastTo(none, pairs)),
      graph::ReduceKind::Min, {static_cast<int64_t>(pairs.size()) - 1}));
  Expr isFound = graph::compare(Predicate::LT, first, node.broadcastTo(none, first.dims()));
  return graph::select(isFound, first, first.number(-1));
}

/// values[position], or the default for -1.
Expr valuesAt(Node &node, Expr positions, Expr values, Expr otherwise) {
  Dims dims = positions.dims();
  if (values.dims()[0] == node.dim(0))
    return node.broadcastTo(otherwise, dims);
  Expr zero = positions.number(0);
  Expr found = gatherAlong(node, values, graph::max(positions, zero), 0);
  return graph::select(graph::compare(Predicate::GE, positions, zero), found,
                       node.broadcastTo(otherwise, dims));
}

void checkSizes(Node &node, Expr keys, Expr values) {
  if (!(keys.dims()[0] == values.dims()[0]))
    node.invalid("it has " + keys.dims()[0].str() + " keys and " + values.dims()[0].str() +
                 " values");
}

} // namespace

void labelEncoder(Node &node) {
  Expr x = node.expr(0);
  Type integer = node.integerType();
  if (node.hasAttribute("classes_strings")) { // the first version: texts and their numbers
    Expr classes = textsOf(node, node.stringsAttr("classes_strings"));
    if (isText(graph::elementType(x)))
      return node.set(0, valuesAt(node, positionsOf(node, x, classes),
                                  node.iota(classes.dims(), 0, integer),
                                  defaultAttr(node, "default_", integer)));
    Expr isIn = isInside(node, x, classes.dims()[0]);
    Expr positions = graph::select(isIn, x, x.number(-1));
    return node.set(0, valuesAt(node, positions, classes,
                                defaultAttr(node, "default_", graph::elementType(classes))));
  }
  std::optional<Expr> keys = listAttr(node, "keys_"), values = listAttr(node, "values_");
  if (!keys || !values)
    node.invalid("it has no keys, or no values");
  checkSizes(node, *keys, *values);
  node.set(0, valuesAt(node, positionsOf(node, x, *keys), *values,
                       defaultAttr(node, "default_", graph::elementType(*values))));
}

/// From texts to numbers or the other way around.
void categoryMapper(Node &node) {
  Expr x = node.expr(0);
  Expr texts = textsOf(node, node.stringsAttr("cats_strings"));
  Expr numbers = intsOf(node, node.intsAttr("cats_int64s"));
  checkSizes(node, texts, numbers);
  bool fromText = isText(graph::elementType(x));
  Expr keys = fromText ? texts : numbers, values = fromText ? numbers : texts;
  node.set(0, valuesAt(node, positionsOf(node, x, keys), values,
                       defaultAttr(node, "default_", graph::elementType(values))));
}

/// Without `zeros`, what is in no category makes the run fail.
void oneHotEncoder(Node &node) {
  Expr x = node.expr(0);
  bool isOfText = isText(graph::elementType(x));
  Expr keys = isOfText ? textsOf(node, node.stringsAttr("cats_strings"))
                       : intsOf(node, node.intsAttr("cats_int64s"));
  if (!isOfText)
    x = node.cast(x, node.integerType());
  Expr positions = positionsOf(node, x, keys);
  if (node.attr("zeros", int64_t(1)) == 0)
    positions = gatherAlong(node, node.iota(keys.dims(), 0, node.integerType()), positions, 0);
  node.set(0, graph::oneHot(node.builder(), node.loc, positions, keys.dims()[0],
                            node.builder().getF32Type()));
}

} // namespace ingot::onnx
