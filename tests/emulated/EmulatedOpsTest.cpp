// Every op case of tests/ops on the CPU levels that this machine lacks, in an emulator: equal to
// the reference interpreter within the tolerances of OpsOnCpuTest, the same whatever the order of a
// kernel's tasks, and no tile state left behind.
//
// INGOT_EMULATED_FILES=matmul,conv runs these files alone, INGOT_EMULATED_ALL=1 also the levels
// that this machine has.
#include "backends/cpu/CpuTarget.h"
#include "ir/Text.h"
#include "tests/emulated/Emulator.h"
#include "tests/emulated/guest/Protocol.h"
#include "tests/support/Environment.h"
#include "tests/support/OpCases.h"
#include "tests/support/RunCompiled.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include <gtest/gtest.h>
#include <iostream>
#include <set>

namespace ingot::tests {
namespace {

/// Those of OpsOnCpuTest.
constexpr double rtol = 2e-6, atol = 1e-6;

/// Whether the emulator cannot compute it: Bochs 3.0 multiplies signed bytes in tiles as if they
/// were unsigned. Cases of unsigned bytes have the same code but for the instruction's name, which
/// LevelInstructionsTest sees.
bool isBeyondEmulator(mlir::func::FuncOp function, const cpu::CpuTarget &target) {
  return target.tiles && llvm::any_of(function.getArgumentTypes(), [](mlir::Type type) {
           return mlir::getElementTypeOrSelf(type).isSignedInteger(8);
         });
}

struct Wanted {
  std::string where;
  bool isComparable = true;
  mlir::TypeRange types;
  bool fails = false; // as the interpreter does
  std::vector<reference::Tensor> outputs;
  std::vector<std::pair<size_t, reference::Tensor>> variables; // by the artifact's number
};

bool hasText(mlir::func::FuncOp function) {
  auto isText = [](mlir::Type type) { return reference::isText(mlir::getElementTypeOrSelf(type)); };
  return llvm::any_of(function.getArgumentTypes(), isText) ||
         llvm::any_of(function.getResultTypes(), isText);
}

bool isWanted(const std::string &file) {
  const char *list = std::getenv("INGOT_EMULATED_FILES");
  llvm::SmallVector<llvm::StringRef> files;
  llvm::StringRef(list ? list : "").split(files, ',', -1, false);
  return files.empty() || llvm::is_contained(files, file);
}

class EmulatedLevel : public testing::TestWithParam<EmulatedCpu> {
protected:
  /// Adds the runs of a file's cases. Its artifact has a variant for this machine too, which tells
  /// what functions there are.
  void addFile(const std::string &file) {
    std::vector<const OpCase *> cases;
    for (const OpCase &opCase : opCases())
      if (opCase.file == file && !hasText(opCase.function))
        cases.push_back(&opCase);
    if (cases.empty())
      return;
    llvm::SmallString<64> path;
    ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("ingot-emulated", "so", path));
    CompileOptions options;
    options.targetCpu = GetParam().level + ",x86-64";
    ASSERT_TRUE(mlir::succeeded(compileToFile(cases.front()->module, options, path.str().str())))
        << file;
    auto artifact = Artifact::open(path.str().str());
    ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
    emulator.open(path.str().str());
    for (const OpCase *opCase : cases)
      for (const SymbolSizes &sizes : opCase->sizes)
        addRun(**artifact, *opCase, sizes);
    llvm::sys::fs::remove(path);
  }

  void addRun(const Artifact &artifact, const OpCase &opCase, const SymbolSizes &sizes) {
    Wanted run;
    run.where = opCase.file + " " + opCase.name;
    for (auto &[name, size] : sizes)
      run.where += " " + name + "=" + std::to_string(size);
    auto inputs = inputsOf(opCase, sizes);
    reference::Interpreter interpreter(opCase.module);
    std::map<std::string, reference::Tensor> variables;
    for (auto &[name, value] : interpreter.variables)
      if (artifact.findVariable(name))
        variables.emplace(name, value);
    emulator.run(artifact, opCase.name, inputs, variables);
    auto expected = interpreter.run(opCase.name, inputs);
    mlir::func::FuncOp function = opCase.function;
    run.isComparable = !isBeyondEmulator(function, *cpu::lookupTarget(GetParam().level));
    run.types = function.getResultTypes();
    run.fails = mlir::failed(expected);
    if (!run.fails)
      run.outputs.assign(expected->begin(), expected->end());
    for (auto &[name, value] : interpreter.variables)
      if (const ingot_variable_info *info = artifact.findVariable(name))
        run.variables.push_back({static_cast<size_t>(info - artifact.table().variables), value});
    wanted.push_back(std::move(run));
  }

