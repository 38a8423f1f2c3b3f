// Checks arrays against a function's inputs, then copies or converts rows.
#include "runtime/train/Batches.h"

#include <cmath>
#include <cstring>
#include <limits>
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

using Convert = bool (*)(const void *, void *, int64_t);

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

/// The dimensions after the first, without trailing ones.
Shape coreOf(Shape shape) {
  if (!shape.empty())
    shape.erase(shape.begin());
  while (!shape.empty() && shape.back() == 1)
    shape.pop_back();
  return shape;
}

/// The artifact's shape with what it leaves open taken from the array, or nothing when the array
/// does not fit.
bool matchShape(const ingot_tensor_info &info, const TensorView &array, Shape &shape) {
  shape.clear();
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    const int64_t size = info.dims[axis].size;
    const bool open = axis == 0 || size < 0;
    shape.push_back(!open ? size : axis < array.rank ? array.dims[axis] : 1);
  }
  return coreOf(shape) == coreOf(Shape(array.dims, array.dims + array.rank));
}

} // namespace

Batches::Convert Batches::converter(DType from, DType to) {
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

Result<Batches::Column> Batches::column(const ingot_tensor_info &info, const char *role,
                                        const TensorView &array) {
  const std::string name = std::string(role) + " '" + info.name + "'";
  if (!isValid(array.dtype))
    return Status(StatusCode::InvalidArgument, name + " has an unknown element type");
  if (elementsPerByte(array.dtype) > 1)
    return Status(StatusCode::Unsupported,
                  name + " is of " + toString(array.dtype) +
                      ", whose samples need not begin at a byte; batches are made of larger types");
  INGOT_ASSIGN_OR_RETURN(const int64_t count, countElements(array.dtype, array.dims, array.rank));
  Column column{&info, static_cast<const char *>(array.data), array.dtype, 1, nullptr, {}, {}};
  if (array.rank < 1 || info.rank < 1 || !matchShape(info, array, column.shape))
    return Status(StatusCode::InvalidArgument,
                  name + " is " + describe(info) + ", got " + describe(array) +
                      ": the first dimension counts samples, the others must agree");
  if (count > 0 && !array.data)
    return Status(StatusCode::InvalidArgument, name + " has no data");
  const auto dtype = static_cast<DType>(info.dtype);
  column.convert = array.dtype == dtype ? nullptr : converter(array.dtype, dtype);
  if (array.dtype != dtype && !column.convert)
    return Status(StatusCode::InvalidArgument, name + " is " + describe(info) + ", got " +
                                                   describe(array) + ": " + toString(array.dtype) +
                                                   " is not converted to " + toString(dtype) +
                                                   " by itself; convert the array first");
  for (size_t axis = 1; axis < column.shape.size(); ++axis)
    column.elements *= column.shape[axis];
  return column;
}

Result<Batches> Batches::create(const ingot_function &function, size_t modelInputs,
                                const std::vector<TensorView> &arrays) {
  Batches batches;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const char *role = i < modelInputs ? "input" : "target";
    INGOT_ASSIGN_OR_RETURN(Column next, column(function.inputs[i], role, arrays[i]));
    if (i == 0)
      batches.samples = arrays[0].dims[0];
    else if (arrays[i].dims[0] != batches.samples)
      return Status(StatusCode::InvalidArgument,
                    "input '" + std::string(function.inputs[0].name) + "' has " +
                        std::to_string(batches.samples) + " samples, " + role + " '" +
                        function.inputs[i].name + "' has " + std::to_string(arrays[i].dims[0]) +
                        "; give both the same number of rows");
    batches.columns.push_back(std::move(next));
  }
  return batches;
}

Result<const std::vector<TensorView> *> Batches::gather(const int64_t *rows, int64_t count) {
  views.clear();
  for (Column &column : columns) {
    column.shape[0] = count;
    const auto dtype = static_cast<DType>(column.info->dtype);
    INGOT_RETURN_IF_ERROR(column.buffer.resize(dtype, column.shape));
    char *to = static_cast<char *>(column.buffer.rawData());
    const size_t fromBytes = size_t(column.elements) * byteSize(column.fromType);
    const size_t toBytes = size_t(column.elements) * byteSize(dtype);
    for (int64_t i = 0; i < count && column.elements > 0; ++i, to += toBytes) {
      const char *from = column.from + size_t(rows[i]) * fromBytes;
      if (!column.convert)
        std::memcpy(to, from, toBytes);
      else if (!column.convert(from, to, column.elements))
        return Status(StatusCode::InvalidArgument,
                      "'" + std::string(column.info->name) + "' holds a value in sample " +
                          std::to_string(rows[i]) + " that " + toString(dtype) + " cannot hold");
    }
    views.push_back(column.buffer);
  }
  return &views;
}

} // namespace ingot::train
