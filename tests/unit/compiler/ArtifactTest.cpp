// Artifacts written by backends/cpu from code given as text: what they export, need and compute,
// that their bytes are reproducible, and what is said when they cannot be written.
#include "ArtifactFixture.h"
#include "ingot/Model.h"
#include "llvm/DebugInfo/DWARF/DWARFContext.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Program.h"
#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <set>
#include <sys/resource.h>

namespace ingot::cpu {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string readFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A register-tiled matrix product over `rows` x 2 vectors, as the back end's micro-kernels are.
std::string microKernel(int index, int rows, int lanes) {
  std::string vector = "vector<" + std::to_string(lanes) + "xf32>", type = vector, list, init, body;
  for (int i = 0; i < rows * 2; ++i) {
    std::string n = std::to_string(i), row = std::to_string(i / 2), column = std::to_string(i % 2);
    list += (i ? ", %r" : "%r") + n;
    init += (i ? ", %c" : "%c") + n + " = %zero";
    type += i ? ", " + vector : "";
    body += "  %r" + n + " = vector.fma %a" + row + ", %b" + column + ", %c" + n + " : " + vector +
            "\n";
  }
  std::string loads, stores;
  for (int i = 0; i < rows; ++i) {
    std::string n = std::to_string(i);
    loads += "  %pa" + n + " = llvm.getelementptr %A[%ka, " + n +
             "] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<" + std::to_string(rows) +
             " x f32>\n  %s" + n + " = llvm.load %pa" + n + " : !llvm.ptr -> f32\n  %a" + n +
             " = vector.broadcast %s" + n + " : f32 to " + vector + "\n";
  }
  for (int i = 0; i < rows * 2; ++i) {
    std::string n = std::to_string(i);
    stores += "  %po" + n + " = llvm.getelementptr %C[" + n + "] : (!llvm.ptr) -> !llvm.ptr, " +
              vector + "\n  llvm.store %t#" + n + ", %po" + n +
              " {alignment = 4 : i64} : " + vector + ", !llvm.ptr\n";
  }
  return "func.func private @micro" + std::to_string(index) +
         "(%A: !llvm.ptr, %B: !llvm.ptr, %C: !llvm.ptr, %K: index) {\n"
         "  %lo = arith.constant 0 : index\n  %one = arith.constant 1 : index\n"
         "  %zero = arith.constant dense<0.0> : " +
         vector +
         "\n"
         "  %t:" +
         std::to_string(rows * 2) + " = scf.for %k = %lo to %K step %one iter_args(" + init +
         ") -> (" + type +
         ") {\n"
         "  %ka = arith.index_cast %k : index to i64\n" +
         loads +
         "  %pb0 = llvm.getelementptr %B[%ka, 0] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<2 "
         "x " +
         vector +
         ">\n"
         "  %pb1 = llvm.getelementptr %B[%ka, 1] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<2 "
         "x " +
         vector +
         ">\n"
         "  %b0 = llvm.load %pb0 {alignment = 4 : i64} : !llvm.ptr -> " +
         vector +
         "\n"
         "  %b1 = llvm.load %pb1 {alignment = 4 : i64} : !llvm.ptr -> " +
         vector + "\n" + body + "  scf.yield " + list + " : " + type + "\n  }\n" + stores +
         "  return\n}\n";
}

/// An element-wise kernel with a long chain of arithmetic, as math functions expand to.
std::string mapKernel(int index, int length, int lanes) {
  std::string vector = "vector<" + std::to_string(lanes) + "xf32>", body;
  for (int i = 0; i < length; ++i) {
    std::string n = std::to_string(i), next = std::to_string(i + 1);
    body += "  %k" + n + " = arith.constant dense<" + std::to_string(0.5 + index + i) +
            "> : " + vector + "\n  %v" + next + " = vector.fma %v" + n + ", %v0, %k" + n + " : " +
            vector + "\n";
  }
  return "func.func private @map" + std::to_string(index) +
         "(%X: !llvm.ptr, %Y: !llvm.ptr, %n: index) {\n"
         "  %lo = arith.constant 0 : index\n  %step = arith.constant " +
         std::to_string(lanes) +
         " : index\n"
         "  scf.for %i = %lo to %n step %step {\n  %j = arith.index_cast %i : index to i64\n"
         "  %px = llvm.getelementptr %X[%j] : (!llvm.ptr, i64) -> !llvm.ptr, f32\n"
         "  %py = llvm.getelementptr %Y[%j] : (!llvm.ptr, i64) -> !llvm.ptr, f32\n"
         "  %v0 = llvm.load %px {alignment = 4 : i64} : !llvm.ptr -> " +
         vector + "\n" + body + "  llvm.store %v" + std::to_string(length) +
         ", %py {alignment = 4 : i64} : " + vector +
         ", !llvm.ptr\n"
         "  }\n  return\n}\n";
}

/// Runs predict on 3 rows; the weights are given unless the artifact carries them.
void expectPredicts(const std::shared_ptr<const Artifact> &artifact, ThreadPool *pool) {
  auto state = State::create(artifact);
  ASSERT_TRUE(state.isOk()) << state.status().message();
  Tensor w = *Tensor::zeros(DType::F32, {8});
  Tensor x = *Tensor::zeros(DType::F32, {3, 8});
  for (int i = 0; i < 8; ++i)
    w.data<float>()[i] = i + 1;
  for (int i = 0; i < 24; ++i)
    x.data<float>()[i] = 0.5f * i;
  if (!artifact->hasWeights()) {
    Status set = (*state)->set("scale/w", w);
    ASSERT_TRUE(set.isOk()) << set.message();
  }
  SessionOptions options;
  options.pool = pool;
  auto session = Session::create(artifact, "predict", options);
  ASSERT_TRUE(session.isOk()) << session.status().message();
  Status ran = session->run(**state, {x});
  ASSERT_TRUE(ran.isOk()) << ran.message();
  const Tensor &y = session->output(0);
  for (int i = 0; i < 24; ++i)
    EXPECT_EQ(y.data<float>()[i], 0.5f * i * (i % 8 + 1) + (i % 8 + 1)) << i;
}

TEST_F(ArtifactWriting, runsOnEachTargetOfThisMachine) {
  auto pool = ThreadPool(3);
  for (const CpuTarget *target : targetsHere()) {
    std::string path = file(target->name + ".so");
    ASSERT_TRUE(write(path, {target})) << messages;
    auto artifact = Artifact::open(path);
    ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
    EXPECT_EQ((*artifact)->variant(), target->name);
    expectPredicts(*artifact, nullptr);
    expectPredicts(*artifact, &pool);
  }
}

TEST_F(ArtifactWriting, bytesDependOnlyOnTheInputs) {
  ASSERT_TRUE(write(file("a.so"), targetsHere(), true)) << messages;
  ASSERT_TRUE(write(file("another-name.so"), targetsHere(), true)) << messages;
  EXPECT_EQ(readFile(file("a.so")), readFile(file("another-name.so")));
}

TEST_F(ArtifactWriting, manyKernelsShareOneArtifact) {
  std::string code = predictCode;
  int lanes = hostTarget().lanes();
  for (int i = 0; i < 30; ++i)
    code += microKernel(i, 4 + i % 11, lanes);
  for (int i = 0; i < 50; ++i)
    code += mapKernel(i, 60 + i, lanes);
  // So far from what it calls and reads that they are compiled apart.
  code += "llvm.mlir.global private constant @zero(0 : i32) : i32\n"
          "func.func @last.run(%run: !llvm.ptr) -> i32 {\n"
          "  %status = func.call @predict.run(%run) : (!llvm.ptr) -> i32\n"
          "  %address = llvm.mlir.addressof @zero : !llvm.ptr\n"
          "  %zero = llvm.load %address : !llvm.ptr -> i32\n"
          "  %sum = arith.addi %status, %zero : i32\n  return %sum : i32\n}\n";
  runSymbol = "last.run";
  ASSERT_TRUE(write(file("a.so"), {&hostTarget()}, false, code.c_str())) << messages;
  auto artifact = Artifact::open(file("a.so"));
  ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
  expectPredicts(*artifact, nullptr);
  ASSERT_TRUE(write(file("b.so"), {&hostTarget()}, false, code.c_str())) << messages;
  EXPECT_EQ(readFile(file("a.so")), readFile(file("b.so")));
}

TEST_F(ArtifactWriting, carriesItsWeightsAndManifest) {
  ASSERT_TRUE(write(file("a.so"), {&hostTarget()}, /*weights=*/true)) << messages;
  auto artifact = Artifact::open(file("a.so"));
  ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
  ASSERT_TRUE((*artifact)->hasWeights());
  const ingot_artifact_table &table = (*artifact)->table();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(table.initial_state) % INGOT_ALIGNMENT, 0u);
  EXPECT_EQ(std::string(static_cast<const char *>(table.manifest), table.manifest_bytes),
            std::string("\x0a\x00manifest", 10));
  expectPredicts(*artifact, nullptr);
}

