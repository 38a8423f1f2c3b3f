// Composites become their formulas, formulas of formulas too; some may be kept whole.
#include "compiler/prepare/Prepare.h"
#include "tests/unit/compiler/GraphTest.h"

namespace ingot {
namespace {

using test::GraphTest;
using test::Interpreter;

class DecomposeCompositesTest : public GraphTest {
protected:
  void SetUp() override {
    parse(R"mlir(
      func.func @f(%x: tensor<3xf32>, %seed: tensor<si64>) -> tensor<3xf32> {
        %a = graph.softmax %x {axis = 0 : i64} : (tensor<3xf32>) -> tensor<3xf32> loc("probabilities")
        %b = graph.dropout %a, %seed, %seed {id = 1 : i64, rate = 0.5 : f64}
            : (tensor<3xf32>, tensor<si64>, tensor<si64>) -> tensor<3xf32>
        return %b : tensor<3xf32>
      })mlir");
  }
  int64_t composites() {
    int64_t n = 0;
    module->walk([&](graph::Composite) { ++n; });
    return n;
  }
};

TEST_F(DecomposeCompositesTest, NoneIsLeftAndTheMeaningIsTheSame) {
  auto seed = tensor({}, {7}, mlir::IntegerType::get(&context, 64, mlir::IntegerType::Signed));
  auto x = noise({3}, 1);
  auto before = *Interpreter(*module).run("f", {x, seed});
  ASSERT_EQ(composites(), 2);
  decomposeComposites(*module);
  EXPECT_EQ(composites(), 0);
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  auto after = *Interpreter(*module).run("f", {x, seed});
  for (int64_t i = 0; i < 3; ++i)
    EXPECT_EQ(before[0].real(i), after[0].real(i));
  EXPECT_EQ(graph::layerName(function("f").getBody().front().front().getLoc()), "probabilities");
}

TEST_F(DecomposeCompositesTest, WhatATargetTakesWholeStays) {
  decomposeComposites(*module, [](mlir::Operation *op) { return llvm::isa<graph::SoftmaxOp>(op); });
  EXPECT_EQ(composites(), 1);
}

} // namespace
} // namespace ingot
