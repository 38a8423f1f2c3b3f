// A program means the same after each of the phases lower, layout (with what it derives) and fuse,
// for CPUs and for GPUs: the interpreter of the exec dialect gives the same bits for all (but for
// reductions that layout cuts into partial ones or joins), and what the graph's interpreter gives
// within rounding. On every op case, and on random graphs: INGOT_RANDOM_GRAPHS of them (the gate
// takes 160). Beside the phase `fuse` as it is for graphs so small, with all kernels run slice by
// slice that can be.
#include "compiler/Phases.h"
#include "compiler/fusion/FormKernels.h"
#include "compiler/fusion/SliceBatches.h"
#include "ir/reference/Interpreter.h"
#include "mlir/IR/Verifier.h"
#include "tests/differential/RandomGraph.h"
#include "tests/support/Environment.h"
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

constexpr int64_t graphsAModule = 4;

/// The module after a phase.
struct Step {
  std::string name;
  int before = -1; // the number of the step that it goes on from
  mlir::OwningOpRef<mlir::ModuleOp> module = {};
};

/// The module after each of the phases.
struct Lowered {
  std::vector<Step> steps;

  explicit Lowered(mlir::ModuleOp module) {
    add("lower", -1, module,
        [](mlir::ModuleOp m) { return runPhases(m, CompileOptions(), Phase::Lower); });
    for (Machine machine : {Machine::Cpu, Machine::Gpu}) {
      std::string suffix = machine == Machine::Gpu ? " for GPUs" : "";
      int from = 0;
      for (Phase phase : {Phase::Layout, Phase::Fuse})
        from = add(phaseNames()[static_cast<int>(phase)].str() + suffix, from, *steps[from].module,
                   [&](mlir::ModuleOp m) {
                     return runPhases(m, CompileOptions(), phase, phase, machine);
                   });
      if (machine == Machine::Cpu)
        add("slicing", from - 1, *steps[from - 1].module, [](mlir::ModuleOp m) {
          for (auto function : m.getOps<mlir::func::FuncOp>()) {
            formKernels(function);
            sliceBatches(function, 0);
          }
          return mlir::verify(m);
        });
    }
  }

private:
  int add(const std::string &name, int before, mlir::ModuleOp module,
          llvm::function_ref<mlir::LogicalResult(mlir::ModuleOp)> transform) {
    steps.push_back({name, before, module.clone()});
    EXPECT_TRUE(mlir::succeeded(transform(*steps.back().module))) << name;
    return static_cast<int>(steps.size()) - 1;
  }
};

/// Whether no sum is taken apart, or together with another loop's or as moments, between two
/// phases, so that not a bit may change: there are no more reductions afterwards, nor loops of
/// them.
bool sameSums(mlir::ModuleOp before, mlir::ModuleOp after) {
  struct Sums {
    int64_t reductions = 0, loops = 0, moments = 0;
  };
  auto count = [](mlir::ModuleOp module) {
    Sums sums;
    module.walk([&](exec::NestOp nest) {
      sums.reductions += nest.getCombiner() != exec::Combiner::None;
      sums.loops += static_cast<int64_t>(nest.getBounds().getExprs().size() - nest.getParallel());
      sums.moments += nest.getCombiner() == exec::Combiner::Moments;
    });
    return sums;
  };
  Sums now = count(after), then = count(before);
  return now.reductions <= then.reductions && now.loops <= then.loops &&
         now.moments == then.moments;
}

using Variables = std::map<std::string, reference::Tensor, std::less<>>;

/// What a run leaves: results, then variables by name.
struct Outcome {
  std::string error;
  Tensors values;
};

mlir::FailureOr<Tensors> runGraph(mlir::ModuleOp module, const Variables &variables,
                                  llvm::StringRef function,
                                  llvm::ArrayRef<reference::Tensor> inputs, bool exact,
                                  std::string &error) {
  Interpreter interpreter(module, exact);
  for (const auto &[name, value] : variables)
    interpreter.variables[name] = value;
  auto results = interpreter.run(function, inputs);
  error = interpreter.error();
  if (mlir::succeeded(results))
    for (const auto &[name, value] : interpreter.variables)
      results->push_back(value);
  return results;
}