TEST_F(ArtifactWriting, tableHoldsTheDescription) {
  ASSERT_TRUE(write(file("a.so"), {&hostTarget()})) << messages;
  auto artifact = Artifact::open(file("a.so"));
  ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
  const ingot_artifact_table &table = (*artifact)->table();
  EXPECT_EQ(table.size, sizeof(ingot_artifact_table));
  EXPECT_STREQ(table.name, "scale");
  EXPECT_EQ(table.state_bytes, 64u);
  EXPECT_EQ(table.initial_state, nullptr);
  EXPECT_EQ(table.derive, nullptr);
  ASSERT_EQ(table.node_count, 1);
  EXPECT_STREQ(table.nodes[0], "scale");
  ASSERT_EQ(table.variable_count, 1);
  EXPECT_STREQ(table.variables[0].name, "scale/w");
  EXPECT_EQ(table.variables[0].shape[0], 8);
  EXPECT_EQ(table.variables[0].bytes, 32u);
  ASSERT_EQ(table.function_count, 1);
  const ingot_function &predict = table.functions[0];
  EXPECT_EQ(predict.plan_words, 3);
  EXPECT_EQ(predict.output_dims, 1);
  EXPECT_STREQ(predict.symbols[0], "batch");
  EXPECT_EQ(predict.sources[0].kind, INGOT_SYMBOL_EXTENT);
  EXPECT_EQ(predict.sources[0].input, 0);
  EXPECT_EQ(predict.sources[0].index, 0);
  EXPECT_STREQ(predict.inputs[0].dims[0].text, "batch");
  EXPECT_EQ(predict.inputs[0].dims[1].size, 8);
  EXPECT_STREQ(predict.kernels[0].flops, "batch * 16");
  EXPECT_STREQ(predict.arena_formula, "64");
  int64_t plan[3], negative = -1;
  EXPECT_EQ(predict.plan(&negative, plan), INGOT_INVALID_ARGUMENT);
}

