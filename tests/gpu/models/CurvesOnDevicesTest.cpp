// The frameworks' recorded training runs on devices: the whole step there, from the same initial
// weights and batches the same losses. By OpenCL for real, on whatever device there is, PoCL's CPU
// for example; by the fake driver the first steps, as plain launches and replayed from a graph.
// ../shared/refs_training/README.md says which differences are rounding.
#include "ingot/Device.h"
#include "tests/endtoend/ReferenceModels.h"
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/runtime/FakeDriver.h"
#include "tests/support/RunCompiled.h"
#include <cmath>
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
    auto artifact = compiled->artifact->onDevice(device);
    ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
    CompiledModule model(*artifact);
    ASSERT_TRUE(model.ok()) << model.error();
    EXPECT_EQ(model.run("initialize", {}, {}).size(), 0u);
    ASSERT_EQ(model.error(), "");
    for (auto &[name, values] : data.initial) {
      const ingot_variable_info *info = *(*artifact)->variable(name);
      Status set = model.state->set(name, {DType::F32, info->rank, info->shape, values.data()});
      ASSERT_TRUE(set.isOk()) << set.message();
    }
    auto step = Session::create(*artifact, "train_step");
    ASSERT_TRUE(step.isOk()) << step.status().message();
    for (int64_t s = 0; s < steps; ++s) {
      auto batch = static_cast<int64_t>(data.labels[s].size());
      const int64_t dims[] = {batch, 28, 28, 1};
      Status done =
          step->run(*model.state, {TensorView{DType::F32, 4, dims, data.images[s].data()},
                                   TensorView{DType::I64, 1, &batch, data.labels[s].data()}});
      ASSERT_TRUE(done.isOk()) << done.message();
      double loss = *step->output(0).data<float>(), expected = data.losses[s];
      double tolerance = s < 10 ? 1e-4 : s < 20 ? 1e-3 : 2e-2;
      EXPECT_NEAR(loss, expected, tolerance * expected) << curve.name() << " step " << s + 1;
    }
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
