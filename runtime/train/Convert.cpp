// See Convert.h.
#include "runtime/train/Convert.h"

#include <type_traits>

namespace ingot::train {

namespace {

template <typename From, typename To> bool convertAll(const void *from, void *to, int64_t count) {
  const From *in = static_cast<const From *>(from);
  To *out = static_cast<To *>(to);
  bool fits = true;
  for (int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<To>(in[i]);
    if constexpr (std::is_integral_v<To>)
      fits &= static_cast<From>(out[i]) == in[i] && (out[i] < To(0)) == (in[i] < From(0));
  }
  return fits;
}

template <typename From, typename To> constexpr Convert pair() {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>)
    return nullptr;
  else
    return convertAll<From, To>;
}

template <typename From> Convert convertFrom(DType to) {
  switch (to) {
  case DType::I8:
    return pair<From, int8_t>();
  case DType::I16:
    return pair<From, int16_t>();
  case DType::I32:
    return pair<From, int32_t>();
  case DType::I64:
    return pair<From, int64_t>();
  case DType::U8:
    return pair<From, uint8_t>();
  case DType::U16:
    return pair<From, uint16_t>();
  case DType::U32:
    return pair<From, uint32_t>();
  case DType::U64:
    return pair<From, uint64_t>();
  case DType::F32:
    return pair<From, float>();
  case DType::F64:
    return pair<From, double>();
  default:
    return nullptr;
  }
}

} // namespace

Convert converter(DType from, DType to) {
  switch (from) {
  case DType::Bool:
    return convertFrom<uint8_t>(to);
  case DType::I8:
    return convertFrom<int8_t>(to);
  case DType::I16:
    return convertFrom<int16_t>(to);
  case DType::I32:
    return convertFrom<int32_t>(to);
  case DType::I64:
    return convertFrom<int64_t>(to);
  case DType::U8:
    return convertFrom<uint8_t>(to);
  case DType::U16:
    return convertFrom<uint16_t>(to);
  case DType::U32:
    return convertFrom<uint32_t>(to);
  case DType::U64:
    return convertFrom<uint64_t>(to);
  case DType::F32:
    return convertFrom<float>(to);
  case DType::F64:
    return convertFrom<double>(to);
  default:
    return nullptr;
  }
}

} // namespace ingot::train