struct Symbols {
  std::vector<std::string> defined, undefined;
};

template <typename Range> Symbols globalSymbols(Range range) {
  Symbols symbols;
  for (const llvm::object::ELFSymbolRef symbol : range) {
    uint32_t flags = llvm::cantFail(symbol.getFlags());
    std::string name = llvm::cantFail(symbol.getName()).str();
    if ((flags & llvm::object::SymbolRef::SF_Global) && !name.empty())
      (flags & llvm::object::SymbolRef::SF_Undefined ? symbols.undefined : symbols.defined)
          .push_back(name);
  }
  return symbols;
}

TEST_F(ArtifactWriting, definesOneSymbolAndNeedsOnlyMemoryFunctions) {
  ASSERT_TRUE(write(file("a.so"), targetsHere())) << messages;
  auto binary = llvm::object::ObjectFile::createObjectFile(file("a.so"));
  ASSERT_TRUE(bool(binary));
  auto *elf = llvm::cast<llvm::object::ELFObjectFile<llvm::object::ELF64LE>>(binary->getBinary());
  Symbols symbols = globalSymbols(elf->getDynamicSymbolIterators());
  EXPECT_THAT(symbols.defined, testing::ElementsAre("ingot_artifact"));
  EXPECT_THAT(symbols.undefined, testing::ElementsAre("memcpy"));
  for (const auto &header : llvm::cantFail(elf->getELFFile().program_headers())) {
    EXPECT_NE(header.p_type, llvm::ELF::PT_TLS);
    if (header.p_type == llvm::ELF::PT_GNU_STACK || header.p_type == llvm::ELF::PT_LOAD)
      EXPECT_NE(header.p_flags & 3, 3u) << "writable and executable";
  }
  std::vector<std::string> sections;
  for (llvm::object::SectionRef section : elf->sections())
    sections.push_back(llvm::cantFail(section.getName()).str());
  EXPECT_THAT(sections, testing::Contains(".eh_frame_hdr"));
  EXPECT_THAT(sections, testing::Contains(".note.gnu.build-id"));
  EXPECT_THAT(sections, testing::Not(testing::Contains(testing::AnyOf(".data", ".bss"))));
}

