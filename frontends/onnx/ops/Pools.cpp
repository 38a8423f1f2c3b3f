// Pooling.
#include "frontends/onnx/ops/Rules.h"
#include <limits>

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::ReduceKind;

namespace ingot::onnx {
namespace {

Window poolWindow(Node &node) {
  Dims x = dimsOf(node.in(0));
  if (x.size() < 3)
    node.invalid("it pools a tensor of shape " + str(x) + "; (N, C, spatial…) is expected");
  return windowOf(node, node.intsAttr("kernel_shape"), llvm::ArrayRef(x).drop_front(2));
}

llvm::SmallVector<int64_t> spatialAxes(Node &node) {
  llvm::SmallVector<int64_t> axes;
  for (int64_t d = 2; d < node.inputRank(0); ++d)
    axes.push_back(d);
  return axes;
}

} // namespace

void maxPool(Node &node) {
  if (node.wants(1))
    node.unsupported("its output of indices", "leave it out");
  Window window = poolWindow(node);
  Value x = channelsLast(node, node.in(0));
  Type element = node.inputElement(0);
  double least = llvm::isa<FloatType>(element) ? -std::numeric_limits<double>::infinity()
                 : element.isUnsignedInteger()
                     ? 0
                     : -std::ldexp(1, element.getIntOrFloatBitWidth() - 1);
  x = window.pad(node, x, least);
  node.set(0, channelsFirst(node, node.make<graph::MaxPoolOp>({x}, window.attributes(node, true))));
}

void averagePool(Node &node) {
  Window window = poolWindow(node);
  Value x = channelsLast(node, node.in(0));
  bool countsPadding = node.attr("count_include_pad", int64_t(0)) != 0;
  bool hangsOver = node.attr("ceil_mode", int64_t(0)) != 0 || !window.hasStaticPadding();
  if (countsPadding && hangsOver) {
    // Given padding counts, what a last window hangs over does not: the first becomes part of x.
    size_t rank = window.size.size();
    llvm::SmallVector<int64_t> pads = node.intsAttr("pads", 2 * rank, 0);
    Dims low(rank + 2, node.dim(0)), high = low;
    for (size_t d = 0; d < rank; ++d) {
      low[d + 1] = node.dim(pads[d]);
      high[d + 1] = node.dim(pads[rank + d]);
      window.low[d] = window.low[d] - pads[d];
      window.high[d] = window.high[d] - pads[rank + d];
    }
    x = graph::pad(node.builder(), node.loc, x, low, high);
    countsPadding = false;
  }
  if (!window.hasStaticPadding())
    node.unsupported("padding that depends on a dynamic size, where padding does not count",
                     "fix the spatial dimensions with --shape");
  auto attributes = window.attributes(node, true);
  attributes.push_back(node.named("countIncludePad", node.builder().getBoolAttr(countsPadding)));
  node.set(0, channelsFirst(node, node.make<graph::AvgPoolOp>({x}, attributes)));
}

void globalAveragePool(Node &node) {
  node.set(0, graph::mean(node.expr(0), spatialAxes(node), /*keep=*/true));
}

void globalMaxPool(Node &node) {
  node.set(0, graph::reduce(node.builder(), node.loc, node.in(0), ReduceKind::Max,
                            spatialAxes(node), /*keep=*/true));
}

} // namespace ingot::onnx
