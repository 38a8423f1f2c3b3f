// The command line as a user calls it: what it prints, what it writes, and its exit codes.
#include "tests/unit/tools/CliTest.h"
#include "tests/support/ProcessorTime.h"
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <pty.h>

namespace ingot::test {
namespace {

const char *const kModel = R"(
graph.variable @"dense/kernel" {role = "trainable", value = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>} : tensor<3x2xf32>
func.func @predict(%x: tensor<?x3xf32, #graph.dims<[batch, 3]>> {graph.name = "x"})
    -> (tensor<?x2xf32, #graph.dims<[batch, 2]>> {graph.name = "scores"}) {
  %w = graph.read @"dense/kernel" : tensor<3x2xf32> loc("dense")
  %y = graph.matmul %x, %w : (tensor<?x3xf32, #graph.dims<[batch, 3]>>, tensor<3x2xf32>) -> tensor<?x2xf32, #graph.dims<[batch, 2]>> loc("dense")
  %z = graph.relu %y : tensor<?x2xf32, #graph.dims<[batch, 2]>> loc("activation")
  return %z : tensor<?x2xf32, #graph.dims<[batch, 2]>>
}
)";

/// A small model with an input to run it on.
class CliNetTest : public CliTest {
protected:
  CliNetTest() {
    std::ofstream(directory / "net.mlir") << kModel;
    write("x.npy", {2, 3}, {1, 0, -1, 0.5, 1, 2});
  }
  void compileNet() {
    Outcome outcome = ingot("compile net.mlir -o net.so");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
};

TEST_F(CliNetTest, VersionIsPrintedQuickly) {
  Outcome outcome = ingot("--version");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("ingot "));
  double best = std::numeric_limits<double>::max();
  for (int attempt = 0; attempt < 5; ++attempt) {
    double start = tests::childrenSeconds();
    (void)ingot("--version");
    best = std::min(best, tests::childrenSeconds() - start);
  }
  EXPECT_GT(best, 0);
  // 100 ms is the promise on an idle machine; a busy one gets some more.
  EXPECT_LT(best, 0.3);
}

TEST_F(CliNetTest, HelpOfEachSubcommandHasExamples) {
  for (const char *command :
       {"compile", "run", "inspect", "compare", "reduce", "dump", "bench", "profile"}) {
    Outcome outcome = ingot(std::string(command) + " --help");
    EXPECT_EQ(outcome.code, 0) << command;
    EXPECT_THAT(outcome.out, HasSubstr("Examples:")) << command;
  }
}

TEST_F(CliNetTest, WrongUsageIsExitCodeOne) {
  EXPECT_EQ(ingot("").code, 1);
  EXPECT_EQ(ingot("compil net.mlir").code, 1);
  EXPECT_EQ(ingot("compile").code, 1);
  EXPECT_EQ(ingot("compile net.mlir --emit elf").code, 1);
  EXPECT_EQ(ingot("compile net.mlir --symbol 3x").code, 1);
  EXPECT_EQ(ingot("dump net.mlir --phase nowhere").code, 1);
  Outcome outcome = ingot("compile net.mlir --target-cpu pentium");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("x86-64-v3"));
  EXPECT_EQ(outcome.out, "");
}

TEST_F(CliNetTest, UnknownGpusAreRefusedWithThoseThatThereAre) {
  for (const char *gpu : {"sm_1", "host"}) { // "host" is for programs that bring a compiler
    Outcome outcome = ingot(std::string("compile net.mlir --gpu ") + gpu);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(gpu));
    EXPECT_THAT(outcome.err, HasSubstr("sm_90a"));
    EXPECT_THAT(outcome.err, HasSubstr("opencl"));
  }
}

TEST_F(CliNetTest, ALibraryForProductsIsOfGpusAndKnown) {
  EXPECT_EQ(ingot("compile net.mlir --gpu-library cublaslt").code, 1);
  EXPECT_EQ(ingot("compile net.mlir --gpu opencl --gpu-library cudnn").code, 1);
  std::ofstream(directory / "table.json") << "{\"format\": \"ingot-gpu-tuning\",\n\"version\": }";
  EXPECT_EQ(
      ingot("compile net.mlir --gpu opencl --gpu-library cublaslt --gpu-tuning table.json").code,
      1);
  Outcome outcome = ingot("compile net.mlir --gpu opencl --gpu-tuning table.json");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("`table.json`: line 2 is no JSON"));
}

