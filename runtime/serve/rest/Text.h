// Small things that HTTP and JSON do with text: case, space, percent signs, numbers.
#ifndef INGOT_RUNTIME_SERVE_REST_TEXT_H
#define INGOT_RUNTIME_SERVE_REST_TEXT_H

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace ingot::serve::rest {

inline bool isDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
/// Between the tokens of JSON.
inline bool isJsonSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

inline char toLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline bool equalsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size())
    return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (toLower(a[i]) != toLower(b[i]))
      return false;
  return true;
}

inline std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

/// Digits alone, as a whole.
template <typename T> std::optional<T> parseNumber(std::string_view text) {
  T value{};
  if (text.empty() || text[0] == '-' || text[0] == '+')
    return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// %41 is A; what is no such escape stays.
inline std::string percentDecode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char *digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      decoded += static_cast<char>(value);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

} // namespace ingot::serve::rest

#endif
