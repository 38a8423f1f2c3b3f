// ONNX's element types and constants as the runtime's. Used by the subcommands that look into ONNX
// files.
#pragma once
#include "ingot/Tensor.h"
#include "onnx.pb.h"
#include <optional>

namespace ingot::cli {

/// Of a TensorProto.DataType; nothing for strings, complex numbers and numbers that are no type.
std::optional<DType> dtypeOfOnnx(int32_t dataType);
int32_t onnxTypeOf(DType dtype);
/// Of "f32" and the like, in any case; UNDEFINED for other texts.
int32_t onnxTypeNamed(const std::string &text);
/// "f32"; also "string", "complex64", "type 99".
std::string onnxTypeText(int32_t dataType);

/// The constant's value; nothing for one of a kind that the runtime has not, of elements that share
/// bytes, in another file, or damaged.
std::optional<Tensor> tensorOfOnnx(const ::onnx::TensorProto &proto);
/// Makes `tensor` the constant's type and value; its name stays.
void storeOnnx(::onnx::TensorProto &proto, const Tensor &tensor);

} // namespace ingot::cli
