// Simplification: what becomes smaller, what must stay because it is not exact, and that results do
// not change in a bit.
#include "compiler/prepare/Prepare.h"
#include "tests/unit/compiler/GraphTest.h"
#include <gmock/gmock.h>
#include <limits>

namespace ingot {
namespace {

using test::GraphTest;
using test::Interpreter;

class SimplifyTest : public GraphTest {
protected:
  /// The names of the ops of `f` after simplification, without the return.
  std::vector<std::string> opsAfter() {
    EXPECT_TRUE(mlir::succeeded(simplify(*module)));
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
    std::vector<std::string> names;
    for (mlir::Operation &op : function("f").getBody().front().without_terminator())
      names.push_back(op.getName().stripDialect().str());
    return names;
  }
  /// Simplifies and expects the same bits from `f` of `x`, and these ops.
  void expectSame(test::Tensor x, std::vector<std::string> ops) {
    x.round();
    auto before = *Interpreter(*module).run("f", {x});
    EXPECT_EQ(opsAfter(), ops);
    auto after = *Interpreter(*module).run("f", {x});
    for (size_t k = 0; k < before.size(); ++k)
      for (int64_t i = 0; i < before[k].numElements(); ++i)
        EXPECT_EQ(before[k].real(i), after[k].real(i));
  }
  using Names = std::vector<std::string>;
};

TEST_F(SimplifyTest, ExactIdentitiesDisappear) {
  parse(R"mlir(
    #s = #graph.dims<[n, 3]>
    func.func @f(%x: tensor<?x3xf32, #s>) -> tensor<?x3xf32, #s> {
      %one = graph.constant dense<1.0> : tensor<f32> : tensor<?x3xf32, #s>
      %zero = graph.constant dense<0.0> : tensor<f32> : tensor<?x3xf32, #s>
      %minus = graph.constant dense<-0.0> : tensor<f32> : tensor<?x3xf32, #s>
      %a = graph.mul %x, %one : tensor<?x3xf32, #s>
      %b = graph.mul %one, %a : tensor<?x3xf32, #s>
      %c = graph.sub %b, %zero : tensor<?x3xf32, #s>
      %d = graph.div %c, %one : tensor<?x3xf32, #s>
      %e = graph.add %minus, %d : tensor<?x3xf32, #s>
      %g = graph.cast %e : tensor<?x3xf32, #s> to tensor<?x3xf32, #s>
      return %g : tensor<?x3xf32, #s>
    })mlir");
  EXPECT_EQ(opsAfter(), Names{});
}

TEST_F(SimplifyTest, WhatIsNotExactStays) {
  parse(R"mlir(
    func.func @f(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
      %zero = graph.constant dense<0.0> : tensor<f32> : tensor<2xf32>
      %minus = graph.constant dense<-0.0> : tensor<f32> : tensor<2xf32>
      %a = graph.add %x, %zero : tensor<2xf32>
      %b = graph.sub %x, %minus : tensor<2xf32>
      %c = graph.mul %x, %zero : tensor<2xf32>
      return %a, %b, %c : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
    })mlir");
  std::vector<std::string> ops = opsAfter();
  EXPECT_THAT(ops, ::testing::IsSupersetOf({"add", "sub", "mul"}));
  double infinity = std::numeric_limits<double>::infinity();
  auto r = Interpreter(*module).run("f", {tensor({2}, {-0.0, infinity})});
  EXPECT_FALSE(std::signbit((*r)[0].real(0)));
  EXPECT_TRUE(std::isnan((*r)[2].real(1)));
}

TEST_F(SimplifyTest, MovementsJoin) {
  parse(R"mlir(
    func.func @f(%x: tensor<2x3x4xf32>)
        -> (tensor<2x3x4xf32>, tensor<24xf32>, tensor<5x2x3x4xf32>) {
      %a = graph.transpose %x {permutation = array<i64: 1, 2, 0>}
          : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
      %b = graph.transpose %a {permutation = array<i64: 2, 0, 1>}
          : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
      %c = graph.reshape %x : tensor<2x3x4xf32> to tensor<6x4xf32>
      %d = graph.reshape %c : tensor<6x4xf32> to tensor<24xf32>
      %e = graph.broadcast %x {axes = array<i64: 1, 2, 3>}
          : tensor<2x3x4xf32> to tensor<1x2x3x4xf32>
      %g = graph.broadcast %e {axes = array<i64: 0, 1, 2, 3>}
          : tensor<1x2x3x4xf32> to tensor<5x2x3x4xf32>
      return %b, %d, %g : tensor<2x3x4xf32>, tensor<24xf32>, tensor<5x2x3x4xf32>
    })mlir");
  expectSame(noise({2, 3, 4}, 1), {"reshape", "broadcast"});
}

TEST_F(SimplifyTest, ABroadcastTakesDimensionsOfOneInItself) {
  parse(R"mlir(
    func.func @f(%x: tensor<4xf32>) -> (tensor<2x4x3xf32>, tensor<4x4xf32>, tensor<2x2x5xf32>) {
      %a = graph.reshape %x : tensor<4xf32> to tensor<1x4x1xf32>
      %b = graph.broadcast %a {axes = array<i64: 0, 1, 2>} : tensor<1x4x1xf32> to tensor<2x4x3xf32>
      %c = graph.reshape %x : tensor<4xf32> to tensor<4x1xf32>
      %d = graph.broadcast %c {axes = array<i64: 0, 1>} : tensor<4x1xf32> to tensor<4x4xf32>
      %e = graph.reshape %x : tensor<4xf32> to tensor<2x2x1xf32>
      %g = graph.broadcast %e {axes = array<i64: 0, 1, 2>} : tensor<2x2x1xf32> to tensor<2x2x5xf32>
      return %b, %d, %g : tensor<2x4x3xf32>, tensor<4x4xf32>, tensor<2x2x5xf32>
    })mlir");
  expectSame(noise({4}, 1), {"broadcast", "broadcast", "reshape", "broadcast"});
}

TEST_F(SimplifyTest, TransposesThatDoNotCancelBecomeOneWithTheSameMeaning) {
  parse(R"mlir(
    func.func @f(%x: tensor<2x3x4xf32>) -> tensor<4x3x2xf32> {
      %a = graph.transpose %x {permutation = array<i64: 1, 0, 2>}
          : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
      %b = graph.transpose %a {permutation = array<i64: 2, 0, 1>}
          : (tensor<3x2x4xf32>) -> tensor<4x3x2xf32>
      return %b : tensor<4x3x2xf32>
    })mlir");
  expectSame(noise({2, 3, 4}, 1), {"transpose"});
}

TEST_F(SimplifyTest, ConstantsAreComputedAndSplatsStaySplatsOfAnyShape) {
  parse(R"mlir(
    #s = #graph.dims<[n, 4]>
    func.func @f() -> (tensor<?x4xf32, #s>, tensor<2x2xf32>) {
      %a = graph.constant dense<2.0> : tensor<f32> : tensor<f32>
      %b = graph.broadcast %a {axes = array<i64>} : tensor<f32> to tensor<?x4xf32, #s>
      %c = graph.mul %b, %b : tensor<?x4xf32, #s>
      %d = graph.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32> : tensor<2x2xf32>
      %e = graph.matmul %d, %d : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
      return %c, %e : tensor<?x4xf32, #s>, tensor<2x2xf32>
    })mlir");
  EXPECT_EQ(opsAfter(), (Names{"constant", "constant"}));
  EXPECT_THAT(text(), ::testing::HasSubstr("dense<4.000000e+00>"));
  EXPECT_THAT(text(), ::testing::HasSubstr("7.000000e+00, 1.000000e+01"));
}

TEST_F(SimplifyTest, LargeConstantsAreNotComputed) {
  parse(R"mlir(
    func.func @f() -> tensor<100x100xf32> {
      %i = graph.constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
      %r = graph.reshape %i : tensor<2xf32> to tensor<2x1xf32>
      %b = graph.broadcast %r {axes = array<i64: 0, 1>} : tensor<2x1xf32> to tensor<2x5000xf32>
      %c = graph.reshape %b : tensor<2x5000xf32> to tensor<100x100xf32>
      return %c : tensor<100x100xf32>
    })mlir");
  EXPECT_EQ(opsAfter(), (Names{"constant", "broadcast", "reshape"}));
}

TEST_F(SimplifyTest, EqualOpsMergeAndDeadOnesGoButAssignmentsStay) {
  parse(R"mlir(
    graph.variable @v {role = "state"} : tensor<f32>
    func.func @f(%x: tensor<f32>) -> tensor<f32> {
      %dead = graph.exp %x : tensor<f32>
      %r0 = graph.read @v : tensor<f32>
      %a = graph.tanh %x : tensor<f32>
      %b = graph.tanh %x : tensor<f32>
      %c = graph.mul %a, %b : tensor<f32>
      graph.assign @v, %c : tensor<f32>
      %r1 = graph.read @v : tensor<f32>
      %d = graph.add %r0, %r1 : tensor<f32>
      return %d : tensor<f32>
    })mlir");
  EXPECT_EQ(opsAfter(), (Names{"read", "tanh", "mul", "assign", "read", "add"}));
}

TEST_F(SimplifyTest, AConditionThatIsKnownChooses) {
  parse(R"mlir(
    func.func @f(%x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
      %c = graph.constant dense<false> : tensor<i1> : tensor<2xi1>
      %a = graph.select %c, %x, %y : (tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      %b = graph.select %c, %a, %a : (tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      return %b : tensor<2xf32>
    })mlir");
  EXPECT_EQ(opsAfter(), Names{});
  auto r = Interpreter(*module).run("f", {tensor({2}, {1}), tensor({2}, {5})});
  EXPECT_EQ((*r)[0].real(0), 5);
}

} // namespace
} // namespace ingot