TEST_F(CliNetTest, CompiledModelRuns) {
  Outcome compiled = ingot("compile net.mlir -o net.so");
  ASSERT_EQ(compiled.code, 0) << compiled.err;
  EXPECT_EQ(compiled.out, "") << "messages belong to stderr";
  EXPECT_THAT(compiled.err, HasSubstr("predict(x: f32[batch, 3]) -> scores: f32[batch, 2]"));
  EXPECT_THAT(compiled.err, HasSubstr("ingot run net.so --input x=@x.npy"));
  Outcome ran = ingot("run net.so --input x=@x.npy --output scores=@y.npy --threads 2");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(data::readNpy(path("y.npy"))->shape(), (Shape{2, 2}));
  // x w = [[-4, -4], [13.5, 17]], then relu.
  EXPECT_THAT(read("y.npy"), testing::ElementsAre(0, 0, 13.5, 17));
}

TEST_F(CliNetTest, OutputsWithoutFileArePrinted) {
  compileNet();
  Outcome text = ingot("run net.so --input @x.npy");
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("scores: f32[2, 2]"));
  EXPECT_THAT(text.out, HasSubstr("13.5, 17"));
  Outcome json = ingot("run net.so --input x=@x.npy --json");
  ASSERT_EQ(json.code, 0) << json.err;
  auto parsed = nlohmann::json::parse(json.out);
  EXPECT_EQ(parsed["outputs"][0]["values"], nlohmann::json::parse("[[0,0],[13.5,17]]"));
}

TEST_F(CliNetTest, ArchivesAreReadAndWrittenByKey) {
  compileNet();
  Tensor tensor = *Tensor::of<float>({1, 3}, {1, 1, 1});
  Tensor other = *Tensor::of<float>({1}, {0});
  ASSERT_TRUE(data::writeNpz(path("in.npz"), {{"x", tensor}, {"labels", other}}).isOk());
  EXPECT_EQ(ingot("run net.so --input x=@in.npz --output scores=@out.npz").code, 0);
  EXPECT_EQ(ingot("run net.so --input x=@in.npz:x --output scores=@out.npz:y").code, 0);
  EXPECT_TRUE(data::readNpz(path("out.npz"), {"y"}).isOk());
  Outcome wrong = ingot("run net.so --input x=@in.npz:images");
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("labels"));
}

TEST_F(CliNetTest, StringsAreReadPrintedWrittenAndCompared) {
  std::ofstream(path("greet.mlir")) << R"(func.func @predict(
      %x: tensor<2x!text.string> {graph.name = "x"}) -> (tensor<2x!text.string> {graph.name = "y"}) {
    %c = graph.constant dense<"hello "> : tensor<!text.string> : tensor<2x!text.string>
    %y = graph.text_concat %c, %x
        : (tensor<2x!text.string>, tensor<2x!text.string>) -> tensor<2x!text.string>
    return %y : tensor<2x!text.string>
  })";
  ASSERT_TRUE(
      data::writeNpy(path("names.npy"), *Tensor::ofTexts({2}, {"\xC3\x84nne", "\"B\""})).isOk());
  ASSERT_EQ(ingot("compile greet.mlir -o greet.so").code, 0);
  Outcome text = ingot("run greet.so --input x=@names.npy");
  EXPECT_THAT(text.out, HasSubstr("y: string[2]\n[\"hello \xC3\x84nne\", \"hello \\\"B\\\"\"]"));
  EXPECT_THAT(ingot("run greet.so --input x=@names.npy --json").out,
              HasSubstr("\"hello \xC3\x84nne\""));
  ASSERT_EQ(ingot("run greet.so --input x=@names.npy --output y=@y.npy").code, 0);
  EXPECT_EQ(ingot("run greet.so --input x=@names.npy --expect y=@y.npy").code, 0);
  Outcome wrong = ingot("run greet.so --input x=@names.npy --expect y=@names.npy");
  EXPECT_EQ(wrong.code, 3);
  EXPECT_THAT(wrong.err, HasSubstr("element 0 is \"hello \xC3\x84nne\", expected \"\xC3\x84nne\""));
  EXPECT_THAT(ingot("inspect greet.so").out, HasSubstr("string[2]"));
}

