// RE2's syntax, read by recursive descent. See Regex.h; https://github.com/google/re2/wiki/Syntax.
// Whether a repetition is greedy and what groups capture changes nothing for a whole match.
#include "ir/text/Case.h"
#include "ir/text/Regex.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

namespace ingot::text {
namespace {

constexpr size_t kMaxPattern = 1 << 16; // bytes
constexpr int kMaxDepth = 200;
constexpr int64_t kMaxRepeat = 1000; // RE2's own

struct Mistake {
  std::string text;
};

struct Flags {
  bool ignoreCase = false, multiLine = false, dotMatchesLine = false;
};

/// The set of a Perl class (\d) or POSIX class ([:digit:]); empty for another name.
CharSet classOf(llvm::StringRef name) {
  using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;
  static const std::vector<std::pair<llvm::StringRef, Ranges>> classes = {
      {"d", {{'0', '9'}}},
      {"s", {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}},
      {"w", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
      {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
      {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
      {"ascii", {{0, 127}}},
      {"blank", {{'\t', '\t'}, {' ', ' '}}},
      {"cntrl", {{0, 31}, {127, 127}}},
      {"digit", {{'0', '9'}}},
      {"graph", {{'!', '~'}}},
      {"lower", {{'a', 'z'}}},
      {"print", {{' ', '~'}}},
      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
      {"space", {{'\t', '\r'}, {' ', ' '}}},
      {"upper", {{'A', 'Z'}}},
      {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
      {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
  };
  CharSet set;
  for (const auto &[known, ranges] : classes)
    if (name == known)
      set.ranges = ranges;
  return set;
}

class Parser {
public:
  explicit Parser(llvm::StringRef pattern) : all(pattern), rest(pattern) {}
  Pattern parse();

private:
  [[noreturn]] void fail(const llvm::Twine &what) {
    throw Mistake{(what + " (at byte " + llvm::Twine(all.size() - rest.size()) + ")").str()};
  }
  uint32_t take();
  Pattern choice();
  Pattern sequence();
  Pattern repeated();
  std::optional<Pattern> atom();
  std::optional<Pattern> group();
  std::optional<Pattern> escape();
  std::optional<std::pair<int64_t, int64_t>> counts();
  void setFlags(llvm::StringRef letters);
  void refuseUnicodeClass(char letter);
  uint32_t escapedCode();
  uint32_t hexCode();
  Pattern characterClass();
  void addNegated(CharSet &set, CharSet other);
  bool namedClass(CharSet &set);
  uint32_t classBound();
  Pattern chars(CharSet set);
  Pattern literal(uint32_t code);
  Pattern assertion(Assertion kind);

  llvm::StringRef all, rest;
  Flags flags;
  int depth = 0;
};

uint32_t Parser::take() {
  auto character = decode(rest);
  if (!character)
    fail(rest.empty() ? "it ends too early" : "it is not well-formed UTF-8");
  rest = rest.drop_front(character->bytes);
  return character->code;
}

Pattern Parser::chars(CharSet set) {
  Pattern pattern;
  pattern.kind = Pattern::Kind::Chars;
  set.normalize();
  pattern.chars = std::move(set);
  return pattern;
}
Pattern Parser::literal(uint32_t code) {
  CharSet set;
  set.add(code, code);
  if (flags.ignoreCase)
    set.foldCase();
  return chars(std::move(set));
}
Pattern Parser::assertion(Assertion kind) {
  Pattern pattern;
  pattern.kind = Pattern::Kind::Assert;
  pattern.assertion = kind;
  return pattern;
}

Pattern Parser::parse() {
  if (all.size() > kMaxPattern)
    fail("it has more than 65536 bytes");
  Pattern pattern = choice();
  if (!rest.empty())
    fail("`)` closes no group");
  return pattern;
}

Pattern Parser::choice() {
  if (++depth > kMaxDepth)
    fail("its groups are nested more than 200 deep");
  Flags outside = flags; // flags set in a group end with it
  Pattern pattern;
  pattern.kind = Pattern::Kind::Choice;
  do
    pattern.parts.push_back(sequence());
  while (rest.consume_front("|"));
  flags = outside;
  --depth;
  if (pattern.parts.size() > 1)
    return pattern;
  return std::move(pattern.parts[0]);
}

Pattern Parser::sequence() {
  Pattern pattern;
  while (!rest.empty() && rest.front() != '|' && rest.front() != ')') {
    if (rest.consume_front("\\Q")) {
      while (!rest.empty() && !rest.consume_front("\\E"))
        pattern.parts.push_back(literal(take()));
      continue;
    }
    pattern.parts.push_back(repeated());
  }
  return pattern;
}

/// {n}, {n,} or {n,m}; anything else is no repetition but the text itself.
std::optional<std::pair<int64_t, int64_t>> Parser::counts() {
  llvm::StringRef text = rest;
  int64_t least = 0, most = 0;
  if (!text.consume_front("{") || text.consumeInteger(10, least))
    return std::nullopt;
  most = least;
  if (text.consume_front(",")) {
    most = -1;
    if (!text.starts_with("}") && text.consumeInteger(10, most))
      return std::nullopt;
  }
  if (!text.consume_front("}") || least < 0)
    return std::nullopt;
  if (least > kMaxRepeat || most > kMaxRepeat || (most >= 0 && most < least))
    fail("the repetition `" + rest.take_front(rest.size() - text.size()) +
         "` is not one of at most 1000, the lower number first");
  rest = text;
  return std::pair(least, most);
}

Pattern Parser::repeated() {
  std::optional<Pattern> one = atom();
  if (!one) // flags
    return Pattern();
  bool isRepeated = false;
  while (!rest.empty()) {
    std::optional<std::pair<int64_t, int64_t>> range;
    if (rest.consume_front("*"))
      range.emplace(0, -1);
    else if (rest.consume_front("+"))
      range.emplace(1, -1);
    else if (rest.consume_front("?"))
      range.emplace(0, 1);
    else
      range = counts();
    if (!range)
      break;
    if (isRepeated)
      fail("a repetition follows a repetition");
    isRepeated = true;
    (void)rest.consume_front("?"); // lazy
    Pattern pattern;
    pattern.kind = Pattern::Kind::Repeat;
    pattern.least = range->first;
    pattern.most = range->second;
    pattern.parts.push_back(std::move(*one));
    one = std::move(pattern);
  }
  return std::move(*one);
}

std::optional<Pattern> Parser::atom() {
  if (rest.consume_front("("))
    return group();
  if (rest.consume_front("["))
    return characterClass();
  if (rest.consume_front(".")) {
    CharSet set;
    if (!flags.dotMatchesLine)
      set.add('\n', '\n');
    set.negate();
    return chars(std::move(set));
  }
  if (rest.consume_front("^"))
    return assertion(flags.multiLine ? Assertion::LineStart : Assertion::TextStart);
  if (rest.consume_front("$"))
    return assertion(flags.multiLine ? Assertion::LineEnd : Assertion::TextEnd);
  if (rest.consume_front("\\"))
    return escape();
  if (rest.front() == '*' || rest.front() == '+' || rest.front() == '?')
    fail("nothing is before the repetition `" + rest.take_front(1) + "`");
  return literal(take());
}

void Parser::setFlags(llvm::StringRef letters) {
  bool value = true;
  for (char letter : letters)
    switch (letter) {
    case 'i':
      flags.ignoreCase = value;
      break;
    case 'm':
      flags.multiLine = value;
      break;
    case 's':
      flags.dotMatchesLine = value;
      break;
    case 'U':
      break; // which of several matches: a whole one is a whole one
    case '-':
      value = false;
      break;
    default:
      fail("`(?" + letters + "` is no group or flags of RE2's");
    }
}

/// Behind a `(`. Nothing for flags alone, which hold up to the end of the group around them.
std::optional<Pattern> Parser::group() {
  Flags outside = flags;
  if (rest.consume_front("?")) {
    if (rest.consume_front("P<") || (rest.starts_with("<") && !rest.starts_with("<=") &&
                                     !rest.starts_with("<!") && rest.consume_front("<"))) {
      size_t end = rest.find('>');
      llvm::StringRef name = rest.take_front(end);
      if (end == llvm::StringRef::npos || name.empty() ||
          !llvm::all_of(name, [](char c) { return isWordByte(c); }))
        fail("a group's name is not of letters, digits and underscores up to a `>`");
      rest = rest.drop_front(end + 1);
    } else {
      size_t end = rest.find_first_of(":)");
      if (end == llvm::StringRef::npos)
        fail("a group is not closed");
      setFlags(rest.take_front(end));
      bool isAlone = rest[end] == ')';
      rest = rest.drop_front(end + 1);
      if (isAlone)
        return std::nullopt;
    }
  }
  Pattern inside = choice();
  if (!rest.consume_front(")"))
    fail("a group is not closed");
  flags = outside;
  return inside;
}

void Parser::refuseUnicodeClass(char letter) {
  fail(llvm::Twine("Unicode classes (\\") + llvm::Twine(letter) +
       "…) are not supported; write the ranges of characters, as in [a-zäöü]");
}

std::optional<Pattern> Parser::escape() {
  char letter = rest.empty() ? '\0' : rest.front();
  auto is = [&](char c) { return letter == c && rest.consume_front(llvm::StringRef(&c, 1)); };
  if (is('A'))
    return assertion(Assertion::TextStart);
  if (is('z'))
    return assertion(Assertion::TextEnd);
  if (is('b'))
    return assertion(Assertion::WordBoundary);
  if (is('B'))
    return assertion(Assertion::NoWordBoundary);
  if (letter == 'p' || letter == 'P')
    refuseUnicodeClass(letter);
  if (letter == 'C')
    fail("\\C (a single byte) is not supported");
  CharSet set;
  if (letter != '\0' && llvm::StringRef("dswDSW").contains(letter)) {
    rest = rest.drop_front();
    set = classOf(std::string(1, llvm::toLower(letter)));
    if (llvm::isUpper(letter))
      set.negate();
    return chars(std::move(set));
  }
  return literal(escapedCode());
}

uint32_t Parser::hexCode() {
  uint32_t code = 0;
  llvm::StringRef digits = rest.take_front(2);
  if (rest.consume_front("{")) {
    digits = rest.take_until([](char c) { return c == '}'; });
    rest = rest.drop_front(std::min(rest.size(), digits.size() + 1));
  } else {
    rest = rest.drop_front(digits.size());
  }
  if (digits.size() < 1 || digits.getAsInteger(16, code) || code > 0x10FFFF)
    fail("`\\x` is not followed by two digits, or by the number of a character in braces");
  return code;
}

/// Behind a backslash: the one character that is meant.
uint32_t Parser::escapedCode() {
  if (rest.empty())
    fail("it ends in a backslash");
  char letter = rest.front();
  if (letter == '0' || (llvm::isDigit(letter) && rest.size() > 1 && rest[1] >= '0' &&
                        rest[1] <= '7' && letter < '8')) {
    llvm::StringRef digits =
        rest.take_front(3).take_while([](char c) { return c >= '0' && c <= '7'; });
    rest = rest.drop_front(digits.size());
    uint32_t code = 0;
    (void)digits.getAsInteger(8, code);
    return code;
  }
  constexpr llvm::StringLiteral letters = "aftnrv", codes = "\a\f\t\n\r\v";
  if (size_t i = letters.find(letter); i != llvm::StringRef::npos) {
    rest = rest.drop_front();
    return codes[i];
  }
  if (rest.consume_front("x"))
    return hexCode();
  uint32_t code = take();
  if (code < 0x80 && !isWordByte(code))
    return code;
  if (llvm::isDigit(static_cast<char>(code)) && code < 0x80)
    fail("references to groups (\\1) are no regular expressions of RE2's");
  std::string character;
  append(character, code);
  fail("`\\" + character + "` is no escape of RE2's");
}

void Parser::addNegated(CharSet &set, CharSet other) {
  other.negate();
  set.ranges.insert(set.ranges.end(), other.ranges.begin(), other.ranges.end());
}

/// [:alpha:], \d and so on, inside a class.
bool Parser::namedClass(CharSet &set) {
  CharSet named;
  bool isNegated = false;
  if (rest.starts_with("[:")) {
    size_t end = rest.find(":]");
    if (end == llvm::StringRef::npos)
      return false;
    llvm::StringRef name = rest.substr(2, end - 2);
    isNegated = name.consume_front("^");
    named = classOf(name);
    if (name.size() < 2 || named.ranges.empty())
      fail("`[:" + name + ":]` is no class of characters");
    rest = rest.drop_front(end + 2);
  } else if (rest.size() > 1 && rest.front() == '\\' &&
             llvm::StringRef("dswDSW").contains(rest[1])) {
    named = classOf(std::string(1, llvm::toLower(rest[1])));
    isNegated = llvm::isUpper(rest[1]);
    rest = rest.drop_front(2);
  } else {
    return false;
  }
  if (isNegated)
    addNegated(set, std::move(named));
  else
    set.ranges.insert(set.ranges.end(), named.ranges.begin(), named.ranges.end());
  return true;
}

uint32_t Parser::classBound() {
  if (!rest.consume_front("\\"))
    return take();
  if (rest.starts_with("p") || rest.starts_with("P"))
    refuseUnicodeClass(rest.front());
  return escapedCode();
}

Pattern Parser::characterClass() {
  bool isNegated = rest.consume_front("^");
  CharSet set;
  bool isFirst = true;
  while (isFirst || !rest.starts_with("]")) {
    if (rest.empty())
      fail("a class of characters is not closed");
    isFirst = false;
    if (namedClass(set))
      continue;
    uint32_t first = classBound(), last = first;
    if (rest.size() > 1 && rest.front() == '-' && rest[1] != ']') {
      rest = rest.drop_front();
      last = classBound();
    }
    if (last < first)
      fail("a range of characters begins behind its end");
    set.add(first, last);
  }
  rest = rest.drop_front();
  if (flags.ignoreCase)
    set.foldCase();
  if (isNegated)
    set.negate();
  return chars(std::move(set));
}

} // namespace

llvm::Expected<Pattern> parsePattern(llvm::StringRef pattern) {
  try {
    return Parser(pattern).parse();
  } catch (Mistake &mistake) {
    return llvm::createStringError("`" + pattern.take_front(200) +
                                   "` is not compiled: " + mistake.text);
  }
}

} // namespace ingot::text
