// Part of the phase `layout` for GPUs: sums and sums of squared deviations in one pass.
#pragma once
#include "ir/Graph.h"

namespace ingot {

/// Where the same elements are summed, and their squared deviations from a value for each sum
/// (their mean, most likely), one nest takes both as moments, so that the elements are read once;
/// with count n, mean m and sum s of squared deviations from it, those from v are s + n (m - v)^2.
/// Where an element is infinite, so that the deviations are NaN, the sum is NaN, too.
/// Rows that stay in a multiprocessor's cache are read twice: that takes no division per element.
void joinMoments(mlir::func::FuncOp function);

} // namespace ingot
