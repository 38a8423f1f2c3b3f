// Gradients through graph.if and graph.scan against central differences.
#include "tests/unit/compiler/GraphTest.h"
#include <gmock/gmock.h>

namespace ingot {
namespace {

using test::GraphTest;

class RegionGradientsTest : public GraphTest {
protected:
  int64_t countInScans(llvm::StringRef opName) {
    int64_t n = 0;
    module->walk([&](mlir::Operation *op) {
      n +=
          op->getName().getStringRef() == opName && op->getParentOfType<graph::ScanOp>() != nullptr;
    });
    return n;
  }
};

TEST_F(RegionGradientsTest, ScanForwardInTime) {
  parse(recurrence(""));
  expectGradientsMatch("f");
}

TEST_F(RegionGradientsTest, ScanBackwardInTime) {
  parse(recurrence("{reverse = true}"));
  expectGradientsMatch("f");
}

TEST_F(RegionGradientsTest, AScanStacksWhatItsReverseReadsAndComputesNothingTwice) {
  parse(recurrence(""));
  expectGradientsMatch("f");
  // Forward, once in the former scan that the caller may hold and once with stacked results.
  EXPECT_EQ(countInScans("graph.tanh"), 2);
}

TEST_F(RegionGradientsTest, ACarriedValueThatItsReverseDoesNotReadIsNotStacked) {
  parse(R"mlir(
    func.func @f(%x: tensor<5x2xf32>, %z: tensor<2xf32>) -> tensor<f32> {
      %r = graph.scan <[5]> carried(%z) inputs(%x)
          : (tensor<2xf32>, tensor<5x2xf32>) -> tensor<2xf32> {
      ^bb0(%i: tensor<si64>, %sum: tensor<2xf32>, %xi: tensor<2xf32>):
        %e = graph.mul %xi, %xi : tensor<2xf32>
        %n = graph.add %sum, %e : tensor<2xf32>
        graph.yield %n : tensor<2xf32>
      }
      %s = graph.reduce %r {kind = 0 : i32, axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  expectGradientsMatch("f");
  int64_t scans = 0;
  module->walk([&](graph::ScanOp) { ++scans; });
  EXPECT_EQ(scans, 2) << "the forward scan was replaced by one that stacks more";
}

TEST_F(RegionGradientsTest, IfSendsTheGradientThroughTheBranchThatRan) {
  parse(R"mlir(
    func.func @f(%x: tensor<3xf32>, %y: tensor<3xf32>, %unused: tensor<3xf32>) -> tensor<f32> {
      %sx = graph.reduce %x {kind = 0 : i32, axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<f32>
      %sy = graph.reduce %y {kind = 0 : i32, axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<f32>
      %c = graph.compare %sx, %sy {predicate = 2 : i32}
          : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %r = graph.if %c : (tensor<i1>) -> tensor<3xf32> {
        %a = graph.gelu %x : (tensor<3xf32>) -> tensor<3xf32>
        %b = graph.mul %a, %y : tensor<3xf32>
        graph.yield %b : tensor<3xf32>
      } else {
        %a = graph.exp %y : tensor<3xf32>
        graph.yield %a : tensor<3xf32>
      }
      %s = graph.reduce %r {kind = 0 : i32, axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  expectGradientsMatch("f");
}

TEST_F(RegionGradientsTest, ScanInAScanAndIfInAScan) {
  parse(R"mlir(
    func.func @f(%x: tensor<3x2xf32>, %z: tensor<2xf32>, %k: tensor<2xf32>) -> tensor<f32> {
      %zero = graph.constant dense<0.0> : tensor<f32> : tensor<f32>
      %r = graph.scan <[3]> carried(%z) inputs(%x)
          : (tensor<2xf32>, tensor<3x2xf32>) -> tensor<2xf32> {
      ^bb0(%i: tensor<si64>, %h: tensor<2xf32>, %xi: tensor<2xf32>):
        %in = graph.scan <[2]> carried(%h) inputs() : (tensor<2xf32>) -> tensor<2xf32> {
        ^bb0(%j: tensor<si64>, %g: tensor<2xf32>):
          %m = graph.mul %g, %k : tensor<2xf32>
          %t = graph.tanh %m : tensor<2xf32>
          graph.yield %t : tensor<2xf32>
        }
        %sum = graph.reduce %xi {kind = 0 : i32, axes = array<i64: 0>}
            : (tensor<2xf32>) -> tensor<f32>
        %c = graph.compare %sum, %zero {predicate = 4 : i32}
            : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %n = graph.if %c : (tensor<i1>) -> tensor<2xf32> {
          %a = graph.mul %in, %xi : tensor<2xf32>
          graph.yield %a : tensor<2xf32>
        } else {
          %a = graph.exp %in : tensor<2xf32>
          graph.yield %a : tensor<2xf32>
        }
        %l = graph.mul %n, %h : tensor<2xf32>
        graph.yield %l : tensor<2xf32>
      }
      %s = graph.reduce %r {kind = 0 : i32, axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  expectGradientsMatch("f");
}

TEST_F(RegionGradientsTest, AWhileLoopAndAnOpInsideAScanAreNamedWhenTheyHaveNoGradient) {
  parse(R"mlir(
    func.func @f(%x: tensor<1x1x1xf32>) -> tensor<f32> {
      %w = graph.while(%x) : (tensor<1x1x1xf32>) -> tensor<1x1x1xf32> {
      ^bb0(%a: tensor<1x1x1xf32>):
        %c = graph.constant dense<false> : tensor<i1> : tensor<i1>
        graph.yield %c : tensor<i1>
      } do {
      ^bb0(%a: tensor<1x1x1xf32>):
        graph.yield %a : tensor<1x1x1xf32>
      } loc("search")
      %s = graph.reduce %w {kind = 0 : i32, axes = array<i64: 0, 1, 2>}
          : (tensor<1x1x1xf32>) -> tensor<f32>
      return %s : tensor<f32>
    }
    func.func @g(%x: tensor<1x1x1xf32>) -> tensor<f32> {
      %r = graph.scan <[3]> carried(%x) inputs() : (tensor<1x1x1xf32>) -> tensor<1x1x1xf32> {
      ^bb0(%i: tensor<si64>, %h: tensor<1x1x1xf32>):
        %p = graph.max_pool_gradient %h, %h {window = array<i64: 1>, strides = array<i64: 1>,
            dilations = array<i64: 1>, paddingLow = array<i64: 0>, paddingHigh = array<i64: 0>}
            : (tensor<1x1x1xf32>, tensor<1x1x1xf32>) -> tensor<1x1x1xf32> loc("inner")
        graph.yield %p : tensor<1x1x1xf32>
      }
      %s = graph.reduce %r {kind = 0 : i32, axes = array<i64: 0, 1, 2>}
          : (tensor<1x1x1xf32>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  for (const char *name : {"f", "g"}) {
    auto f = function(name);
    mlir::Value loss = f.getBody().front().getTerminator()->getOperand(0);
    EXPECT_TRUE(mlir::failed(differentiate(f, loss, {f.getArgument(0)})));
  }
  EXPECT_EQ(layers, (std::vector<std::string>{"search", "inner"}));
}

} // namespace
} // namespace ingot
