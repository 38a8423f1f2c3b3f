// Every op case of tests/ops compiled for every CPU level that this machine has: equal to the
// reference interpreter on random inputs of every size, or a status that says what the interpreter
// says. In the debug arena a third of them, all of them with INGOT_DEBUG_ARENA_ALL=1.
#include "tests/support/Environment.h"
#include "tests/support/OpExpectations.h"
#include "tests/support/RunCompiled.h"
#include <gtest/gtest.h>

namespace ingot::tests {
namespace {

/// A file of tests/ops and a CPU level.
using FileAndLevel = std::tuple<std::string, std::string>;

class OpsOnCpu : public testing::TestWithParam<FileAndLevel> {};

TEST_P(OpsOnCpu, EqualsTheReference) {
  auto [file, level] = GetParam();
  CompileOptions options;
  options.targetCpu = level;
  CompiledModule compiled(opCaseModule(file), options);
  expectReference(file, compiled);
}

class OpsInDebugArena : public testing::TestWithParam<FileAndLevel> {};

TEST_P(OpsInDebugArena, StayInTheirTensors) {
  auto [file, level] = GetParam();
  CompileOptions options;
  options.targetCpu = level;
  options.debugArena = true;
  CompiledModule compiled(opCaseModule(file), options);
  expectReference(file, compiled);
}

const bool wholeDebugArena = environmentNumber("INGOT_DEBUG_ARENA_ALL", 0) != 0;

std::vector<std::string> debugArenaFiles() {
  std::vector<std::string> some;
  for (auto [i, file] : llvm::enumerate(opCaseFiles())) // control flow keeps memory its own way
    if (wholeDebugArena || i % 3 == 0 || file == "if" || file == "scan" || file == "while")
      some.push_back(file);
  return some;
}
std::vector<std::string> debugArenaLevels() {
  return wholeDebugArena ? levelsHere() : std::vector<std::string>{"host"};
}
std::string nameOf(const testing::TestParamInfo<FileAndLevel> &info) {
  std::string name = std::get<0>(info.param) + "_" + std::get<1>(info.param);
  for (char &c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)))
      c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, OpsOnCpu,
                         testing::Combine(testing::ValuesIn(opCaseFiles()),
                                          testing::ValuesIn(levelsHere())),
                         nameOf);
INSTANTIATE_TEST_SUITE_P(Cases, OpsInDebugArena,
                         testing::Combine(testing::ValuesIn(debugArenaFiles()),
                                          testing::ValuesIn(debugArenaLevels())),
                         nameOf);

} // namespace
} // namespace ingot::tests
