// The frameworks' recorded training runs on devices: the whole step there, from the same initial
// weights and batches the same losses. By OpenCL for real, on whatever device there is, PoCL's CPU
// for example; by the fake driver the first steps, as plain launches and replayed from a graph.
// ../shared/refs_training/README.md says which differences are rounding.
#include "ingot/Device.h"
#include "tests/endtoend/ExpectLosses.h"
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/runtime/FakeDriver.h"
#include "tests/support/RunCompiled.h"
#include <gtest/gtest.h>

namespace ingot::tests {
namespace {

using test::CurveData;
using test::CurveId;

/// The compiled training step of the curve's model, on a device.
class DeviceCurve {
public:
  DeviceCurve(const CurveId &curve, const std::string &gpu) {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    mlir::MLIRContext context(registry);
    context.loadAllAvailableDialects();
    auto module = test::buildReferenceModel(context, curve);
    EXPECT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", test::optimizerOf(curve))));
    CompileOptions options;
    options.functions = {"initialize", "train_step"};
    options.targetCpu = "x86-64";
    options.gpu = gpu;
    options.hostImage = [](const std::string &source) {
      return makeHostImage(source, /*isChecked=*/false);
    };
    compiled.emplace(*module, options);
    EXPECT_TRUE(compiled->ok()) << compiled->error();
  }

  /// Trains on the device and expects the recorded losses.
  void train(std::shared_ptr<Device> device, const CurveId &curve, const CurveData &data,
             int64_t steps) {
    CompiledModule model = compiled->onDevice(std::move(device));
    ASSERT_TRUE(model.ok()) << model.error();
    SCOPED_TRACE(curve.name());
    test::expectLosses(model.artifact, *model.state, data, steps, [](int64_t step) {
      return step <= 10 ? 1e-4 : step <= 20 ? 1e-3 : 2e-2;
    });
  }

  std::optional<CompiledModule> compiled;
};

class CurvesOnOpenCl : public testing::TestWithParam<CurveId> {};

TEST_P(CurvesOnOpenCl, LossesAreTheFrameworks) {
  constexpr int64_t steps = 30;
  CurveData data = test::readCurve(GetParam(), steps);
  if (!data.error.empty())
    GTEST_SKIP() << "no reference runs: " << data.error;
  auto device = Device::open("opencl");
  if (!device.isOk())
    GTEST_SKIP() << device.status().message();
  DeviceCurve(GetParam(), "opencl").train(*device, GetParam(), data, steps);
}

INSTANTIATE_TEST_SUITE_P(Mnist, CurvesOnOpenCl,
                         testing::Values(CurveId{"keras", "mlp", "adam"},
                                         CurveId{"keras", "cnn", "sgd"},
                                         CurveId{"torch", "cnn", "adamw"},
                                         CurveId{"keras", "cnn_bn", "rmsprop"}),
                         [](const auto &info) { return info.param.name(); });

class CurvesOnFakeGpu : public gputest::DeviceTest, public testing::WithParamInterface<CurveId> {};

TEST_P(CurvesOnFakeGpu, FirstLossesAreTheFrameworks) {
  constexpr int64_t steps = 3; // the third is replayed from a graph
  CurveData data = test::readCurve(GetParam(), steps);
  if (!data.error.empty())
    GTEST_SKIP() << "no reference runs: " << data.error;
  DeviceCurve curve(GetParam(), "host");
  driver.set("capability", "8.0");
  for (const char *name : {"cuda:0", "cuda:1"}) {
    auto device = Device::open(name);
    ASSERT_TRUE(device.isOk()) << device.status().message();
    curve.train(*device, GetParam(), data, steps);
    EXPECT_GT(driver.count("cuGraphLaunch"), 0) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Mnist, CurvesOnFakeGpu,
                         testing::Values(CurveId{"keras", "mlp", "adam"},
                                         CurveId{"keras", "cnn", "sgd"}),
                         [](const auto &info) { return info.param.name(); });

} // namespace
} // namespace ingot::tests
