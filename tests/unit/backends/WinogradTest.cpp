// Convolutions that are computed by Winograd's algorithm, beside the interpreter's: images whose
// sides are no multiples of the tiles', paddings on either side, channels and filters that fill no
// vector, more images than one, and an epilogue.
#include "ir/exec/Winograd.h"
#include "ingot/ThreadPool.h"
#include "tests/support/ExecInterpreter.h"
#include "tests/support/RunCompiled.h"
#include "tests/unit/compiler/GraphTest.h"
#include "llvm/Support/FormatVariadic.h"

namespace ingot {
namespace {

struct Shape {
  int64_t rows, columns, channels, filters;
  std::array<int64_t, 2> low, high;
  int64_t outputs; // a side of the tile that is expected
  friend void PrintTo(const Shape &s, std::ostream *out) {
    *out << s.rows << "x" << s.columns << "x" << s.channels << " to " << s.filters << ", F("
         << s.outputs << ")";
  }
};

class Winograd : public test::GraphTest {
protected:
  Winograd() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// relu(conv(x, kernel) + bias) + r.
  static std::string program(const Shape &s) {
    int64_t rows = s.rows + s.low[0] + s.high[0] - 2,
            columns = s.columns + s.low[1] + s.high[1] - 2;
    return llvm::formatv(
        R"mlir(
      #x = #graph.dims<[n, {0}, {1}, {2}]>
      #y = #graph.dims<[n, {3}, {4}, {5}]>
      graph.variable @kernel {{role = "trainable"} : tensor<3x3x{2}x{5}xf32>
      graph.variable @bias {{role = "trainable"} : tensor<{5}xf32>
      func.func @f(%x: tensor<?x{0}x{1}x{2}xf32, #x>, %r: tensor<?x{3}x{4}x{5}xf32, #y>)
          -> tensor<?x{3}x{4}x{5}xf32, #y> {{
        %k = graph.read @kernel : tensor<3x3x{2}x{5}xf32>
        %b = graph.read @bias : tensor<{5}xf32>
        %wide = graph.broadcast %b {{axes = array<i64: 3>} : tensor<{5}xf32> to tensor<?x{3}x{4}x{5}xf32, #y>
        %c = graph.conv %x, %k {{strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
            paddingLow = array<i64: {6}, {7}>, paddingHigh = array<i64: {8}, {9}>, groups = 1 : i64}
            : (tensor<?x{0}x{1}x{2}xf32, #x>, tensor<3x3x{2}x{5}xf32>) -> tensor<?x{3}x{4}x{5}xf32, #y>
        %s = graph.add %c, %wide : tensor<?x{3}x{4}x{5}xf32, #y>
        %p = graph.relu %s : tensor<?x{3}x{4}x{5}xf32, #y>
        %t = graph.add %p, %r : tensor<?x{3}x{4}x{5}xf32, #y>
        return %t : tensor<?x{3}x{4}x{5}xf32, #y>
      })mlir",
        s.rows, s.columns, s.channels, rows, columns, s.filters, s.low[0], s.low[1], s.high[0],
        s.high[1]);
  }

  static test::Tensor imageOf(const test::Tensor &batch, int64_t number) {
    llvm::SmallVector<int64_t> shape(batch.shape());
    shape[0] = 1;
    test::Tensor image(batch.element(), shape);
    for (int64_t i = 0, size = image.numElements(); i < size; ++i)
      image.set(i, batch.get(number * size + i));
    return image;
  }

  /// The sides of the tiles that the compiled program has.
  std::vector<int64_t> tilesOf(const CompileOptions &options) {
    mlir::OwningOpRef<mlir::ModuleOp> copy(module->clone());
    CompileOptions here = options;
    here.stopAfter = "fuse";
    EXPECT_TRUE(mlir::succeeded(runPhases(*copy, here)));
    std::vector<int64_t> sides;
    copy->walk([&](exec::WinogradOp op) { sides.push_back(op.getOutputs()); });
    return sides;
  }
};

class WinogradOfShape : public Winograd, public testing::WithParamInterface<Shape> {};

TEST_P(WinogradOfShape, GivesWhatTheConvolutionIs) {
  const Shape &s = GetParam();
  parse(program(s));
  ASSERT_EQ(tilesOf({}), std::vector<int64_t>{s.outputs});
  auto type = function("f").getResultTypes()[0];
  int64_t rows = s.rows + s.low[0] + s.high[0] - 2, columns = s.columns + s.low[1] + s.high[1] - 2;
  test::Tensor kernel = noise({3, 3, s.channels, s.filters}, 1), bias = noise({s.filters}, 2);
  ThreadPool pool(3);
  for (const std::string &level : tests::levelsHere()) {
    SCOPED_TRACE(level);
    CompileOptions options;
    options.targetCpu = level;
    options.debugArena = true;
    tests::CompiledModule compiled(*module, options);
    ASSERT_TRUE(compiled.ok()) << compiled.error();
    compiled.setVariable("kernel", kernel);
    compiled.setVariable("bias", bias);
    for (int64_t n : {1, 3, 0}) {
      std::vector<test::Tensor> inputs{noise({n, s.rows, s.columns, s.channels}, 3),
                                       noise({n, rows, columns, s.filters}, 4)};
      test::Interpreter interpreter(*module);
      interpreter.variables = {{"kernel", kernel}, {"bias", bias}};
      auto expected = interpreter.run("f", inputs);
      ASSERT_TRUE(mlir::succeeded(expected));
      auto alone = compiled.run("f", inputs, {type}),
           shared = compiled.run("f", inputs, {type}, &pool);
      ASSERT_EQ(compiled.error(), "");
      EXPECT_EQ(tests::difference((*expected)[0], alone[0], 1e-5, 0), "") << "n = " << n;
      EXPECT_EQ(tests::difference(alone[0], shared[0], 0, 0), "") << "n = " << n;
      if (n < 2)
        continue;
      // The second image by itself has the same bits.
      std::vector<test::Tensor> second{imageOf(inputs[0], 1), imageOf(inputs[1], 1)};
      auto single = compiled.run("f", second, {type});
      EXPECT_EQ(tests::difference(imageOf(alone[0], 1), single[0], 0, 0), "");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, WinogradOfShape,
                         testing::Values(Shape{12, 12, 16, 32, {1, 1}, {1, 1}, 4},
                                         Shape{13, 10, 20, 40, {1, 0}, {0, 1}, 4},
                                         Shape{11, 15, 33, 16, {0, 0}, {0, 0}, 4},
                                         Shape{9, 9, 35, 50, {2, 2}, {2, 1}, 4},
                                         Shape{7, 7, 64, 64, {1, 1}, {1, 1}, 2},
                                         Shape{6, 7, 70, 52, {1, 2}, {2, 0}, 2}));

// The same after the phases layout and fuse, on the interpreter of the exec dialect.
TEST_F(Winograd, MeansTheConvolution) {
  Shape s{12, 11, 16, 33, {1, 1}, {1, 0}, 4};
  parse(program(s));
  ASSERT_EQ(tilesOf({}), std::vector<int64_t>{s.outputs});
  test::Tensor kernel = noise({3, 3, s.channels, s.filters}, 1), bias = noise({s.filters}, 2);
  llvm::SmallVector<test::Tensor> inputs{noise({1, 12, 11, 16}, 3), noise({1, 12, 10, 33}, 4)};
  test::Interpreter graph(*module);
  graph.variables = {{"kernel", kernel}, {"bias", bias}};
  auto expected = graph.run("f", inputs);
  ASSERT_TRUE(mlir::succeeded(expected));
  for (const char *phase : {"layout", "fuse"}) {
    mlir::OwningOpRef<mlir::ModuleOp> copy(module->clone());
    CompileOptions options;
    options.stopAfter = phase;
    ASSERT_TRUE(mlir::succeeded(runPhases(*copy, options)));
    tests::ExecInterpreter exec(*copy);
    exec.variables = {{"kernel", kernel}, {"bias", bias}};
    ASSERT_TRUE(mlir::succeeded(exec.run("derive", {}))) << exec.error();
    auto actual = exec.run("f", inputs);
    ASSERT_TRUE(mlir::succeeded(actual)) << exec.error();
    EXPECT_EQ(tests::difference((*expected)[0], (*actual)[0], 1e-6, 0), "") << phase;
  }
}

TEST_F(Winograd, IsNotUsedWhereExactConvolutionsAreAskedFor) {
  parse(program({12, 12, 16, 32, {1, 1}, {1, 1}, 4}));
  CompileOptions options;
  options.convPrecision = ConvPrecision::Exact;
  EXPECT_TRUE(tilesOf(options).empty());
}

} // namespace
} // namespace ingot
