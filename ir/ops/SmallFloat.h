// Floats below 16 bits: how casts round to them, on the host and as scalar arithmetic.
//
// Compiled programs hold such a float as its bits in an i8 and compute with none: a cast widens it
// to f32, which holds every one exactly, or narrows an f32 to it. Used by graph.cast and by what
// turns constants into bits.
#pragma once
#include "ir/Graph.h"
#include "ir/reference/Tensor.h"

namespace ingot::graph {

/// A float type that is moved and cast alone: 8 or 4 bits wide.
bool isSmallFloat(mlir::Type element);

/// What graph.cast makes of `value` for the type.
double roundToSmallFloat(double value, mlir::FloatType to, bool saturate, RoundMode mode);

/// The f32 that the float with these bits (i8) is.
mlir::Value widenSmallFloat(mlir::OpBuilder &b, mlir::Location loc, mlir::Value bits,
                            mlir::FloatType from);
/// The bits (i8) of what `x` (f32) becomes. A wider float first becomes an f32 by `narrowToOdd`, so
/// that it is rounded once.
mlir::Value narrowToSmallFloat(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                               mlir::FloatType to, bool saturate, RoundMode mode);
/// f64 to f32, towards the neighbour whose last bit is set where bits are lost.
mlir::Value narrowToOdd(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x);

} // namespace ingot::graph
