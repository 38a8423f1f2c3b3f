// See Base64.h.
#include "runtime/serve/rest/Base64.h"

#include <array>
#include <cstdint>

namespace ingot::serve::rest {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> makeValues() {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<int8_t>(i);
  values['-'] = 62;
  values['_'] = 63;
  return values;
}
constexpr std::array<int8_t, 256> values = makeValues();

int valueOf(char c) { return values[static_cast<unsigned char>(c)]; }

} // namespace

bool decodeBase64(std::string_view text, Bytes &bytes) {
  if (text.size() % 4 == 0)
    for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding)
      text.remove_suffix(1);
  const size_t tail = text.size() % 4;
  if (tail == 1)
    return false;
  char *out = bytes.room(text.size() / 4 * 3 + 3), *first = out;
  size_t at = 0;
  for (; at + 4 <= text.size(); at += 4) {
    const int a = valueOf(text[at]), b = valueOf(text[at + 1]), c = valueOf(text[at + 2]),
              d = valueOf(text[at + 3]);
    if ((a | b | c | d) < 0)
      return false;
    *out++ = static_cast<char>(a << 2 | b >> 4);
    *out++ = static_cast<char>((b & 15) << 4 | c >> 2);
    *out++ = static_cast<char>((c & 3) << 6 | d);
  }
  if (tail > 0) {
    const int a = valueOf(text[at]), b = valueOf(text[at + 1]),
              c = tail == 3 ? valueOf(text[at + 2]) : 0;
    if ((a | b | c) < 0)
      return false;
    *out++ = static_cast<char>(a << 2 | b >> 4);
    if (tail == 3)
      *out++ = static_cast<char>((b & 15) << 4 | c >> 2);
  }
  bytes.advance(static_cast<size_t>(out - first));
  return true;
}

void encodeBase64(std::string_view bytes, Bytes &text) {
  char *out = text.room((bytes.size() + 2) / 3 * 4), *first = out;
  auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    *out++ = alphabet[byte(at) >> 2];
    *out++ = alphabet[(byte(at) & 3) << 4 | byte(at + 1) >> 4];
    *out++ = alphabet[(byte(at + 1) & 15) << 2 | byte(at + 2) >> 6];
    *out++ = alphabet[byte(at + 2) & 63];
  }
  if (const size_t tail = bytes.size() - at; tail > 0) {
    const unsigned second = tail == 2 ? byte(at + 1) : 0;
    *out++ = alphabet[byte(at) >> 2];
    *out++ = alphabet[(byte(at) & 3) << 4 | second >> 4];
    *out++ = tail == 2 ? alphabet[(second & 15) << 2] : '=';
    *out++ = '=';
  }
  text.advance(static_cast<size_t>(out - first));
}

} // namespace ingot::serve::rest
