// Artifacts written by backends/cpu from code given as text: what they export, need and compute,
// that their bytes are reproducible, and what is said when they cannot be written.
#include "backends/cpu/Object.h"
#include "ingot/Model.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ingot::cpu {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// predict: y[batch, 8] = x * w + w, row by row through parallel_for; w is f32[8] at state offset 0.
// The first row is staged through the arena with a copy, so that memcpy is needed.
const char *const predictCode = R"mlir(
func.func @predict.plan(%symbols: !llvm.ptr, %plan: !llvm.ptr) -> i32 {
  %zero = arith.constant 0 : i64
  %eight = arith.constant 8 : i64
  %batch = llvm.load %symbols : !llvm.ptr -> i64
  %bad = arith.cmpi slt, %batch, %zero : i64
  %status = scf.if %bad -> i32 {
    %invalid = arith.constant 1 : i32
    scf.yield %invalid : i32
  } else {
    %bytes = arith.constant 64 : i64
    llvm.store %bytes, %plan : i64, !llvm.ptr
    %p1 = llvm.getelementptr %plan[1] : (!llvm.ptr) -> !llvm.ptr, i64
    llvm.store %batch, %p1 : i64, !llvm.ptr
    %p2 = llvm.getelementptr %plan[2] : (!llvm.ptr) -> !llvm.ptr, i64
    llvm.store %eight, %p2 : i64, !llvm.ptr
    %ok = arith.constant 0 : i32
    scf.yield %ok : i32
  }
  return %status : i32
}
func.func private @predict.row(%run: !llvm.ptr, %row: i64) {
  %pin = llvm.getelementptr %run[16] : (!llvm.ptr) -> !llvm.ptr, i8
  %ins = llvm.load %pin : !llvm.ptr -> !llvm.ptr
  %x0 = llvm.load %ins : !llvm.ptr -> !llvm.ptr
  %pout = llvm.getelementptr %run[24] : (!llvm.ptr) -> !llvm.ptr, i8
  %outs = llvm.load %pout : !llvm.ptr -> !llvm.ptr
  %y0 = llvm.load %outs : !llvm.ptr -> !llvm.ptr
  %pstate = llvm.getelementptr %run[32] : (!llvm.ptr) -> !llvm.ptr, i8
  %w = llvm.load %pstate : !llvm.ptr -> !llvm.ptr
  %eight = arith.constant 8 : i64
  %offset = arith.muli %row, %eight : i64
  %x = llvm.getelementptr %x0[%offset] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %y = llvm.getelementptr %y0[%offset] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %a = llvm.load %x {alignment = 4 : i64} : !llvm.ptr -> vector<8xf32>
  %b = llvm.load %w {alignment = 4 : i64} : !llvm.ptr -> vector<8xf32>
  %product = arith.mulf %a, %b : vector<8xf32>
  %sum = arith.addf %product, %b : vector<8xf32>
  llvm.store %sum, %y {alignment = 4 : i64} : vector<8xf32>, !llvm.ptr
  return
}
func.func @predict.run(%run: !llvm.ptr) -> i32 {
  %zero = arith.constant 0 : i64
  %pplan = llvm.getelementptr %run[8] : (!llvm.ptr) -> !llvm.ptr, i8
  %plan = llvm.load %pplan : !llvm.ptr -> !llvm.ptr
  %pbatch = llvm.getelementptr %plan[1] : (!llvm.ptr) -> !llvm.ptr, i64
  %batch = llvm.load %pbatch : !llvm.ptr -> i64
  %pstate = llvm.getelementptr %run[32] : (!llvm.ptr) -> !llvm.ptr, i8
  %w = llvm.load %pstate : !llvm.ptr -> !llvm.ptr
  %parena = llvm.getelementptr %run[40] : (!llvm.ptr) -> !llvm.ptr, i8
  %arena = llvm.load %parena : !llvm.ptr -> !llvm.ptr
  %n = llvm.mlir.constant(32 : i64) : i64
  %scaled = arith.shrui %batch, %batch : i64
  %count = arith.addi %n, %zero : i64
  %limited = arith.minui %count, %n : i64
  %unknown = arith.cmpi sgt, %batch, %zero : i64
  %bytes = arith.select %unknown, %limited, %zero : i64
  "llvm.intr.memcpy"(%arena, %w, %bytes) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
  %pfor = llvm.getelementptr %run[48] : (!llvm.ptr) -> !llvm.ptr, i8
  %for = llvm.load %pfor : !llvm.ptr -> !llvm.ptr
  %null = llvm.mlir.zero : !llvm.ptr
  %serial = llvm.icmp "eq" %for, %null : !llvm.ptr
  scf.if %serial {
    %lower = arith.constant 0 : index
    %step = arith.constant 1 : index
    %upper = arith.index_cast %batch : i64 to index
    scf.for %i = %lower to %upper step %step {
      %row = arith.index_cast %i : index to i64
      func.call @predict.row(%run, %row) : (!llvm.ptr, i64) -> ()
    }
  } else {
    %ppool = llvm.getelementptr %run[56] : (!llvm.ptr) -> !llvm.ptr, i8
    %pool = llvm.load %ppool : !llvm.ptr -> !llvm.ptr
    %f = func.constant @predict.row : (!llvm.ptr, i64) -> ()
    %task = builtin.unrealized_conversion_cast %f : (!llvm.ptr, i64) -> () to !llvm.ptr
    llvm.call %for(%pool, %task, %run, %batch)
      : !llvm.ptr, (!llvm.ptr, !llvm.ptr, !llvm.ptr, i64) -> ()
  }
  %ok = arith.constant 0 : i32
  return %ok : i32
}
)mlir";

