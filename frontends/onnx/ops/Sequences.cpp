// Sequences and optionals. Both exist only while compiling: a sequence is a list of entries of
// known length, an optional is its element or is known to be empty.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;

namespace ingot::onnx {
namespace {

using Elements = std::vector<EntryPtr>;

const Elements &elementsOf(Node &node, size_t i) {
  if (!node.has(i) || !node.inputs[i]->sequence)
    node.invalid("its input " + llvm::Twine(i) + " is no sequence");
  return *node.inputs[i]->sequence;
}

EntryPtr sequenceEntry(Elements elements) {
  auto entry = std::make_shared<Entry>();
  entry->sequence = std::move(elements);
  return entry;
}

/// A position given as an input, from 0; nothing where it is computed while running.
std::optional<size_t> positionOf(Node &node, size_t input, size_t size, size_t end) {
  std::optional<reference::Tensor> known = node.constant(input);
  if (!known)
    return std::nullopt;
  int64_t position = known->numElements() == 1 ? known->integer(0) : -1, count = size;
  if (known->numElements() != 1 || position < -count || position >= static_cast<int64_t>(end))
    node.invalid("position " + llvm::Twine(position) + " is outside a sequence of " +
                 llvm::Twine(size));
  return position < 0 ? position + count : position;
}

size_t constantPosition(Node &node, size_t input, size_t size, size_t end) {
  if (auto position = positionOf(node, input, size, end))
    return *position;
  node.unsupported("its position is computed while the model runs", "make it a constant");
}

Value withLeadingOne(Node &node, Value x, int64_t axis = 0) {
  Dims dims = dimsOf(x);
  dims.insert(dims.begin() + axis, node.dim(1));
  return node.reshape(x, dims);
}

} // namespace

void sequenceConstruct(Node &node) {
  for (size_t i = 0; i < node.numInputs(); ++i)
    if (!node.has(i))
      node.invalid("its input " + llvm::Twine(i) + " is left out");
  node.set(0, sequenceEntry(node.inputs));
}

void sequenceEmpty(Node &node) { node.set(0, sequenceEntry({})); }

void sequenceLength(Node &node) {
  auto entry = std::make_shared<Entry>();
  entry->element = node.integerType();
  entry->ints = Ints{{node.dim(static_cast<int64_t>(elementsOf(node, 0).size()))}, true};
  node.set(0, entry);
}

/// A position computed while running chooses among tensors of one shape.
void sequenceAt(Node &node) {
  const Elements &elements = elementsOf(node, 0);
  if (auto position = positionOf(node, 1, elements.size(), elements.size()))
    return node.set(0, elements[*position]);
  if (elements.empty())
    node.invalid("the sequence is empty");
  graph::Values rows;
  for (const EntryPtr &element : elements) {
    rows.push_back(withLeadingOne(node, node.importer.tensorOf(*element, node.loc)));
    if (rows.back().getType() != rows.front().getType())
      node.unsupported("its position is computed while the model runs, and the sequence's tensors "
                       "have different shapes",
                       "make the position a constant");
  }
  Expr position = node.reshape(node.in(1), {});
  Expr negative = graph::compare(graph::Predicate::LT, position, position.number(0));
  position = graph::select(negative, position + static_cast<double>(elements.size()), position);
  Value all = rows.size() == 1 ? rows[0] : graph::concat(node.builder(), node.loc, rows, 0);
  node.set(0, node.make<graph::GatherOp>({all, position.v}, {node.named("axis", int64_t(0))}));
}

void sequenceInsert(Node &node) {
  Elements elements = elementsOf(node, 0);
  if (!node.has(1))
    node.invalid("it has no tensor to insert");
  size_t size = elements.size();
  size_t position = node.has(2) ? constantPosition(node, 2, size, size + 1) : size;
  elements.insert(elements.begin() + static_cast<int64_t>(position), node.inputs[1]);
  node.set(0, sequenceEntry(std::move(elements)));
}

void sequenceErase(Node &node) {
  Elements elements = elementsOf(node, 0);
  size_t size = elements.size();
  if (size == 0)
    node.invalid("the sequence is empty");
  size_t position = node.has(1) ? constantPosition(node, 1, size, size) : size - 1;
  elements.erase(elements.begin() + static_cast<int64_t>(position));
  node.set(0, sequenceEntry(std::move(elements)));
}

void concatFromSequence(Node &node) {
  bool isNew = node.attr("new_axis", int64_t(0)) != 0;
  graph::Values parts;
  int64_t axis = node.attr("axis", int64_t(0));
  for (const EntryPtr &element : elementsOf(node, 0)) {
    Value x = node.importer.tensorOf(*element, node.loc);
    int64_t at = node.axis(axis, graph::rankOf(x) + (isNew ? 1 : 0));
    parts.push_back(isNew ? withLeadingOne(node, x, at) : x);
  }
  if (parts.empty())
    node.invalid("it concatenates an empty sequence");
  node.set(0, node.make<graph::ConcatOp>(
                  parts, {node.named("axis", node.axis(axis, graph::rankOf(parts[0])))}));
}

/// A scalar split is the size of each part, the last one smaller; a vector has one size a part.
void splitToSequence(Node &node) {
  Value x = node.in(0);
  Dims dims = dimsOf(x), sizes;
  int64_t axis = node.axis(node.attr("axis", int64_t(0)), graph::rankOf(x));
  bool keep = node.has(1) || node.attr("keepdims", int64_t(1)) != 0;
  std::optional<Ints> split = node.tryInts(1);
  if (node.has(1) && !split)
    (void)node.ints(1);
  if (split && !split->isScalar) {
    sizes = split->elements;
  } else {
    Dim each = split ? split->elements[0] : node.dim(1);
    Dim count = dims[axis].ceilDiv(each);
    if (!count.isStatic() || (each.isStatic() && each.value() <= 0))
      node.unsupported("how many parts it makes (" + count.str() + ") is not known when compiling",
                       "make its axis' size and `split` constants");
    for (int64_t i = 0; i < count.value(); ++i)
      sizes.push_back(Dim::min(each, dims[axis] - each * i));
  }
  Elements parts;
  Dim from = node.dim(0);
  for (Dim size : sizes) {
    Dims starts(dims.size(), node.dim(0)), taken = dims;
    starts[axis] = from, taken[axis] = size;
    from = from + size;
    Value part = graph::slice(node.builder(), node.loc, x, starts, taken);
    if (!keep) {
      taken.erase(taken.begin() + axis);
      part = node.reshape(part, taken);
    }
    parts.push_back(tensorEntry(part));
  }
  if (from.isStatic() && dims[axis].isStatic() && !(from == dims[axis]))
    node.invalid("its parts have " + from.str() + " elements together, and axis " +
                 llvm::Twine(axis) + " has " + dims[axis].str());
  node.set(0, sequenceEntry(std::move(parts)));
}

/// The body once for each element.
void sequenceMap(Node &node) {
  const auto *body = node.attribute("body");
  if (!body || !body->has_g() || static_cast<size_t>(body->g().input_size()) != node.numInputs())
    node.invalid("it has no body of " + llvm::Twine(node.numInputs()) + " inputs");
  std::vector<Elements> results(body->g().output_size());
  size_t count = elementsOf(node, 0).size();
  for (size_t k = 0; k < count; ++k) {
    std::vector<EntryPtr> arguments;
    for (size_t i = 0; i < node.numInputs(); ++i) {
      if (!node.has(i))
        node.invalid("its input " + llvm::Twine(i) + " is left out");
      const Entry &input = *node.inputs[i];
      if (input.sequence && input.sequence->size() != count)
        node.invalid("its sequences have " + llvm::Twine(count) + " and " +
                     llvm::Twine(input.sequence->size()) + " tensors");
      arguments.push_back(input.sequence ? (*input.sequence)[k] : node.inputs[i]);
    }
    for (auto [i, entry] : llvm::enumerate(node.importer.importSubgraph(body->g(), arguments)))
      results[i].push_back(entry);
  }
  for (auto [i, elements] : llvm::enumerate(results))
    node.set(i, sequenceEntry(elements));
}

void optional(Node &node) {
  if (node.has(0))
    return node.set(0, node.inputs[0]);
  auto entry = std::make_shared<Entry>();
  entry->isEmptyOptional = true;
  node.set(0, entry);
}

void optionalGetElement(Node &node) {
  if (!node.has(0) || node.inputs[0]->isEmptyOptional)
    node.invalid("the optional is empty");
  node.set(0, node.inputs[0]);
}

void optionalHasElement(Node &node) {
  bool has = node.has(0) && !node.inputs[0]->isEmptyOptional;
  node.set(0, node.splat(node.builder().getI1Type(), {}, has ? 1 : 0));
}

} // namespace ingot::onnx
