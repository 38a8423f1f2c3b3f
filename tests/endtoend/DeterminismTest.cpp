// The contract of docs/Architecture.md on compiled code: the same artifact gives the same bits for
// any number of threads, any order of tasks, any batch around a row and any number of callers; the
// same model gives the same artifact; a run allocates nothing; a step that fails changes nothing.
#include "ir/reference/Interpreter.h"
#include "tests/endtoend/CompiledModels.h"
#include "tests/support/CountAllocations.h"
#include "llvm/Support/Program.h"
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <numeric>
#include <thread>
#include <unistd.h>

namespace ingot::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string readFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Compiled once a process; the file stays until the process ends.
std::shared_ptr<const Artifact> artifactOf(const std::string &model, bool debugArena = false) {
  static std::map<std::string, std::shared_ptr<const Artifact>> known;
  auto &artifact = known[model + (debugArena ? "-debug" : "")];
  if (!artifact) {
    std::string path =
        testing::TempDir() + "determinism-" + model + "-" + std::to_string(getpid()) + ".so";
    std::string message = compileKerasModel(model, path, debugArena);
    EXPECT_EQ(message, "");
    if (!message.empty())
      return nullptr;
    artifact = *Artifact::open(path);
    std::filesystem::remove(path);
  }
  return artifact;
}

class Determinism : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    artifact = artifactOf(GetParam());
    ASSERT_TRUE(artifact);
  }

  std::shared_ptr<const Artifact> artifact;
};

void runSession(Session &session, State &state, std::vector<TensorView> inputs) {
  Status ran = session.run(state, inputs);
  ASSERT_TRUE(ran.isOk()) << ran.message();
}

/// Three training steps, then evaluate and predict: every output and every variable.
Snapshot trainAndPredict(const std::shared_ptr<const Artifact> &artifact, const std::string &model,
                         ThreadPool *pool) {
  SessionOptions options;
  options.pool = pool;
  auto state = initializedState(artifact);
  Snapshot seen;
  auto session = [&](const char *name) { return *Session::create(artifact, name, options); };
  Session train = session("train_step"), evaluate = session("evaluate"),
          predict = session("predict");
  for (int step = 0; step < 3; ++step) {
    LabelledBatch batch(model, 5 + 8 * step, step);
    runSession(train, *state, {batch.x(), batch.y()});
    addOutputs(seen, train, "step " + std::to_string(step) + " ");
  }
  LabelledBatch batch(model, 21, 99);
  runSession(evaluate, *state, {batch.x(), batch.y()});
  addOutputs(seen, evaluate, "evaluate ");
  runSession(predict, *state, {batch.x()});
  addOutputs(seen, predict, "predict ");
  Snapshot variables = variablesOf(*state);
  seen.insert(variables.begin(), variables.end());
  return seen;
}

TEST_P(Determinism, EqualBitsForEveryThreadCountAndRun) {
  Snapshot expected = trainAndPredict(artifact, GetParam(), nullptr);
  EXPECT_GE(expected.size(), 12u);
  EXPECT_THAT(differences(expected, trainAndPredict(artifact, GetParam(), nullptr)), IsEmpty())
      << "a second run";
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_THAT(differences(expected, trainAndPredict(artifact, GetParam(), &pool)), IsEmpty())
        << threads << " threads";
  }
}

/// A parallel_for on this thread that takes the tasks in an order of its own.
struct TaskOrder {
  uint32_t seed = 0; // 0: last to first
  int64_t largest = 0;
  static void run(void *pool, ingot_task task, void *arg, int64_t count) {
    auto *self = static_cast<TaskOrder *>(pool);
    self->largest = std::max(self->largest, count);
    std::vector<int64_t> order(count);
    std::iota(order.rbegin(), order.rend(), 0);
    if (self->seed)
      std::shuffle(order.begin(), order.end(), std::mt19937(self->seed));
    for (int64_t index : order)
      task(arg, index);
  }
};

