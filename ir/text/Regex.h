// Regular expressions in RE2's syntax, for matching whole texts: a parser, what a pattern means,
// and the automaton over bytes that compiled code walks.
//
// Neither backtracks: time is linear in the text whatever the pattern. Patterns come from model
// files: their length, depth, repetitions and the automaton's size are bounded. Used by
// graph.text_match; the two ways to match are each other's test.
#pragma once
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace ingot::text {

/// Code points as increasing ranges with gaps between them.
struct CharSet {
  std::vector<std::pair<uint32_t, uint32_t>> ranges;
  void add(uint32_t first, uint32_t last) { ranges.emplace_back(first, last); }
  /// Sorts and joins what was added.
  void normalize();
  void negate();
  /// Adds what differs from a member in letter case alone.
  void foldCase();
  bool contains(uint32_t code) const;
};

/// What must hold between two characters.
enum class Assertion { TextStart, TextEnd, LineStart, LineEnd, WordBoundary, NoWordBoundary };

struct Pattern {
  enum class Kind { Chars, Assert, Sequence, Choice, Repeat } kind = Kind::Sequence;
  CharSet chars;
  Assertion assertion = Assertion::TextStart;
  std::vector<Pattern> parts;  // Repeat: one
  int64_t least = 0, most = 0; // of Repeat; most -1: any number
};

/// An error says what of the pattern is wrong or not supported, and where.
llvm::Expected<Pattern> parsePattern(llvm::StringRef pattern);

/// The meaning: whether the whole text matches.
bool matches(const Pattern &pattern, llvm::StringRef text);

/// A deterministic automaton over bytes, starting in state 0: byte b leads from state s to
/// next[s * classCount + classes[b]].
struct Automaton {
  std::vector<int32_t> next;
  std::array<int32_t, 256> classes;
  int32_t classCount = 0;
  std::vector<int8_t> accepts; // by state
};
constexpr size_t kMaxAutomatonStates = 4096;
/// An error where the automaton would be too large.
llvm::Expected<Automaton> automatonOf(const Pattern &pattern);

inline bool isWordByte(int64_t byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || byte == '_';
}
/// Whether an assertion holds between two bytes (or ASCII characters); -1: the text's start or end.
bool holdsBetween(Assertion assertion, int64_t before, int64_t after);

} // namespace ingot::text
