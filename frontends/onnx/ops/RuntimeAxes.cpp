// See RuntimeAxes.h.
#include "frontends/onnx/ops/RuntimeAxes.h"
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

/// More sets of axes than this are not worth their code.
constexpr size_t kMaxForms = 64;

/// All increasing lists of numbers below `rank`, of this length where one is given.
std::vector<llvm::SmallVector<int64_t>> subsets(int64_t rank, std::optional<int64_t> count) {
  std::vector<llvm::SmallVector<int64_t>> all;
  for (int64_t bits = 0; bits < (int64_t(1) << rank); ++bits) {
    llvm::SmallVector<int64_t> set;
    for (int64_t d = 0; d < rank; ++d)
      if (bits >> d & 1)
        set.push_back(d);
    if (!count || static_cast<int64_t>(set.size()) == *count)
      all.push_back(std::move(set));
  }
  return all;
}

/// A name for an expression that is one of `alternatives`, whatever the sizes are: never negative
/// where none of them is.
Dim choice(Node &node, Dim value, llvm::ArrayRef<Dim> alternatives) {
  auto known = [&](Dim d) { return node.importer.isNonNegative(d); };
  bool needsBound = !known(value) && llvm::all_of(alternatives, known);
  return node.importer.let(needsBound ? Dim::max(value, node.dim(0)) : value);
}

} // namespace

Dim isNegative(Node &node, Dim d) {
  return node.importer.let(Dim::min(Dim::max(d * -1, node.dim(0)), node.dim(1)));
}

Dim equals(Node &node, Dim d, int64_t value) {
  Dim distance = Dim::max(d - value, d * -1 + value);
  return node.importer.let(Dim::max(distance * -1 + 1, node.dim(0)));
}

Dims spread(Node &node, llvm::ArrayRef<Dim> axes, llvm::ArrayRef<Dim> values,
            llvm::ArrayRef<Dim> otherwise) {
  int64_t rank = static_cast<int64_t>(otherwise.size());
  Dims result(otherwise.begin(), otherwise.end());
  for (auto [axis, value] : llvm::zip(axes, values))
    for (int64_t d = 0; d < rank; ++d) {
      Dim here = node.importer.let(equals(node, axis, d) + equals(node, axis, d - rank));
      Dim chosen = here * value + (here * -1 + 1) * result[d];
      result[d] = choice(node, chosen, {value, result[d]});
    }
  return result;
}

Dims without(Node &node, llvm::ArrayRef<Dim> dims, llvm::ArrayRef<Dim> mask, int64_t count) {
  Dims result;
  for (int64_t q = 0; q < count; ++q) {
    Dim size = node.dim(0), place = node.dim(0); // of dimension d among those that stay
    for (auto [d, m] : llvm::zip(dims, mask)) {
      Dim stays = m * -1 + 1;
      size = size + stays * equals(node, place, q) * d;
      place = node.importer.let(place + stays);
    }
    result.push_back(choice(node, size, dims));
  }
  return result;
}

Dims withOnes(Node &node, llvm::ArrayRef<Dim> dims, llvm::ArrayRef<Dim> mask) {
  Dims result;
  Dim place = node.dim(0); // of this dimension among those of `dims`
  for (Dim m : mask) {
    Dim size = node.dim(0);
    for (auto [p, d] : llvm::enumerate(dims))
      size = size + equals(node, place, static_cast<int64_t>(p)) * d;
    result.push_back(choice(node, m + (m * -1 + 1) * size, dims));
    place = node.importer.let(place + (m * -1 + 1));
  }
  return result;
}

NumberList numberList(Node &node, size_t i, int64_t most) {
  if (node.has(i) && !node.tryInts(i))
    if (auto some = node.importer.elementsUpTo(*node.inputs[i], most))
      return {*some, dimsOf(node.in(i))[0], true};
  Dims known = node.ints(i);
  Dim length = node.dim(static_cast<int64_t>(known.size()));
  return {std::move(known), length};
}

NumberList firstAxes(Node &node, const NumberList &like) {
  NumberList axes = like;
  for (auto [i, axis] : llvm::enumerate(axes.elements)) {
    auto number = static_cast<int64_t>(i);
    axis = node.dim(number);
    if (!like.isOpen)
      continue;
    // Where it is beyond the length, further below than any axis that counts from the end.
    Dim isBeyond = Dim::max(Dim::min(like.length * -1 + (number + 1), node.dim(1)), node.dim(0));
    axis = node.importer.let(axis - isBeyond * (4 * static_cast<int64_t>(like.elements.size())));
  }
  return axes;
}