TEST_F(ArtifactWriting, loadsWithAllSymbolsBoundAtOnce) {
  ASSERT_TRUE(write(file("a.so"), {&hostTarget()})) << messages;
  std::string preload = "LD_PRELOAD=" + file("a.so");
  llvm::StringRef environment[] = {"LD_BIND_NOW=1", preload};
  std::string errors = file("errors");
  std::optional<llvm::StringRef> redirects[] = {std::nullopt, std::nullopt,
                                                llvm::StringRef(errors)};
  EXPECT_EQ(llvm::sys::ExecuteAndWait("/bin/true", {"/bin/true"}, environment, redirects), 0);
  EXPECT_EQ(readFile(errors), "");
}

const char *const embedder = R"c(
#include <ingot/artifact.h>
#include <stdio.h>
const struct ingot_artifact *first(void);
const struct ingot_artifact *second(void);
static float run(const struct ingot_artifact *a) {
  static char arena[64] __attribute__((aligned(64)));
  float x[8] = {1, 1, 1, 1, 1, 1, 1, 1}, y[8] = {0};
  int64_t plan[3], batch = 1;
  const void *in[1] = {x};
  void *out[1] = {y};
  const ingot_function *f = &a->functions[0];
  if (f->plan(&batch, plan)) return -1;
  ingot_run r = {sizeof r, plan, in, out, (void *)a->initial_state, arena};
  return f->run(&r) ? -2 : y[7];
}
int main(void) {
  printf("%s %g %s %g\n", first()->name, run(first()), second()->name, run(second()));
  return 0;
}
)c";

TEST_F(ArtifactWriting, objectAndArchiveLinkIntoOneProgram) {
  auto cc = llvm::sys::findProgramByName("cc");
  if (!cc)
    GTEST_SKIP() << "no C compiler on this machine";
  options.emit = Emit::Object;
  options.symbol = "first";
  ASSERT_TRUE(write(file("first.o"), targetsHere(), /*weights=*/true)) << messages;
  options.emit = Emit::StaticLibrary;
  options.symbol = "second";
  ASSERT_TRUE(write(file("second.a"), targetsHere(), /*weights=*/true)) << messages;
  auto object = llvm::object::ObjectFile::createObjectFile(file("first.o"));
  ASSERT_TRUE(bool(object));
  Symbols symbols =
      globalSymbols(llvm::cast<llvm::object::ELFObjectFileBase>(object->getBinary())->symbols());
  EXPECT_THAT(symbols.defined, testing::ElementsAre("first"));
  EXPECT_THAT(symbols.undefined, testing::ElementsAre("memcpy"));

  std::ofstream(file("main.c")) << embedder;
  std::string include = std::string("-I") + INGOT_SOURCE_DIR + "/runtime/include";
  ASSERT_EQ(llvm::sys::ExecuteAndWait(*cc, {*cc, "-o", file("main"), include, file("main.c"),
                                            file("first.o"), file("second.a")}),
            0);
  std::string output = file("output");
  std::optional<llvm::StringRef> redirects[] = {std::nullopt, llvm::StringRef(output),
                                                std::nullopt};
  ASSERT_EQ(llvm::sys::ExecuteAndWait(file("main"), {file("main")}, std::nullopt, redirects), 0);
  EXPECT_EQ(readFile(output), "scale 16 scale 16\n");
}

TEST_F(ArtifactWriting, saysWhyAPathCannotBeWritten) {
  EXPECT_FALSE(write(file("absent/a.so"), {&hostTarget()}));
  EXPECT_THAT(messages,
              HasSubstr("cannot write '" + file("absent/a.so") + "': No such file or directory"));
  messages.clear();
  EXPECT_FALSE(write(directory.string(), {&hostTarget()}));
  EXPECT_THAT(messages, HasSubstr("it is a directory"));
  messages.clear();
  std::ofstream(file("plain")) << "x";
  EXPECT_FALSE(write(file("plain/a.so"), {&hostTarget()}));
  EXPECT_THAT(messages, HasSubstr("Not a directory"));
}

/// Lets no file of this process grow beyond `bytes`, as a full disk would.
class FileSizeLimit {
public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit limit = {bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    handler = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  }

private:
  rlimit before;
  void (*handler)(int);
};

TEST_F(ArtifactWriting, leavesThingsAsTheyWereWhenTheDiskIsFull) {
  std::ofstream(file("a.so")) << "before";
  for (rlim_t bytes : {16, 2048, 4096}) {
    messages.clear();
    FileSizeLimit limit(bytes);
    EXPECT_FALSE(write(file("a.so"), {&hostTarget()}));
    EXPECT_THAT(messages, testing::Not(testing::IsEmpty()));
  }
  EXPECT_THAT(messages, HasSubstr("File too large"));
  EXPECT_EQ(readFile(file("a.so")), "before");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator()), 1);
}

