// f16 and bf16 on every target that this machine runs: conversions bit for bit against a rounding
// written here with ldexp and rint, arithmetic and math as f32's rounded once more.
#include "MathJit.h"
#include "gtest/gtest.h"
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>

using namespace ingot::cpu;

namespace {

/// A 16-bit float: significant bits, least exponent of normal numbers, largest exponent.
struct Half {
  const char *name;
  int precision, least, largest;
};
constexpr Half f16 = {"f16", 11, -14, 15}, bf16 = {"bf16", 8, -126, 127};

double decode(const Half &half, uint16_t bits) {
  int fraction = half.precision - 1, exponents = (1 << (15 - fraction)) - 1;
  int exponent = (bits >> fraction) & exponents, rest = bits & ((1 << fraction) - 1);
  double sign = bits >> 15 ? -1.0 : 1.0;
  if (exponent == exponents)
    return rest ? std::nan("") : sign * INFINITY;
  if (exponent == 0)
    return sign * std::ldexp(rest, half.least - fraction);
  return sign * std::ldexp(rest + (1 << fraction), exponent - 1 + half.least - fraction);
}
/// x rounded once, to nearest even, to a value of the format.
double roundTo(const Half &half, double x) {
  if (!std::isfinite(x) || x == 0)
    return x;
  int unit = std::max(std::ilogb(x), half.least) - (half.precision - 1);
  double rounded = std::ldexp(std::rint(std::ldexp(x, -unit)), unit);
  return std::abs(rounded) >= std::ldexp(1.0, half.largest + 1) ? std::copysign(INFINITY, x)
                                                                : rounded;
}
bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

/// A loop over arrays: loads %a (and %b) of type `from`, runs `body`, stores %r of type `to`. %odd
/// says whether the loop's counter is.
std::string loopText(const std::string &name, const std::string &from, const std::string &to,
                     int lanes, const std::string &body) {
  auto value = [&](const std::string &type) {
    return lanes ? "vector<" + std::to_string(lanes) + "x" + type + ">" : type;
  };
  std::string line = body;
  for (const auto &[key, type] : {std::pair{"FROM", from}, std::pair{"TO", to}})
    for (size_t at; (at = line.find(key)) != std::string::npos;)
      line.replace(at, std::strlen(key), value(type));
  return "func.func @" + name + std::to_string(lanes) +
         "(%x: !llvm.ptr, %y: !llvm.ptr, %out: !llvm.ptr, %n: i64) {\n"
         "  %zero = arith.constant 0 : i64\n  %step = arith.constant " +
         std::to_string(std::max(lanes, 1)) +
         " : i64\n  scf.for %i = %zero to %n step %step : i64 {\n"
         "    %xp = llvm.getelementptr %x[%i] : (!llvm.ptr, i64) -> !llvm.ptr, " +
         from + "\n    %yp = llvm.getelementptr %y[%i] : (!llvm.ptr, i64) -> !llvm.ptr, " + from +
         "\n    %op = llvm.getelementptr %out[%i] : (!llvm.ptr, i64) -> !llvm.ptr, " + to +
         "\n    %a = llvm.load %xp {alignment = 2 : i64} : !llvm.ptr -> " + value(from) +
         "\n    %b = llvm.load %yp {alignment = 2 : i64} : !llvm.ptr -> " + value(from) +
         "\n    %odd = arith.trunci %i : i64 to i1\n    %r = " + line +
         "\n    llvm.store %r, %op {alignment = 2 : i64} : " + value(to) +
         ", !llvm.ptr\n  }\n  return\n}\n";
}

using TestParam = std::tuple<std::string, Half>;
class MathExpansionHalfTest : public testing::TestWithParam<TestParam> {
protected:
  const CpuTarget &target = *lookupTarget(std::get<0>(GetParam()));
  const Half half = std::get<1>(GetParam());
  void SetUp() override {
    if (!runsHere(target))
      GTEST_SKIP() << "this CPU does not run " << target.name;
  }
  /// Runs `body` over x and y as scalars and in vectors of 8 and of 5; gives what `check` sees.
  template <typename From, typename To>
  void forEachForm(const char *from, const char *to, const std::string &body,
                   const std::vector<From> &x, const std::vector<From> &y,
                   const std::function<void(size_t, To)> &check) {
    std::string text;
    for (int lanes : {0, 5, 8})
      text += loopText("f", from, to, lanes, body);
    MathJit jit(text, target);
    ASSERT_EQ(jit.error, "");
    ASSERT_EQ(x.size() % 40, 0u);
    for (int lanes : {0, 5, 8}) {
      auto loop = reinterpret_cast<void (*)(const From *, const From *, To *, int64_t)>(
          jit.lookup("f" + std::to_string(lanes)));
      ASSERT_NE(loop, nullptr) << jit.error;
      std::vector<To> out(x.size());
      loop(x.data(), y.data(), out.data(), std::ssize(x));
      for (size_t i = 0; i < out.size(); ++i)
        check(i, out[i]);
    }
  }
  /// Every value of the format; 24 more make a multiple of 40.
  static std::vector<uint16_t> allHalves() {
    std::vector<uint16_t> all(65560);
    for (size_t i = 0; i < all.size(); ++i)
      all[i] = static_cast<uint16_t>(i);
    return all;
  }
  /// Numbers at, beside and between the values of the format.
  template <typename T> std::vector<T> nearHalves() const {
    std::vector<T> x;
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      double value = decode(half, uint16_t(bits)), next = decode(half, uint16_t(bits ^ 1));
      T middle = static_cast<T>(std::isfinite(value + next) ? (value + next) / 2 : value);
      for (T number : {static_cast<T>(value), middle, std::nextafter(middle, T(0)),
                       std::nextafter(middle, T(INFINITY))})
        x.push_back(number);
    }
    std::mt19937_64 random(5);
    while (x.size() < 400000 || x.size() % 40)
      x.push_back(
          static_cast<T>(std::ldexp(double(random() >> 11) - 0x1p52, int(random() % 300) - 200)));
    return x;
  }
};

