// bench and profile: what they report of a run, never how long it takes.
#include "ingot/Device.h"
#include "tests/unit/tools/CliTest.h"
#include <nlohmann/json.hpp>

namespace ingot::test {
namespace {

using Json = nlohmann::json;

const char *const kModel = R"(
graph.variable @"dense/kernel" {role = "trainable", value = dense<0.5> : tensor<64x32xf32>} : tensor<64x32xf32>
func.func @predict(%x: tensor<?x64xf32, #graph.dims<[batch, 64]>> {graph.name = "x"})
    -> (tensor<?x32xf32, #graph.dims<[batch, 32]>> {graph.name = "scores"}) {
  %w = graph.read @"dense/kernel" : tensor<64x32xf32> loc("dense")
  %y = graph.matmul %x, %w : (tensor<?x64xf32, #graph.dims<[batch, 64]>>, tensor<64x32xf32>) -> tensor<?x32xf32, #graph.dims<[batch, 32]>> loc("dense")
  return %y : tensor<?x32xf32, #graph.dims<[batch, 32]>>
}
)";

class CliTimesTest : public CliTest {
protected:
  CliTimesTest() {
    std::ofstream(directory / "net.mlir") << kModel;
    Outcome outcome = ingot("compile net.mlir -o net.so");
    EXPECT_EQ(outcome.code, 0) << outcome.err;
  }
};

TEST_F(CliTimesTest, BenchReportsEachNumberOfThreads) {
  Outcome outcome =
      ingot("bench net.so --shape batch=8 --threads 1,2 --percentiles 10,90 --runs 20 --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  Json report = Json::parse(outcome.out);
  EXPECT_EQ(report["function"], "predict");
  EXPECT_EQ(report["sizes"], "batch=8");
  EXPECT_EQ(report["flops"], 2.0 * 8 * 64 * 32);
  ASSERT_EQ(report["results"].size(), 2u);
  for (size_t i : {0, 1}) {
    const Json &result = report["results"][i];
    EXPECT_EQ(result["threads"], i + 1);
    EXPECT_EQ(result["runs"], 20);
    double least = result["min_s"], low = result["percentiles_s"]["10"],
           median = result["median_s"], high = result["percentiles_s"]["90"],
           highest = result["p99_s"];
    EXPECT_GT(least, 0);
    EXPECT_LE(least, low);
    EXPECT_LE(low, median);
    EXPECT_LE(median, high);
    EXPECT_LE(high, highest);
    EXPECT_NEAR(result["gflops"].get<double>(), 2.0 * 8 * 64 * 32 / least * 1e-9,
                1e-6 * result["gflops"].get<double>());
    EXPECT_GT(result["share_of_peak"], 0.0);
    EXPECT_GT(result["share_of_bandwidth"], 0.0);
  }
}

TEST_F(CliTimesTest, BenchPrintsATable) {
  write("x.npy", {3, 64}, std::vector<float>(3 * 64, 1));
  Outcome outcome = ingot("bench net.so --input x=@x.npy --threads 1 --runs 5");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("net.so predict batch=3, x86-64"));
  EXPECT_THAT(outcome.out, HasSubstr("median ms"));
  EXPECT_THAT(outcome.out, HasSubstr("p99 ms"));
}

TEST_F(CliTimesTest, OnADeviceKernelsAreTimedByItsClock) {
  if (!Device::isAvailable("opencl"))
    GTEST_SKIP() << "no device for OpenCL";
  ASSERT_EQ(ingot("compile net.mlir --gpu opencl -o device.so").code, 0);
  Outcome outcome = ingot("profile device.so --device opencl --shape batch=8 --runs 2 --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  Json report = Json::parse(outcome.out);
  ASSERT_EQ(report["kernels"].size(), 1u);
  EXPECT_EQ(report["kernels"][0]["calls"], 1);
  EXPECT_GT(report["kernels"][0]["seconds"], 0);
  // The limits of this machine's processor are not the device's, of which nothing is known.
  EXPECT_TRUE(report["kernels"][0]["share_of_peak"].is_null());
  EXPECT_FALSE(report["kernels"][0].contains("expected_seconds"));
}

TEST_F(CliTimesTest, ProfileNamesTheUsersNodes) {
  Outcome outcome = ingot("profile net.so --shape batch=8 --runs 3 --json --trace trace.json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  Json report = Json::parse(outcome.out);
  ASSERT_EQ(report["kernels"].size(), 1u);
  EXPECT_EQ(report["kernels"][0]["node"], "dense");
  EXPECT_EQ(report["kernels"][0]["calls"], 1);
  EXPECT_EQ(report["kernels"][0]["flops"], 2.0 * 8 * 64 * 32);
  EXPECT_EQ(report["kernels"][0]["share"], 1.0);
  Json trace = Json::parse(contentsOf(directory / "trace.json"));
  ASSERT_EQ(trace["traceEvents"].size(), 1u);
  EXPECT_EQ(trace["traceEvents"][0]["ph"], "X");
  EXPECT_EQ(trace["traceEvents"][0]["args"]["node"], "dense");
  Outcome table = ingot("profile net.so --runs 3 --top 1");
  ASSERT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("dense"));
}

// Which counters there are is the machine's; the profile is there with any, and with none.
TEST_F(CliTimesTest, ProfileAddsCountersOrSaysWhyNot) {
  Outcome outcome = ingot("profile net.so --shape batch=8 --runs 3 --threads 2 --counters --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  Json report = Json::parse(outcome.out);
  ASSERT_EQ(report["kernels"].size(), 1u);
  std::string kind = report["counters"]["kind"], problem = report["counters"]["problem"];
  EXPECT_EQ(kind == "hardware", problem.empty());
  const Json &kernel = report["kernels"][0];
  if (kind == "hardware") {
    EXPECT_GT(kernel["counters"]["cycles"], 0);
    EXPECT_GT(kernel["counters"]["instructions"], 0);
    EXPECT_GE(kernel["counters"]["cache_misses"], 0);
  } else {
    EXPECT_THAT(outcome.err, HasSubstr("no hardware counters: " + problem));
    EXPECT_EQ(kernel.contains("counters"), kind == "software");
  }
  if (kind == "software")
    EXPECT_GT(kernel["counters"]["processor_seconds"], 0);
  Outcome table = ingot("profile net.so --runs 3 --counters");
  ASSERT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr(kind == "hardware"   ? "LLC misses"
                                   : kind == "software" ? "switches"
                                                        : "of memory"));
  Outcome without = ingot("profile net.so --runs 3 --json");
  EXPECT_FALSE(Json::parse(without.out).contains("counters"));
}

TEST_F(CliTimesTest, MistakesAreSaid) {
  Outcome unknown = ingot("bench net.so --shape bacth=8");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("no dynamic dimension `bacth`"));
  EXPECT_THAT(unknown.err, HasSubstr("batch"));
  EXPECT_EQ(ingot("bench net.so --runs 0").code, 1);
  EXPECT_EQ(ingot("bench net.so --percentiles 101").code, 1);
  Outcome missing = ingot("profile net.so --function train_step");
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, HasSubstr("no function `train_step`"));
  EXPECT_EQ(ingot("profile net.so --runs 1 --trace /nowhere/trace.json").code, 2);
}

} // namespace
} // namespace ingot::test
