// See OnnxTensors.h.
#include "tools/ingot/OnnxTensors.h"
#include <algorithm>
#include <cstring>
#include <strings.h>

namespace ingot::cli {
namespace {

using ::onnx::TensorProto;
constexpr std::pair<TensorProto::DataType, DType> kTypes[] = {
    {TensorProto::FLOAT, DType::F32},
    {TensorProto::DOUBLE, DType::F64},
    {TensorProto::FLOAT16, DType::F16},
    {TensorProto::BFLOAT16, DType::BF16},
    {TensorProto::BOOL, DType::Bool},
    {TensorProto::INT8, DType::I8},
    {TensorProto::INT16, DType::I16},
    {TensorProto::INT32, DType::I32},
    {TensorProto::INT64, DType::I64},
    {TensorProto::UINT8, DType::U8},
    {TensorProto::UINT16, DType::U16},
    {TensorProto::UINT32, DType::U32},
    {TensorProto::UINT64, DType::U64},
    {TensorProto::INT2, DType::I2},
    {TensorProto::UINT2, DType::U2},
    {TensorProto::INT4, DType::I4},
    {TensorProto::UINT4, DType::U4},
    {TensorProto::FLOAT8E4M3FN, DType::F8E4M3FN},
    {TensorProto::FLOAT8E4M3FNUZ, DType::F8E4M3FNUZ},
    {TensorProto::FLOAT8E5M2, DType::F8E5M2},
    {TensorProto::FLOAT8E5M2FNUZ, DType::F8E5M2FNUZ},
    {TensorProto::FLOAT8E8M0, DType::F8E8M0FNU},
    {TensorProto::FLOAT4E2M1, DType::F4E2M1FN},
};

} // namespace

std::optional<DType> dtypeOfOnnx(int32_t dataType) {
  for (const auto &[onnx, dtype] : kTypes)
    if (onnx == dataType)
      return dtype;
  return std::nullopt;
}

int32_t onnxTypeOf(DType dtype) {
  for (const auto &[onnx, ours] : kTypes)
    if (ours == dtype)
      return onnx;
  return TensorProto::UNDEFINED;
}

int32_t onnxTypeNamed(const std::string &text) {
  for (const auto &[onnx, dtype] : kTypes)
    if (strcasecmp(toString(dtype), text.c_str()) == 0)
      return onnx;
  return TensorProto::UNDEFINED;
}

std::string onnxTypeText(int32_t dataType) {
  if (auto dtype = dtypeOfOnnx(dataType))
    return toString(*dtype);
  if (!::onnx::TensorProto_DataType_IsValid(dataType))
    return "type " + std::to_string(dataType);
  std::string name =
      ::onnx::TensorProto_DataType_Name(static_cast<TensorProto::DataType>(dataType));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

namespace {

/// Elements of a typed field, each as one of `To`.
template <typename To, typename Field> std::string bytesOf(const Field &field) {
  std::string bytes(static_cast<size_t>(field.size()) * sizeof(To), '\0');
  for (int i = 0; i < field.size(); ++i) {
    auto value = static_cast<To>(field[i]);
    std::memcpy(bytes.data() + static_cast<size_t>(i) * sizeof(To), &value, sizeof(To));
  }
  return bytes;
}

std::string fieldBytes(const TensorProto &proto, DType dtype) {
  switch (dtype) {
  case DType::F32:
    return bytesOf<float>(proto.float_data());
  case DType::F64:
    return bytesOf<double>(proto.double_data());
  case DType::I64:
    return bytesOf<int64_t>(proto.int64_data());
  case DType::U64:
    return bytesOf<uint64_t>(proto.uint64_data());
  case DType::U32:
    return bytesOf<uint32_t>(proto.uint64_data());
  case DType::I32:
    return bytesOf<int32_t>(proto.int32_data());
  default:
    return byteSize(dtype) == 2 ? bytesOf<uint16_t>(proto.int32_data())
                                : bytesOf<uint8_t>(proto.int32_data());
  }
}

} // namespace

std::optional<Tensor> tensorOfOnnx(const TensorProto &proto) {
  std::optional<DType> dtype = dtypeOfOnnx(proto.data_type());
  if (!dtype || elementsPerByte(*dtype) != 1 || proto.data_location() == TensorProto::EXTERNAL ||
      proto.has_segment())
    return std::nullopt;
  Shape shape(proto.dims().begin(), proto.dims().end());
  Result<int64_t> count = countElements(*dtype, shape.data(), static_cast<int64_t>(shape.size()));
  std::string bytes = proto.has_raw_data() ? proto.raw_data() : fieldBytes(proto, *dtype);
  if (!count.isOk() || byteSize(*dtype, *count) != bytes.size())
    return std::nullopt;
  Result<Tensor> tensor = Tensor::zeros(*dtype, shape);
  if (!tensor.isOk())
    return std::nullopt;
  if (!bytes.empty())
    std::memcpy(tensor->rawData(), bytes.data(), bytes.size());
  return std::move(*tensor);
}

void storeOnnx(TensorProto &proto, const Tensor &tensor) {
  std::string name = proto.name();
  proto.Clear();
  proto.set_name(name);
  proto.set_data_type(onnxTypeOf(tensor.dtype()));
  for (int64_t size : tensor.shape())
    proto.add_dims(size);
  proto.set_raw_data(tensor.rawData(), tensor.byteSize());
}

} // namespace ingot::cli
