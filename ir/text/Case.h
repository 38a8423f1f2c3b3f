// Characters of UTF-8 text: taking one off, putting one on, its letter case, whether it is white
// space. Pure functions; used by the text ops and by regular expressions.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>

namespace ingot::text {

/// The code points first, first + stride, … last are mapped to themselves plus delta.
struct CaseRange {
  uint32_t first, last, stride;
  int32_t delta;
};
/// Unicode's simple mappings to lower or upper case, in increasing order; what is not there is
/// mapped to itself.
llvm::ArrayRef<CaseRange> caseRanges(bool toUpper);
uint32_t mapCase(uint32_t code, bool toUpper);

struct Character {
  uint32_t code;
  size_t bytes;
};
/// The first character; nothing where the text does not begin with well-formed UTF-8.
std::optional<Character> decode(llvm::StringRef text);
void append(std::string &text, uint32_t code);

/// As Python's str.isspace has it.
bool isSpace(uint32_t code);

} // namespace ingot::text
