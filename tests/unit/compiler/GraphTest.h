// What tests of graph passes share: modules from text, messages collected, runs on the exact
// interpreter, gradients compared with central differences.
#pragma once
#include "compiler/autodiff/Differentiate.h"
#include "ir/Builder.h"
#include "ir/reference/Interpreter.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include <cmath>
#include <gtest/gtest.h>

namespace ingot::test {

using reference::Interpreter;
using reference::Number;
using reference::Tensor;

class GraphTest : public ::testing::Test {
protected:
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<std::string> messages;
  std::vector<std::string> layers; // of the messages' locations
  mlir::ScopedDiagnosticHandler handler;

  GraphTest()
      : handler(&context, [this](mlir::Diagnostic &d) {
          messages.push_back(d.str());
          layers.push_back(graph::layerName(d.getLocation()));
        }) {
    context.loadDialect<graph::GraphDialect, mlir::func::FuncDialect>();
  }

  void parse(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module) << (messages.empty() ? "" : messages.front());
  }
  mlir::func::FuncOp function(llvm::StringRef name) {
    return module->lookupSymbol<mlir::func::FuncOp>(name);
  }
  std::string text() {
    std::string s;
    llvm::raw_string_ostream out(s);
    module->print(out);
    return s;
  }

  Tensor tensor(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<double> values,
                mlir::Type element = {}) {
    Tensor t(element ? element : mlir::Float32Type::get(&context), shape);
    for (int64_t i = 0; i < t.numElements(); ++i)
      t.set(i, t.isFloat() ? Number::real(values[i % values.size()])
                           : Number::integer(static_cast<int64_t>(values[i % values.size()])));
    return t;
  }
  /// Values in (-1, 1) that look random, the same in every run, none near 0.
  Tensor noise(llvm::ArrayRef<int64_t> shape, unsigned seed) {
    Tensor t(mlir::Float32Type::get(&context), shape);
    for (int64_t i = 0; i < t.numElements(); ++i) {
      double v = std::sin(12.9898 * static_cast<double>(i + 1) + 78.233 * seed) * 43758.5453;
      v = 2 * (v - std::floor(v)) - 1;
      t.set(i, Number::real(v + (v < 0 ? -0.05 : 0.05)));
    }
    return t;
  }

  /// Appends to `name`'s results the gradients of its first result with respect to all float
  /// arguments. Symbols take 3, 4, 5 … Compares with central differences.
  void expectGradientsMatch(llvm::StringRef name, double tolerance = 1e-6) {
    mlir::func::FuncOp f = function(name);
    ASSERT_TRUE(f);
    llvm::SmallVector<Tensor> inputs = inputsFor(f);
    mlir::OwningOpRef<mlir::ModuleOp> forward = module->clone();
    llvm::SmallVector<mlir::Value> targets;
    llvm::SmallVector<unsigned> which;
    for (mlir::BlockArgument a : f.getArguments())
      if (llvm::isa<mlir::FloatType>(graph::elementType(a))) {
        targets.push_back(a);
        which.push_back(a.getArgNumber());
      }
    mlir::Operation *terminator = f.getBody().front().getTerminator();
    auto gradients = differentiate(f, terminator->getOperand(0), targets);
    ASSERT_TRUE(mlir::succeeded(gradients)) << (messages.empty() ? "" : messages.front());
    terminator = f.getBody().front().getTerminator();
    terminator->setOperands(*gradients);
    f.setFunctionType(
        mlir::FunctionType::get(&context, f.getArgumentTypes(), terminator->getOperandTypes()));
    ASSERT_TRUE(mlir::succeeded(mlir::verify(*module))) << text();
    auto actual = Interpreter(*module, /*exact=*/true).run(name, inputs);
    ASSERT_TRUE(mlir::succeeded(actual));
    Interpreter plain(*forward, /*exact=*/true);
    auto lossAt = [&](unsigned argument, int64_t i, double delta) {
      llvm::SmallVector<Tensor> moved = inputs;
      moved[argument].set(i, Number::real(moved[argument].real(i) + delta));
      return (*plain.run(name, moved))[0].real(0);
    };
    const double h = 1e-5;
    for (auto [k, argument] : llvm::enumerate(which))
      for (int64_t i = 0; i < inputs[argument].numElements(); ++i) {
        double numeric = (lossAt(argument, i, h) - lossAt(argument, i, -h)) / (2 * h);
        EXPECT_NEAR((*actual)[k].real(i), numeric, tolerance * (1 + std::fabs(numeric)))
            << "argument " << argument << " element " << i;
      }
  }

  llvm::SmallVector<Tensor> inputsFor(mlir::func::FuncOp f) {
    std::map<std::string, int64_t> sizes;
    llvm::SmallVector<Tensor> inputs;
    for (mlir::BlockArgument a : f.getArguments()) {
      llvm::SmallVector<int64_t> shape;
      for (Dim d : dimsOf(a))
        shape.push_back(d.evaluate([&](llvm::StringRef symbol) {
          int64_t next = 3 + static_cast<int64_t>(sizes.size());
          return sizes.try_emplace(symbol.str(), next).first->second;
        }));
      if (llvm::isa<mlir::FloatType>(graph::elementType(a)))
        inputs.push_back(noise(shape, a.getArgNumber() + 1));
      else
        inputs.push_back(tensor(shape, {0, 2, 1, 1, 0}, graph::elementType(a)));
    }
    return inputs;
  }
};

} // namespace ingot::test
