// Element types, shapes and the memory of tensors. See Tensor.h.
#include "ingot/Tensor.h"
#include "runtime/core/AlignedMemory.h"

#include <algorithm>
#include <cstring>

namespace ingot {

namespace {
struct DTypeFacts {
  const char *name;
  size_t bytes;
  int64_t perByte = 1;
};

DTypeFacts factsOf(DType dtype) {
  static constexpr DTypeFacts facts[] = {
      {"unknown", 0}, {"bool", 1},       {"i8", 1},        {"i16", 2},         {"i32", 4},
      {"i64", 8},     {"u8", 1},         {"u16", 2},       {"u32", 4},         {"u64", 8},
      {"f16", 2},     {"bf16", 2},       {"f32", 4},       {"f64", 8},         {"i2", 1, 4},
      {"u2", 1, 4},   {"i4", 1, 2},      {"u4", 1, 2},     {"f8e4m3fn", 1},    {"f8e4m3fnuz", 1},
      {"f8e5m2", 1},  {"f8e5m2fnuz", 1}, {"f8e8m0fnu", 1}, {"f4e2m1fn", 1, 2}, {"string", 16}};
  static_assert(sizeof(ingot_string) == 16, "artifact.h says so");
  auto index = static_cast<size_t>(static_cast<int32_t>(dtype));
  return index < std::size(facts) ? facts[index] : facts[0];
}
} // namespace

const char *toString(DType dtype) { return factsOf(dtype).name; }
size_t byteSize(DType dtype) { return factsOf(dtype).bytes; }
int64_t elementsPerByte(DType dtype) { return factsOf(dtype).perByte; }
size_t byteSize(DType dtype, int64_t count) {
  DTypeFacts facts = factsOf(dtype);
  auto units = static_cast<size_t>(count / facts.perByte + (count % facts.perByte != 0));
  return units * facts.bytes;
}

std::string toString(const int64_t *dims, int64_t rank) {
  std::string text = "[";
  for (int64_t axis = 0; axis < rank; ++axis)
    text += (axis ? ", " : "") + std::to_string(dims[axis]);
  return text + "]";
}

std::string toString(const Shape &shape) {
  return toString(shape.data(), static_cast<int64_t>(shape.size()));
}

std::string describe(const TensorView &tensor) {
  return toString(tensor.dtype) + toString(tensor.dims, tensor.rank);
}

Result<int64_t> countElements(DType dtype, const int64_t *dims, int64_t rank) {
  if (!isValid(dtype))
    return Status(StatusCode::InvalidArgument,
                  "no element type has the number " + std::to_string(static_cast<int32_t>(dtype)));
  int64_t bytes = static_cast<int64_t>(byteSize(dtype));
  bool empty = false, tooLarge = false;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (dims[axis] < 0)
      return Status(StatusCode::InvalidArgument,
                    "shape " + toString(dims, rank) + " has a negative extent");
    empty |= dims[axis] == 0;
    tooLarge |= !empty && __builtin_mul_overflow(bytes, dims[axis], &bytes);
  }
  if (empty)
    return int64_t{0};
  if (tooLarge)
    return Status(StatusCode::InvalidArgument,
                  std::string(toString(dtype)) + toString(dims, rank) + " is over 2^63 bytes");
  return bytes / static_cast<int64_t>(byteSize(dtype));
}

void Tensor::Free::operator()(void *block) const { AlignedFree()(block); }

Tensor::Tensor(Tensor &&other) noexcept { *this = std::move(other); }

Tensor &Tensor::operator=(Tensor &&other) noexcept {
  if (this == &other)
    return *this;
  dtype_ = std::exchange(other.dtype_, DType::F32);
  shape_.swap(other.shape_); // which keeps memory for its new one
  other.shape_.assign(1, 0);
  count_ = std::exchange(other.count_, 0);
  data_ = std::exchange(other.data_, nullptr);
  capacity_ = std::exchange(other.capacity_, 0);
  owned_ = std::move(other.owned_);
  return *this;
}

void swap(Tensor &a, Tensor &b) noexcept {
  std::swap(a.dtype_, b.dtype_);
  a.shape_.swap(b.shape_);
  std::swap(a.count_, b.count_);
  std::swap(a.data_, b.data_);
  std::swap(a.capacity_, b.capacity_);
  a.owned_.swap(b.owned_);
}

Result<Tensor> Tensor::zeros(DType dtype, const Shape &shape) {
  Tensor tensor;
  INGOT_RETURN_IF_ERROR(tensor.resize(dtype, shape));
  std::memset(tensor.data_, 0, tensor.byteSize());
  return tensor;
}

