// Random graphs: compiled code equals the reference interpreter on every CPU level that this
// machine has, for several batches from one artifact; and a program means the same after a graph
// phase as before. INGOT_RANDOM_GRAPHS sets how many graphs (the gate takes 64), INGOT_RANDOM_FIRST
// the first seed. Several graphs share a module, so that compiling costs little for each.
#include "compiler/Phases.h"
#include "compiler/autodiff/Differentiate.h"
#include "compiler/memory/FitBudget.h"
#include "ir/Builder.h"
#include "ir/reference/Interpreter.h"
#include "mlir/IR/Verifier.h"
#include "tests/differential/RandomGraph.h"
#include "tests/support/Environment.h"
#include "tests/support/RunCompiled.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <map>

namespace ingot::tests {
namespace {

using reference::Interpreter;
using Tensors = std::vector<reference::Tensor>;

constexpr int64_t graphsAModule = 8;
constexpr double rtol = 1e-5, visible = 1e-5;
const int64_t batches[] = {1, 2, 7, 32, 100, 0};

struct Graphs {
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;

  explicit Graphs(uint64_t first) {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
    for (int64_t i = 0; i < graphsAModule; ++i)
      addRandomGraph(*module, first + i);
  }
};

std::string textOf(mlir::func::FuncOp function) {
  std::string text;
  llvm::raw_string_ostream(text) << function;
  return text;
}

/// How far f32 rounding moves a result by itself: the interpreter with and without rounding.
double rounding(const reference::Tensor &rounded, const reference::Tensor &exact) {
  double largest = 0;
  for (int64_t i = 0; i < rounded.numElements(); ++i)
    if (double d = std::fabs(rounded.real(i) - exact.real(i)); std::isfinite(d))
      largest = std::max(largest, d);
  return largest;
}

class RandomGraphs : public testing::TestWithParam<uint64_t> {
protected:
  /// Empty, or what differs; `expected` and `actual` are results, then all variables. Where
  /// rounding inside the graph is visible in a result (all inputs and most values are about 1, so
  /// that 1e-5 is a few dozen roundings), it gets that much room and four times what rounding does
  /// to it: there the comparison would judge the graph, not the code.
  static std::string differences(mlir::ModuleOp module, mlir::func::FuncOp function,
                                 const Tensors &inputs, int64_t batch,
                                 llvm::ArrayRef<reference::Tensor> expected,
                                 llvm::ArrayRef<reference::Tensor> actual) {
    std::string text;
    for (auto [i, wanted] : llvm::enumerate(expected)) {
      if (difference(wanted, actual[i], rtol, 0).empty())
        continue;
      Interpreter exact(module, /*exact=*/true);
      for (auto &[name, value] : randomVariables(module, batch))
        exact.variables[name] = value;
      auto unrounded = exact.run(function.getName(), inputs);
      for (auto &[name, value] : exact.variables)
        unrounded->push_back(value);
      double room = mlir::succeeded(unrounded) ? 4 * rounding(wanted, (*unrounded)[i]) : 0;
      std::string found = difference(wanted, actual[i], rtol, room + visible);
      if (!found.empty())
        text += "result " + std::to_string(i) + ": " + found + "\n";
    }
    return text;
  }

  static void compareOn(const std::string &level, mlir::ModuleOp module, bool debugArena = false) {
    SCOPED_TRACE(level + (debugArena ? " with debug arena" : ""));
    CompileOptions options;
    options.targetCpu = level;
    options.debugArena = debugArena;
    CompiledModule compiled(module, options);
    ASSERT_TRUE(compiled.ok()) << compiled.error();
    for (auto function : module.getOps<mlir::func::FuncOp>())
      for (int64_t batch : batches) {
        Tensors inputs = randomInputs(function, batch, batch);
        Interpreter interpreter(module);
        for (auto &[name, value] : randomVariables(module, batch)) {
          interpreter.variables[name] = value;
          compiled.setVariable(name, value);
        }
        auto expected = interpreter.run(function.getName(), inputs);
        ASSERT_TRUE(mlir::succeeded(expected)) << interpreter.error() << textOf(function);
        auto actual = compiled.run(function.getName().str(), inputs, function.getResultTypes());
        ASSERT_EQ(compiled.error(), "") << textOf(function);
        for (auto &[name, value] : interpreter.variables) {
          expected->push_back(value);
          actual.push_back(compiled.variable(name, value.element()));
        }
        std::string found = differences(module, function, inputs, batch, *expected, actual);
        EXPECT_EQ(found, "") << "batch " << batch << "\n" << textOf(function);
        if (!found.empty())
          break;
      }
  }
};

TEST_P(RandomGraphs, CompiledCodeEqualsTheReference) {
  Graphs graphs(GetParam());
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*graphs.module)));
  for (const std::string &level : levelsHere())
    compareOn(level, *graphs.module);
}

