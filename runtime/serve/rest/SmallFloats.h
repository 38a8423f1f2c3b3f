// f16 and bf16 from and to float, for JSON: bit by bit, since not every compiler here has the
// types.
#ifndef INGOT_RUNTIME_SERVE_REST_SMALLFLOATS_H
#define INGOT_RUNTIME_SERVE_REST_SMALLFLOATS_H

#include <bit>
#include <cmath>
#include <cstdint>

namespace ingot::serve::rest {

inline float fromBf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

/// Rounded to nearest, ties to even.
inline uint16_t toBf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value))
    return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float fromF16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const int exponent = bits >> 10 & 0x1f;
  const uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0x1f)
    return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
  // 2^(exponent - 15) * 1.mantissa, or 2^-14 * 0.mantissa.
  const float magnitude = exponent == 0
                              ? std::ldexp(static_cast<float>(mantissa), -24)
                              : std::ldexp(static_cast<float>(mantissa | 0x400), exponent - 25);
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
}

/// Rounded to nearest, ties to even; too large is infinity.
inline uint16_t toF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  if (std::isnan(value))
    return static_cast<uint16_t>(sign | 0x7e00);
  const float magnitude = std::fabs(value);
  if (magnitude >= 65520.f)
    return static_cast<uint16_t>(sign | 0x7c00);
  // In units of the last place, which the rounding mode makes whole.
  const int exponent = magnitude < 0x1p-14f ? -14 : std::ilogb(magnitude);
  const auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  return static_cast<uint16_t>(sign | (units + (static_cast<uint32_t>(exponent + 14) << 10)));
}

} // namespace ingot::serve::rest

#endif
