// Reductions along axes, and what normalises along one.
#include "frontends/onnx/ops/Rules.h"
#include "frontends/onnx/ops/RuntimeAxes.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::ReduceKind;

namespace ingot::onnx {
namespace {

struct Axes {
  llvm::SmallVector<int64_t> list;
  bool keep = true;
};

/// Axes come as an input; none means all, or, with noop_with_empty_axes, nothing to reduce.
void overAxes(Node &node, llvm::function_ref<Expr(const Axes &)> form) {
  Dims dims = dimsOf(node.in(0)), result;
  int64_t rank = node.inputRank(0);
  bool keep = node.attr("keepdims", int64_t(1)) != 0;
  std::optional<int64_t> lost;
  if (auto declared = node.declaredRank(); declared && !keep)
    lost = rank - *declared;
  AxisSet axes =
      listedAxes(node, 1, rank, lost, node.attr("noop_with_empty_axes", int64_t(0)) != 0);
  if (!keep && !axes.count)
    node.unsupported("how many axes its input `" + node.inputName(1) +
                         "` lists, and so the rank of its output, is not known when compiling",
                     "give its length with --shape");
  if (keep)
    for (auto [d, m] : llvm::zip(dims, axes.mask))
      result.push_back(m.isStatic() ? m + (m * -1 + 1) * d : Dim::max(m, (m * -1 + 1) * d));
  else
    result = without(node, dims, axes.mask, rank - *axes.count);
  node.set(0, forAxes(node, axes, result, [&](llvm::ArrayRef<int64_t> list) -> Value {
             return form({llvm::SmallVector<int64_t>(list), keep});
           }));
}

Expr reduced(Node &node, Expr x, ReduceKind kind, const Axes &axes) {
  return x.with(graph::reduce(node.builder(), node.loc, x, kind, axes.list, axes.keep));
}
Expr sum(Node &node, Expr x, const Axes &axes) { return reduced(node, x, ReduceKind::Sum, axes); }

void reduceBy(Node &node, ReduceKind kind) {
  overAxes(node, [&](const Axes &axes) { return reduced(node, node.expr(0), kind, axes); });
}
/// bool is reduced as u8.
void reduceExtremum(Node &node, ReduceKind kind) {
  Type element = node.inputElement(0);
  if (!element.isInteger(1))
    return reduceBy(node, kind);
  Expr bytes = node.cast(node.in(0), node.integerType(8, false));
  overAxes(node,
           [&](const Axes &axes) { return node.cast(reduced(node, bytes, kind, axes), element); });
}

/// Before operator set 13 the axes from `axis` on were one.
struct NormalizedAxis {
  Expr x;
  int64_t axis;
};
NormalizedAxis normalizedAxis(Node &node) {
  bool isOld = node.version < 13;
  Dims dims = dimsOf(node.in(0));
  int64_t axis = node.axis(node.attr("axis", int64_t(isOld ? 1 : -1)), node.inputRank(0));
  if (!isOld)
    return {node.expr(0), axis};
  llvm::ArrayRef<Dim> all(dims);
  return {node.reshape(node.in(0), {numElements(node.context(), all.take_front(axis)),
                                    numElements(node.context(), all.drop_front(axis))}),
          1};
}
template <typename OpTy> void normalize(Node &node) {
  auto [x, axis] = normalizedAxis(node);
  Expr result = node.expr(node.make<OpTy>({x.v}, {node.named("axis", axis)}));
  node.set(0, node.reshape(result, dimsOf(node.in(0))));
}

/// The first extremum, or the last with select_last_index.
template <typename OpTy> void argExtremum(Node &node) {
  int64_t axis = node.axis(node.attr("axis", int64_t(0)), node.inputRank(0));
  bool last = node.attr("select_last_index", int64_t(0)) != 0;
  Value x = node.in(0);
  Dims dims = dimsOf(x);
  OpBuilder &b = node.builder();
  if (last)
    x = graph::ReverseOp::create(b, node.loc, x.getType(), x, b.getDenseI64ArrayAttr({axis}));
  Expr index = node.expr(node.make<OpTy>({x}, {node.named("axis", axis)}));
  if (last)
    index = node.broadcastTo(node.extent(dims[axis] - 1, node.integerType()), index.dims()) - index;
  if (node.attr("keepdims", int64_t(1))) {
    dims[axis] = node.dim(1);
    index = node.reshape(index, dims);
  }
  node.set(0, index);
}

} // namespace

void softmax(Node &node) { normalize<graph::SoftmaxOp>(node); }
void logSoftmax(Node &node) { normalize<graph::LogSoftmaxOp>(node); }
void argMax(Node &node) { argExtremum<graph::ArgMaxOp>(node); }
void argMin(Node &node) { argExtremum<graph::ArgMinOp>(node); }

void reduceSum(Node &node) { reduceBy(node, ReduceKind::Sum); }
void reduceProd(Node &node) { reduceBy(node, ReduceKind::Prod); }
void reduceMax(Node &node) { reduceExtremum(node, ReduceKind::Max); }
void reduceMin(Node &node) { reduceExtremum(node, ReduceKind::Min); }

void reduceMean(Node &node) {
  Expr x = node.expr(0);
  overAxes(node, [&](const Axes &axes) {
    return axes.list.empty() ? x : graph::mean(x, axes.list, axes.keep);
  });
}
void reduceL1(Node &node) {
  Expr x = graph::abs(node.expr(0));
  overAxes(node, [&](const Axes &axes) { return sum(node, x, axes); });
}
void reduceSumSquare(Node &node) {
  Expr x = node.expr(0), square = x * x;
  overAxes(node, [&](const Axes &axes) { return sum(node, square, axes); });
}
/// Integers give integers: the root is taken in f64 and cut.
void reduceL2(Node &node) {
  Type element = node.inputElement(0);
  Expr x = llvm::isa<FloatType>(element) ? node.expr(0)
                                         : node.cast(node.in(0), node.builder().getF64Type());
  Expr square = x * x;
  overAxes(node, [&](const Axes &axes) {
    return node.cast(graph::sqrt(sum(node, square, axes)), element);
  });
}
void reduceLogSum(Node &node) {
  Expr x = node.expr(0);
  overAxes(node, [&](const Axes &axes) { return graph::log(sum(node, x, axes)); });
}
/// log(sum(exp(x - max))) + max; where the maximum is infinite, 0 is taken in its place.
void reduceLogSumExp(Node &node) {
  Expr x = node.expr(0);
  overAxes(node, [&](const Axes &axes) {
    Axes kept = {axes.list, true};
    Expr largest = reduced(node, x, ReduceKind::Max, kept);
    Expr finite = node.expr(node.make<graph::IsFiniteOp>({largest.v}));
    Expr shift = graph::select(finite, largest, largest.number(0));
    Expr total = graph::log(sum(node, graph::exp(x - shift), kept)) + shift;
    if (axes.keep)
      return total;
    Dims left;
    for (auto [d, size] : llvm::enumerate(x.dims()))
      if (!llvm::is_contained(axes.list, static_cast<int64_t>(d)))
        left.push_back(size);
    return node.reshape(total, left);
  });
}

} // namespace ingot::onnx
