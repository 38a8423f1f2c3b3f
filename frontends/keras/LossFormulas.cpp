// Formulas of losses that are no cross-entropies, their reduction, and what formulas are made of.
//
// Each follows keras/src/losses/losses.py. See LossFormulas.h.
#include "frontends/keras/LossFormulas.h"
#include "frontends/keras/ArgumentTable.h"

#include <cmath>

namespace ingot::keras::detail {

using graph::Expr;
using graph::Predicate;
using graph::ReduceKind;
using mlir::Value;

Expr meanOfAll(Expr x) { return x.dims().empty() ? x : mean(x, graph::allAxes(x)); }
Expr sumOfAll(Expr x) { return x.dims().empty() ? x : sum(x, graph::allAxes(x)); }

Expr clamp(Expr x, double low, double high) {
  return x.with(graph::ClampOp::create(*x.b, x.loc, x.v.getType(), x, x.b->getF64FloatAttr(low),
                                       x.b->getF64FloatAttr(high)));
}

Expr both(Expr a, Expr b) {
  Dims dims = graph::commonDims({a, b});
  return a.with(graph::AndOp::create(*a.b, a.loc, graph::broadcastTo(*a.b, a.loc, a, dims),
                                     graph::broadcastTo(*a.b, a.loc, b, dims)));
}

Expr toFloat(Expr x) { return x.with(graph::cast(*x.b, x.loc, x, x.b->getF32Type())); }

Expr toInteger(Expr x) {
  return x.with(graph::cast(*x.b, x.loc, x, x.b->getIntegerType(64, /*isSigned=*/true)));
}

Expr divideNoNan(Expr x, Expr y) {
  Expr zero = y.number(0), isZero = compare(Predicate::EQ, y, zero);
  return select(isZero, zero, x / select(isZero, y.number(1), y));
}

Expr expandDims(Expr x, int64_t axis, int64_t count) {
  Dims dims = x.dims();
  dims.insert(dims.begin() + axis, count, Dim::constant(x.b->getContext(), 1));
  return x.with(graph::reshape(*x.b, x.loc, x, dims));
}

int64_t axisOf(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

Expr normalized(Expr x, int64_t axis) {
  Expr inverse = rsqrt(sum(x * x, {axis}, /*keep=*/true));
  return x * min(inverse, inverse.number(1 / kEpsilon));
}

Value logitsOf(Emitter &e, const Loss &loss, Value output, llvm::StringRef function) {
  auto known = e.logits.find(output);
  if (known != e.logits.end() && known->second.function == function)
    return known->second.value;
  return truth(loss.config, "from_logits") ? output : Value();
}

Expr LossValues::values(Emitter &e) const {
  return axis ? mean(e.expr(elements), {*axis}) : e.expr(elements);
}

namespace {

LossValues meanOfLast(Expr x) { return {x, {}, static_cast<int64_t>(x.dims().size()) - 1}; }

Expr square(Expr x) { return x * x; }
Expr reduceMax(Expr x, int64_t axis, bool keep = false) {
  return x.with(graph::reduce(*x.b, x.loc, x, ReduceKind::Max, {axis}, keep));
}

/// 0 and 1 as -1 and 1, where a batch has no other numbers.
Expr hingeTargets(Expr t) {
  Expr isBinary = select(compare(Predicate::EQ, t, t.number(0)), t.number(1),
                         toFloat(compare(Predicate::EQ, t, t.number(1))));
  Expr all = t.with(graph::reduce(*t.b, t.loc, isBinary, ReduceKind::Min, graph::allAxes(t)));
  return select(compare(Predicate::GT, all, all.number(0.5)), 2.0 * t - 1.0, t);
}

Expr hingeElements(const LossCall &c) {
  return (1.0 - hingeTargets(c.t()) * c.p()).unary<graph::ReluOp>();
}

/// Axes of Dice and Tversky.
llvm::SmallVector<int64_t> axesOf(const LossCall &c) {
  llvm::SmallVector<int64_t> axes;
  for (int64_t axis : integers(c.loss.config, "axis"))
    axes.push_back(axisOf(axis, c.rank()));
  llvm::sort(axes);
  axes.erase(llvm::unique(axes), axes.end());
  return axes.empty() ? graph::allAxes(c.output) : axes;
}

} // namespace

Expr maskedLogSumExp(Expr x, Expr mask) {
  constexpr double nothing = -1e30;
  Expr masked = select(mask, x, x.number(nothing));
  int64_t last = static_cast<int64_t>(x.dims().size()) - 1;
  Expr most = reduceMax(masked, last, /*keep=*/true);
  Expr total = log(sum(exp(masked - most), {last}, /*keep=*/true)) + most;
  return sum(total, {last});
}

LossValues meanSquaredError(const LossCall &c) { return meanOfLast(square(c.p() - c.t())); }

LossValues meanAbsoluteError(const LossCall &c) { return meanOfLast(abs(c.p() - c.t())); }

LossValues meanAbsolutePercentageError(const LossCall &c) {
  Expr t = c.t(), least = max(abs(t), t.number(kEpsilon));
  return meanOfLast(abs((t - c.p()) / least) * 100.0);
}

LossValues meanSquaredLogarithmicError(const LossCall &c) {
  auto logOf = [](Expr x) { return log(max(x, x.number(kEpsilon)) + 1.0); };
  return meanOfLast(square(logOf(c.p()) - logOf(c.t())));
}

LossValues logCosh(const LossCall &c) {
  Expr x = c.p() - c.t();
  return meanOfLast(x + (x * -2.0).unary<graph::SoftplusOp>() - std::log(2.0));
}

LossValues poisson(const LossCall &c) { return meanOfLast(c.p() - c.t() * log(c.p() + kEpsilon)); }

LossValues klDivergence(const LossCall &c) {
  Expr t = clamp(c.t(), kEpsilon, 1), p = clamp(c.p(), kEpsilon, 1);
  return {sum(t * log(t / p), {c.rank() - 1}), {}};
}

LossValues hinge(const LossCall &c) { return meanOfLast(hingeElements(c)); }
LossValues squaredHinge(const LossCall &c) { return meanOfLast(square(hingeElements(c))); }

LossValues categoricalHinge(const LossCall &c) {
  int64_t last = c.rank() - 1;
  Expr right = sum(c.t() * c.p(), {last}), wrong = reduceMax((1.0 - c.t()) * c.p(), last);
  return {(wrong - right + 1.0).unary<graph::ReluOp>(), {}};
}

LossValues huber(const LossCall &c) {
  double delta = number(c.loss.config, "delta");
  Expr error = c.p() - c.t(), size = abs(error);
  return meanOfLast(select(compare(Predicate::LE, size, size.number(delta)), 0.5 * square(error),
                           delta * size - 0.5 * delta * delta));
}

LossValues cosineSimilarity(const LossCall &c) {
  int64_t axis = axisOf(integer(c.loss.config, "axis"), c.rank());
  return {-sum(normalized(c.t(), axis) * normalized(c.p(), axis), {axis}), {}};
}

LossValues dice(const LossCall &c) {
  llvm::SmallVector<int64_t> axes = axesOf(c);
  Expr common = sum(c.t() * c.p(), axes);
  return {1.0 - 2.0 * common / (sum(c.t(), axes) + sum(c.p(), axes) + kEpsilon), {}};
}

LossValues tversky(const LossCall &c) {
  llvm::SmallVector<int64_t> axes = axesOf(c);
  double alpha = number(c.loss.config, "alpha"), beta = number(c.loss.config, "beta");
  Expr t = c.t(), p = c.p(), common = sum(t * p, axes);
  Expr missed = sum((1.0 - p) * t, axes), wrong = sum(p * (1.0 - t), axes);
  return {1.0 - common / (common + missed * alpha + wrong * beta + kEpsilon), {}};
}

LossValues circle(const LossCall &c) {
  double margin = number(c.loss.config, "margin"), gamma = number(c.loss.config, "gamma");
  mlir::OpBuilder &b = c.e.b;
  Value product = c.e.create<graph::MatMulOp>({c.output, c.output},
                                              {c.e.named("transposeRhs", b.getBoolAttr(true))});
  Expr distance = (1.0 - c.e.expr(product)).unary<graph::ReluOp>();
  Expr positive = compare(Predicate::EQ, expandDims(c.t(), 1), expandDims(c.t(), 0));
  Expr negative = compare(Predicate::NE, expandDims(c.t(), 1), expandDims(c.t(), 0));
  if (truth(c.loss.config, "remove_diagonal")) {
    mlir::Type type = tensorType(distance.dims(), graph::elementType(c.target));
    auto index = [&](int64_t axis) {
      return c.e.expr(graph::IotaOp::create(b, c.e.loc, type, axis));
    };
    positive = both(positive, compare(Predicate::NE, index(0), index(1)));
  }
  Expr toPositive = (toFloat(positive) * (margin + distance)).unary<graph::ReluOp>();
  Expr toNegative = (toFloat(negative) * ((1 + margin) - distance)).unary<graph::ReluOp>();
  Expr p = maskedLogSumExp(-gamma * toPositive * (margin - distance), positive);
  Expr n = maskedLogSumExp(gamma * toNegative * ((1 - margin) - distance), negative);
  Expr values = (p + n).unary<graph::SoftplusOp>();
  return {values, compare(Predicate::GT, values, values.number(0))};
}

void addMask(Emitter &e, LossValues &l, Value mask) {
  if (!mask)
    return;
  Dims dims = l.values(e).dims();
  int64_t more = static_cast<int64_t>(dims.size()) - graph::rankOf(mask);
  if (more < 0) // a value for all of a sequence
    return;
  Expr own = e.expr(mask);
  if (more > 0)
    own = expandDims(own, graph::rankOf(mask), more);
  own = e.expr(graph::broadcastTo(e.b, e.loc, own, dims));
  l.mask = l.mask ? both(e.expr(l.mask), own) : own;
}

Value reduceLoss(Emitter &e, const Loss &loss, const LossValues &l, Value weight) {
  std::string reduction = text(loss.config, "reduction");
  if (!weight && !l.mask)
    return reduction == "sum" ? sumOfAll(l.values(e)) : meanOfAll(e.expr(l.elements));
  Expr values = l.values(e);
  std::optional<Expr> factor; // of each value: its weight, 0 where it is masked
  if (weight) {
    Expr w = e.expr(weight);
    if (!values.dims().empty() && values.dims()[0] != w.dims()[0])
      throw Error("loss " + loss.name +
                  " has no value a sample, its axis being that of samples: it takes no sample "
                  "weights; choose another axis");
    int64_t more = static_cast<int64_t>(values.dims().size()) - graph::rankOf(weight);
    factor = more > 0 ? expandDims(w, graph::rankOf(weight), more) : w;
  }
  if (l.mask) {
    Expr counted = toFloat(e.expr(l.mask));
    factor = factor ? *factor * counted : counted;
  }
  Expr weighted = values * *factor;
  if (reduction == "sum")
    return sumOfAll(weighted);
  if (reduction == "mean_with_sample_weight")
    return divideNoNan(sumOfAll(weighted), sumOfAll(*factor));
  if (l.mask)
    return divideNoNan(sumOfAll(weighted), sumOfAll(toFloat(e.expr(l.mask))));
  return meanOfAll(weighted);
}

} // namespace ingot::keras::detail
