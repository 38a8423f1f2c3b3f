// Every op case runs in the reference interpreter: the results or the error that the case names.
#include "tests/support/OpCases.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;
using namespace ingot;
using namespace ingot::tests;
using reference::Tensor;

namespace {
void expectEqual(const Tensor &got, const Tensor &want, const std::string &what) {
  ASSERT_EQ(got.shape(), want.shape()) << what;
  ASSERT_EQ(got.element(), want.element()) << what;
  for (int64_t i = 0; i < want.numElements(); ++i) {
    if (!want.isFloat()) {
      EXPECT_EQ(got.integer(i), want.integer(i)) << what << ", element " << i;
      continue;
    }
    double g = got.real(i), w = want.real(i);
    bool same = std::isnan(w)   ? std::isnan(g)
                : std::isinf(w) ? g == w
                                : std::abs(g - w) <= 1e-6 + 1e-6 * std::abs(w);
    EXPECT_TRUE(same) << what << ", element " << i << ": " << g << " instead of " << w;
  }
}

class OpReference : public ::testing::TestWithParam<OpCase> {};
} // namespace

TEST_P(OpReference, runsAndGivesWhatIsExpected) {
  const OpCase &c = GetParam();
  for (const SymbolSizes &sizes : c.sizes) {
    reference::Interpreter interpreter(c.module);
    auto results = interpreter.run(c.name, inputsOf(c, sizes));
    if (!c.error.empty()) {
      ASSERT_TRUE(failed(results)) << "the case names an error, the run has none";
      EXPECT_NE(interpreter.error().find(c.error), std::string::npos) << interpreter.error();
      continue;
    }
    ASSERT_TRUE(succeeded(results)) << interpreter.error();
    for (auto [type, result] : llvm::zip(func::FuncOp(c.function).getResultTypes(), *results))
      EXPECT_EQ(llvm::ArrayRef<int64_t>(interpreter.shapeOf(type)), result.shape());
    if (!c.expected)
      continue;
    ASSERT_EQ(c.expected->size(), results->size());
    for (auto [i, want] : llvm::enumerate(*c.expected))
      expectEqual((*results)[i], want, "result " + std::to_string(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, OpReference, ::testing::ValuesIn(opCases()),
                         [](const auto &info) { return info.param.file + "_" + info.param.name; });
