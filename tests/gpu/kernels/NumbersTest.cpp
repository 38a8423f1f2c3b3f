// The arithmetic of kernels, bit by bit: the host's prelude against C++, OpenCL's against the
// host's.
#include "OpenCl.h"
#include "tests/gpu/shim/CompileHost.h"
#include "tests/gpu/shim/Shim.h"

#include <bit>
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <sstream>
#include <unistd.h>

namespace ingot::tests {
namespace {

constexpr size_t resultCount = 40;
// What each result is: f16, bf16, f32, f64 (h b f d), a number (u), or two f32 (p). NaN is NaN.
constexpr char kinds[resultCount + 1] = "fhhfbb"
                                        "ffffdddd"
                                        "fdfdfdf"
                                        "ffffdddd"
                                        "pdd"
                                        "uuuuuuu"
                                        "p";

struct Pair {
  uint64_t a, b;
};

std::string readText(const std::string &path) {
  std::ostringstream text;
  text << std::ifstream(INGOT_SOURCE_DIR + path).rdbuf();
  return text.str();
}

// Values where rules change, in all types, then random patterns.
std::vector<Pair> patterns() {
  std::vector<uint64_t> special;
  for (uint64_t h = 0; h < 0x10000; h += h % 0x400 < 3 || h % 0x400 > 0x3fd ? 1 : 97)
    special.push_back(h);
  for (float f : {0.f,
                  1.f,
                  0.5f,
                  1.5f,
                  2.5f,
                  65504.f,
                  65519.f,
                  65520.f,
                  65536.f,
                  5.96e-8f,
                  2.98e-8f,
                  2.9802326e-8f,
                  6.1e-5f,
                  3.4028235e38f,
                  3.39e38f,
                  1e-40f,
                  1.17549435e-38f,
                  INFINITY,
                  NAN,
                  8388607.5f,
                  16777216.f})
    for (float sign : {1.f, -1.f})
      for (uint32_t step : {0u, 1u, ~0u, 0x1000u, 0xfffu, 0x1001u, 0x8000u, 0x7fffu}) {
        special.push_back(std::bit_cast<uint32_t>(sign * f) + step);
        special.push_back(std::bit_cast<uint64_t>(static_cast<double>(sign * f)) + step);
        // Halfway between two floats but for the last bit.
        special.push_back(std::bit_cast<uint64_t>(static_cast<double>(sign * f)) +
                          (uint64_t(step) << 29) + (uint64_t(1) << 28) - 1);
      }
  std::mt19937_64 random(1);
  std::vector<Pair> result;
  for (uint64_t value : special) {
    result.push_back({value, special[random() % special.size()]});
    result.push_back({value, value});
  }
  for (int i = 0; i < 20000; ++i) {
    const uint64_t a = random() >> random() % 64, b = random() >> random() % 64;
    result.push_back({random() % 2 ? a : ~a, random() % 2 ? b : ~b});
  }
  return result;
}

std::string runOnHost(const std::vector<Pair> &pairs, std::vector<uint64_t> &results) {
  char path[] = "/tmp/ingot-numbers-XXXXXX";
  close(mkstemp(path));
  shim::HostCompileOptions options;
  options.instrumented = false;
  shim::HostImage image;
  std::string problem = shim::compileHost(readText("/tests/gpu/kernels/numbers.k"), path, options);
  if (problem.empty())
    problem = image.open(path);
  unlink(path);
  if (!problem.empty())
    return problem;
  results.assign(pairs.size() * resultCount, 0);
  const void *from = pairs.data();
  void *to = results.data();
  int64_t n = static_cast<int64_t>(pairs.size());
  void *parameters[] = {&from, &to, &n};
  return shim::launch(*image.kernel("numbers"), (n + 63) / 64, 0, parameters);
}

bool isNaN(char kind, uint64_t bits) {
  switch (kind) {
  case 'h':
    return (bits & 0x7fff) > 0x7c00;
  case 'b':
    return (bits & 0x7fff) > 0x7f80;
  case 'f':
    return std::isnan(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  case 'd':
    return std::isnan(std::bit_cast<double>(bits));
  }
  return false;
}
bool agree(char kind, uint64_t x, uint64_t y) {
  if (kind == 'p')
    return agree('f', x & 0xffffffff, y & 0xffffffff) && agree('f', x >> 32, y >> 32);
  return x == y || (isNaN(kind, x) && isNaN(kind, y));
}

// To nearest even, of a type with so many bits behind the point, exponents from `least` on, and no
// value of `limit` or more; by scaling so that the last place is 1.
uint64_t roundTo(double x, int bits, int least, double limit, int signBit) {
  const uint64_t sign = std::signbit(x) ? uint64_t(1) << signBit : 0;
  const uint64_t infinity = uint64_t((1 << (signBit - bits)) - 1) << bits;
  if (std::isnan(x))
    return infinity | 1;
  if (x == 0 || std::isinf(x))
    return sign | (x == 0 ? 0 : infinity);
  const int exponent = std::max(std::ilogb(x), least);
  const double units = std::nearbyint(std::ldexp(std::abs(x), bits - exponent));
  if (std::ldexp(units, exponent - bits) >= limit)
    return sign | infinity;
  // Units of 2^bits and more carry into the exponent, as they should.
  return sign | ((uint64_t(exponent - least) << bits) + uint64_t(units));
}
uint64_t toF16(double x) { return roundTo(x, 10, -14, 65536., 15); }
uint64_t toBf16(double x) { return roundTo(x, 7, -126, 0x1p128, 15); }

float fromF16(uint16_t h) {
  const int exponent = h >> 10 & 31, mantissa = h & 0x3ff;
  float value = exponent == 31  ? (mantissa ? NAN : INFINITY)
                : exponent == 0 ? std::ldexp(float(mantissa), -24)
                                : std::ldexp(float(1024 + mantissa), exponent - 25);
  return std::copysign(value, h & 0x8000 ? -1.f : 1.f);
}

template <typename T> T minimum(T x, T y) {
  if (std::isnan(x) || std::isnan(y))
    return NAN;
  return x < y || (x == y && std::signbit(x)) ? x : y;
}
template <typename T> T minnum(T x, T y) {
  return std::isnan(x) ? y : std::isnan(y) ? x : minimum(x, y);
}

void expectOf(Pair pair, std::vector<uint64_t> &y) {
  const auto [a, b] = pair;
  auto f32 = [](float x) { return uint64_t(std::bit_cast<uint32_t>(x)); };
  auto f64 = [](double x) { return std::bit_cast<uint64_t>(x); };
  const uint32_t a32 = static_cast<uint32_t>(a), b32 = static_cast<uint32_t>(b);
  const float fa = std::bit_cast<float>(a32), fb = std::bit_cast<float>(b32);
  const double da = std::bit_cast<double>(a), db = std::bit_cast<double>(b);
  const float high = std::bit_cast<float>(static_cast<uint32_t>(a >> 32));
  const volatile float product = fa * fb;
  y = {f32(fromF16(static_cast<uint16_t>(a))),
       toF16(static_cast<double>(fa)),
       toF16(da),
       f32(std::bit_cast<float>(a32 << 16)),
       toBf16(static_cast<double>(fa)),
       toBf16(da),
       f32(minimum(fa, fb)),
       f32(-minimum(-fa, -fb)),
       f32(minnum(fa, fb)),
       f32(-minnum(-fa, -fb)),
       f64(minimum(da, db)),
       f64(-minimum(-da, -db)),
       f64(minnum(da, db)),
       f64(-minnum(-da, -db)),
       f32(std::fma(fa, fb, high)),
       f64(std::fma(da, db, da)),
       f32(std::sqrt(fa)),
       f64(std::sqrt(da)),
       f32(fa / fb),
       f64(da / db),
       f32(product + std::bit_cast<float>(static_cast<uint32_t>(b >> 32))),
       f32(std::floor(fa)),
       f32(std::ceil(fa)),
       f32(std::trunc(fa)),
       f32(std::nearbyint(fa)),
       f64(std::floor(da)),
       f64(std::ceil(da)),
       f64(std::trunc(da)),
       f64(std::nearbyint(da)),
       f32(std::abs(fa)) | f32(std::copysign(fa, fb)) << 32,
       f64(std::abs(da)),
       f64(std::copysign(da, db)),
       uint64_t(a32) * b32 >> 32,
       static_cast<uint32_t>(int64_t(int32_t(a32)) * int32_t(b32) >> 32),
       static_cast<uint64_t>(static_cast<unsigned __int128>(a) * b >> 64),
       static_cast<uint64_t>(static_cast<__int128>(int64_t(a)) * int64_t(b) >> 64),
       uint64_t(std::countl_zero(a32)) | uint64_t(std::countl_zero(a)) << 32,
       uint64_t(std::countr_zero(a32)) | uint64_t(std::countr_zero(a)) << 32,
       uint64_t(std::popcount(a32)) | uint64_t(std::popcount(a)) << 32,
       f32(static_cast<float>(da)) | f32(static_cast<float>(int64_t(a))) << 32};
}

TEST(Numbers, ofTheHostAreThoseOfCpp) {
  const std::vector<Pair> pairs = patterns();
  std::vector<uint64_t> results, expected;
  ASSERT_EQ(runOnHost(pairs, results), "");
  int wrong = 0;
  for (size_t i = 0; i < pairs.size() && wrong < 20; ++i) {
    expectOf(pairs[i], expected);
    ASSERT_EQ(expected.size(), resultCount);
    for (size_t j = 0; j < resultCount; ++j)
      if (!agree(kinds[j], results[i * resultCount + j], expected[j])) {
        ++wrong;
        ADD_FAILURE() << "result " << j << " of " << std::hex << pairs[i].a << ' ' << pairs[i].b
                      << ": " << results[i * resultCount + j] << ", not " << expected[j];
      }
  }
}

TEST(Numbers, ofOpenClAreThoseOfTheHost) {
  if (std::string why = whyNoOpenCl(); !why.empty())
    GTEST_SKIP() << why;
  const std::vector<Pair> pairs = patterns();
  std::vector<uint64_t> host, device(pairs.size() * resultCount);
  ASSERT_EQ(runOnHost(pairs, host), "");
  const std::string text =
      readText("/backends/gpu/prelude/opencl.h") + readText("/tests/gpu/kernels/numbers.k");
  ASSERT_EQ(runOpenCl(text, "numbers", pairs.data(), pairs.size() * sizeof(Pair), device.data(),
                      device.size() * 8, static_cast<int64_t>(pairs.size())),
            "");
  int wrong = 0;
  for (size_t i = 0; i < device.size() && wrong < 20; ++i)
    if (!agree(kinds[i % resultCount], device[i], host[i])) {
      ++wrong;
      const Pair pair = pairs[i / resultCount];
      ADD_FAILURE() << "result " << i % resultCount << " of " << std::hex << pair.a << ' ' << pair.b
                    << ": " << device[i] << ", not " << host[i];
    }
}

} // namespace
} // namespace ingot::tests
