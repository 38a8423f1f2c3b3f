// `ingot inspect --gpu-cost`, and what the summary of `ingot compile --gpu` says of GPUs.
#include "backends/gpu/nvrtc/Nvrtc.h"
#include "tests/unit/tools/CliTest.h"
#include <nlohmann/json.hpp>

namespace ingot::test {
namespace {

using Json = nlohmann::json;

const char *const kModel = R"(
func.func @predict(%x: tensor<?x512xf32, #graph.dims<[batch, 512]>> {graph.name = "x"},
                   %w: tensor<512x256xf32> {graph.name = "w"})
    -> (tensor<?x256xf32, #graph.dims<[batch, 256]>> {graph.name = "y"}) {
  %y = graph.matmul %x, %w : (tensor<?x512xf32, #graph.dims<[batch, 512]>>, tensor<512x256xf32>) -> tensor<?x256xf32, #graph.dims<[batch, 256]>> loc("dense")
  %z = graph.relu %y : tensor<?x256xf32, #graph.dims<[batch, 256]>> loc("activation")
  return %z : tensor<?x256xf32, #graph.dims<[batch, 256]>>
}
)";

class InspectCostTest : public CliTest {
protected:
  void SetUp() override {
    if (auto nvrtc = gpu::Nvrtc::get(); !nvrtc) {
      llvm::consumeError(nvrtc.takeError());
      GTEST_SKIP() << "NVRTC is not on this machine; tests/gpu/setup installs it";
    }
    std::ofstream(directory / "net.mlir") << kModel;
    compiled = ingot("compile net.mlir --gpu sm_80,sm_90a");
    ASSERT_EQ(compiled.code, 0) << compiled.err;
  }
  Outcome compiled;
};

TEST_F(InspectCostTest, EachArchitectureHasItsKernelsAndTheirBounds) {
  Outcome outcome = ingot("inspect net.so --gpu-cost --size batch=4096 --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  Json costs = Json::parse(outcome.out)["gpu_costs"];
  ASSERT_EQ(costs.size(), 2u);
  EXPECT_EQ(costs[0]["target"], "sm_80");
  EXPECT_EQ(costs[0]["gpu"], "A100 SXM 40 GB");
  EXPECT_EQ(costs[1]["target"], "sm_90a");
  for (const Json &cost : costs) {
    EXPECT_EQ(cost["sizes"]["batch"], 4096);
    EXPECT_FALSE(cost["is_cut_off"].get<bool>());
    double seconds = 0;
    const Json *product = nullptr;
    for (const Json &kernel : cost["kernels"]) {
      seconds += kernel["seconds"].get<double>();
      EXPECT_GT(kernel["seconds"], kernel["roofline_seconds"]);
      if (kernel.contains("node") && kernel["node"] == "dense")
        product = &kernel;
    }
    EXPECT_NEAR(cost["seconds"].get<double>(), seconds, 1e-12);
    ASSERT_TRUE(product) << cost;
    // A multiply-add for each element of the result and of the sum; the tiles' loop is made of
    // them.
    EXPECT_GE((*product)["flops"], 2.0 * 4096 * 512 * 256);
    EXPECT_GT((*product)["blocks"], 1);
    EXPECT_GT((*product)["loop"]["arithmetic"], 0);
    EXPECT_GT((*product)["loop"]["instructions"], (*product)["loop"]["arithmetic"]);
    EXPECT_GT((*product)["share"], 0.1);
    EXPECT_LT((*product)["share"], 1);
  }
  EXPECT_LT(costs[1]["seconds"], costs[0]["seconds"]);
}

TEST_F(InspectCostTest, OneRowTakesAsLongAsATileOfThem) {
  auto secondsAt = [&](const char *batch) {
    Outcome outcome = ingot(std::string("inspect net.so --gpu-cost --json --size batch=") + batch);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out)["gpu_costs"][0]["seconds"].get<double>();
  };
  double one = secondsAt("1");
  EXPECT_NEAR(secondsAt("8"), one, one * 1e-3);
  EXPECT_GT(secondsAt("4096"), 2 * one);
}

TEST_F(InspectCostTest, TheTextSaysThatItIsAnEstimate) {
  Outcome outcome = ingot("inspect net.so --gpu-cost");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("no GPU was used"));
  EXPECT_THAT(outcome.out, HasSubstr("predict batch=1 on sm_90a (H100 SXM)"));
  EXPECT_THAT(outcome.out, HasSubstr("dense"));
}

TEST_F(InspectCostTest, TheSummaryOfACompilationSaysWhatGpusGot) {
  EXPECT_THAT(compiled.err, HasSubstr("sm_80: 1 kernel in 1 unit, "));
  EXPECT_THAT(compiled.err, HasSubstr("sm_90a: 1 kernel in 1 unit, sm_90a "));
  EXPECT_THAT(compiled.err, HasSubstr(" registers, "));
  Outcome outcome = ingot("compile net.mlir --gpu sm_75,sm_80 --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  Json devices = Json::parse(outcome.out)["devices"];
  ASSERT_EQ(devices.size(), 2u); // families
  EXPECT_EQ(devices[0]["family"], "sm_80");
  EXPECT_GT(devices[0]["kernels"], 0);
  EXPECT_GT(devices[0]["most_registers"], 0);
  EXPECT_EQ(devices[1]["images"][0]["target"], "compute_75");
}

TEST_F(InspectCostTest, WithoutCodeForGpusThereIsNoCost) {
  ASSERT_EQ(ingot("compile net.mlir -o cpu.so").code, 0);
  Outcome outcome = ingot("inspect cpu.so --gpu-cost");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("has no machine code for GPUs"));
  EXPECT_THAT(outcome.err, HasSubstr("--gpu"));
}

} // namespace
} // namespace ingot::test