TEST_P(MathExpansionHalfTest, WideningIsExact) {
  std::vector<uint16_t> all = allHalves();
  forEachForm<uint16_t, float>(
      half.name, "f32", "arith.extf %a : FROM to TO", all, all,
      [&](size_t i, float got) { ASSERT_TRUE(same(got, decode(half, all[i]))) << all[i]; });
  forEachForm<uint16_t, double>(
      half.name, "f64", "arith.extf %a : FROM to TO", all, all,
      [&](size_t i, double got) { ASSERT_TRUE(same(got, decode(half, all[i]))) << all[i]; });
}

TEST_P(MathExpansionHalfTest, NarrowingRoundsOnceToNearestEven) {
  auto single = nearHalves<float>();
  forEachForm<float, uint16_t>("f32", half.name, "arith.truncf %a : FROM to TO", single, single,
                               [&](size_t i, uint16_t got) {
                                 ASSERT_TRUE(same(decode(half, got), roundTo(half, single[i])))
                                     << std::hexfloat << single[i];
                               });
  auto twice = nearHalves<double>();
  forEachForm<double, uint16_t>(
      "f64", half.name, "arith.truncf %a : FROM to TO", twice, twice, [&](size_t i, uint16_t got) {
        ASSERT_TRUE(same(decode(half, got), roundTo(half, twice[i]))) << std::hexfloat << twice[i];
      });
}

TEST_P(MathExpansionHalfTest, ArithmeticRoundsOnce) {
  std::vector<uint16_t> x = allHalves(), y = x;
  std::mt19937 random(3);
  for (uint16_t &value : y)
    value = static_cast<uint16_t>(random());
  auto binary = [&](const char *op, double (*meaning)(double, double)) {
    forEachForm<uint16_t, uint16_t>(
        half.name, half.name, std::string(op) + " %a, %b : FROM", x, y,
        [&](size_t i, uint16_t got) {
          double a = decode(half, x[i]), b = decode(half, y[i]);
          ASSERT_TRUE(same(decode(half, got), roundTo(half, meaning(a, b))))
              << op << " " << a << " " << b << " gives " << decode(half, got);
        });
  };
  binary("arith.addf", [](double a, double b) { return a + b; });
  binary("arith.subf", [](double a, double b) { return a - b; });
  binary("arith.mulf", [](double a, double b) { return a * b; });
  binary("arith.divf", [](double a, double b) { return a / b; });
  binary("arith.remf", [](double a, double b) { return std::fmod(a, b); });
}

