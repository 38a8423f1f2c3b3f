// Recomputation: less is kept between the passes, and no loss or weight changes in a bit.
#include "compiler/autodiff/Recompute.h"
#include "compiler/prepare/Prepare.h"
#include "tests/unit/compiler/GraphTest.h"

namespace ingot {
namespace {

using test::GraphTest;
using test::Interpreter;

class RecomputeTest : public GraphTest {
protected:
  /// Two dense layers; gelu has no gradient of its own, so its formula keeps many values.
  void parseNetwork() {
    parse(R"mlir(
      #h = #graph.dims<[batch, 4]>
      graph.variable @w1 {role = "trainable"} : tensor<5x4xf32>
      graph.variable @b1 {role = "trainable"} : tensor<4xf32>
      graph.variable @w2 {role = "trainable"} : tensor<4x4xf32>
      func.func @loss(%x: tensor<?x5xf32, #graph.dims<[batch, 5]>>) -> tensor<f32> {
        %w1 = graph.read @w1 : tensor<5x4xf32>
        %b1 = graph.read @b1 : tensor<4xf32>
        %w2 = graph.read @w2 : tensor<4x4xf32>
        %0 = graph.matmul %x, %w1
            : (tensor<?x5xf32, #graph.dims<[batch, 5]>>, tensor<5x4xf32>) -> tensor<?x4xf32, #h>
        %1 = graph.broadcast %b1 {axes = array<i64: 1>} : tensor<4xf32> to tensor<?x4xf32, #h>
        %2 = graph.add %0, %1 : tensor<?x4xf32, #h>
        %3 = graph.gelu %2 : (tensor<?x4xf32, #h>) -> tensor<?x4xf32, #h>
        %4 = graph.matmul %3, %w2 : (tensor<?x4xf32, #h>, tensor<4x4xf32>) -> tensor<?x4xf32, #h>
        %5 = graph.gelu %4 : (tensor<?x4xf32, #h>) -> tensor<?x4xf32, #h>
        %6 = graph.mul %5, %5 : tensor<?x4xf32, #h>
        %7 = graph.reduce %6 {kind = 0 : i32, axes = array<i64: 0, 1>}
            : (tensor<?x4xf32, #h>) -> tensor<f32>
        return %7 : tensor<f32>
      })mlir");
  }
  int64_t clones() {
    int64_t n = 0;
    module->walk([&](mlir::Operation *op) { n += op->hasAttr("graph.recompute"); });
    return n;
  }
  /// Loss and weights after three steps.
  std::vector<double> train() {
    Interpreter run(*module);
    EXPECT_TRUE(mlir::succeeded(run.run("initialize", {})));
    run.variables["w1"] = noise({5, 4}, 1);
    run.variables["b1"] = noise({4}, 2);
    run.variables["w2"] = noise({4, 4}, 3);
    std::vector<double> numbers;
    for (int i = 0; i < 3; ++i) {
      auto results = run.run("train_step", {noise({3, 5}, 4)});
      EXPECT_TRUE(mlir::succeeded(results)) << run.error();
      numbers.push_back((*results)[0].real(0));
    }
    for (const char *name : {"w1", "b1", "w2"})
      for (int64_t i = 0; i < run.variables[name].numElements(); ++i)
        numbers.push_back(run.variables[name].real(i));
    return numbers;
  }
};

TEST_F(RecomputeTest, TheSameBitsWithLessKept) {
  parseNetwork();
  ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", {})));
  std::vector<double> plain = train();
  EXPECT_EQ(clones(), 0);
  parseNetwork();
  ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", {}, {.recompute = true})));
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  EXPECT_EQ(train(), plain);
  EXPECT_GT(clones(), 0);
  int64_t before = clones();
  ASSERT_TRUE(mlir::succeeded(simplify(*module)));
  EXPECT_GT(clones(), 0) << "simplification merged the clones with the originals";
  EXPECT_LE(clones(), before);
  EXPECT_EQ(train(), plain);
}

TEST_F(RecomputeTest, OnlyWhatIsCheapAndMakesTheSumSmaller) {
  parse(R"mlir(
    func.func @f(%x: tensor<8x8xf32>, %y: tensor<8x8xf32>) -> tensor<8x8xf32> {
      %a = graph.matmul %x, %y : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
      %b = graph.tanh %a : tensor<8x8xf32>
      %c = graph.exp %b : tensor<8x8xf32>
      %d = graph.mul %b, %c : tensor<8x8xf32>
      %e = graph.mul %d, %b : tensor<8x8xf32>
      %g = graph.mul %e, %c : tensor<8x8xf32>
      return %g : tensor<8x8xf32>
    })mlir");
  mlir::Block &body = function("f").getBody().front();
  mlir::Operation *last = &*std::next(body.begin(), 3); // %d: %b and %c are kept for what follows
  EXPECT_EQ(bytesKept(body, last), 3 * 256);
  // %d and %c follow from %b; %b would need %a instead, which takes as much.
  EXPECT_EQ(recomputeCheapValues(body, last), 2);
  EXPECT_EQ(bytesKept(body, last), 256);
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
}

} // namespace
} // namespace ingot
