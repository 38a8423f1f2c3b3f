// The CPU's math against the C library in long double, on every target that this machine runs.
//
// Each function is compiled for scalars and two widths of vectors, run over all exponents, dense
// ranges and special values; errors are counted in ulp of the result's type.
#include "MathJit.h"
#include "gtest/gtest.h"
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <map>
#include <random>

using namespace ingot::cpu;
using Wide = long double;

namespace {

struct Function {
  const char *op;
  Wide (*unary)(Wide);
  Wide (*binary)(Wide, Wide) = nullptr;
};
Wide roundHalfEven(Wide x) { return std::isnan(x) ? x : ::rintl(x); }
Wide reciprocalRoot(Wide x) { return 1 / ::sqrtl(x); }
Wide maximum(Wide x, Wide y) {
  if (std::isnan(x) || std::isnan(y))
    return x + y;
  return x == y ? (std::signbit(x) ? y : x) : std::max(x, y);
}
Wide minimum(Wide x, Wide y) { return -maximum(-x, -y); }
const Function functions[] = {
    {"math.exp", ::expl},
    {"math.exp2", ::exp2l},
    {"math.expm1", ::expm1l},
    {"math.log", ::logl},
    {"math.log2", ::log2l},
    {"math.log10", ::log10l},
    {"math.log1p", ::log1pl},
    {"math.tanh", ::tanhl},
    {"math.sinh", ::sinhl},
    {"math.cosh", ::coshl},
    {"math.asinh", ::asinhl},
    {"math.acosh", ::acoshl},
    {"math.atanh", ::atanhl},
    {"math.erf", ::erfl},
    {"math.erfc", ::erfcl},
    {"math.sin", ::sinl},
    {"math.cos", ::cosl},
    {"math.tan", ::tanl},
    {"math.asin", ::asinl},
    {"math.acos", ::acosl},
    {"math.atan", ::atanl},
    {"math.sqrt", ::sqrtl},
    {"math.rsqrt", reciprocalRoot},
    {"math.cbrt", ::cbrtl},
    {"math.floor", ::floorl},
    {"math.ceil", ::ceill},
    {"math.trunc", ::truncl},
    {"math.round", ::roundl},
    {"math.roundeven", roundHalfEven},
    {"math.absf", ::fabsl},
    {"math.powf", nullptr, ::powl},
    {"math.atan2", nullptr, ::atan2l},
    {"math.copysign", nullptr, ::copysignl},
    {"arith.remf", nullptr, ::fmodl},
    {"arith.maximumf", nullptr, maximum},
    {"arith.minimumf", nullptr, minimum},
};
/// The most that this project allows, in ulp; rounding is exact.
constexpr double allowed = 4;

template <typename T> struct Format;
template <> struct Format<float> {
  using Bits = uint32_t;
  static constexpr const char *name = "f32";
  static constexpr int mantissa = 23, exponents = 256, leastExponent = -149, perExponent = 128;
};
template <> struct Format<double> {
  using Bits = uint64_t;
  static constexpr const char *name = "f64";
  static constexpr int mantissa = 52, exponents = 2048, leastExponent = -1074, perExponent = 20;
};

/// Arguments: every exponent with both signs, ranges where functions bend, special values, the
/// numbers nearest to a multiple of pi/2. A
/// multiple of 80 of them.
template <typename T> std::vector<T> sampleArguments(uint64_t seed) {
  using Bits = typename Format<T>::Bits;
  std::mt19937_64 random(seed);
  std::vector<T> x;
  constexpr Bits fraction = (Bits(1) << Format<T>::mantissa) - 1;
  for (int exponent = 0; exponent < Format<T>::exponents; ++exponent)
    for (int i = 0; i < Format<T>::perExponent; ++i) {
      Bits bits = (Bits(exponent) << Format<T>::mantissa) | (Bits(random()) & fraction);
      if (i < 4)
        bits = (Bits(exponent) << Format<T>::mantissa) | (i < 2 ? Bits(i) : fraction + 2 - i);
      bits |= Bits(i & 1) << (sizeof(T) * 8 - 1);
      x.push_back(std::bit_cast<T>(bits));
    }
  for (double range : {0.5, 1.0, 2.0, 7.0, 20.0, 110.0, 760.0, 5000.0}) {
    std::uniform_real_distribution<double> uniform(-range, range);
    for (int i = 0; i < 10000; ++i)
      x.push_back(static_cast<T>(uniform(random)));
  }
  for (int i = -2000; i <= 2000; ++i) {
    x.push_back(static_cast<T>(i * 0.5));
    x.push_back(static_cast<T>(i * 1.5707963267948966L));
    x.push_back(std::nextafter(static_cast<T>(i), static_cast<T>(0)));
    x.push_back(std::nextafter(static_cast<T>(i), static_cast<T>(1e9)));
  }
  for (T special : {T(0), std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN(),
                    std::numeric_limits<T>::max(), std::numeric_limits<T>::min(),
                    std::numeric_limits<T>::denorm_min(), T(1e22),
                    static_cast<T>(0x1.6ac5b262ca1ffp+849), T(0x1.f37c8a0000000p+95)})
    for (T sign : {T(1), T(-1)})
      x.push_back(sign * special);
  while (x.size() % 80)
    x.push_back(T(1));
  return x;
}

/// Second arguments for the same number of pairs.
template <typename T> std::vector<T> sampleSeconds(const std::vector<T> &first) {
  std::mt19937_64 random(7);
  std::vector<T> all = sampleArguments<T>(99), y(first.size());
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  for (size_t i = 0; i < y.size(); ++i) {
    switch (random() % 4) {
    case 0: // a power near the limits of the range
      y[i] = static_cast<T>(uniform(random) * (sizeof(T) == 4 ? 150 : 1080) /
                            (std::abs(std::log2(std::abs(double(first[i])))) + 1e-3));
      break;
    case 1:
      y[i] = static_cast<T>(static_cast<int>(random() % 41) - 20);
      break;
    case 2:
      y[i] = static_cast<T>(first[i] * uniform(random));
      break;
    default:
      y[i] = all[random() % all.size()];
    }
  }
  const T inf = std::numeric_limits<T>::infinity(), none = std::numeric_limits<T>::quiet_NaN();
  const T corners[] = {T(0),  T(-0.0), T(1),    T(-1), T(2), T(-2), T(3),
                       T(-3), T(0.5),  T(-0.5), inf,   -inf, none};
  for (size_t i = 0; i < y.size() && i < 4096; ++i)
    y[i] = corners[i % 13];
  return y;
}
/// Overwrites the first arguments so that all pairs of corner values come.
template <typename T> void putCorners(std::vector<T> &x) {
  const T inf = std::numeric_limits<T>::infinity(), none = std::numeric_limits<T>::quiet_NaN();
  const T corners[] = {T(0),  T(-0.0), T(1),    T(-1), T(2), T(-2), T(3),
                       T(-3), T(0.5),  T(-0.5), inf,   -inf, none};
  for (size_t i = 0; i < 169; ++i)
    x[i] = corners[i / 13];
}

/// Distance of `got` from the true value in ulp; infinite where the kind or sign is wrong.
template <typename T> double errorInUlp(T got, Wide expected) {
  constexpr double wrong = std::numeric_limits<double>::infinity();
  if (std::isnan(expected) || std::isnan(got))
    return std::isnan(expected) && std::isnan(got) ? 0 : wrong;
  if (std::signbit(got) != std::signbit(expected))
    return wrong;
  T rounded = static_cast<T>(expected);
  if (got == rounded)
    return std::isinf(got) || got == 0
               ? 0
               : std::abs(
                     double((Wide(got) - expected) /
                            std::ldexp(Wide(1), std::max(std::ilogb(expected) - Format<T>::mantissa,
                                                         Format<T>::leastExponent))));
  if (std::isinf(expected) || expected == 0)
    return wrong;
  int exponent = std::max(std::ilogb(expected) - Format<T>::mantissa, Format<T>::leastExponent);
  Wide value = std::isinf(got) ? std::ldexp(Wide(1), std::numeric_limits<T>::max_exponent) : got;
  return std::abs(double((std::abs(value) - std::abs(expected)) / std::ldexp(Wide(1), exponent)));
}

std::string functionName(const Function &function, const std::string &type, int lanes) {
  std::string op = function.op;
  return op.substr(op.find('.') + 1) + "_" + type + "_" + std::to_string(lanes);
}
/// A loop over arrays that applies the op to `lanes` elements at a time (0: scalars).
std::string loopText(const Function &function, const std::string &type, int lanes) {
  std::string value = lanes ? "vector<" + std::to_string(lanes) + "x" + type + ">" : type;
  std::string align = type == "f32" ? "{alignment = 4 : i64}" : "{alignment = 8 : i64}";
  std::string second = function.binary ? ", %b" : "";
  return "func.func @" + functionName(function, type, lanes) +
         "(%x: !llvm.ptr, %y: !llvm.ptr, %out: !llvm.ptr, %n: i64) {\n"
         "  %zero = arith.constant 0 : i64\n  %step = arith.constant " +
         std::to_string(std::max(lanes, 1)) +
         " : i64\n  scf.for %i = %zero to %n step %step : i64 {\n"
         "    %xp = llvm.getelementptr %x[%i] : (!llvm.ptr, i64) -> !llvm.ptr, " +
         type + "\n    %yp = llvm.getelementptr %y[%i] : (!llvm.ptr, i64) -> !llvm.ptr, " + type +
         "\n    %op = llvm.getelementptr %out[%i] : (!llvm.ptr, i64) -> !llvm.ptr, " + type +
         "\n    %a = llvm.load %xp " + align + " : !llvm.ptr -> " + value +
         "\n    %b = llvm.load %yp " + align + " : !llvm.ptr -> " + value +
         "\n    %r = " + function.op + " %a" + second + " : " + value +
         "\n    llvm.store %r, %op " + align + " : " + value + ", !llvm.ptr\n  }\n  return\n}\n";
}
template <typename T> using Loop = void (*)(const T *, const T *, T *, int64_t);

/// The true values of a function over the samples, computed once.
template <typename T> struct Reference {
  std::vector<T> x, y;
  std::vector<Wide> expected;
};
template <typename T> const Reference<T> &referenceOf(const Function &function) {
  static std::map<std::string, Reference<T>> known;
  Reference<T> &reference = known[function.op];
  if (!reference.x.empty())
    return reference;
  reference.x = sampleArguments<T>(1);
  if (function.binary)
    putCorners(reference.x);
  reference.y = sampleSeconds(reference.x);
  for (size_t i = 0; i < reference.x.size(); ++i)
    reference.expected.push_back(function.binary ? function.binary(reference.x[i], reference.y[i])
                                                 : function.unary(reference.x[i]));
  return reference;
}

class MathExpansionTest : public testing::TestWithParam<std::string> {
protected:
  const CpuTarget &target = *lookupTarget(GetParam());
  void SetUp() override {
    if (!runsHere(target))
      GTEST_SKIP() << "this CPU does not run " << target.name;
  }
  template <typename T> int lanes() const {
    return static_cast<int>(target.vectorBytes / sizeof(T));
  }
  template <typename T> std::string allLoops() const {
    std::string text;
    for (const Function &function : functions)
      for (int width : {0, 5, lanes<T>()})
        text += loopText(function, Format<T>::name, width);
    return text;
  }
  template <typename T> void check(MathJit &jit) {
    for (const Function &function : functions) {
      const Reference<T> &reference = referenceOf<T>(function);
      std::vector<T> scalar(reference.x.size()), vector(reference.x.size());
      auto run = [&](int width, std::vector<T> &out) {
        auto loop =
            reinterpret_cast<Loop<T>>(jit.lookup(functionName(function, Format<T>::name, width)));
        ASSERT_NE(loop, nullptr) << jit.error;
        loop(reference.x.data(), reference.y.data(), out.data(), std::ssize(out));
      };
      ASSERT_NO_FATAL_FAILURE(run(0, scalar));
      double worst = 0;
      size_t at = 0;
      for (size_t i = 0; i < scalar.size(); ++i)
        if (double error = errorInUlp(scalar[i], reference.expected[i]); error > worst)
          worst = error, at = i;
      EXPECT_LE(worst, allowed) << function.op << " " << Format<T>::name
                                << " at x = " << std::hexfloat << reference.x[at]
                                << ", y = " << reference.y[at] << ": got " << scalar[at]
                                << ", expected " << reference.expected[at];
      std::printf("[ ulp ] %-9s %-14s %s %.3f at %.9g\n", target.name.c_str(), function.op,
                  Format<T>::name, worst, double(reference.x[at]));
      for (int width : {5, lanes<T>()}) {
        ASSERT_NO_FATAL_FAILURE(run(width, vector));
        for (size_t i = 0; i < scalar.size(); ++i) {
          using Bits = typename Format<T>::Bits;
          bool same = std::bit_cast<Bits>(scalar[i]) == std::bit_cast<Bits>(vector[i]);
          ASSERT_TRUE(same || (std::isnan(scalar[i]) && std::isnan(vector[i])))
              << function.op << " of " << reference.x[i] << " and " << reference.y[i]
              << " in vectors of " << width << ": " << vector[i] << ", alone " << scalar[i];
        }
      }
    }
  }
};

TEST_P(MathExpansionTest, SingleIsWithinFourUlpInEveryForm) {
  MathJit jit(allLoops<float>(), target);
  ASSERT_EQ(jit.error, "");
  check<float>(jit);
}
TEST_P(MathExpansionTest, DoubleIsWithinFourUlpInEveryForm) {
  MathJit jit(allLoops<double>(), target);
  ASSERT_EQ(jit.error, "");
  check<double>(jit);
}

/// exp and erf alone are less exact; where their results are too large or too small, they end as
/// they should.
TEST_P(MathExpansionTest, FastSingleIsWithinTheStatedError) {
  constexpr double bound = 0x1p-15;
  MathJit jit(allLoops<float>(), target, /*fastMath=*/true);
  ASSERT_EQ(jit.error, "");
  for (const Function &function : functions) {
    std::string op = function.op;
    if (op != "math.exp" && op != "math.erf")
      continue;
    const Reference<float> &reference = referenceOf<float>(function);
    for (int width : {0, 5, lanes<float>()}) {
      auto loop = reinterpret_cast<Loop<float>>(jit.lookup(functionName(function, "f32", width)));
      ASSERT_NE(loop, nullptr) << jit.error;
      std::vector<float> out(reference.x.size());
      loop(reference.x.data(), reference.y.data(), out.data(), std::ssize(out));
      for (size_t i = 0; i < out.size(); ++i) {
        Wide expected = reference.expected[i];
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(out[i])) << op;
          continue;
        }
        if (expected > 0x1p127) { // or infinite
          ASSERT_GE(out[i], 0x1p127f * (1 - bound)) << op << " of " << reference.x[i];
          continue;
        }
        ASSERT_LE(std::abs(double(out[i] - expected)),
                  bound * std::abs(double(expected)) + std::numeric_limits<float>::min())
            << op << " of " << reference.x[i] << " in vectors of " << width;
      }
    }
  }
}

