// Real models with their weights inside the artifact, on a device by OpenCL: what the same artifact
// gives on the CPU.
#include "frontends/onnx/ReadOnnx.h"
#include "ingot/Device.h"
#include "tests/support/RunCompiled.h"
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <random>

namespace ingot::tests {
namespace {

CompiledModule compileOnnx(const std::string &path) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto module = readOnnx(path, &context, {});
  EXPECT_TRUE(module);
  CompileOptions options;
  options.embedWeights = true;
  options.gpu = "opencl";
  return CompiledModule(*module, options);
}

/// Small numbers; sizes that are not fixed are 2.
Tensor inputFor(const ingot_tensor_info &info) {
  Shape shape;
  for (int32_t axis = 0; axis < info.rank; ++axis)
    shape.push_back(info.dims[axis].size < 0 ? 2 : info.dims[axis].size);
  auto tensor = Tensor::zeros(static_cast<DType>(info.dtype), shape);
  std::mt19937 random(1);
  for (int64_t i = 0; i < tensor->elementCount(); ++i)
    if (tensor->dtype() == DType::F32)
      static_cast<float *>(tensor->rawData())[i] = static_cast<float>(random() % 256) / 256;
    else
      static_cast<int32_t *>(tensor->rawData())[i] = static_cast<int32_t>(random() % 256);
  return std::move(*tensor);
}

std::vector<Tensor> predict(const CompiledModule &model) {
  auto session = Session::create(model.artifact, "predict");
  EXPECT_TRUE(session.isOk());
  std::vector<Tensor> inputs, outputs;
  for (int64_t i = 0; i < session->function().input_count; ++i)
    inputs.push_back(inputFor(session->function().inputs[i]));
  Status done = session->run(*model.state, std::vector<TensorView>(inputs.begin(), inputs.end()));
  EXPECT_TRUE(done.isOk()) << done.message();
  for (size_t i = 0; i < session->outputCount(); ++i) {
    outputs.emplace_back();
    session->swapOutput(i, outputs.back());
  }
  return outputs;
}

class OnnxOnDevices : public testing::TestWithParam<const char *> {};

TEST_P(OnnxOnDevices, GivesWhatTheCpuGives) {
  std::string path = std::string(INGOT_SHARED_DIR) + "/models/" + GetParam() + ".onnx";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "../shared/models is not there";
  auto device = Device::open("opencl");
  if (!device.isOk())
    GTEST_SKIP() << device.status().message();
  CompiledModule model = compileOnnx(path);
  ASSERT_TRUE(model.ok()) << model.error();
  CompiledModule there = model.onDevice(*device);
  ASSERT_TRUE(there.ok()) << there.error();
  std::vector<Tensor> expected = predict(model), actual = predict(there);
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(expected[i].shape(), actual[i].shape());
    ASSERT_EQ(expected[i].dtype(), DType::F32);
    const float *x = expected[i].data<float>(), *y = actual[i].data<float>();
    double scale = 0, difference = 0;
    for (int64_t k = 0; k < expected[i].elementCount(); ++k) {
      scale = std::fmax(scale, std::fabs(x[k]));
      difference = std::fmax(difference, std::fabs(x[k] - y[k]));
    }
    EXPECT_LE(difference, 1e-4 * scale) << "output " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, OnnxOnDevices,
                         testing::Values("mnist_cntk", "magika_standard_v3_3", "dtln_model_2"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
} // namespace ingot::tests
