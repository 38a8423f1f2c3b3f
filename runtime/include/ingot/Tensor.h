// Tensor: a dense row-major array on the host, and TensorView, a borrowed look at one.
//
// Invariant: elementCount() is the product of the shape, byteSize() the bytes of as many elements,
// and at least byteSize() bytes stand at rawData(), aligned to INGOT_ALIGNMENT when the tensor owns
// them. A Tensor moves and does not copy (use clone()). Like a vector: any number of readers, or
// one writer.
#ifndef INGOT_TENSOR_H
#define INGOT_TENSOR_H

#include "ingot/Status.h"
#include "ingot/artifact.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ingot {

/// Element types, with the numbers of ingot_dtype.
enum class DType : int32_t {
  Bool = INGOT_BOOL,
  I8 = INGOT_I8,
  I16 = INGOT_I16,
  I32 = INGOT_I32,
  I64 = INGOT_I64,
  U8 = INGOT_U8,
  U16 = INGOT_U16,
  U32 = INGOT_U32,
  U64 = INGOT_U64,
  F16 = INGOT_F16,
  BF16 = INGOT_BF16,
  F32 = INGOT_F32,
  F64 = INGOT_F64,
  I2 = INGOT_I2,
  U2 = INGOT_U2,
  I4 = INGOT_I4,
  U4 = INGOT_U4,
  F8E4M3FN = INGOT_F8E4M3FN,
  F8E4M3FNUZ = INGOT_F8E4M3FNUZ,
  F8E5M2 = INGOT_F8E5M2,
  F8E5M2FNUZ = INGOT_F8E5M2FNUZ,
  F8E8M0FNU = INGOT_F8E8M0FNU,
  F4E2M1FN = INGOT_F4E2M1FN,
  String = INGOT_STRING
};

/// "f32", "i64", "bool"; "dtype 99" is written "unknown".
const char *toString(DType dtype);
/// Bytes of one element, 1 for those that share a byte; 0 for a number that is no element type.
size_t byteSize(DType dtype);
/// How many elements share a byte, the first in its lowest bits: 4 of 2 bits, 2 of 4 bits, else 1.
int64_t elementsPerByte(DType dtype);
/// Bytes of `count` >= 0 elements.
size_t byteSize(DType dtype, int64_t count);
inline bool isValid(DType dtype) { return byteSize(dtype) != 0; }

/// The element type of a C++ type. Floats below F32 and integers below I8 have none here: use
/// rawData().
template <typename T> struct DTypeOf;
template <> struct DTypeOf<bool> {
  static constexpr DType value = DType::Bool;
};
template <> struct DTypeOf<int8_t> {
  static constexpr DType value = DType::I8;
};
template <> struct DTypeOf<int16_t> {
  static constexpr DType value = DType::I16;
};
template <> struct DTypeOf<int32_t> {
  static constexpr DType value = DType::I32;
};
template <> struct DTypeOf<int64_t> {
  static constexpr DType value = DType::I64;
};
template <> struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::U8;
};
template <> struct DTypeOf<uint16_t> {
  static constexpr DType value = DType::U16;
};
template <> struct DTypeOf<uint32_t> {
  static constexpr DType value = DType::U32;
};
template <> struct DTypeOf<uint64_t> {
  static constexpr DType value = DType::U64;
};
template <> struct DTypeOf<float> {
  static constexpr DType value = DType::F32;
};
template <> struct DTypeOf<double> {
  static constexpr DType value = DType::F64;
};
template <> struct DTypeOf<ingot_string> {
  static constexpr DType value = DType::String;
};

using Shape = std::vector<int64_t>;

/// "[32, 784]"; a scalar is "[]".
std::string toString(const int64_t *dims, int64_t rank);
std::string toString(const Shape &shape);

/// Product of the extents. InvalidArgument for a negative extent or more than 2^63 - 1 bytes.
Result<int64_t> countElements(DType dtype, const int64_t *dims, int64_t rank);

