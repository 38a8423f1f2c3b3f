// Sets of characters, assertions, and the meaning of a pattern as sets of places. See Regex.h.
#include "ir/text/Regex.h"
#include "ir/text/Case.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

namespace ingot::text {

void CharSet::normalize() {
  llvm::sort(ranges);
  std::vector<std::pair<uint32_t, uint32_t>> joined;
  for (auto [first, last] : ranges)
    if (!joined.empty() && first <= joined.back().second + 1)
      joined.back().second = std::max(joined.back().second, last);
    else
      joined.emplace_back(first, last);
  ranges = std::move(joined);
}

void CharSet::negate() {
  normalize();
  std::vector<std::pair<uint32_t, uint32_t>> others;
  uint32_t next = 0;
  for (auto [first, last] : ranges) {
    if (first > next)
      others.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= 0x10FFFF)
    others.emplace_back(next, 0x10FFFF);
  ranges = std::move(others);
}

bool CharSet::contains(uint32_t code) const {
  auto it = llvm::partition_point(ranges, [&](auto range) { return range.second < code; });
  return it != ranges.end() && it->first <= code;
}

void CharSet::foldCase() {
  normalize();
  for (size_t before = 0; before != ranges.size();) { // K, k, then the Kelvin sign
    before = ranges.size();
    CharSet more;
    for (bool toUpper : {false, true})
      for (CaseRange range : caseRanges(toUpper))
        for (uint32_t code = range.first; code <= range.last; code += range.stride) {
          uint32_t other = static_cast<uint32_t>(static_cast<int64_t>(code) + range.delta);
          if (contains(code))
            more.add(other, other);
          if (contains(other))
            more.add(code, code);
        }
    ranges.insert(ranges.end(), more.ranges.begin(), more.ranges.end());
    normalize();
  }
}

bool holdsBetween(Assertion assertion, int64_t before, int64_t after) {
  switch (assertion) {
  case Assertion::TextStart:
    return before < 0;
  case Assertion::TextEnd:
    return after < 0;
  case Assertion::LineStart:
    return before < 0 || before == '\n';
  case Assertion::LineEnd:
    return after < 0 || after == '\n';
  case Assertion::WordBoundary:
    return isWordByte(before) != isWordByte(after);
  case Assertion::NoWordBoundary:
    return isWordByte(before) == isWordByte(after);
  }
  return false;
}

namespace {

constexpr uint32_t kNoCharacter = 0xFFFFFFFF;

/// The characters of a text; a byte that is no UTF-8 is one that is in no set.
std::vector<uint32_t> charactersOf(llvm::StringRef text) {
  std::vector<uint32_t> characters;
  while (!text.empty()) {
    auto character = decode(text);
    characters.push_back(character ? character->code : kNoCharacter);
    text = text.drop_front(character ? character->bytes : 1);
  }
  return characters;
}

using Places = std::vector<bool>; // by number of characters before it

Places joined(Places x, const Places &y) {
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = x[i] || y[i];
  return x;
}

/// Where a match may end that begins at one of these places.
Places endsOf(const Pattern &pattern, const std::vector<uint32_t> &text, const Places &starts) {
  Places ends(starts.size(), false);
  auto characterAt = [&](size_t i) { return i < text.size() ? static_cast<int64_t>(text[i]) : -1; };
  switch (pattern.kind) {
  case Pattern::Kind::Chars:
    for (size_t i = 0; i < text.size(); ++i)
      ends[i + 1] = starts[i] && pattern.chars.contains(text[i]);
    return ends;
  case Pattern::Kind::Assert:
    for (size_t i = 0; i <= text.size(); ++i)
      ends[i] = starts[i] &&
                holdsBetween(pattern.assertion, i > 0 ? characterAt(i - 1) : -1, characterAt(i));
    return ends;
  case Pattern::Kind::Sequence:
    ends = starts;
    for (const Pattern &part : pattern.parts)
      ends = endsOf(part, text, ends);
    return ends;
  case Pattern::Kind::Choice:
    for (const Pattern &part : pattern.parts)
      ends = joined(std::move(ends), endsOf(part, text, starts));
    return ends;
  case Pattern::Kind::Repeat:
    break;
  }
  Places now = starts;
  for (int64_t i = 0; i < pattern.least; ++i)
    now = endsOf(pattern.parts[0], text, now);
  ends = now;
  for (int64_t i = pattern.least; pattern.most < 0 || i < pattern.most; ++i) {
    now = endsOf(pattern.parts[0], text, now);
    Places more = joined(ends, now);
    if (more == ends && pattern.most < 0)
      break;
    ends = std::move(more);
  }
  return ends;
}

} // namespace

bool matches(const Pattern &pattern, llvm::StringRef text) {
  std::vector<uint32_t> characters = charactersOf(text);
  Places starts(characters.size() + 1, false);
  starts[0] = true;
  return endsOf(pattern, characters, starts).back();
}

} // namespace ingot::text
