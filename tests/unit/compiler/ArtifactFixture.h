// A small model's code as text, its description, and a fixture that writes artifacts of it into a
// directory of its own. Used by the tests of backends/cpu's artifacts.
#pragma once
#include "backends/cpu/Object.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ingot::cpu {

// predict: y[batch, 8] = x * w + w, row by row through parallel_for; w is f32[8] at state offset 0.
// The first row is staged through the arena with a copy, so that memcpy is needed.
inline const char *const predictCode = R"mlir(
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
  %product = arith.mulf %a, %b : vector<8xf32> loc("scale/mul")
  %sum = arith.addf %product, %b : vector<8xf32> loc("scale/add")
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

inline ArtifactDescription describePredict(bool weights) {
  FunctionDescription predict;
  predict.name = "predict";
  predict.symbols = {"batch"};
  predict.sources = {{INGOT_SYMBOL_EXTENT, 0, 0}};
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
    float w[16] = {1, 2, 3, 4, 5, 6, 7, 8};
    std::shared_ptr<char> state(new char[sizeof w], std::default_delete<char[]>());
    std::memcpy(state.get(), w, sizeof w);
    description.initialState = {state, sizeof w};
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
  ~ArtifactWriting() override { std::filesystem::remove_all(directory); }

  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registry.insert<mlir::func::FuncDialect, mlir::scf::SCFDialect, mlir::cf::ControlFlowDialect,
                    mlir::arith::ArithDialect, mlir::math::MathDialect, mlir::vector::VectorDialect,
                    mlir::index::IndexDialect, mlir::LLVM::LLVMDialect>();
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
    for (const CpuTarget *target : targets) {
      ArtifactDescription description = describePredict(weights);
      description.functions[0].runSymbol = runSymbol;
      variants.push_back(
          {target, mlir::parseSourceString<mlir::ModuleOp>(code, &context), description});
      if (!variants.back().code)
        return false;
    }
    return succeeded(writeArtifact(variants, {}, options, variants.front().code->getLoc(), path));
  }

  mlir::MLIRContext context;
  CompileOptions options;
  std::string messages, runSymbol = "predict.run";
  std::filesystem::path directory;
};

inline std::vector<const CpuTarget *> targetsHere() {
  std::vector<const CpuTarget *> targets;
  for (const CpuTarget &target : allTargets())
    if (runsHere(target))
      targets.push_back(&target);
  return targets;
}

} // namespace ingot::cpu
