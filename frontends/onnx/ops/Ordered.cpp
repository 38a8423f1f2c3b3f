// Operators that depend on the order of elements along an axis: running sums, top-k, hardmax.
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"
#include "frontends/onnx/ops/RuntimeAxes.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

void cumulate(Node &node, graph::CumulateKind kind) {
  Value x = node.in(0);
  OpBuilder &b = node.builder();
  Attribute attribute = graph::CumulateKindAttr::get(node.context(), kind);
  Attribute exclusive = b.getBoolAttr(node.attr("exclusive", int64_t(0)) != 0),
            reverse = b.getBoolAttr(node.attr("reverse", int64_t(0)) != 0);
  node.expectCount(1, 1);
  Dims axis = node.ints(1);
  if (axis.size() != 1)
    node.invalid("it has " + llvm::Twine(axis.size()) + " axes; one is expected");
  node.set(0, forAxes(node, axisSet(node, axis, node.inputRank(0)), dimsOf(x),
                      [&](llvm::ArrayRef<int64_t> axes) {
                        return node.make<graph::CumulateOp>(
                            {x},
                            {node.named("kind", attribute), node.named("axis", axes[0]),
                             node.named("exclusive", exclusive), node.named("reverse", reverse)});
                      }));
}

/// Moves `axis` to the end; `back` undoes it.
llvm::SmallVector<int64_t> toEnd(int64_t axis, int64_t rank) {
  llvm::SmallVector<int64_t> permutation;
  for (int64_t d = 0; d < rank; ++d)
    if (d != axis)
      permutation.push_back(d);
  permutation.push_back(axis);
  return permutation;
}
llvm::SmallVector<int64_t> inverse(llvm::ArrayRef<int64_t> permutation) {
  llvm::SmallVector<int64_t> result(permutation.size());
  for (auto [i, d] : llvm::enumerate(permutation))
    result[d] = static_cast<int64_t>(i);
  return result;
}

} // namespace

void cumSum(Node &node) { cumulate(node, graph::CumulateKind::Sum); }
void cumProd(Node &node) { cumulate(node, graph::CumulateKind::Prod); }

/// The k largest or smallest along an axis in order (unsorted results may have any), and where they
/// were.
void topK(Node &node) {
  int64_t rank = node.inputRank(0), axis = node.axis(node.attr("axis", int64_t(-1)), rank);
  node.expectCount(1, 1);
  Dims k = node.ints(1);
  if (k.size() != 1)
    node.invalid("its input k has " + llvm::Twine(k.size()) + " elements; one is expected");
  auto permutation = toEnd(axis, rank);
  Expr x = node.transpose(node.in(0), permutation);
  Dims dims = x.dims();
  if (k[0].isStatic() && dims.back().isStatic() &&
      (k[0].value() < 0 || k[0].value() > dims.back().value()))
    node.invalid("it takes " + k[0].str() + " of " + dims.back().str() + " elements");
  bool largest = node.attr("largest", int64_t(1)) != 0;
  Value order = node.make<graph::ArgSortOp>(
      {x}, {node.named("descending", node.builder().getBoolAttr(largest))});
  Dim count = nonNegative(node, k[0]);
  Dims taken = dims;
  taken.back() = count;
  Expr indices = node.expr(
      graph::slice(node.builder(), node.loc, order, Dims(dims.size(), node.dim(0)), taken));
  llvm::SmallVector<Expr> all;
  for (int64_t d = 0; d + 1 < rank; ++d)
    all.push_back(node.iota(taken, d, node.integerType()));
  all.push_back(indices);
  Expr values = elementsAt(node, x, placeOf(node, all, dims));
  node.set(0, node.transpose(values, inverse(permutation)));
  if (node.wants(1))
    node.set(1, node.transpose(indices, inverse(permutation)));
}

/// 1 at the first maximum along the axis, else 0; before operator set 13 over all axes from it on.
void hardmax(Node &node) {
  Dims given = dimsOf(node.in(0)), dims = given;
  bool isFlat = node.version < 13;
  int64_t axis = node.axis(node.attr("axis", int64_t(isFlat ? 1 : -1)), node.inputRank(0));
  if (isFlat) {
    llvm::ArrayRef<Dim> all(given);
    dims = {numElements(node.context(), all.take_front(axis)),
            numElements(node.context(), all.drop_front(axis))};
    axis = 1;
  }
  Expr x = node.reshape(node.in(0), dims);
  Value best = node.make<graph::ArgMaxOp>({x}, {node.named("axis", axis)});
  Dims kept = dims;
  kept[axis] = node.dim(1);
  Expr hit = graph::compare(Predicate::EQ, node.broadcastTo(node.reshape(best, kept), dims),
                            node.iota(dims, axis, node.integerType()));
  node.set(0, node.reshape(node.cast(hit, node.inputElement(0)), given));
}

} // namespace ingot::onnx
