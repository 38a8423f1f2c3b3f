// Matrix products and convolutions.
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;

namespace ingot::onnx {
namespace {

/// NumPy's matmul: vectors become matrices, leading dimensions broadcast. A product of many
/// matrices with one is one product of all rows.
Expr product(Node &node, Expr x, Expr y) {
  Dim one = node.dim(1);
  Dims a = x.dims(), b = y.dims();
  if (a.empty() || b.empty())
    node.invalid("it multiplies a scalar");
  bool leftVector = a.size() == 1, rightVector = b.size() == 1;
  if (leftVector)
    a.insert(a.begin(), one);
  if (rightVector)
    b.push_back(one);
  llvm::ArrayRef<Dim> aAll(a), bAll(b);
  if (!(a.back() == bAll[b.size() - 2]))
    node.invalid("inner dimensions " + a.back().str() + " and " + bAll[b.size() - 2].str() +
                 " of shapes " + str(x.dims()) + " and " + str(y.dims()) + " differ");
  Dims leading = node.broadcastDims(aAll.drop_back(2), bAll.drop_back(2));
  Dims result = leading;
  result.append({aAll[a.size() - 2], b.back()});
  Expr l = node.reshape(x, a), r = node.reshape(y, b);
  if (b.size() == 2) {
    Dims rows = {numElements(node.context(), aAll.drop_back(1)), a.back()};
    l = node.reshape(l, rows);
  } else {
    Dims wideLeft = leading, wideRight = leading;
    wideLeft.append({aAll[a.size() - 2], a.back()});
    wideRight.append({bAll[b.size() - 2], b.back()});
    l = node.broadcastTo(l, wideLeft);
    r = node.broadcastTo(r, wideRight);
  }
  Expr z = node.reshape(node.make<graph::MatMulOp>({l.v, r.v}), result);
  if (rightVector)
    result.pop_back();
  if (leftVector)
    result.erase(result.end() - (rightVector ? 1 : 2));
  return node.reshape(z, result);
}

} // namespace

void matMul(Node &node) { node.set(0, product(node, node.expr(0), node.expr(1))); }

/// alpha a' b' + beta c
void gemm(Node &node) {
  bool transposeA = node.attr("transA", int64_t(0)), transposeB = node.attr("transB", int64_t(0));
  double alpha = node.attr("alpha", 1.0), beta = node.attr("beta", 1.0);
  OpBuilder &b = node.builder();
  Expr y = node.expr(node.make<graph::MatMulOp>(
      {node.in(0), node.in(1)}, {node.named("transposeLhs", b.getBoolAttr(transposeA)),
                                 node.named("transposeRhs", b.getBoolAttr(transposeB))}));
  if (alpha != 1)
    y = y * alpha;
  if (node.has(2)) {
    Expr c = node.expr(2);
    y = y + node.broadcastTo(beta == 1 ? c : c * beta, y.dims());
  }
  node.set(0, y);
}

void conv(Node &node) {
  Dims x = dimsOf(node.in(0)), w = dimsOf(node.in(1));
  if (x.size() < 3 || w.size() != x.size())
    node.invalid("it convolves " + str(x) + " with a kernel " + str(w) +
                 "; (N, C, spatial…) and (M, C / group, k…) are expected");
  llvm::SmallVector<int64_t> size;
  for (Dim d : llvm::ArrayRef(w).drop_front(2)) {
    if (!d.isStatic())
      node.unsupported("the dimension `" + d.str() + "` of its kernel is not known when compiling",
                       "fix it with --shape");
    size.push_back(d.value());
  }
  Window window = windowOf(node, size, llvm::ArrayRef(x).drop_front(2));
  llvm::SmallVector<int64_t> permutation;
  for (int64_t d = 2; d < static_cast<int64_t>(w.size()); ++d)
    permutation.push_back(d);
  permutation.append({1, 0});
  Value input = window.pad(node, channelsLast(node, node.in(0)), 0);
  auto attributes = window.attributes(node, /*withSize=*/false);
  attributes.push_back(node.named("groups", node.attr("group", int64_t(1))));
  Expr y = node.expr(
      node.make<graph::ConvOp>({input, node.transpose(node.in(1), permutation).v}, attributes));
  if (node.has(2))
    y = y + node.broadcastTo(node.in(2), y.dims());
  node.set(0, channelsFirst(node, y));
}

} // namespace ingot::onnx
