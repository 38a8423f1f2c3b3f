// From measurements to choices: what `ingot bench --tune` notes of an artifact is what the next
// compilation chooses by, on the fake driver.
#include "compiler/Compile.h"
#include "mlir/Parser/Parser.h"
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/runtime/FakeDriver.h"
#include "tools/ingot/GpuTuning.h"
#include "tools/ingot/TuneProducts.h"
#include <cmath>
#include <filesystem>
#include <unistd.h>

namespace ingot::cli {
namespace {

class TuningOnDevices : public gputest::DeviceTest {
protected:
  TuningOnDevices()
      : directory(std::filesystem::temp_directory_path() /
                  ("tuning-on-devices-" + std::to_string(getpid()))) {
    std::filesystem::create_directory(directory);
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  ~TuningOnDevices() override { std::filesystem::remove_all(directory); }
  void SetUp() override {
    DeviceTest::SetUp();
    driver.set("capability", "8.0");
  }

  /// A product of batch x 32 x 16, and one of batch x 16 x 8.
  CallArguments compile(const GpuLibrary &library) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
!x = tensor<?x32xf32, #graph.dims<[batch, 32]>>
!h = tensor<?x16xf32, #graph.dims<[batch, 16]>>
!y = tensor<?x8xf32, #graph.dims<[batch, 8]>>
func.func @predict(%x: !x, %w: tensor<32x16xf32>, %v: tensor<16x8xf32>) -> !y {
  %h = graph.matmul %x, %w : (!x, tensor<32x16xf32>) -> !h
  %y = graph.matmul %h, %v : (!h, tensor<16x8xf32>) -> !y
  return %y : !y
})",
                                                          &context);
    CompileOptions options;
    options.targetCpu = "x86-64";
    options.gpu = "host";
    options.hostImage = [](const std::string &source) {
      return tests::makeHostImage(source, /*isChecked=*/false);
    };
    options.gpuLibrary = library;
    CallArguments arguments;
    arguments.artifact = directory / ("model" + std::to_string(models++) + ".so");
    arguments.device = "cuda";
    arguments.sizes = {"batch=24"};
    EXPECT_TRUE(succeeded(compileToFile(*module, options, arguments.artifact)));
    return arguments;
  }
  int64_t productsOfARun(const CallArguments &arguments) {
    Callable callable(arguments);
    const int64_t before = driver.count("cublasLtMatmul");
    callable.run();
    return driver.count("cublasLtMatmul") - before;
  }

  const std::filesystem::path directory;
  int models = 0;
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
};

TEST_F(TuningOnDevices, WhatIsMeasuredIsChosenBy) {
  const CallArguments asked = compile({"cublaslt", {}});
  const std::string table = directory / "table.json";
  tuneProducts(asked, table, 2);
  std::vector<TunedProduct> products = readTuning(table);
  ASSERT_EQ(products.size(), 2u);
  for (TunedProduct &product : products) {
    EXPECT_EQ(product.device, "Fake GPU");
    EXPECT_EQ(product.capability, "8.0");
    EXPECT_EQ(product.library, "cuBLASLt 13.1.0");
    EXPECT_EQ(product.product.rows, 24);
    EXPECT_TRUE(std::isfinite(product.kernelMicroseconds));
    EXPECT_TRUE(std::isfinite(product.libraryMicroseconds));
    EXPECT_EQ(product.isLibraryChosen, product.libraryMicroseconds < product.kernelMicroseconds);
    product.isLibraryChosen = product.product.columns == 8; // whatever this machine says
  }
  mergeTuning(table, products);
  const CallArguments tuned = compile(libraryOf(readTuning(table)));
  EXPECT_EQ(productsOfARun(asked), 2);
  EXPECT_EQ(productsOfARun(tuned), 1);
  CallArguments otherSize = tuned;
  otherSize.sizes = {"batch=25"};
  EXPECT_EQ(productsOfARun(otherSize), 0);
}

TEST_F(TuningOnDevices, AnArtifactWithoutProductsForALibraryIsRefused) {
  const CallArguments plain = compile({});
  try {
    tuneProducts(plain, directory / "none.json", 1);
    FAIL();
  } catch (const Failure &failure) {
    EXPECT_NE(std::string(failure.what()).find("has no product"), std::string::npos);
  }
  EXPECT_FALSE(std::filesystem::exists(directory / "none.json"));
}

TEST_F(TuningOnDevices, IsForDevices) {
  CallArguments onCpu = compile({"cublaslt", {}});
  onCpu.device = "cpu";
  try {
    tuneProducts(onCpu, directory / "none.json", 1);
    FAIL();
  } catch (const Failure &failure) {
    EXPECT_EQ(failure.exitCode, kUsage);
  }
}

} // namespace
} // namespace ingot::cli