TEST_F(CliNetTest, ExpectedResultsAreCompared) {
  compileNet();
  write("right.npy", {2, 2}, {0, 0, 13.5, 17});
  write("wrong.npy", {2, 2}, {0, 0, 13.5, 18});
  write("shape.npy", {4}, {0, 0, 13.5, 17});
  EXPECT_EQ(ingot("run net.so --input x=@x.npy --expect scores=@right.npy").code, 0);
  Outcome wrong = ingot("run net.so --input x=@x.npy --expect scores=@wrong.npy");
  EXPECT_EQ(wrong.code, 3);
  EXPECT_THAT(wrong.err, HasSubstr("element 3 is 17, expected 18"));
  EXPECT_EQ(ingot("run net.so --input x=@x.npy --expect scores=@wrong.npy --rtol 0.1").code, 0);
  EXPECT_EQ(ingot("run net.so --input x=@x.npy --expect scores=@shape.npy").code, 3);
}

TEST_F(CliNetTest, WrongInputsNameTheInputAndBothShapes) {
  compileNet();
  write("wide.npy", {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  Outcome shape = ingot("run net.so --input x=@wide.npy");
  EXPECT_EQ(shape.code, 2);
  EXPECT_THAT(shape.err, HasSubstr("'x'"));
  EXPECT_THAT(shape.err, HasSubstr("3"));
  EXPECT_THAT(shape.err, HasSubstr("4"));
  Outcome missing = ingot("run net.so");
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, HasSubstr("input `x` of `predict` is missing: f32[batch, 3]"));
  Outcome unknown = ingot("run net.so --input y=@x.npy");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("there are: x"));
  Outcome close = ingot("run net.so --input x=@x.npy --output score=@y.npy");
  EXPECT_EQ(close.code, 2);
  EXPECT_THAT(close.err, HasSubstr("did you mean `scores`?"));
  EXPECT_EQ(ingot("run net.so --input x=x.npy").code, 1);
  EXPECT_EQ(ingot("run net.so --input x=@nowhere.npy").code, 2);
  EXPECT_EQ(ingot("run nowhere.so --input x=@x.npy").code, 2);
  EXPECT_EQ(ingot("run net.mlir --input x=@x.npy").code, 2);
  Outcome function = ingot("run net.so --function predct --input x=@x.npy");
  EXPECT_EQ(function.code, 2);
  EXPECT_THAT(function.err, HasSubstr("did you mean `predict`?"));
}

TEST_F(CliNetTest, WeightsAreBoundAtRunTime) {
  ASSERT_EQ(ingot("compile net.mlir --no-weights -o bare.so").code, 0);
  Outcome unbound = ingot("run bare.so --input x=@x.npy");
  EXPECT_EQ(unbound.code, 2);
  EXPECT_THAT(unbound.err, HasSubstr("--weights"));
  compileNet();
  ASSERT_EQ(ingot("run net.so --input x=@x.npy --save-state w.safetensors").code, 0);
  Outcome bound = ingot("run bare.so --input x=@x.npy --weights w.safetensors");
  EXPECT_EQ(bound.code, 0) << bound.err;
  EXPECT_THAT(bound.out, HasSubstr("13.5, 17"));
}

TEST_F(CliNetTest, UnwritableOutputIsAnInputError) {
  Outcome compiled = ingot("compile net.mlir -o nowhere/net.so");
  EXPECT_EQ(compiled.code, 2);
  EXPECT_THAT(compiled.err, HasSubstr("nowhere/net.so"));
  compileNet();
  Outcome ran = ingot("run net.so --input x=@x.npy --output scores=@nowhere/y.npy");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("nowhere/y.npy"));
  EXPECT_EQ(ingot("dump net.mlir -o nowhere/net.dot --format dot").code, 2);
}

