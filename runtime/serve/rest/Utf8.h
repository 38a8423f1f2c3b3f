// UTF-8 by RFC 3629: shortest forms alone, no surrogates.
#ifndef INGOT_RUNTIME_SERVE_REST_UTF8_H
#define INGOT_RUNTIME_SERVE_REST_UTF8_H

#include <cstddef>
#include <string>
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

/// `text` as UTF-8, cut to `most` bytes but not within a character: each byte that is none becomes
/// U+FFFD (which takes three).
inline std::string toUtf8(std::string_view text, size_t most = std::string_view::npos) {
  if (text.size() > most) {
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80)
      --most;
    text = text.substr(0, most);
  }
  std::string clean;
  for (size_t at = 0; at < text.size();) {
    const bool isAscii = static_cast<unsigned char>(text[at]) < 0x80;
    const size_t length = isAscii ? 1 : utf8Length(text.substr(at));
    clean += length ? text.substr(at, length) : std::string_view("\xef\xbf\xbd");
    at += length ? length : 1;
  }
  return clean;
}

} // namespace ingot::serve::rest

#endif