ArtifactDescription describePredict(bool weights) {
  FunctionDescription predict;
  predict.name = "predict";
  predict.symbols = {"batch"};
  predict.inputs = {{"x", INGOT_F32, {{-1, 0, "batch"}, {8, -1, "8"}}}};
  predict.outputs = {{"y", INGOT_F32, {{-1, 0, "batch"}, {8, -1, "8"}}}};
  predict.planWords = 3;
  predict.outputDims = 1;
  predict.kernels = {{"scale/mul+add", "scale", "batch * 16", "batch * 64"}};
  predict.arenaFormula = "64";
  predict.planSymbol = "predict.plan";
  predict.runSymbol = "predict.run";
  ArtifactDescription description;
  description.name = "scale";
  description.stateBytes = 64;
  description.variables = {{"scale/w", INGOT_F32, {8}, 0, 32, INGOT_VARIABLE_TRAINABLE}};
  description.functions = {predict};
  description.nodes = {"scale"};
  description.manifest = std::string("\x0a\x00manifest", 10);
  if (weights) {
    description.initialState.assign(64, 0);
    float w[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    std::memcpy(description.initialState.data(), w, sizeof w);
  }
  return description;
}

class ArtifactWriting : public testing::Test {
protected:
  ArtifactWriting() : context(registry(), mlir::MLIRContext::Threading::DISABLED) {
    context.loadAllAvailableDialects();
    char name[] = "/tmp/ingot-artifact-XXXXXX";
    directory = mkdtemp(name);
  }
  ~ArtifactWriting() override { fs::remove_all(directory); }

  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registry.insert<mlir::func::FuncDialect, mlir::scf::SCFDialect, mlir::cf::ControlFlowDialect,
                    mlir::arith::ArithDialect, mlir::math::MathDialect, mlir::vector::VectorDialect,
                    mlir::LLVM::LLVMDialect>();
    return registry;
  }

  std::string file(const std::string &name) const { return (directory / name).string(); }

  /// Writes `code` for the targets; messages go to `messages`.
  bool write(const std::string &path, const std::vector<const CpuTarget *> &targets,
             bool weights = false, const char *code = predictCode) {
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return mlir::success();
    });
    std::vector<Variant> variants;
    for (const CpuTarget *target : targets)
      variants.push_back({target, mlir::parseSourceString<mlir::ModuleOp>(code, &context),
                          describePredict(weights)});
    return succeeded(writeArtifact(variants, options, path));
  }

  mlir::MLIRContext context;
  CompileOptions options;
  std::string messages;
  fs::path directory;
};

std::string readFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<const CpuTarget *> targetsHere() {
  std::vector<const CpuTarget *> targets;
  for (const CpuTarget &target : allTargets())
    if (runsHere(target))
      targets.push_back(&target);
  return targets;
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
  ASSERT_TRUE(write(file("a.so"), {&hostTarget()}, false, code.c_str())) << messages;
  auto artifact = Artifact::open(file("a.so"));
  ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
  expectPredicts(*artifact, nullptr);
}

} // namespace
} // namespace ingot::cpu