TEST_P(MathExpansionTest, BoundsPassNaNAndKeepWhatIsInside) {
  std::string text;
  for (auto [name, op, limit] : {std::tuple("least", "arith.maximumf", "0.0"),
                                 std::tuple("most", "arith.minimumf", "6.0")}) {
    std::string loop = loopText({op, ::expl}, "f32", lanes<float>());
    std::string vector = "vector<" + std::to_string(lanes<float>()) + "xf32>";
    loop.replace(loop.find("@") + 1, loop.find("(") - loop.find("@") - 1, name);
    size_t at = loop.find("%r = ");
    std::string applied = std::string("%c = arith.constant dense<") + limit + "> : " + vector +
                          "\n    %r = " + op + " %a, %c : " + vector;
    text += loop.replace(at, loop.find('\n', at) - at, applied);
  }
  MathJit jit(text, target);
  ASSERT_EQ(jit.error, "");
  std::vector<float> x = sampleArguments<float>(1), least(x.size()), most(x.size());
  for (auto [name, out] : {std::pair("least", &least), std::pair("most", &most)}) {
    auto loop = reinterpret_cast<Loop<float>>(jit.lookup(name));
    ASSERT_NE(loop, nullptr) << jit.error;
    loop(x.data(), x.data(), out->data(), std::ssize(x));
  }
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_TRUE(std::isnan(x[i]) ? std::isnan(least[i]) : least[i] == std::max(x[i], 0.f)) << x[i];
    EXPECT_TRUE(std::isnan(x[i]) ? std::isnan(most[i]) : most[i] == std::min(x[i], 6.f)) << x[i];
  }
}

