#include "runtime/serve/schedule/Joining.h"
#include "runtime/model/Checks.h"
#include "runtime/model/Inputs.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <string>
#include <string_view>

namespace ingot::serve {

namespace {

/// Names in a formula: "ceildiv(batch, 4)" has `ceildiv` and `batch`.
template <typename Visit> void forNames(std::string_view formula, Visit visit) {
  auto isNamePart = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '/';
  };
  for (size_t i = 0; i < formula.size();) {
    size_t end = i;
    while (end < formula.size() && isNamePart(formula[end]))
      ++end;
    if (end == i) {
      ++i;
      continue;
    }
    if (!std::isdigit(static_cast<unsigned char>(formula[i])))
      visit(formula.substr(i, end - i));
    i = end;
  }
}

bool isOperator(std::string_view name) {
  return name == "floordiv" || name == "ceildiv" || name == "mod" || name == "min" || name == "max";
}

/// Is the extent known from the other symbols alone? One that the plan computes is not.
bool isFreeOf(const ingot_dim &dim, int64_t batch, const ingot_function &function) {
  if (dim.size >= 0)
    return true;
  if (dim.symbol >= 0)
    return dim.symbol != batch;
  bool isFree = true;
  forNames(dim.text, [&](std::string_view name) {
    bool isKnown = isOperator(name);
    for (int64_t i = 0; i < function.symbol_count; ++i)
      isKnown |= i != batch && name == function.symbols[i];
    isFree &= isKnown;
  });
  return isFree;
}

/// Rows of elements that share bytes must be whole bytes: their number must be known for that.
bool hasWholeRows(const ingot_tensor_info &tensor) {
  int64_t perByte = elementsPerByte(static_cast<DType>(tensor.dtype)), count = 1;
  for (int32_t axis = 1; axis < tensor.rank && perByte > 1; ++axis) {
    if (tensor.dims[axis].size < 0)
      return false;
    count = count * (tensor.dims[axis].size % perByte) % perByte;
  }
  return perByte == 1 || count % perByte == 0;
}

bool isRowsOf(const ingot_tensor_info &tensor, int64_t batch, const ingot_function &function) {
  if (tensor.rank == 0 || tensor.dims[0].size >= 0 || tensor.dims[0].symbol != batch ||
      !hasWholeRows(tensor))
    return false;
  for (int32_t axis = 1; axis < tensor.rank; ++axis)
    if (!isFreeOf(tensor.dims[axis], batch, function))
      return false;
  return true;
}

bool isRowsThroughout(const ingot_function &function, int64_t batch) {
  for (int64_t i = 0; i < function.input_count; ++i)
    if (!isRowsOf(function.inputs[i], batch, function))
      return false;
  for (int64_t i = 0; i < function.output_count; ++i)
    if (!isRowsOf(function.outputs[i], batch, function))
      return false;
  for (int64_t i = 0; i < function.symbol_count; ++i)
    if (function.sources[i].kind != INGOT_SYMBOL_EXTENT || function.sources[i].input < 0)
      return false;
  return true;
}

constexpr int64_t tooMany = std::numeric_limits<int64_t>::max();

int64_t sum(int64_t a, int64_t b) {
  int64_t total;
  return __builtin_add_overflow(a, b, &total) ? tooMany : total;
}

/// Bytes of these tensors by the values of the symbols, those whose extents the plan computes left
/// out.
int64_t bytesOf(const ingot_function &function, const ingot_tensor_info *tensors, int64_t count,
                const int64_t *symbols) {
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) {
    Shape shape(static_cast<size_t>(tensors[i].rank));
    bool isKnown = true;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      auto extent = extentOf(function, tensors[i].dims[axis], symbols);
      isKnown &= extent.isOk();
      shape[axis] = extent.isOk() ? *extent : 0;
    }
    if (!isKnown)
      continue;
    auto dtype = static_cast<DType>(tensors[i].dtype);
    auto elements = countElements(dtype, shape.data(), tensors[i].rank);
    total =
        elements.isOk() ? sum(total, static_cast<int64_t>(byteSize(dtype, *elements))) : tooMany;
  }
  return total;
}
} // namespace

namespace {
Status checkCount(const ingot_function &function, int64_t expected, size_t given) {
  if (static_cast<int64_t>(given) == expected)
    return Status::ok();
  return Status(StatusCode::InvalidArgument,
                std::string("function '") + function.name + "' takes " + std::to_string(expected) +
                    " inputs, " + std::to_string(given) + " were given");
}
} // namespace

