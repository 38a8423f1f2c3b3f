// Layers that run image by image: what they give, for any number of images and threads, in a debug
// arena too, and that an image in a batch has the bits that it has alone.
#include "compiler/Phases.h"
#include "ingot/ThreadPool.h"
#include "ir/exec/Control.h"
#include "tests/support/RunCompiled.h"
#include "tests/unit/compiler/GraphTest.h"

namespace ingot {
namespace {

/// A padded depthwise window with its clamp, a Winograd convolution with a residual, pooling: two
/// results, one of them from the middle.
constexpr const char *images = R"mlir(
#x = #graph.dims<[n, 30, 30, 32]>
#p = #graph.dims<[n, 15, 15, 32]>
graph.variable @window {role = "trainable"} : tensor<3x3x1x32xf32>
graph.variable @kernel {role = "trainable"} : tensor<3x3x32x32xf32>
func.func @f(%x: tensor<?x30x30x32xf32, #x>) -> (tensor<?x15x15x32xf32, #p>, tensor<?x30x30x32xf32, #x>) {
  %w = graph.read @window : tensor<3x3x1x32xf32>
  %k = graph.read @kernel : tensor<3x3x32x32xf32>
  %d = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, paddingHigh = array<i64: 1, 1>, groups = 32 : i64} : (tensor<?x30x30x32xf32, #x>, tensor<3x3x1x32xf32>) -> tensor<?x30x30x32xf32, #x>
  %r = graph.relu %d : tensor<?x30x30x32xf32, #x>
  %c = graph.conv %r, %k {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, paddingHigh = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x30x30x32xf32, #x>, tensor<3x3x32x32xf32>) -> tensor<?x30x30x32xf32, #x>
  %s = graph.add %c, %x : tensor<?x30x30x32xf32, #x>
  %p = graph.max_pool %s {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>} : (tensor<?x30x30x32xf32, #x>) -> tensor<?x15x15x32xf32, #p>
  return %p, %r : tensor<?x15x15x32xf32, #p>, tensor<?x30x30x32xf32, #x>
})mlir";

class SliceBatches : public test::GraphTest {
protected:
  SliceBatches() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// The kernels that run image by image.
  int64_t slicedKernels() {
    mlir::OwningOpRef<mlir::ModuleOp> copy(module->clone());
    EXPECT_TRUE(mlir::succeeded(runPhases(*copy, CompileOptions(), Phase::Fuse)));
    int64_t count = 0;
    copy->walk([&](exec::ScanOp scan) { scan.walk([&](exec::KernelOp) { ++count; }); });
    return count;
  }
};

TEST_F(SliceBatches, GivesWhatTheWholeBatchGives) {
  parse(images);
  ASSERT_EQ(slicedKernels(), 3);
  auto types = function("f").getResultTypes();
  test::Tensor window = noise({3, 3, 1, 32}, 1), kernel = noise({3, 3, 32, 32}, 2);
  std::map<int64_t, std::pair<std::vector<test::Tensor>, llvm::SmallVector<test::Tensor>>> runs;
  for (int64_t n : {1, 3, 0}) {
    std::vector<test::Tensor> inputs{noise({n, 30, 30, 32}, 3)};
    test::Interpreter interpreter(*module);
    interpreter.variables = {{"window", window}, {"kernel", kernel}};
    auto expected = interpreter.run("f", inputs);
    ASSERT_TRUE(mlir::succeeded(expected));
    runs[n] = {inputs, *expected};
  }
  ThreadPool pool(3);
  for (bool debugArena : {false, true})
    for (const std::string &level : tests::levelsHere()) {
      SCOPED_TRACE(level);
      CompileOptions options;
      options.targetCpu = level;
      options.debugArena = debugArena;
      tests::CompiledModule compiled(*module, options);
      ASSERT_TRUE(compiled.ok()) << compiled.error();
      compiled.setVariable("window", window);
      compiled.setVariable("kernel", kernel);
      for (const auto &[n, run] : runs) {
        const auto &[inputs, expected] = run;
        auto alone = compiled.run("f", inputs, types),
             shared = compiled.run("f", inputs, types, &pool);
        ASSERT_EQ(compiled.error(), "");
        for (int result : {0, 1}) {
          EXPECT_EQ(tests::difference(expected[result], alone[result], 1e-5, 1e-5), "")
              << "n = " << n;
          EXPECT_EQ(tests::difference(alone[result], shared[result], 0, 0), "") << "n = " << n;
        }
      }
    }
}

} // namespace
} // namespace ingot
