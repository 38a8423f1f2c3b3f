#include "runtime/serve/rest/JsonReader.h"

#include "tests/unit/runtime/model/TestFiles.h"

#include <nlohmann/json.hpp>

#include <random>

namespace ingot::serve::rest {
namespace {

Status readAny(const std::string &text, int maxDepth = 64) {
  const std::vector<char> bytes(text.begin(), text.end());
  JsonReader reader({bytes.data(), bytes.size()}, maxDepth);
  reader.skipValue();
  return reader.status();
}

bool oracleAccepts(const std::string &text) { return nlohmann::json::accept(text); }

TEST(JsonReaderTest, WhatIsWrongIsToldWithItsPlace) {
  const struct {
    const char *text, *complaint;
  } rows[] = {
      {"", "a value is missing at byte 0"},
      {"  ", "a value is missing at byte 2"},
      {"[1,2", "a list has no end, ']' is missing at byte 4"},
      {"[1,2,]", "a value is expected after ',' at byte 5"},
      {"[,1]", "a value is expected at byte 1"},
      {"[1 2]", "',' or ']' is expected at byte 3"},
      {"[1}", "',' or ']' is expected at byte 2"},
      {"{\"a\":1", "an object has no end, '}' is missing at byte 6"},
      {"{\"a\" 1}", "':' is expected after a key at byte 5"},
      {"{\"a\":1,}", "a key in quotes is expected at byte 7"},
      {"{a:1}", "a key in quotes is expected at byte 1"},
      {"{'a':1}", "a key in quotes is expected at byte 1"},
      {"\"abc", "a string has no end, '\"' is missing at byte 4"},
      {"\"a\\qb\"", "an unknown escape at byte 2"},
      {"\"a\\u12g4\"", "four hexadecimal digits are expected after \\u at byte 2"},
      {"\"\\ud800\"", "half of a surrogate pair at byte 1"},
      {"\"\\ud800\\u0041\"", "half of a surrogate pair at byte 1"},
      {"\"\\udc00\"", "half of a surrogate pair at byte 1"},
      {"\"a\nb\"", "a control character within a string, which must be escaped, at byte 2"},
      {"\"a\xff\"", "a string is not UTF-8 at byte 2"},
      {"\"\xc0\xaf\"", "a string is not UTF-8 at byte 1"},
      {"\"\xed\xa0\x80\"", "a string is not UTF-8 at byte 1"},
      {"\"\xf4\x90\x80\x80\"", "a string is not UTF-8 at byte 1"},
      {"tru", "a value is expected at byte 0"},
      {"nul", "a value is expected at byte 0"},
      {"01", "a number begins with 0 at byte 0"},
      {"-", "a digit is expected after '-' at byte 0"},
      {"1.", "a digit is expected after '.', in the number at byte 0"},
      {"1e+", "a digit is expected in the exponent of the number at byte 0"},
      {"-NaN", "a value is expected at byte 0"},
      {"Inf", "a value is expected at byte 0"},
      {"# {}", "a value is expected at byte 0"},
  };
  for (const auto &row : rows) {
    const Status status = readAny(row.text);
    EXPECT_EQ(status.message(), std::string("malformed JSON: ") + row.complaint) << row.text;
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument) << row.text;
  }
}

TEST(JsonReaderTest, DepthIsLimited) {
  EXPECT_TRUE(readAny(std::string(64, '[') + std::string(64, ']')).isOk());
  EXPECT_STATUS(readAny(std::string(65, '[') + std::string(65, ']')), InvalidArgument,
                "more than 64 levels of lists and objects at byte 64");
  EXPECT_STATUS(readAny(std::string(10000000, '[')), InvalidArgument, "more than 64 levels");
  EXPECT_STATUS(readAny("{\"a\":{\"b\":[]}}", 2), InvalidArgument, "more than 2 levels");
}

TEST(JsonReaderTest, StringsAreDecoded) {
  const struct {
    const char *json, *value;
  } rows[] = {
      {R"("plain text longer than a word")", "plain text longer than a word"},
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("\u0041\u00e9\u20ac\ud83d\ude00")", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"\"\xc3\xa9 and \xf0\x9f\x98\x80\"", "\xc3\xa9 and \xf0\x9f\x98\x80"},
      {R"("")", ""},
      {"\"\x7f\"", "\x7f"},
  };
  for (const auto &row : rows) {
    JsonReader reader(row.json, 1);
    std::string value;
    EXPECT_TRUE(reader.readString(value)) << reader.status().message();
    EXPECT_EQ(value, row.value);
    EXPECT_TRUE(oracleAccepts(row.json));
  }
  JsonReader reader(R"("a\u0000b")", 1);
  std::string value;
  EXPECT_TRUE(reader.readString(value));
  EXPECT_EQ(value, std::string("a\0b", 3));
}

