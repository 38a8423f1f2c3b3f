#include "runtime/serve/rest/NumberScanner.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <string>

namespace ingot::serve::rest {
namespace {

template <typename T> NumberError scan(const std::string &text, T &value) {
  // A block of the exact size lets sanitizers see the first byte beyond it.
  const std::vector<char> bytes(text.begin(), text.end());
  const char *at = bytes.data(), *end = at + bytes.size();
  const NumberError error = scanNumber(at, end, value);
  if (error != NumberError::Syntax)
    EXPECT_EQ(at, end) << text;
  else
    EXPECT_EQ(at, bytes.data()) << text;
  return error;
}

template <typename T> void expectAsFromChars(const std::string &text) {
  T ours{}, theirs{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), theirs);
  if (parsed.ec == std::errc::result_out_of_range)
    return; // see TooLargeIsRefusedTooSmallIsZero
  ASSERT_EQ(scan(text, ours), NumberError::None) << text;
  ASSERT_EQ(ours, theirs) << text;
  ASSERT_EQ(std::signbit(ours), std::signbit(theirs)) << text;
}

/// Digits, a point somewhere, an exponent now and then.
std::string randomDecimal(std::mt19937_64 &random) {
  std::string text = random() % 3 == 0 ? "-" : "";
  const size_t whole = random() % 4 == 0 ? random() % 22 : random() % 3;
  if (whole == 0)
    text += '0';
  for (size_t i = 0; i < whole; ++i)
    text += static_cast<char>(i == 0 ? '1' + random() % 9 : '0' + random() % 10);
  if (random() % 8) {
    text += '.';
    for (size_t i = 0, n = 1 + random() % 24; i < n; ++i)
      text += static_cast<char>('0' + random() % 10);
  }
  if (random() % 4 == 0)
    text += "e" + std::to_string(static_cast<int>(random() % 90) - 45);
  return text;
}

TEST(NumberScannerTest, FloatsAreTheNearestOnes) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; ++i) {
    const std::string text = randomDecimal(random);
    expectAsFromChars<float>(text);
    expectAsFromChars<double>(text);
  }
}

TEST(NumberScannerTest, MiddlesOfTwoFloatsAreRoundedToEven) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; ++i) {
    // A float plus half a unit of its last place, written exactly, and a little to either side.
    const uint32_t bits = 0x20000000u + static_cast<uint32_t>(random() % 0x40000000u);
    const double middle = (static_cast<double>(std::bit_cast<float>(bits)) +
                           static_cast<double>(std::bit_cast<float>(bits + 1))) /
                          2;
    char text[128];
    std::snprintf(text, sizeof text, "%.17g", middle);
    expectAsFromChars<float>(text);
    std::snprintf(text, sizeof text, "%.40g", middle);
    expectAsFromChars<float>(text);
    std::snprintf(text, sizeof text, "%.18g", std::nextafter(middle, 1e300));
    expectAsFromChars<float>(text);
    std::snprintf(text, sizeof text, "%.18g", std::nextafter(middle, -1e300));
    expectAsFromChars<float>(text);
  }
}

TEST(NumberScannerTest, WhatPrintsAFloatReadsAsIt) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 100000; ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (!std::isfinite(value))
      continue;
    for (const char *format : {"%.9g", "%.17g", "%.40f"}) {
      char text[512];
      std::snprintf(text, sizeof text, format, static_cast<double>(value));
      float read = 0;
      ASSERT_EQ(scan(text, read), NumberError::None) << text;
      if (std::string(format) != "%.40f" || std::fabs(value) > 1e-20f)
        ASSERT_EQ(std::bit_cast<uint32_t>(read), std::bit_cast<uint32_t>(value)) << text;
    }
  }
}

