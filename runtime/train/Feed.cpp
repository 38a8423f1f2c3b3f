// See Feed.h.
#include "runtime/train/Feed.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace ingot::train {

static Status invalid(const std::string &what) { return Status(StatusCode::InvalidArgument, what); }

static bool endsWith(std::string_view text, std::string_view ending) {
  return text.size() >= ending.size() && text.substr(text.size() - ending.size()) == ending;
}

Feed::Feed(const ingot_function &function, const ingot_function *predict, size_t modelInputs)
    : function(&function) {
  const auto total = size_t(function.input_count);
  inputs = std::min(predict ? size_t(predict->input_count) : modelInputs, total);
  while (inputs + weights < total &&
         endsWith(function.inputs[total - 1 - weights].name, "_sample_weight"))
    ++weights;
  targets = total - inputs - weights;
}

Status Feed::setClassWeights(ClassWeights given) {
  if (!given.empty() && targets != 1)
    return invalid("class weights need a model of one output, this one has " +
                   std::to_string(targets) + "; give sample weights for each output instead");
  if (!given.empty() && weights == 0)
    return invalid("'" + std::string(function->name) +
                   "' takes no sample weights, so no class weights; compile the model with them");
  classWeights = std::move(given);
  return Status();
}

std::string Feed::nameOf(size_t input) const {
  const char *role = input < inputs             ? "input '"
                     : input < inputs + targets ? "target '"
                                                : "sample weights '";
  return role + std::string(function->inputs[input].name) + "'";
}

/// "'image', 'label'".
static std::string namesOf(const ingot_function &function, size_t begin, size_t end) {
  std::string names;
  for (size_t i = begin; i < end; ++i)
    names += (names.empty() ? "'" : ", '") + std::string(function.inputs[i].name) + "'";
  return names.empty() ? "none" : names;
}

Status Feed::checkCounts(size_t inputCount, size_t targetCount, size_t weightCount) const {
  if (inputCount != inputs)
    return invalid("the model has " + std::to_string(inputs) + " inputs (" +
                   namesOf(*function, 0, inputs) + "), got " + std::to_string(inputCount) +
                   " arrays");
  if (targetCount != targets)
    return invalid("'" + std::string(function->name) + "' needs " + std::to_string(targets) +
                   " targets (" + namesOf(*function, inputs, inputs + targets) + "), got " +
                   std::to_string(targetCount) + " arrays");
  if (weightCount > 0 && weights == 0)
    return invalid("'" + std::string(function->name) +
                   "' takes no sample weights; compile the model with them");
  if (weightCount > 1 && weightCount != weights)
    return invalid("'" + std::string(function->name) + "' takes sample weights for " +
                   std::to_string(weights) + " targets, got " + std::to_string(weightCount) +
                   " arrays; give one, or one a target");
  if (weightCount > 0 && !classWeights.empty())
    return invalid("sample weights and class weights cannot be given at the same time");
  return Status();
}

/// The dimensions after the first, without trailing ones: where they end.
static int64_t coreRank(const int64_t *dims, int64_t rank) {
  while (rank > 1 && dims[rank - 1] == 1)
    --rank;
  return rank;
}

/// The artifact's shape with what it leaves open taken from the array, or false when the array does
/// not fit.
static bool matchShape(const ingot_tensor_info &info, const TensorView &array, Shape &shape) {
  shape.clear();
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    const int64_t size = info.dims[axis].size;
    const bool open = axis == 0 || size < 0;
    shape.push_back(!open ? size : axis < array.rank ? array.dims[axis] : 1);
  }
  const int64_t core = coreRank(shape.data(), int64_t(shape.size()));
  return core == coreRank(array.dims, array.rank) &&
         std::equal(shape.begin() + 1, shape.begin() + core, array.dims + 1);
}

Status Feed::checkTensor(size_t input, const TensorView &array, Shape &shape,
                         Convert &convert) const {
  const ingot_tensor_info &info = function->inputs[input];
  if (!isValid(array.dtype))
    return invalid(nameOf(input) + " has an unknown element type");
  if (elementsPerByte(array.dtype) > 1)
    return Status(StatusCode::Unsupported,
                  nameOf(input) + " is of " + toString(array.dtype) +
                      ", whose samples need not begin at a byte; batches are made of larger types");
  INGOT_ASSIGN_OR_RETURN(const int64_t count, countElements(array.dtype, array.dims, array.rank));
  if (array.rank < 1 || info.rank < 1 || !matchShape(info, array, shape))
    return invalid(nameOf(input) + " is " + describe(info) + ", got " + describe(array) +
                   ": the first dimension counts samples, the others must agree");
  if (count > 0 && !array.data)
    return invalid(nameOf(input) + " has no data");
  const auto dtype = static_cast<DType>(info.dtype);
  convert = array.dtype == dtype ? nullptr : converter(array.dtype, dtype);
  if (array.dtype != dtype && !convert)
    return invalid(nameOf(input) + " is " + describe(info) + ", got " + describe(array) + ": " +
                   toString(array.dtype) + " is not converted to " + toString(dtype) +
                   " by itself; convert the array first");
  return Status();
}

Status Feed::checkRows(size_t input, const TensorView &array, int64_t rows) const {
  if (array.dims[0] == rows)
    return Status();
  return invalid("input '" + std::string(function->inputs[0].name) + "' has " +
                 std::to_string(rows) + " samples, " + nameOf(input) + " has " +
                 std::to_string(array.dims[0]) + "; give both the same number of rows");
}

