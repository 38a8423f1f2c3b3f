// Storage and rounding of the reference interpreter's values.
#include "ir/reference/Tensor.h"
#include "ir/Text.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>
#include <cstring>

using namespace mlir;

namespace ingot::reference {

bool isText(Type element) { return llvm::isa<text::StringType>(element) || element.isInteger(128); }

Number textNumber(MLIRContext *context, llvm::StringRef text) {
  if (text.empty())
    return Number::integer(0);
  const void *kept = StringAttr::get(context, text).getAsOpaquePointer();
  return Number::integer(static_cast<int64_t>(reinterpret_cast<uintptr_t>(kept)));
}

llvm::StringRef textOf(Number number) {
  if (number.i == 0)
    return {};
  auto *kept = reinterpret_cast<const void *>(static_cast<uintptr_t>(number.i));
  return llvm::cast<StringAttr>(Attribute::getFromOpaquePointer(kept)).getValue();
}

unsigned bitsOf(Type element) { return isText(element) ? 128 : element.getIntOrFloatBitWidth(); }

int64_t elementBytes(Type element) { return std::max<int64_t>(1, bitsOf(element) / 8); }

int64_t elementsPerByte(Type element) {
  unsigned width = bitsOf(element);
  return width == 1 || width >= 8 ? 1 : 8 / width;
}

int64_t storedBytes(Type element, int64_t count) {
  int64_t perByte = elementsPerByte(element);
  return (count + perByte - 1) / perByte * elementBytes(element);
}

Number roundTo(Type element, Number value) {
  if (auto floatType = llvm::dyn_cast<FloatType>(element)) {
    double v = value.isFloat ? value.f : static_cast<double>(value.i);
    if (floatType.isF64())
      return Number::real(v);
    if (floatType.isF32())
      return Number::real(static_cast<float>(v));
    const llvm::fltSemantics &semantics = floatType.getFloatSemantics();
    if (std::isnan(v) && !llvm::APFloat::semanticsHasNaN(semantics))
      return Number::real(0);
    if (v == 0 && !llvm::APFloat::semanticsHasZero(semantics))
      return Number::real(llvm::APFloat::getSmallest(semantics).convertToDouble());
    if (v < 0 && !llvm::APFloat::semanticsHasSignedRepr(semantics))
      return Number::real(std::numeric_limits<double>::quiet_NaN());
    llvm::APFloat exact(v);
    bool losesInfo;
    exact.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return Number::real(toDouble(exact));
  }
  int64_t v = value.isFloat ? static_cast<int64_t>(value.f) : value.i;
  unsigned width = bitsOf(element);
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

double toDouble(const llvm::APFloat &v) {
  if (v.isNaN()) // the conversion makes f8E8M0FNU's infinite
    return std::copysign(std::numeric_limits<double>::quiet_NaN(), v.isNegative() ? -1.0 : 1.0);
  return v.convertToDouble();
}

uint64_t toBits(Type element, Number value) {
  if (auto floatType = llvm::dyn_cast<FloatType>(element)) {
    llvm::APFloat v(value.f);
    bool losesInfo;
    v.convert(floatType.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return v.bitcastToAPInt().getZExtValue();
  }
  unsigned width = element.getIntOrFloatBitWidth();
  return static_cast<uint64_t>(value.i) & (~uint64_t(0) >> (64 - width));
}

Number fromBits(Type element, uint64_t bits) {
  auto floatType = llvm::dyn_cast<FloatType>(element);
  if (!floatType)
    return element.isInteger(1) ? Number::boolean(bits != 0)
                                : roundTo(element, Number::integer(static_cast<int64_t>(bits)));
  return Number::real(toDouble(
      llvm::APFloat(floatType.getFloatSemantics(), llvm::APInt(floatType.getWidth(), bits))));
}

namespace {
/// The same as ingot_string, which ir/ does not see.
struct StoredText {
  const char *data;
  uint64_t size;
};
} // namespace

void Tensor::copyFrom(const void *data) {
  if (isText(elementType)) {
    for (int64_t i = 0, n = numElements(); i < n; ++i) {
      StoredText text;
      std::memcpy(&text, static_cast<const char *>(data) + i * sizeof text, sizeof text);
      set(i, textNumber(elementType.getContext(), {text.data, text.size}));
    }
    return;
  }
  int64_t perByte = elementsPerByte(elementType), bytes = elementBytes(elementType);
  unsigned width = 8 / perByte;
  for (int64_t i = 0, n = numElements(); i < n; ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, static_cast<const char *>(data) + i / perByte * bytes, bytes);
    if (perByte > 1)
      bits = (bits >> (i % perByte * width)) & ((1u << width) - 1);
    set(i, fromBits(elementType, bits));
  }
}

void Tensor::copyTo(void *data) const {
  if (isText(elementType)) {
    for (int64_t i = 0, n = numElements(); i < n; ++i) {
      llvm::StringRef bytes = textOf(get(i));
      StoredText text = {bytes.data(), bytes.size()};
      std::memcpy(static_cast<char *>(data) + i * sizeof text, &text, sizeof text);
    }
    return;
  }
  int64_t perByte = elementsPerByte(elementType), bytes = elementBytes(elementType);
  unsigned width = 8 / perByte;
  uint64_t shared = 0;
  for (int64_t i = 0, n = numElements(); i < n; ++i) {
    uint64_t bits = toBits(elementType, get(i));
    shared = i % perByte == 0 ? bits : shared | bits << (i % perByte * width);
    std::memcpy(static_cast<char *>(data) + i / perByte * bytes, &shared, bytes);
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
