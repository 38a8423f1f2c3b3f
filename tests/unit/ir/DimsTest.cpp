// Dimension expressions: one normal form, exact arithmetic, text that reads back.
#include "ir/Graph.h"
#include "mlir/AsmParser/AsmParser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace ingot;

namespace {
class DimsTest : public ::testing::Test {
protected:
  DimsTest() { context.loadDialect<graph::GraphDialect>(); }
  Dim c(int64_t v) { return Dim::constant(&context, v); }
  Dim s(llvm::StringRef name) { return Dim::symbol(&context, name); }
  Dim parsed(const std::string &text) {
    auto attribute = llvm::dyn_cast_or_null<graph::DimsAttr>(
        parseAttribute("#graph.dims<[" + text + "]>", &context));
    return attribute ? Dim(attribute.getExprs()[0]) : Dim();
  }
  MLIRContext context{MLIRContext::Threading::DISABLED};
};
} // namespace

TEST_F(DimsTest, equalExpressionsAreOneObject) {
  Dim n = s("n"), m = s("m");
  EXPECT_EQ(n + m, m + n);
  EXPECT_EQ(n * m, m * n);
  EXPECT_EQ((n + 1) * (n - 1), n * n - 1);
  EXPECT_EQ((n + m) * 2 - n * 2, m * 2);
  EXPECT_EQ(n - n, c(0));
  EXPECT_EQ((n * 4).floorDiv(4), n);
  EXPECT_EQ((n * 4 + 8).ceilDiv(4), n + 2);
  EXPECT_EQ(Dim::max(n, n), n);
  EXPECT_FALSE(n == m);
  EXPECT_FALSE(n.floorDiv(2) == n.ceilDiv(2));
}

TEST_F(DimsTest, divisionIsExactOnlyWhereEveryTermDivides) {
  Dim n = s("n");
  EXPECT_EQ(*Dim::exactDiv(n * 25, n), c(25));
  EXPECT_EQ(*Dim::exactDiv(n * 6 + n * n * 4, n * 2), n * 2 + 3);
  EXPECT_FALSE(Dim::exactDiv(n * 3, c(2)));
  EXPECT_FALSE(Dim::exactDiv(n, s("m")));
}

TEST_F(DimsTest, evaluatesWithFloorAndCeiling) {
  auto at = [](int64_t v) { return [v](llvm::StringRef) { return v; }; };
  Dim n = s("n");
  for (int64_t v : {0, 1, 7, 10}) {
    EXPECT_EQ(((n - 3).floorDiv(2) + 1).evaluate(at(v)),
              (v - 3 < 0 ? (v - 4) / 2 : (v - 3) / 2) + 1);
    EXPECT_EQ(n.ceilDiv(4).evaluate(at(v)), (v + 3) / 4);
    EXPECT_EQ(Dim::max(n - 5, c(0)).evaluate(at(v)), std::max<int64_t>(v - 5, 0));
  }
  EXPECT_EQ(n.floorDiv(s("m")).evaluate(at(0)), 0) << "a zero divisor gives 0";
}

TEST_F(DimsTest, textReadsBackAsTheSameExpression) {
  Dim n = s("n"), m = s("m");
  Dim expressions[] = {c(0),
                       c(-3),
                       n,
                       n * 4 + 1,
                       n * m * -2,
                       (n + m).floorDiv(3) + 1,
                       Dim::max((n - 2).floorDiv(2) + 1, c(0)),
                       Dim::min(n, m) * 2,
                       (n * 3 + 1).ceilDiv(m) * (n + 1).floorDiv(2),
                       n.floorDiv(2).floorDiv(m)};
  for (Dim d : expressions)
    EXPECT_EQ(parsed(d.str()), d) << d.str();
}

TEST_F(DimsTest, typesCarryDimensionsOnlyWhereOneIsSymbolic) {
  Type f32 = Float32Type::get(&context);
  EXPECT_FALSE(tensorType({c(2), c(3)}, f32).getEncoding());
  RankedTensorType type = tensorType({s("n"), c(3)}, f32);
  EXPECT_TRUE(type.isDynamicDim(0));
  EXPECT_EQ(str(dimsOf(type)), "(n, 3)");
}
