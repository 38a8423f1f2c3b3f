// Single samples out of arrays. Used by Arrays.cpp and Datasets.cpp.
#pragma once
#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <vector>

namespace ingot::data {

/// The samples `rows` of an array that has them, in that order.
Result<Tensor> takeRows(const TensorView &array, const std::vector<int64_t> &rows);

} // namespace ingot::data
