// See PythonText.h.
#include "runtime/train/PythonText.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace ingot::train {

std::string pythonRepr(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value > 0 ? "inf" : "-inf";
  char text[64];
  char *end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  std::string digits(text, end); // "-1.2345e-05"
  const size_t e = digits.find('e');
  const int exponent = std::stoi(digits.substr(e + 1));
  if (exponent < -4 || exponent >= 16)
    return digits;
  end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr;
  std::string plain(text, end);
  return plain.find('.') == std::string::npos ? plain + ".0" : plain;
}

std::string pythonFormat(const char *format, double value) {
  char text[512]; // 309 digits of the largest number and some behind the point
  std::snprintf(text, sizeof text, format, std::isnan(value) ? std::fabs(value) : value);
  return text;
}

} // namespace ingot::train
