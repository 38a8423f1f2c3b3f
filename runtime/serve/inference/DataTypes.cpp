// One table of names and numbers. See DataTypes.h.
#include "runtime/serve/inference/DataTypes.h"

namespace ingot::serve {

namespace {
struct Row {
  DType dtype;
  const char *openInference; ///< "": none
  int tensorFlow;            ///< 0: none
  const char *tensorFlowName;
};
/// Numbers: tensorflow/core/framework/types.proto.
constexpr Row rows[] = {
    {DType::F32, "FP32", 1, "DT_FLOAT"},      {DType::F64, "FP64", 2, "DT_DOUBLE"},
    {DType::I32, "INT32", 3, "DT_INT32"},     {DType::U8, "UINT8", 4, "DT_UINT8"},
    {DType::I16, "INT16", 5, "DT_INT16"},     {DType::I8, "INT8", 6, "DT_INT8"},
    {DType::String, "BYTES", 7, "DT_STRING"}, {DType::I64, "INT64", 9, "DT_INT64"},
    {DType::Bool, "BOOL", 10, "DT_BOOL"},     {DType::BF16, "BF16", 14, "DT_BFLOAT16"},
    {DType::U16, "UINT16", 17, "DT_UINT16"},  {DType::F16, "FP16", 19, "DT_HALF"},
    {DType::U32, "UINT32", 22, "DT_UINT32"},  {DType::U64, "UINT64", 23, "DT_UINT64"},
};

const Row *rowOf(DType dtype) {
  for (const Row &row : rows)
    if (row.dtype == dtype)
      return &row;
  return nullptr;
}
} // namespace

const char *openInferenceName(DType dtype) {
  const Row *row = rowOf(dtype);
  return row ? row->openInference : "";
}

const char *typeName(DType dtype) {
  const char *name = openInferenceName(dtype);
  return *name ? name : ingot::toString(dtype);
}

std::optional<DType> fromOpenInferenceName(std::string_view name) {
  for (const Row &row : rows)
    if (name == row.openInference)
      return row.dtype;
  return std::nullopt;
}

int tensorFlowNumber(DType dtype) {
  const Row *row = rowOf(dtype);
  return row ? row->tensorFlow : 0;
}

std::optional<DType> fromTensorFlowNumber(int number) {
  for (const Row &row : rows)
    if (number == row.tensorFlow)
      return row.dtype;
  return std::nullopt;
}

const char *tensorFlowName(DType dtype) {
  const Row *row = rowOf(dtype);
  return row ? row->tensorFlowName : "DT_INVALID";
}

} // namespace ingot::serve