/// Somebody else's tensor, for the length of one call. Dims and data stay with their owner; data
/// may have any alignment and may be null when there are no elements.
struct TensorView {
  DType dtype = DType::F32;
  int64_t rank = 0;
  const int64_t *dims = nullptr;
  const void *data = nullptr;
};

/// The product of the extents, none of which is negative; it must fit.
int64_t elementCount(const TensorView &tensor);

/// Element `index` of a tensor of strings.
std::string_view textAt(const TensorView &tensor, int64_t index);

class Tensor {
public:
  /// No elements: f32 of shape [0].
  Tensor() = default;
  Tensor(Tensor &&other) noexcept;
  Tensor &operator=(Tensor &&other) noexcept;
  ~Tensor() = default;
  /// Allocates nothing, as a move may.
  friend void swap(Tensor &a, Tensor &b) noexcept;

  /// Owned memory, all bytes zero. InvalidArgument for a bad dtype or extent, ResourceExhausted.
  static Result<Tensor> zeros(DType dtype, const Shape &shape);

  /// Owned copy of `values`, in row-major order. InvalidArgument when their number is not the
  /// shape's.
  template <typename T> static Result<Tensor> of(const Shape &shape, const std::vector<T> &values);

  /// Owned strings with their bytes, in row-major order. InvalidArgument when their number is not
  /// the shape's.
  static Result<Tensor> ofTexts(const Shape &shape, const std::vector<std::string_view> &texts);

  /// Borrowed memory: `data` belongs to the caller and outlives the tensor. Any alignment.
  /// InvalidArgument for a bad dtype or extent, or for null data where there are elements.
  static Result<Tensor> borrow(DType dtype, const Shape &shape, void *data);

  /// Owned copy, of strings with their bytes.
  Result<Tensor> clone() const;

  /// Becomes `dtype` of `dims`, contents undefined (strings too: the bytes they point to may be
  /// gone). Allocates nothing when the memory it has is
  /// enough. InvalidArgument for a bad dtype or extent, or when borrowed memory is too small;
  /// ResourceExhausted; then it stays as it was.
  Status resize(DType dtype, const int64_t *dims, int64_t rank);
  Status resize(DType dtype, const Shape &shape) {
    return resize(dtype, shape.data(), static_cast<int64_t>(shape.size()));
  }

  DType dtype() const { return dtype_; }
  const Shape &shape() const { return shape_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  /// Extent of `axis`, 0 <= axis < rank().
  int64_t dim(int64_t axis) const { return shape_[static_cast<size_t>(axis)]; }
  int64_t elementCount() const { return count_; }
  size_t byteSize() const { return ingot::byteSize(dtype_, count_); }
  bool ownsMemory() const { return owned_ != nullptr; }

  /// Elements in row-major order; NULL when T is not the element type.
  template <typename T> T *data() {
    return DTypeOf<T>::value == dtype_ ? static_cast<T *>(data_) : nullptr;
  }
  template <typename T> const T *data() const {
    return DTypeOf<T>::value == dtype_ ? static_cast<const T *>(data_) : nullptr;
  }
  void *rawData() { return data_; }
  const void *rawData() const { return data_; }

  /// Valid while this tensor is neither resized, moved nor destroyed.
  operator TensorView() const { return {dtype_, rank(), shape_.data(), data_}; }

private:
  struct Free {
    void operator()(void *block) const;
  };

  DType dtype_ = DType::F32;
  Shape shape_ = {0};
  int64_t count_ = 0;
  void *data_ = nullptr;
  size_t capacity_ = 0; // bytes at data_
  std::unique_ptr<void, Free> owned_;

  static Result<Tensor> copyOf(DType dtype, const Shape &shape, const void *values, size_t count);
};

/// "f32[32, 784]".
std::string describe(const TensorView &tensor);

template <typename T> Result<Tensor> Tensor::of(const Shape &shape, const std::vector<T> &values) {
  static_assert(!std::is_same_v<T, bool>, "std::vector<bool> is packed: use uint8_t and rawData()");
  return copyOf(DTypeOf<T>::value, shape, values.data(), values.size());
}

} // namespace ingot

#endif // INGOT_TENSOR_H