Result<Tensor> Tensor::copyOf(DType dtype, const Shape &shape, const void *values, size_t count) {
  Tensor tensor;
  INGOT_RETURN_IF_ERROR(tensor.resize(dtype, shape));
  if (static_cast<size_t>(tensor.count_) != count)
    return Status(StatusCode::InvalidArgument, "shape " + toString(shape) + " holds " +
                                                   std::to_string(tensor.count_) + " elements, " +
                                                   std::to_string(count) + " values were given");
  if (count != 0)
    std::memcpy(tensor.data_, values, tensor.byteSize());
  return tensor;
}

int64_t elementCount(const TensorView &tensor) {
  int64_t count = 1;
  for (int64_t axis = 0; axis < tensor.rank; ++axis)
    count *= tensor.dims[axis];
  return count;
}

std::string_view textAt(const TensorView &tensor, int64_t index) {
  ingot_string text; // may stand at any address
  std::memcpy(&text, static_cast<const char *>(tensor.data) + index * int64_t{sizeof text},
              sizeof text);
  return {text.data, static_cast<size_t>(text.size)};
}

Result<Tensor> Tensor::ofTexts(const Shape &shape, const std::vector<std::string_view> &texts) {
  INGOT_ASSIGN_OR_RETURN(int64_t count, countElements(DType::String, shape.data(),
                                                      static_cast<int64_t>(shape.size())));
  if (static_cast<size_t>(count) != texts.size())
    return Status(StatusCode::InvalidArgument,
                  "shape " + toString(shape) + " holds " + std::to_string(count) + " elements, " +
                      std::to_string(texts.size()) + " texts were given");
  size_t records = texts.size() * sizeof(ingot_string), bytes = records;
  for (std::string_view text : texts)
    bytes += text.size();
  AlignedBlock block = allocateAligned(bytes);
  if (!block)
    return Status(StatusCode::ResourceExhausted,
                  "no memory for strings of " + std::to_string(bytes) + " bytes");
  Tensor tensor;
  tensor.owned_.reset(block.release());
  tensor.data_ = tensor.owned_.get();
  tensor.capacity_ = records; // the bytes of the texts come behind
  char *next = static_cast<char *>(tensor.data_) + records;
  for (size_t i = 0; i < texts.size(); ++i) {
    static_cast<ingot_string *>(tensor.data_)[i] = {next, texts[i].size()};
    next = std::copy(texts[i].begin(), texts[i].end(), next);
  }
  INGOT_RETURN_IF_ERROR(tensor.resize(DType::String, shape));
  return tensor;
}

Result<Tensor> Tensor::borrow(DType dtype, const Shape &shape, void *data) {
  INGOT_ASSIGN_OR_RETURN(int64_t count,
                         countElements(dtype, shape.data(), static_cast<int64_t>(shape.size())));
  if (!data && count != 0)
    return Status(StatusCode::InvalidArgument,
                  "no memory was given for " + std::string(toString(dtype)) + toString(shape));
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = shape;
  tensor.count_ = count;
  tensor.data_ = data;
  tensor.capacity_ = tensor.byteSize();
  return tensor;
}

Result<Tensor> Tensor::clone() const {
  if (dtype_ == DType::String) {
    std::vector<std::string_view> texts;
    for (int64_t i = 0; i < count_; ++i)
      texts.push_back(textAt(*this, i));
    return ofTexts(shape_, texts);
  }
  return copyOf(dtype_, shape_, data_, static_cast<size_t>(count_));
}

Status Tensor::resize(DType dtype, const int64_t *dims, int64_t rank) {
  INGOT_ASSIGN_OR_RETURN(int64_t count, countElements(dtype, dims, rank));
  size_t bytes = ingot::byteSize(dtype, count);
  if (bytes > capacity_ || !data_) {
    if (data_ && !owned_)
      return Status(StatusCode::InvalidArgument,
                    std::string(toString(dtype)) + toString(dims, rank) + " needs " +
                        std::to_string(bytes) + " bytes, the borrowed memory has " +
                        std::to_string(capacity_));
    AlignedBlock block = allocateAligned(bytes);
    if (!block)
      return Status(StatusCode::ResourceExhausted, "no memory for " + std::string(toString(dtype)) +
                                                       toString(dims, rank) + " (" +
                                                       std::to_string(bytes) + " bytes)");
    owned_.reset(block.release());
    data_ = owned_.get();
    capacity_ = bytes;
  }
  shape_.assign(dims, dims + rank); // keeps its memory when the rank does not grow
  dtype_ = dtype;
  count_ = count;
  return Status::ok();
}

} // namespace ingot