TEST_P(RandomGraphs, KernelsStayInTheirTensors) {
  Graphs graphs(GetParam());
  compareOn("host", *graphs.module, /*debugArena=*/true);
}

/// Lets the function also return the gradients of its results' squares, so that much is kept for
/// long. Leaves it as it is where an op on the way has none.
void addGradients(mlir::func::FuncOp function) {
  mlir::ScopedDiagnosticHandler quiet(function.getContext(), [](mlir::Diagnostic &) {});
  auto isFloat = [](mlir::Value v) { return llvm::isa<mlir::FloatType>(graph::elementType(v)); };
  auto with = llvm::cast<mlir::func::FuncOp>(function->clone());
  mlir::Operation *end = with.getBody().front().getTerminator();
  mlir::OpBuilder b(end);
  graph::Expr loss(b, end->getLoc(), graph::splat(b, end->getLoc(), b.getF32Type(), {}, 0));
  for (mlir::Value result : end->getOperands())
    if (isFloat(result)) {
      graph::Expr r(b, end->getLoc(), result);
      loss = loss.with(loss + graph::sum(r * r, graph::allAxes(result)));
    }
  llvm::SmallVector<mlir::Value> targets;
  llvm::copy_if(with.getArguments(), std::back_inserter(targets), isFloat);
  auto gradients = differentiate(with, loss, targets);
  if (mlir::failed(gradients) || targets.empty())
    return with.erase();
  end = with.getBody().front().getTerminator();
  end->insertOperands(end->getNumOperands(), *gradients);
  for (mlir::Value gradient : *gradients)
    (void)with.insertResult(with.getNumResults(), gradient.getType(), {});
  function->getBlock()->getOperations().insert(function->getIterator(), with);
  function.erase();
}

/// How many kernels the function runs again within the budget.
size_t repetitionsIn(mlir::ModuleOp module, const CompileOptions &options) {
  mlir::OwningOpRef<mlir::ModuleOp> work = module.clone();
  EXPECT_TRUE(mlir::succeeded(runPhases(*work, options)));
  return recomputationOf(work->lookupSymbol<mlir::func::FuncOp>(options.functions[0]))
      .kernels.size();
}

/// The least budget that the error of an impossible one names; 0 where the function needs no arena.
uint64_t leastBudget(mlir::ModuleOp module, const CompileOptions &options) {
  mlir::OwningOpRef<mlir::ModuleOp> work = module.clone();
  std::string message;
  mlir::ScopedDiagnosticHandler handler(module.getContext(), [&](mlir::Diagnostic &diagnostic) {
    message += diagnostic.str();
    return mlir::success();
  });
  if (mlir::succeeded(runPhases(*work, options)))
    return 0;
  llvm::StringRef rest = llvm::StringRef(message).split("Give a budget of ").second;
  uint64_t bytes = 0;
  EXPECT_FALSE(rest.consumeInteger(10, bytes)) << message;
  return bytes;
}

