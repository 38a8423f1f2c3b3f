// See TensorProtos.h.
#include "runtime/serve/grpc/TensorProtos.h"

#include "runtime/core/ProtoWriter.h"
#include "runtime/serve/grpc/ValueLists.h"
#include "runtime/serve/inference/DataTypes.h"

namespace ingot::serve {

namespace {

using tensorflow::TensorProto;
using Dim = tensorflow::TensorShapeProto::Dim;

/// Texts in `tensor_content`: all lengths as varints, then all bytes.
Status takeTextContent(std::string_view bytes, int64_t count, InputStorage &storage,
                       NamedInput &input) {
  const Status cutShort = inputError(input.name, "its tensor_content is no list of " +
                                                     std::to_string(count) + " texts");
  if (static_cast<uint64_t>(count) > bytes.size())
    return cutShort;
  INGOT_ASSIGN_OR_RETURN(ingot_string * texts,
                         storage.add<ingot_string>(static_cast<uint64_t>(count)));
  for (int64_t i = 0; i < count; ++i) {
    uint64_t size = 0;
    int shift = 0;
    for (bool more = true; more; shift += 7) {
      if (bytes.empty() || shift > 28)
        return cutShort;
      const auto byte = static_cast<uint8_t>(bytes.front());
      bytes.remove_prefix(1);
      size |= uint64_t(byte & 0x7f) << shift;
      more = byte & 0x80;
    }
    texts[i] = {nullptr, size};
  }
  for (int64_t i = 0; i < count; ++i) {
    if (texts[i].size > bytes.size())
      return cutShort;
    texts[i].data = bytes.data();
    bytes.remove_prefix(texts[i].size);
  }
  input.data = texts;
  return bytes.empty() ? Status() : cutShort;
}

Status takeList(const TensorProto &tensor, int64_t count, InputStorage &storage,
                NamedInput &input) {
  switch (input.dtype) {
  case DType::F32:
    return takeValues(tensor.float_val(), count, storage, input);
  case DType::F64:
    return takeValues(tensor.double_val(), count, storage, input);
  case DType::I32:
    return takeValues(tensor.int_val(), count, storage, input);
  case DType::I64:
    return takeValues(tensor.int64_val(), count, storage, input);
  case DType::U32:
    return takeValues(tensor.uint32_val(), count, storage, input);
  case DType::U64:
    return takeValues(tensor.uint64_val(), count, storage, input);
  case DType::Bool:
    return takeValues(tensor.bool_val(), count, storage, input);
  case DType::I8:
    return narrowValues<int8_t>(tensor.int_val(), count, storage, input);
  case DType::I16:
    return narrowValues<int16_t>(tensor.int_val(), count, storage, input);
  case DType::U8:
    return narrowValues<uint8_t>(tensor.int_val(), count, storage, input);
  case DType::U16:
    return narrowValues<uint16_t>(tensor.int_val(), count, storage, input);
  case DType::F16: // their bits
  case DType::BF16:
    return narrowValues<uint16_t>(tensor.half_val(), count, storage, input);
  case DType::String:
    return takeTexts(tensor.string_val(), count, storage, input);
  default:
    return inputError(input.name,
                      std::string(ingot::toString(input.dtype)) + " has no list of values");
  }
}

// ---- Writing ----

/// Where a list of varints stands.
int listField(DType dtype) {
  switch (dtype) {
  case DType::I64:
    return TensorProto::kInt64ValFieldNumber;
  case DType::U32:
    return TensorProto::kUint32ValFieldNumber;
  case DType::U64:
    return TensorProto::kUint64ValFieldNumber;
  case DType::F16:
  case DType::BF16:
    return TensorProto::kHalfValFieldNumber;
  default:
    return TensorProto::kIntValFieldNumber;
  }
}

/// What stands in a TensorProto beside its head: either text that is complete with tags, or one
/// field of bytes that are the tensor's own.
struct Values {
  std::string text;
  int blockField = 0; ///< 0: none
};

Values valuesOf(const Tensor &tensor, bool asBytes) {
  Values values;
  if (tensor.elementCount() == 0)
    return values;
  if (tensor.dtype() == DType::String) {
    for (int64_t i = 0; i < tensor.elementCount(); ++i)
      proto::putBytes(values.text, TensorProto::kStringValFieldNumber, textAt(tensor, i));
    return values;
  }
  if (asBytes) {
    values.blockField = TensorProto::kTensorContentFieldNumber;
    return values;
  }
  switch (tensor.dtype()) {
  case DType::F32: // a packed list of floats is their bytes
    values.blockField = TensorProto::kFloatValFieldNumber;
    return values;
  case DType::F64:
    values.blockField = TensorProto::kDoubleValFieldNumber;
    return values;
  case DType::Bool: // and one of bools, which are 0 or 1, too
    values.blockField = TensorProto::kBoolValFieldNumber;
    return values;
  default:
    proto::putBytes(values.text, listField(tensor.dtype()), packVarints(tensor));
    return values;
  }
}

/// A TensorProto of known size.
struct Encoded {
  std::string head;
  Values values;
  size_t blockBytes = 0, bytes = 0;
};

Encoded encode(const Tensor &tensor, bool asBytes) {
  Encoded encoded;
  std::string shape;
  for (int64_t extent : tensor.shape()) {
    std::string dim;
    if (extent != 0)
      proto::putNumber(dim, Dim::kSizeFieldNumber, extent);
    proto::putBytes(shape, tensorflow::TensorShapeProto::kDimFieldNumber, dim);
  }
  proto::putNumber(encoded.head, TensorProto::kDtypeFieldNumber, tensorFlowNumber(tensor.dtype()));
  proto::putBytes(encoded.head, TensorProto::kTensorShapeFieldNumber, shape);
  encoded.values = valuesOf(tensor, asBytes);
  encoded.bytes = encoded.head.size() + encoded.values.text.size();
  if (encoded.values.blockField != 0) {
    encoded.blockBytes = tensor.byteSize();
    encoded.bytes += openSize(encoded.values.blockField, encoded.blockBytes) + encoded.blockBytes;
  }
  return encoded;
}

void write(WireWriter &out, int field, const Encoded &encoded, const Tensor &tensor,
           const std::shared_ptr<const void> &owner) {
  out.open(field, encoded.bytes);
  out.raw(encoded.head);
  out.raw(encoded.values.text);
  if (encoded.values.blockField == 0)
    return;
  out.open(encoded.values.blockField, encoded.blockBytes);
  out.block(tensor.rawData(), encoded.blockBytes, owner);
}

} // namespace

Result<NamedInput> parseHead(const std::string &name, const TensorProto &tensor) {
  NamedInput input;
  input.name = name;
  const std::optional<DType> dtype = fromTensorFlowNumber(tensor.dtype());
  if (!dtype)
    return inputError(name, (tensorflow::DataType_IsValid(tensor.dtype())
                                 ? tensorflow::DataType_Name(tensor.dtype())
                                 : "element type " + std::to_string(tensor.dtype())) +
                                " is not served");
  input.dtype = *dtype;
  if (tensor.tensor_shape().unknown_rank())
    return inputError(name, "its shape has no rank; give the extent of each dimension");
  for (const auto &dim : tensor.tensor_shape().dim())
    input.shape.push_back(dim.size());
  return input;
}

Status parseValues(const TensorProto &tensor, InputStorage &storage, NamedInput &input) {
  INGOT_ASSIGN_OR_RETURN(const int64_t count, countInput(input.name, input.dtype, input.shape));
  const std::string &content = tensor.tensor_content();
  if (content.empty())
    return takeList(tensor, count, storage, input);
  if (input.dtype == DType::String)
    return takeTextContent(content, count, storage, input);
  input.data = content.data();
  return checkBytes(input.name, input.dtype, input.shape, content.size());
}

void writeTensorEntry(WireWriter &out, int field, std::string_view key, const Tensor &tensor,
                      bool asBytes, const std::shared_ptr<const void> &owner) {
  const Encoded encoded = encode(tensor, asBytes);
  out.open(field,
           openSize(1, key.size()) + key.size() + openSize(2, encoded.bytes) + encoded.bytes);
  out.text(1, key);
  write(out, 2, encoded, tensor, owner);
}

} // namespace ingot::serve