Joining findJoining(const ingot_artifact_table &table, const ingot_function &function) {
  Joining joining;
  if (function.input_count == 0 || function.output_count == 0 || function.inputs[0].rank == 0 ||
      function.inputs[0].dims[0].size >= 0 || function.inputs[0].dims[0].symbol < 0)
    return joining;
  joining.symbol = function.inputs[0].dims[0].symbol;
  joining.isBatched = isRowsThroughout(function, joining.symbol);
  for (const ingot_symbol_bound &bound : boundsOf(table)) {
    if (&table.functions[bound.function] != &function || bound.symbol != joining.symbol)
      continue;
    joining.mostRows = std::min(joining.mostRows, bound.most);
    joining.isBatched &= bound.least <= 1; // a part of a request may be a row
  }
  return joining;
}

Status checkInputs(const ingot_artifact_table &table, const ingot_function &function,
                   const Joining &joining, const std::vector<TensorView> &inputs,
                   int64_t *symbols) {
  INGOT_RETURN_IF_ERROR(checkCount(function, function.input_count, inputs.size()));
  for (int64_t i = 0; i < function.input_count; ++i)
    INGOT_RETURN_IF_ERROR(checkInput(function, i, inputs[static_cast<size_t>(i)]));
  auto resolve = [&](bool areExtents) {
    for (int64_t i = 0; i < function.symbol_count; ++i)
      if (const ingot_symbol_source &source = function.sources[i];
          (source.kind == INGOT_SYMBOL_EXTENT) == areExtents)
        symbols[i] = valueOf(source, inputs[static_cast<size_t>(source.input)]);
  };
  resolve(true); // the number of an input's elements is known before they are looked at
  for (int64_t i = 0; i < function.input_count; ++i)
    for (int32_t axis = 0; axis < function.inputs[i].rank; ++axis)
      INGOT_RETURN_IF_ERROR(checkDim(function, i, axis, inputs[static_cast<size_t>(i)], symbols));
  resolve(false);
  int64_t rows = joining.isBatched ? symbols[joining.symbol] : 0;
  if (joining.isBatched)
    symbols[joining.symbol] = std::min(rows, joining.mostRows);
  Status bounds = checkBounds(table, function, symbols);
  if (joining.isBatched)
    symbols[joining.symbol] = rows;
  return bounds;
}

Status checkStreamInputs(const ingot_function &function, const std::vector<int64_t> &carried,
                         const std::vector<TensorView> &inputs, int64_t *symbols) {
  auto count = static_cast<int64_t>(carried.size());
  INGOT_RETURN_IF_ERROR(checkCount(function, function.input_count - count, inputs.size()));
  auto forGiven = [&](auto check) -> Status {
    size_t next = 0;
    for (int64_t i = 0; i < function.input_count; ++i)
      if (std::find(carried.begin(), carried.end(), i) == carried.end())
        INGOT_RETURN_IF_ERROR(check(i, inputs[next++]));
    return Status::ok();
  };
  INGOT_RETURN_IF_ERROR(
      forGiven([&](int64_t i, const TensorView &given) { return checkInput(function, i, given); }));
  INGOT_RETURN_IF_ERROR(
      forGiven([&](int64_t i, const TensorView &given) { // no carried one's extent
        for (int64_t k = 0; k < function.symbol_count; ++k)
          if (function.sources[k].input == i && function.sources[k].kind == INGOT_SYMBOL_EXTENT)
            symbols[k] = valueOf(function.sources[k], given);
        return Status::ok();
      }));
  return forGiven([&](int64_t i, const TensorView &given) -> Status {
    for (int32_t axis = 0; axis < function.inputs[i].rank; ++axis)
      INGOT_RETURN_IF_ERROR(checkDim(function, i, axis, given, symbols));
    return Status::ok();
  });
}

int64_t runBytes(const ingot_function &function, const std::vector<int64_t> &symbols) {
  std::vector<int64_t> plan(static_cast<size_t>(function.plan_words));
  if (function.plan(symbols.data(), plan.data()) != INGOT_OK)
    return 0;
  return sum(plan[0], sum(bytesOf(function, function.inputs, function.input_count, symbols.data()),
                          outputBytes(function, symbols)));
}

int64_t outputBytes(const ingot_function &function, const std::vector<int64_t> &symbols) {
  return bytesOf(function, function.outputs, function.output_count, symbols.data());
}

int64_t rowsWithin(const ingot_function &function, const Joining &joining,
                   std::vector<int64_t> symbols, int64_t bytes) {
  for (int64_t rows = 1024; rows > 1; rows /= 2) {
    symbols[static_cast<size_t>(joining.symbol)] = rows;
    int64_t needed = rows <= joining.mostRows ? runBytes(function, symbols) : 0;
    if (needed > 0 && needed <= bytes)
      return rows;
  }
  return 1;
}

bool mayJoin(const Joining &joining, const std::vector<int64_t> &a, const std::vector<int64_t> &b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && static_cast<int64_t>(i) != joining.symbol)
      return false;
  return joining.isBatched;
}

} // namespace ingot::serve
