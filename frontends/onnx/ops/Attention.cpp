// Scaled dot-product attention, and the rotation of queries and keys by position.
//
// One formula: softmax(scale Q K' + masks) V. What may not be attended is chosen away, not added,
// so that a row in which everything is masked is 0 and never NaN. All is computed in f32 or wider
// and rounded at the end.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/Tensors.h"
#include "frontends/onnx/ops/Heads.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;
using ingot::graph::ReduceKind;

namespace ingot::onnx {

int64_t headCount(Node &node, llvm::StringRef attribute) {
  int64_t heads = node.attr(attribute, int64_t(0));
  if (heads < 1)
    node.invalid("attribute `" + attribute + "` is " + llvm::Twine(heads) +
                 "; the number of heads is expected");
  return heads;
}

Expr splitHeads(Node &node, Value x, int64_t heads) {
  Dims dims = dimsOf(x);
  if (dims.size() != 3)
    node.invalid("heads are taken from a tensor of shape " + str(dims) +
                 "; (batch, length, heads * size) is expected");
  auto size = quotient(node, dims[2], node.dim(heads));
  if (!size)
    node.invalid("dimension " + dims[2].str() + " of shape " + str(dims) +
                 " does not divide into " + llvm::Twine(heads) + " heads");
  return node.transpose(node.reshape(x, {dims[0], dims[1], node.dim(heads), *size}), {0, 2, 1, 3});
}

Expr mergeHeads(Node &node, Value x) {
  Dims dims = dimsOf(x);
  return node.reshape(node.transpose(x, {0, 2, 1, 3}), {dims[0], dims[2], dims[1] * dims[3]});
}

Expr groupedProduct(Node &node, Expr x, Expr y, bool transposeRhs) {
  Dims l = x.dims(), r = y.dims();
  auto group = quotient(node, l[1], r[1]);
  if (!group)
    node.invalid(r[1].str() + " heads of keys and values do not serve " + l[1].str() +
                 " heads of queries equally");
  Expr rows = node.reshape(x, {l[0], r[1], *group * l[2], l[3]});
  Value product = node.make<graph::MatMulOp>(
      {rows.v, y.v}, {node.named("transposeRhs", node.builder().getBoolAttr(transposeRhs))});
  return node.reshape(product, {l[0], l[1], l[2], r[transposeRhs ? 2 : 3]});
}

Expr scaledByHead(Node &node, Expr x, double scale) {
  Dim size = x.dims().back();
  if (scale != 0)
    return x * scale;
  if (size.isStatic())
    return x * (1 / std::sqrt(static_cast<double>(std::max<int64_t>(size.value(), 1))));
  Expr root = graph::rsqrt(node.extent(size, node.builder().getF32Type()));
  return x * node.cast(root, graph::elementType(x));
}

namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

Expr conjunction(Node &node, std::optional<Expr> x, Expr y) {
  return x ? node.binary<graph::AndOp>(*x, y) : y;
}

/// The type that scores are normalised in: as asked for, else f32 or wider.
Type softmaxType(Node &node, Type element) {
  Type asked = node.typeAttr("softmax_precision", element);
  return asked.getIntOrFloatBitWidth() < 32 ? node.builder().getF32Type() : asked;
}

/// What keeps a query from attending a key, all broadcast to the scores' shape when used.
struct Masks {
  std::optional<Expr> allowed; ///< bool: may attend
  std::optional<Expr> bias;    ///< added to scores
  bool firstIsOpen = true;     ///< whether every query may attend key 0

