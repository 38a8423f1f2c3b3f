// One artifact at sizes for which its formulas behave differently: heights so small that roundings
// and minima take over, memory shared by tensors of which now the one, now the other is larger.
#include "tests/support/RunCompiled.h"
#include "tests/unit/compiler/GraphTest.h"

namespace ingot {
namespace {

class SymbolicSizes : public test::GraphTest {
protected:
  SymbolicSizes() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// `f` of one input (h, 16) and a weight (16, 16) at several heights.
  void expectInterpretersValues() {
    auto types = llvm::to_vector(function("f").getResultTypes());
    tests::CompiledModule compiled(*module);
    ASSERT_TRUE(compiled.ok()) << compiled.error() << text();
    for (int64_t h : {1, 3, 7, 2, 64, 0}) {
      std::vector<test::Tensor> inputs{noise({h, 16}, 1), noise({16, 16}, 2)};
      auto expected = test::Interpreter(*module).run("f", inputs);
      ASSERT_TRUE(mlir::succeeded(expected));
      auto actual = compiled.run("f", inputs, types);
      ASSERT_EQ(compiled.error(), "");
      for (size_t i = 0; i < actual.size(); ++i)
        EXPECT_EQ(tests::difference((*expected)[i], actual[i], 1e-5, 1e-6), "")
            << "result " << i << ", h = " << h;
    }
  }
};

// c takes the place of a, which looks as large at even heights and is smaller at odd ones; b is
// behind it and still alive.
TEST_F(SymbolicSizes, APlaceHoldsWhatUsesItLaterAtEveryHeight) {
  parse(R"mlir(
    #x = #graph.dims<[h, 16]>
    #s = #graph.dims<[h ceildiv 2, 16]>
    #c = #graph.dims<[(h ceildiv 2) * 2, 16]>
    func.func @f(%x: tensor<?x16xf32, #x>, %w: tensor<16x16xf32>)
        -> (tensor<?x16xf32, #c>, tensor<?x16xf32, #x>) {
      %a = graph.matmul %x, %w : (tensor<?x16xf32, #x>, tensor<16x16xf32>) -> tensor<?x16xf32, #x>
      %b = graph.matmul %a, %w : (tensor<?x16xf32, #x>, tensor<16x16xf32>) -> tensor<?x16xf32, #x>
      %s = graph.slice %b {sizes = #s, starts = #graph.dims<[0, 0]>, strides = array<i64: 2, 1>}
          : (tensor<?x16xf32, #x>) -> tensor<?x16xf32, #s>
      %t = graph.concat %s, %s {axis = 0 : i64}
          : (tensor<?x16xf32, #s>, tensor<?x16xf32, #s>) -> tensor<?x16xf32, #c>
      %c = graph.matmul %t, %w : (tensor<?x16xf32, #c>, tensor<16x16xf32>) -> tensor<?x16xf32, #c>
      %d = graph.matmul %c, %w : (tensor<?x16xf32, #c>, tensor<16x16xf32>) -> tensor<?x16xf32, #c>
      %e = graph.matmul %b, %w : (tensor<?x16xf32, #x>, tensor<16x16xf32>) -> tensor<?x16xf32, #x>
      return %d, %e : tensor<?x16xf32, #c>, tensor<?x16xf32, #x>
    })mlir");
  expectInterpretersValues();
}

// The pool's height divides what is negative where the window is the larger.
TEST_F(SymbolicSizes, ExtentsThatReachZeroAreComputedAsTheInterpreterDoes) {
  parse(R"mlir(
    #x = #graph.dims<[h, 16]>
    #p = #graph.dims<[h + 3, 16]>
    #i = #graph.dims<[1, h + 3, 16, 1]>
    #q = #graph.dims<[1, max((h + -1) floordiv 4 + 1, 0), 16, 1]>
    func.func @f(%x: tensor<?x16xf32, #x>, %w: tensor<16x16xf32>)
        -> tensor<1x?x16x1xf32, #q> {
      %a = graph.matmul %x, %w : (tensor<?x16xf32, #x>, tensor<16x16xf32>) -> tensor<?x16xf32, #x>
      %b = graph.pad %a {high = #graph.dims<[2, 0]>, interior = array<i64: 0, 0>,
                         low = #graph.dims<[1, 0]>, value = 0.5 : f64}
          : (tensor<?x16xf32, #x>) -> tensor<?x16xf32, #p>
      %c = graph.reshape %b : tensor<?x16xf32, #p> to tensor<1x?x16x1xf32, #i>
      %d = graph.avg_pool %c {window = array<i64: 4, 1>, strides = array<i64: 4, 1>,
                              dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>}
          : (tensor<1x?x16x1xf32, #i>) -> tensor<1x?x16x1xf32, #q>
      return %d : tensor<1x?x16x1xf32, #q>
    })mlir");
  expectInterpretersValues();
}

} // namespace
} // namespace ingot
