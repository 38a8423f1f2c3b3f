// Attention by a recurrent state, and the causal convolution that networks with it use: both take a
// state and give its next value, so that a sequence may come in pieces.
#include "frontends/onnx/ops/Heads.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;

namespace ingot::onnx {
namespace {

/// (B, T, heads * d) -> (T, B, heads, 1, d): what one step of the recurrence reads is a slice.
/// Batch and length are those of the queries, d is `size` where that is given.
Expr stepRows(Node &node, size_t input, int64_t heads, Type element,
              std::optional<Dim> size = std::nullopt) {
  Dims dims = dimsOf(node.in(input)), queries = dimsOf(node.in(0));
  if (!size && dims.size() == 3)
    size = quotient(node, dims[2], node.dim(heads));
  if (!size || queries.size() != 3)
    node.invalid("its input " + llvm::Twine(input) + " has shape " + str(dims) +
                 "; (batch, length, " + llvm::Twine(heads) + " * size) is expected");
  Expr whole = withDims(node, node.in(input), {queries[0], queries[1], *size * heads},
                        "its input " + llvm::Twine(input));
  Expr apart = node.reshape(node.cast(whole, element),
                            {queries[0], queries[1], node.dim(heads), node.dim(1), *size});
  return node.transpose(apart, {1, 0, 2, 3, 4});
}

Value matmul(Node &node, Value x, Value y, bool transposeLhs = false) {
  return node.make<graph::MatMulOp>(
      {x, y}, {node.named("transposeLhs", node.builder().getBoolAttr(transposeLhs))});
}

/// What a step of the recurrence reads, each (B, heads, 1, size); null where the rule has none.
struct Step {
  Value query, key, value, decay, beta;
};

/// The state after a step: S <- exp(decay) S, then S <- S + key' (beta (value - key S)), or value
/// alone.
Expr nextState(Node &node, Expr state, const Step &step) {
  Dims dims = state.dims();
  if (step.decay) // (B, heads, 1, d_k or 1) along the state's rows
    state = state * node.broadcastTo(graph::exp(node.transpose(step.decay, {0, 1, 3, 2})), dims);
  Expr value = node.expr(step.value);
  if (step.beta) {
    Expr error = value - node.expr(matmul(node, step.key, state));
    value = error * node.broadcastTo(step.beta, error.dims());
  }
  return state + node.expr(matmul(node, step.key, value, /*transposeLhs=*/true));
}

} // namespace

/// The recurrence as it is defined, one step a token, in f32 or wider.
void linearAttention(Node &node) {
  int64_t queryHeads = headCount(node, "q_num_heads"), heads = headCount(node, "kv_num_heads");
  std::string rule = node.attr("update_rule", "gated_delta");
  bool isGated = rule == "gated" || rule == "gated_delta",
       isDelta = rule == "delta" || rule == "gated_delta";
  if (!isGated && !isDelta && rule != "linear")
    node.invalid("attribute `update_rule` is `" + rule + "`");
  if (isGated != node.has(4) || isDelta != node.has(5))
    node.invalid("`" + rule + "` takes decay and beta as it needs them; decay is " +
                 (node.has(4) ? "given" : "left out") + ", beta is " +
                 (node.has(5) ? "given" : "left out"));
  Type element = node.inputElement(0);
  Type wide = element.getIntOrFloatBitWidth() < 32 ? node.builder().getF32Type() : element;
  Expr query = scaledByHead(node, stepRows(node, 0, queryHeads, wide), node.attr("scale", 0.0));
  Dims q = query.dims();
  Dim batch = q[1], keySize = q[4];
  Expr key = stepRows(node, 1, heads, wide, keySize), value = stepRows(node, 2, heads, wide);
  Dim valueSize = value.dims()[4];
  llvm::SmallVector<Value> inputs = {query, key, value};
  if (isGated)
    inputs.push_back(stepRows(node, 4, heads, wide));
  if (isDelta) { // one beta a head, or one for all
    bool isShared = node.inputRank(5) > 0 && dimsOf(node.in(5)).back() == node.dim(1);
    inputs.push_back(stepRows(node, 5, isShared ? 1 : heads, wide, node.dim(1)));
  }
  Dims shape = {batch, node.dim(heads), keySize, valueSize};
  Value start = node.has(3) ? node.cast(node.in(3), wide).v : node.splat(wide, shape, 0).v;
  start = withDims(node, start, shape, "its past state");
  OpBuilder &b = node.builder();
  auto scan = graph::makeScan(
      b, node.loc, q[0], {start}, inputs,
      [&](OpBuilder &inner, Value, ValueRange carried, ValueRange slices) -> graph::ScanYield {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        Step step{slices[0], slices[1], slices[2], isGated ? slices[3] : Value(),
                  isDelta ? slices.back() : Value()};
        Expr state = nextState(node, node.expr(carried[0]), step);
        Expr result = groupedProduct(node, node.expr(step.query), state, false);
        inner.setInsertionPointToEnd(b.getInsertionBlock());
        return {{state}, {result}};
      });
  // (T, B, heads, 1, d_v) -> (B, T, heads * d_v)
  Expr result = node.transpose(scan.getStackedResults()[0], {1, 0, 2, 3, 4});
  node.set(0, node.cast(node.reshape(result, {batch, q[0], q[2] * valueSize}), element));
  if (node.wants(1))
    node.set(1,
             node.cast(scan.getCarriedResults()[0], node.has(3) ? node.inputElement(3) : element));
}

/// Each channel convolved with its own kernel over the past k - 1 elements and itself.
void causalConvWithState(Node &node) {
  Dims x = dimsOf(node.in(0)), w = dimsOf(node.in(1));
  for (Dim d : w)
    if (!d.isStatic())
      node.unsupported("the dimension `" + d.str() + "` of its kernel is not known when compiling",
                       "fix it with --shape");
  if (x.size() != 3 || w.size() != 3 || !(w[0] == x[1]) || !(w[1] == node.dim(1)) ||
      w[2].value() < 1)
    node.invalid("it convolves " + str(x) + " with a kernel " + str(w) +
                 "; (batch, channels, length) and (channels, 1, k) are expected");
  Dim past = w[2] - 1;
  Value state =
      node.has(3) ? node.in(3) : node.splat(node.inputElement(0), {x[0], x[1], past}, 0).v;
  Value whole = node.make<graph::ConcatOp>({state, node.in(0)}, {node.named("axis", int64_t(2))});
  auto list = [&](llvm::StringRef name, int64_t value) {
    return node.named(name, llvm::ArrayRef<int64_t>(value));
  };
  Expr y = node.expr(node.make<graph::ConvOp>(
      {node.transpose(whole, {0, 2, 1}).v, node.transpose(node.in(1), {2, 1, 0}).v},
      {node.named("groups", w[0].value()), list("strides", 1), list("dilations", 1),
       list("paddingLow", 0), list("paddingHigh", 0)}));
  if (node.has(2))
    y = y + node.broadcastTo(node.in(2), y.dims());
  std::string activation = node.attr("activation", "none");
  if (activation == "silu" || activation == "swish")
    y = y * graph::sigmoid(y);
  else if (activation != "none")
    node.invalid("attribute `activation` is `" + activation + "`; none, silu or swish is expected");
  node.set(0, node.transpose(y, {0, 2, 1}));
  if (node.wants(1))
    node.set(1, graph::slice(node.builder(), node.loc, whole, {node.dim(0), node.dim(0), x[2]},
                             {x[0], x[1], past}));
}

} // namespace ingot::onnx
