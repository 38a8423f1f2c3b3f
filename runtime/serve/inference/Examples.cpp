// Features to inputs, outputs to classes and values. See Examples.h.
#include "runtime/serve/inference/Examples.h"

#include <algorithm>
#include <utility>

namespace ingot::serve {

namespace {

struct Storage {
  std::vector<Tensor> tensors;
  // Whose text the tensors of strings point into.
  std::vector<Example> examples;
  Example context;
};

std::string kindOf(const Feature &feature) {
  constexpr const char *kinds[] = {"bytes", "float", "int64"};
  return kinds[feature.index()];
}
size_t sizeOf(const Feature &feature) {
  return std::visit([](const auto &values) { return values.size(); }, feature);
}

Status wrong(const std::string &input, size_t row, const std::string &what) {
  return Status(StatusCode::InvalidArgument,
                "example " + std::to_string(row) + ", feature '" + input + "': " + what);
}

/// Elements of a row of an input whose other dimensions are fixed.
Result<int64_t> elementsOfRow(const ingot_tensor_info &info) {
  int64_t elements = 1;
  for (int32_t axis = 1; axis < info.rank; ++axis) {
    if (info.dims[axis].size < 0)
      return Status(StatusCode::InvalidArgument,
                    std::string("input '") + info.name + "' has a dimension '" +
                        info.dims[axis].text +
                        "' of no fixed size, which examples cannot tell; use predict");
    elements *= info.dims[axis].size;
  }
  return elements;
}

template <typename To, typename From>
void copyAs(const std::vector<From> &values, void *to, size_t row) {
  To *out = static_cast<To *>(to) + row * values.size();
  for (From value : values)
    *out++ = static_cast<To>(value);
}

template <typename To>
Status copyIntegers(const std::vector<int64_t> &values, void *to, size_t row,
                    const std::string &input, DType dtype) {
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::in_range<To>(values[i]))
      return wrong(input, row,
                   "element " + std::to_string(i) + " is " + std::to_string(values[i]) +
                       ", which is no " + ingot::toString(dtype));
  copyAs<To>(values, to, row);
  return Status::ok();
}

Status copyRow(const Feature &feature, Tensor &tensor, size_t row, const std::string &input) {
  void *to = tensor.rawData();
  DType dtype = tensor.dtype();
  if (const auto *texts = std::get_if<std::vector<std::string>>(&feature)) {
    if (dtype != DType::String)
      return wrong(input, row, std::string("expected ") + ingot::toString(dtype) + ", got bytes");
    auto *out = static_cast<ingot_string *>(to) + row * texts->size();
    for (const std::string &text : *texts)
      *out++ = {text.data(), text.size()};
    return Status::ok();
  }
  if (const auto *floats = std::get_if<std::vector<float>>(&feature)) {
    if (dtype == DType::F32)
      copyAs<float>(*floats, to, row);
    else if (dtype == DType::F64)
      copyAs<double>(*floats, to, row);
    else
      return wrong(input, row, std::string("expected ") + ingot::toString(dtype) + ", got floats");
    return Status::ok();
  }
  const auto &integers = std::get<std::vector<int64_t>>(feature);
  switch (dtype) {
  case DType::F32:
    copyAs<float>(integers, to, row);
    return Status::ok();
  case DType::F64:
    copyAs<double>(integers, to, row);
    return Status::ok();
  case DType::I64:
    copyAs<int64_t>(integers, to, row);
    return Status::ok();
  case DType::I32:
    return copyIntegers<int32_t>(integers, to, row, input, dtype);
  case DType::I16:
    return copyIntegers<int16_t>(integers, to, row, input, dtype);
  case DType::I8:
    return copyIntegers<int8_t>(integers, to, row, input, dtype);
  case DType::U8:
    return copyIntegers<uint8_t>(integers, to, row, input, dtype);
  case DType::U16:
    return copyIntegers<uint16_t>(integers, to, row, input, dtype);
  case DType::U32:
    return copyIntegers<uint32_t>(integers, to, row, input, dtype);
  case DType::U64:
    return copyIntegers<uint64_t>(integers, to, row, input, dtype);
  default:
    return wrong(input, row, std::string("expected ") + ingot::toString(dtype) + ", got integers");
  }
}

const Feature *findFeature(const Storage &storage, size_t row, const std::string &name) {
  const Example &example = storage.examples[row];
  if (auto it = example.find(name); it != example.end())
    return &it->second;
  auto it = storage.context.find(name);
  return it == storage.context.end() ? nullptr : &it->second;
}

/// The input without its data: every example has as many values of it as a row takes.
Result<NamedInput> describeInput(const ingot_tensor_info &info, const Storage &storage) {
  if (info.rank < 1 || info.dims[0].size >= 0)
    return Status(StatusCode::InvalidArgument,
                  std::string("input '") + info.name + "' has no batch dimension; use predict");
  INGOT_ASSIGN_OR_RETURN(const int64_t elements, elementsOfRow(info));
  NamedInput input;
  input.name = info.name;
  input.dtype = static_cast<DType>(info.dtype);
  input.shape = {static_cast<int64_t>(storage.examples.size())};
  for (int32_t axis = 1; axis < info.rank; ++axis)
    input.shape.push_back(info.dims[axis].size);
  for (size_t row = 0; row < storage.examples.size(); ++row) {
    const Feature *feature = findFeature(storage, row, input.name);
    if (!feature)
      return wrong(input.name, row, "it is missing");
    if (sizeOf(*feature) != static_cast<size_t>(elements))
      return wrong(input.name, row,
                   "expected " + std::to_string(elements) + " values, got " +
                       std::to_string(sizeOf(*feature)) + " (" + kindOf(*feature) + ")");
  }
  return input;
}

/// The only output of floats with as many dimensions; -1 where there is none or several.
int64_t onlyFloats(const ingot_function &function, int32_t leastRank, int32_t mostRank) {
  int64_t found = -1;
  for (int64_t i = 0; i < function.output_count; ++i) {
    const ingot_tensor_info &info = function.outputs[i];
    bool isFloat = info.dtype == INGOT_F32 || info.dtype == INGOT_F64;
    if (!isFloat || info.rank < leastRank || info.rank > mostRank)
      continue;
    if (found >= 0)
      return -1;
    found = i;
  }
  return found;
}
int64_t scoresOf(const ingot_function &function) { return onlyFloats(function, 2, 2); }
int64_t valuesOf(const ingot_function &function) {
  int64_t found = onlyFloats(function, 1, 2);
  if (found < 0)
    return -1;
  const ingot_tensor_info &info = function.outputs[found];
  return info.rank == 1 || info.dims[1].size == 1 ? found : -1;
}

float floatAt(const Tensor &tensor, int64_t index) {
  return tensor.dtype() == DType::F32 ? tensor.data<float>()[index]
                                      : static_cast<float>(tensor.data<double>()[index]);
}

} // namespace