TEST_P(MathExpansionTest, DISABLED_Speed) {
  MathJit jit(allLoops<float>() + allLoops<double>(), target);
  ASSERT_EQ(jit.error, "");
  auto measure = [&]<typename T>(T, const Function &function) {
    std::vector<T> x(4000), y(4000), out(4000);
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = T(0.001) * T(i) + T(0.01), y[i] = T(1.5);
    auto loop =
        reinterpret_cast<Loop<T>>(jit.lookup(functionName(function, Format<T>::name, lanes<T>())));
    ASSERT_NE(loop, nullptr) << jit.error;
    double best = 1e9;
    for (int round = 0; round < 20; ++round) {
      auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < 10; ++i)
        loop(x.data(), y.data(), out.data(), 4000);
      std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
      best = std::min(best, took.count() / 40000);
    }
    std::printf("[ ns ] %-9s %-14s %s %.3f an element\n", target.name.c_str(), function.op,
                Format<T>::name, best);
  };
  for (const Function &function : functions) {
    measure(float(), function);
    measure(double(), function);
  }
}

/// x^n for constant n, in vectors.
TEST_P(MathExpansionTest, IntegerPowersAreWithinFourUlp) {
  const int exponents[] = {-7, -1, 0, 1, 2, 3, 10, 16777217};
  std::string text;
  for (int n : exponents)
    text += "func.func @power" + std::to_string(n + 7) +
            "(%x: !llvm.ptr, %y: !llvm.ptr, %out: !llvm.ptr, %n: i64) {\n"
            "  %zero = arith.constant 0 : i64\n  %step = arith.constant 4 : i64\n"
            "  %e = arith.constant dense<" +
            std::to_string(n) +
            "> : vector<4xi32>\n  scf.for %i = %zero to %n step %step : i64 {\n"
            "    %p = llvm.getelementptr %x[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32\n"
            "    %q = llvm.getelementptr %out[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32\n"
            "    %a = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>\n"
            "    %r = math.fpowi %a, %e : vector<4xf32>, vector<4xi32>\n"
            "    llvm.store %r, %q {alignment = 4 : i64} : vector<4xf32>, !llvm.ptr\n"
            "  }\n  return\n}\n";
  MathJit jit(text, target);
  ASSERT_EQ(jit.error, "");
  std::vector<float> x = sampleArguments<float>(3), out(x.size());
  for (int n : exponents) {
    auto loop = reinterpret_cast<Loop<float>>(jit.lookup("power" + std::to_string(n + 7)));
    ASSERT_NE(loop, nullptr) << jit.error;
    loop(x.data(), x.data(), out.data(), std::ssize(x));
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_LE(errorInUlp(out[i], ::powl(x[i], n)), allowed) << x[i] << " to the " << n;
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, MathExpansionTest,
                         testing::Values("x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
