// Products with factors rounded to TF32, when that is asked for: by the fake driver, against the
// products of the factors as they are. Evidence of logic, not of a GPU's rounding.
#include "ir/reference/Interpreter.h"
#include "mlir/Parser/Parser.h"
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/runtime/FakeDriver.h"
#include "tests/support/RunCompiled.h"
#include <cmath>
#include <gtest/gtest.h>

namespace ingot::tests {
namespace {

/// The four ways that factors may lie in memory, and a convolution.
constexpr const char *products = R"(
func.func @plain(%x: tensor<40x36xf32>, %y: tensor<36x72xf32>) -> tensor<40x72xf32> {
  %r = graph.matmul %x, %y : (tensor<40x36xf32>, tensor<36x72xf32>) -> tensor<40x72xf32>
  return %r : tensor<40x72xf32>
}
func.func @transposedLhs(%x: tensor<36x40xf32>, %y: tensor<36x72xf32>) -> tensor<40x72xf32> {
  %r = graph.matmul %x, %y {transposeLhs = true} : (tensor<36x40xf32>, tensor<36x72xf32>) -> tensor<40x72xf32>
  return %r : tensor<40x72xf32>
}
func.func @transposedRhs(%x: tensor<40x36xf32>, %y: tensor<72x36xf32>) -> tensor<40x72xf32> {
  %r = graph.matmul %x, %y {transposeRhs = true} : (tensor<40x36xf32>, tensor<72x36xf32>) -> tensor<40x72xf32>
  return %r : tensor<40x72xf32>
}
func.func @oddSizes(%x: tensor<19x33xf32>, %y: tensor<33x17xf32>) -> tensor<19x17xf32> {
  %r = graph.matmul %x, %y : (tensor<19x33xf32>, tensor<33x17xf32>) -> tensor<19x17xf32>
  return %r : tensor<19x17xf32>
}
func.func @conv(%x: tensor<2x6x5x8xf32>, %y: tensor<3x3x8x16xf32>) -> tensor<2x6x5x16xf32> {
  %r = graph.conv %x, %y {dilations = array<i64: 1, 1>, groups = 1 : i64, paddingHigh = array<i64: 1, 1>, paddingLow = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<2x6x5x8xf32>, tensor<3x3x8x16xf32>) -> tensor<2x6x5x16xf32>
  return %r : tensor<2x6x5x16xf32>
}
)";

class Tf32OnGpu : public gputest::DeviceTest {
protected:
  Tf32OnGpu() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    module = mlir::parseSourceString<mlir::ModuleOp>(products, &context);
  }

  CompiledModule compile(bool gpuTf32) {
    CompileOptions options;
    options.targetCpu = "x86-64";
    options.gpu = "host";
    options.gpuTf32 = gpuTf32;
    options.hostImage = [](const std::string &source) { return makeHostImage(source); };
    CompiledModule compiled(*module, options);
    EXPECT_TRUE(compiled.ok()) << compiled.error();
    driver.set("capability", "8.0");
    auto device = Device::open("cuda");
    EXPECT_TRUE(device.isOk()) << device.status().message();
    return compiled.onDevice(*device);
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

std::vector<reference::Tensor> inputsOf(mlir::func::FuncOp function,
                                        llvm::function_ref<double(int64_t)> element) {
  std::vector<reference::Tensor> inputs;
  for (mlir::Type type : function.getArgumentTypes()) {
    auto tensor = llvm::cast<mlir::RankedTensorType>(type);
    inputs.emplace_back(tensor.getElementType(), tensor.getShape());
    for (int64_t i = 0; i < inputs.back().numElements(); ++i)
      inputs.back().set(i, reference::Number::real(element(i)));
    inputs.back().round();
  }
  return inputs;
}

TEST_F(Tf32OnGpu, ProductsAreWithinTheRoundingOfTheirFactors) {
  CompiledModule there = compile(/*gpuTf32=*/true);
  ASSERT_TRUE(there.ok()) << there.error();
  reference::Interpreter interpreter(*module);
  for (const char *order : {"forward", "reverse", "skewed:1"}) {
    driver.set("threads", order);
    for (auto function : module->getOps<mlir::func::FuncOp>()) {
      std::string name = function.getName().str();
      SCOPED_TRACE(name + " " + order);
      auto inputs = inputsOf(function, [](int64_t i) { return std::sin(0.7 * double(i)); });
      auto magnitudes =
          inputsOf(function, [](int64_t i) { return std::fabs(std::sin(0.7 * double(i))); });
      auto expected = interpreter.run(name, inputs), bound = interpreter.run(name, magnitudes);
      ASSERT_TRUE(mlir::succeeded(expected) && mlir::succeeded(bound)) << interpreter.error();
      auto actual = there.run(name, inputs, function.getResultTypes());
      ASSERT_EQ(there.error(), "");
      // Of each factor 2^-11, so of each product a little more than 2^-10.
      for (int64_t i = 0; i < actual[0].numElements(); ++i)
        ASSERT_NEAR((*expected)[0].get(i).f, actual[0].get(i).f, (*bound)[0].get(i).f * 0x1.01p-10)
            << i;
    }
  }
}

TEST_F(Tf32OnGpu, FactorsAreRoundedOnlyWhenThatIsAskedFor) {
  // Nearer to 1 than TF32's next number.
  auto nearOne = [](int64_t) { return 1 + 0x1p-12; };
  auto function = module->lookupSymbol<mlir::func::FuncOp>("plain");
  for (bool gpuTf32 : {false, true}) {
    CompiledModule there = compile(gpuTf32);
    ASSERT_TRUE(there.ok()) << there.error();
    auto actual = there.run("plain", inputsOf(function, nearOne), function.getResultTypes());
    ASSERT_EQ(there.error(), "");
    EXPECT_EQ(actual[0].get(0).f == 36, gpuTf32) << actual[0].get(0).f;
  }
}

} // namespace
} // namespace ingot::tests