  /// Scores with both applied.
  Expr apply(Node &node, Expr scores) const {
    Dims dims = scores.dims();
    if (bias)
      scores = scores + node.broadcastTo(node.cast(*bias, graph::elementType(scores)), dims);
    if (allowed)
      scores =
          graph::select(node.broadcastTo(*allowed, dims), scores, scores.number(kMinusInfinity));
    return scores;
  }
  /// Whether a row (kept, with size 1) has any key to attend; nothing where every row has.
  std::optional<Expr> anyKey(Node &node, llvm::ArrayRef<Dim> dims) const {
    if (firstIsOpen)
      return std::nullopt;
    std::optional<Expr> open;
    if (allowed)
      open = node.broadcastTo(*allowed, dims);
    if (bias) {
      Expr wide = node.broadcastTo(*bias, dims);
      open =
          conjunction(node, open, graph::compare(Predicate::NE, wide, wide.number(kMinusInfinity)));
    }
    Expr bytes = node.cast(*open, node.integerType(8, false));
    auto last = static_cast<int64_t>(dims.size()) - 1;
    Expr most = node.expr(
        graph::reduce(node.builder(), node.loc, bytes, ReduceKind::Max, {last}, /*keep=*/true));
    return graph::compare(Predicate::GT, most, most.number(0));
  }
};

/// One attention node while its formula is made.
struct AttentionRule {
  Node &node;
  Expr query, key, value; ///< (B, heads, length, size), past and new keys together
  Dim past;
  bool isPacked; ///< 3-D: heads are in the last dimension

  explicit AttentionRule(Node &node)
      : node(node), query(node.expr(0)), key(node.expr(1)), value(node.expr(2)), past(node.dim(0)),
        isPacked(node.inputRank(0) == 3) {
    if (isPacked) {
      int64_t queryHeads = headCount(node, "q_num_heads"),
              keyHeads = headCount(node, "kv_num_heads");
      query = splitHeads(node, query, queryHeads);
      key = splitHeads(node, key, keyHeads);
      value = splitHeads(node, value, keyHeads);
    }
    for (Value x : {query.v, key.v, value.v})
      if (graph::rankOf(x) != 4)
        node.invalid("queries, keys and values have shapes " + str(query.dims()) + ", " +
                     str(key.dims()) + " and " + str(value.dims()) +
                     "; all of rank 3 or all of rank 4 are expected");
    Dims q = query.dims(), k = key.dims(), v = value.dims();
    key = withDims(node, key, {q[0], k[1], k[2], q[3]}, "its tensor of keys");
    value = withDims(node, value, {q[0], k[1], k[2], v[3]}, "its tensor of values");
    if (node.has(4) != node.has(5))
      node.invalid("past keys and past values come together");
    if (!node.has(4))
      return;
    if (node.has(6))
      node.invalid("it has past keys and `nonpad_kv_seqlen`; one of them is expected");
    if (node.inputRank(4) != 4)
      node.invalid("its past keys have shape " + str(dimsOf(node.in(4))) +
                   "; (batch, heads, length, size) is expected");
    past = dimsOf(node.in(4))[2];
    key = appended(4, key, "its tensor of past keys");
    value = appended(5, value, "its tensor of past values");
  }

  Expr appended(size_t input, Expr next, llvm::StringRef what) {
    Dims dims = next.dims();
    dims[2] = past;
    Expr before = withDims(node, node.in(input), dims, what);
    return node.expr(
        node.make<graph::ConcatOp>({before.v, next.v}, {node.named("axis", int64_t(2))}));
  }

  Dim keys() { return key.dims()[2]; }
  Dims scoresShape() { return {query.dims()[0], query.dims()[1], query.dims()[2], keys()}; }

  /// The mask input, filled up to all keys with what masks.
  Expr maskInput() {
    Expr mask = node.expr(3);
    Dims dims = mask.dims();
    if (dims.empty())
      return mask;
    Dim missing = keys() - dims.back();
    if (missing == node.dim(0))
      return mask;
    if (!missing.isStatic() || missing.value() < 0)
      missing = Dim::max(missing, node.dim(0));
    Dims low(dims.size(), node.dim(0)), high = low;
    high.back() = node.importer.let(missing);
    bool isBool = node.inputElement(3).isInteger(1);
    return node.expr(
        graph::pad(node.builder(), node.loc, mask, low, high, {}, isBool ? 0 : kMinusInfinity));
  }

