// Walks an artifact's table once and refuses what does not fit together. See Checks.h.
#include "ingot/Model.h"
#include "runtime/model/Checks.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_set>

namespace ingot {

namespace {
constexpr int64_t maxCount = int64_t{1} << 31;
constexpr int32_t maxRank = 64;
constexpr int64_t maxThreads = 1024;    // of a block, by CUDA
constexpr int64_t maxParameters = 4096; // 32,764 bytes, by CUDA since compute capability 7.0
/// Of a table of version 1.0; what stands behind is there where `size` says so.
constexpr uint64_t firstSize =
    offsetof(ingot_artifact_table, manifest) + sizeof(ingot_artifact_table::manifest);

Status malformed(const std::string &what) {
  return Status(StatusCode::Internal, "malformed artifact: " + what);
}

template <typename T> Status checkArray(const char *what, const T *pointer, int64_t count) {
  if (count < 0 || count > maxCount)
    return malformed(std::string(what) + " count " + std::to_string(count));
  if (count != 0 && !pointer)
    return malformed(std::string(what) + " are missing");
  return Status::ok();
}

Status checkNames(const char *what, const char *const *names, int64_t count) {
  INGOT_RETURN_IF_ERROR(checkArray(what, names, count));
  for (int64_t i = 0; i < count; ++i)
    if (!names[i])
      return malformed(std::string(what) + " have one without a name");
  return Status::ok();
}

Status checkVariable(const ingot_variable_info &variable, uint64_t stateBytes) {
  std::string name = std::string("variable '") + variable.name + "'";
  if (variable.rank < 0 || variable.rank > maxRank || (variable.rank != 0 && !variable.shape))
    return malformed(name + " has rank " + std::to_string(variable.rank));
  auto dtype = static_cast<DType>(variable.dtype);
  auto count = countElements(dtype, variable.shape, variable.rank);
  if (!count.isOk())
    return malformed(name + ": " + count.status().message());
  if (variable.bytes != byteSize(dtype, *count))
    return malformed(name + " of " + describe(variable) + " claims " +
                     std::to_string(variable.bytes) + " bytes");
  if (variable.offset > stateBytes || variable.bytes > stateBytes - variable.offset ||
      variable.offset % byteSize(dtype) != 0)
    return malformed(name + " at " + std::to_string(variable.offset) + " of a state of " +
                     std::to_string(stateBytes) + " bytes");
  return Status::ok();
}

Status checkVariables(const ingot_artifact_table &table) {
  INGOT_RETURN_IF_ERROR(checkArray("variables", table.variables, table.variable_count));
  std::unordered_set<std::string_view> names;
  std::vector<const ingot_variable_info *> byOffset;
  for (int64_t i = 0; i < table.variable_count; ++i) {
    const ingot_variable_info &variable = table.variables[i];
    if (!variable.name || !names.insert(variable.name).second)
      return malformed("variable " + std::to_string(i) + " has no name of its own");
    INGOT_RETURN_IF_ERROR(checkVariable(variable, table.state_bytes));
    if (variable.bytes != 0)
      byOffset.push_back(&variable);
  }
  std::sort(byOffset.begin(), byOffset.end(),
            [](const auto *a, const auto *b) { return a->offset < b->offset; });
  for (size_t i = 1; i < byOffset.size(); ++i)
    if (byOffset[i - 1]->offset + byOffset[i - 1]->bytes > byOffset[i]->offset)
      return malformed(std::string("variables '") + byOffset[i - 1]->name + "' and '" +
                       byOffset[i]->name + "' overlap");
  return Status::ok();
}

Status checkTensors(const ingot_function &function, const char *what,
                    const ingot_tensor_info *tensors, int64_t count, int64_t &rankSum) {
  INGOT_RETURN_IF_ERROR(checkArray(what, tensors, count));
  rankSum = 0;
  for (int64_t i = 0; i < count; ++i) {
    const ingot_tensor_info &tensor = tensors[i];
    if (!tensor.name || !isValid(static_cast<DType>(tensor.dtype)) || tensor.rank < 0 ||
        tensor.rank > maxRank || (tensor.rank != 0 && !tensor.dims))
      return malformed(std::string(what) + " number " + std::to_string(i) +
                       " has no name, element type or shape");
    for (int32_t axis = 0; axis < tensor.rank; ++axis) {
      const ingot_dim &dim = tensor.dims[axis];
      if (!dim.text || dim.size < -1 || (dim.size == -1 && dim.symbol >= function.symbol_count))
        return malformed(std::string("'") + tensor.name + "' has a bad dimension " +
                         std::to_string(axis));
    }
    rankSum += tensor.rank;
  }
  return Status::ok();
}

/// An extent is of a dimension there is; a value is of an input of static size, or of a vector, and
/// of the right type.
bool isPossible(const ingot_function &function, const ingot_symbol_source &source) {
  if (source.input == -1)
    return true;
  if (source.input < 0 || source.input >= function.input_count || source.index < 0)
    return false;
  const ingot_tensor_info &input = function.inputs[source.input];
  if (source.kind == INGOT_SYMBOL_EXTENT)
    return source.index < input.rank;
  if (source.kind == INGOT_SYMBOL_LONGEST_TEXT)
    return source.index == 0 && input.dtype == INGOT_STRING;
  auto dtype = static_cast<DType>(input.dtype);
  bool isInteger = dtype == DType::Bool || (dtype >= DType::I8 && dtype <= DType::U64);
  if (source.kind == INGOT_SYMBOL_VALUE_IF_ANY)
    return input.rank == 1 && isInteger && source.index < maxCount;
  int64_t count = 1;
  for (int32_t axis = 0; axis < input.rank; ++axis) {
    if (input.dims[axis].size < 0 || input.dims[axis].size > maxCount)
      return false;
    count *= input.dims[axis].size;
    if (count > maxCount)
      return false;
  }
  bool isFloat = dtype >= DType::F16 && dtype <= DType::F64;
  return source.index < count && ((source.kind == INGOT_SYMBOL_VALUE && isInteger) ||
                                  (source.kind == INGOT_SYMBOL_FIXED_POINT && isFloat));
}

Status checkFunction(const ingot_function &function) {
  int64_t inputRanks, outputRanks;
  INGOT_RETURN_IF_ERROR(checkNames("symbols", function.symbols, function.symbol_count));
  INGOT_RETURN_IF_ERROR(checkArray("sources", function.sources, function.symbol_count));
  INGOT_RETURN_IF_ERROR(
      checkTensors(function, "inputs", function.inputs, function.input_count, inputRanks));
  INGOT_RETURN_IF_ERROR(
      checkTensors(function, "outputs", function.outputs, function.output_count, outputRanks));
  for (int64_t i = 0; i < function.symbol_count; ++i)
    if (!isPossible(function, function.sources[i]))
      return malformed(std::string("symbol '") + function.symbols[i] + "' has no possible source");
  INGOT_RETURN_IF_ERROR(checkArray("kernels", function.kernels, function.kernel_count));
  for (int64_t i = 0; i < function.kernel_count; ++i)
    if (!function.kernels[i].name)
      return malformed("kernel " + std::to_string(i) + " has no name");
  if (!function.plan || !function.run)
    return malformed("there is no code for it");
  if (function.plan_words < 1 || function.plan_words > maxCount || function.output_dims < 0 ||
      function.output_dims > function.plan_words ||
      outputRanks > function.plan_words - function.output_dims)
    return malformed("a plan of " + std::to_string(function.plan_words) +
                     " words, output extents at " + std::to_string(function.output_dims));
  return Status::ok();
}

/// Strings, whose bytes belong to a run, are not carried.
bool canCarry(const ingot_tensor_info &x, const ingot_tensor_info &y) {
  if (x.dtype != y.dtype || x.rank != y.rank || x.dtype == INGOT_STRING)
    return false;
  for (int32_t axis = 0; axis < x.rank; ++axis)
    if (std::string_view(x.dims[axis].text) != y.dims[axis].text)
      return false;
  return true;
}

/// Each is of an input and an output of one type; no extent is taken from a carried input, and
/// nothing is carried twice.
Status checkCarries(const ingot_artifact_table &table) {
  if (!hasCarries(table))
    return Status::ok();
  INGOT_RETURN_IF_ERROR(checkArray("carried values", table.carries, table.carry_count));
  for (int64_t i = 0; i < table.carry_count; ++i) {
    const ingot_carry &carry = table.carries[i];
    bool isIn = carry.function >= 0 && carry.function < table.function_count;
    const ingot_function *function = isIn ? &table.functions[carry.function] : nullptr;
    isIn = isIn && carry.input >= 0 && carry.input < function->input_count && carry.output >= 0 &&
           carry.output < function->output_count;
    if (!isIn || !canCarry(function->inputs[carry.input], function->outputs[carry.output]))
      return malformed("carried value " + std::to_string(i) +
                       " has no input and output of one type");
    for (int64_t k = 0; k < function->symbol_count; ++k)
      if (function->sources[k].input == carry.input &&
          function->sources[k].kind == INGOT_SYMBOL_EXTENT)
        return malformed(std::string("the size '") + function->symbols[k] +
                         "' is that of a carried value");
    for (int64_t k = 0; k < i; ++k)
      if (table.carries[k].function == carry.function &&
          (table.carries[k].input == carry.input || table.carries[k].output == carry.output))
        return malformed("carried value " + std::to_string(i) + " is carried twice");
  }
  return Status::ok();
}

Status checkFunctions(const ingot_artifact_table &table) {
  INGOT_RETURN_IF_ERROR(checkArray("functions", table.functions, table.function_count));
  std::unordered_set<std::string_view> names;
  for (int64_t i = 0; i < table.function_count; ++i) {
    const ingot_function &function = table.functions[i];
    if (!function.name || !names.insert(function.name).second)
      return malformed("function " + std::to_string(i) + " has no name of its own");
    INGOT_RETURN_IF_ERROR(
        checkFunction(function).withContext(std::string("function '") + function.name + "'"));
  }
  if (const ingot_function *derive = table.derive) {
    INGOT_RETURN_IF_ERROR(checkFunction(*derive).withContext("function 'derive'"));
    if (derive->symbol_count != 0 || derive->input_count != 0 || derive->output_count != 0)
      return malformed("'derive' has symbols, inputs or outputs");
  }
  return Status::ok();
}

bool isSame(const ingot_variable_info &x, const ingot_variable_info &y) {
  return std::string_view(x.name) == y.name && x.dtype == y.dtype && x.rank == y.rank &&
         std::equal(x.shape, x.shape + x.rank, y.shape) && x.offset == y.offset &&
         x.bytes == y.bytes && x.flags == y.flags;
}

/// The table of a device has the variables of the artifact's own, in place and order.
Status checkSameVariables(const ingot_artifact_table &own, const ingot_artifact_table &device) {
  if (own.variable_count != device.variable_count)
    return malformed("it has " + std::to_string(device.variable_count) + " variables, the model " +
                     std::to_string(own.variable_count));
  for (int64_t i = 0; i < own.variable_count; ++i)
    if (!isSame(own.variables[i], device.variables[i]))
      return malformed(std::string("its variable '") + device.variables[i].name +
                       "' is not the model's '" + own.variables[i].name + "'");
  return Status::ok();
}

Status checkKernels(const ingot_device_code &code) {
  INGOT_RETURN_IF_ERROR(checkArray("kernels", code.kernels, code.kernel_count));
  for (int64_t i = 0; i < code.kernel_count; ++i) {
    const ingot_device_kernel &kernel = code.kernels[i];
    if (!kernel.symbol || kernel.unit < 0 || kernel.unit >= code.unit_count)
      return malformed("kernel " + std::to_string(i) + " has no symbol, or no unit");
    if (kernel.threads < 1 || kernel.threads > maxThreads || kernel.shared_bytes < 0 ||
        kernel.shared_bytes > maxCount || kernel.parameters < 0 ||
        kernel.parameters > maxParameters)
      return malformed(std::string("kernel '") + kernel.symbol + "' has " +
                       std::to_string(kernel.threads) + " threads, " +
                       std::to_string(kernel.shared_bytes) + " bytes of shared memory and " +
                       std::to_string(kernel.parameters) + " parameters");
    if (kernel.parameters < 64 && kernel.tensor_maps >> kernel.parameters != 0)
      return malformed(std::string("kernel '") + kernel.symbol +
                       "' has tensor maps behind its parameters");
  }
  return Status::ok();
}

/// Kinds that this runtime does not know are left alone.
Status checkImages(const ingot_device_code &code) {
  INGOT_RETURN_IF_ERROR(checkArray("images", code.images, code.image_count));
  for (int64_t i = 0; i < code.image_count; ++i) {
    const ingot_image &image = code.images[i];
    if (!image.target || !image.data || image.bytes == 0 || image.unit < 0 ||
        image.unit >= code.unit_count)
      return malformed("image " + std::to_string(i) + " has no target, bytes or unit");
    if (image.kind == INGOT_IMAGE_OPENCL && static_cast<const char *>(image.data)[image.bytes] != 0)
      return malformed("image " + std::to_string(i) + " has no 0 behind its text");
  }
  return Status::ok();
}

Status checkChoices(const ingot_device_code &code) {
  INGOT_RETURN_IF_ERROR(checkArray("choices of a library", code.choices, code.choice_count));
  for (int64_t i = 0; i < code.choice_count; ++i)
    if (!code.choices[i].device)
      return malformed("choice " + std::to_string(i) + " of a library names no device");
  return Status::ok();
}

Status checkDevice(const ingot_artifact_table &own, const ingot_device_code &code) {
  if (!code.api || !code.family || !code.table)
    return malformed("it has no api, family or table");
  if (hasDevices(*code.table) && code.table->device_count != 0)
    return malformed("its table has devices of its own"); // before it is walked: it may be its own
  INGOT_RETURN_IF_ERROR(checkTable(*code.table));
  INGOT_RETURN_IF_ERROR(checkSameVariables(own, *code.table));
  if (code.unit_count < 0 || code.unit_count > maxCount)
    return malformed("unit count " + std::to_string(code.unit_count));
  INGOT_RETURN_IF_ERROR(checkKernels(code));
  INGOT_RETURN_IF_ERROR(checkImages(code));
  INGOT_RETURN_IF_ERROR(checkChoices(code));
  if (code.constant_bytes != 0 && !code.constants)
    return malformed("its constants are missing");
  INGOT_RETURN_IF_ERROR(checkNames("functions left to the CPU", code.left, code.left_count));
  return checkNames("reasons", code.reasons, code.left_count);
}

Status checkDevices(const ingot_artifact_table &table) {
  if (!hasDevices(table))
    return Status::ok();
  INGOT_RETURN_IF_ERROR(checkArray("devices", table.devices, table.device_count));
  for (int64_t i = 0; i < table.device_count; ++i)
    INGOT_RETURN_IF_ERROR(checkDevice(table, table.devices[i])
                              .withContext("code for devices, entry " + std::to_string(i)));
  return Status::ok();
}

Status checkBounds(const ingot_artifact_table &table) {
  SymbolBounds bounds = boundsOf(table);
  INGOT_RETURN_IF_ERROR(checkArray("bounds", bounds.data, bounds.count));
  for (const ingot_symbol_bound &bound : bounds)
    if (bound.function < 0 || bound.function >= table.function_count || bound.symbol < 0 ||
        bound.symbol >= table.functions[bound.function].symbol_count || bound.least > bound.most)
      return malformed("bounds of a symbol that is not there, or of no value");
  return Status::ok();
}
} // namespace

SymbolBounds boundsOf(const ingot_artifact_table &table) {
  return table.size > offsetof(ingot_artifact_table, bounds)
             ? SymbolBounds{table.bounds, table.bound_count}
             : SymbolBounds();
}

Status checkTable(const ingot_artifact_table &table) {
  if (table.size < offsetof(ingot_artifact_table, name))
    return malformed("a table of " + std::to_string(table.size) + " bytes");
  if (table.abi_major != INGOT_ABI_MAJOR)
    return Status(StatusCode::Unsupported,
                  "the artifact has interface version " + std::to_string(table.abi_major) + "." +
                      std::to_string(table.abi_minor) + ", this runtime reads version " +
                      std::to_string(INGOT_ABI_MAJOR) +
                      "; compile the model again with the ingot that belongs to this runtime");
  if (table.size < firstSize)
    return malformed("a table of " + std::to_string(table.size) + " bytes, at least " +
                     std::to_string(firstSize) + " are needed");
  if (!table.name || !table.variant)
    return malformed("it has no name");
  INGOT_RETURN_IF_ERROR(checkVariables(table));
  INGOT_RETURN_IF_ERROR(checkFunctions(table));
  INGOT_RETURN_IF_ERROR(checkBounds(table));
  INGOT_RETURN_IF_ERROR(checkCarries(table));
  INGOT_RETURN_IF_ERROR(checkDevices(table));
  INGOT_RETURN_IF_ERROR(checkNames("nodes", table.nodes, table.node_count));
  if (reinterpret_cast<uintptr_t>(table.initial_state) % INGOT_ALIGNMENT != 0)
    return malformed("its weights are not aligned");
  if (table.manifest_bytes != 0 && !table.manifest)
    return malformed("its manifest is missing");
  return Status::ok();
}

} // namespace ingot
