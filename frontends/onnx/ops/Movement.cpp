// Operators that move elements: reshapes, slices, concatenation, padding, gathering.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"
#include "frontends/onnx/ops/RuntimeAxes.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

/// Ends this large mean "to the end" also where the size is symbolic.
constexpr int64_t kWholeAxis = 1'000'000'000;

Dim atLeastZero(Node &node, Dim d) {
  return node.importer.isNonNegative(d) ? d : Dim::max(d, node.dim(0));
}

/// A position as Python counts it, within 0 … size (or -1 … size - 1, counted from `low` = -1).
Dim position(Node &node, Dim at, Dim size, int64_t low) {
  Dim high = size + low;
  if (at.isStatic() && at.value() >= 0) {
    bool whole = at.value() >= kWholeAxis && !size.isStatic();
    return whole ? high : at.value() == 0 && low == 0 ? at : Dim::min(at, high);
  }
  if (at.isStatic())
    return at.value() <= -kWholeAxis ? node.dim(low) : Dim::max(size + at, node.dim(low));
  Dim counted = node.importer.let(at + size * isNegative(node, at));
  return node.importer.let(Dim::min(Dim::max(counted, node.dim(low)), high));
}

struct Taken {
  Dim start, size;
  int64_t step;
};
/// With a step known only while running, of either sign: element i is start + i * step.
Taken rangeOf(Node &node, Dim start, Dim end, Dim step, Dim size) {
  Dim down = isNegative(node, step), zero = node.dim(0);
  auto wrapped = [&](Dim at) { return node.importer.let(at + size * isNegative(node, at)); };
  Dim from = node.importer.let(Dim::min(Dim::max(wrapped(start), zero), size - down));
  Dim to = node.importer.let(Dim::min(Dim::max(wrapped(end), down * -1), size - down));
  return {from, node.importer.let(Dim::max((to - from).ceilDiv(step), zero)), 0};
}
Taken rangeOf(Node &node, Dim start, Dim end, int64_t step, Dim size) {
  if (step > 0) {
    Dim from = position(node, start, size, 0), to = position(node, end, size, 0);
    return {from, atLeastZero(node, to - from).ceilDiv(step), step};
  }
  // Of the reversed axis.
  Dim from = atLeastZero(node, position(node, start, size, -1));
  Dim to = position(node, end, size, -1);
  return {size - 1 - from, atLeastZero(node, from - to).ceilDiv(-step), -step};
}

/// The dimensions that a `shape` input asks for: 0 copies the input's, -1 is what is left. Elements
/// known only while running may turn out to be either.
Dims requestedShape(Node &node, llvm::ArrayRef<Dim> x, llvm::ArrayRef<Dim> wanted, bool allowZero) {
  Dims dims;
  std::optional<size_t> inferred;
  Dims left(wanted.size(), node.dim(0)); // 1 where the element is -1
  for (auto [i, d] : llvm::enumerate(wanted)) {
    if (!d.isStatic()) {
      bool copies = !allowZero && i < x.size() && !node.importer.isNonNegative(d);
      bool mayBeLeft = !node.importer.isNonNegative(d);
      left[i] = mayBeLeft ? isNegative(node, d) : node.dim(0);
      Dim size = mayBeLeft ? Dim::max(d, node.dim(0)) + left[i] : d;
      size = node.importer.let(size);
      dims.push_back(copies ? node.importer.let(size + equals(node, d, 0) * x[i]) : size);
    } else if (d.value() == -1) {
      if (inferred)
        node.invalid("its shape has more than one -1");
      inferred = i;
      dims.push_back(node.dim(1));
    } else if (d.value() == 0 && !allowZero) {
      if (i >= x.size())
        node.invalid("its shape copies dimension " + llvm::Twine(i) + " of a tensor of shape " +
                     str(x));
      dims.push_back(x[i]);
    } else if (d.value() < 0) {
      node.invalid("its shape has the size " + llvm::Twine(d.value()));
    } else {
      dims.push_back(d);
    }
  }
  Dim total = numElements(node.context(), x), known = numElements(node.context(), dims);
  if (inferred) {
    if (known.isStatic() && total.isStatic() &&
        (known.value() == 0 || total.value() % known.value() != 0))
      node.invalid("a tensor of shape " + str(x) + " (" + total.str() +
                   " elements) does not divide into " + str(wanted));
    auto exact = Dim::exactDiv(total, known);
    dims[*inferred] = exact ? *exact : total.floorDiv(known);
    return dims;
  }
  // What is left goes to the one that is -1: there its size so far is 1.
  for (auto [i, d] : llvm::enumerate(wanted))
    if (!(left[i] == node.dim(0)))
      dims[i] = node.importer.let(
          dims[i] + left[i] * (node.importer.let(total.floorDiv(node.importer.let(known))) - 1));
  return dims;
}

} // namespace