TEST_F(ArtifactWriting, leavesNothingButTheArtifactBehind) {
  ASSERT_TRUE(write(file("a.so"), {&hostTarget()})) << messages;
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator()), 1);
}

TEST_F(ArtifactWriting, takesMathWithoutAMathLibrary) {
  std::string code = std::string(predictCode) +
                     "func.func private @more(%x: vector<8xf32>, %f: f32) -> vector<8xf32> {\n"
                     "  %a = math.exp %x : vector<8xf32>\n  %b = math.floor %a : vector<8xf32>\n"
                     "  %s = vector.broadcast %f : f32 to vector<8xf32>\n"
                     "  %c = math.fma %b, %s, %x : vector<8xf32>\n  return %c : vector<8xf32>\n}\n";
  ASSERT_TRUE(write(file("a.so"), targetsHere(), false, code.c_str())) << messages;
}

TEST_F(ArtifactWriting, lowersEveryKindOfOpThatEmittersUse) {
  std::string code = std::string(predictCode) + R"mlir(
func.func private @more(%p: !llvm.ptr, %n: index, %k: i64, %h: f16) -> f32 {
  %zero = arith.constant 0.0 : f32
  %zeros = arith.constant dense<0.0> : vector<16xf32>
  %mask = vector.create_mask %n : vector<16xi1>
  %first = vector.constant_mask [5] : vector<16xi1>
  %both = arith.andi %mask, %first : vector<16xi1>
  %x = llvm.intr.masked.load %p, %both, %zeros {alignment = 4 : i32}
    : (!llvm.ptr, vector<16xi1>, vector<16xf32>) -> vector<16xf32>
  %square = vector.shape_cast %x : vector<16xf32> to vector<4x4xf32>
  %turned = vector.transpose %square, [1, 0] : vector<4x4xf32> to vector<4x4xf32>
  %flat = vector.shape_cast %turned : vector<4x4xf32> to vector<16xf32>
  %low = vector.extract_strided_slice %flat {offsets = [2], sizes = [8], strides = [1]}
    : vector<16xf32> to vector<8xf32>
  %even, %odd = vector.deinterleave %low : vector<8xf32> -> vector<4xf32>
  %woven = vector.interleave %even, %odd : vector<4xf32> -> vector<8xf32>
  %steps = vector.step : vector<8xindex>
  %stepsi = arith.index_cast %steps : vector<8xindex> to vector<8xi64>
  %stepsf = arith.sitofp %stepsi : vector<8xi64> to vector<8xf32>
  %fused = vector.fma %woven, %stepsf, %woven : vector<8xf32>
  %narrow = arith.truncf %fused : vector<8xf32> to vector<8xbf16>
  %wide = arith.extf %narrow : vector<8xbf16> to vector<8xf32>
  %sum = vector.reduction <add>, %wide, %zero : vector<8xf32> into f32
  %three = arith.constant 3 : i64
  %up = arith.ceildivsi %k, %three : i64
  %down = arith.floordivsi %up, %three : i64
  %halves = arith.maxsi %down, %three : i64
  %bits = math.ctpop %halves : i64
  %seven = index.constant 7
  %rest = index.ceildivs %n, %seven
  %picked = scf.index_switch %rest -> f32
  case 1 { scf.yield %sum : f32 }
  default { scf.yield %zero : f32 }
  %end = scf.while (%i = %bits) : (i64) -> i64 {
    %more = arith.cmpi slt, %i, %k : i64
    scf.condition(%more) %i : i64
  } do {
  ^bb0(%i: i64):
    %next = arith.muli %i, %three : i64
    scf.yield %next : i64
  }
  %count = arith.sitofp %end : i64 to f32
  %total = arith.addf %picked, %count : f32
  %half = arith.extf %h : f16 to f32
  %nan = arith.maximumf %total, %half : f32
  return %nan : f32
}
)mlir";
  ASSERT_TRUE(write(file("a.so"), targetsHere(), false, code.c_str())) << messages;
}

