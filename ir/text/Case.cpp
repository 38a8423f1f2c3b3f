// See Case.h. The table is in CaseTable.cpp.
#include "ir/text/Case.h"
#include "llvm/ADT/STLExtras.h"

namespace ingot::text {

uint32_t mapCase(uint32_t code, bool toUpper) {
  llvm::ArrayRef<CaseRange> ranges = caseRanges(toUpper);
  const auto *it = llvm::partition_point(ranges, [&](CaseRange r) { return r.last < code; });
  bool isIn = it != ranges.end() && it->first <= code && (code - it->first) % it->stride == 0;
  return isIn ? static_cast<uint32_t>(static_cast<int64_t>(code) + it->delta) : code;
}

std::optional<Character> decode(llvm::StringRef text) {
  if (text.empty())
    return std::nullopt;
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  uint32_t lead = byte(0);
  if (lead < 0x80)
    return Character{lead, 1};
  size_t bytes = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (bytes == 0 || text.size() < bytes)
    return std::nullopt;
  uint32_t code = lead & (0x7Fu >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80)
      return std::nullopt;
    code = code << 6 | (byte(i) & 0x3F);
  }
  bool isOverlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  if (isOverlong || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
    return std::nullopt;
  return Character{code, bytes};
}

void append(std::string &text, uint32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
    return;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr uint32_t leads[] = {0, 0xC0, 0xE0, 0xF0};
  text += static_cast<char>(leads[more] | code >> (6 * more));
  while (more-- > 0)
    text += static_cast<char>(0x80 | (code >> (6 * more) & 0x3F));
}

bool isSpace(uint32_t code) {
  return (code >= 9 && code <= 13) || (code >= 28 && code <= 32) || code == 0x85 || code == 0xA0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
         code == 0x202F || code == 0x205F || code == 0x3000;
}

} // namespace ingot::text