void reshape(Node &node) {
  node.expectCount(1, node.declaredRank());
  Dims dims = requestedShape(node, dimsOf(node.in(0)), node.ints(1),
                             node.attr("allowzero", int64_t(0)) != 0);
  node.set(0, node.reshape(node.in(0), dims));
}

void flatten(Node &node) {
  Dims x = dimsOf(node.in(0));
  int64_t rank = static_cast<int64_t>(x.size()), axis = node.attr("axis", int64_t(1));
  if (axis < -rank || axis > rank)
    node.invalid("axis " + llvm::Twine(axis) + " is outside a tensor of shape " + str(x));
  axis = axis < 0 ? axis + rank : axis;
  llvm::ArrayRef<Dim> all(x);
  node.set(0, node.reshape(node.in(0), {numElements(node.context(), all.take_front(axis)),
                                        numElements(node.context(), all.drop_front(axis))}));
}

void transpose(Node &node) {
  int64_t rank = node.inputRank(0);
  llvm::SmallVector<int64_t> permutation = node.intsAttr("perm");
  if (permutation.empty())
    for (int64_t d = rank; d-- > 0;)
      permutation.push_back(d);
  node.set(0, node.transpose(node.in(0), permutation));
}

void squeeze(Node &node) {
  Dims dims = dimsOf(node.in(0)), axes;
  int64_t rank = node.inputRank(0);
  Dim isOne = node.dim(0);
  if (auto declared = node.declaredRank())
    node.expectCount(1, rank - *declared);
  if (node.has(1))
    axes = node.ints(1);
  else
    for (auto [d, size] : llvm::enumerate(dims)) {
      if (size == node.dim(1))
        axes.push_back(node.dim(static_cast<int64_t>(d)));
      else if (!size.isStatic())
        isOne = isOne + equals(node, size, 1);
    }
  // A symbolic dimension stays: where it turns out to be 1, so that the rank would be another, the
  // plan refuses.
  AxisSet set = axisSet(node, axes, rank);
  Value x = refusedUnlessZero(node, node.in(0), isOne + set.wrong);
  for (Dim axis : axes)
    if (axis.isStatic())
      if (Dim size = dims[node.axis(axis.value(), rank)]; size.isStatic() && size.value() != 1)
        node.invalid("dimension " + axis.str() + " of shape " + str(dims) +
                     " is not 1 and cannot be squeezed");
  node.set(0, node.reshape(x, without(node, dims, set.mask, rank - *set.count)));
}

void unsqueeze(Node &node) {
  if (auto declared = node.declaredRank())
    node.expectCount(1, *declared - node.inputRank(0));
  Dims dims = dimsOf(node.in(0)), axes = node.ints(1);
  int64_t rank = static_cast<int64_t>(dims.size() + axes.size());
  AxisSet set = axisSet(node, axes, rank);
  Value x = refusedUnlessZero(node, node.in(0), set.wrong);
  node.set(0, node.reshape(x, withOnes(node, dims, set.mask)));
}

void expand(Node &node) {
  node.expectCount(1, node.declaredRank());
  Dims wanted = node.ints(1);
  node.set(0, node.broadcastTo(node.in(0), node.broadcastDims(dimsOf(node.in(0)), wanted)));
}

void tile(Node &node) {
  node.expectCount(1, node.inputRank(0));
  Dims x = dimsOf(node.in(0)), repeats = node.ints(1), wide, apart, result;
  if (repeats.size() != x.size())
    node.invalid("it has " + llvm::Twine(repeats.size()) + " repeats for a tensor of shape " +
                 str(x));
  for (auto [size, repeat] : llvm::zip(x, repeats)) {
    apart.append({node.dim(1), size});
    wide.append({repeat, size});
    result.push_back(repeat * size);
  }
  node.set(0, node.reshape(node.broadcastTo(node.reshape(node.in(0), apart), wide), result));
}

void concat(Node &node) {
  llvm::SmallVector<Value> inputs;
  if (node.numInputs() == 0)
    node.invalid("it has no inputs");
  int64_t axis = node.axis(node.attr("axis", int64_t(1)), node.inputRank(0));
  Dims common = dimsOf(node.in(0)); // numbers where one input has them
  for (size_t i = 1; i < node.numInputs(); ++i)
    for (auto [known, d] : llvm::zip(common, dimsOf(node.in(i))))
      known = d.isStatic() ? d : known;
  for (size_t i = 0; i < node.numInputs(); ++i) {
    Dims dims = dimsOf(node.in(i)), wanted = common;
    if (dims.size() == common.size())
      wanted[axis] = dims[axis];
    inputs.push_back(withDims(node, node.in(i), wanted, "an input"));
  }
  node.set(0, node.make<graph::ConcatOp>(inputs, {node.named("axis", axis)}));
}

