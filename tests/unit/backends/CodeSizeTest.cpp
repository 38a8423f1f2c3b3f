// Generated code grows with the model and not faster: what several members of a kernel read is
// emitted once.
#include "backends/cpu/Generate.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "tests/unit/compiler/GraphTest.h"

namespace ingot::cpu {
namespace {

class CodeSize : public test::GraphTest {
protected:
  CodeSize() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    registry.insert<mlir::scf::SCFDialect, mlir::cf::ControlFlowDialect,
                    mlir::vector::VectorDialect, mlir::LLVM::LLVMDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  struct Size {
    int64_t kernels = 0, ops = 0, divisions = 0;
  };
  /// Of the code of a model with the one function `f`.
  Size sizeOf(const std::string &model) {
    parse(model);
    CompileOptions options;
    if (mlir::failed(runPhases(*module, options))) {
      ADD_FAILURE() << (messages.empty() ? "" : messages.front());
      return {};
    }
    auto variant = generateCode(*module, hostTarget(), options);
    if (mlir::failed(variant)) {
      ADD_FAILURE() << "no code";
      return {};
    }
    Size size;
    size.kernels = variant->description.functions.at(0).kernels.size();
    variant->code->walk([&](mlir::Operation *op) {
      ++size.ops;
      size.divisions += llvm::isa<mlir::arith::DivFOp>(op);
    });
    return size;
  }

  using Step = std::string (*)(const std::string &k, const std::string &x,
                               const std::string &before, const std::string &type);
  /// A diamond, x' = exp(x) / tanh(x): the two paths meet.
  static std::string diamond(const std::string &k, const std::string &x, const std::string &,
                             const std::string &type) {
    return "%e" + k + " = graph.exp " + x + " : " + type + "\n%t" + k + " = graph.tanh " + x +
           " : " + type + "\n%x" + k + " = graph.div %e" + k + ", %t" + k + " : " + type + "\n";
  }
  /// x' = x / the one before: every value is read by the next two.
  static std::string fibonacci(const std::string &k, const std::string &x,
                               const std::string &before, const std::string &type) {
    return "%x" + k + " = graph.div " + x + ", " + before + " : " + type + "\n";
  }

  static std::string chain(int n, Step step, const std::string &type) {
    std::string body, x = "%x", before = "%y";
    for (int i = 0; i < n; ++i) {
      std::string k = std::to_string(i);
      body += step(k, x, before, type);
      before = x;
      x = "%x" + k;
    }
    return "func.func @f(%x: " + type + ", %y: " + type + ") -> " + type + " {\n" + body +
           "return " + x + " : " + type + "\n}";
  }

  void expectLinearGrowth(Step step) {
    for (std::string type :
         {"tensor<?x16xf32, #graph.dims<[n, 16]>>", "tensor<f32>", "tensor<1x1xf32>"}) {
      Size four = sizeOf(chain(4, step, type)), eight = sizeOf(chain(8, step, type)),
           sixteen = sizeOf(chain(16, step, type));
      EXPECT_LE(four.kernels, 2) << type;
      EXPECT_EQ(sixteen.kernels, four.kernels) << type;
      EXPECT_EQ(sixteen.ops - eight.ops, 2 * (eight.ops - four.ops)) << type;
      EXPECT_GE(four.divisions, 4) << type;
      EXPECT_EQ(sixteen.divisions, 4 * four.divisions) << type;
    }
  }
};

TEST_F(CodeSize, AChainOfDiamondsGrowsLinearly) { expectLinearGrowth(diamond); }

TEST_F(CodeSize, AChainOfValuesReadTwiceGrowsLinearly) { expectLinearGrowth(fibonacci); }

/// x' = exp(x), each of them read once.
std::string link(const std::string &k, const std::string &x, const std::string &,
                 const std::string &type) {
  return "%x" + k + " = graph.exp " + x + " : " + type + "\n";
}

TEST_F(CodeSize, ALongChainIsCutIntoKernelsOfBoundedSize) {
  const std::string type = "tensor<4xf32>";
  Size some = sizeOf(chain(500, link, type)), twice = sizeOf(chain(1000, link, type)),
       many = sizeOf(chain(6000, link, type));
  EXPECT_GE(some.kernels, 2);
  EXPECT_LE(twice.ops, 2 * some.ops + some.ops / 10);
  EXPECT_LE(many.kernels, 12 * some.kernels + 12);
}

} // namespace
} // namespace ingot::cpu
