// Products of f16 and bf16 matrices by warp groups (sm_90a), with tiles that tensor maps bring:
// equal to the reference interpreter on the fake driver, for factors along the depth and across it,
// sizes that are not multiples of tiles, and rows that are several loops.
#include "ir/reference/Interpreter.h"
#include "mlir/Parser/Parser.h"
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/runtime/FakeDriver.h"
#include "tests/support/RunCompiled.h"
#include "llvm/Support/FormatVariadic.h"
#include <gtest/gtest.h>
#include <random>

namespace ingot::tests {
namespace {

struct WarpGroupProduct {
  const char *name;
  std::vector<int64_t> x, y, result; // shapes
  const char *attributes = "";       // of graph.matmul
  const char *element = "f16";
};

void PrintTo(const WarpGroupProduct &product, std::ostream *out) { *out << product.name; }

class WarpGroupProducts : public gputest::DeviceTest,
                          public testing::WithParamInterface<WarpGroupProduct> {
protected:
  WarpGroupProducts() { context.loadAllAvailableDialects(); }

  static mlir::DialectRegistry allDialects() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }
  std::string type(llvm::ArrayRef<int64_t> shape) {
    std::string text = "tensor<";
    for (int64_t extent : shape)
      text += std::to_string(extent) + "x";
    return text + GetParam().element + ">";
  }
  reference::Tensor random(llvm::ArrayRef<int64_t> shape) {
    mlir::Builder b(&context);
    bool isHalf = llvm::StringRef(GetParam().element) == "f16";
    reference::Tensor tensor(isHalf ? mlir::Type(b.getF16Type()) : mlir::Type(b.getBF16Type()),
                             shape);
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      tensor.set(i, reference::Number::real(normal(generator)));
    tensor.round();
    return tensor;
  }

  mlir::MLIRContext context{allDialects()};
  std::mt19937 generator{7};
};

TEST_P(WarpGroupProducts, EqualTheReference) {
  const WarpGroupProduct &p = GetParam();
  std::string x = type(p.x), y = type(p.y), result = type(p.result);
  // What is behind the sum is computed on the accumulators.
  std::string text = llvm::formatv("func.func @f(%x: {0}, %y: {1}) -> {2} {{\n"
                                   "  %r = graph.matmul %x, %y {3} : ({0}, {1}) -> {2}\n"
                                   "  %n = graph.relu %r : {2}\n"
                                   "  return %n : {2}\n}\n",
                                   x, y, result, p.attributes);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  ASSERT_TRUE(module) << text;
  std::vector<reference::Tensor> inputs = {random(p.x), random(p.y)};
  reference::Interpreter interpreter(*module);
  auto expected = interpreter.run("f", inputs);
  ASSERT_TRUE(mlir::succeeded(expected)) << interpreter.error();
  CompileOptions options;
  options.targetCpu = "x86-64";
  options.gpu = "host:sm_90a";
  options.hostImage = [](const std::string &source) { return makeHostImage(source); };
  CompiledModule compiled(*module, options);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  const ingot_device_code &code = compiled.artifact->table().devices[0];
  ASSERT_EQ(code.kernel_count, 1);
  EXPECT_NE(code.kernels[0].tensor_maps, 0u);
  driver.set("capability", "9.0");
  auto device = Device::open("cuda");
  ASSERT_TRUE(device.isOk()) << device.status().message();
  CompiledModule there = compiled.onDevice(*device);
  ASSERT_TRUE(there.ok()) << there.error();
  auto function = *module->getOps<mlir::func::FuncOp>().begin();
  for (const char *order : {"reverse", "skewed:1", "interleaved:1"}) {
    SCOPED_TRACE(order);
    driver.set("threads", order);
    auto results = there.run("f", inputs, function.getResultTypes());
    ASSERT_EQ(results.size(), 1u) << there.error();
    double rtol = llvm::StringRef(p.element) == "f16" ? 1e-3 : 8e-3;
    EXPECT_EQ(difference((*expected)[0], results[0], rtol, 1e-3), "");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, WarpGroupProducts,
    testing::Values(
        WarpGroupProduct{"along_and_across", {100, 96}, {96, 136}, {100, 136}},
        WarpGroupProduct{"both_along", {64, 200}, {72, 200}, {64, 72}, "{transposeRhs = true}"},
        WarpGroupProduct{"both_across", {200, 80}, {200, 136}, {80, 136}, "{transposeLhs = true}"},
        WarpGroupProduct{"across_and_along",
                         {72, 64},
                         {136, 72},
                         {64, 136},
                         "{transposeLhs = true, transposeRhs = true}"},
        WarpGroupProduct{"bf16", {100, 96}, {96, 136}, {100, 136}, "", "bf16"},
        WarpGroupProduct{"large_tiles", {1030, 64}, {64, 1400}, {1030, 1400}}),
    [](const auto &info) { return info.param.name; });

} // namespace
} // namespace ingot::tests
