// Every op case of tests/ops compiled for every CPU level that this machine has: equal to the
// reference interpreter on random inputs of every size, or a status that says what the interpreter
// says.
#include "backends/cpu/CpuTarget.h"
#include "tests/support/OpCases.h"
#include "tests/support/RunCompiled.h"
#include <gtest/gtest.h>
#include <set>

namespace ingot::tests {
namespace {

class OpsOnCpu : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

/// Bits that the op's formula may lose in f32: see docs/Testing.md.
constexpr double rtol = 2e-6, atol = 1e-6;

/// Ops that only the interpreter runs so far; compiling them is refused by name.
const std::set<std::string> notCompiled = {"if", "scan", "while"};

TEST_P(OpsOnCpu, EqualsTheReference) {
  auto [file, level] = GetParam();
  mlir::ModuleOp module;
  for (const OpCase &opCase : opCases())
    if (opCase.file == file)
      module = opCase.module;
  CompileOptions options;
  options.targetCpu = level;
  CompiledModule compiled(module, options);
  if (notCompiled.count(file)) {
    EXPECT_FALSE(compiled.ok()) << file << " compiles now: take it off the list";
    EXPECT_NE(compiled.error().find("has no lowering to loops"), std::string::npos)
        << compiled.error();
    return;
  }
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  for (const OpCase &opCase : opCases()) {
    if (opCase.file != file)
      continue;
    for (const SymbolSizes &sizes : opCase.sizes) {
      std::string where = opCase.name;
      for (auto &[name, size] : sizes)
        where += " " + name + "=" + std::to_string(size);
      SCOPED_TRACE(where);
      auto inputs = inputsOf(opCase, sizes);
      reference::Interpreter interpreter(module);
      for (auto &[name, value] : interpreter.variables)
        compiled.setVariable(name, value);
      auto expected = interpreter.run(opCase.name, inputs);
      mlir::func::FuncOp function = opCase.function;
      auto actual = compiled.run(opCase.name, inputs, function.getResultTypes());
      if (mlir::failed(expected)) {
        EXPECT_FALSE(compiled.error().empty()) << "the interpreter says: " << interpreter.error();
        continue;
      }
      ASSERT_EQ(compiled.error(), "");
      ASSERT_EQ(actual.size(), expected->size());
      for (size_t i = 0; i < actual.size(); ++i)
        EXPECT_EQ(difference((*expected)[i], actual[i], rtol, atol), "") << "result " << i;
      for (auto &[name, value] : interpreter.variables)
        EXPECT_EQ(difference(value, compiled.variable(name, value.element()), rtol, atol), "")
            << name;
    }
  }
}

std::vector<std::string> files() {
  std::set<std::string> names;
  for (const OpCase &opCase : opCases())
    names.insert(opCase.file);
  return {names.begin(), names.end()};
}
std::vector<std::string> levels() {
  std::vector<std::string> names;
  for (const cpu::CpuTarget &target : cpu::allTargets())
    if (cpu::runsHere(target))
      names.push_back(target.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Cases, OpsOnCpu,
                         testing::Combine(testing::ValuesIn(files()), testing::ValuesIn(levels())),
                         [](const auto &info) {
                           std::string name =
                               std::get<0>(info.param) + "_" + std::get<1>(info.param);
                           for (char &c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c)))
                               c = '_';
                           return name;
                         });

} // namespace
} // namespace ingot::tests
