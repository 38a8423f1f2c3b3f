// Matrix products and convolutions.
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;

namespace ingot::onnx {

/// Vectors become matrices, leading dimensions broadcast. A product of many matrices with one is
/// one product of all rows.
Expr matrixProduct(Node &node, Expr x, Expr y) {
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
  Dim &inner = b[b.size() - 2];
  if (!(a.back() == inner) && a.back().isStatic() && inner.isStatic())
    node.invalid("inner dimensions " + a.back().str() + " and " + inner.str() + " of shapes " +
                 str(x.dims()) + " and " + str(y.dims()) + " differ");
  (a.back().isStatic() ? inner : a.back()) = a.back().isStatic() ? a.back() : inner;
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

void matMul(Node &node) { node.set(0, matrixProduct(node, node.expr(0), node.expr(1))); }

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

namespace {

/// The kernel, whose sizes may be known by the attribute alone.
Value kernelOf(Node &node, Value kernel) {
  Dims w = dimsOf(kernel);
  llvm::SmallVector<int64_t> size = node.intsAttr("kernel_shape");
  if (size.size() + 2 != w.size())
    return kernel;
  for (size_t d = 0; d < size.size(); ++d)
    w[2 + d] = node.dim(size[d]);
  return withDims(node, kernel, w, "its kernel");
}

} // namespace

Expr convolution(Node &node, Value input, Value kernel, Value bias) {
  Dims x = dimsOf(input), w = dimsOf(kernel);
  if (x.size() < 3 || w.size() != x.size())
    node.invalid("it convolves " + str(x) + " with a kernel " + str(w) +
                 "; (N, C, spatial…) and (M, C / group, k…) are expected");
  kernel = kernelOf(node, kernel);
  w = dimsOf(kernel);
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
  Value padded = window.pad(node, channelsLast(node, input), 0);
  auto attributes = window.attributes(node, /*withSize=*/false);
  attributes.push_back(node.named("groups", node.attr("group", int64_t(1))));
  Expr y = node.expr(
      node.make<graph::ConvOp>({padded, node.transpose(kernel, permutation).v}, attributes));
  if (bias)
    y = y + node.broadcastTo(bias, y.dims());
  return channelsFirst(node, y);
}

void conv(Node &node) {
  node.set(0, convolution(node, node.in(0), node.in(1), node.has(2) ? node.in(2) : Value()));
}

namespace {

/// What a transposed convolution makes of one spatial dimension: padding that the op itself leaves
/// out, and what is put or cut (negative) at the result's ends.
struct Transposed {
  int64_t low = 0, high = 0;
  Dim before, after;
  Dim size; ///< of the op's result
};

/// `wanted`: the output's size where it is given.
Transposed transposedOf(Node &node, Dim in, int64_t span, int64_t stride, int64_t low, int64_t high,
                        int64_t extra, std::optional<Dim> wanted) {
  Dim zero = node.dim(0), full = (in - 1) * stride + span;
  if (!wanted) {
    // Elements of the padding come back first, then zeros.
    int64_t kept = std::max<int64_t>(high - extra, 0);
    return {low, kept, zero, node.dim(std::max<int64_t>(extra - high, 0)), full - (low + kept)};
  }
  Dim total = full + extra - *wanted, half = total.floorDiv(2);
  Dim before = node.attr("auto_pad", "NOTSET") == std::string("SAME_UPPER") ? half : total - half;
  return {0, 0, before * -1, *wanted + before - full, full};
}

} // namespace

/// The gradient of a convolution for its input, with the output in the input's place.
void convTranspose(Node &node) {
  Dims x = dimsOf(node.in(0)), w = dimsOf(node.in(1));
  if (x.size() < 3 || w.size() != x.size())
    node.invalid("it convolves " + str(x) + " with a kernel " + str(w) +
                 "; (N, C, spatial…) and (C, M / group, k…) are expected");
  w[0] = x[1];
  Expr weights = withDims(node, node.in(1), w, "its kernel");
  weights = node.expr(kernelOf(node, weights));
  w = weights.dims();
  size_t rank = x.size() - 2;
  auto strides = node.geometryAttr("strides", rank, 1, 1),
       dilations = node.geometryAttr("dilations", rank, 1, 1),
       pads = node.geometryAttr("pads", 2 * rank, 0, 0),
       extra = node.geometryAttr("output_padding", rank, 0, 0),
       shape = node.intsAttr("output_shape");
  if (shape.size() > rank) // some exporters name all dimensions
    shape.erase(shape.begin(), shape.end() - static_cast<int64_t>(rank));
  if (!shape.empty() && shape.size() < rank)
    node.invalid("attribute `output_shape` has " + llvm::Twine(shape.size()) + " values; " +
                 llvm::Twine(rank) + " are expected");
  std::string automatic = node.attr("auto_pad", "NOTSET");
  bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  int64_t groups = node.attr("group", int64_t(1));
  llvm::SmallVector<int64_t> low, high, permutation;
  Dims result = {x[0]}, before = {node.dim(0)}, after = before;
  for (size_t d = 0; d < rank; ++d) {
    if (!w[2 + d].isStatic())
      node.unsupported("the dimension `" + w[2 + d].str() + "` of its kernel is not known",
                       "fix it with --shape");
    std::optional<Dim> wanted;
    if (!shape.empty())
      wanted = node.dim(shape[d]);
    else if (same)
      wanted = x[2 + d] * strides[d];
    int64_t span = ((w[2 + d] - 1) * dilations[d] + 1).value();
    Transposed t =
        transposedOf(node, x[2 + d], span, strides[d], pads[d], pads[rank + d], extra[d], wanted);
    low.push_back(t.low);
    high.push_back(t.high);
    result.push_back(t.size);
    before.push_back(t.before);
    after.push_back(t.after);
    permutation.push_back(static_cast<int64_t>(2 + d));
  }
  permutation.append({1, 0});
  result.push_back(w[1] * groups);
  before.push_back(node.dim(0));
  after.push_back(node.dim(0));
  Value dy = channelsLast(node, node.in(0)), kernel = node.transpose(weights, permutation);
  Expr y = node.expr(graph::ConvInputGradientOp::create(
      node.builder(), node.loc, tensorType(result, node.inputElement(0)), dy, kernel, strides,
      dilations, low, high, groups));
  y = node.expr(graph::pad(node.builder(), node.loc, y, before, after));
  if (node.has(2))
    y = y + node.broadcastTo(node.in(2), y.dims());
  node.set(0, channelsFirst(node, y));
}

} // namespace ingot::onnx
