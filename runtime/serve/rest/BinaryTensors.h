// Tensors as bytes in the Open Inference protocol: little-endian and dense; BYTES elements each
// with their length before them (4 bytes).
#ifndef INGOT_RUNTIME_SERVE_REST_BINARYTENSORS_H
#define INGOT_RUNTIME_SERVE_REST_BINARYTENSORS_H

#include "ingot/Tensor.h"
#include "runtime/serve/rest/Bytes.h"

#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve::rest {

/// Checks that `bytes` are `count` elements. Of strings, `texts` becomes them, their bytes staying
/// where they are. InvalidArgument: "has 3 bytes where …", to follow "input 'x'".
Status checkBinary(std::string_view bytes, DType dtype, int64_t count,
                   std::vector<ingot_string> &texts);

/// Bytes of a tensor in this form.
size_t binarySize(const TensorView &tensor);
/// The same bytes; for strings they are made, for others they are the tensor's (appendBinary
/// copies).
void appendBinary(Bytes &out, const TensorView &tensor);

} // namespace ingot::serve::rest

#endif