TEST_F(CliNetTest, UnreadableModelsAreInputErrors) {
  EXPECT_EQ(ingot("compile nowhere").code, 2);
  EXPECT_EQ(ingot("compile x.npy").code, 2);
  std::ofstream(path("broken.mlir")) << "func.func @predict(";
  Outcome broken = ingot("compile broken.mlir");
  EXPECT_EQ(broken.code, 2);
  EXPECT_THAT(broken.err, HasSubstr("broken.mlir:1:"));
  fs::create_directory(directory / "empty");
  Outcome empty = ingot("compile empty");
  EXPECT_EQ(empty.code, 2);
  EXPECT_THAT(empty.err, HasSubstr("model.json"));
  Outcome function = ingot("compile net.mlir --functions predict,evaluat");
  EXPECT_EQ(function.code, 2);
  EXPECT_THAT(function.err, HasSubstr("`evaluat`"));
}

TEST_F(CliNetTest, HeaderAndObjectAreWritten) {
  Outcome outcome = ingot("compile net.mlir --emit obj -o net.o --symbol small --header small.h");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_GT(fs::file_size(path("net.o")), 0u);
  std::string header = contentsOf(path("small.h"));
  EXPECT_THAT(header, HasSubstr("#define SMALL_PREDICT_IN_X 0"));
}

TEST_F(CliNetTest, DebugArenaChangesNoResult) {
  compileNet();
  ASSERT_EQ(ingot("run net.so --input x=@x.npy --output scores=@y.npy").code, 0);
  ASSERT_EQ(ingot("compile net.mlir --debug-arena -g -o debug.so").code, 0);
  Outcome ran = ingot("run debug.so --input x=@x.npy --expect scores=@y.npy --rtol 0");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ingot("inspect debug.so").out, HasSubstr("debug-arena        true"));
}

TEST_F(CliNetTest, ConvPrecisionIsOneOfTheKnown) {
  EXPECT_EQ(ingot("compile net.mlir --conv-precision exact -o net.so").code, 0);
  Outcome unknown = ingot("compile net.mlir --conv-precision fast -o net.so");
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("fast not in {exact,default}"));
}

TEST_F(CliNetTest, FastMathIsUsedOnRequestAlone) {
  compileNet();
  ASSERT_EQ(ingot("run net.so --input x=@x.npy --output scores=@y.npy").code, 0);
  ASSERT_EQ(ingot("compile net.mlir --fast-math -o fast.so").code, 0);
  Outcome ran = ingot("run fast.so --input x=@x.npy --expect scores=@y.npy --rtol 1e-4");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ingot("inspect fast.so").out, HasSubstr("fast-math          true"));
  EXPECT_THAT(ingot("inspect net.so").out, HasSubstr("fast-math          false"));
  EXPECT_NE(contentsOf(path("fast.so")), contentsOf(path("net.so")));
}

TEST_F(CliNetTest, VariantsOfSeveralLevelsAreInOneFile) {
  ASSERT_EQ(ingot("compile net.mlir --target-cpu x86-64,x86-64-v3 -o net.so").code, 0);
  auto json = nlohmann::json::parse(ingot("inspect net.so --json").out);
  EXPECT_EQ(json["variants"], nlohmann::json::parse("[\"x86-64-v3\",\"x86-64\"]"));
  EXPECT_EQ(ingot("run net.so --input x=@x.npy").code, 0);
}

TEST_F(CliNetTest, InspectShowsEachKindOfFile) {
  compileNet();
  Outcome artifact = ingot("inspect net.so");
  ASSERT_EQ(artifact.code, 0) << artifact.err;
  EXPECT_THAT(artifact.out, HasSubstr("predict(x: f32[batch, 3]) -> scores: f32[batch, 2]"));
  EXPECT_THAT(artifact.out, HasSubstr("dense/kernel"));
  EXPECT_THAT(artifact.out, HasSubstr("flops"));
  auto json = nlohmann::json::parse(ingot("inspect net.so --json").out);
  EXPECT_EQ(json["functions"][0]["name"], "predict");
  EXPECT_EQ(json["functions"][0]["inputs"][0]["shape"], nlohmann::json::parse("[\"batch\",3]"));
  EXPECT_EQ(json["has_weights"], true);
  EXPECT_THAT(ingot("inspect net.mlir").out, HasSubstr("graph.matmul"));
  EXPECT_THAT(ingot("inspect x.npy").out, HasSubstr("f32[2, 3]"));
  ASSERT_EQ(ingot("run net.so --input x=@x.npy --save-state w.safetensors").code, 0);
  EXPECT_THAT(ingot("inspect w.safetensors").out, HasSubstr("dense/kernel"));
  EXPECT_EQ(ingot("inspect nowhere").code, 2);
}

