// Formulas over dimension symbols: values, and what is no formula.
#include "TestFiles.h"
#include "ingot/Model.h"

using namespace ingot;

namespace {

const char *const symbolNames[] = {"batch", "seq/len", "min"};
const int64_t symbolValues[] = {7, 12, 5};

Result<int64_t> evaluate(const std::string &text) {
  ingot_function function = {};
  function.name = "f";
  function.symbol_count = 3;
  function.symbols = symbolNames;
  return evaluateFormula(text.c_str(), function, symbolValues);
}

TEST(FormulaTest, FollowsTheUsualPrecedence) {
  const std::pair<const char *, int64_t> cases[] = {
      {"784", 784},
      {"batch", 7},
      {"batch * 4 + 1", 29},
      {"1 + batch * 4", 29},
      {"(1 + batch) * 4", 32},
      {"batch - 2 - 3", 2},
      {"seq/len*batch", 84},
      {"batch floordiv 2", 3},
      {"batch ceildiv 2", 4},
      {"batch mod 4", 3},
      {"-batch floordiv 2", -4},
      {"-batch ceildiv 2", -3},
      {"-batch mod 4", 1},
      {"ceildiv(batch, 2) * 3", 12},
      {"floordiv(batch, 2)", 3},
      {"min(batch, max(3, 4)) + min", 9},
      {"9223372036854775807", INT64_MAX},
  };
  for (const auto &[text, value] : cases) {
    auto result = evaluate(text);
    ASSERT_TRUE(result.isOk()) << text << ": " << result.status().message();
    EXPECT_EQ(*result, value) << text;
  }
}

TEST(FormulaTest, RefusesWhatIsNone) {
  for (const char *text : {"", " ", "batch +", "* 2", "(batch", "batch)", "batch 2", "min(1)",
                           "min(1, 2, 3)", "2x", "1 / 2", ",", "()", "floordiv"})
    EXPECT_EQ(evaluate(text).status().code(), StatusCode::InvalidArgument) << text;
  EXPECT_STATUS(evaluate("bach * 2").status(), InvalidArgument, "unknown symbol at character 4");
  EXPECT_STATUS(evaluate("9223372036854775807 + 1").status(), InvalidArgument, "overflow");
  EXPECT_STATUS(evaluate("9223372036854775808").status(), InvalidArgument, "overflow");
  EXPECT_STATUS(evaluate("batch floordiv 0").status(), InvalidArgument, "not positive");
  EXPECT_STATUS(evaluate("batch mod -1").status(), InvalidArgument, "not positive");
  EXPECT_STATUS(evaluate(std::string(100000, '(')).status(), InvalidArgument, "too deeply");
  EXPECT_STATUS(evaluate(std::string(100000, '-') + "1").status(), InvalidArgument, "too deeply");
}

} // namespace
