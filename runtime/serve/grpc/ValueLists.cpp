// See ValueLists.h.
#include "runtime/serve/grpc/ValueLists.h"

#include "runtime/core/ProtoWriter.h"

namespace ingot::serve {

namespace {
template <typename T> std::string pack(const Tensor &tensor) {
  std::string bytes;
  const auto *values = static_cast<const T *>(tensor.rawData());
  for (int64_t i = 0; i < tensor.elementCount(); ++i) // negative ones are sign-extended
    proto::putVarint(bytes, static_cast<uint64_t>(static_cast<int64_t>(values[i])));
  return bytes;
}
} // namespace

Status checkNotMore(const NamedInput &input, int values, int64_t count) {
  if (values <= count)
    return Status();
  return inputError(input.name, describe(input.dtype, input.shape) +
                                    " has fewer elements than the " + std::to_string(values) +
                                    " values that were given");
}

Status takeTexts(const google::protobuf::RepeatedPtrField<std::string> &values, int64_t count,
                 InputStorage &storage, NamedInput &input) {
  INGOT_RETURN_IF_ERROR(checkNotMore(input, values.size(), count));
  INGOT_ASSIGN_OR_RETURN(ingot_string * texts,
                         storage.add<ingot_string>(static_cast<uint64_t>(count)));
  for (int i = 0; i < values.size(); ++i)
    texts[i] = {values.Get(i).data(), values.Get(i).size()};
  std::fill(texts + values.size(), texts + count,
            values.empty() ? ingot_string{nullptr, 0} : texts[values.size() - 1]);
  input.data = texts;
  return Status();
}

std::string packVarints(const Tensor &tensor) {
  switch (tensor.dtype()) {
  case DType::I8:
    return pack<int8_t>(tensor);
  case DType::I16:
    return pack<int16_t>(tensor);
  case DType::I32:
    return pack<int32_t>(tensor);
  case DType::I64:
    return pack<int64_t>(tensor);
  case DType::U8:
    return pack<uint8_t>(tensor);
  case DType::U32:
    return pack<uint32_t>(tensor);
  case DType::U64:
    return pack<uint64_t>(tensor);
  default: // U16, F16, BF16
    return pack<uint16_t>(tensor);
  }
}

} // namespace ingot::serve