  Masks masks() {
    Masks masks;
    masks.firstIsOpen = !node.has(3) && !node.has(6);
    if (node.has(3)) {
      Expr mask = maskInput();
      (node.inputElement(3).isInteger(1) ? masks.allowed : masks.bias) = mask;
    }
    Type integer = node.integerType();
    Dims plane = {query.dims()[2], keys()};
    std::optional<Expr> lengths; // valid keys, (B, 1, 1, 1)
    if (node.has(6)) {
      Dim one = node.dim(1), batch = query.dims()[0];
      Expr given = withDims(node, node.in(6), {batch}, "`nonpad_kv_seqlen`");
      lengths = node.cast(node.reshape(given, {batch, one, one, one}), integer);
      Expr column = node.iota({keys()}, 0, integer);
      auto [at, length] = node.broadcast(column, *lengths);
      masks.allowed = conjunction(node, masks.allowed, graph::compare(Predicate::LT, at, length));
    }
    int64_t left = node.attr("left_window_size", int64_t(-1)),
            right = node.attr("right_window_size", int64_t(-1));
    if (node.attr("is_causal", int64_t(0)))
      right = 0;
    if (left < 0 && right < 0)
      return masks;
    // j - (i + offset), within -left … right.
    Expr distance = node.iota(plane, 1, integer) - node.iota(plane, 0, integer);
    Expr offset = lengths
                      ? *lengths - node.broadcastTo(node.extent(plane[0], integer), lengths->dims())
                      : node.extent(past, integer);
    distance = node.binary<graph::SubOp>(distance, offset);
    auto within = [&](Predicate predicate, int64_t bound) {
      masks.allowed = conjunction(
          node, masks.allowed,
          graph::compare(predicate, distance, distance.number(static_cast<double>(bound))));
    };
    if (right >= 0)
      within(Predicate::LE, right);
    masks.firstIsOpen &= left < 0;
    if (left >= 0)
      within(Predicate::GE, -left);
    return masks;
  }

  void make() {
    Type element = graph::elementType(query), wide = softmaxType(node, element);
    int64_t shown = node.attr("qk_matmul_output_mode", int64_t(0));
    auto show = [&](int64_t mode, Expr scores) {
      if (shown == mode && node.wants(3))
        node.set(3, node.cast(scores, element));
    };
    Expr scaled = scaledByHead(node, node.cast(query, wide), node.attr("scale", 0.0));
    Expr scores = groupedProduct(node, scaled, node.cast(key, wide), true);
    show(0, scores);
    if (double cap = node.attr("softcap", 0.0); cap != 0)
      scores = graph::tanh(scores / cap) * cap;
    show(1, scores);
    Masks masks = this->masks();
    scores = masks.apply(node, scores);
    show(2, scores);
    Expr weights =
        node.expr(node.make<graph::SoftmaxOp>({scores.v}, {node.named("axis", int64_t(3))}));
    if (auto any = masks.anyKey(node, scores.dims()))
      weights = graph::select(node.broadcastTo(*any, weights.dims()), weights, weights.number(0));
    show(3, weights);
    Expr result = node.cast(groupedProduct(node, weights, node.cast(value, wide), false), element);
    node.set(0, isPacked ? mergeHeads(node, result) : result);
    if (node.wants(1))
      node.set(1, key);
    if (node.wants(2))
      node.set(2, value);
  }
};

/// The scores, or probabilities, as a subgraph of the model makes them of `x`.
Expr modified(Node &node, llvm::StringRef name, Expr x) {
  const ::onnx::AttributeProto *subgraph = node.attribute(name);
  if (!subgraph)
    return x;
  auto entry = std::make_shared<Entry>();
  entry->tensor = x;
  entry->element = graph::elementType(x);
  std::vector<EntryPtr> outputs = node.importer.importSubgraph(subgraph->g(), {entry});
  if (subgraph->g().input_size() != 1 || outputs.size() != 1)
    node.invalid("its subgraph `" + name + "` has not one input and one output");
  Expr result = node.cast(node.importer.tensorOf(*outputs[0], node.loc), graph::elementType(x));
  return withDims(node, result, x.dims(), "what its subgraph `" + name.str() + "` makes");
}

} // namespace

void attention(Node &node) { AttentionRule(node).make(); }

