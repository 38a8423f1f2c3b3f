// Regular expressions: what RE2's syntax means, what is refused and how, and that the automaton
// which compiled code walks accepts what the pattern means.
#include "ir/text/Regex.h"
#include "ir/text/Case.h"
#include "llvm/ADT/StringExtras.h"
#include <gtest/gtest.h>
#include <optional>
#include <random>

namespace ingot::text {
namespace {

bool accepts(const Automaton &automaton, llvm::StringRef text) {
  int32_t state = 0;
  for (unsigned char byte : text)
    state = automaton.next[state * automaton.classCount + automaton.classes[byte]];
  return automaton.accepts[state] != 0;
}

struct Compiled {
  Pattern pattern;
  Automaton automaton;
};

std::optional<Compiled> compiled(llvm::StringRef text) {
  auto pattern = parsePattern(text);
  if (!pattern) {
    ADD_FAILURE() << llvm::toString(pattern.takeError());
    return std::nullopt;
  }
  auto automaton = automatonOf(*pattern);
  if (!automaton) {
    ADD_FAILURE() << text.str() << ": " << llvm::toString(automaton.takeError());
    return std::nullopt;
  }
  return Compiled{std::move(*pattern), std::move(*automaton)};
}

/// By both ways to match, which agree.
bool matched(const Compiled &regex, llvm::StringRef text) {
  bool means = matches(regex.pattern, text);
  EXPECT_EQ(accepts(regex.automaton, text), means) << "on " << text.str();
  return means;
}
bool matched(llvm::StringRef pattern, llvm::StringRef text) {
  SCOPED_TRACE(pattern.str());
  std::optional<Compiled> regex = compiled(pattern);
  return regex && matched(*regex, text);
}

std::string errorOf(llvm::StringRef pattern) {
  auto parsed = parsePattern(pattern);
  if (!parsed)
    return llvm::toString(parsed.takeError());
  auto automaton = automatonOf(*parsed);
  return automaton ? "" : llvm::toString(automaton.takeError());
}

TEST(Regex, MatchesTheWholeText) {
  EXPECT_TRUE(matched("a|ab", "ab"));
  EXPECT_FALSE(matched("a", "ab"));
  EXPECT_TRUE(matched("", ""));
  EXPECT_FALSE(matched("", "a"));
  EXPECT_TRUE(matched("(a|b)*c+?d{2,3}", "abbaccddd"));
  EXPECT_FALSE(matched("d{2,3}", "dddd"));
  EXPECT_TRUE(matched("d{2,}", "dddd"));
  EXPECT_TRUE(matched("x{,2}", "x{,2}")); // no repetition in RE2
  EXPECT_TRUE(matched(R"(www\.[\w.-]+\.(com|org))", "www.some-thing.org"));
  EXPECT_TRUE(matched(R"((?P<user>[^@]+)@(?<host>[a-z.]+))", "me@example.com"));
}

TEST(Regex, ReadsCharactersOfUtf8) {
  EXPECT_TRUE(matched(".", "\xE2\x82\xAC"));
  EXPECT_FALSE(matched(".", "\xE2\x82"));
  EXPECT_FALSE(matched("(?s).*", "a\xFF"));
  EXPECT_TRUE(matched("[\xC3\xA4-\xC3\xBC]+", "\xC3\xA4\xC3\xB6\xC3\xBC"));
  EXPECT_TRUE(matched(R"(\x{10400}\x41)", "\xF0\x90\x90\x80"
                                          "A"));
  EXPECT_TRUE(matched("[^a]", "\xF4\x8F\xBF\xBF"));
  EXPECT_FALSE(matched("[^a]", "\xF4\x90\x80\x80")); // above Unicode
  EXPECT_FALSE(matched("[^a]", "\xED\xA0\x80"));     // a surrogate
  for (uint32_t code : {0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xFFFFu, 0x10000u}) {
    std::string text, outside;
    append(text, code);
    append(outside, code + 1);
    EXPECT_TRUE(matched(R"([\x{20}-\x{)" + llvm::utohexstr(code) + "}]", text)) << code;
    EXPECT_FALSE(matched(R"([\x{20}-\x{)" + llvm::utohexstr(code) + "}]", outside)) << code;
  }
}

TEST(Regex, KnowsClassesAndFlags) {
  EXPECT_TRUE(matched(R"(\d\D\s\S\w\W)", "1a\tx_-"));
  EXPECT_TRUE(matched("[[:alpha:][:^ascii:]-]+", "ab-\xC3\xA4"));
  EXPECT_TRUE(matched("[]a]+", "]a"));
  EXPECT_TRUE(matched("[a\\]\\-]+", "-]a"));
  EXPECT_FALSE(matched(".", "\n"));
  EXPECT_TRUE(matched("(?s:.)", "\n"));
  EXPECT_TRUE(matched("(?i)stra\xC3\x9F"
                      "e K",
                      "STRA\xE1\xBA\x9E"
                      "E \xE2\x84\xAA")); // ẞ, Kelvin
  EXPECT_TRUE(matched("(?i:a)b", "Ab"));
  EXPECT_FALSE(matched("(?i:a)b", "AB"));
  EXPECT_FALSE(matched("(?i)[^k]", "K"));
  EXPECT_TRUE(matched("(?i-i)a", "a"));
  EXPECT_TRUE(matched(R"(\Qa.b|\E.)", "a.b|x"));
  EXPECT_TRUE(matched(R"(\a\f\t\n\r\v\x0a\012)", "\a\f\t\n\r\v\n\n"));
}

TEST(Regex, DecidesAssertionsBetweenBytes) {
  EXPECT_TRUE(matched("^a$", "a"));
  EXPECT_FALSE(matched("a^b", "ab"));
  EXPECT_FALSE(matched("a$\nb", "a\nb"));
  EXPECT_TRUE(matched("(?m)a$\n^b", "a\nb"));
  EXPECT_TRUE(matched(R"(\Aa\z)", "a"));
  EXPECT_TRUE(matched(R"(\ba b\b)", "a b"));
  EXPECT_TRUE(matched(R"(a\b.*)", "a-"));
  EXPECT_FALSE(matched(R"(a\b.*)", "ab"));
  EXPECT_TRUE(matched(R"(a\B.*)", "ab"));
  EXPECT_TRUE(matched(R"((\b|x)*)", ""
                                    "x"));
}

TEST(Regex, NamesWhatIsWrongAndWhere) {
  EXPECT_EQ(errorOf("a(b"), "`a(b` is not compiled: a group is not closed (at byte 3)");
  EXPECT_NE(errorOf("a)").find("`)` closes no group (at byte 1)"), std::string::npos);
  EXPECT_NE(errorOf("*a").find("nothing is before the repetition `*`"), std::string::npos);
  EXPECT_NE(errorOf("a**").find("a repetition follows a repetition"), std::string::npos);
  EXPECT_NE(errorOf("[b-a]").find("begins behind its end"), std::string::npos);
  EXPECT_NE(errorOf("[a").find("is not closed"), std::string::npos);
  EXPECT_NE(errorOf("[[:word").find("is not closed"), std::string::npos);
  EXPECT_NE(errorOf("[[:none:]]").find("`[:none:]` is no class"), std::string::npos);
  EXPECT_NE(errorOf("(a)\\1").find("references to groups"), std::string::npos);
  EXPECT_NE(errorOf("\\pL").find("Unicode classes (\\p…) are not supported"), std::string::npos);
  EXPECT_NE(errorOf("[\\PN]").find("Unicode classes"), std::string::npos);
  EXPECT_NE(errorOf("\\C").find("a single byte"), std::string::npos);
  EXPECT_NE(errorOf("(?=a)").find("no group or flags"), std::string::npos);
  EXPECT_NE(errorOf("(?<=a)").find("no group or flags"), std::string::npos);
  EXPECT_NE(errorOf("\\y").find("`\\y` is no escape"), std::string::npos);
  EXPECT_NE(errorOf("a\\").find("ends in a backslash"), std::string::npos);
  EXPECT_NE(errorOf("a{1001}").find("at most 1000"), std::string::npos);
  EXPECT_NE(errorOf("a{3,2}").find("the lower number first"), std::string::npos);
  EXPECT_NE(errorOf("\\x{110000}").find("number of a character"), std::string::npos);
  EXPECT_NE(errorOf("\xFF").find("not well-formed UTF-8"), std::string::npos);
}

TEST(Regex, BoundsWhatHostilePatternsTake) {
  EXPECT_NE(errorOf(std::string(1000, '(')).find("nested more than 200"), std::string::npos);
  EXPECT_NE(errorOf(std::string(70'000, 'a')).find("more than 65536 bytes"), std::string::npos);
  EXPECT_NE(errorOf("((a{1000}){1000}){1000}").find("too many"), std::string::npos);
  EXPECT_NE(errorOf("(a|b)*a(a|b){30}").find("more than 4096 states"), std::string::npos);
  EXPECT_FALSE(matched("(a*)*(a*)*(a*)*b", std::string(2000, 'a'))); // no backtracking
}

TEST(Regex, AutomatonAcceptsWhatThePatternMeans) {
  std::mt19937 random(7);
  auto pick = [&](int count) { return static_cast<int>(random() % count); };
  std::function<std::string(int)> pattern = [&](int depth) -> std::string {
    static const char *const atoms[] = {
        "a",   "b",   ".", "[^a]", "\\w",    "\xC3\xA4", "[b-\xC3\xA5]",
        "\\b", "\\B", "^", "$",    "(?i:A)", "\n",       ""};
    if (depth == 0)
      return atoms[pick(std::size(atoms))];
    switch (pick(5)) {
    case 0:
      return "(?:" + pattern(depth - 1) + "|" + pattern(depth - 1) + ")";
    case 1:
      return "(" + pattern(depth - 1) + ")*";
    case 2:
      return "(?m:" + pattern(depth - 1) + "){1,2}";
    default:
      return pattern(depth - 1) + pattern(depth - 1);
    }
  };
  static const char *const pieces[] = {"a",  "b", "A",    "\xC3\xA4",
                                       "\n", " ", "\xC3", "\xE2\x82\xAC"};
  for (int round = 0; round < 300; ++round) {
    std::string p = pattern(3);
    SCOPED_TRACE(p);
    std::optional<Compiled> regex = compiled(p);
    for (int i = 0; regex && i < 8; ++i) {
      std::string text;
      for (int k = pick(6); k > 0; --k)
        text += pieces[pick(std::size(pieces))];
      (void)matched(*regex, text);
    }
  }
}

} // namespace
} // namespace ingot::text