/// That budget is met, and no result changes by a bit; every other time in the debug arena, which
/// sees what is read after it is gone.
TEST_P(RandomGraphs, WithinTheLeastMemoryNoBitChanges) {
  constexpr int64_t batch = 32;
  Graphs graphs(GetParam());
  size_t repetitions = 0;
  for (auto function : llvm::to_vector(graphs.module->getOps<mlir::func::FuncOp>()))
    addGradients(function);
  CompiledModule plain(*graphs.module);
  ASSERT_TRUE(plain.ok()) << plain.error();
  for (auto function : graphs.module->getOps<mlir::func::FuncOp>()) {
    CompileOptions options;
    options.functions = {function.getName().str()};
    options.memoryBudget = {1, {{"batch", batch}}};
    uint64_t least = leastBudget(*graphs.module, options);
    if (least == 0)
      continue;
    options.memoryBudget.bytes = least;
    repetitions += repetitionsIn(*graphs.module, options);
    options.debugArena = least / 64 % 2 == 1;
    CompiledModule within(*graphs.module, options);
    ASSERT_TRUE(within.ok()) << within.error() << textOf(function);
    Tensors inputs = randomInputs(function, batch, batch);
    std::vector<std::vector<double>> results[2];
    for (CompiledModule *compiled : {&plain, &within}) {
      for (auto &[name, value] : randomVariables(*graphs.module, batch))
        compiled->setVariable(name, value);
      Tensors all = compiled->run(function.getName().str(), inputs, function.getResultTypes());
      ASSERT_EQ(compiled->error(), "") << textOf(function);
      for (auto &[name, value] : randomVariables(*graphs.module, batch))
        all.push_back(compiled->variable(name, value.element()));
      for (const reference::Tensor &tensor : all) {
        auto &numbers = results[compiled == &within].emplace_back();
        for (int64_t i = 0; i < tensor.numElements(); ++i)
          numbers.push_back(tensor.real(i));
      }
    }
    for (size_t i = 0; i < results[0].size(); ++i)
      EXPECT_EQ(std::memcmp(results[0][i].data(), results[1][i].data(),
                            results[0][i].size() * sizeof(double)),
                0)
          << "result " << i << " within " << least << " bytes\n"
          << textOf(function);
  }
  if (GetParam() == 0) // most modules have some, this one for certain
    EXPECT_GT(repetitions, 0u) << "nothing was tried";
}

TEST_P(RandomGraphs, GraphPhasesKeepTheMeaning) {
  Graphs graphs(GetParam());
  mlir::OwningOpRef<mlir::ModuleOp> after = graphs.module->clone();
  CompileOptions options;
  options.stopAfter = "decompose";
  ASSERT_TRUE(mlir::succeeded(runPhases(*after, options)));
  for (auto function : graphs.module->getOps<mlir::func::FuncOp>())
    for (int64_t batch : {0, 1, 7}) {
      Tensors inputs = randomInputs(function, batch, batch);
      Interpreter before(*graphs.module), then(*after);
      for (auto &[name, value] : randomVariables(*graphs.module, batch))
        before.variables[name] = then.variables[name] = value;
      auto expected = before.run(function.getName(), inputs);
      auto actual = then.run(function.getName(), inputs);
      ASSERT_TRUE(mlir::succeeded(expected)) << before.error() << textOf(function);
      ASSERT_TRUE(mlir::succeeded(actual)) << then.error() << textOf(function);
      for (auto &[name, value] : before.variables) {
        expected->push_back(value);
        actual->push_back(then.variables.at(name));
      }
      EXPECT_EQ(differences(*graphs.module, function, inputs, batch, *expected, *actual), "")
          << textOf(function);
    }
}

/// Whether the values say something: finite and not all alike.
bool isTelling(const reference::Tensor &tensor) {
  bool varies = false;
  for (int64_t i = 0; i < tensor.numElements(); ++i) {
    if (!std::isfinite(tensor.real(i)))
      return false;
    varies |= tensor.real(i) != tensor.real(0);
  }
  return varies;
}

TEST(RandomGraph, GraphsAreVariedAndTheirResultsTelling) {
  std::map<std::string, int> ops;
  int results = 0, telling = 0;
  for (uint64_t first = 0; first < 64; first += graphsAModule) {
    Graphs graphs(first);
    graphs.module->walk([&](mlir::Operation *op) { ++ops[op->getName().stripDialect().str()]; });
    for (auto function : graphs.module->getOps<mlir::func::FuncOp>()) {
      Interpreter interpreter(*graphs.module);
      for (auto &[name, value] : randomVariables(*graphs.module, 7))
        interpreter.variables[name] = value;
      auto values = interpreter.run(function.getName(), randomInputs(function, 7, 7));
      ASSERT_TRUE(mlir::succeeded(values));
      for (const reference::Tensor &value : *values) {
        ++results;
        telling += isTelling(value);
      }
    }
  }
  for (const char *name :
       {"matmul", "conv",       "max_pool", "avg_pool", "reduce",      "reshape",   "transpose",
        "slice",  "pad",        "concat",   "softmax",  "log_softmax", "broadcast", "compare",
        "select", "cast",       "tanh",     "gather",   "scatter",     "reverse",   "argmax",
        "pick",   "layer_norm", "read",     "assign",   "and"})
    EXPECT_GE(ops[name], 3) << name;
  EXPECT_GE(telling, results * 3 / 4) << "of " << results;
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGraphs,
                         testing::ValuesIn(randomGraphSeeds(64, graphsAModule)),
                         testing::PrintToStringParamName());

} // namespace
} // namespace ingot::tests
