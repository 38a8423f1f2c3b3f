// Gradients of graphs against central differences on the exact interpreter, and the messages for
// graphs that have none.
#include "tests/unit/compiler/GraphTest.h"
#include <gmock/gmock.h>

namespace ingot {
namespace {

using test::GraphTest;
using test::Interpreter;
using ::testing::HasSubstr;

class DifferentiateTest : public GraphTest {};

TEST_F(DifferentiateTest, DenseLayerWithBiasAndTanh) {
  parse(R"mlir(
    #b = #graph.dims<[batch, 2]>
    func.func @f(%x: tensor<?x5xf32, #graph.dims<[batch, 5]>>, %w: tensor<5x2xf32>,
                 %bias: tensor<2xf32>) -> tensor<f32> {
      %0 = graph.matmul %x, %w
          : (tensor<?x5xf32, #graph.dims<[batch, 5]>>, tensor<5x2xf32>) -> tensor<?x2xf32, #b>
      %1 = graph.broadcast %bias {axes = array<i64: 1>} : tensor<2xf32> to tensor<?x2xf32, #b>
      %2 = graph.add %0, %1 : tensor<?x2xf32, #b>
      %3 = graph.tanh %2 : tensor<?x2xf32, #b>
      %4 = graph.reduce %3 {kind = 0 : i32, axes = array<i64: 0, 1>}
          : (tensor<?x2xf32, #b>) -> tensor<f32>
      %n = graph.extent <[batch * 2]> : tensor<f32>
      %5 = graph.div %4, %n : tensor<f32>
      return %5 : tensor<f32>
    })mlir");
  expectGradientsMatch("f");
}

TEST_F(DifferentiateTest, ReshapeTransposeAndReductionsOfEveryKind) {
  parse(R"mlir(
    func.func @f(%x: tensor<2x6xf32>) -> tensor<f32> {
      %r = graph.reshape %x : tensor<2x6xf32> to tensor<3x4xf32>
      %t = graph.transpose %r {permutation = array<i64: 1, 0>}
          : (tensor<3x4xf32>) -> tensor<4x3xf32>
      %max = graph.reduce %t {kind = 2 : i32, axes = array<i64: 0>}
          : (tensor<4x3xf32>) -> tensor<3xf32>
      %min = graph.reduce %t {kind = 3 : i32, axes = array<i64: 0>}
          : (tensor<4x3xf32>) -> tensor<3xf32>
      %prod = graph.reduce %t {kind = 1 : i32, axes = array<i64: 0>}
          : (tensor<4x3xf32>) -> tensor<3xf32>
      %a = graph.mul %max, %min : tensor<3xf32>
      %b = graph.add %a, %prod : tensor<3xf32>
      %c = graph.mul %b, %b : tensor<3xf32>
      %s = graph.reduce %c {kind = 0 : i32, axes = array<i64: 0>}
          : (tensor<3xf32>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  expectGradientsMatch("f");
}

TEST_F(DifferentiateTest, AValueWithSeveralUsersGetsTheSum) {
  parse(R"mlir(
    func.func @f(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<f32> {
      %a = graph.mul %x, %y : tensor<3xf32>
      %b = graph.exp %x : tensor<3xf32>
      %c = graph.sub %a, %b : tensor<3xf32>
      %d = graph.mul %c, %x : tensor<3xf32>
      %s = graph.reduce %d {kind = 0 : i32, axes = array<i64: 0>}
          : (tensor<3xf32>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  expectGradientsMatch("f");
}

TEST_F(DifferentiateTest, GradientsOfAnIntermediateAndOfItsInput) {
  parse(R"mlir(
    func.func @f(%x: tensor<f32>) -> tensor<f32> {
      %h = graph.mul %x, %x : tensor<f32>
      %l = graph.mul %h, %h : tensor<f32>
      return %l : tensor<f32>
    })mlir");
  auto f = function("f");
  mlir::Value x = f.getArgument(0), h = (*x.user_begin())->getResult(0);
  mlir::Operation *ret = f.getBody().front().getTerminator();
  auto d = differentiate(f, ret->getOperand(0), {h, x});
  ASSERT_TRUE(mlir::succeeded(d));
  ret->setOperand(0, (*d)[0]);
  EXPECT_EQ((*Interpreter(*module).run("f", {tensor({}, {3})}))[0].real(0), 18); // 2 h
  ret->setOperand(0, (*d)[1]);
  EXPECT_EQ((*Interpreter(*module).run("f", {tensor({}, {3})}))[0].real(0), 108); // 4 x^3
}

TEST_F(DifferentiateTest, IndependentTargetsHaveAZeroGradient) {
  parse(R"mlir(
    func.func @f(%x: tensor<f32>, %y: tensor<?x2xf32, #graph.dims<[n, 2]>>) -> tensor<f32> {
      %l = graph.mul %x, %x : tensor<f32>
      return %l : tensor<f32>
    })mlir");
  expectGradientsMatch("f");
}

TEST_F(DifferentiateTest, IntegerAndBoolPathsStopSilently) {
  parse(R"mlir(
    func.func @f(%x: tensor<3xf32>) -> tensor<f32> {
      %i = graph.cast %x : tensor<3xf32> to tensor<3xsi32>
      %k = graph.cast %i : tensor<3xsi32> to tensor<3xf32>
      %c = graph.compare %x, %k {predicate = 4 : i32}
          : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
      %z = graph.neg %x : tensor<3xf32>
      %s = graph.select %c, %x, %z
          : (tensor<3xi1>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
      %t = graph.add %s, %k : tensor<3xf32>
      %l = graph.reduce %t {kind = 0 : i32, axes = array<i64: 0>}
          : (tensor<3xf32>) -> tensor<f32>
      return %l : tensor<f32>
    })mlir");
  expectGradientsMatch("f");
}

TEST_F(DifferentiateTest, OpsOfTheBackwardPassAreNamedAfterTheirLayer) {
  parse(R"mlir(
    func.func @f(%x: tensor<f32>) -> tensor<f32> {
      %a = graph.exp %x : tensor<f32> loc("dense_3")
      %b = graph.mul %a, %x : tensor<f32> loc("scale")
      return %b : tensor<f32>
    })mlir");
  auto f = function("f");
  mlir::Operation *ret = f.getBody().front().getTerminator();
  ASSERT_TRUE(mlir::succeeded(differentiate(f, ret->getOperand(0), {f.getArgument(0)})));
  std::set<std::string> names;
  for (mlir::Operation &op : f.getBody().front())
    names.insert(graph::layerName(op.getLoc()));
  EXPECT_THAT(names, ::testing::IsSupersetOf(
                         {"dense_3", "scale", "gradient of dense_3", "gradient of scale"}));
}

TEST_F(DifferentiateTest, OpsWithoutGradientOnTheWayAreAllReportedByLayer) {
  parse(R"mlir(
    func.func @f(%x: tensor<1x4x1xf32>, %k: tensor<1x4x1xf32>) -> tensor<f32> {
      %p = graph.max_pool_gradient %x, %x {window = array<i64: 1>, strides = array<i64: 1>,
          dilations = array<i64: 1>, paddingLow = array<i64: 0>, paddingHigh = array<i64: 0>}
          : (tensor<1x4x1xf32>, tensor<1x4x1xf32>) -> tensor<1x4x1xf32> loc("first")
      %q = graph.max_pool_gradient %p, %p {window = array<i64: 1>, strides = array<i64: 1>,
          dilations = array<i64: 1>, paddingLow = array<i64: 0>, paddingHigh = array<i64: 0>}
          : (tensor<1x4x1xf32>, tensor<1x4x1xf32>) -> tensor<1x4x1xf32> loc("second")
      %off = graph.max_pool_gradient %k, %k {window = array<i64: 1>, strides = array<i64: 1>,
          dilations = array<i64: 1>, paddingLow = array<i64: 0>, paddingHigh = array<i64: 0>}
          : (tensor<1x4x1xf32>, tensor<1x4x1xf32>) -> tensor<1x4x1xf32> loc("untrained")
      %m = graph.mul %q, %off : tensor<1x4x1xf32>
      %s = graph.reduce %m {kind = 0 : i32, axes = array<i64: 0, 1, 2>}
          : (tensor<1x4x1xf32>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  auto f = function("f");
  mlir::Value loss = f.getBody().front().getTerminator()->getOperand(0);
  EXPECT_TRUE(mlir::failed(differentiate(f, loss, {f.getArgument(0)})));
  EXPECT_EQ(layers, (std::vector<std::string>{"first", "second"}));
  EXPECT_THAT(messages[0], HasSubstr("first: `graph.max_pool_gradient` has no gradient"));
}

TEST_F(DifferentiateTest, CompositesWithoutOwnGradientFollowTheirFormula) {
  parse(R"mlir(
    func.func @f(%x: tensor<2x3xf32>) -> tensor<f32> {
      %g = graph.gelu %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
      %h = graph.softmax %g {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
      %m = graph.mul %h, %x : tensor<2x3xf32>
      %s = graph.reduce %m {kind = 0 : i32, axes = array<i64: 0, 1>}
          : (tensor<2x3xf32>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  expectGradientsMatch("f");
}

TEST_F(DifferentiateTest, ValuesThatTheCallerHoldsStayValidWhenTheirCompositeIsReplaced) {
  parse(R"mlir(
    func.func @f(%x: tensor<f32>) -> tensor<f32> {
      %t = graph.gelu %x : (tensor<f32>) -> tensor<f32>
      %l = graph.gelu %t : (tensor<f32>) -> tensor<f32>
      return %l : tensor<f32>
    })mlir");
  auto f = function("f");
  mlir::Operation *ret = f.getBody().front().getTerminator();
  mlir::Value loss = ret->getOperand(0), inner = loss.getDefiningOp()->getOperand(0);
  auto d = differentiate(f, loss, {inner, f.getArgument(0)});
  ASSERT_TRUE(mlir::succeeded(d));
  ret->setOperand(0, loss);
  auto gelu = [](double x) { return 0.5 * x * (1 + std::erf(x * M_SQRT1_2)); };
  auto slope = [](double x) {
    return 0.5 * (1 + std::erf(x * M_SQRT1_2)) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
  };
  auto at = [&] { return (*Interpreter(*module, true).run("f", {tensor({}, {0.5})}))[0].real(0); };
  EXPECT_NEAR(at(), gelu(gelu(0.5)), 1e-7);
  ret->setOperand(0, (*d)[0]);
  EXPECT_NEAR(at(), slope(gelu(0.5)), 1e-7);
  ret->setOperand(0, (*d)[1]);
  EXPECT_NEAR(at(), slope(gelu(0.5)) * slope(0.5), 1e-7);
}

TEST_F(DifferentiateTest, AGradientCanBeDifferentiated) {
  parse(R"mlir(
    func.func @f(%x: tensor<3xf32>) -> tensor<f32> {
      %t = graph.tanh %x : tensor<3xf32>
      %s = graph.reduce %t {kind = 1 : i32, axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  auto f = function("f");
  mlir::Operation *ret = f.getBody().front().getTerminator();
  auto d = differentiate(f, ret->getOperand(0), {f.getArgument(0)});
  ASSERT_TRUE(mlir::succeeded(d));
  mlir::OpBuilder b(ret);
  graph::Expr g(b, f.getLoc(), (*d)[0]);
  ret->setOperand(0, graph::sum(g * g, {0}));
  expectGradientsMatch("f");
}

TEST_F(DifferentiateTest, ALossThatIsNoFloatScalarIsRefused) {
  parse(R"mlir(
    func.func @f(%x: tensor<3xf32>, %i: tensor<si32>) -> (tensor<3xf32>, tensor<si32>) {
      return %x, %i : tensor<3xf32>, tensor<si32>
    })mlir");
  auto f = function("f");
  EXPECT_TRUE(mlir::failed(differentiate(f, f.getArgument(0), {f.getArgument(0)})));
  EXPECT_TRUE(mlir::failed(differentiate(f, f.getArgument(1), {f.getArgument(0)})));
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_THAT(messages[0], HasSubstr("it is 'f32' of shape (3,)"));
}

} // namespace
} // namespace ingot
