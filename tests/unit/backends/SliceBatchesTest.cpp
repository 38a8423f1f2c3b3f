// Kernels that run slice by slice, one slice after another or several side by side: what they give,
// for any number of slices and threads, in a debug arena too.
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
func.func @f(%x: tensor<?x30x30x32xf32, #x>) -> (tensor<?x15x15x32xf32, #p>, tensor<?x15x15x32xf32, #p>) {
  %w = graph.read @window : tensor<3x3x1x32xf32>
  %k = graph.read @kernel : tensor<3x3x32x32xf32>
  %d = graph.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, paddingHigh = array<i64: 1, 1>, groups = 32 : i64} : (tensor<?x30x30x32xf32, #x>, tensor<3x3x1x32xf32>) -> tensor<?x30x30x32xf32, #x>
  %r = graph.relu %d : tensor<?x30x30x32xf32, #x>
  %c = graph.conv %r, %k {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, paddingHigh = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x30x30x32xf32, #x>, tensor<3x3x32x32xf32>) -> tensor<?x30x30x32xf32, #x>
  %s = graph.add %c, %x : tensor<?x30x30x32xf32, #x>
  %p = graph.max_pool %s {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>} : (tensor<?x30x30x32xf32, #x>) -> tensor<?x15x15x32xf32, #p>
  %m = graph.max_pool %r {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>} : (tensor<?x30x30x32xf32, #x>) -> tensor<?x15x15x32xf32, #p>
  return %p, %m : tensor<?x15x15x32xf32, #p>, tensor<?x15x15x32xf32, #p>
})mlir";

/// Images so small that they run side by side.
constexpr const char *thumbnails = R"mlir(
#x = #graph.dims<[n, 20, 20, 16]>
#y = #graph.dims<[n, 20, 20, 24]>
#p = #graph.dims<[n, 10, 10, 24]>
graph.variable @kernel {role = "trainable"} : tensor<1x1x16x24xf32>
func.func @f(%x: tensor<?x20x20x16xf32, #x>) -> tensor<?x10x10x24xf32, #p> {
  %k = graph.read @kernel : tensor<1x1x16x24xf32>
  %c = graph.conv %x, %k {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>, groups = 1 : i64} : (tensor<?x20x20x16xf32, #x>, tensor<1x1x16x24xf32>) -> tensor<?x20x20x24xf32, #y>
  %r = graph.relu %c : tensor<?x20x20x24xf32, #y>
  %p = graph.max_pool %r {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, paddingLow = array<i64: 0, 0>, paddingHigh = array<i64: 0, 0>} : (tensor<?x20x20x24xf32, #y>) -> tensor<?x10x10x24xf32, #p>
  return %p : tensor<?x10x10x24xf32, #p>
})mlir";

/// softmax(q k^T) v: sequences after one another, their heads side by side.
constexpr const char *attention = R"mlir(
#q = #graph.dims<[n, 6, 80, 16]>
#s = #graph.dims<[n, 6, 80, 80]>
func.func @f(%q: tensor<?x6x80x16xf32, #q>, %k: tensor<?x6x80x16xf32, #q>, %v: tensor<?x6x80x16xf32, #q>) -> tensor<?x6x80x16xf32, #q> {
  %s = graph.matmul %q, %k {transposeRhs = true} : (tensor<?x6x80x16xf32, #q>, tensor<?x6x80x16xf32, #q>) -> tensor<?x6x80x80xf32, #s>
  %p = graph.softmax %s {axis = 3 : i64} : (tensor<?x6x80x80xf32, #s>) -> tensor<?x6x80x80xf32, #s>
  %o = graph.matmul %p, %v : (tensor<?x6x80x80xf32, #s>, tensor<?x6x80x16xf32, #q>) -> tensor<?x6x80x16xf32, #q>
  return %o : tensor<?x6x80x16xf32, #q>
})mlir";

/// Scores of a head that are too many to be whole.
constexpr const char *longAttention = R"mlir(
#q = #graph.dims<[n, 2, 384, 4]>
#s = #graph.dims<[n, 2, 384, 384]>
func.func @f(%q: tensor<?x2x384x4xf32, #q>, %k: tensor<?x2x384x4xf32, #q>, %v: tensor<?x2x384x4xf32, #q>) -> tensor<?x2x384x4xf32, #q> {
  %s = graph.matmul %q, %k {transposeRhs = true} : (tensor<?x2x384x4xf32, #q>, tensor<?x2x384x4xf32, #q>) -> tensor<?x2x384x384xf32, #s>
  %p = graph.softmax %s {axis = 3 : i64} : (tensor<?x2x384x384xf32, #s>) -> tensor<?x2x384x384xf32, #s>
  %o = graph.matmul %p, %v : (tensor<?x2x384x384xf32, #s>, tensor<?x2x384x4xf32, #q>) -> tensor<?x2x384x4xf32, #q>
  return %o : tensor<?x2x384x4xf32, #q>
})mlir";

/// Attention of a length that is not known, where no position sees a later one.
std::string causalAttention(const std::string &heads, const std::string &features) {
  auto type = [](const std::string &heads, const std::string &last) {
    return "tensor<?x" + heads + "x?x" + (last == "t" ? "?" : last) + "xf32, #graph.dims<[n, " +
           heads + ", t, " + last + "]>>";
  };
  return "!q = " + type(heads, features) + "\n!s = " + type(heads, "t") + "\n!seen = tensor<?x" +
         heads + "x?x?xi1, #graph.dims<[n, " + heads + ", t, t]>>" + R"mlir(
!at = tensor<?x?xsi64, #graph.dims<[t, t]>>
!pairs = tensor<?x?xi1, #graph.dims<[t, t]>>
func.func @f(%q: !q, %k: !q, %v: !q) -> !q {
  %s = graph.matmul %q, %k {transposeRhs = true} : (!q, !q) -> !s
  %i = graph.iota {axis = 0 : i64} : !at
  %j = graph.iota {axis = 1 : i64} : !at
  %sees = graph.compare %i, %j {predicate = 5 : i32} : (!at, !at) -> !pairs
  %all = graph.broadcast %sees {axes = array<i64: 2, 3>} : !pairs to !seen
  %low = graph.constant dense<-1.0e30> : tensor<f32> : !s
  %masked = graph.select %all, %s, %low : (!seen, !s, !s) -> !s
  %p = graph.softmax %masked {axis = 3 : i64} : (!s) -> !s
  %o = graph.matmul %p, %v : (!s, !q) -> !q
  return %o : !q
})mlir";
}

class SliceBatches : public test::GraphTest {
protected:
  SliceBatches() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  struct Sliced {
    int64_t inOrder = 0, sideBySide = 0; // kernels
    bool operator==(const Sliced &) const = default;
  };
  Sliced sliced() {
    mlir::OwningOpRef<mlir::ModuleOp> copy(module->clone());
    EXPECT_TRUE(mlir::succeeded(runPhases(*copy, CompileOptions(), Phase::Fuse)));
    Sliced count;
    copy->walk([&](exec::KernelOp kernel) {
      if (auto scan = kernel->getParentOfType<exec::ScanOp>())
        ++(scan->hasAttr(exec::kParallelAttr) ? count.sideBySide : count.inOrder);
    });
    return count;
  }

  /// The most often that a size is in the shape of something that a kernel makes.
  int64_t mostOften(llvm::StringRef symbol) {
    mlir::OwningOpRef<mlir::ModuleOp> copy(module->clone());
    EXPECT_TRUE(mlir::succeeded(runPhases(*copy, CompileOptions(), Phase::Fuse)));
    int64_t most = 0;
    copy->walk([&](exec::KernelOp kernel) {
      for (mlir::Type type : kernel->getResultTypes())
        most = std::max<int64_t>(most, llvm::count_if(dimsOf(type), [&](Dim d) {
                                   bool has = false;
                                   d.collectSymbols(
                                       [&](llvm::StringRef name) { has |= name == symbol; });
                                   return has;
                                 }));
    });
    return most;
  }

  using Shapes = std::vector<llvm::SmallVector<int64_t>>; // of the arguments

  /// What the compiled function gives for so many slices, beside the interpreter.
  void expectTheReference(llvm::ArrayRef<llvm::SmallVector<int64_t>> shapes,
                          const std::map<std::string, test::Tensor, std::less<>> &variables,
                          llvm::ArrayRef<int64_t> batches) {
    std::vector<Shapes> cases;
    for (int64_t n : batches) {
      Shapes &whole = cases.emplace_back(shapes.begin(), shapes.end());
      for (auto &shape : whole)
        shape.insert(shape.begin(), n);
    }
    expectTheReference(cases, variables);
  }
  void expectTheReference(llvm::ArrayRef<Shapes> cases,
                          const std::map<std::string, test::Tensor, std::less<>> &variables) {
    struct Run {
      std::vector<test::Tensor> inputs;
      llvm::SmallVector<test::Tensor> expected;
    };
    std::vector<Run> runs(cases.size());
    for (auto [run, shapes] : llvm::zip(runs, cases)) {
      for (auto [i, shape] : llvm::enumerate(shapes))
        run.inputs.push_back(noise(shape, 10 + i));
      test::Interpreter interpreter(*module);
      for (const auto &[name, value] : variables)
        interpreter.variables[name] = value;
      auto expected = interpreter.run("f", run.inputs);
      ASSERT_TRUE(mlir::succeeded(expected));
      run.expected = *expected;
    }
    auto types = function("f").getResultTypes();
    ThreadPool pool(3);
    for (bool debugArena : {false, true})
      for (const std::string &level : tests::levelsHere()) {
        SCOPED_TRACE(level);
        CompileOptions options;
        options.targetCpu = level;
        options.debugArena = debugArena;
        tests::CompiledModule compiled(*module, options);
        ASSERT_TRUE(compiled.ok()) << compiled.error();
        for (const auto &[name, value] : variables)
          compiled.setVariable(name, value);
        for (const auto &[run, shapes] : llvm::zip(runs, cases)) {
          std::string sizes = "the first argument's shape is " + testing::PrintToString(shapes[0]);
          auto alone = compiled.run("f", run.inputs, types),
               shared = compiled.run("f", run.inputs, types, &pool);
          ASSERT_EQ(compiled.error(), "");
          for (size_t result = 0; result < types.size(); ++result) {
            EXPECT_EQ(tests::difference(run.expected[result], alone[result], 1e-5, 1e-5), "")
                << sizes;
            EXPECT_EQ(tests::difference(alone[result], shared[result], 0, 0), "") << sizes;
          }
        }
      }
  }
};

TEST_F(SliceBatches, LargeImagesRunOneAfterAnother) {
  parse(images);
  EXPECT_EQ(sliced(), (Sliced{3, 0}));
  expectTheReference({{30, 30, 32}},
                     {{"window", noise({3, 3, 1, 32}, 1)}, {"kernel", noise({3, 3, 32, 32}, 2)}},
                     {0, 1, 3});
}

TEST_F(SliceBatches, SmallImagesRunSideBySide) {
  parse(thumbnails);
  EXPECT_EQ(sliced(), (Sliced{0, 2}));
  expectTheReference({{20, 20, 16}}, {{"kernel", noise({1, 1, 16, 24}, 1)}}, {0, 1, 3, 40});
}

TEST_F(SliceBatches, HeadsRunSideBySide) {
  parse(attention);
  EXPECT_EQ(sliced(), (Sliced{0, 3}));
  expectTheReference({{6, 80, 16}, {6, 80, 16}, {6, 80, 16}}, {}, {0, 1, 3});
}

TEST_F(SliceBatches, KernelsWithoutLoopsStayAsTheyAre) {
  parse(R"mlir(
func.func @f(%a: tensor<3x8x4xf32>, %b: tensor<3x4x8xf32>, %x: tensor<f32>) -> (tensor<3x8x8xf32>, tensor<f32>) {
  %p = graph.matmul %a, %b : (tensor<3x8x4xf32>, tensor<3x4x8xf32>) -> tensor<3x8x8xf32>
  %y = graph.tanh %x : tensor<f32>
  return %p, %y : tensor<3x8x8xf32>, tensor<f32>
})mlir");
  EXPECT_EQ(sliced(), (Sliced{0, 0}));
}

TEST_F(SliceBatches, LongSequencesAreTakenInTilesOfRows) {
  parse(longAttention);
  mlir::OwningOpRef<mlir::ModuleOp> copy(module->clone());
  ASSERT_TRUE(mlir::succeeded(runPhases(*copy, CompileOptions(), Phase::Fuse)));
  int64_t largest = 0;
  copy->walk([&](exec::KernelOp kernel) {
    for (mlir::Type type : kernel->getResultTypes())
      if (auto tensor = llvm::cast<mlir::RankedTensorType>(type); tensor.hasStaticShape())
        largest = std::max(largest, tensor.getNumElements());
  });
  EXPECT_LE(largest, 128 * 384) << "rows of scores that are there at a time";
  expectTheReference({{2, 384, 4}, {2, 384, 4}, {2, 384, 4}}, {}, {1, 2});
}

TEST_F(SliceBatches, ScoresOfAnUnknownLengthAreNeverWhole) {
  for (const auto &[heads, features] : {std::pair("2", "4"), {"3", "64"}, {"1", "8"}}) {
    SCOPED_TRACE(std::string(heads) + " heads of " + features);
    parse(causalAttention(heads, features));
    EXPECT_EQ(mostOften("t"), 1);
    std::vector<Shapes> cases;
    for (int64_t length : {0, 1, 5, 16, 37, 100})
      for (int64_t n : {1, 2}) {
        llvm::SmallVector<int64_t> shape{n, std::stoll(heads), length, std::stoll(features)};
        cases.push_back({shape, shape, shape});
      }
    expectTheReference(cases, {});
  }
}

} // namespace
} // namespace ingot
