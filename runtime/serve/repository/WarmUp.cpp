// See WarmUp.h.
#include "runtime/serve/repository/WarmUp.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#ifndef MADV_POPULATE_READ // Linux 5.14
#define MADV_POPULATE_READ 22
#endif

namespace ingot::serve {

namespace {

/// The smallest value, from 1, that a symbol of the function may have.
std::vector<int64_t> smallestSymbols(const Artifact &artifact, const ingot_function &function) {
  std::vector<int64_t> values(static_cast<size_t>(function.symbol_count), 1);
  const ingot_artifact_table &table = artifact.table();
  for (int64_t i = 0; i < table.bound_count; ++i) {
    const ingot_symbol_bound &bound = table.bounds[i];
    if (&table.functions[bound.function] == &function) {
      int64_t &value = values[static_cast<size_t>(bound.symbol)];
      value = std::clamp<int64_t>(value, bound.least, std::max(bound.least, bound.most));
    }
  }
  return values;
}

template <typename T> void put(Tensor &tensor, int64_t index, int64_t value) {
  if (T *data = tensor.data<T>())
    data[index] = static_cast<T>(value);
}

/// A symbol's value in the element of the input that it is taken from.
void setSymbol(Tensor &tensor, int64_t index, int64_t value) {
  if (index < 0 || index >= tensor.elementCount())
    return;
  put<bool>(tensor, index, value);
  put<int8_t>(tensor, index, value);
  put<int16_t>(tensor, index, value);
  put<int32_t>(tensor, index, value);
  put<int64_t>(tensor, index, value);
  put<uint8_t>(tensor, index, value);
  put<uint16_t>(tensor, index, value);
  put<uint32_t>(tensor, index, value);
  put<uint64_t>(tensor, index, value);
}

/// Zeros of the input's shape. None: its shape follows from no symbol that is known here.
Result<std::optional<Tensor>> zerosFor(const ingot_function &function, int64_t input,
                                       const std::vector<int64_t> &symbols) {
  const ingot_tensor_info &info = function.inputs[input];
  Shape shape;
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    const ingot_dim &dim = info.dims[axis];
    int64_t extent = dim.size;
    if (extent < 0 && dim.symbol >= 0) {
      extent = symbols[static_cast<size_t>(dim.symbol)];
    } else if (extent < 0) {
      auto value = evaluateFormula(dim.text, function, symbols.data());
      if (!value.isOk() || *value < 0)
        return std::optional<Tensor>();
      extent = *value;
    }
    shape.push_back(extent);
  }
  INGOT_ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(static_cast<DType>(info.dtype), shape));
  for (int64_t i = 0; i < function.symbol_count; ++i) {
    const ingot_symbol_source &source = function.sources[i];
    if (source.input == input &&
        (source.kind == INGOT_SYMBOL_VALUE || source.kind == INGOT_SYMBOL_VALUE_IF_ANY))
      setSymbol(tensor, source.index, symbols[static_cast<size_t>(i)]);
  }
  return std::optional<Tensor>(std::move(tensor));
}

int askProgress(void *user, int64_t) {
  const auto &progress = *static_cast<const Progress *>(user);
  return progress && !progress(0).isOk();
}

} // namespace

Status touchWeights(const Artifact &artifact, const Progress &progress) {
  const ingot_artifact_table &table = artifact.table();
  if (!table.initial_state)
    return Status();
  constexpr size_t piece = size_t{1} << 20;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(table.initial_state) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(table.initial_state) + table.state_bytes;
  for (uintptr_t at = begin; at < end; at += piece) {
    const size_t bytes = std::min<uintptr_t>(piece, end - at);
    // Page tables for all of them in one call; where the kernel is older, page by page.
    if (madvise(reinterpret_cast<void *>(at), bytes, MADV_POPULATE_READ) != 0)
      for (uintptr_t touched = at; touched < at + bytes; touched += page)
        (void)*reinterpret_cast<const volatile char *>(touched);
    if (progress)
      INGOT_RETURN_IF_ERROR(progress(bytes));
  }
  return Status();
}

Status warmUp(const std::shared_ptr<const Artifact> &artifact, State &state,
              const ServedFunction &served, const Progress &progress) {
  const ingot_function &function = *served.function;
  const std::vector<int64_t> symbols = smallestSymbols(*artifact, function);
  std::vector<Tensor> inputs;
  for (const ingot_tensor_info *info : served.inputs) {
    INGOT_ASSIGN_OR_RETURN(std::optional<Tensor> input,
                           zerosFor(function, info - function.inputs, symbols));
    if (!input)
      return Status();
    inputs.push_back(std::move(*input));
  }
  SessionOptions options;
  options.begin = askProgress;
  options.user = const_cast<Progress *>(&progress);
  INGOT_ASSIGN_OR_RETURN(Session session, Session::create(artifact, function.name, options));
  std::vector<TensorView> views(inputs.begin(), inputs.end());
  Status ran = session.run(state, views);
  if (ran.code() == StatusCode::InvalidArgument || ran.code() == StatusCode::OutOfRange)
    return Status(); // of zeros
  return ran;
}

} // namespace ingot::serve
