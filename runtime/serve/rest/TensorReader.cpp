// See TensorReader.h.
#include "runtime/serve/rest/TensorReader.h"

#include <algorithm>

namespace ingot::serve::rest {

TensorReader::TensorReader(const ingot_tensor_info &info)
    : info_(info), elements_(static_cast<DType>(info.dtype), TextForm::OrBase64),
      index_(static_cast<size_t>(info.rank), 0) {
  int64_t count = 1;
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    shape_.push_back(std::max<int64_t>(info.dims[axis].size, -1));
    count = std::min(count * std::max<int64_t>(shape_.back(), 1), int64_t{1} << 32);
  }
  elements_.reserve(static_cast<size_t>(count));
}

/// "input 'x' (f32[batch, 784]): element [3][12] <what>".
bool TensorReader::refuse(JsonReader &reader, int32_t axis, const std::string &what) {
  if (!reader.isOk())
    return false;
  std::string message =
      std::string("input '") + info_.name + "' (" + ingot::describe(info_) + "): ";
  message += axis == 0 ? "the value" : axis == info_.rank ? "element " : "list ";
  for (int32_t i = 0; i < axis; ++i)
    message += "[" + std::to_string(index_[static_cast<size_t>(i)]) + "]";
  return reader.fail(Status(StatusCode::InvalidArgument, message + " " + what));
}

Status TensorReader::checkRows() const {
  if (info_.rank > 0)
    return {};
  return Status(StatusCode::InvalidArgument,
                std::string("input '") + info_.name + "' (" + ingot::describe(info_) +
                    ") is a scalar and has no rows: send 'inputs' instead of 'instances'");
}

bool TensorReader::readRow(JsonReader &reader, int64_t row) {
  index_[0] = row;
  return read(reader, 1);
}

bool TensorReader::read(JsonReader &reader, int32_t axis) {
  const JsonReader::Kind kind = reader.peek();
  if (kind == JsonReader::Kind::Invalid)
    return false;
  if (axis == info_.rank) {
    Problem problem;
    if (elements_.readOne(reader, problem))
      return true;
    if (kind == JsonReader::Kind::Array)
      problem += ": the input has " + std::to_string(info_.rank) + " dimensions";
    return refuse(reader, axis, problem);
  }
  const int64_t extent = shape_[static_cast<size_t>(axis)];
  if (kind != JsonReader::Kind::Array)
    return refuse(reader, axis,
                  "is " + reader.quoteValue() + " where a list" +
                      (extent < 0 ? "" : " of " + std::to_string(extent)) + " is expected");
  if (!reader.beginArray())
    return false;
  if (axis + 1 == info_.rank)
    return readInnermost(reader, axis);
  int64_t count = 0;
  for (; reader.nextElement(); ++count) {
    index_[static_cast<size_t>(axis)] = count;
    if (!read(reader, axis + 1))
      return false;
  }
  return closeList(reader, axis, count);
}

bool TensorReader::readInnermost(JsonReader &reader, int32_t axis) {
  const size_t before = elements_.count();
  while (reader.nextElement()) {
    index_[static_cast<size_t>(axis)] = static_cast<int64_t>(elements_.count() - before);
    if (!read(reader, axis + 1))
      return false;
    elements_.readRun(reader);
  }
  return closeList(reader, axis, static_cast<int64_t>(elements_.count() - before));
}

bool TensorReader::closeList(JsonReader &reader, int32_t axis, int64_t count) {
  if (!reader.isOk())
    return false;
  int64_t &extent = shape_[static_cast<size_t>(axis)];
  if (extent < 0)
    extent = count;
  if (extent == count)
    return true;
  const bool isFixed = info_.dims[axis].size >= 0;
  return refuse(reader, axis,
                "has " + std::to_string(count) + " elements where " + std::to_string(extent) +
                    (isFixed ? " are expected" : " are expected as in the lists before it"));
}

NamedInput TensorReader::finish() {
  NamedInput input;
  input.name = info_.name;
  input.dtype = static_cast<DType>(info_.dtype);
  input.data = elements_.finish();
  // Of dimensions below an empty one nothing was read.
  for (int64_t extent : shape_)
    input.shape.push_back(std::max<int64_t>(extent, 0));
  return input;
}

NamedInput TensorReader::finishRows(int64_t rows) {
  shape_[0] = rows;
  return finish();
}

} // namespace ingot::serve::rest
