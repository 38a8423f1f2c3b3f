#include "runtime/serve/rest/JsonWriter.h"

#include "runtime/serve/rest/Base64.h"
#include "runtime/serve/rest/SmallFloats.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace ingot::serve::rest {
namespace {

template <typename T> std::string written(T value) {
  Bytes out;
  appendNumber(out, value);
  return std::string(out.view());
}
std::string quoted(std::string_view text) {
  Bytes out;
  appendQuoted(out, text);
  return std::string(out.view());
}
std::string nested(const TensorView &tensor, TextStyle style = TextStyle::Either) {
  Bytes out;
  appendNested(out, tensor, 0, 0, style);
  return std::string(out.view());
}

TEST(JsonWriterTest, FloatsAreShortestAndTellThemselvesFromIntegers) {
  EXPECT_EQ(written(1.0f), "1.0");
  EXPECT_EQ(written(-0.0f), "-0.0");
  EXPECT_EQ(written(0.1f), "0.1");
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(16777216.0f), "16777216.0");
  EXPECT_EQ(written(1.0f / 3), "0.33333334");
  EXPECT_EQ(written(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(written(std::numeric_limits<float>::quiet_NaN()), "NaN");
  EXPECT_EQ(written(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(written(-std::numeric_limits<float>::infinity()), "-Infinity");
}

TEST(JsonWriterTest, FloatsOfBothTypesHaveOneLayout) {
  const struct {
    double value;
    const char *text;
  } rows[] = {
      {0, "0.0"},         {100, "100.0"},       {100000, "100000.0"},  {1234567, "1234567.0"},
      {123.25, "123.25"}, {-0.0625, "-0.0625"}, {1e9, "1000000000.0"}, {1048577, "1048577.0"},
      {0.0001, "0.0001"}, {0.00015, "0.00015"}, {0.00001, "1e-05"},    {1.5e-6, "1.5e-06"},
      {1e16, "1e+16"},    {1.5e20, "1.5e+20"}};
  for (const auto &row : rows) {
    EXPECT_EQ(written(row.value), row.text);
    EXPECT_EQ(written(static_cast<float>(row.value)), row.text);
  }
  EXPECT_EQ(written(1e15), "1000000000000000.0");
  EXPECT_EQ(written(123456789012345.5), "123456789012345.5");
  EXPECT_EQ(written(9007199254740993.0), "9007199254740992.0");
  EXPECT_EQ(written(2.2250738585072014e-308), "2.2250738585072014e-308");
  EXPECT_EQ(written(std::numeric_limits<float>::max()), "3.4028235e+38");
  EXPECT_EQ(written(std::numeric_limits<float>::denorm_min()), "1e-45");
}

TEST(JsonWriterTest, WhatIsWrittenReadsAsTheSameValue) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 200000; ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (!std::isfinite(value))
      continue;
    const std::string text = written(value);
    ASSERT_EQ(std::bit_cast<uint32_t>(std::strtof(text.c_str(), nullptr)),
              std::bit_cast<uint32_t>(value))
        << text;
    ASSERT_NE(text.find_first_of(".e"), std::string::npos) << text;
    const double wide = std::bit_cast<double>(random());
    if (std::isfinite(wide))
      ASSERT_EQ(std::strtod(written(wide).c_str(), nullptr), wide);
  }
}

TEST(JsonWriterTest, IntegersOfAllWidths) {
  EXPECT_EQ(written(std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(written(std::numeric_limits<uint64_t>::max()), "18446744073709551615");
}

TEST(JsonWriterTest, TextIsEscapedAndAlwaysUtf8) {
  EXPECT_EQ(quoted("a\"b\\c\n\t\r\b\f"), R"("a\"b\\c\n\t\r\b\f")");
  EXPECT_EQ(quoted(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(quoted("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
  EXPECT_EQ(quoted("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(JsonWriterTest, TensorsAreNestedLists) {
  const float values[] = {1, 2, 3, 4, 5, 6};
  const int64_t cube[] = {1, 3, 2}, none[] = {2, 0, 3}, empty[] = {0, 3};
  EXPECT_EQ(nested({DType::F32, 3, cube, values}), "[[[1.0,2.0],[3.0,4.0],[5.0,6.0]]]");
  EXPECT_EQ(nested({DType::F32, 0, nullptr, values}), "1.0");
  EXPECT_EQ(nested({DType::F32, 3, none, nullptr}), "[[],[]]");
  EXPECT_EQ(nested({DType::F32, 2, empty, nullptr}), "[]");
  const uint8_t flags[] = {1, 0};
  const int64_t two[] = {2};
  EXPECT_EQ(nested({DType::Bool, 1, two, flags}), "[true,false]");
  EXPECT_EQ(nested({DType::U8, 1, two, flags}), "[1,0]");
  std::vector<int32_t> many(200, 7);
  const int64_t count[] = {200};
  std::string expected = "[7";
  for (int i = 1; i < 200; ++i)
    expected += ",7";
  EXPECT_EQ(nested({DType::I32, 1, count, many.data()}), expected + "]");
}

TEST(JsonWriterTest, TextThatIsNoUtf8IsBase64) {
  const ingot_string texts[] = {{"ab", 2}, {"\xff", 1}};
  const int64_t two[] = {2};
  EXPECT_EQ(nested({DType::String, 1, two, texts}), R"(["ab",{"b64":"/w=="}])");
  EXPECT_EQ(nested({DType::String, 1, two, texts}, TextStyle::Base64),
            R"([{"b64":"YWI="},{"b64":"/w=="}])");
}

TEST(Base64Test, ThereAndBackForEveryLength) {
  std::mt19937_64 random(5);
  for (size_t length = 0; length < 100; ++length) {
    std::string bytes(length, '\0');
    for (char &byte : bytes)
      byte = static_cast<char>(random());
    Bytes text, back;
    encodeBase64(bytes, text);
    ASSERT_EQ(text.size() % 4, 0u);
    ASSERT_TRUE(decodeBase64(text.view(), back));
    ASSERT_EQ(back.view(), bytes);
    std::string unpadded(text.view().substr(0, text.view().find('=')));
    Bytes again;
    ASSERT_TRUE(decodeBase64(unpadded, again));
    ASSERT_EQ(again.view(), bytes);
  }
  Bytes out;
  EXPECT_TRUE(decodeBase64("-_-_", out)); // the alphabet of URLs
  EXPECT_EQ(out.view(), "\xfb\xff\xbf");
  for (const char *bad : {"A", "AAAAA", "AA*A", "A===", "====", "AA=A", " AAA", "AAA\n"})
    EXPECT_FALSE(decodeBase64(bad, out)) << bad;
}

TEST(SmallFloatsTest, EveryHalfSurvivesThereAndBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = fromF16(half);
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(fromF16(toF16(value))));
    else
      EXPECT_EQ(toF16(value), half) << bits;
    const float other = fromBf16(half);
    if (std::isnan(other))
      EXPECT_TRUE(std::isnan(fromBf16(toBf16(other))));
    else
      EXPECT_EQ(toBf16(other), half) << bits;
  }
}

TEST(SmallFloatsTest, RoundingIsToNearestEven) {
  EXPECT_EQ(toF16(1.0f + 0x1p-11f), 0x3c00);          // a tie, down to even
  EXPECT_EQ(toF16(1.0f + 3 * 0x1p-11f), 0x3c02);      // a tie, up to even
  EXPECT_EQ(toF16(65519.f), 0x7bff);                  // the largest
  EXPECT_EQ(toF16(65520.f), 0x7c00);                  // infinity
  EXPECT_EQ(toF16(0x1p-25f), 0);                      // a tie with zero
  EXPECT_EQ(toF16(std::nextafter(0x1p-25f, 1.f)), 1); // the smallest
  EXPECT_EQ(toF16(-2.f), 0xc000);
  EXPECT_EQ(toBf16(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(toBf16(1.0f + 3 * 0x1p-8f), 0x3f82);
}

} // namespace
} // namespace ingot::serve::rest