  static void check(const Wanted &run, const Emulator::Ran &ran) {
    SCOPED_TRACE(run.where);
    EXPECT_EQ(run.fails, ran.status != INGOT_OK) << "status " << ran.status;
    if (run.fails || ran.status != INGOT_OK)
      return;
    EXPECT_FALSE(ran.flags & kOrderMatters);
    EXPECT_FALSE(ran.flags & kTilesInUse);
    if (!run.isComparable)
      return;
    ASSERT_EQ(ran.outputs.size(), run.outputs.size());
    for (auto [i, block] : llvm::enumerate(ran.outputs)) {
      auto type = llvm::cast<mlir::RankedTensorType>(run.types[i]).getElementType();
      EXPECT_EQ(difference(run.outputs[i], tensorOf(block, type), rtol, atol), "")
          << "result " << i;
    }
    for (auto &[number, value] : run.variables) {
      Emulator::Block block = ran.variables.at(number);
      block.shape.assign(value.shape().begin(), value.shape().end());
      EXPECT_EQ(difference(value, tensorOf(block, value.element()), rtol, atol), "")
          << "variable " << number;
    }
  }

  /// Starts the emulator for one file: that takes half a second, and a fault ends no others.
  void runFile(const std::string &file) {
    emulator = Emulator();
    wanted.clear();
    ASSERT_NO_FATAL_FAILURE(addFile(file));
    if (wanted.empty())
      return;
    Emulator::Results results = emulator.start(GetParam());
    for (const Emulator::Opened &opened : results.opened)
      EXPECT_EQ(opened.variant, GetParam().level);
    if (results.isGatherRefused) {
      std::cout << file << ": the emulator lacks gathers by registers from 16 on, not compared\n";
      return;
    }
    EXPECT_EQ(results.error, "");
    if (results.error.empty())
      for (auto [run, ran] : llvm::zip(wanted, results.ran))
        check(run, ran);
  }

  Emulator emulator;
  std::vector<Wanted> wanted; // by the number of the run
};

TEST_P(EmulatedLevel, OpsEqualTheReference) {
  const cpu::CpuTarget *target = cpu::lookupTarget(GetParam().level);
  ASSERT_TRUE(target);
  if (!Emulator::isThere())
    GTEST_SKIP() << "no emulator: tests/emulated/setup makes it";
  if (cpu::runsHere(*target) && environmentNumber("INGOT_EMULATED_ALL", 0) == 0)
    GTEST_SKIP() << "this machine has " << target->name;
  std::set<std::string> files;
  for (const OpCase &opCase : opCases())
    if (isWanted(opCase.file))
      files.insert(opCase.file);
  for (const std::string &file : files) {
    SCOPED_TRACE(file);
    ASSERT_NO_FATAL_FAILURE(runFile(file));
  }
}

TEST(EmulatedTiles, AreAskedForOnceAnArtifactAndNotTakenWhereTheyAreRefused) {
  if (!Emulator::isThere())
    GTEST_SKIP() << "no emulator: tests/emulated/setup makes it";
  auto isMatmul = [](const OpCase &opCase) { return opCase.file == "matmul"; };
  llvm::SmallString<64> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("ingot-emulated", "so", path));
  CompileOptions options;
  options.targetCpu = "x86-64-v4+amx,x86-64-v4+bf16,x86-64-v3";
  options.functions = {"brainsInTiles"};
  mlir::ModuleOp cases = llvm::find_if(opCases(), isMatmul)->module;
  mlir::OwningOpRef<mlir::ModuleOp> module = cases.clone();
  ASSERT_TRUE(mlir::succeeded(compileToFile(*module, options, path.str().str())));
  Emulator emulator;
  emulator.open(path.str().str());
  emulator.open(path.str().str(), /*refusesTiles=*/true);
  llvm::sys::fs::remove(path);
  Emulator::Results results = emulator.start(Emulator::cpus().back());
  EXPECT_EQ(results.error, "");
  ASSERT_EQ(results.opened.size(), 2u);
  EXPECT_EQ(results.opened[0].variant, "x86-64-v4+amx");
  EXPECT_EQ(results.opened[0].tileRequests, 1u);
  EXPECT_EQ(results.opened[1].variant, "x86-64-v4+bf16");
  EXPECT_EQ(results.opened[1].tileRequests, 2u);
}

INSTANTIATE_TEST_SUITE_P(Cpus, EmulatedLevel, testing::ValuesIn(Emulator::cpus()),
                         [](const testing::TestParamInfo<EmulatedCpu> &info) {
                           std::string name = info.param.level;
                           for (char &c : name)
                             if (!llvm::isAlnum(c))
                               c = '_';
                           return name;
                         });

} // namespace
} // namespace ingot::tests
