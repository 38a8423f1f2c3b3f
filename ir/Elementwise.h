// Further elementwise functions of Expr, those that formulas of optimizers and schedules need; the
// common ones are in Builder.h.
#pragma once
#include "ir/Builder.h"

namespace ingot::graph {

inline Expr sign(Expr x) { return x.unary<SignOp>(); }
inline Expr floor(Expr x) { return x.unary<FloorOp>(); }
inline Expr ceil(Expr x) { return x.unary<CeilOp>(); }
inline Expr cos(Expr x) { return x.unary<CosOp>(); }
inline Expr pow(Expr x, Expr y) { return binary<PowOp>(x, y); }
inline Expr pow(Expr x, double y) { return pow(x, x.number(y)); }
inline Expr pow(double x, Expr y) { return pow(y.number(x), y); }
/// The remainder of the floored quotient.
inline Expr floorMod(Expr x, Expr y) { return binary<FloorModOp>(x, y); }
/// Whether x is neither infinite nor NaN.
inline Expr isFinite(Expr x) { return x.unary<IsFiniteOp>(); }
/// min(max(x, low), high); NaN stays.
inline Expr clamp(Expr x, double low, double high) {
  return x.with(make<ClampOp>(*x.b, x.loc, {x},
                              {x.b->getNamedAttr("low", x.b->getF64FloatAttr(low)),
                               x.b->getNamedAttr("high", x.b->getF64FloatAttr(high))}));
}
inline Expr castTo(Expr x, mlir::Type element) { return x.with(cast(*x.b, x.loc, x, element)); }

} // namespace ingot::graph