TEST_P(MathExpansionHalfTest, MathIsTheSingleResultRounded) {
  std::vector<uint16_t> x = allHalves();
  auto unary = [&](const char *op, double (*meaning)(double)) {
    forEachForm<uint16_t, uint16_t>(
        half.name, half.name, std::string(op) + " %a : FROM", x, x, [&](size_t i, uint16_t got) {
          double expected = meaning(decode(half, x[i])), value = decode(half, got);
          // An f32 within 4 ulp of the true value may round to either of its neighbours.
          double slack = std::abs(expected) * 0x1p-21;
          ASSERT_TRUE(same(value, roundTo(half, expected)) ||
                      same(value, roundTo(half, expected - slack)) ||
                      same(value, roundTo(half, expected + slack)))
              << op << " of " << decode(half, x[i]) << " gives " << value;
        });
  };
  unary("math.exp", [](double x) { return std::exp(x); });
  unary("math.tanh", [](double x) { return std::tanh(x); });
  unary("math.sqrt", [](double x) { return std::sqrt(x); });
  unary("math.floor", [](double x) { return std::floor(x); });
  unary("math.absf", [](double x) { return std::abs(x); });
  unary("arith.negf", [](double x) { return -x; });
}

TEST_P(MathExpansionHalfTest, MovingThroughBranchesChangesNoBit) {
  std::vector<uint16_t> x = allHalves(), y(x.rbegin(), x.rend());
  std::string branch = "scf.if %odd -> FROM {\n  scf.yield %a : FROM\n} else {\n"
                       "  %m = arith.negf %b : FROM\n  %s = math.copysign %m, %a : FROM\n"
                       "  scf.yield %s : FROM\n}";
  const size_t steps[] = {1, 5, 8};
  size_t form = 0;
  forEachForm<uint16_t, uint16_t>(half.name, half.name, branch, x, y, [&](size_t i, uint16_t got) {
    bool odd = i / steps[form] * steps[form] % 2 == 1;
    ASSERT_EQ(got, odd ? x[i] : (y[i] & 0x7fff) | (x[i] & 0x8000)) << i << " in form " << form;
    form += i + 1 == x.size();
  });
}

TEST_P(MathExpansionHalfTest, ComparisonsAndIntegersGoThroughWiderTypes) {
  std::vector<uint16_t> x = allHalves(), y = x;
  std::mt19937 random(4);
  for (uint16_t &value : y)
    value = static_cast<uint16_t>(random());
  std::string choose = "arith.maximumf %a, %b : FROM";
  forEachForm<uint16_t, uint16_t>(half.name, half.name, choose, x, y, [&](size_t i, uint16_t got) {
    double a = decode(half, x[i]), b = decode(half, y[i]);
    if (!std::isnan(a) && !std::isnan(b) && a != b)
      ASSERT_TRUE(same(decode(half, got), std::max(a, b)));
  });
  std::vector<int32_t> integers(40000);
  for (int32_t &value : integers)
    value = static_cast<int32_t>(random()) >> (random() % 31);
  forEachForm<int32_t, uint16_t>("i32", half.name, "arith.sitofp %a : FROM to TO", integers,
                                 integers, [&](size_t i, uint16_t got) {
                                   ASSERT_TRUE(same(decode(half, got), roundTo(half, integers[i])))
                                       << integers[i];
                                 });
}

INSTANTIATE_TEST_SUITE_P(Targets, MathExpansionHalfTest,
                         testing::Combine(testing::Values("x86-64", "x86-64-v2", "x86-64-v3",
                                                          "x86-64-v4"),
                                          testing::Values(f16, bf16)),
                         [](const auto &info) {
                           std::string name =
                               std::get<0>(info.param) + "_" + std::get<1>(info.param).name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