Status Feed::check(const Arrays &inputArrays, const Arrays &targetArrays,
                   const Arrays &sampleWeights) const {
  INGOT_RETURN_IF_ERROR(checkCounts(inputArrays.size(), targetArrays.size(), sampleWeights.size()));
  Shape shape;
  Convert convert = nullptr;
  size_t input = 0;
  for (const Arrays *arrays : {&inputArrays, &targetArrays, &sampleWeights})
    for (const TensorView &array : *arrays) {
      INGOT_RETURN_IF_ERROR(checkTensor(input, array, shape, convert));
      INGOT_RETURN_IF_ERROR(checkRows(input, array, inputArrays[0].dims[0]));
      ++input;
    }
  return Status();
}

Status Feed::place(size_t input, const TensorView &array, FedBatch &batch) const {
  Convert convert = nullptr;
  Shape &shape = batch.shapes[input];
  INGOT_RETURN_IF_ERROR(checkTensor(input, array, shape, convert));
  if (input == 0)
    batch.rows = array.dims[0];
  INGOT_RETURN_IF_ERROR(checkRows(input, array, batch.rows));
  const auto dtype = static_cast<DType>(function->inputs[input].dtype);
  const void *data = array.data;
  if (convert) {
    Tensor &buffer = batch.buffers[input];
    INGOT_RETURN_IF_ERROR(buffer.resize(dtype, shape));
    const int64_t each = batch.rows > 0 ? buffer.elementCount() / batch.rows : 0;
    const size_t fromBytes = size_t(each) * byteSize(array.dtype);
    const size_t toBytes = size_t(each) * byteSize(dtype);
    for (int64_t row = 0; row < batch.rows; ++row)
      if (!convert(static_cast<const char *>(array.data) + size_t(row) * fromBytes,
                   static_cast<char *>(buffer.rawData()) + size_t(row) * toBytes, each))
        return invalid(nameOf(input) + " holds a value in sample " + std::to_string(row) +
                       " of the batch that " + toString(dtype) + " cannot hold");
    data = buffer.rawData();
  }
  batch.views[input] = {dtype, int64_t(shape.size()), shape.data(), data};
  return Status();
}

/// Keras's class_weight_to_sample_weights.
Status Feed::weighByClass(const TensorView &target, float *result) const {
  const Convert convert = converter(target.dtype, DType::F64);
  const int64_t last = target.rank > 1 ? target.dims[target.rank - 1] : 1;
  const int64_t rows = target.dims[0], count = elementCount(target);
  if (!convert && target.dtype != DType::F64)
    return invalid(std::string("class weights need targets of numbers, got ") +
                   toString(target.dtype));
  if (last < 1 || (rows > 0 && count / rows != last))
    return invalid("class weights need one class a sample, the target is " + describe(target) +
                   "; give sample weights instead");
  std::vector<double> values(static_cast<size_t>(last));
  const size_t rowBytes = size_t(last) * byteSize(target.dtype);
  for (int64_t row = 0; row < rows; ++row) {
    const char *from = static_cast<const char *>(target.data) + size_t(row) * rowBytes;
    if (convert)
      convert(from, values.data(), last);
    else
      std::copy_n(reinterpret_cast<const double *>(from), last, values.begin());
    const double of = last > 1
                          ? double(std::max_element(values.begin(), values.end()) - values.begin())
                          : std::nearbyint(values[0]);
    const bool isClass = std::abs(of) < 0x1p53; // else it is the number of none
    const auto found = isClass ? classWeights.find(int64_t(of)) : classWeights.end();
    result[row] = found == classWeights.end() ? 1.0f : float(found->second);
  }
  return Status();
}

Status Feed::placeWeights(size_t input, FedBatch &batch) const {
  const size_t index = input - inputs - targets;
  const std::vector<Tensor> &given = batch.batch.sampleWeights;
  if (!given.empty())
    return place(input, given[given.size() == 1 ? 0 : index], batch);
  const ingot_tensor_info &info = function->inputs[input];
  if (info.dtype != INGOT_F32 || info.rank != 1)
    return Status(StatusCode::Unsupported,
                  nameOf(input) + " is " + describe(info) + ", expected f32[batch]");
  Shape &shape = batch.shapes[input];
  shape = {batch.rows};
  Tensor &buffer = batch.buffers[input];
  INGOT_RETURN_IF_ERROR(buffer.resize(DType::F32, shape));
  if (!classWeights.empty())
    INGOT_RETURN_IF_ERROR(weighByClass(batch.batch.targets[index], buffer.data<float>()));
  else
    std::fill_n(buffer.data<float>(), batch.rows, 1.0f);
  batch.views[input] = buffer;
  return Status();
}

Status Feed::arrange(FedBatch &batch) const {
  const Batch &made = batch.batch;
  // A source of inputs and targets serves predict as well.
  const size_t given = targets == 0 ? 0 : made.targets.size();
  INGOT_RETURN_IF_ERROR(
      checkCounts(made.inputs.size(), given, targets == 0 ? 0 : made.sampleWeights.size()));
  const size_t total = inputs + targets + weights;
  batch.buffers.resize(total);
  batch.shapes.resize(total);
  batch.views.resize(total);
  for (size_t i = 0; i < inputs; ++i)
    INGOT_RETURN_IF_ERROR(place(i, made.inputs[i], batch));
  for (size_t i = 0; i < targets; ++i)
    INGOT_RETURN_IF_ERROR(place(inputs + i, made.targets[i], batch));
  for (size_t i = 0; i < weights; ++i)
    INGOT_RETURN_IF_ERROR(placeWeights(inputs + targets + i, batch));
  return Status();
}

} // namespace ingot::train
