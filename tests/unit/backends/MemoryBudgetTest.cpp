// A memory budget on compiled code: what runs again gives the same bits, beside scans whose
// iterations run side by side, on any threads and in a debug arena.
#include "compiler/Phases.h"
#include "compiler/memory/FitBudget.h"
#include "ingot/ThreadPool.h"
#include "ir/exec/Control.h"
#include "tests/support/RunCompiled.h"
#include "tests/unit/compiler/GraphTest.h"
#include <algorithm>

namespace ingot {
namespace {

class MemoryBudgetTest : public test::GraphTest {
protected:
  MemoryBudgetTest() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// The sum of squares of so many layers of attention, and its gradients by the input and the
  /// weight that all have.
  void parseAttention(int layers) {
    std::string text = R"mlir(
      #q = #graph.dims<[n, 6, 80, 16]>
      #s = #graph.dims<[n, 6, 80, 80]>
      #w = #graph.dims<[n, 6, 16, 16]>
      func.func @f(%x0: tensor<?x6x80x16xf32, #q>, %w: tensor<16x16xf32>) -> tensor<f32> {
        %v = graph.broadcast %w {axes = array<i64: 2, 3>}
            : tensor<16x16xf32> to tensor<?x6x16x16xf32, #w>)mlir";
    for (int i = 0; i < layers; ++i) {
      std::string layer = R"mlir(
        %sI = graph.matmul %xI, %xI {transposeRhs = true}
            : (tensor<?x6x80x16xf32, #q>, tensor<?x6x80x16xf32, #q>) -> tensor<?x6x80x80xf32, #s>
        %pI = graph.softmax %sI {axis = 3 : i64} : (tensor<?x6x80x80xf32, #s>) -> tensor<?x6x80x80xf32, #s>
        %oI = graph.matmul %pI, %xI
            : (tensor<?x6x80x80xf32, #s>, tensor<?x6x80x16xf32, #q>) -> tensor<?x6x80x16xf32, #q>
        %xJ = graph.matmul %oI, %v
            : (tensor<?x6x80x16xf32, #q>, tensor<?x6x16x16xf32, #w>) -> tensor<?x6x80x16xf32, #q>)mlir";
      for (char &c : layer)
        c = c == 'I' ? static_cast<char>('0' + i) : c == 'J' ? static_cast<char>('1' + i) : c;
      text += layer;
    }
    std::string last = std::to_string(layers);
    text += "\n%y = graph.mul %x" + last + ", %x" + last + R"mlir( : tensor<?x6x80x16xf32, #q>
        %l = graph.reduce %y {kind = 0 : i32, axes = array<i64: 0, 1, 2, 3>}
            : (tensor<?x6x80x16xf32, #q>) -> tensor<f32>
        return %l : tensor<f32>
      })mlir";
    parse(text);
    mlir::func::FuncOp f = function("f");
    mlir::Operation *end = f.getBody().front().getTerminator();
    auto gradients = differentiate(f, end->getOperand(0), {f.getArgument(0), f.getArgument(1)});
    ASSERT_TRUE(mlir::succeeded(gradients));
    end = f.getBody().front().getTerminator();
    end->insertOperands(1, *gradients);
    for (mlir::Value gradient : *gradients)
      (void)f.insertResult(f.getNumResults(), gradient.getType(), {});
  }

  CompileOptions within(uint64_t bytes) {
    CompileOptions options;
    options.memoryBudget = {bytes, {{"n", batch}}};
    return options;
  }
  std::vector<test::Tensor> run(const CompileOptions &options, ThreadPool *pool = nullptr) {
    tests::CompiledModule compiled(*module, options);
    EXPECT_TRUE(compiled.ok()) << compiled.error();
    auto results = compiled.run("f", {noise({batch, 6, 80, 16}, 1), noise({16, 16}, 2)},
                                function("f").getResultTypes(), pool);
    EXPECT_EQ(compiled.error(), "");
    return results;
  }

  static constexpr int64_t batch = 64;
};

TEST_F(MemoryBudgetTest, KernelsBesideSlicedBatchesRunAgainWithTheSameBits) {
  parseAttention(4);
  mlir::OwningOpRef<mlir::ModuleOp> plain(module->clone());
  ASSERT_TRUE(mlir::succeeded(runPhases(*plain, within(uint64_t(1) << 40), Phase::Plan)));
  uint64_t arena = recomputationOf(plain->lookupSymbol<mlir::func::FuncOp>("f")).arenaBefore;
  CompileOptions less = within(arena * 9 / 10);
  mlir::OwningOpRef<mlir::ModuleOp> planned(module->clone());
  ASSERT_TRUE(mlir::succeeded(runPhases(*planned, less, Phase::Plan))) << messages.back();
  auto f = planned->lookupSymbol<mlir::func::FuncOp>("f");
  RecomputationDescription told = recomputationOf(f);
  EXPECT_LE(told.arenaAfter, arena * 9 / 10);
  EXPECT_GT(told.flopsAgain, 0u);
  EXPECT_LT(told.flopsAgain, told.flops / 2);
  EXPECT_FALSE(told.kernels.empty()) << "nothing was tried";
  std::vector<test::Tensor> expected = run(CompileOptions());
  ThreadPool pool(3);
  CompileOptions debug = less;
  debug.debugArena = true;
  for (const auto &results : {run(less), run(less, &pool), run(debug, &pool)})
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_EQ(tests::difference(expected[i], results[i], 0, 0), "");
}

} // namespace
} // namespace ingot
