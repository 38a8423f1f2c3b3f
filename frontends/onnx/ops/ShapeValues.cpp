// Shape computations followed at compile time: the elements of small integer tensors as expressions
// over dimension symbols. Each rule gives nothing where an input is not known.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Rules.h"
#include "frontends/onnx/ops/RuntimeAxes.h"
#include "ir/Text.h"

using namespace mlir;

namespace ingot::onnx {
namespace {

using Elementwise = llvm::function_ref<std::optional<Dim>(Dim, Dim)>;

bool isInteger(Type type) { return llvm::isa<IntegerType>(type); }

/// Both over one divisor, a number; nothing where one is made by a division by something symbolic.
bool makeComparable(Ints &x, Ints &y) {
  for (const Ints *side : {&x, &y})
    if (side->divisor && (!side->divisor.isStatic() || side->divisor.value() <= 0))
      return false;
  if (x.divisor == y.divisor)
    return true;
  Dim l = x.divisor, r = y.divisor;
  auto scale = [](Ints &ints, Dim factor) {
    for (Dim &d : ints.elements)
      d = d * factor;
  };
  if (r)
    scale(x, r);
  if (l)
    scale(y, l);
  x.divisor = y.divisor = l && r ? l * r : l ? l : r;
  return true;
}

/// Element by element, broadcast.
std::optional<Ints> combineTwo(const Ints &x, const Ints &y, Elementwise apply) {
  size_t l = x.elements.size(), r = y.elements.size();
  if (l != r && l != 1 && r != 1)
    return std::nullopt;
  Ints combined;
  combined.isScalar = x.isScalar && y.isScalar;
  combined.divisor = x.divisor;
  for (size_t k = 0; k < (l == 1 ? r : l); ++k) {
    auto value = apply(x.elements[l == 1 ? 0 : k], y.elements[r == 1 ? 0 : k]);
    if (!value)
      return std::nullopt;
    combined.elements.push_back(*value);
  }
  return combined;
}

std::optional<Ints> combine(Node &node, Elementwise apply) {
  std::optional<Ints> result = node.tryFractions(0);
  for (size_t i = 1; result && i < node.numInputs(); ++i) {
    std::optional<Ints> next = node.tryFractions(i);
    if (!next || !makeComparable(*result, *next))
      return std::nullopt;
    result = combineTwo(*result, *next, apply);
  }
  return result;
}

/// Whether each element has the property, as 0 or 1.
std::optional<Ints> test(Node &node, Elementwise holds) {
  std::optional<Ints> result = combine(node, holds);
  if (result)
    result->divisor = {};
  return result;
}

/// Each element, an integer, by itself.
std::optional<Ints> convert(std::optional<Ints> ints, llvm::function_ref<Dim(Dim)> apply) {
  if (ints)
    for (Dim &d : ints->elements)
      d = apply(d);
  return ints;
}

Dim logicalNot(Dim d) { return d * -1 + 1; }

/// The fractions as integers, rounded by `round`.
std::optional<Ints> rounded(std::optional<Ints> ints, llvm::function_ref<Dim(Dim, Dim)> round) {
  if (!ints || !ints->divisor)
    return ints;
  Dim divisor = std::exchange(ints->divisor, Dim());
  return convert(ints, [&](Dim d) { return round(d, divisor); });
}

/// trunc(a / b) = floor where a >= 0, ceil below, when b > 0.
Dim truncated(Dim a, Dim b) {
  Dim zero = Dim::constant(a.context(), 0);
  return Dim::max(a, zero).floorDiv(b) + Dim::min(a, zero).ceilDiv(b);
}

} // namespace

std::optional<Ints> intsAdd(Node &node) {
  return combine(node, [](Dim a, Dim b) { return a + b; });
}
std::optional<Ints> intsSub(Node &node) {
  return combine(node, [](Dim a, Dim b) { return a - b; });
}
std::optional<Ints> intsMax(Node &node) {
  return combine(node, [](Dim a, Dim b) { return Dim::max(a, b); });
}
std::optional<Ints> intsMin(Node &node) {
  return combine(node, [](Dim a, Dim b) { return Dim::min(a, b); });
}

std::optional<Ints> intsMul(Node &node) {
  std::optional<Ints> x = node.tryFractions(0), y = node.tryFractions(1);
  if (!x || !y || (x->divisor && y->divisor))
    return std::nullopt;
  auto product = combineTwo(*x, *y, [](Dim a, Dim b) { return a * b; });
  if (product)
    product->divisor = x->divisor ? x->divisor : y->divisor;
  return product;
}

namespace {

/// Floats: by one number, which becomes the divisor.
std::optional<Ints> fractionOf(Node &node) {
  std::optional<Ints> x = node.tryFractions(0), y = node.tryFractions(1);
  if (!x || !y || !makeComparable(*x, *y) || y->elements.size() != 1 ||
      (y->elements[0].isStatic() && y->elements[0].value() == 0))
    return std::nullopt;
  x->isScalar &= y->isScalar;
  x->divisor = y->elements[0];
  if (!x->divisor.isStatic() || x->divisor.value() > 0)
    return x;
  x->divisor = x->divisor * -1;
  return convert(x, [](Dim d) { return d * -1; });
}

} // namespace

/// Integer division truncates: floordiv where both are known not to be negative, or constant.
std::optional<Ints> intsDiv(Node &node) {
  if (!isInteger(node.inputElement(0)))
    return fractionOf(node);
  return combine(node, [&](Dim a, Dim b) -> std::optional<Dim> {
    if (b.isStatic() && b.value() == 0)
      return std::nullopt;
    if (a.isStatic() && b.isStatic())
      return node.dim(b.value() == -1 ? -a.value() : a.value() / b.value());
    if (auto exact = Dim::exactDiv(a, b))
      return exact;
    return truncated(a, b);
  });
}

/// The remainder that has the divisor's sign.
std::optional<Ints> intsMod(Node &node) {
  if (!isInteger(node.inputElement(0)) || node.attr("fmod", int64_t(0)) != 0)
    return std::nullopt;
  return combine(node, [&](Dim a, Dim b) -> std::optional<Dim> {
    if (b.isStatic() && b.value() == 0)
      return std::nullopt;
    return a - b * a.floorDiv(b);
  });
}

std::optional<Ints> intsWhere(Node &node) {
  if (llvm::isa<text::StringType>(node.inputElement(1)))
    return std::nullopt;
  std::optional<Ints> condition = node.tryInts(0), x = node.tryFractions(1),
                      y = node.tryFractions(2);
  if (!condition || !x || !y || !makeComparable(*x, *y))
    return std::nullopt;
  Ints isFalse = *convert(condition, logicalNot);
  auto divisor = std::exchange(x->divisor, Dim());
  y->divisor = {};
  auto times = [](Dim a, Dim b) { return a * b; };
  std::optional<Ints> onTrue = combineTwo(*condition, *x, times),
                      onFalse = combineTwo(isFalse, *y, times);
  if (!onTrue || !onFalse)
    return std::nullopt;
  auto chosen = combineTwo(*onTrue, *onFalse, [](Dim a, Dim b) { return a + b; });
  if (chosen)
    chosen->divisor = divisor;
  return chosen;
}

std::optional<Ints> intsCeil(Node &node) {
  return rounded(node.tryFractions(0), [](Dim a, Dim b) { return a.ceilDiv(b); });
}
std::optional<Ints> intsFloor(Node &node) {
  return rounded(node.tryFractions(0), [](Dim a, Dim b) { return a.floorDiv(b); });
}
std::optional<Ints> intsRelu(Node &node) {
  return convert(node.tryInts(0), [&](Dim d) { return Dim::max(d, node.dim(0)); });
}
std::optional<Ints> intsNeg(Node &node) {
  return convert(node.tryFractions(0), [](Dim d) { return d * -1; });
}

std::optional<Ints> intsEqual(Node &node) {
  return test(node, [&](Dim a, Dim b) { return equals(node, a - b, 0); });
}
std::optional<Ints> intsLess(Node &node) {
  return test(node, [&](Dim a, Dim b) { return isNegative(node, a - b); });
}
std::optional<Ints> intsGreater(Node &node) {
  return test(node, [&](Dim a, Dim b) { return isNegative(node, b - a); });
}
std::optional<Ints> intsLessOrEqual(Node &node) { return convert(intsGreater(node), logicalNot); }
std::optional<Ints> intsGreaterOrEqual(Node &node) { return convert(intsLess(node), logicalNot); }
std::optional<Ints> intsNot(Node &node) { return convert(node.tryInts(0), logicalNot); }
std::optional<Ints> intsAnd(Node &node) {
  return combine(node, [](Dim a, Dim b) { return Dim::min(a, b); });
}
std::optional<Ints> intsOr(Node &node) {
  return combine(node, [](Dim a, Dim b) { return Dim::max(a, b); });
}

std::optional<Ints> intsIdentity(Node &node) { return node.tryInts(0); }

/// Integers, and numbers as f32 or f64, where sizes are exact; floats are truncated to integers.
std::optional<Ints> intsCast(Node &node) {
  Type to = node.typeAttr("to", node.inputElement(0));
  if (to.isF32() || to.isF64())
    return node.tryFractions(0);
  if (!isInteger(to))
    return std::nullopt;
  if (!to.isInteger(1))
    return rounded(node.tryFractions(0), truncated);
  return convert(node.tryFractions(0), [&](Dim d) { return logicalNot(equals(node, d, 0)); });
}

std::optional<Ints> intsConcat(Node &node) {
  Ints all;
  for (size_t i = 0; i < node.numInputs(); ++i) {
    std::optional<Ints> part = node.tryInts(i);
    if (!part || part->isScalar)
      return std::nullopt;
    llvm::append_range(all.elements, part->elements);
  }
  return all;
}

std::optional<Ints> intsConstantOfShape(Node &node) {
  std::optional<Ints> shape = node.tryInts(0);
  DenseElementsAttr value = node.tensorAttr("value");
  if (!shape || shape->elements.size() > 1 || !value || !isInteger(value.getElementType()) ||
      value.getNumElements() != 1)
    return std::nullopt;
  int64_t count = 1;
  if (!shape->elements.empty()) {
    if (!shape->elements[0].isStatic())
      return std::nullopt;
    count = shape->elements[0].value();
  }
  if (count < 0 || count > 1024)
    return std::nullopt;
  Ints result;
  result.isScalar = shape->elements.empty();
  result.elements.assign(count, node.dim(value.getSplatValue<llvm::APInt>().getSExtValue()));
  return result;
}

std::optional<Ints> intsGather(Node &node) {
  std::optional<Ints> data = node.tryInts(0), indices = node.tryInts(1);
  if (!data || !indices || data->isScalar)
    return std::nullopt;
  Ints result;
  result.isScalar = indices->isScalar;
  int64_t count = static_cast<int64_t>(data->elements.size());
  for (Dim index : indices->elements) {
    if (!index.isStatic())
      return std::nullopt;
    int64_t i = index.value() < 0 ? index.value() + count : index.value();
    if (i < 0 || i >= count)
      return std::nullopt;
    result.elements.push_back(data->elements[i]);
  }
  return result;
}

std::optional<Ints> intsRange(Node &node) {
  std::optional<Ints> parts[3];
  for (size_t i = 0; i < 3; ++i) {
    parts[i] = node.tryInts(i);
    if (!parts[i] || parts[i]->elements.size() != 1 || !parts[i]->elements[0].isStatic())
      return std::nullopt;
  }
  int64_t start = parts[0]->elements[0].value(), limit = parts[1]->elements[0].value(),
          delta = parts[2]->elements[0].value();
  Ints result;
  for (int64_t v = start; delta != 0 && (delta > 0 ? v < limit : v > limit); v += delta) {
    result.elements.push_back(node.dim(v));
    if (result.elements.size() > 1024)
      return std::nullopt;
  }
  return result;
}

std::optional<Ints> intsReduceProd(Node &node) {
  std::optional<Ints> data = node.tryInts(0);
  if (!data || data->isScalar)
    return std::nullopt;
  Dim product = node.dim(1);
  for (Dim d : data->elements)
    product = product * d;
  return Ints{{product}, node.attr("keepdims", int64_t(1)) == 0};
}

std::optional<Ints> intsReshape(Node &node) {
  std::optional<Ints> data = node.tryInts(0), shape = node.tryInts(1);
  if (!data || !shape || shape->elements.size() > 1)
    return std::nullopt;
  data->isScalar = shape->elements.empty();
  return data;
}

std::optional<Ints> intsShape(Node &node) {
  Dims dims = dimsOf(node.in(0));
  int64_t rank = static_cast<int64_t>(dims.size());
  auto clamp = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + rank : v, 0, rank); };
  int64_t start = clamp(node.attr("start", int64_t(0))), end = clamp(node.attr("end", rank));
  Ints result;
  for (int64_t i = start; i < end; ++i)
    result.elements.push_back(dims[i]);
  return result;
}

