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

  /// A recurrent cell h' = tanh(x w + h u), stacked, over `t` positions.
  static std::string recurrence(const char *attributes) {
    return std::string(R"mlir(
      #x = #graph.dims<[t, 2, 3]>
      #y = #graph.dims<[t, 2, 4]>
      func.func @f(%x: tensor<?x2x3xf32, #x>, %h0: tensor<2x4xf32>, %w: tensor<3x4xf32>,
                   %u: tensor<4x4xf32>) -> tensor<f32> {
        %last, %all = graph.scan <[t]> carried(%h0) inputs(%x) )mlir") +
           attributes + R"mlir( : (tensor<2x4xf32>, tensor<?x2x3xf32, #x>)
            -> (tensor<2x4xf32>, tensor<?x2x4xf32, #y>) {
        ^bb0(%i: tensor<si64>, %h: tensor<2x4xf32>, %xi: tensor<2x3xf32>):
          %a = graph.matmul %xi, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
          %b = graph.matmul %h, %u : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
          %c = graph.add %a, %b : tensor<2x4xf32>
          %d = graph.tanh %c : tensor<2x4xf32>
          %p = graph.cast %i : tensor<si64> to tensor<f32>
          %q = graph.broadcast %p {axes = array<i64>} : tensor<f32> to tensor<2x4xf32>
          %y = graph.mul %d, %q : tensor<2x4xf32>
          graph.yield %d, %y : tensor<2x4xf32>, tensor<2x4xf32>
        }
        %s0 = graph.mul %last, %last : tensor<2x4xf32>
        %s1 = graph.reduce %s0 {kind = 0 : i32, axes = array<i64: 0, 1>}
            : (tensor<2x4xf32>) -> tensor<f32>
        %s2 = graph.mul %all, %all : tensor<?x2x4xf32, #y>
        %s3 = graph.reduce %s2 {kind = 0 : i32, axes = array<i64: 0, 1, 2>}
            : (tensor<?x2x4xf32, #y>) -> tensor<f32>
        %s = graph.add %s1, %s3 : tensor<f32>
        return %s : tensor<f32>
      })mlir";
  }

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