TEST_F(CliNetTest, DumpShowsPhasesAndPictures) {
  EXPECT_THAT(ingot("dump net.mlir").out, HasSubstr("graph.matmul"));
  Outcome fused = ingot("dump net.mlir --phase fuse");
  EXPECT_EQ(fused.code, 0) << fused.err;
  EXPECT_THAT(fused.out, HasSubstr("exec.kernel"));
  EXPECT_THAT(fused.out, Not(HasSubstr("graph.matmul")));
  Outcome dot = ingot("dump net.mlir --format dot");
  EXPECT_THAT(dot.out, HasSubstr("digraph model"));
  EXPECT_THAT(dot.out, HasSubstr("matmul\\ndense\\nf32 (batch, 2)"));
  Outcome svg = ingot("dump net.mlir --format svg -o net.svg");
  if (svg.code == 0)
    EXPECT_THAT(contentsOf(path("net.svg")), HasSubstr("</svg>"));
  else
    EXPECT_THAT(svg.err, HasSubstr("graphviz"));
}

TEST_F(CliNetTest, StopAfterWritesTheProgram) {
  Outcome outcome = ingot("compile net.mlir --stop-after lower -o lowered.mlir");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(contentsOf(path("lowered.mlir")), HasSubstr("exec.nest"));
}

/// Each file of tests/errors is a model with mistakes; its lines `// error: TEXT` are what must be
/// said, all of it in one run, with exit code 2.
TEST_F(CliNetTest, MistakesInModelsAreNamedAtTheirLayer) {
  int files = 0;
  for (const auto &entry : fs::directory_iterator(INGOT_ERROR_CASES)) {
    if (entry.path().extension() != ".mlir")
      continue;
    ++files;
    Outcome outcome = ingot("compile " + entry.path().string() + " -o bad.so");
    EXPECT_EQ(outcome.code, 2) << entry.path() << outcome.err;
    EXPECT_FALSE(fs::exists(path("bad.so")));
    std::istringstream lines(contentsOf(entry.path()));
    int expectations = 0;
    for (std::string line; std::getline(lines, line);)
      if (size_t at = line.find("// error: "); at != std::string::npos) {
        ++expectations;
        EXPECT_THAT(outcome.err, HasSubstr("error: " + line.substr(at + 10))) << entry.path();
      }
    EXPECT_GT(expectations, 0) << entry.path();
  }
  EXPECT_GT(files, 5);
}

