// Inputs against a function's signature, and the values of its symbols. See Inputs.h.
#include "runtime/model/Inputs.h"
#include "runtime/model/Checks.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

namespace ingot {

namespace {

template <typename T> T elementAt(const TensorView &tensor, int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const char *>(tensor.data) + index * int64_t{sizeof(T)},
              sizeof(T));
  return value;
}

int64_t integerAt(const TensorView &tensor, int64_t index) {
  switch (tensor.dtype) {
  case DType::I8:
    return elementAt<int8_t>(tensor, index);
  case DType::Bool:
    return elementAt<uint8_t>(tensor, index) != 0;
  case DType::U8:
    return elementAt<uint8_t>(tensor, index);
  case DType::I16:
    return elementAt<int16_t>(tensor, index);
  case DType::U16:
    return elementAt<uint16_t>(tensor, index);
  case DType::I32:
    return elementAt<int32_t>(tensor, index);
  case DType::U32:
    return elementAt<uint32_t>(tensor, index);
  default:
    return elementAt<int64_t>(tensor, index);
  }
}

double ofF16(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double magnitude = exponent == 31  ? (fraction ? std::nan("") : HUGE_VAL)
                     : exponent == 0 ? std::ldexp(fraction, -24)
                                     : std::ldexp(1024 + fraction, exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}
double ofBf16(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

double realAt(const TensorView &tensor, int64_t index) {
  switch (tensor.dtype) {
  case DType::F64:
    return elementAt<double>(tensor, index);
  case DType::F16:
    return ofF16(elementAt<uint16_t>(tensor, index));
  case DType::BF16:
    return ofBf16(elementAt<uint16_t>(tensor, index));
  default:
    return elementAt<float>(tensor, index);
  }
}

int64_t longestText(const TensorView &texts) {
  size_t longest = 0;
  for (int64_t i = 0, count = elementCount(texts); i < count; ++i)
    longest = std::max(longest, textAt(texts, i).size());
  return static_cast<int64_t>(longest);
}

/// Times 2^32, rounded down; see INGOT_SYMBOL_FIXED_POINT.
int64_t fixedPointAt(const TensorView &tensor, int64_t index) {
  double scaled = std::floor(realAt(tensor, index) * 4294967296.0), limit = 9.2e18;
  if (std::isnan(scaled))
    return 0;
  return static_cast<int64_t>(std::min(std::max(scaled, -limit), limit));
}

Status inputError(const ingot_function &function, int64_t input, const TensorView &given,
                  const std::string &what) {
  const ingot_tensor_info &info = function.inputs[input];
  return Status(StatusCode::InvalidArgument,
                std::string("input '") + info.name + "' of function '" + function.name +
                    "': expected " + describe(info) + ", got " + describe(given) + ": " + what);
}
} // namespace

Result<int64_t> extentOf(const ingot_function &function, const ingot_dim &dim,
                         const int64_t *symbols) {
  if (dim.size >= 0)
    return dim.size;
  if (dim.symbol >= 0)
    return symbols[dim.symbol];
  return evaluateFormula(dim.text, function, symbols);
}

Status checkDim(const ingot_function &function, int64_t input, int32_t axis,
                const TensorView &given, const int64_t *symbols) {
  const ingot_dim &dim = function.inputs[input].dims[axis];
  int64_t seen = given.dims[axis], expected;
  INGOT_ASSIGN_OR_RETURN(expected, extentOf(function, dim, symbols));
  if (seen == expected)
    return Status::ok();
  std::string what = "dimension " + std::to_string(axis);
  if (dim.size >= 0)
    return inputError(function, input, given,
                      what + " must be " + std::to_string(expected) + ", is " +
                          std::to_string(seen));
  what += " is '" + std::string(dim.text) + "', here " + std::to_string(seen);
  if (dim.symbol < 0)
    return inputError(function, input, given, what + ", must be " + std::to_string(expected));
  const ingot_symbol_source &source = function.sources[dim.symbol];
  return inputError(function, input, given,
                    what + ", but " + std::to_string(expected) +
                        (source.kind == INGOT_SYMBOL_EXTENT ? " in dimension " : " as element ") +
                        std::to_string(source.index) + " of input '" +
                        function.inputs[source.input].name + "'");
}

Status checkInput(const ingot_function &function, int64_t i, const TensorView &given) {
  const ingot_tensor_info &info = function.inputs[i];
  if (static_cast<int32_t>(given.dtype) != info.dtype)
    return inputError(function, i, given, "the element types differ");
  if (given.rank != info.rank)
    return inputError(function, i, given,
                      std::to_string(info.rank) + " dimensions are expected, " +
                          std::to_string(given.rank) + " were given");
  bool empty = false;
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    if (given.dims[axis] < 0)
      return inputError(function, i, given, "a dimension is negative");
    empty |= given.dims[axis] == 0;
  }
  if (!given.data && !empty)
    return inputError(function, i, given, "no data was given");
  for (int64_t k = 0; info.dtype == INGOT_STRING && !empty && k < elementCount(given); ++k)
    if (std::string_view text = textAt(given, k); !text.data() && !text.empty())
      return inputError(function, i, given,
                        "element " + std::to_string(k) + " has " + std::to_string(text.size()) +
                            " bytes at NULL");
  return Status::ok();
}

Status checkBounds(const ingot_artifact_table &table, const ingot_function &function,
                   const int64_t *symbols) {
  for (const ingot_symbol_bound &bound : boundsOf(table)) {
    if (&table.functions[bound.function] != &function)
      continue;
    int64_t seen = symbols[bound.symbol];
    if (seen >= bound.least && seen <= bound.most)
      continue;
    const ingot_symbol_source &source = function.sources[bound.symbol];
    return Status(StatusCode::InvalidArgument,
                  std::string("function '") + function.name + "': the dimension '" +
                      function.symbols[bound.symbol] + "' (dimension " +
                      std::to_string(source.index) + " of input '" +
                      function.inputs[source.input].name + "') is " + std::to_string(seen) +
                      "; the model was compiled for " + std::to_string(bound.least) + " to " +
                      std::to_string(bound.most));
  }
  return Status::ok();
}

int64_t valueOf(const ingot_symbol_source &source, const TensorView &input) {
  switch (source.kind) {
  case INGOT_SYMBOL_EXTENT:
    return input.dims[source.index];
  case INGOT_SYMBOL_VALUE_IF_ANY:
    if (source.index >= elementCount(input))
      return INGOT_NO_VALUE;
    [[fallthrough]];
  case INGOT_SYMBOL_VALUE:
    return integerAt(input, source.index);
  case INGOT_SYMBOL_LONGEST_TEXT:
    return longestText(input);
  default:
    return fixedPointAt(input, source.index);
  }
}

} // namespace ingot