AxisSet axisSet(Node &node, llvm::ArrayRef<Dim> axes, int64_t rank) {
  if (llvm::all_of(axes, [](Dim d) { return d.isStatic(); }))
    (void)node.axes(llvm::map_to_vector(axes, [](Dim d) { return d.value(); }), rank);
  auto count = static_cast<int64_t>(axes.size());
  Dims ones(axes.size(), node.dim(1)), zeros(rank, node.dim(0));
  AxisSet set{spread(node, axes, ones, zeros), count, node.dim(count)};
  for (Dim m : set.mask)
    set.wrong = set.wrong - m;
  return set;
}

AxisSet axisSet(Node &node, const NumberList &axes, int64_t rank) {
  AxisSet set = axisSet(node, axes.elements, rank);
  if (axes.isOpen) {
    set.wrong = set.wrong + axes.length - static_cast<int64_t>(axes.elements.size());
    set.count = std::nullopt;
  }
  return set;
}

AxisSet listedAxes(Node &node, size_t i, int64_t rank, std::optional<int64_t> lost, bool noop) {
  node.expectCount(i, lost);
  NumberList axes{{}, node.dim(0)};
  if (node.has(i))
    axes = numberList(node, i, rank);
  if (axes.elements.empty() && !noop)
    for (int64_t d = 0; d < rank; ++d)
      axes.elements.push_back(node.dim(d));
  AxisSet set = axisSet(node, axes, rank);
  Dim isEmpty = node.importer.let(Dim::max(axes.length * -1 + 1, node.dim(0)));
  for (Dim &m : set.mask)
    if (axes.isOpen && !noop)
      m = node.importer.let(Dim::max(m, isEmpty));
  return set;
}

Value forAxes(Node &node, const AxisSet &axes, llvm::ArrayRef<Dim> result,
              llvm::function_ref<Value(llvm::ArrayRef<int64_t>)> form) {
  auto rank = static_cast<int64_t>(axes.mask.size());
  if (axes.count && *axes.count > rank)
    node.invalid("it has " + llvm::Twine(*axes.count) + " axes for a tensor of rank " +
                 llvm::Twine(rank));
  if (llvm::all_of(axes.mask, [](Dim m) { return m.isStatic(); })) {
    llvm::SmallVector<int64_t> known;
    for (auto [d, m] : llvm::enumerate(axes.mask))
      if (m.value() == 1)
        known.push_back(static_cast<int64_t>(d));
    return form(known);
  }
  if (rank > 16)
    node.unsupported("so many axes that are an input of the model", "make them constants");
  std::vector<llvm::SmallVector<int64_t>> sets = subsets(rank, axes.count);
  if (sets.size() > kMaxForms)
    node.unsupported("its axes are an input of the model, with " + llvm::Twine(sets.size()) +
                         " possible sets",
                     "make them constants");
  Dim code = node.dim(0); // bit d: dimension d is among them
  for (auto [d, m] : llvm::enumerate(axes.mask))
    code = code + m * (int64_t(1) << d);
  Expr asked = node.extent(node.importer.let(code), node.integerType());
  auto isAsked = [&](llvm::ArrayRef<int64_t> set) -> Value {
    int64_t bits = 0;
    for (int64_t d : set)
      bits |= int64_t(1) << d;
    return graph::compare(Predicate::EQ, asked, asked.number(static_cast<double>(bits)));
  };
  auto shaped = [&](llvm::ArrayRef<int64_t> set) -> Value {
    Value value = form(set);
    if (llvm::ArrayRef<Dim>(dimsOf(value)) == result)
      return value;
    return graph::ReshapeOp::create(node.builder(), node.loc,
                                    tensorType(result, graph::elementType(value)), value,
                                    graph::CountCheck::Never);
  };
  std::function<Value(size_t)> choose = [&](size_t i) -> Value {
    if (i + 1 == sets.size())
      return shaped(sets[i]);
    auto inRegion = [&](OpBuilder &b, llvm::function_ref<Value()> make) -> graph::Values {
      Value value;
      buildIn(node, b, [&] { value = make(); });
      return {value};
    };
    auto op = graph::makeIf(
        node.builder(), node.loc, isAsked(sets[i]),
        [&](OpBuilder &b) { return inRegion(b, [&] { return shaped(sets[i]); }); },
        [&](OpBuilder &b) { return inRegion(b, [&] { return choose(i + 1); }); });
    return op.getResult(0);
  };
  return refusedUnlessZero(node, choose(0), axes.wrong);
}

} // namespace ingot::onnx