/// A function called through the artifact's C interface: its outputs and the state it leaves.
Snapshot callWithOrder(const ingot_artifact_table &table, const ingot_function &function,
                       std::vector<char> state, const LabelledBatch &batch, TaskOrder *order) {
  auto aligned = [](size_t bytes) {
    void *block = std::aligned_alloc(INGOT_ALIGNMENT, (bytes / INGOT_ALIGNMENT + 1) * 64);
    return std::unique_ptr<void, decltype(&std::free)>(block, std::free);
  };
  int64_t symbol = batch.size();
  EXPECT_EQ(function.symbol_count, 1);
  std::vector<int64_t> plan(function.plan_words);
  EXPECT_EQ(function.plan(&symbol, plan.data()), INGOT_OK);
  auto stateBlock = aligned(table.state_bytes), arena = aligned(plan[0]);
  std::memcpy(stateBlock.get(), state.data(), table.state_bytes);
  std::memset(arena.get(), 0xff, plan[0]); // what was there means nothing
  std::vector<std::vector<float>> outputs;
  const int64_t *extent = plan.data() + function.output_dims;
  for (int64_t i = 0; i < function.output_count; ++i) {
    int64_t elements = 1;
    for (int32_t d = 0; d < function.outputs[i].rank; ++d)
      elements *= *extent++;
    outputs.emplace_back(elements);
  }
  std::vector<void *> pointers;
  for (auto &output : outputs)
    pointers.push_back(output.data());
  const void *inputs[] = {batch.inputs.data(), batch.labels.data()};
  ingot_run run = {};
  run.size = sizeof run;
  run.plan = plan.data();
  run.inputs = inputs;
  run.outputs = pointers.data();
  run.state = stateBlock.get();
  run.arena = arena.get();
  run.parallel_for = order ? TaskOrder::run : nullptr;
  run.pool = order;
  EXPECT_EQ(function.run(&run), INGOT_OK);
  Snapshot seen;
  for (auto [i, output] : llvm::enumerate(outputs))
    seen[function.outputs[i].name] = {reinterpret_cast<char *>(output.data()), output.size() * 4};
  seen["state"] = {static_cast<char *>(stateBlock.get()), table.state_bytes};
  return seen;
}

TEST_P(Determinism, EqualBitsForEveryOrderOfTasks) {
  const ingot_artifact_table &table = artifact->table();
  std::vector<char> state(table.state_bytes);
  auto weights = variablesOf(*initializedState(artifact));
  for (int64_t i = 0; i < table.variable_count; ++i)
    std::memcpy(state.data() + table.variables[i].offset, weights[table.variables[i].name].data(),
                table.variables[i].bytes);
  const ingot_function &train = **artifact->function("train_step");
  ASSERT_TRUE(train.flags & INGOT_FUNCTION_CANONICAL) << "else it needs derive";
  LabelledBatch batch(GetParam(), 13, 5);
  Snapshot expected = callWithOrder(table, train, state, batch, nullptr);
  for (uint32_t seed : {0, 1, 2}) {
    TaskOrder order{seed};
    EXPECT_THAT(differences(expected, callWithOrder(table, train, state, batch, &order)), IsEmpty())
        << "order " << seed;
    EXPECT_GE(order.largest, 8) << "nothing was parallel";
  }
}

TEST_P(Determinism, ARowIsTheSameInAnyBatch) {
  auto state = initializedState(artifact);
  ThreadPool pool(2);
  SessionOptions options;
  options.pool = &pool;
  Session train = *Session::create(artifact, "train_step", options); // running statistics move
  LabelledBatch first(GetParam(), 16, 12);
  runSession(train, *state, {first.x(), first.y()});
  Session together = *Session::create(artifact, "predict", options);
  Session alone = *Session::create(artifact, "predict", options);
  for (int64_t size : {2, 7, 33}) {
    LabelledBatch batch(GetParam(), size, 11);
    runSession(together, *state, {batch.x()});
    std::string all = bytesOf(together.output(0));
    size_t rowBytes = all.size() / size;
    for (int64_t i = 0; i < size; ++i) {
      LabelledBatch one = batch.row(i);
      runSession(alone, *state, {one.x()});
      EXPECT_EQ(bytesOf(alone.output(0)), all.substr(i * rowBytes, rowBytes))
          << "row " << i << " of " << size;
    }
  }
}

/// Eight callers with states of their own, half of them on one pool, all get the same.
void expectCallersAgree(const std::shared_ptr<const Artifact> &artifact, const std::string &model) {
  Snapshot expected = trainAndPredict(artifact, model, nullptr);
  ThreadPool shared(3);
  std::vector<Snapshot> seen(8);
  std::vector<std::thread> callers;
  for (size_t i = 0; i < seen.size(); ++i)
    callers.emplace_back(
        [&, i] { seen[i] = trainAndPredict(artifact, model, i % 2 ? &shared : nullptr); });
  for (std::thread &caller : callers)
    caller.join();
  for (size_t i = 0; i < seen.size(); ++i)
    EXPECT_THAT(differences(expected, seen[i]), IsEmpty()) << "caller " << i;
}

