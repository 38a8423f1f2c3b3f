// Part of the phase `lower`: sums of products of dequantised integers become sums over the
// integers.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Every contraction of two tensors whose elements are (integer - zero point) * scale, with
/// integers of 8 bits and scales that do not change along the sum, becomes one of the integers with
/// sums of 32 bits; zero points and scales are applied to the sums. So do integer contractions of
/// (integer - zero point). Zeros put around a tensor become its zero point, and movements and views
/// move integers. Where a sum might leave 32 bits, or its length is not known, the contraction
/// stays one of floats. Runs once every op is a nest; what it makes differs from before in rounding
/// alone.
void makeIntegerContractions(mlir::func::FuncOp function);

} // namespace ingot
