// Products large enough for the largest tiles, by OpenCL, for real, against the CPU's.
#include "mlir/Parser/Parser.h"
#include "tests/support/RunCompiled.h"
#include <cmath>
#include <gtest/gtest.h>

namespace ingot::tests {
namespace {

struct Sizes {
  int64_t rows, depth, columns;
};
/// Of tiles of 128 x 128, of 64 x 64 with parts that are not whole, and of few rows and columns.
constexpr Sizes products[] = {{1536, 24, 1408}, {1000, 20, 580}, {12, 40, 300}, {300, 40, 12}};

std::string textOf(Sizes s) {
  auto type = [](int64_t rows, int64_t columns) {
    return "tensor<" + std::to_string(rows) + "x" + std::to_string(columns) + "xf32>";
  };
  std::string x = type(s.rows, s.depth), y = type(s.depth, s.columns), r = type(s.rows, s.columns);
  return "func.func @product(%x: " + x + ", %y: " + y + ", %z: " + r + ") -> " + r + " {\n" +
         "  %p = graph.matmul %x, %y : (" + x + ", " + y + ") -> " + r + "\n" +
         "  %r = graph.add %p, %z : " + r + "\n  return %r : " + r + "\n}\n";
}

class TilesOnOpenCl : public testing::TestWithParam<Sizes> {};

TEST_P(TilesOnOpenCl, EqualTheCpus) {
  auto device = Device::open("opencl");
  if (!device.isOk())
    GTEST_SKIP() << device.status().message();
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(textOf(GetParam()), &context);
  ASSERT_TRUE(module);
  CompileOptions options;
  options.targetCpu = "x86-64";
  options.gpu = "opencl";
  CompiledModule here(*module, options);
  ASSERT_TRUE(here.ok()) << here.error();
  CompiledModule there = here.onDevice(*device);
  ASSERT_TRUE(there.ok()) << there.error();
  auto function = module->lookupSymbol<mlir::func::FuncOp>("product");
  std::vector<reference::Tensor> inputs;
  for (mlir::Type type : function.getArgumentTypes()) {
    auto tensor = llvm::cast<mlir::RankedTensorType>(type);
    inputs.emplace_back(tensor.getElementType(), tensor.getShape());
    for (int64_t i = 0; i < inputs.back().numElements(); ++i)
      inputs.back().set(i, reference::Number::real(std::sin(0.7 * double(i))));
    inputs.back().round();
  }
  auto expected = here.run("product", inputs, function.getResultTypes());
  auto actual = there.run("product", inputs, function.getResultTypes());
  ASSERT_EQ(here.error() + there.error(), "");
  EXPECT_EQ(difference(expected[0], actual[0], 1e-6, 1e-6), "");
}

INSTANTIATE_TEST_SUITE_P(Sizes, TilesOnOpenCl, testing::ValuesIn(products), [](const auto &info) {
  return std::to_string(info.param.rows) + "x" + std::to_string(info.param.columns);
});

} // namespace
} // namespace ingot::tests