Outcome runExec(mlir::ModuleOp module, const Variables &variables, llvm::StringRef function,
                llvm::ArrayRef<reference::Tensor> inputs) {
  ExecInterpreter interpreter(module);
  for (const auto &[name, value] : variables)
    interpreter.variables[name] = signlessTensor(value);
  if (module.lookupSymbol("derive") && mlir::failed(interpreter.run("derive", {})))
    return {interpreter.error(), {}};
  Tensors signless = llvm::map_to_vector(inputs, signlessTensor);
  auto results = interpreter.run(function, signless);
  if (mlir::failed(results))
    return {interpreter.error(), {}};
  for (const auto &[name, value] : variables)
    results->push_back(interpreter.variables.at(name));
  return {"", *results};
}

/// Empty, or where they differ: by more than rtol * largest + atol + room[value].
std::string difference(const Outcome &expected, const Outcome &actual, double rtol, double atol,
                       llvm::ArrayRef<double> room) {
  if (expected.error.empty() != actual.error.empty())
    return "one fails: '" + expected.error + "' and '" + actual.error + "'";
  if (expected.values.size() != actual.values.size())
    return "another number of results";
  for (size_t i = 0; i < expected.values.size(); ++i)
    if (auto text = tests::difference(expected.values[i], actual.values[i], rtol,
                                      atol + (room.empty() ? 0 : room[i]));
        !text.empty())
      return "result or variable " + std::to_string(i) + ": " + text;
  return {};
}

/// How far rounding after each op moves each value.
std::vector<double> roundingOf(const Tensors &rounded, const Tensors &exact) {
  std::vector<double> room;
  for (auto [a, b] : llvm::zip(rounded, exact)) {
    room.push_back(0);
    for (int64_t i = 0, e = a.isFloat() ? a.numElements() : 0; i < e; ++i)
      if (double d = std::fabs(a.real(i) - b.real(i)); std::isfinite(d))
        room.back() = std::max(room.back(), d);
  }
  return room;
}

/// Compares all phases on one run of one function. `isDeep`: where rounding inside the graph shows
/// in a result, four times that much is allowed.
void expectSameMeaning(mlir::ModuleOp module, const Lowered &lowered, llvm::StringRef function,
                       llvm::ArrayRef<reference::Tensor> inputs, const Variables &variables,
                       bool isDeep) {
  Outcome before;
  auto values = runGraph(module, variables, function, inputs, false, before.error);
  if (isDeep)
    ASSERT_EQ(before.error, "") << "a random graph runs";
  std::vector<double> room;
  if (mlir::succeeded(values)) {
    before.values = llvm::map_to_vector(*values, signlessTensor);
    std::string ignored;
    if (isDeep)
      room = roundingOf(*values, *runGraph(module, variables, function, inputs, true, ignored));
    for (double &r : room)
      r *= 4;
  }
  double rtol = isDeep ? 1e-5 : 2e-6, atol = isDeep ? 1e-5 : 1e-6;
  std::vector<Outcome> outcomes;
  for (const Step &step : lowered.steps) {
    Outcome after = runExec(*step.module, variables, function, inputs);
    EXPECT_EQ(difference(before, after, rtol, atol, room), "") << "after " << step.name;
    if (step.before >= 0 && sameSums(*lowered.steps[step.before].module, *step.module))
      EXPECT_EQ(difference(outcomes[step.before], after, 0, 0, {}), "")
          << "after " << step.name << " and the phase before it";
    outcomes.push_back(std::move(after));
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
      expectSameMeaning(opCase.module, *lowered, opCase.name, inputsOf(opCase, sizes),
                        Interpreter(opCase.module).variables, /*isDeep=*/false);
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
  for (int64_t i = 0; i < graphsAModule; ++i)
    addRandomGraph(*module, GetParam() + i);
  Lowered lowered(*module);
  for (auto function : module->getOps<mlir::func::FuncOp>())
    for (int64_t batch : {0, 1, 5}) {
      SCOPED_TRACE(function.getName().str() + " batch " + std::to_string(batch));
      Variables variables;
      for (auto &[name, value] : randomVariables(*module, batch))
        variables[name] = value;
      auto inputs = randomInputs(function, batch, batch);
      expectSameMeaning(*module, lowered, function.getName(), inputs, variables, /*isDeep=*/true);
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGraphPhases,
                         testing::ValuesIn(randomGraphSeeds(160, graphsAModule)),
                         testing::PrintToStringParamName());

} // namespace
} // namespace ingot::tests
