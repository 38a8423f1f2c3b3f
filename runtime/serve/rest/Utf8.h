// UTF-8 by RFC 3629: shortest forms alone, no surrogates.
#ifndef INGOT_RUNTIME_SERVE_REST_UTF8_H
#define INGOT_RUNTIME_SERVE_REST_UTF8_H

#include <cstddef>
#include <string_view>

namespace ingot::serve::rest {

/// Bytes of the character beyond ASCII that `text` begins with, 0 where it begins with none.
inline size_t utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto isTail = [&](size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  if (text.empty())
    return 0;
  const unsigned char lead = byte(0);
  if (lead >= 0xc2 && lead <= 0xdf)
    return isTail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool isWrong = !isTail(1) || !isTail(2) || (lead == 0xe0 && byte(1) < 0xa0) ||
                         (lead == 0xed && byte(1) > 0x9f);
    return isWrong ? 0 : 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool isWrong = !isTail(1) || !isTail(2) || !isTail(3) ||
                         (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f);
    return isWrong ? 0 : 4;
  }
  return 0;
}

} // namespace ingot::serve::rest

#endif
