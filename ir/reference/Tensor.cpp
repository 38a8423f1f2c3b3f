// Storage and rounding of the reference interpreter's values.
#include "ir/reference/Tensor.h"
#include "ir/Pch.h"
#include "llvm/ADT/APFloat.h"
#include <cstring>

using namespace mlir;

namespace ingot::reference {

int64_t elementBytes(Type element) {
  return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
}

Number roundTo(Type element, Number value) {
  if (auto floatType = llvm::dyn_cast<FloatType>(element)) {
    double v = value.isFloat ? value.f : static_cast<double>(value.i);
    if (floatType.isF64())
      return Number::real(v);
    if (floatType.isF32())
      return Number::real(static_cast<float>(v));
    llvm::APFloat exact(v);
    bool losesInfo;
    exact.convert(floatType.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    exact.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return Number::real(exact.convertToDouble());
  }
  int64_t v = value.isFloat ? static_cast<int64_t>(value.f) : value.i;
  unsigned width = element.getIntOrFloatBitWidth();
  if (width == 1)
    return Number::integer(v & 1);
  if (width < 64) {
    uint64_t bits = static_cast<uint64_t>(v) << (64 - width);
    v = element.isUnsignedInteger() ? static_cast<int64_t>(bits >> (64 - width))
                                    : static_cast<int64_t>(bits) >> (64 - width);
  }
  return Number::integer(v);
}

Tensor::Tensor(Type element, llvm::ArrayRef<int64_t> shape)
    : elementType(element), sizes(shape.begin(), shape.end()) {
  if (isFloat())
    floats.resize(numElements());
  else
    integers.resize(numElements());
}

Tensor Tensor::scalar(Type element, Number value) {
  Tensor t(element, {});
  t.set(int64_t(0), roundTo(element, value));
  return t;
}

int64_t Tensor::numElements() const {
  int64_t n = 1;
  for (int64_t size : sizes)
    n *= size;
  return n;
}

Number Tensor::get(int64_t linear) const {
  return isFloat() ? Number::real(floats[linear]) : Number::integer(integers[linear]);
}

void Tensor::set(int64_t linear, Number value) {
  if (isFloat())
    floats[linear] = value.isFloat ? value.f : static_cast<double>(value.i);
  else
    integers[linear] = value.isFloat ? static_cast<int64_t>(value.f) : value.i;
}

int64_t Tensor::linearize(llvm::ArrayRef<int64_t> index) const {
  int64_t linear = 0;
  for (size_t d = 0; d < sizes.size(); ++d)
    linear = linear * sizes[d] + index[d];
  return linear;
}

void Tensor::round() {
  for (int64_t i = 0, e = numElements(); i < e; ++i)
    set(i, roundTo(elementType, get(i)));
}

void Tensor::copyFrom(const void *data) {
  int64_t n = numElements(), bytes = elementBytes(elementType);
  for (int64_t i = 0; i < n; ++i) {
    const char *p = static_cast<const char *>(data) + i * bytes;
    uint64_t bits = 0;
    std::memcpy(&bits, p, bytes);
    if (auto floatType = llvm::dyn_cast<FloatType>(elementType)) {
      llvm::APFloat v(floatType.getFloatSemantics(), llvm::APInt(bytes * 8, bits));
      bool losesInfo;
      v.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      floats[i] = v.convertToDouble();
    } else {
      integers[i] = roundTo(elementType, Number::integer(static_cast<int64_t>(bits))).i;
    }
  }
}

void Tensor::copyTo(void *data) const {
  int64_t n = numElements(), bytes = elementBytes(elementType);
  for (int64_t i = 0; i < n; ++i) {
    uint64_t bits;
    if (auto floatType = llvm::dyn_cast<FloatType>(elementType)) {
      llvm::APFloat v(floats[i]);
      bool losesInfo;
      v.convert(floatType.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      bits = v.bitcastToAPInt().getZExtValue();
    } else {
      bits = static_cast<uint64_t>(integers[i]);
    }
    std::memcpy(static_cast<char *>(data) + i * bytes, &bits, bytes);
  }
}

Tensor Tensor::reshaped(llvm::ArrayRef<int64_t> shape) const {
  Tensor result = *this;
  result.sizes.assign(shape.begin(), shape.end());
  return result;
}

void forEachIndex(llvm::ArrayRef<int64_t> shape,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit) {
  for (int64_t size : shape)
    if (size == 0)
      return;
  llvm::SmallVector<int64_t, 6> index(shape.size(), 0);
  while (true) {
    visit(index);
    int64_t d = static_cast<int64_t>(shape.size()) - 1;
    while (d >= 0 && ++index[d] == shape[d])
      index[d--] = 0;
    if (d < 0)
      return;
  }
}

} // namespace ingot::reference