TEST(NumberScannerTest, TooLargeIsRefusedTooSmallIsZero) {
  float value = 1;
  EXPECT_EQ(scan("1e39", value), NumberError::Range);
  EXPECT_EQ(scan("-1e400", value), NumberError::Range);
  EXPECT_EQ(scan("340282356779733661637539395458142568448", value), NumberError::Range);
  EXPECT_EQ(scan("340282356779733661637539395458142568447", value), NumberError::None);
  EXPECT_EQ(value, std::numeric_limits<float>::max());
  EXPECT_EQ(scan("1e-60", value), NumberError::None);
  EXPECT_EQ(value, 0.f);
  EXPECT_EQ(scan("-0.000000000000000000000000000000000000000000000000000000000001", value),
            NumberError::None);
  EXPECT_TRUE(value == 0 && std::signbit(value));
  double wide = 1;
  EXPECT_EQ(scan("1e309", wide), NumberError::Range);
  EXPECT_EQ(scan("1e-400", wide), NumberError::None);
  EXPECT_EQ(wide, 0.);
  // As many zeros as the exponent makes up for, and one less.
  const std::string zeros(99994, '0');
  EXPECT_EQ(scan("0." + zeros + "1e1000000", wide), NumberError::Range);
  EXPECT_EQ(scan("0." + zeros + "1e99995", wide), NumberError::None);
  EXPECT_EQ(wide, 1.);
  EXPECT_EQ(scan("0." + zeros + "1e-99999999999999999999", wide), NumberError::None);
  EXPECT_EQ(wide, 0.);
  EXPECT_EQ(scan("1e99999999999999999999", wide), NumberError::Range);
  EXPECT_EQ(scan("0e99999999999999999999", wide), NumberError::None);
  EXPECT_EQ(wide, 0.);
}

TEST(NumberScannerTest, SpecialValuesAreFloatsOnly) {
  float value = 0;
  EXPECT_EQ(scan("NaN", value), NumberError::None);
  EXPECT_TRUE(std::isnan(value));
  EXPECT_EQ(scan("Infinity", value), NumberError::None);
  EXPECT_EQ(value, std::numeric_limits<float>::infinity());
  EXPECT_EQ(scan("-Infinity", value), NumberError::None);
  EXPECT_EQ(value, -std::numeric_limits<float>::infinity());
  int32_t whole = 0;
  EXPECT_EQ(scan("NaN", whole), NumberError::NotInteger);
}

TEST(NumberScannerTest, IntegersAreExactWithinTheirRange) {
  int8_t i8 = 0;
  EXPECT_EQ(scan("-128", i8), NumberError::None);
  EXPECT_EQ(i8, -128);
  EXPECT_EQ(scan("128", i8), NumberError::Range);
  EXPECT_EQ(scan("1.0", i8), NumberError::NotInteger);
  EXPECT_EQ(scan("1e2", i8), NumberError::NotInteger);
  uint8_t u8 = 1;
  EXPECT_EQ(scan("-0", u8), NumberError::None);
  EXPECT_EQ(u8, 0);
  EXPECT_EQ(scan("-1", u8), NumberError::Range);
  int64_t i64 = 0;
  EXPECT_EQ(scan("-9223372036854775808", i64), NumberError::None);
  EXPECT_EQ(i64, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(scan("9223372036854775808", i64), NumberError::Range);
  uint64_t u64 = 0;
  EXPECT_EQ(scan("18446744073709551615", u64), NumberError::None);
  EXPECT_EQ(u64, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(scan("18446744073709551616", u64), NumberError::Range);
  EXPECT_EQ(scan("99999999999999999999999999", u64), NumberError::Range);
}

TEST(NumberScannerTest, WhatIsNoNumberOfJsonIsRefused) {
  for (const char *text : {"", "-", "+1", ".5", "1.", "01", "-01", "1e", "1e+", "1.e5", "--1", "N",
                           "Na", "nan", "-NaN", "Inf", "infinity", "0x10", "a"}) {
    float value = 0;
    const std::vector<char> bytes(text, text + std::strlen(text));
    const char *at = bytes.data();
    const NumberError error = scanNumber(at, at + bytes.size(), value);
    // 0x10 begins with a number; the reader sees that no comma follows.
    EXPECT_TRUE(error == NumberError::Syntax || at < bytes.data() + bytes.size()) << text;
  }
}

} // namespace
} // namespace ingot::serve::rest
