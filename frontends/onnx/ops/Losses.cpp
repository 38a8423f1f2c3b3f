// Losses of class scores against labels.
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

/// minus the score at the label's class, times the class's weight, 0 where the label is ignored:
/// scores (N, C, d…), labels (N, d…). Summed over all, averaged (over the weights), or neither.
Expr likelihoodLoss(Node &node, Expr scores) {
  Expr labels = node.expr(1);
  Dims dims = scores.dims(), expected = dims;
  auto rank = static_cast<int64_t>(dims.size());
  if (rank > 1)
    expected.erase(expected.begin() + 1);
  if (rank < 2 || labels.dims() != expected)
    node.invalid("scores and labels have shapes " + str(dims) + " and " + str(labels.dims()) +
                 "; (N, C, d…) and (N, d…) are expected");
  llvm::SmallVector<int64_t> classLast = {0};
  for (int64_t d = 2; d < rank; ++d)
    classLast.push_back(d);
  classLast.push_back(1);
  std::optional<Expr> ignored;
  if (node.hasAttribute("ignore_index")) {
    auto index = static_cast<double>(node.attr("ignore_index", int64_t(0)));
    ignored = graph::compare(Predicate::EQ, labels, labels.number(index));
    labels = graph::select(*ignored, labels.number(0), labels);
  }
  Value rows = rank > 2 ? node.transpose(scores, classLast) : scores;
  Expr loss = -node.expr(node.make<graph::PickOp>({rows, labels.v}));
  std::optional<Expr> weights;
  if (node.has(2))
    weights = node.expr(
        node.make<graph::GatherOp>({node.in(2), labels.v}, {node.named("axis", int64_t(0))}));
  else if (ignored)
    weights = loss.number(1);
  if (ignored) {
    weights = graph::select(*ignored, weights->number(0), *weights);
    loss = graph::select(*ignored, loss.number(0), loss);
  }
  if (weights)
    loss = loss * *weights;
  std::string reduction = node.attr("reduction", "mean");
  if (reduction == "none")
    return loss;
  if (reduction != "sum" && reduction != "mean")
    node.invalid("attribute `reduction` is `" + reduction + "`; none, sum or mean is expected");
  llvm::SmallVector<int64_t> all = graph::allAxes(loss);
  if (reduction == "mean" && !weights)
    return graph::mean(loss, all);
  Expr total = graph::sum(loss, all);
  return reduction == "sum" ? total : total / graph::sum(*weights, all);
}

} // namespace

void negativeLogLikelihoodLoss(Node &node) { node.set(0, likelihoodLoss(node, node.expr(0))); }

void softmaxCrossEntropyLoss(Node &node) {
  if (node.inputRank(0) < 2)
    node.invalid("its scores have shape " + str(dimsOf(node.in(0))) + "; (N, C, d…) is expected");
  Expr logarithms =
      node.expr(node.make<graph::LogSoftmaxOp>({node.in(0)}, {node.named("axis", int64_t(1))}));
  node.set(0, likelihoodLoss(node, logarithms));
  if (node.wants(1))
    node.set(1, logarithms);
}

} // namespace ingot::onnx