TEST(JsonReaderTest, AfterAFailureNothingIsRead) {
  JsonReader reader("[1, x]", 4);
  std::string_view number;
  ASSERT_TRUE(reader.beginArray() && reader.nextElement() && reader.readNumber(number));
  ASSERT_TRUE(reader.nextElement());
  EXPECT_FALSE(reader.readNumber(number));
  EXPECT_FALSE(reader.nextElement() || reader.beginArray() || reader.skipValue());
  EXPECT_EQ(reader.peek(), JsonReader::Kind::Invalid);
  EXPECT_STATUS(reader.status(), InvalidArgument, "a value is expected at byte 4");
}

TEST(JsonReaderTest, WhatFollowsTheValueIsNotLookedAt) {
  EXPECT_TRUE(readAny("{} trailing").isOk());
  EXPECT_TRUE(readAny("[1]]").isOk());
}

TEST(JsonReaderTest, MistakesOfTypeNameWhatWasExpected) {
  JsonReader reader(R"({"a": [1.5, "x"]})", 4);
  std::string_view key;
  ASSERT_TRUE(reader.beginObject() && reader.nextKey(key));
  EXPECT_FALSE(reader.readString(key));
  EXPECT_STATUS(reader.status(), InvalidArgument, "expected a string, got a list at byte 6");
  JsonReader integers("1.5", 1);
  int64_t value = 0;
  EXPECT_FALSE(integers.readInteger(value, "a whole number"));
  EXPECT_STATUS(integers.status(), InvalidArgument, "expected a whole number, got 1.5 at byte 0");
}

/// Grammar out of a bag: what is accepted must be what another parser accepts.
TEST(JsonReaderTest, AcceptsWhatAnotherParserAccepts) {
  static constexpr const char *pieces[] = {
      "{",    "}",    "[",       "]",        ",",    ":",     "\"a\"",  "\"b\\n\"", "1",
      "-0.5", "1e5,", "01",      "true",     "null", " ",     "0",      "2.5E-1",   "\"\\u00e9\"",
      "\"",   "\\",   "\"x\":1", "\"y\":[]", "+",    "[1,2]", "false",  "1.",       "\xc3\xa9",
      "\t",   "{}",   "\xff",    "\"\xff\"", ".5",   "[[1]]", "{\"k\":"};
  std::mt19937_64 random(7);
  int accepted = 0;
  for (int i = 0; i < 300000; ++i) {
    std::string text;
    for (size_t n = 1 + random() % 9; n-- > 0;)
      text += pieces[random() % std::size(pieces)];
    text = "[" + text + "]";
    JsonReader reader(text, 64);
    reader.skipValue();
    const bool ours =
        reader.isOk() && text.find_first_not_of(" \t", reader.offset()) == std::string::npos;
    ASSERT_EQ(ours, oracleAccepts(text)) << text;
    accepted += ours;
  }
  EXPECT_GT(accepted, 10000);
}

} // namespace
} // namespace ingot::serve::rest