TEST_F(CliNetTest, CompileTellsWhatItMadeAsJson) {
  Outcome outcome = ingot("compile net.mlir -o net.so --target-cpu x86-64-v3,x86-64 --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["path"], "net.so");
  EXPECT_EQ(json["bytes"], fs::file_size(path("net.so")));
  EXPECT_GT(json["seconds"], 0);
  EXPECT_EQ(json["targets"], (std::vector<std::string>{"x86-64-v3", "x86-64"}));
  EXPECT_EQ(json["has_weights"], true);
  EXPECT_EQ(json["header"], nullptr);
  // Signatures and arenas are those that inspect finds in the file.
  auto inspected = nlohmann::json::parse(ingot("inspect net.so --json").out);
  for (const char *key : {"name", "inputs", "outputs", "arena_bytes"})
    EXPECT_EQ(json["functions"][0][key], inspected["functions"][0][key]) << key;
  EXPECT_EQ(json["functions"][0]["kernels"], inspected["functions"][0]["kernels"].size());
  EXPECT_EQ(ingot("compile net.mlir --json --stop-after fuse").code, 1);
}

TEST_F(CliNetTest, DumpIsJsonWithTheTextOrItsPath) {
  Outcome outcome = ingot("dump net.mlir --phase lower --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["phase"], "lower");
  EXPECT_EQ(json["functions"][0]["name"], "predict");
  EXPECT_GT(json["functions"][0]["ops"], 1);
  EXPECT_EQ(json["text"], ingot("dump net.mlir --phase lower").out);
  json = nlohmann::json::parse(ingot("dump net.mlir --format dot --json -o net.dot").out);
  EXPECT_EQ(json["path"], "net.dot");
  EXPECT_FALSE(json.contains("text"));
  EXPECT_THAT(contentsOf(path("net.dot")), HasSubstr("digraph"));
}

/// What a command that fails prints on a terminal, with NO_COLOR as given (NULL: not set).
std::string printedOnTerminal(const fs::path &directory, const char *noColor) {
  int screen = -1;
  const pid_t child = forkpty(&screen, nullptr, nullptr, nullptr);
  if (child == 0) {
    noColor ? setenv("NO_COLOR", noColor, 1) : unsetenv("NO_COLOR");
    if (chdir(directory.c_str()) == 0)
      execl(INGOT_BINARY, "ingot", "compile", "absent.mlir", nullptr);
    _exit(127);
  }
  std::string text;
  char buffer[256];
  for (ssize_t count; (count = read(screen, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(count));
  close(screen);
  waitpid(child, nullptr, 0);
  return text;
}

TEST_F(CliNetTest, ColoursAreForTerminalsWithoutNoColor) {
  EXPECT_THAT(printedOnTerminal(directory, nullptr), HasSubstr("\033[1;31merror:"));
  EXPECT_THAT(printedOnTerminal(directory, ""), HasSubstr("\033[1;31merror:"));
  std::string plain = printedOnTerminal(directory, "1");
  EXPECT_THAT(plain, HasSubstr("error: cannot read"));
  EXPECT_THAT(plain, Not(HasSubstr("\033")));
  for (const char *command : {"compile absent.mlir", "compile net.mlir -o net.so", "--help",
                              "inspect net.so", "dump net.mlir", "run net.so --input @x.npy"}) {
    Outcome outcome = ingot(command);
    EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("\033"))) << command;
  }
}

const char *const kStream = R"(
func.func @predict(%total: tensor<2xf32> {graph.name = "total"}, %x: tensor<2xf32> {graph.name = "x"})
    -> (tensor<2xf32> {graph.name = "sum"}, tensor<2xf32> {graph.name = "negated"}) {
  %s = graph.add %total, %x : tensor<2xf32> loc("sum")
  %n = graph.neg %s : tensor<2xf32> loc("negated")
  return %s, %n : tensor<2xf32>, tensor<2xf32>
}
)";

TEST_F(CliTest, AStreamIsCarriedOverSteps) {
  std::ofstream(directory / "stream.mlir") << kStream;
  write("x.npy", {3, 2}, {1, 2, 10, 20, 100, 200});
  Outcome compiled = ingot("compile stream.mlir --carry sum=total -o stream.so");
  ASSERT_EQ(compiled.code, 0) << compiled.err;
  Outcome ran = ingot("run stream.so --steps 3 --input x=@x.npy --output negated=@y.npy");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(read("y.npy"), testing::ElementsAre(-1, -2, -11, -22, -111, -222));
  write("start.npy", {2}, {1000, 2000});
  ran = ingot("run stream.so --steps 3 --input x=@x.npy --input total=@start.npy "
              "--output negated=@y.npy");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(read("y.npy"), testing::ElementsAre(-1001, -2002, -1011, -2022, -1111, -2222));
  EXPECT_THAT(ingot("inspect stream.so").out, HasSubstr("carries sum to the next run's total"));
  ran = ingot("run stream.so --steps 2 --input x=@x.npy");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("input `x` is f32[3, 2], which is not 2 steps of f32[2]"));
}

TEST_F(CliTest, WrongCarriesAreSaid) {
  std::ofstream(directory / "stream.mlir") << kStream;
  Outcome outcome = ingot("compile stream.mlir --carry sum");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("`sum` for --carry is not OUTPUT=INPUT"));
  outcome = ingot("compile stream.mlir --carry sums=total --carry sum=totals");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err,
              HasSubstr("[\"sums\", \"total\"] of `predict`: there is no such output"));
  EXPECT_THAT(outcome.err, HasSubstr("[\"sum\", \"totals\"] of `predict`: there is no such input"));
  outcome = ingot("compile stream.mlir --carry sum=total --carry negated=total");
  EXPECT_THAT(outcome.err, HasSubstr("is carried twice"));
}