TEST_P(Determinism, ManyCallersOfOneArtifact) { expectCallersAgree(artifact, GetParam()); }

TEST_P(Determinism, ManyCallersInDebugArena) {
  auto debug = artifactOf(GetParam(), /*debugArena=*/true);
  ASSERT_TRUE(debug);
  expectCallersAgree(debug, GetParam());
}

TEST_P(Determinism, NoKernelLeavesItsTensorsOrReadsDeadOnes) {
  auto debug = artifactOf(GetParam(), /*debugArena=*/true);
  ASSERT_TRUE(debug);
  ThreadPool pool(2);
  EXPECT_THAT(differences(trainAndPredict(artifact, GetParam(), &pool),
                          trainAndPredict(debug, GetParam(), &pool)),
              IsEmpty());
}

TEST_P(Determinism, ManyReadersOfOneState) {
  auto state = initializedState(artifact);
  LabelledBatch batch(GetParam(), 9, 3);
  Session first = *Session::create(artifact, "predict");
  runSession(first, *state, {batch.x()});
  std::string expected = bytesOf(first.output(0));
  std::vector<int> wrong(8);
  std::vector<std::thread> callers;
  for (int &count : wrong)
    callers.emplace_back([&] {
      Session session = *Session::create(artifact, "predict");
      for (int i = 0; i < 5; ++i)
        count += !session.run(*state, {batch.x()}).isOk() || bytesOf(session.output(0)) != expected;
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_THAT(wrong, testing::Each(0));
}

/// Returns when all threads of the pool run: sanitizers allocate when a thread starts.
void startAll(ThreadPool &pool, int threads) {
  std::atomic<int> waiting{threads};
  auto task = [](void *arg, int64_t) {
    auto &left = *static_cast<std::atomic<int> *>(arg);
    --left;
    while (left > 0)
      std::this_thread::yield();
  };
  ThreadPool::run(&pool, task, &waiting, threads);
}

TEST_P(Determinism, ARunAllocatesNothing) {
  auto state = initializedState(artifact);
  ThreadPool pool(3);
  startAll(pool, 3);
  for (ThreadPool *threads : {static_cast<ThreadPool *>(nullptr), &pool}) {
    SessionOptions options;
    options.pool = threads;
    Session train = *Session::create(artifact, "train_step", options);
    Session predict = *Session::create(artifact, "predict", options);
    LabelledBatch batch(GetParam(), 9, 3), fewer(GetParam(), 4, 3);
    TensorView x = batch.x(), y = batch.y(), few = fewer.x();
    runSession(train, *state, {x, y});
    runSession(predict, *state, {x});
    int64_t before = tests::allocationCount();
    int failures = 0;
    for (int i = 0; i < 3; ++i) {
      failures += !train.run(*state, {x, y}).isOk();
      failures += !predict.run(*state, {few}).isOk();
      failures += !predict.run(*state, {x}).isOk();
    }
    EXPECT_EQ(tests::allocationCount() - before, 0);
    EXPECT_EQ(failures, 0);
  }
}

TEST_P(Determinism, AStepThatFailsChangesNothing) {
  auto state = initializedState(artifact);
  ThreadPool pool(2);
  SessionOptions options;
  options.pool = &pool;
  Session train = *Session::create(artifact, "train_step", options);
  LabelledBatch batch(GetParam(), 9, 3);
  runSession(train, *state, {batch.x(), batch.y()});
  Snapshot before = variablesOf(*state);
  for (int64_t label : {int64_t(10), int64_t(-1), std::numeric_limits<int64_t>::min()}) {
    LabelledBatch wrong = batch;
    wrong.labels[8] = label;
    Status ran = train.run(*state, {wrong.x(), wrong.y()});
    EXPECT_EQ(ran.code(), StatusCode::OutOfRange) << label;
    EXPECT_THAT(ran.message(), HasSubstr("sparse_categorical_crossentropy")) << label;
    EXPECT_THAT(differences(before, variablesOf(*state)), IsEmpty()) << label;
  }
  runSession(train, *state, {batch.x(), batch.y()});
  EXPECT_THAT(differences(before, variablesOf(*state)), testing::Not(IsEmpty()));
}

TEST_P(Determinism, TheSameModelGivesTheSameBytes) {
  auto at = [](const std::string &name) {
    return testing::TempDir() + name + "-" + std::to_string(getpid()) + ".so";
  };
  std::string first = at("first"), second = at("second"), third = at("third");
  ASSERT_EQ(compileKerasModel(GetParam(), first), "");
  ASSERT_EQ(compileKerasModel(GetParam(), second), "");
  // Another process has other addresses, so that no order may come from them.
  std::string self = std::filesystem::canonical("/proc/self/exe");
  ASSERT_EQ(llvm::sys::ExecuteAndWait(self, {self, "--compile", GetParam(), third}), 0);
  std::string bytes = readFile(first);
  EXPECT_GT(bytes.size(), 10000u);
  EXPECT_TRUE(bytes == readFile(second)) << "compiled twice in one process";
  EXPECT_TRUE(bytes == readFile(third)) << "compiled in another process";
  for (const std::string &path : {first, second, third})
    std::filesystem::remove(path);
}

INSTANTIATE_TEST_SUITE_P(Models, Determinism, testing::Values("mlp", "cnn", "cnn_bn"),
                         [](const auto &info) { return info.param; });

/// One artifact for every batch size: the small network's training step and prediction equal the
/// interpreter's.
class AnyBatch : public testing::TestWithParam<int64_t> {};

reference::Tensor toReference(mlir::Type element, const TensorView &view) {
  reference::Tensor tensor(element, llvm::ArrayRef<int64_t>(view.dims, view.rank));
  tensor.copyFrom(view.data);
  return tensor;
}
void expectNear(const reference::Tensor &expected, const Tensor &actual, const std::string &what) {
  ASSERT_EQ(expected.numElements(), actual.elementCount()) << what;
  for (int64_t i = 0; i < expected.numElements(); ++i)
    EXPECT_NEAR(expected.real(i), actual.data<float>()[i], 2e-6 + 2e-6 * std::abs(expected.real(i)))
        << what << " " << i;
}

TEST_P(AnyBatch, EqualsTheInterpreter) {
  auto artifact = artifactOf("small");
  ASSERT_TRUE(artifact);
  auto state = initializedState(artifact);
  mlir::MLIRContext context(allDialects());
  context.loadAllAvailableDialects();
  auto module = keras::detail::buildModule(*buildKerasModel("small").impl(), &context, true);
  reference::Interpreter interpreter(*module);
  mlir::Builder b(&context);
  mlir::Type f32 = b.getF32Type(), si64 = b.getIntegerType(64, true);
  const ingot_artifact_table &table = artifact->table();
  for (int64_t i = 0; i < table.variable_count; ++i) {
    auto value = state->get(table.variables[i].name);
    mlir::Type element = value->dtype() == DType::F32 ? f32 : si64;
    interpreter.variables[table.variables[i].name] = toReference(element, *value);
  }
  LabelledBatch batch("small", GetParam(), 17);
  reference::Tensor x = toReference(f32, batch.x()), y = toReference(si64, batch.y());
  Session train = *Session::create(artifact, "train_step"),
          predict = *Session::create(artifact, "predict");
  for (int step = 0; step < 2; ++step) {
    runSession(train, *state, {batch.x(), batch.y()});
    auto expected = interpreter.run("train_step", {x, y});
    ASSERT_TRUE(mlir::succeeded(expected)) << interpreter.error();
    for (auto [i, output] : llvm::enumerate(*expected))
      expectNear(output, train.output(i), train.function().outputs[i].name);
  }
  runSession(predict, *state, {batch.x()});
  auto expected = interpreter.run("predict", {x});
  ASSERT_TRUE(mlir::succeeded(expected)) << interpreter.error();
  expectNear((*expected)[0], predict.output(0), "predict");
}

INSTANTIATE_TEST_SUITE_P(Sizes, AnyBatch, testing::Values(1, 2, 7, 32, 100),
                         [](const auto &info) { return std::to_string(info.param); });

} // namespace
} // namespace ingot::test

/// `--compile MODEL PATH` is for TheSameModelGivesTheSameBytes, which calls itself.
int main(int argc, char **argv) {
  if (argc == 4 && std::string(argv[1]) == "--compile") {
    std::string message = ingot::test::compileKerasModel(argv[2], argv[3]);
    std::fprintf(stderr, "%s", message.c_str());
    return message.empty() ? 0 : 1;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