void flexAttention(Node &node) {
  for (size_t i = 0; i < 3; ++i)
    if (node.inputRank(i) != 4)
      node.invalid("its input " + llvm::Twine(i) + " has shape " + str(dimsOf(node.in(i))) +
                   "; (batch, heads, length, size) is expected");
  Type element = node.inputElement(0), wide = softmaxType(node, element);
  Expr scaled = scaledByHead(node, node.expr(0), node.attr("scale", 0.0));
  Expr scores = node.cast(groupedProduct(node, scaled, node.expr(1), true), wide);
  scores = modified(node, "score_mod", scores);
  Expr weights =
      node.expr(node.make<graph::SoftmaxOp>({scores.v}, {node.named("axis", int64_t(3))}));
  weights = modified(node, "prob_mod", weights);
  Expr result = groupedProduct(node, weights, node.cast(node.in(2), wide), false);
  node.set(0, node.cast(result, node.inputElement(2)));
}

/// Pairs of elements of each head, turned by the angle of the position: (x1 + i x2) (cos + i sin).
void rotaryEmbedding(Node &node) {
  bool isPacked = node.inputRank(0) == 3;
  Expr x = isPacked ? splitHeads(node, node.in(0), headCount(node, "num_heads")) : node.expr(0);
  Dims dims = x.dims(); // (B, heads, S, size)
  if (dims.size() != 4)
    node.invalid("it rotates a tensor of shape " + str(dims) +
                 "; (batch, heads, length, size) or (batch, length, heads * size) is expected");
  int64_t given = node.attr("rotary_embedding_dim", int64_t(0));
  Dim size = dims[3], rotated = given == 0 ? size : node.dim(given);
  bool isTooLarge = size.isStatic() && given > size.value();
  if (given < 0 || isTooLarge || (rotated.isStatic() && rotated.value() % 2 != 0))
    node.invalid("it rotates " + rotated.str() + " of the head's " + size.str() +
                 " elements; an even number of them is expected");
  Dim zero = node.dim(0), one = node.dim(1), half = rotated.floorDiv(2);
  auto angles = [&](size_t input) { // (B, 1, S, rotated / 2)
    Value cache = node.in(input);
    if (node.has(3))
      cache = node.make<graph::GatherOp>({cache, node.in(3)}, {node.named("axis", int64_t(0))});
    Dims from = dimsOf(cache);
    if (from.size() != 3)
      node.invalid("its input " + llvm::Twine(input) + " has, for each token, the shape " +
                   str(from) + "; (batch, length, " + half.str() + ") is expected");
    cache = withDims(node, cache, {from[0], dims[2], half}, "its input " + llvm::Twine(input));
    return node.broadcastTo(node.reshape(cache, {from[0], one, dims[2], half}),
                            {dims[0], dims[1], dims[2], half});
  };
  Expr cosine = angles(1), sine = angles(2);
  auto part = [&](Dim from, Dim count, int64_t step) {
    return node.expr(graph::slice(node.builder(), node.loc, x, {zero, zero, zero, from},
                                  {dims[0], dims[1], dims[2], count}, {1, 1, 1, step}));
  };
  bool interleaved = node.attr("interleaved", int64_t(0)) != 0;
  Expr real = interleaved ? part(zero, half, 2) : part(zero, half, 1),
       imaginary = interleaved ? part(one, half, 2) : part(half, half, 1);
  Expr turned[2] = {cosine * real - sine * imaginary, sine * real + cosine * imaginary};
  Dims pairs = {dims[0], dims[1], dims[2], half};
  if (interleaved) {
    pairs.push_back(one);
    turned[0] = node.reshape(turned[0], pairs);
    turned[1] = node.reshape(turned[1], pairs);
  }
  auto joined = [&](ValueRange values, int64_t axis) {
    return node.expr(node.make<graph::ConcatOp>(values, {node.named("axis", axis)}));
  };
  Expr result = joined({turned[0].v, turned[1].v}, interleaved ? 4 : 3);
  result = node.reshape(result, {dims[0], dims[1], dims[2], half * 2});
  if (!(rotated == size)) {
    Dim rest = nonNegative(node, size - rotated);
    result = joined({result.v, part(rotated, rest, 1).v}, 3);
  }
  result = withDims(node, result, dims, "what it rotates"); // the plan refuses an odd size
  node.set(0, isPacked ? mergeHeads(node, result) : result);
}

} // namespace ingot::onnx