TEST_F(CliNetTest, TrainingIsAddedAndRuns) {
  Outcome compiled = ingot("compile net.mlir -o train.so --train --loss mean_squared_error "
                           "--optimizer sgd:learning_rate=0.05");
  ASSERT_EQ(compiled.code, 0) << compiled.err;
  EXPECT_THAT(compiled.err, HasSubstr("mean_squared_error of `scores` (values), "
                                      "sgd:learning_rate=0.05; 1 parameters trained, 0 kept"));
  EXPECT_THAT(compiled.err, HasSubstr("train_step(x: f32[batch, 3], target: f32[batch, 2])"));
  write("y.npy", {2, 2}, {1, 0, 2, 3});
  std::vector<float> losses;
  for (int step = 0; step < 5; ++step) {
    Outcome ran = ingot("run train.so --function train_step --input x=@x.npy --input target=@y.npy "
                        "--output loss=@loss.npy --save-state s.safetensors" +
                        std::string(step == 0 ? "" : " --state s.safetensors"));
    ASSERT_EQ(ran.code, 0) << ran.err;
    losses.push_back(read("loss.npy")[0]);
  }
  EXPECT_LT(losses.back(), 0.8F * losses.front());
}

TEST_F(CliNetTest, AMemoryBudgetIsToldOrRefused) {
  const std::string step = "compile net.mlir -o train.so --train --loss mse ";
  Outcome kept = ingot(step + "--memory-budget 64KiB --size batch=100");
  ASSERT_EQ(kept.code, 0) << kept.err;
  EXPECT_THAT(kept.err, HasSubstr("of 64.0 KiB at batch=100"));
  Outcome shown = ingot("inspect train.so");
  EXPECT_THAT(shown.out, HasSubstr("memory budget: arena"));
  auto json = nlohmann::json::parse(ingot("inspect train.so --json").out);
  bool isSeen = false;
  for (auto &function : json["functions"])
    if (function["name"] == "train_step") {
      isSeen = true;
      EXPECT_EQ(function["recomputation"]["budget_bytes"], 65536);
      EXPECT_EQ(function["recomputation"]["sizes"]["batch"], 100);
      EXPECT_LE(function["recomputation"]["arena_bytes"], 65536);
    }
  EXPECT_TRUE(isSeen);
  Outcome missing = ingot(step + "--memory-budget 64KiB");
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, HasSubstr("--size batch=32"));
  Outcome impossible = ingot(step + "--memory-budget 100 --size batch=1000");
  EXPECT_EQ(impossible.code, 2);
  EXPECT_THAT(impossible.err, HasSubstr("Give a budget of"));
  EXPECT_THAT(impossible.err, HasSubstr("at batch=1000"));
  for (const char *wrong : {"--size batch=2", "--memory-budget lots", "--memory-budget 0",
                            "--memory-budget 1MiB --size batch"})
    EXPECT_EQ(ingot(step + wrong).code, 1) << wrong;
}

TEST_F(CliNetTest, WrongTrainingOptionsAreSaid) {
  auto said = [&](const char *options, int code, const char *text) {
    Outcome outcome = ingot(std::string("compile net.mlir ") + options);
    EXPECT_EQ(outcome.code, code) << options;
    EXPECT_THAT(outcome.err, HasSubstr(text)) << options;
  };
  said("--train", 1, "--train needs a loss");
  said("--loss mse", 1, "--train");
  said("--train --loss ms", 1, "did you mean 'mse'?");
  said("--train --loss mse --optimizer adm", 1, "did you mean 'adam'?");
  said("--train --loss mse --optimizer adam:lr=1", 1, "optimizer Adam: unknown argument 'lr'");
  said("--train --loss mse --optimizer adam:beta_1", 1, "is not OPTION=NUMBER");
  said("--train --loss mse --optimizer adam:beta_1=2", 1,
       "beta_1 must be a number from 0 to below");
  said("--train --loss mse --optimizer nadam:clipnorm=1,clipvalue=1", 1, "only one of clipnorm");
  said("--train --loss mse --freeze 'dense/*'", 2, "nothing is left to train");
  said("--train --loss mse --prediction score", 2, "did you mean 'scores'?");
  said("--train --loss mse --train-batch-norm 0.9", 2, "no batch normalisation to train");
}

} // namespace
} // namespace ingot::test
