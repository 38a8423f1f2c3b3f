// See Difference.h.
#include "tools/ingot/Difference.h"
#include <algorithm>
#include <cmath>
#include <cstring>

namespace ingot::cli {
namespace {

/// An element's bits as a number that counts the values of its type in order, so that the distance
/// of two is their distance in units of the last place. Requires a float type.
int64_t ordered(const TensorView &tensor, int64_t index) {
  int64_t share = elementsPerByte(tensor.dtype);
  auto width = static_cast<int64_t>(byteSize(tensor.dtype)) * 8 / share;
  uint64_t bits = 0;
  const char *bytes = static_cast<const char *>(tensor.data);
  if (width >= 8) {
    std::memcpy(&bits, bytes + index * (width / 8), static_cast<size_t>(width / 8));
  } else {
    auto byte = static_cast<uint8_t>(bytes[index / share]);
    bits = byte >> (index % share * width) & ((1u << width) - 1);
  }
  if (tensor.dtype == DType::F8E8M0FNU)
    return static_cast<int64_t>(bits); // it has no sign
  uint64_t sign = uint64_t(1) << (width - 1);
  auto magnitude = static_cast<int64_t>(bits & (sign - 1));
  return bits & sign ? -magnitude : magnitude;
}

void raise(Worst &worst, double value, int64_t index) {
  if (value > worst.value || worst.index < 0)
    worst = {value, index, -1};
}

/// Distance of two integers, exact below 2^53.
double integerDistance(const TensorView &a, const TensorView &b, int64_t index) {
  if (a.dtype == DType::I64 || a.dtype == DType::U64) {
    uint64_t x = 0, y = 0;
    std::memcpy(&x, static_cast<const char *>(a.data) + index * 8, 8);
    std::memcpy(&y, static_cast<const char *>(b.data) + index * 8, 8);
    bool isGreater =
        a.dtype == DType::I64 ? static_cast<int64_t>(x) > static_cast<int64_t>(y) : x > y;
    return static_cast<double>(isGreater ? x - y : y - x);
  }
  return std::fabs(elementAt(a, index) - elementAt(b, index));
}

double largestMagnitude(const TensorView &tensor) {
  double largest = 0;
  for (int64_t i = 0, count = elementCount(tensor); i < count; ++i)
    if (double value = std::fabs(elementAt(tensor, i)); std::isfinite(value))
      largest = std::max(largest, value);
  return largest;
}

} // namespace

Difference differenceOf(const TensorView &actual, const TensorView &expected,
                        const Tolerance &tolerance) {
  Difference d;
  bool isReal = isFloat(expected.dtype);
  double scale = isReal ? largestMagnitude(expected) : 0, worst = -1;
  for (int64_t i = 0, count = elementCount(expected); i < count; ++i) {
    double a = elementAt(actual, i), e = elementAt(expected, i);
    if (isReal && (a == e || (std::isnan(a) && std::isnan(e))))
      continue;
    bool isFinite = std::isfinite(a) && std::isfinite(e);
    double error = !isReal    ? integerDistance(actual, expected, i)
                   : isFinite ? std::fabs(a - e)
                              : INFINITY;
    if (error == 0)
      continue;
    if (isFinite) {
      raise(d.absolute, error, i);
      raise(d.relative, e == 0 ? INFINITY : error / std::fabs(e), i);
      if (isReal)
        raise(d.ulp, std::fabs(double(ordered(actual, i)) - double(ordered(expected, i))), i);
    } else {
      ++d.nanCount;
    }
    double allowed = tolerance.absolute;
    if (isReal)
      allowed += tolerance.relative * (tolerance.isElementwise ? std::fabs(e) : scale);
    bool isBeyond = !isFinite || !(error <= allowed);
    d.mismatches += isBeyond;
    // Of elements within the tolerance the farthest off is shown only where none is beyond it.
    double rank = !isFinite                 ? INFINITY
                  : tolerance.isElementwise ? error / (allowed + 1e-300)
                                            : error;
    if (rank > worst) {
      worst = rank;
      d.worstIndex = i;
    }
  }
  d.ofLargest = d.nanCount > 0 ? INFINITY : scale > 0 ? d.absolute.value / scale : d.absolute.value;
  return d;
}

void merge(Difference &all, const Difference &one, int64_t step) {
  if (all.worstIndex < 0 || one.ofLargest > all.ofLargest || (one.mismatches && !all.mismatches)) {
    all.worstIndex = one.worstIndex;
    all.worstStep = step;
  }
  auto take = [&](Worst &into, const Worst &from) {
    if (from.index >= 0 && (into.index < 0 || from.value > into.value))
      into = {from.value, from.index, step};
  };
  take(all.absolute, one.absolute);
  take(all.relative, one.relative);
  take(all.ulp, one.ulp);
  all.ofLargest = std::max(all.ofLargest, one.ofLargest);
  all.nanCount += one.nanCount;
  all.mismatches += one.mismatches;
}

} // namespace ingot::cli
