// What a run that cannot be done says: the same node whatever the threads and the order of tasks,
// and the layer whose crop leaves less than nothing.
#include "tests/support/RunCompiled.h"
#include "tests/unit/compiler/GraphTest.h"
#include <algorithm>
#include <gmock/gmock.h>
#include <numeric>
#include <random>

namespace ingot {
namespace {

using testing::HasSubstr;

class FailedRuns : public test::GraphTest {
protected:
  FailedRuns() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
};

/// A parallel_for on this thread that takes the tasks in an order of its own.
struct TaskOrder {
  uint32_t seed; // 0: first to last; 1: last to first; else shuffled
  int64_t largest = 0;
  static void run(void *pool, ingot_task task, void *arg, int64_t count) {
    auto *self = static_cast<TaskOrder *>(pool);
    self->largest = std::max(self->largest, count);
    std::vector<int64_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    if (self->seed == 1)
      std::reverse(order.begin(), order.end());
    else if (self->seed)
      std::shuffle(order.begin(), order.end(), std::mt19937(self->seed));
    for (int64_t index : order)
      task(arg, index);
  }
};

// Both look-ups are in one kernel of many tasks.
const char *const twoLookUps = R"mlir(
  #i = #graph.dims<[n]>
  #y = #graph.dims<[n, 64]>
  func.func @f(%x: tensor<8x64xf32>, %i: tensor<?xsi32, #i>, %j: tensor<?xsi32, #i>)
      -> tensor<?x64xf32, #y> {
    %a = graph.gather %x, %i {axis = 0 : i64}
        : (tensor<8x64xf32>, tensor<?xsi32, #i>) -> tensor<?x64xf32, #y> loc("first look-up")
    %b = graph.gather %x, %j {axis = 0 : i64}
        : (tensor<8x64xf32>, tensor<?xsi32, #i>) -> tensor<?x64xf32, #y> loc("second look-up")
    %c = graph.add %a, %b : tensor<?x64xf32, #y> loc("sum")
    return %c : tensor<?x64xf32, #y>
  })mlir";

/// Indices of which one is outside; with a place for it the first and the last task differ.
std::vector<int32_t> indicesWithout(int64_t count, int64_t bad) {
  std::vector<int32_t> indices(count);
  for (int64_t i = 0; i < count; ++i)
    indices[i] = i == bad ? 8 : static_cast<int32_t>(i % 8);
  return indices;
}

TEST_F(FailedRuns, OfSeveralNodesTheSameOneIsNamedWhateverTheThreads) {
  parse(twoLookUps);
  tests::CompiledModule compiled(*module);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  const int64_t n = 4096, dims[] = {n}, tableDims[] = {8, 64};
  std::vector<float> table(8 * 64, 1.0f);
  for (bool firstFailsFirst : {true, false}) {
    auto i = indicesWithout(n, firstFailsFirst ? 0 : n - 1),
         j = indicesWithout(n, firstFailsFirst ? n - 1 : 0);
    for (int threads : {1, 2, 3, 8}) {
      ThreadPool pool(threads);
      SessionOptions options;
      options.pool = &pool;
      Session session = *Session::create(compiled.artifact, "f", options);
      for (int repeat = 0; repeat < 10; ++repeat) {
        Status ran =
            session.run(*compiled.state, {TensorView{DType::F32, 2, tableDims, table.data()},
                                          TensorView{DType::I32, 1, dims, i.data()},
                                          TensorView{DType::I32, 1, dims, j.data()}});
        EXPECT_EQ(ran.code(), StatusCode::OutOfRange);
        EXPECT_THAT(ran.message(), HasSubstr("first look-up")) << threads << " threads";
      }
    }
  }
}

TEST_F(FailedRuns, OfSeveralNodesTheSameOneIsNamedWhateverTheOrderOfTasks) {
  parse(twoLookUps);
  tests::CompiledModule compiled(*module);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  const ingot_artifact_table &table = compiled.artifact->table();
  const ingot_function &function = **compiled.artifact->function("f");
  const int64_t n = 4096;
  std::vector<int64_t> plan(function.plan_words);
  ASSERT_EQ(function.plan(&n, plan.data()), INGOT_OK);
  std::vector<char> arena(plan[0] + INGOT_ALIGNMENT);
  std::vector<float> x(8 * 64), y(n * 64);
  for (bool firstFailsFirst : {true, false})
    for (uint32_t seed : {0, 1, 2, 3}) {
      auto i = indicesWithout(n, firstFailsFirst ? 0 : n - 1),
           j = indicesWithout(n, firstFailsFirst ? n - 1 : 0);
      const void *inputs[] = {x.data(), i.data(), j.data()};
      void *outputs[] = {y.data()};
      TaskOrder order{seed};
      ingot_run run = {};
      run.size = sizeof run;
      run.plan = plan.data();
      run.inputs = inputs;
      run.outputs = outputs;
      auto begin = reinterpret_cast<uintptr_t>(arena.data());
      run.arena = arena.data() + (INGOT_ALIGNMENT - begin % INGOT_ALIGNMENT);
      run.parallel_for = TaskOrder::run;
      run.pool = &order;
      run.failed_node = -1;
      EXPECT_EQ(function.run(&run), INGOT_INDEX_OUT_OF_RANGE);
      EXPECT_GE(order.largest, 8) << "nothing was parallel";
      ASSERT_GE(run.failed_node, 0);
      ASSERT_LT(run.failed_node, table.node_count);
      EXPECT_STREQ(table.nodes[run.failed_node], "first look-up") << "order " << seed;
    }
}

TEST_F(FailedRuns, ACropThatLeavesLessThanNothingIsRefusedByItsLayer) {
  parse(R"mlir(
    #x = #graph.dims<[n, h, 4]>
    #y = #graph.dims<[n, h + -4, 4]>
    func.func @f(%x: tensor<?x?x4xf32, #x>) -> tensor<?x?x4xf32, #y> {
      %a = graph.relu %x : tensor<?x?x4xf32, #x> loc("activation")
      %c = graph.pad %a {high = #graph.dims<[0, -2, 0]>, interior = array<i64: 0, 0, 0>,
                         low = #graph.dims<[0, -2, 0]>, value = 0.0 : f64}
          : (tensor<?x?x4xf32, #x>) -> tensor<?x?x4xf32, #y> loc("cropping")
      %r = graph.exp %c : tensor<?x?x4xf32, #y> loc("exponential")
      return %r : tensor<?x?x4xf32, #y>
    })mlir");
  auto types = llvm::to_vector(function("f").getResultTypes());
  tests::CompiledModule compiled(*module);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  for (int64_t h : {0, 1, 3}) {
    compiled.run("f", {noise({2, h, 4}, 1)}, types);
    EXPECT_THAT(compiled.error(), HasSubstr("h = " + std::to_string(h)));
    EXPECT_THAT(compiled.error(), HasSubstr("cropping: a dimension of it would be negative")) << h;
    const int64_t symbols[] = {2, h};
    const ingot_function &f = **compiled.artifact->function("f");
    std::vector<int64_t> plan(f.plan_words);
    EXPECT_EQ(f.plan(symbols, plan.data()), INGOT_INVALID_ARGUMENT) << h;
    EXPECT_STREQ(compiled.artifact->table().nodes[plan[0]], "cropping") << h;
  }
  for (int64_t h : {4, 5, 9}) {
    auto x = noise({2, h, 4}, 1);
    auto y = compiled.run("f", {x}, types);
    ASSERT_EQ(compiled.error(), "") << h;
    auto expected = test::Interpreter(*module).run("f", {x});
    EXPECT_EQ(tests::difference((*expected)[0], y[0], 2e-6, 1e-6), "") << h;
  }
}

TEST_F(FailedRuns, ANegativeSizeNamesNoNode) {
  parse(twoLookUps);
  tests::CompiledModule compiled(*module);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  const ingot_function &function = **compiled.artifact->function("f");
  std::vector<int64_t> plan(function.plan_words);
  const int64_t n = -1;
  EXPECT_EQ(function.plan(&n, plan.data()), INGOT_INVALID_ARGUMENT);
  EXPECT_EQ(plan[0], -1);
}

// Numbers of elements that wrap around would be small ones, and memory for them too little.
TEST_F(FailedRuns, SizesThatNoMemoryHoldsAreRefused) {
  parse(R"mlir(
    #x = #graph.dims<[n]>
    #y = #graph.dims<[n, n, n]>
    func.func @f(%x: tensor<?xf32, #x>) -> tensor<?x?x?xf32, #y> {
      %w = graph.broadcast %x {axes = array<i64: 2>}
          : tensor<?xf32, #x> to tensor<?x?x?xf32, #y> loc("wide")
      %r = graph.exp %w : tensor<?x?x?xf32, #y> loc("wide")
      return %r : tensor<?x?x?xf32, #y>
    })mlir");
  tests::CompiledModule compiled(*module);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  const ingot_function &f = **compiled.artifact->function("f");
  std::vector<int64_t> plan(f.plan_words);
  for (int64_t n : {int64_t(1) << 17, int64_t(1) << 22, int64_t(1) << 62, INT64_MAX}) {
    EXPECT_EQ(f.plan(&n, plan.data()), INGOT_INVALID_ARGUMENT) << n;
    EXPECT_STREQ(compiled.artifact->table().nodes[plan[0]], "wide") << n;
  }
  const int64_t n = int64_t(1) << 16;
  EXPECT_EQ(f.plan(&n, plan.data()), INGOT_OK);
}

} // namespace
} // namespace ingot
