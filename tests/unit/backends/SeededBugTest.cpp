// Faults that are put into the generator on purpose are caught: a write beyond a tensor's end by
// --debug-arena and by the address sanitizer, two tasks that write one place by the thread
// sanitizer. Without the fault each of them finds nothing.
#include "backends/cpu/SeededBug.h"
#include "mlir/Parser/Parser.h"
#include "tests/support/RunCompiled.h"
#include "llvm/Support/Program.h"
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>

namespace ingot::cpu {
namespace {

using testing::HasSubstr;

const char *const squares = R"mlir(
func.func @predict(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> {
  %y = graph.mul %x, %x : tensor<?xf32, #graph.dims<[n]>> loc("squares")
  return %y : tensor<?xf32, #graph.dims<[n]>>
}
)mlir";

/// predict on n elements, the output exactly as large as it must be; one thread a task.
const char *const caller = R"c(
#include <ingot/artifact.h>
#include <pthread.h>
#include <stdlib.h>
const struct ingot_artifact *ingot_artifact(void);
struct call { ingot_task task; void *arg; int64_t index; };
static void *start(void *p) {
  struct call *call = p;
  call->task(call->arg, call->index);
  return 0;
}
static void parallel_for(void *pool, ingot_task task, void *arg, int64_t count) {
  pthread_t threads[8];
  struct call calls[8];
  (void)pool;
  if (count > 8) abort();
  for (int64_t i = 0; i < count; ++i) {
    calls[i] = (struct call){task, arg, i};
    if (pthread_create(&threads[i], 0, start, &calls[i])) abort();
  }
  for (int64_t i = 0; i < count; ++i) pthread_join(threads[i], 0);
}
int main(int argc, char **argv) {
  static char arena[64] __attribute__((aligned(64))), state[64] __attribute__((aligned(64)));
  int64_t plan[8], n = argc > 1 ? atoll(argv[1]) : 0;
  const ingot_function *f = &ingot_artifact()->functions[0];
  if (f->plan_words > 8 || f->plan(&n, plan) || plan[0] > 64) return 3;
  float *x = calloc(n + 64, 4), *y = malloc(n * 4); /* reading a little more is no fault here */
  for (int64_t i = 0; i < n; ++i) x[i] = i;
  const void *in[1] = {x};
  void *out[1] = {y};
  ingot_run r = {sizeof r, plan, in, out, state, arena, parallel_for};
  int status = f->run(&r);
  if (status || y[n - 1] != (float)(n - 1) * (n - 1)) return 4;
  free(x);
  free(y);
  return 0;
}
)c";

class SeededBugs : public testing::Test {
protected:
  SeededBugs() : context(registry()) {
    context.loadAllAvailableDialects();
    module = mlir::parseSourceString<mlir::ModuleOp>(squares, &context);
    char name[] = "/tmp/ingot-seeded-XXXXXX";
    directory = mkdtemp(name);
  }
  ~SeededBugs() override {
    seededBug = SeededBug::None;
    std::filesystem::remove_all(directory);
  }
  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  /// What predict on `n` elements says, compiled with the fault.
  std::string messageOf(SeededBug bug, int64_t n, bool debugArena) {
    CompileOptions options;
    options.debugArena = debugArena;
    seededBug = bug;
    tests::CompiledModule compiled(*module, options);
    seededBug = SeededBug::None;
    EXPECT_TRUE(compiled.ok()) << compiled.error();
    reference::Tensor x(mlir::Float32Type::get(&context), {n});
    for (int64_t i = 0; i < n; ++i)
      x.set(i, reference::Number::real(static_cast<double>(i)));
    auto function = module->lookupSymbol<mlir::func::FuncOp>("predict");
    auto y = compiled.run("predict", {x}, function.getResultTypes());
    if (compiled.error().empty())
      EXPECT_EQ(y.at(0).real(n - 1), (n - 1) * (n - 1));
    return compiled.error();
  }

