// What rules ask of a node, and the ops that they make. See Node.h.
#include "frontends/onnx/Node.h"
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/Tensors.h"
#include "frontends/onnx/ops/RuntimeAxes.h"
#include "ir/Text.h"

using namespace mlir;

namespace ingot::onnx {

OpBuilder &Node::builder() { return importer.b; }
MLIRContext *Node::context() { return importer.b.getContext(); }

// Inputs.

Value Node::in(size_t i) {
  if (!has(i))
    invalid("it has no input " + llvm::Twine(i));
  return importer.tensorOf(*inputs[i], loc);
}

Type Node::inputElement(size_t i) { return graph::elementType(in(i)); }

std::string Node::inputName(size_t i) const {
  bool isNamed = static_cast<int>(i) < proto.input_size() && has(i);
  return isNamed ? proto.input(static_cast<int>(i)) : "number " + std::to_string(i);
}

std::optional<Ints> Node::tryInts(size_t i) {
  if (!has(i))
    return std::nullopt;
  std::optional<Ints> known = importer.intsOf(*inputs[i]);
  return known && !known->divisor ? known : std::nullopt;
}

void Node::expectCount(size_t i, std::optional<int64_t> count) {
  if (has(i) && count)
    importer.fixLength(*inputs[i], *count);
}

std::optional<int64_t> Node::declaredRank() const {
  return wants(0) ? importer.declaredRank(proto.output(0)) : std::nullopt;
}

std::optional<Ints> Node::tryFractions(size_t i) {
  return has(i) ? importer.fractionsOf(*inputs[i]) : std::nullopt;
}

Dims Node::ints(size_t i) {
  if (!has(i))
    invalid("it has no input " + llvm::Twine(i));
  std::optional<Ints> known = tryInts(i);
  auto type = inputs[i]->tensor ? llvm::cast<RankedTensorType>(inputs[i]->tensor.getType())
                                : RankedTensorType();
  if (!known && inputs[i]->argument >= 0 && type.getRank() == 1 && !type.hasStaticShape())
    unsupported(
        "its input `" + inputName(i) +
            "` determines a shape, and how many elements it has is not known when compiling",
        "give its length with --shape");
  if (!known)
    unsupported("its input `" + inputName(i) +
                    "` determines a shape, and is computed from data while the model runs",
                "make it a constant, an input of the model, or compute it from shapes alone");
  return known->elements;
}

std::optional<Dims> Node::fixedPoint(size_t i) {
  std::optional<Ints> known = tryFractions(i);
  if (!known || (known->divisor && (!known->divisor.isStatic() || known->divisor.value() <= 0 ||
                                    kFixedOne % known->divisor.value() != 0)))
    return std::nullopt;
  int64_t factor = kFixedOne / (known->divisor ? known->divisor.value() : 1);
  Dims result;
  for (Dim d : known->elements)
    result.push_back(d * factor);
  return result;
}

llvm::SmallVector<int64_t> Node::constantInts(size_t i) {
  llvm::SmallVector<int64_t> values;
  for (Dim value : ints(i)) {
    if (!value.isStatic())
      unsupported("its input `" + inputName(i) + "` is not known when compiling",
                  "make it a constant");
    values.push_back(value.value());
  }
  return values;
}

std::optional<reference::Tensor> Node::constant(size_t i) {
  if (!has(i))
    return std::nullopt;
  return importer.constantOf(*inputs[i]);
}

double Node::constantNumber(size_t i, double otherwise) {
  if (!has(i))
    return otherwise;
  std::optional<reference::Tensor> value = constant(i);
  if (!value)
    unsupported("its input `" + inputName(i) + "` is not known when compiling",
                "make it a constant");
  if (value->numElements() != 1)
    invalid("its input `" + inputName(i) + "` has " + llvm::Twine(value->numElements()) +
            " elements; one is expected");
  return value->isFloat() ? value->real(0) : static_cast<double>(value->integer(0));
}

int64_t Node::axis(int64_t value, int64_t rank) {
  int64_t least = -rank;
  if (value < least || value >= rank)
    invalid("axis " + llvm::Twine(value) + " is outside " + llvm::Twine(least) + " … " +
            llvm::Twine(rank - 1) + " of a tensor of rank " + llvm::Twine(rank));
  return value < 0 ? value + rank : value;
}

llvm::SmallVector<int64_t> Node::axes(llvm::ArrayRef<int64_t> values, int64_t rank) {
  llvm::SmallVector<int64_t> result;
  for (int64_t value : values)
    result.push_back(axis(value, rank));
  llvm::SmallVector<int64_t> sorted(result);
  llvm::sort(sorted);
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    invalid("an axis is named twice");
  return result;
}

// Attributes.

const ::onnx::AttributeProto *Node::attribute(llvm::StringRef name) const {
  for (const ::onnx::AttributeProto &attribute : proto.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

int64_t Node::attr(llvm::StringRef name, int64_t otherwise) const {
  const auto *found = attribute(name);
  return found ? found->i() : otherwise;
}
double Node::attr(llvm::StringRef name, double otherwise) const {
  const auto *found = attribute(name);
  return found ? static_cast<double>(found->f()) : otherwise;
}
std::string Node::attr(llvm::StringRef name, const char *otherwise) const {
  const auto *found = attribute(name);
  return found ? found->s() : otherwise;
}
llvm::SmallVector<int64_t> Node::intsAttr(llvm::StringRef name) const {
  const auto *found = attribute(name);
  return found ? llvm::SmallVector<int64_t>(found->ints().begin(), found->ints().end())
               : llvm::SmallVector<int64_t>();
}
llvm::SmallVector<int64_t> Node::intsAttr(llvm::StringRef name, size_t size, int64_t otherwise) {
  llvm::SmallVector<int64_t> values = intsAttr(name);
  if (values.empty())
    values.assign(size, otherwise);
  if (values.size() != size)
    invalid("attribute `" + name + "` has " + llvm::Twine(values.size()) + " values; " +
            llvm::Twine(size) + " are expected");
  return values;
}
llvm::SmallVector<int64_t> Node::geometryAttr(llvm::StringRef name, size_t size, int64_t otherwise,
                                              int64_t least) {
  llvm::SmallVector<int64_t> values = intsAttr(name, size, otherwise);
  for (int64_t value : values)
    if (value < least || value > INT32_MAX)
      invalid("attribute `" + name + "` has " + llvm::Twine(value) + "; numbers from " +
              llvm::Twine(least) + " to 2^31 - 1 are expected");
  return values;
}
std::vector<float> Node::floatsAttr(llvm::StringRef name) const {
  const auto *found = attribute(name);
  return found ? std::vector<float>(found->floats().begin(), found->floats().end())
               : std::vector<float>();
}
std::vector<std::string> Node::stringsAttr(llvm::StringRef name) const {
  const auto *found = attribute(name);
  return found ? std::vector<std::string>(found->strings().begin(), found->strings().end())
               : std::vector<std::string>();
}
Type Node::typeAttr(llvm::StringRef name, Type otherwise) {
  const auto *found = attribute(name);
  if (!found && !otherwise)
    invalid("it has no attribute `" + name + "`");
  if (!found)
    return otherwise;
  Type type = elementType(context(), static_cast<int32_t>(found->i()));
  if (type && llvm::isa<text::StringType>(type))
    unsupported("attribute `" + name + "` asks for strings", "numbers are not written as text");
  if (type)
    return type;
  unsupported("tensors of " + typeName(static_cast<int32_t>(found->i())) + " are not supported");
}
DenseElementsAttr Node::tensorAttr(llvm::StringRef name) {
  const auto *found = attribute(name);
  if (!found)
    return {};
  auto value = readTensor(found->t(), importer.directory(), loc);
  if (failed(value))
    throw Refusal{Refusal::Reported, "", ""};
  return *value;
}

// Outputs.

void Node::set(size_t i, Value value) {
  auto entry = std::make_shared<Entry>();
  entry->tensor = value;
  entry->element = graph::elementType(value);
  set(i, std::move(entry));
}

void Node::set(size_t i, EntryPtr entry) {
  if (outputs.size() <= i)
    outputs.resize(i + 1);
  outputs[i] = std::move(entry);
}

// Making ops.

namespace {

bool isNumber(Dim d, int64_t value) { return d.isStatic() && d.value() == value; }

} // namespace

Dims Node::broadcastDims(llvm::ArrayRef<Dim> x, llvm::ArrayRef<Dim> y) {
  if (x.size() < y.size())
    std::swap(x, y);
  Dims result(x.begin(), x.end());
  size_t shift = x.size() - y.size();
  for (size_t i = 0; i < y.size(); ++i) {
    Dim a = x[shift + i], b = y[i];
    if (a == b || isNumber(b, 1))
      continue;
    if (isNumber(a, 1) || (b.isStatic() && !a.isStatic()))
      result[shift + i] = b; // where a is symbolic it is b or 1
    else if (!a.isStatic() && !b.isStatic())
      // Either may be 1: a, or where that is 1, b.
      result[shift + i] = importer.let(a + equals(*this, a, 1) * (b - 1));
    else if (a.isStatic() && b.isStatic())
      invalid("shapes " + str(x) + " and " + str(y) + " do not broadcast");
  }
  return result;
}

std::pair<graph::Expr, graph::Expr> Node::broadcast(graph::Expr x, graph::Expr y) {
  Dims dims = broadcastDims(x.dims(), y.dims());
  return {broadcastTo(x, dims), broadcastTo(y, dims)};
}

graph::Expr Node::broadcastTo(Value x, llvm::ArrayRef<Dim> dims) {
  Dims from = dimsOf(x);
  if (from.size() > dims.size())
    invalid("shape " + str(from) + " does not broadcast to " + str(dims));
  size_t shift = dims.size() - from.size();
  for (size_t d = 0; d < from.size(); ++d) {
    Dim to = dims[shift + d];
    if (from[d] == to || isNumber(from[d], 1))
      continue;
    if (from[d].isStatic() && to.isStatic())
      invalid("shape " + str(from) + " does not broadcast to " + str(dims));
    // Whether it is 1 is known only while running: then every index reads the one element.
    graph::Expr index = iota({to}, 0, integerType());
    graph::Expr last = extent(from[d] - 1, integerType());
    x = make<graph::GatherOp>({x, graph::min(index, last).v},
                              {named("axis", static_cast<int64_t>(d))});
  }
  return expr(graph::broadcastTo(builder(), loc, x, dims));
}

graph::Expr Node::reshape(Value x, llvm::ArrayRef<Dim> dims) {
  Dim from = numElements(context(), dimsOf(x)), to = numElements(context(), dims);
  // Symbolic numbers that differ by a factor do not agree; others may, which the plan sees.
  bool mayAgree = !from.isStatic() || !to.isStatic();
  for (auto ratio : {Dim::exactDiv(from, to), Dim::exactDiv(to, from)})
    mayAgree &= !ratio || !ratio->isStatic() || ratio->value() <= 1;
  if (!(from == to) && mayAgree)
    return expr(graph::ReshapeOp::create(builder(), loc, tensorType(dims, graph::elementType(x)), x,
                                         graph::CountCheck::Plan));
  if (!(from == to))
    invalid("a tensor of shape " + str(dimsOf(x)) + " (" + from.str() +
            " elements) cannot be seen as " + str(dims) + " (" + to.str() + " elements)");
  return expr(graph::reshape(builder(), loc, x, dims));
}

graph::Expr Node::transpose(Value x, llvm::ArrayRef<int64_t> permutation) {
  return expr(make<graph::TransposeOp>({x}, {named("permutation", permutation)}));
}

graph::Expr Node::constantOf(DenseElementsAttr value) {
  return expr(graph::ConstantOp::create(builder(), loc, value.getType(), value));
}

graph::Expr Node::extent(Dim dim, Type element) {
  auto dims = graph::DimsAttr::get(context(), {dim.asAttribute()});
  return expr(graph::ExtentOp::create(builder(), loc, RankedTensorType::get({}, element), dims));
}

graph::Expr Node::iota(llvm::ArrayRef<Dim> dims, int64_t axis, Type element) {
  return expr(graph::IotaOp::create(builder(), loc, tensorType(dims, element), axis));
}

} // namespace ingot::onnx
