// Connectionist temporal classification: the loss of a sequence of labels under all ways to align
// it with a longer sequence of predictions. See LossFormulas.h.
//
// As keras.losses.ctc: outputs are logits (batch, time, classes), class 0 is the blank, and labels
// end where the zeros begin. The forward recursion runs in a scan over time, on logarithms, so that
// its gradient is the backward recursion.
#include "frontends/keras/LossFormulas.h"

namespace ingot::keras::detail {

using graph::Expr;
using graph::Predicate;
using mlir::Value;

namespace {

constexpr double kImpossible = -1e30; // the logarithm of no chance, finite so that gradients are

/// Places (batch, 2 labels + 1) of an alignment: blanks before, between and behind the labels.
Expr placesOf(Emitter &e, Expr labels) {
  mlir::MLIRContext *context = e.b.getContext();
  Dim batch = labels.dims()[0], count = labels.dims()[1];
  Value label = expandDims(labels, 2), blank = expandDims(labels, 2).number(0);
  Value pairs = graph::concat(e.b, e.loc, {blank, label}, 2);
  Value flat = graph::reshape(e.b, e.loc, pairs, {batch, count * 2});
  Dim zero = Dim::constant(context, 0), one = Dim::constant(context, 1);
  return e.expr(graph::pad(e.b, e.loc, flat, {zero, zero}, {zero, one}));
}

/// x (batch, places) moved by `count` places, with `value` where nothing comes from.
Expr moved(mlir::OpBuilder &b, Expr x, int64_t count, double value) {
  mlir::MLIRContext *context = b.getContext();
  Dim zero = Dim::constant(context, 0);
  Value padded =
      graph::pad(b, x.loc, x, {zero, Dim::constant(context, count)}, {zero, zero}, {}, value);
  return Expr(b, x.loc, graph::slice(b, x.loc, padded, {zero, zero}, x.dims()));
}

/// log(exp(a) + exp(b) + exp(c))
Expr logAddExp(Expr a, Expr b, Expr c) {
  Expr most = max(max(a, b), c);
  return most + log(exp(a - most) + exp(b - most) + exp(c - most));
}

/// The alignments' chances after all times, by the place they end in; `chances` (time, batch,
/// places) are logarithms, `canSkip` tells where a blank between two labels may be left out.
Expr forward(Emitter &e, Expr chances, Expr canSkip) {
  Dims dims = {chances.dims()[1], chances.dims()[2]};
  mlir::Type index = tensorType(dims, e.b.getIntegerType(64, /*isSigned=*/true));
  Expr place = e.expr(graph::IotaOp::create(e.b, e.loc, index, 1));
  Expr some = e.expr(graph::splat(e.b, e.loc, e.b.getF32Type(), dims, kImpossible));
  Expr first = select(compare(Predicate::EQ, place, place.number(0)), some.number(0), some);
  graph::ScanOp scan = graph::makeScan(
      e.b, e.loc, chances.dims()[0], {first}, {chances},
      [&](mlir::OpBuilder &b, Value, mlir::ValueRange carried, mlir::ValueRange inputs) {
        Expr alpha(b, e.loc, carried[0]), now(b, e.loc, inputs[0]);
        Expr skipped = moved(b, alpha, 2, kImpossible), skip(b, e.loc, canSkip);
        Expr next = logAddExp(alpha, moved(b, alpha, 1, kImpossible),
                              select(skip, skipped, skipped.number(kImpossible)));
        return graph::ScanYield{{next + now}, {}};
      });
  return e.expr(scan.getCarriedResults()[0]);
}

} // namespace

LossValues ctc(const LossCall &c) {
  Emitter &e = c.e;
  Expr places = placesOf(e, c.t());
  Value shares =
      e.create<graph::LogSoftmaxOp>({c.output}, {e.named("axis", e.b.getI64IntegerAttr(2))});
  Value hot = graph::oneHot(e.b, e.loc, places, c.p().dims()[2], e.b.getF32Type());
  // (batch, time, places), then time first.
  Value chances =
      e.create<graph::MatMulOp>({shares, hot}, {e.named("transposeRhs", e.b.getBoolAttr(true))});
  Expr byTime = e.expr(graph::transpose(e.b, e.loc, chances, {1, 0, 2}));
  Expr canSkip = both(compare(Predicate::NE, places, places.number(0)),
                      compare(Predicate::NE, places, moved(e.b, places, 2, -1)));
  Expr ends = forward(e, byTime, canSkip);
  // The last label, and the blank behind it.
  Expr length = sum(toInteger(compare(Predicate::NE, c.t(), c.t().number(0))), {1}, /*keep=*/true);
  mlir::Type index = tensorType(ends.dims(), graph::elementType(length));
  Expr place = e.expr(graph::IotaOp::create(e.b, e.loc, index, 1)), last = length * 2.0;
  Expr isEnd = both(compare(Predicate::LE, place, last), compare(Predicate::GE, place, last - 1.0));
  return {-maskedLogSumExp(ends, isEnd), {}};
}

} // namespace ingot::keras::detail
