// See ShortestFloat.h.
#include "runtime/serve/rest/ShortestFloat.h"

#include "runtime/serve/rest/PowersOfTen.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

namespace ingot::serve::rest {

namespace {

/// Bounds are off by less than 1e-7; what is nearer than this to a whole number may be beyond it.
constexpr double doubt = 1e-6;

// Values are below 10^9 and not negative: integers round them, where the functions of the library
// would be calls.
double wholeOf(double value) { return static_cast<double>(static_cast<int64_t>(value)); }
bool isNearWhole(double value) {
  const double fraction = value - wholeOf(value);
  return fraction < doubt || fraction > 1 - doubt;
}

void dropZeros(ShortDecimal &decimal) {
  while (decimal.digits % 10 == 0) {
    decimal.digits /= 10;
    ++decimal.exponent;
  }
}

} // namespace

bool shortestDecimal(float value, ShortDecimal &decimal) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (bits == 0) {
    decimal = {};
    return true;
  }
  const uint32_t mantissa = bits & 0x7fffff;
  const int biased = static_cast<int>(bits >> 23);
  const int exponent = (biased == 0 ? 1 : biased) - 150; // of the last place
  const double place = std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
  // Below a power of two floats are twice as dense.
  const double below = mantissa == 0 && biased > 1 ? place / 4 : place / 2, above = place / 2;
  const double exact = value, width = below + above;
  int e = (exponent * 315653) >> 20; // log10(2) * 2^20
  if (powerOfTen(e) > width)
    --e;
  const double coarse = powerOfTen(-(e + 1));
  const double low = (exact - below) * coarse, high = (exact + above) * coarse;
  if (isNearWhole(low) || isNearWhole(high))
    return false;
  const double whole = wholeOf(high);
  if (whole > low && whole > 0) {
    decimal = {static_cast<uint32_t>(whole), e + 1};
    dropZeros(decimal);
    return true;
  }
  const double fine = powerOfTen(-e), wanted = exact * fine, nearest = wholeOf(wanted + 0.5);
  if (std::fabs(std::fabs(wanted - nearest) - 0.5) < doubt ||
      nearest - (exact - below) * fine < doubt || (exact + above) * fine - nearest < doubt)
    return false;
  decimal = {static_cast<uint32_t>(nearest), e};
  return true;
}

char *writeDecimal(char *at, const ShortDecimal &decimal) {
  char digits[10];
  const auto count =
      static_cast<int>(std::to_chars(digits, digits + sizeof digits, decimal.digits).ptr - digits);
  const int point = count + decimal.exponent; // digits before it
  const auto copy = [&](int from, int to) {
    std::memcpy(at, digits + from, static_cast<size_t>(to - from));
    at += to - from;
  };
  const auto zeros = [&](int n) {
    std::memset(at, '0', static_cast<size_t>(n));
    at += n;
  };
  if (point > 9 || point < -4) {
    copy(0, 1);
    if (count > 1) {
      *at++ = '.';
      copy(1, count);
    }
    *at++ = 'e';
    *at++ = point > 0 ? '+' : '-';
    const int power = std::abs(point - 1);
    *at++ = static_cast<char>('0' + power / 10);
    *at++ = static_cast<char>('0' + power % 10);
  } else if (point <= 0) {
    *at++ = '0';
    *at++ = '.';
    zeros(-point);
    copy(0, count);
  } else if (point < count) {
    copy(0, point);
    *at++ = '.';
    copy(point, count);
  } else {
    copy(0, count);
    zeros(point - count);
    *at++ = '.';
    *at++ = '0';
  }
  return at;
}

} // namespace ingot::serve::rest
