// See CompareInputs.h.
#include "tools/ingot/CompareInputs.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <random>

namespace ingot::cli {
namespace {

using Random = std::mt19937_64;

/// Bits of a float of magnitude below 1: any sign and mantissa, one of the upper exponents.
uint64_t randomBits(Random &random, int exponentBits, int mantissaBits, int bias) {
  int exponent = std::max(0, bias - 1 - static_cast<int>(random() % 4));
  uint64_t mantissa = random() & ((uint64_t(1) << mantissaBits) - 1);
  uint64_t sign = random() & 1;
  return sign << (exponentBits + mantissaBits) | uint64_t(exponent) << mantissaBits | mantissa;
}

uint64_t randomElement(Random &random, DType dtype) {
  switch (dtype) {
  case DType::F64:
    return randomBits(random, 11, 52, 1023);
  case DType::F32:
    return randomBits(random, 8, 23, 127);
  case DType::F16:
    return randomBits(random, 5, 10, 15);
  case DType::BF16:
    return randomBits(random, 8, 7, 127);
  case DType::F8E4M3FN:
    return randomBits(random, 4, 3, 7);
  case DType::F8E4M3FNUZ:
    return randomBits(random, 4, 3, 8);
  case DType::F8E5M2:
    return randomBits(random, 5, 2, 15);
  case DType::F8E5M2FNUZ:
    return randomBits(random, 5, 2, 16);
  case DType::F8E8M0FNU:
    return 124 + random() % 4;
  case DType::F4E2M1FN:
    return random() % 16;
  case DType::Bool:
    return random() % 2;
  default:
    return random() % (dtype == DType::I2 ? 2 : 4);
  }
}

/// Floats in (-1, 1), integers 0 to 3.
Tensor makeUp(DType dtype, const Shape &shape, Random &random) {
  Tensor tensor = check(Tensor::zeros(dtype, shape));
  auto *bytes = static_cast<unsigned char *>(tensor.rawData());
  int64_t share = elementsPerByte(dtype);
  size_t width = byteSize(dtype);
  for (int64_t i = 0; i < tensor.elementCount(); ++i) {
    uint64_t bits = randomElement(random, dtype);
    if (share == 1)
      std::memcpy(bytes + static_cast<size_t>(i) * width, &bits, width); // little-endian
    else
      bytes[i / share] |= static_cast<unsigned char>(bits << (i % share * (8 / share)));
  }
  return tensor;
}

/// The shape of an input by the sizes given; nothing, and a message for each size that is missing.
std::optional<Shape> shapeOf(const ingot_function &function, const ingot_tensor_info &input,
                             const std::vector<int64_t> &sizes, std::vector<Message> &messages) {
  Shape shape;
  for (int64_t axis = 0; axis < input.rank; ++axis) {
    if (input.dims[axis].size >= 0) {
      shape.push_back(input.dims[axis].size);
      continue;
    }
    const char *text = input.dims[axis].text;
    for (int64_t i = 0; i < function.symbol_count; ++i)
      if (sizes[i] < 0 && std::strcmp(function.symbols[i], text) == 0) {
        messages.push_back(
            {fmt::format("dimension {} of input `{}` is dynamic, `{}`, and has no size here", axis,
                         input.name, text),
             "",
             fmt::format("give a size for this run, --size {0}=2, or one to compile for, --shape "
                         "{0}=2, or the input itself, --input {1}=@FILE.npy",
                         text, input.name),
             {}});
        return std::nullopt;
      }
    shape.push_back(check(evaluateFormula(text, function, sizes.data())));
  }
  return shape;
}

struct Gatherer {
  const ingot_function &function;
  const InputSources &sources;
  std::vector<std::optional<Tensor>> found{static_cast<size_t>(function.input_count)};

  size_t indexOf(const std::string &name) const {
    std::vector<std::string> names = namesOf(function.inputs, function.input_count);
    auto it = std::find(names.begin(), names.end(), name);
    if (it == names.end())
      throw Failure(kInput, "the model has no input `" + name + "`", suggest(name, names));
    return it - names.begin();
  }

  void takeFrom(const ReferenceArchive &archive) {
    for (size_t i = 0; i < found.size(); ++i)
      if (!found[i])
        found[i] = archive.find("in/", function.inputs[i].name,
                                static_cast<DType>(function.inputs[i].dtype));
  }