std::optional<Ints> intsSize(Node &node) {
  return Ints{{numElements(node.context(), dimsOf(node.in(0)))}, true};
}

std::optional<Ints> intsSlice(Node &node) {
  std::optional<Ints> data = node.tryInts(0);
  if (!data || data->isScalar)
    return std::nullopt;
  int64_t count = static_cast<int64_t>(data->elements.size());
  int64_t values[3] = {0, 0, 1}; // start, end, step
  for (size_t i : {1, 2, 4}) {
    if (i == 4 && !node.has(4))
      continue;
    std::optional<Ints> given = node.tryInts(i);
    if (!given || given->elements.size() != 1 || !given->elements[0].isStatic())
      return std::nullopt;
    values[i == 4 ? 2 : i - 1] = given->elements[0].value();
  }
  auto [start, end, step] = values;
  if (step == 0)
    return std::nullopt;
  start = start < 0 ? start + count : start;
  end = end < 0 ? end + count : end;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, count);
    end = std::clamp<int64_t>(end, 0, count);
  } else {
    start = std::clamp<int64_t>(start, -1, count - 1);
    end = std::clamp<int64_t>(end, -1, count - 1);
  }
  Ints result;
  for (int64_t i = start; step > 0 ? i < end : i > end; i += step)
    result.elements.push_back(data->elements[i]);
  return result;
}

std::optional<Ints> intsSqueeze(Node &node) {
  std::optional<Ints> data = node.tryInts(0);
  if (!data || data->isScalar || data->elements.size() != 1)
    return std::nullopt;
  data->isScalar = true;
  return data;
}

std::optional<Ints> intsUnsqueeze(Node &node) {
  std::optional<Ints> data = node.tryInts(0), axes = node.tryInts(1);
  if (!data || !data->isScalar || !axes || axes->elements.size() != 1)
    return std::nullopt;
  data->isScalar = false;
  return data;
}

} // namespace ingot::onnx