namespace {

/// x[start + i * step] along one axis, the step known only while running.
Value takeByIndex(Node &node, Value x, int64_t axis, const Taken &taken, Dim step) {
  Type integer = node.integerType();
  Expr index = node.iota({taken.size}, 0, integer) * node.extent(step, integer) +
               node.extent(taken.start, integer);
  return gatherAlong(node, x, index, axis);
}

} // namespace

/// What is not named is taken whole. Axes, as everything else, may be an input of the model.
void slice(Node &node) {
  Dims x = dimsOf(node.in(0));
  auto rank = static_cast<int64_t>(x.size());
  for (size_t known = 1; known <= 4; ++known) // all are as long as one
    if (node.has(known) && node.tryInts(known))
      for (size_t i = 1; i <= 4; ++i)
        node.expectCount(i, static_cast<int64_t>(node.ints(known).size()));
  NumberList starts = numberList(node, 1, rank), ends = numberList(node, 2, rank);
  NumberList axes = node.has(3) ? numberList(node, 3, rank) : firstAxes(node, starts);
  NumberList steps{Dims(starts.elements.size(), node.dim(1)), starts.length};
  if (node.has(4))
    steps = numberList(node, 4, rank);
  Dim differing = node.dim(0);
  for (const NumberList *other : {&ends, &axes, &steps}) {
    if (other->elements.size() != starts.elements.size())
      node.invalid("starts, ends, axes and steps have different lengths");
    Dim more = other->length - starts.length;
    differing = differing + Dim::max(more, more * -1);
  }
  AxisSet set = axisSet(node, axes, rank);
  Dims from = spread(node, axes.elements, starts.elements, Dims(rank, node.dim(0))),
       to = spread(node, axes.elements, ends.elements, x),
       by = spread(node, axes.elements, steps.elements, Dims(rank, node.dim(1)));
  Dims begins(rank, node.dim(0)), sizes = x;
  llvm::SmallVector<int64_t> strides(rank, 1), reversed, byIndex;
  Value value = node.in(0);
  for (int64_t d = 0; d < rank; ++d) {
    if (!by[d].isStatic()) {
      byIndex.push_back(d);
      continue;
    }
    if (by[d].value() == 0)
      node.invalid("a step is 0");
    Taken taken = rangeOf(node, from[d], to[d], by[d].value(), x[d]);
    if (by[d].value() < 0)
      reversed.push_back(d);
    begins[d] = taken.start;
    sizes[d] = taken.size;
    strides[d] = taken.step;
  }
  if (!reversed.empty())
    value = graph::ReverseOp::create(node.builder(), node.loc, value.getType(), value,
                                     node.builder().getDenseI64ArrayAttr(reversed));
  value = graph::slice(node.builder(), node.loc, value, begins, sizes, strides);
  for (int64_t d : byIndex)
    value = takeByIndex(node, value, d, rangeOf(node, from[d], to[d], by[d], x[d]), by[d]);
  node.set(0, refusedUnlessZero(node, value, node.importer.let(set.wrong + differing)));
}

namespace {

/// Part [from, to) of a vector of integers, as Slice knows its elements.
Node *partOf(Node &node, Dim from, Dim to) {
  ::onnx::NodeProto proto;
  proto.set_op_type("Slice");
  auto list = [&](Dim value) {
    auto entry = std::make_shared<Entry>();
    entry->element = node.integerType();
    entry->ints = Ints{{value}, false};
    return entry;
  };
  std::vector<EntryPtr> inputs = {node.inputs[0], list(from), list(to)};
  return node.importer.keep(
      std::make_unique<Node>(node.importer, proto, node.version, std::move(inputs), node.loc));
}

} // namespace

