// The shortest decimal digits that read back as the same float. std::to_chars finds the same ones.
//
// How: all decimals between the middles to the neighbours read back as the float. Its width w is
// between 10^e and 10^(e+1), so there is at most one multiple of 10^(e+1) in there, which has the
// fewest digits, and else the multiple of 10^e nearest to the float. 24 bits leave room in doubles
// to tell all this for sure, but for bounds within 1e-6 of a multiple: those go to std::to_chars.
#ifndef INGOT_RUNTIME_SERVE_REST_SHORTESTFLOAT_H
#define INGOT_RUNTIME_SERVE_REST_SHORTESTFLOAT_H

#include <cstdint>

namespace ingot::serve::rest {

/// digits * 10^exponent; digits has at most 9 and does not end in 0, but for 0 itself.
struct ShortDecimal {
  uint32_t digits = 0;
  int exponent = 0;
};

/// Of a finite float >= 0. False: it cannot be told here.
bool shortestDecimal(float value, ShortDecimal &decimal);

/// Writes it as JSON, at most 24 characters, and returns the end: "0.1", "1.0", "1.5e+20".
char *writeDecimal(char *at, const ShortDecimal &decimal);

} // namespace ingot::serve::rest

#endif
