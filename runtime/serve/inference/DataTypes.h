// Names and numbers of element types in the protocols: Open Inference ("FP32"), TensorFlow's
// DataType (1 is DT_FLOAT).
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_DATATYPES_H
#define INGOT_RUNTIME_SERVE_INFERENCE_DATATYPES_H

#include "ingot/Tensor.h"

#include <optional>
#include <string_view>

namespace ingot::serve {

/// "FP32", "BYTES", …; "" for a type that the Open Inference protocol has not (4 bits, 8-bit
/// floats): models with such inputs are called through functions that cast.
const char *openInferenceName(DType dtype);
/// The same, and our own name of a type that the protocol has not.
const char *typeName(DType dtype);
std::optional<DType> fromOpenInferenceName(std::string_view name);

/// The number of tensorflow.DataType; 0 for a type that it has not.
int tensorFlowNumber(DType dtype);
std::optional<DType> fromTensorFlowNumber(int number);
/// "DT_FLOAT"; "DT_INVALID".
const char *tensorFlowName(DType dtype);

} // namespace ingot::serve

#endif