void split(Node &node) {
  Dims x = dimsOf(node.in(0)), sizes;
  int64_t axis = node.axis(node.attr("axis", int64_t(0)), node.inputRank(0));
  int64_t parts = node.attr("num_outputs", static_cast<int64_t>(node.numOutputs()));
  node.expectCount(1, node.numOutputs());
  if (node.has(1)) {
    sizes = node.ints(1);
  } else { // ceil(size / parts) each, what is left for the last
    if (parts < 1)
      node.invalid("it has " + llvm::Twine(parts) + " outputs");
    Dim each = x[axis].ceilDiv(parts);
    sizes.assign(parts - 1, each);
    sizes.push_back(x[axis] - each * (parts - 1));
  }
  if (sizes.size() != node.numOutputs())
    node.invalid("it has " + llvm::Twine(sizes.size()) + " parts and " +
                 llvm::Twine(node.numOutputs()) + " outputs");
  Dim from = node.dim(0);
  for (auto [i, size] : llvm::enumerate(sizes)) {
    Dims starts(x.size(), node.dim(0)), taken = x;
    starts[axis] = from;
    taken[axis] = size;
    auto attribute = [&](llvm::ArrayRef<Dim> dims) -> Attribute {
      return graph::DimsAttr::get(node.context(),
                                  llvm::map_to_vector(dims, [](Dim d) { return d.asAttribute(); }));
    };
    node.set(i, node.make<graph::SliceOp>(
                    {node.in(0)},
                    {node.named("starts", attribute(starts)), node.named("sizes", attribute(taken)),
                     node.named("strides", llvm::SmallVector<int64_t>(x.size(), 1))}));
    if (x.size() == 1 && node.inputElement(0).isInteger())
      node.outputs[i]->maker = partOf(node, from, from + size);
    from = from + size;
  }
}

void gather(Node &node) {
  int64_t axis = node.axis(node.attr("axis", int64_t(0)), node.inputRank(0));
  Expr indices = node.expr(1);
  Dim size = dimsOf(node.in(0))[axis];
  Expr fromEnd =
      indices + node.broadcastTo(node.extent(size, node.inputElement(1)), indices.dims());
  Expr negative = graph::compare(Predicate::LT, indices, indices.number(0));
  node.set(0, gatherAlong(node, node.in(0), graph::select(negative, fromEnd, indices), axis));
}

namespace {

/// Where an element outside the axis comes from: the index to read for each index of the result.
Expr paddedIndex(Node &node, const std::string &mode, Dim low, Dim size, Dim result) {
  Type integer = node.integerType();
  Expr at = node.iota({result}, 0, integer) - node.extent(low, integer);
  auto number = [&](Dim d) { return node.extent(d, integer); };
  if (mode == "edge")
    return graph::min(graph::max(at, at.number(0)), number(size - 1));
  if (mode == "wrap")
    return node.binary<graph::FloorModOp>(at, number(size));
  // reflect: period 2 (size - 1); a single element is its own reflection
  Dim period = Dim::max((size - 1) * 2, node.dim(1));
  Expr folded = node.binary<graph::FloorModOp>(at, number(period));
  return graph::min(folded, number(period) - folded);
}

} // namespace

void pad(Node &node) {
  std::string mode = node.attr("mode", "constant");
  Dims x = dimsOf(node.in(0)), axes;
  for (int64_t d = 0; d < node.inputRank(0); ++d)
    axes.push_back(node.dim(d));
  if (node.has(3))
    axes = node.ints(3);
  node.expectCount(1, 2 * axes.size());
  Dims given = node.ints(1);
  if (given.size() != 2 * axes.size())
    node.invalid("it has " + llvm::Twine(given.size()) + " pads for " + llvm::Twine(axes.size()) +
                 " axes; two each are expected");
  Dims none(x.size(), node.dim(0));
  AxisSet set = axisSet(node, axes, node.inputRank(0));
  Value whole = refusedUnlessZero(node, node.in(0), set.wrong);
  llvm::ArrayRef<Dim> pads(given);
  Dims low = spread(node, axes, pads.take_front(axes.size()), none),
       high = spread(node, axes, pads.drop_front(axes.size()), none);
  OpBuilder &b = node.builder();
  if (mode == "constant") {
    if (!node.has(2) || node.constant(2))
      return node.set(0, graph::pad(b, node.loc, whole, low, high, {}, node.constantNumber(2, 0)));
    Expr padded = node.expr(graph::pad(b, node.loc, whole, low, high));
    Expr inside = node.expr(graph::pad(b, node.loc, node.splat(b.getI1Type(), x, 1), low, high));
    Expr value = node.reshape(node.in(2), {});
    return node.set(0, graph::select(inside, padded, node.broadcastTo(value, padded.dims())));
  }
  if (mode != "edge" && mode != "reflect" && mode != "wrap")
    node.invalid("attribute `mode` is `" + mode + "`");
  Value value = whole;
  for (int64_t axis = 0; axis < node.inputRank(0); ++axis) {
    if (low[axis] == node.dim(0) && high[axis] == node.dim(0))
      continue;
    Expr index = paddedIndex(node, mode, low[axis], x[axis], x[axis] + low[axis] + high[axis]);
    value = gatherAlong(node, value, index, axis);
  }
  node.set(0, value);
}

} // namespace ingot::onnx
