// The cross-entropies. See LossFormulas.h.
//
// Each follows keras/src/losses/losses.py and the stable forms of its TensorFlow backend (nn.py).
#include "frontends/keras/ArgumentTable.h"
#include "frontends/keras/LossFormulas.h"

namespace ingot::keras::detail {

using graph::Expr;
using graph::Predicate;
using mlir::Value;

namespace {

Expr clipped(Expr p) { return clamp(p, kEpsilon, 1 - kEpsilon); }

/// Targets moved towards 1 / n, n being the classes of the last dimension, or 2 of a binary one.
Expr smoothed(const LossCall &c, bool isBinary) {
  double amount = number(c.loss.config, "label_smoothing");
  Expr t = c.t();
  if (amount == 0)
    return t;
  Expr kept = t * (1 - amount);
  if (isBinary)
    return kept + 0.5 * amount;
  return kept + amount / elementCount(t, {c.rank() - 1});
}

/// One value an element: keras.ops.binary_crossentropy.
Expr binaryElements(const LossCall &c, Expr t) {
  if (Value logits = logitsOf(c.e, c.loss, c.output, "sigmoid")) {
    Expr x = c.e.expr(logits);
    return x.unary<graph::ReluOp>() - x * t + exp(-abs(x)).unary<graph::Log1pOp>();
  }
  Expr p = clipped(c.p());
  return -(t * log(p) + (1.0 - t) * log(1.0 - p));
}

Expr softmaxOf(Expr x, int64_t axis) {
  return x.with(graph::make<graph::SoftmaxOp>(
      *x.b, x.loc, {x}, {x.b->getNamedAttr("axis", x.b->getI64IntegerAttr(axis))}));
}

} // namespace

LossValues binaryCrossentropy(const LossCall &c) {
  Expr elements = binaryElements(c, smoothed(c, /*isBinary=*/true));
  return {elements, {}, axisOf(integer(c.loss.config, "axis"), c.rank())};
}

LossValues binaryFocalCrossentropy(const LossCall &c) {
  Expr t = smoothed(c, /*isBinary=*/true);
  Expr p = truth(c.loss.config, "from_logits") ? sigmoid(c.p()) : c.p();
  Expr isRight = t * p + (1.0 - t) * (1.0 - p);
  Expr wrong = 1.0 - isRight;
  Expr focal = graph::binary<graph::PowOp>(wrong, wrong.number(number(c.loss.config, "gamma")));
  Expr loss = focal * binaryElements(c, t);
  if (truth(c.loss.config, "apply_class_balancing")) {
    double alpha = number(c.loss.config, "alpha");
    loss = (t * alpha + (1.0 - t) * (1 - alpha)) * loss;
  }
  return {loss, {}, axisOf(integer(c.loss.config, "axis"), c.rank())};
}

LossValues categoricalCrossentropy(const LossCall &c) {
  int64_t axis = axisOf(integer(c.loss.config, "axis"), c.rank());
  bool isLast = axis == c.rank() - 1;
  Expr t = smoothed(c, /*isBinary=*/false);
  // Known logits are those of a softmax along the last axis.
  Value logits = isLast ? logitsOf(c.e, c.loss, c.output, "softmax")
                        : (truth(c.loss.config, "from_logits") ? c.output : Value());
  if (logits && isLast)
    return {c.e.create<graph::CrossEntropyOp>({logits, t}), {}};
  if (logits) {
    Value shares = c.e.create<graph::LogSoftmaxOp>(
        {logits}, {c.e.named("axis", c.e.b.getI64IntegerAttr(axis))});
    return {-sum(t * c.e.expr(shares), {axis}), {}};
  }
  Expr p = c.p();
  Expr q = clipped(p / sum(p, {axis}, /*keep=*/true));
  return {-sum(t * log(q), {axis}), {}};
}

LossValues categoricalFocalCrossentropy(const LossCall &c) {
  int64_t axis = axisOf(integer(c.loss.config, "axis"), c.rank());
  Expr t = smoothed(c, /*isBinary=*/false);
  Expr p = truth(c.loss.config, "from_logits") ? softmaxOf(c.p(), axis) : c.p();
  Expr q = clipped(p / sum(p, {axis}, /*keep=*/true));
  Expr wrong = 1.0 - q;
  Expr focal = graph::binary<graph::PowOp>(wrong, wrong.number(number(c.loss.config, "gamma")));
  return {sum(focal * number(c.loss.config, "alpha") * (-t * log(q)), {axis}), {}};
}

LossValues categoricalGeneralizedCrossEntropy(const LossCall &c) {
  double q = number(c.loss.config, "q");
  Expr p = c.e.expr(c.e.create<graph::PickOp>({c.output, c.target}));
  return {(1.0 - graph::binary<graph::PowOp>(p, p.number(q))) / q, {}};
}

LossValues sparseCategoricalCrossentropy(const LossCall &c) {
  std::optional<int64_t> ignored = optionalInteger(c.loss.config, "ignore_class");
  Value logits = logitsOf(c.e, c.loss, c.output, "softmax");
  if (!ignored) {
    if (!logits)
      logits = log(clipped(c.p()));
    return {c.e.create<graph::SparseCrossEntropyOp>({logits, c.target}), {}};
  }
  // As in Keras the ignored samples' outputs are replaced, so that a softmax's logits are not seen.
  Expr counts = compare(Predicate::NE, c.t(), c.t().number(static_cast<double>(*ignored)));
  Expr target = select(counts, c.t(), c.t().number(0));
  Expr p = select(expandDims(counts, c.rank() - 1), c.p(), c.p().number(0));
  if (!truth(c.loss.config, "from_logits"))
    p = log(clipped(p));
  Expr values = c.e.expr(c.e.create<graph::SparseCrossEntropyOp>({p, target}));
  return {select(counts, values, values.number(0)), counts};
}

} // namespace ingot::keras::detail
