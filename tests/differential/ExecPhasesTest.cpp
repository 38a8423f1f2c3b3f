// A program means the same after each of the phases lower, layout (with what it derives) and fuse:
// the interpreter of the exec dialect gives the same bits for all three (but for reductions that
// layout cuts into partial ones), and what the graph's interpreter gives within rounding. On every
// op case, and on random graphs.
#include "compiler/Phases.h"
#include "ir/reference/Interpreter.h"
#include "tests/differential/RandomGraph.h"
#include "tests/support/ExecInterpreter.h"
#include "tests/support/OpCases.h"
#include "tests/support/RunCompiled.h"
#include <cmath>
#include <gtest/gtest.h>
#include <set>

namespace ingot::tests {
namespace {

using reference::Interpreter;
using Tensors = llvm::SmallVector<reference::Tensor>;

const Phase execPhases[] = {Phase::Lower, Phase::Layout, Phase::Fuse};

/// The module after each of the phases.
struct Lowered {
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;

  explicit Lowered(mlir::ModuleOp module) {
    for (Phase phase : execPhases) {
      mlir::OwningOpRef<mlir::ModuleOp> clone = module.clone();
      EXPECT_TRUE(mlir::succeeded(runPhases(*clone, CompileOptions(), phase)));
      modules.push_back(std::move(clone));
    }
  }
};

int64_t countReductions(mlir::ModuleOp module) {
  int64_t count = 0;
  module.walk([&](exec::NestOp nest) { count += nest.getCombiner() != exec::Combiner::None; });
  return count;
}

/// What a run leaves: results, then variables by name.
struct Outcome {
  std::string error;
  Tensors results;
  std::map<std::string, reference::Tensor, std::less<>> variables;
};

Outcome runGraph(Interpreter &interpreter, llvm::StringRef function,
                 llvm::ArrayRef<reference::Tensor> inputs) {
  Outcome outcome;
  auto results = interpreter.run(function, inputs);
  if (mlir::failed(results)) {
    outcome.error = interpreter.error();
    return outcome;
  }
  for (const reference::Tensor &result : *results)
    outcome.results.push_back(signlessTensor(result));
  for (const auto &[name, value] : interpreter.variables)
    outcome.variables[name] = signlessTensor(value);
  return outcome;
}

Outcome runExec(mlir::ModuleOp module, const Interpreter &initial, llvm::StringRef function,
                llvm::ArrayRef<reference::Tensor> inputs) {
  ExecInterpreter interpreter(module);
  for (const auto &[name, value] : initial.variables)
    interpreter.variables[name] = signlessTensor(value);
  Outcome outcome;
  if (module.lookupSymbol("derive") && mlir::failed(interpreter.run("derive", {}))) {
    outcome.error = interpreter.error();
    return outcome;
  }
  Tensors signless;
  for (const reference::Tensor &input : inputs)
    signless.push_back(signlessTensor(input));
  auto results = interpreter.run(function, signless);
  if (mlir::failed(results)) {
    outcome.error = interpreter.error();
    return outcome;
  }
  outcome.results = *results;
  for (const auto &[name, value] : initial.variables)
    outcome.variables[name] = interpreter.variables.at(name);
  return outcome;
}

/// Empty, or where they differ: by more than rtol * largest + atol[result].
std::string difference(const Outcome &expected, const Outcome &actual, double rtol,
                       llvm::ArrayRef<double> atol) {
  if (expected.error.empty() != actual.error.empty())
    return "one fails: '" + expected.error + "' and '" + actual.error + "'";
  if (expected.results.size() != actual.results.size())
    return "another number of results";
  for (size_t i = 0; i < expected.results.size(); ++i)
    if (auto text = tests::difference(expected.results[i], actual.results[i], rtol, atol[i]);
        !text.empty())
      return "result " + std::to_string(i) + ": " + text;
  for (const auto &[name, value] : expected.variables)
    if (auto text = tests::difference(value, actual.variables.at(name), rtol, rtol); !text.empty())
      return name + ": " + text;
  return {};
}

/// Compares all phases on one run of one function.
void expectSameMeaning(mlir::ModuleOp module, const Lowered &lowered, llvm::StringRef function,
                       llvm::ArrayRef<reference::Tensor> inputs, double rtol,
                       llvm::ArrayRef<double> atol) {
  Interpreter initial(module), interpreter(module);
  Outcome before = runGraph(interpreter, function, inputs), previous;
  for (auto [i, phase] : llvm::enumerate(execPhases)) {
    std::string name = phaseNames()[static_cast<int>(phase)].str();
    Outcome after = runExec(*lowered.modules[i], initial, function, inputs);
    EXPECT_EQ(difference(before, after, rtol, atol), "") << "after " << name;
    bool sameSums =
        i > 0 && countReductions(*lowered.modules[i - 1]) >= countReductions(*lowered.modules[i]);
    if (sameSums)
      EXPECT_EQ(difference(previous, after, 0, std::vector<double>(atol.size())), "")
          << "after " << name << " and the phase before it";
    previous = std::move(after);
  }
}

class OpCasePhases : public testing::TestWithParam<std::string> {};

TEST_P(OpCasePhases, KeepTheMeaning) {
  std::optional<Lowered> lowered;
  for (const OpCase &opCase : opCases()) {
    if (opCase.file != GetParam())
      continue;
    if (!lowered)
      lowered.emplace(opCase.module);
    for (const SymbolSizes &sizes : opCase.sizes) {
      SCOPED_TRACE(opCase.name);
      mlir::func::FuncOp function = opCase.function;
      std::vector<double> atol(function.getNumResults(), 1e-6);
      expectSameMeaning(opCase.module, *lowered, opCase.name, inputsOf(opCase, sizes), 2e-6, atol);
    }
  }
}

std::vector<std::string> files() {
  std::set<std::string> names;
  for (const OpCase &opCase : opCases())
    names.insert(opCase.file);
  return {names.begin(), names.end()};
}

INSTANTIATE_TEST_SUITE_P(Cases, OpCasePhases, testing::ValuesIn(files()),
                         [](const auto &info) { return info.param; });

class RandomGraphPhases : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomGraphPhases, KeepTheMeaning) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  for (uint64_t i = 0; i < 4; ++i)
    addRandomGraph(*module, GetParam() + i);
  Lowered lowered(*module);
  for (auto function : module->getOps<mlir::func::FuncOp>())
    for (int64_t batch : {0, 1, 5}) {
      SCOPED_TRACE(function.getName().str() + " batch " + std::to_string(batch));
      auto inputs = randomInputs(function, batch, batch);
      // Where rounding inside the graph shows in a result, four times that much is allowed.
      auto rounded = Interpreter(*module).run(function.getName(), inputs);
      auto exact = Interpreter(*module, /*exact=*/true).run(function.getName(), inputs);
      ASSERT_TRUE(mlir::succeeded(rounded) && mlir::succeeded(exact));
      std::vector<double> atol;
      for (auto [a, b] : llvm::zip(*rounded, *exact)) {
        atol.push_back(1e-5);
        for (int64_t i = 0; i < a.numElements(); ++i)
          if (double d = std::fabs(a.real(i) - b.real(i)); std::isfinite(d))
            atol.back() = std::max(atol.back(), 1e-5 + 4 * d);
      }
      expectSameMeaning(*module, lowered, function.getName(), inputs, 1e-5, atol);
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGraphPhases, testing::Range<uint64_t>(0, 160, 4),
                         testing::PrintToStringParamName());

} // namespace
} // namespace ingot::tests
