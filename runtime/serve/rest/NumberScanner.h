// One number of JSON's grammar at `at` into T, without the reader: the inner loop of
// JsonNumbers.cpp, and what its tests compare with std::from_chars.
//
// Invariant: a float is the one nearest to the decimal value. How: up to 19 digits are an exact
// 64-bit integer m. For a double, m below 2^53 and 10^|k| up to 22 are exact, and one operation
// rounds once. For a float, m * 10^k in double is rounded three times, and off by less than 4 units
// in its last place: that decides the float unless the double is within 4 units of the middle of
// two floats. Those, and everything outside these ranges, go to std::from_chars.
#ifndef INGOT_RUNTIME_SERVE_REST_NUMBERSCANNER_H
#define INGOT_RUNTIME_SERVE_REST_NUMBERSCANNER_H

#include "runtime/serve/rest/PowersOfTen.h"
#include "runtime/serve/rest/Text.h"

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace ingot::serve::rest {

enum class NumberError {
  None,
  Syntax,     ///< not a number of JSON
  NotInteger, ///< a fraction, an exponent, NaN where an integer is wanted
  Range
};

namespace detail {

/// The value of eight digits, each as a number, the first in the lowest byte.
inline uint64_t valueOfDigits(uint64_t digits) {
  digits = digits * 10 + (digits >> 8);
  return (((digits & 0x000000ff000000ff) * 0x000f424000000064) +
          (((digits >> 16) & 0x000000ff000000ff) * 0x0000271000000001)) >>
         32;
}

inline constexpr uint64_t tenTo[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};

/// Digits at `at` into m, which wraps beyond 19 of them. Eight bytes are looked at together, so
/// that nothing branches on how many digits there are.
inline void scanDigits(const char *&at, const char *end, uint64_t &m) {
  while (end - at >= 8) {
    uint64_t digits;
    std::memcpy(&digits, at, 8);
    digits ^= 0x3030303030303030;
    // The high bit of each byte that is no digit; right up to the first of them.
    const uint64_t others = ((digits + 0x7676767676767676) | digits) & 0x8080808080808080;
    if (others) {
      const int count = std::countr_zero(others) / 8;
      if (count > 0)
        m = m * tenTo[count] + valueOfDigits(digits << (64 - 8 * count));
      at += count;
      return;
    }
    m = m * 100000000 + valueOfDigits(digits);
    at += 8;
  }
  for (; at < end && isDigit(*at); ++at)
    m = m * 10 + static_cast<uint64_t>(*at - '0');
}

/// The parts of a number as they stand.
struct Decimal {
  bool isNegative = false, isInteger = true;
  uint64_t digits = 0; ///< without point; right where digitCount <= 19
  int64_t digitCount = 0, exponent = 0;
};

/// NaN, Infinity, -Infinity at `at`.
inline bool scanSpecial(const char *&at, const char *end, double &value) {
  const bool isNegative = at < end && *at == '-';
  const char *word = at + isNegative;
  auto is = [&](const char *text, std::ptrdiff_t length) {
    return end - word >= length && std::memcmp(word, text, static_cast<size_t>(length)) == 0;
  };
  if (is("Infinity", 8)) {
    value = isNegative ? -std::numeric_limits<double>::infinity()
                       : std::numeric_limits<double>::infinity();
    at = word + 8;
    return true;
  }
  if (isNegative || !is("NaN", 3))
    return false;
  value = std::numeric_limits<double>::quiet_NaN();
  at = word + 3;
  return true;
}

inline bool scanDecimal(const char *&at, const char *end, Decimal &decimal) {
  const char *p = at;
  decimal.isNegative = p < end && *p == '-';
  p += decimal.isNegative;
  const char *first = p;
  scanDigits(p, end, decimal.digits);
  if (p == first || (*first == '0' && p - first > 1))
    return false;
  decimal.digitCount = p - first;
  if (p < end && *p == '.') {
    const char *fraction = ++p;
    scanDigits(p, end, decimal.digits);
    if (p == fraction)
      return false;
    decimal.digitCount += p - fraction;
    decimal.exponent = fraction - p;
    decimal.isInteger = false;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool isNegative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    const char *digits = p;
    int64_t exponent = 0;
    // Beyond that no number of digits, which memory bounds, makes up for it.
    for (; p < end && isDigit(*p); ++p)
      exponent = exponent < int64_t{1} << 56 ? exponent * 10 + (*p - '0') : exponent;
    if (p == digits)
      return false;
    decimal.exponent += isNegative ? -exponent : exponent;
    decimal.isInteger = false;
  }
  at = p;
  return true;
}

/// Leading zeros are no digits: 0.000123 has 3.
inline int64_t significantDigits(const Decimal &decimal, const char *text) {
  int64_t zeros = 0;
  for (const char *p = text + decimal.isNegative; zeros < decimal.digitCount; ++p) {
    if (*p == '.')
      continue;
    if (*p != '0')
      break;
    ++zeros;
  }
  return decimal.digitCount - zeros;
}

template <typename T>
NumberError slowFloat(const char *text, const char *end, const Decimal &decimal, T &value) {
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error == std::errc())
    return stop == end ? NumberError::None : NumberError::Syntax;
  // Too small is 0; too large has no value. What from_chars says does not tell which.
  const int64_t magnitude = significantDigits(decimal, text) + decimal.exponent;
  if (magnitude > 0)
    return NumberError::Range;
  value = decimal.isNegative ? -T(0) : T(0);
  return NumberError::None;
}

inline NumberError toFloat(const char *text, const char *end, const Decimal &decimal,
                           double &value) {
  const uint64_t m = decimal.digits;
  const int64_t k = decimal.exponent;
  if ((decimal.digitCount > 19 && significantDigits(decimal, text) > 19) || k < -22 || k > 22 ||
      m > uint64_t{1} << 53)
    return slowFloat(text, end, decimal, value);
  const double whole = static_cast<double>(m);
  const double magnitude = k < 0 ? whole / powerOfTen(-k) : whole * powerOfTen(k);
  value = decimal.isNegative ? -magnitude : magnitude;
  return NumberError::None;
}

inline NumberError toFloat(const char *text, const char *end, const Decimal &decimal,
                           float &value) {
  const int64_t k = decimal.exponent;
  if ((decimal.digitCount > 19 && significantDigits(decimal, text) > 19) ||
      k < -largestPowerOfTen || k > largestPowerOfTen)
    return slowFloat(text, end, decimal, value);
  const double magnitude = static_cast<double>(decimal.digits) * powerOfTen(k);
  const uint64_t tail = std::bit_cast<uint64_t>(magnitude) & 0x1fffffff;
  const bool isMiddle = tail - 0x0ffffffc <= 8;
  // Below the least normal float the middles lie elsewhere.
  if (isMiddle || magnitude > std::numeric_limits<float>::max() ||
      (magnitude < 0x1p-126 && decimal.digits != 0))
    return slowFloat(text, end, decimal, value);
  value = static_cast<float>(decimal.isNegative ? -magnitude : magnitude);
  return NumberError::None;
}

template <typename T>
NumberError toInteger(const char *text, const char *end, const Decimal &decimal, T &value) {
  if (!decimal.isInteger)
    return NumberError::NotInteger;
  if (decimal.digitCount > 18) {
    // -0 is 0 for unsigned types too, which from_chars refuses; it has one digit.
    const auto [stop, error] = std::from_chars(text, end, value);
    return error == std::errc() && stop == end ? NumberError::None : NumberError::Range;
  }
  const int64_t whole = decimal.isNegative ? -static_cast<int64_t>(decimal.digits)
                                           : static_cast<int64_t>(decimal.digits);
  if constexpr (std::is_unsigned_v<T>) {
    if (whole < 0 || static_cast<uint64_t>(whole) > std::numeric_limits<T>::max())
      return NumberError::Range;
  } else {
    if (whole < std::numeric_limits<T>::min() || whole > std::numeric_limits<T>::max())
      return NumberError::Range;
  }
  value = static_cast<T>(whole);
  return NumberError::None;
}

} // namespace detail

/// Reads a number; `at` is then behind it, or, after Syntax, where it was.
template <typename T> NumberError scanNumber(const char *&at, const char *end, T &value) {
  const char *text = at;
  detail::Decimal decimal;
  if (!detail::scanDecimal(at, end, decimal)) {
    double special = 0;
    if (!detail::scanSpecial(at, end, special))
      return NumberError::Syntax;
    if constexpr (!std::is_floating_point_v<T>)
      return NumberError::NotInteger;
    value = static_cast<T>(special);
    return NumberError::None;
  }
  if constexpr (std::is_floating_point_v<T>)
    return detail::toFloat(text, at, decimal, value);
  else
    return detail::toInteger(text, at, decimal, value);
}

} // namespace ingot::serve::rest

#endif
