#include "runtime/serve/rest/ShortestFloat.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <random>
#include <string>

namespace ingot::serve::rest {
namespace {

/// std::to_chars' digits and exponent.
ShortDecimal standard(float value) {
  char text[64];
  const char *end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  ShortDecimal decimal;
  int fraction = 0;
  bool isFraction = false;
  const char *at = text;
  for (; *at != 'e'; ++at) {
    if (*at == '.') {
      isFraction = true;
      continue;
    }
    decimal.digits = decimal.digits * 10 + static_cast<uint32_t>(*at - '0');
    fraction += isFraction;
  }
  int exponent = 0;
  std::from_chars(at + (at[1] == '+' ? 2 : 1), end, exponent);
  decimal.exponent = exponent - fraction;
  return decimal;
}

/// How many could not be told.
int check(float value) {
  ShortDecimal ours;
  if (!shortestDecimal(value, ours))
    return 1;
  const ShortDecimal theirs = standard(value);
  EXPECT_EQ(ours.digits, theirs.digits) << value;
  if (ours.digits != 0)
    EXPECT_EQ(ours.exponent, theirs.exponent) << value;
  char text[32];
  *writeDecimal(text, ours) = '\0';
  EXPECT_EQ(std::strtof(text, nullptr), value) << text;
  EXPECT_LE(std::string(text).size(), 24u);
  return 0;
}

TEST(ShortestFloatTest, DigitsAreThoseOfToChars) {
  std::mt19937 random(1);
  int untold = 0;
  for (int i = 0; i < 1000000 && !HasFailure(); ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random() & 0x7fffffff));
    if (std::isfinite(value))
      untold += check(value);
  }
  // Large whole numbers, whose bounds are whole numbers too.
  EXPECT_LT(untold, 20000);
}

TEST(ShortestFloatTest, DigitsOfRoundAndExtremeValues) {
  int untold = 0;
  for (uint32_t exponent = 0; exponent < 255 && !HasFailure(); ++exponent)
    for (const uint32_t mantissa : {0u, 1u, 2u, 0x3fffffu, 0x400000u, 0x7ffffeu, 0x7fffffu})
      untold += check(std::bit_cast<float>(exponent << 23 | mantissa));
  EXPECT_LT(untold, 40);
  untold = 0;
  for (int i = 0; i < 200000 && !HasFailure(); ++i)
    untold += check(static_cast<float>(i)) + check(static_cast<float>(i) / 1000);
  EXPECT_LT(untold, 100);
}

TEST(ShortestFloatTest, IsWrittenAsPeopleWriteIt) {
  const struct {
    float value;
    const char *text;
  } rows[] = {{0.f, "0.0"},
              {1.f, "1.0"},
              {0.1f, "0.1"},
              {123.25f, "123.25"},
              {1e9f, "1e+09"},
              {123456790.f, "123456790.0"},
              {0.0001f, "0.0001"},
              {0.00001f, "0.00001"},
              {1e-6f, "1e-06"},
              {1.5e20f, "1.5e+20"},
              {3.4028235e38f, "3.4028235e+38"},
              {1e-45f, "1e-45"},
              {100.f, "100.0"}};
  for (const auto &row : rows) {
    ShortDecimal decimal;
    ASSERT_TRUE(shortestDecimal(row.value, decimal)) << row.text;
    char text[32];
    *writeDecimal(text, decimal) = '\0';
    EXPECT_STREQ(text, row.text);
  }
}

} // namespace
} // namespace ingot::serve::rest