  struct Outcome {
    int status = 0;
    std::string errors;
  };
  Outcome call(std::vector<std::string> command) {
    std::vector<llvm::StringRef> arguments(command.begin(), command.end());
    std::string errors = file("errors");
    std::optional<llvm::StringRef> redirects[] = {std::nullopt, std::nullopt,
                                                  llvm::StringRef(errors)};
    Outcome outcome;
    outcome.status = llvm::sys::ExecuteAndWait(command[0], arguments, std::nullopt, redirects);
    std::ifstream stream(errors);
    outcome.errors = {std::istreambuf_iterator<char>(stream), {}};
    return outcome;
  }
  Outcome build(const std::string &sanitizer, std::vector<std::string> files) {
    std::vector<std::string> command = {
        cc,         "-fsanitize=" + sanitizer,
        "-pthread", std::string("-I") + INGOT_SOURCE_DIR + "/runtime/include",
        "-o",       file("main")};
    command.insert(command.end(), files.begin(), files.end());
    return call(command);
  }
  /// Whether this machine's C compiler makes programs with this sanitizer, and they run.
  bool hasSanitizer(const std::string &sanitizer) {
    auto found = llvm::sys::findProgramByName("cc");
    if (!found)
      return false;
    cc = *found;
    std::ofstream(file("empty.c")) << "int main(void) { return 0; }\n";
    return build(sanitizer, {file("empty.c")}).status == 0 && call({file("main")}).status == 0;
  }
  /// Links predict, compiled with the fault and a sanitizer, into `caller` and runs that.
  Outcome runSanitized(SeededBug bug, const std::string &sanitizer, const std::string &cpu,
                       int64_t n) {
    CompileOptions options;
    options.sanitize = sanitizer;
    options.targetCpu = cpu;
    options.emit = Emit::Object;
    seededBug = bug;
    EXPECT_TRUE(mlir::succeeded(compileToFile(*module, options, file("model.o"))));
    seededBug = SeededBug::None;
    std::ofstream(file("main.c")) << caller;
    Outcome built = build(sanitizer, {file("main.c"), file("model.o")});
    EXPECT_EQ(built.status, 0) << built.errors;
    return call({file("main"), std::to_string(n)});
  }
  std::string file(const std::string &name) const { return (directory / name).string(); }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::filesystem::path directory;
  std::string cc;
};

TEST_F(SeededBugs, DebugArenaNamesTheNodeThatOverruns) {
  EXPECT_EQ(messageOf(SeededBug::None, 5, true), "");
  std::string message = messageOf(SeededBug::NoTailMask, 5, true);
  EXPECT_THAT(message, HasSubstr("squares: its kernel wrote outside its tensors"));
  EXPECT_THAT(message, HasSubstr("--debug-arena"));
  // A multiple of every vector has no tail.
  EXPECT_EQ(messageOf(SeededBug::NoTailMask, 64, true), "");
}

TEST_F(SeededBugs, AddressSanitizerSeesTheOverrun) {
  if (!hasSanitizer("address"))
    GTEST_SKIP() << "this machine's C compiler has no address sanitizer";
  Outcome clean = runSanitized(SeededBug::None, "address", "host", 5);
  EXPECT_EQ(clean.status, 0) << clean.errors;
  Outcome seeded = runSanitized(SeededBug::NoTailMask, "address", "host", 5);
  EXPECT_NE(seeded.status, 0);
  EXPECT_THAT(seeded.errors, HasSubstr("heap-buffer-overflow"));
  EXPECT_THAT(seeded.errors, HasSubstr("WRITE of size"));
}

// The thread sanitizer does not see accesses of more than 16 bytes, so the vectors must be SSE's.
// Under it tasks are small, so that there are several here.
TEST_F(SeededBugs, ThreadSanitizerSeesTheRace) {
  if (!hasSanitizer("thread"))
    GTEST_SKIP() << "this machine's C compiler has no thread sanitizer that runs here";
  Outcome clean = runSanitized(SeededBug::None, "thread", "x86-64", 200);
  EXPECT_EQ(clean.status, 0) << clean.errors;
  Outcome seeded = runSanitized(SeededBug::NeighbourChunk, "thread", "x86-64", 200);
  EXPECT_NE(seeded.status, 0);
  EXPECT_THAT(seeded.errors, HasSubstr("data race"));
}

} // namespace
} // namespace ingot::cpu
