// Tensors as TensorFlow's TensorProto has them: their bytes (`tensor_content`), or a list of values
// in a field that depends on the element type (`float_val`, `int_val`, …).
#ifndef INGOT_RUNTIME_SERVE_GRPC_TENSORPROTOS_H
#define INGOT_RUNTIME_SERVE_GRPC_TENSORPROTOS_H

#include "runtime/serve/grpc/InputStorage.h"
#include "runtime/serve/grpc/Wire.h"
#include "runtime/serve/grpc/proto/tensorflow.pb.h"
#include "runtime/serve/inference/InferenceService.h"

namespace ingot::serve {

/// An input's name, type and shape. InvalidArgument names the input.
Result<NamedInput> parseHead(const std::string &name, const tensorflow::TensorProto &tensor);
/// And its values: read in place where they stand as they are computed with, else put into
/// `storage`. A list shorter than the tensor repeats its last value, and an empty one is zeros, as
/// in TensorFlow: so the function should be known to take such an input (checkInput).
/// InvalidArgument names the input and the element; ResourceExhausted.
Status parseValues(const tensorflow::TensorProto &tensor, InputStorage &storage, NamedInput &input);

/// Writes the tensor as an entry of a map<string, TensorProto>, field `field` of the message in
/// `out`: as bytes, or as a list of values (texts always are one). A block of bytes is not copied;
/// `owner` keeps it.
void writeTensorEntry(WireWriter &out, int field, std::string_view key, const Tensor &tensor,
                      bool asBytes, const std::shared_ptr<const void> &owner);

} // namespace ingot::serve

#endif