TEST_F(ArtifactWriting, refusesCodeThatNeedsALibrary) {
  std::string code = std::string(predictCode) +
                     "func.func private @leftover(%x: f32) -> f32 {\n"
                     "  %y = llvm.intr.exp(%x) : (f32) -> f32\n  return %y : f32\n}\n";
  EXPECT_FALSE(write(file("a.so"), {&hostTarget()}, false, code.c_str()));
  EXPECT_THAT(messages, HasSubstr("undefined symbol: expf"));
  EXPECT_FALSE(fs::exists(file("a.so")));
}

TEST_F(ArtifactWriting, lineTablesLeadToNodeNames) {
  options.debugInfo = true;
  ASSERT_TRUE(write(file("a.so"), {&hostTarget()})) << messages;
  auto binary = llvm::object::ObjectFile::createObjectFile(file("a.so"));
  ASSERT_TRUE(bool(binary));
  auto dwarf = llvm::DWARFContext::create(*binary->getBinary());
  std::set<std::string> nodes;
  for (const auto &unit : dwarf->compile_units())
    for (const auto &row : dwarf->getLineTableForUnit(unit.get())->Rows) {
      std::string name;
      auto path = llvm::DILineInfoSpecifier::FileLineInfoKind::RelativeFilePath;
      if (dwarf->getLineTableForUnit(unit.get())->getFileNameByIndex(row.File, "", path, name))
        nodes.insert(name);
    }
  EXPECT_THAT(nodes, testing::Contains("scale/mul"));
  EXPECT_THAT(nodes, testing::Contains("scale/add"));
  auto artifact = Artifact::open(file("a.so"));
  ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
  expectPredicts(*artifact, nullptr);
}

/// Two floats too few for what predict writes.
const char *const overrunner = R"c(
#include <ingot/artifact.h>
#include <stdlib.h>
#include <string.h>
const struct ingot_artifact *ingot_artifact(void);
int main(int argc, char **argv) {
  static char arena[64] __attribute__((aligned(64)));
  float *x = calloc(8, 4), *y = malloc(argc > 1 ? 24 : 32);
  int64_t plan[3], batch = 1;
  const void *in[1] = {x};
  void *out[1] = {y};
  const struct ingot_artifact *a = ingot_artifact();
  if (a->functions[0].plan(&batch, plan)) return 3;
  ingot_run r = {sizeof r, plan, in, out, (void *)a->initial_state, arena};
  int status = a->functions[0].run(&r);
  free(x);
  free(y);
  return status;
}
)c";

TEST_F(ArtifactWriting, addressSanitizerSeesAnOverrunOfGeneratedCode) {
  auto cc = llvm::sys::findProgramByName("cc");
  if (!cc)
    GTEST_SKIP() << "no C compiler on this machine";
  options.sanitize = "address";
  options.emit = Emit::Object;
  ASSERT_TRUE(write(file("a.o"), {&hostTarget()}, /*weights=*/true)) << messages;
  std::ofstream(file("main.c")) << overrunner;
  std::string include = std::string("-I") + INGOT_SOURCE_DIR + "/runtime/include";
  if (llvm::sys::ExecuteAndWait(*cc, {*cc, "-fsanitize=address", "-o", file("main"), include,
                                      file("main.c"), file("a.o")}))
    GTEST_SKIP() << "this machine's C compiler has no address sanitizer";
  std::string errors = file("errors");
  std::optional<llvm::StringRef> redirects[] = {std::nullopt, std::nullopt,
                                                llvm::StringRef(errors)};
  EXPECT_EQ(llvm::sys::ExecuteAndWait(file("main"), {file("main")}, std::nullopt, redirects), 0)
      << readFile(errors);
  EXPECT_NE(
      llvm::sys::ExecuteAndWait(file("main"), {file("main"), "overrun"}, std::nullopt, redirects),
      0);
  EXPECT_THAT(readFile(errors), HasSubstr("heap-buffer-overflow"));
  EXPECT_THAT(readFile(errors), HasSubstr("predict.row"));
}

TEST_F(ArtifactWriting, threadSanitizerInstrumentsGeneratedCode) {
  options.sanitize = "thread";
  ASSERT_TRUE(write(file("a.so"), {&hostTarget()})) << messages;
  auto binary = llvm::object::ObjectFile::createObjectFile(file("a.so"));
  ASSERT_TRUE(bool(binary));
  auto *elf = llvm::cast<llvm::object::ELFObjectFileBase>(binary->getBinary());
  EXPECT_THAT(globalSymbols(elf->getDynamicSymbolIterators()).undefined,
              testing::Contains(testing::StartsWith("__tsan_")));
}

} // namespace
} // namespace ingot::cpu