  void takeArguments() {
    for (const std::string &text : sources.inputs) {
      TensorArgument argument = parseTensorArgument("--input", text);
      if (argument.name.empty() && argument.key.empty() && hasArchive(argument.path)) {
        takeFrom(ReferenceArchive(argument.path));
        continue;
      }
      if (argument.name.empty() && function.input_count == 1)
        argument.name = function.inputs[0].name;
      size_t index = indexOf(argument.name);
      found[index] = readTensor(argument, static_cast<DType>(function.inputs[index].dtype));
    }
  }

  void makeUpMissing() {
    std::vector<int64_t> sizes = symbolValues(function, sources.sizes, sources.defaultSize);
    std::vector<Message> messages;
    Random random(sources.seed);
    for (size_t i = 0; i < found.size(); ++i)
      if (!found[i])
        if (auto shape = shapeOf(function, function.inputs[i], sizes, messages))
          found[i] = makeUp(static_cast<DType>(function.inputs[i].dtype), *shape, random);
    if (!messages.empty())
      throw Failure(kInput, messages);
  }

  static bool hasArchive(const std::string &path) {
    return path.size() > 4 && path.compare(path.size() - 4, 4, ".npz") == 0;
  }
};

} // namespace

std::vector<int64_t> symbolValues(const ingot_function &function,
                                  const std::vector<std::string> &options, int64_t otherwise) {
  std::vector<std::string> names(function.symbols, function.symbols + function.symbol_count);
  std::vector<int64_t> values(names.size(), otherwise);
  for (const std::string &option : options) {
    size_t equals = option.find('=');
    char *end = nullptr;
    int64_t size =
        equals == std::string::npos ? -1 : std::strtoll(option.c_str() + equals + 1, &end, 10);
    if (size < 0 || *end != '\0' || end == option.c_str() + equals + 1)
      throw Failure(kUsage, "`" + option + "` for --size is not NAME=SIZE", "for example batch=2");
    std::string name = option.substr(0, equals);
    auto it = std::find(names.begin(), names.end(), name);
    if (it == names.end())
      throw Failure(kInput, "the model has no dynamic dimension `" + name + "`",
                    suggest(name, names));
    values[it - names.begin()] = size;
  }
  return values;
}

ReferenceArchive::ReferenceArchive(std::string path)
    : file(std::move(path)), keys(check(data::listNpz(file))) {}

std::optional<Tensor> ReferenceArchive::find(const std::string &prefix, const std::string &name,
                                             DType expected) const {
  for (const std::string &key : {name, prefix + name})
    if (std::find(keys.begin(), keys.end(), key) != keys.end())
      return readTensor({name, file, key}, expected);
  return std::nullopt;
}

TensorView sliceOf(const Tensor &tensor, int64_t step) {
  int64_t count = tensor.elementCount() / std::max<int64_t>(tensor.dim(0), 1);
  return {tensor.dtype(), tensor.rank() - 1, tensor.shape().data() + 1,
          static_cast<const char *>(tensor.rawData()) +
              byteSize(tensor.dtype(), count) * static_cast<size_t>(step)};
}

std::vector<TensorView> ModelInputs::ofStep(int64_t step) const {
  std::vector<TensorView> views;
  for (const Tensor &tensor : tensors)
    views.push_back(isStepped ? sliceOf(tensor, step) : TensorView(tensor));
  return views;
}

ModelInputs gatherInputs(const ingot_function &function, const InputSources &sources) {
  Gatherer gatherer{function, sources};
  gatherer.takeArguments();
  if (sources.reference)
    gatherer.takeFrom(*sources.reference);
  if (sources.mayMakeUp)
    gatherer.makeUpMissing();
  std::vector<Message> missing;
  ModelInputs inputs;
  bool isStepped = function.input_count > 0;
  for (int64_t i = 0; i < function.input_count; ++i) {
    auto &found = gatherer.found[static_cast<size_t>(i)];
    if (!found) {
      missing.push_back({fmt::format("there is nothing for input `{}`: {}", function.inputs[i].name,
                                     describe(function.inputs[i])),
                         "",
                         fmt::format("--input {}=@FILE.npy, or an array of that name in the "
                                     "reference",
                                     function.inputs[i].name),
                         {}});
      continue;
    }
    isStepped &= found->rank() == function.inputs[i].rank + 1 &&
                 elementsPerByte(found->dtype()) == 1 &&
                 (inputs.tensors.empty() || found->dim(0) == inputs.tensors[0].dim(0));
    inputs.tensors.push_back(std::move(*found));
  }
  if (!missing.empty())
    throw Failure(kInput, missing);
  inputs.isStepped = isStepped;
  inputs.steps = isStepped ? inputs.tensors[0].dim(0) : 1;
  return inputs;
}

} // namespace ingot::cli
