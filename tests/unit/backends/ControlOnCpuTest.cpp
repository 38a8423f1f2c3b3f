// Control flow on compiled code beyond the op cases: gradients (a graph with if and scan is
// differentiated, then compiled, and gives what the reference interpreter gives for the same
// graph), any number of threads, what is refused.
#include "ir/exec/Exec.h"
#include "tests/support/RunCompiled.h"
#include "tests/unit/compiler/GraphTest.h"
#include <gmock/gmock.h>

namespace ingot {
namespace {

class ControlOnCpu : public test::GraphTest {
protected:
  ControlOnCpu() {
    context.loadDialect<exec::ExecDialect, mlir::arith::ArithDialect, mlir::math::MathDialect>();
  }

  /// Appends the gradients of f's one result for all its float arguments to its results, compiles
  /// and compares all results with the interpreter's.
  void expectCompiledGradientsMatch() {
    mlir::func::FuncOp f = function("f");
    llvm::SmallVector<mlir::Value> targets;
    for (mlir::BlockArgument a : f.getArguments())
      if (llvm::isa<mlir::FloatType>(graph::elementType(a)))
        targets.push_back(a);
    auto inputs = inputsFor(f);
    mlir::Operation *end = f.getBody().front().getTerminator();
    auto gradients = differentiate(f, end->getOperand(0), targets);
    ASSERT_TRUE(mlir::succeeded(gradients)) << messages.front();
    end->insertOperands(1, *gradients);
    f.setFunctionType(
        mlir::FunctionType::get(&context, f.getArgumentTypes(), end->getOperandTypes()));
    auto expected = test::Interpreter(*module).run("f", inputs);
    ASSERT_TRUE(mlir::succeeded(expected));
    llvm::SmallVector<mlir::Type> types = llvm::to_vector(f.getResultTypes());
    mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
    tests::CompiledModule compiled(*copy);
    ASSERT_TRUE(compiled.ok()) << compiled.error() << text();
    auto actual = compiled.run("f", std::vector<test::Tensor>(inputs.begin(), inputs.end()), types);
    ASSERT_EQ(compiled.error(), "");
    ASSERT_EQ(actual.size(), expected->size());
    for (size_t i = 0; i < actual.size(); ++i)
      EXPECT_EQ(tests::difference((*expected)[i], actual[i], 1e-5, 1e-6), "") << "result " << i;
    ThreadPool pool(3);
    auto threaded =
        compiled.run("f", std::vector<test::Tensor>(inputs.begin(), inputs.end()), types, &pool);
    ASSERT_EQ(threaded.size(), actual.size());
    for (size_t i = 0; i < actual.size(); ++i)
      EXPECT_EQ(tests::difference(actual[i], threaded[i], 0, 0), "") << "three threads, " << i;
  }
};

TEST_F(ControlOnCpu, GradientOfARecurrentCellForwardInTime) {
  parse(recurrence(""));
  expectCompiledGradientsMatch();
}

TEST_F(ControlOnCpu, GradientOfARecurrentCellBackwardInTime) {
  parse(recurrence("{reverse = true}"));
  expectCompiledGradientsMatch();
}

TEST_F(ControlOnCpu, GradientOfAChoiceInAScan) {
  parse(R"mlir(
    func.func @f(%x: tensor<5x3xf32>, %h0: tensor<3xf32>, %k: tensor<3xf32>) -> tensor<f32> {
      %zero = graph.constant dense<0.0> : tensor<f32> : tensor<f32>
      %r = graph.scan <[5]> carried(%h0) inputs(%x)
          : (tensor<3xf32>, tensor<5x3xf32>) -> tensor<3xf32> {
      ^bb0(%i: tensor<si64>, %h: tensor<3xf32>, %xi: tensor<3xf32>):
        %sum = graph.reduce %xi {kind = 0 : i32, axes = array<i64: 0>}
            : (tensor<3xf32>) -> tensor<f32>
        %c = graph.compare %sum, %zero {predicate = 2 : i32}
            : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %n = graph.if %c : (tensor<i1>) -> tensor<3xf32> {
          %a = graph.mul %h, %k : tensor<3xf32>
          %b = graph.tanh %a : tensor<3xf32>
          graph.yield %b : tensor<3xf32>
        } else {
          %a = graph.add %h, %xi : tensor<3xf32>
          graph.yield %a : tensor<3xf32>
        }
        graph.yield %n : tensor<3xf32>
      }
      %s = graph.reduce %r {kind = 0 : i32, axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  expectCompiledGradientsMatch();
}

TEST_F(ControlOnCpu, GradientOfAWideCellInParallel) {
  parse(R"mlir(
    #x = #graph.dims<[t, b, 96]>
    #h = #graph.dims<[b, 160]>
    func.func @f(%x: tensor<?x?x96xf32, #x>, %h0: tensor<?x160xf32, #h>, %w: tensor<96x160xf32>,
                 %u: tensor<160x160xf32>) -> tensor<f32> {
      %last = graph.scan <[t]> carried(%h0) inputs(%x)
          : (tensor<?x160xf32, #h>, tensor<?x?x96xf32, #x>) -> tensor<?x160xf32, #h> {
      ^bb0(%i: tensor<si64>, %h: tensor<?x160xf32, #h>, %xi: tensor<?x96xf32, #graph.dims<[b, 96]>>):
        %a = graph.matmul %xi, %w
            : (tensor<?x96xf32, #graph.dims<[b, 96]>>, tensor<96x160xf32>) -> tensor<?x160xf32, #h>
        %b = graph.matmul %h, %u
            : (tensor<?x160xf32, #h>, tensor<160x160xf32>) -> tensor<?x160xf32, #h>
        %c = graph.add %a, %b : tensor<?x160xf32, #h>
        %d = graph.sigmoid %c : tensor<?x160xf32, #h>
        graph.yield %d : tensor<?x160xf32, #h>
      }
      %s = graph.reduce %last {kind = 0 : i32, axes = array<i64: 0, 1>}
          : (tensor<?x160xf32, #h>) -> tensor<f32>
      return %s : tensor<f32>
    })mlir");
  expectCompiledGradientsMatch();
}

TEST_F(ControlOnCpu, AnAssignmentInsideARegionIsRefusedByName) {
  parse(R"mlir(
    graph.variable @seen {role = "state"} : tensor<f32>
    func.func @f(%c: tensor<i1>, %x: tensor<f32>) -> tensor<f32> {
      %r = graph.if %c : (tensor<i1>) -> tensor<f32> {
        graph.assign @seen, %x : tensor<f32>
        graph.yield %x : tensor<f32>
      } else {
        graph.yield %x : tensor<f32>
      }
      return %r : tensor<f32>
    })mlir");
  tests::CompiledModule compiled(*module);
  EXPECT_FALSE(compiled.ok());
  EXPECT_THAT(compiled.error(), testing::HasSubstr("assigns variable `seen` inside `graph.if`"));
}

} // namespace
} // namespace ingot
