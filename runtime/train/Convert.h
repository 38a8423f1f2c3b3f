// Conversion of elements, as batches need it: integers to floats and other integers, floats to
// floats. Used by Feed.
#ifndef INGOT_RUNTIME_TRAIN_CONVERT_H
#define INGOT_RUNTIME_TRAIN_CONVERT_H

#include "ingot/Tensor.h"

namespace ingot::train {

/// Converts `count` elements; false when one of them cannot be represented.
using Convert = bool (*)(const void *from, void *to, int64_t count);

/// NULL where there is no conversion.
Convert converter(DType from, DType to);

} // namespace ingot::train

#endif