Status checkClassifies(const ServedFunction &function) {
  if (scoresOf(*function.function) >= 0)
    return Status::ok();
  return Status(StatusCode::InvalidArgument,
                std::string("function '") + function.function->name +
                    "' cannot classify: it would need one output f32[batch, classes]; use predict");
}

Status checkRegresses(const ServedFunction &function) {
  if (valuesOf(*function.function) >= 0)
    return Status::ok();
  return Status(
      StatusCode::InvalidArgument,
      std::string("function '") + function.function->name +
          "' cannot regress: it would need one output f32[batch] or f32[batch, 1]; use predict");
}

Status checkExampleCount(size_t count) {
  if (count <= mostExamples)
    return Status::ok();
  return Status(StatusCode::InvalidArgument, "the request has more than " +
                                                 std::to_string(mostExamples) +
                                                 " examples; send them in several");
}

Result<ExampleInputs> toInputs(const ServedFunction &function, std::vector<Example> examples,
                               Example context, uint64_t mostBytes) {
  if (examples.empty())
    return Status(StatusCode::InvalidArgument, "there is no example; give at least one");
  INGOT_RETURN_IF_ERROR(checkExampleCount(examples.size()));
  auto storage = std::make_shared<Storage>();
  storage->examples = std::move(examples);
  storage->context = std::move(context);
  ExampleInputs made;
  uint64_t bytes = 0;
  for (const ingot_tensor_info *info : function.inputs) {
    INGOT_ASSIGN_OR_RETURN(NamedInput input, describeInput(*info, *storage));
    const Shape &shape = input.shape;
    INGOT_ASSIGN_OR_RETURN(const int64_t count, countElements(input.dtype, shape.data(),
                                                              static_cast<int64_t>(shape.size())));
    const uint64_t more = ingot::byteSize(input.dtype, count);
    if (more > mostBytes - bytes)
      return Status(StatusCode::ResourceExhausted,
                    "the inputs of these examples take more than the " + std::to_string(mostBytes) +
                        " bytes that a request may have");
    bytes += more;
    made.inputs.push_back(std::move(input));
  }
  for (NamedInput &input : made.inputs) {
    INGOT_ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(input.dtype, input.shape));
    for (size_t row = 0; row < storage->examples.size(); ++row)
      INGOT_RETURN_IF_ERROR(
          copyRow(*findFeature(*storage, row, input.name), tensor, row, input.name));
    input.data = tensor.rawData();
    storage->tensors.push_back(std::move(tensor));
  }
  made.owner = std::move(storage);
  return made;
}

Result<std::vector<std::vector<ScoredClass>>> toClasses(const InferenceResponse &response) {
  INGOT_RETURN_IF_ERROR(checkClassifies(*response.function));
  const ingot_function &function = *response.function->function;
  const Tensor &scores = response.outputs[static_cast<size_t>(scoresOf(function))];
  const Tensor *names = nullptr;
  for (const Tensor &output : response.outputs)
    if (output.dtype() == DType::String && output.shape() == scores.shape())
      names = &output;
  int64_t classes = scores.dim(1);
  std::vector<std::vector<ScoredClass>> rows(static_cast<size_t>(scores.dim(0)));
  for (size_t row = 0; row < rows.size(); ++row)
    for (int64_t c = 0; c < classes; ++c) {
      int64_t index = static_cast<int64_t>(row) * classes + c;
      ScoredClass scored;
      scored.score = floatAt(scores, index);
      if (names)
        scored.label = std::string(textAt(*names, index));
      else if (static_cast<size_t>(classes) == response.model->classNames.size())
        scored.label = response.model->classNames[static_cast<size_t>(c)];
      else
        scored.label = std::to_string(c);
      rows[row].push_back(std::move(scored));
    }
  return rows;
}

Result<std::vector<float>> toValues(const InferenceResponse &response) {
  INGOT_RETURN_IF_ERROR(checkRegresses(*response.function));
  const Tensor &output =
      response.outputs[static_cast<size_t>(valuesOf(*response.function->function))];
  std::vector<float> values(static_cast<size_t>(output.elementCount()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = floatAt(output, static_cast<int64_t>(i));
  return values;
}

} // namespace ingot::serve
