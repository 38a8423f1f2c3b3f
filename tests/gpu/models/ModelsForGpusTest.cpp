// The test models, inference and training, compiled for GPUs: every kernel keeps its values in
// registers (the compiler's gate), and the machine code has the instructions that its layout is
// for. Skipped without NVRTC. INGOT_GPUS=all takes every architecture. INGOT_KEEP=DIRECTORY saves
// the models there instead, for `ingot compile`.
#include "backends/gpu/nvrtc/Cubin.h"
#include "backends/gpu/nvrtc/Nvrtc.h"
#include "frontends/keras/Applications.h"
#include "tests/endtoend/CompiledModels.h"
#include <cstdlib>
#include <gtest/gtest.h>

namespace ingot::test {
namespace {

namespace layers = keras::layers;

std::string architectures() {
  const char *given = std::getenv("INGOT_GPUS");
  return given ? given : "sm_75,sm_80,sm_90a";
}

keras::Model buildTransformer() {
  auto x = keras::Input({64}, {.dtype = "int32", .name = "tokens"});
  keras::Tensor h = layers::Embedding(1000, 128)(x);
  for (int block = 0; block < 2; ++block) {
    keras::Tensor a = layers::MultiHeadAttention(4, 32)(std::vector{h, h});
    h = layers::LayerNormalization()(layers::Add()({h, a}));
    keras::Tensor f = layers::Dense(256, {.activation = "gelu"})(h);
    f = layers::Dropout(0.1)(layers::Dense(128)(f));
    h = layers::LayerNormalization()(layers::Add()({h, f}));
  }
  h = layers::Dense(10, {.activation = "softmax"})(layers::GlobalAveragePooling1D()(h));
  return keras::Model({x}, {h});
}

/// He et al., 2015, table 1: for each size of pictures two blocks of two convolutions.
keras::Model buildResNet18() {
  auto convolved = [](const keras::Tensor &x, int64_t filters, int64_t size, int64_t stride) {
    return layers::BatchNormalization()(
        layers::Conv2D(filters, size, {.strides = stride, .padding = "same", .useBias = false})(x));
  };
  auto relu = [](const keras::Tensor &x) { return layers::Activation("relu")(x); };
  auto x = keras::Input({224, 224, 3});
  keras::Tensor h = relu(convolved(x, 64, 7, 2));
  h = layers::MaxPooling2D(3, {.strides = 2, .padding = "same"})(h);
  for (int64_t filters : {64, 128, 256, 512})
    for (int block = 0; block < 2; ++block) {
      const bool halves = block == 0 && filters > 64;
      const int64_t stride = halves ? 2 : 1;
      keras::Tensor shortcut = halves ? convolved(h, filters, 1, stride) : h;
      keras::Tensor y = convolved(relu(convolved(h, filters, 3, stride)), filters, 3, 1);
      h = relu(layers::Add()({shortcut, y}));
    }
  h = layers::Dense(1000, {.activation = "softmax"})(layers::GlobalAveragePooling2D()(h));
  return keras::Model({x}, {h});
}

/// In f16 but for sums and weights.
bool isMixed(const std::string &name) { return name == "transformer_mixed"; }
/// With the factors of products rounded to TF32.
bool isTf32(const std::string &name) { return name == "cnn_bn_tf32"; }

keras::Model buildModel(const std::string &name) {
  if (isTf32(name))
    return buildModel("cnn_bn");
  if (name == "mlp" || name == "cnn" || name == "cnn_bn")
    return buildKerasModel(name);
  keras::clearSession();
  keras::config::setDtypePolicy(isMixed(name) ? "mixed_float16" : "float32");
  keras::Model model = [&]() -> keras::Model {
    if (name.rfind("transformer", 0) == 0)
      return buildTransformer();
    if (name == "mobilenet_v2")
      return keras::applications::MobileNetV2({.weights = "none"});
    if (name == "resnet18")
      return buildResNet18();
    return keras::applications::ResNet50({.weights = "none"});
  }();
  keras::config::setDtypePolicy("float32");
  model.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy"});
  return model;
}

/// The large ones take minutes: with INGOT_GPUS alone.
std::vector<const char *> models() {
  std::vector<const char *> all = {"mlp", "cnn_bn", "cnn_bn_tf32", "transformer_mixed"};
  if (std::getenv("INGOT_GPUS"))
    all.insert(all.end(), {"cnn", "transformer", "mobilenet_v2", "resnet18", "resnet50"});
  return all;
}

class ModelsForGpus : public testing::TestWithParam<const char *> {};

TEST_P(ModelsForGpus, NoKernelSpillsAndProductsHaveTheirInstructions) {
  if (const char *directory = std::getenv("INGOT_KEEP")) {
    buildModel(GetParam()).save(std::string(directory) + "/" + GetParam());
    GTEST_SKIP() << "saved, not compiled";
  }
  if (auto nvrtc = gpu::Nvrtc::get(); !nvrtc)
    GTEST_SKIP() << llvm::toString(nvrtc.takeError());
  mlir::MLIRContext context(allDialects());
  context.loadAllAvailableDialects();
  auto module = keras::detail::buildModule(*buildModel(GetParam()).impl(), &context, true);
  CompileOptions options;
  options.targetCpu = "x86-64";
  options.gpu = architectures();
  options.gpuTf32 = isTf32(GetParam());
  tests::CompiledModule compiled(*module, options);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  const ingot_artifact_table &table = compiled.artifact->table();
  int64_t cubins = 0, byTensorCores = 0, ofTf32 = 0, copyAsynchronously = 0, inPieces = 0,
          byWarpGroups = 0;
  bool takesWarpGroups = false;
  for (int64_t i = 0; i < table.device_count; ++i) {
    const ingot_device_code &code = table.devices[i];
    EXPECT_EQ(code.left_count, 0);
    for (int64_t k = 0; k < code.image_count; ++k) {
      const ingot_image &image = code.images[k];
      if (image.kind != INGOT_IMAGE_CUBIN)
        continue;
      ++cubins;
      const bool hasWarpGroups = std::string(image.target) == "sm_90a";
      takesWarpGroups |= hasWarpGroups;
      auto cubin = gpu::readCubin({static_cast<const char *>(image.data), image.bytes});
      ASSERT_TRUE(bool(cubin)) << llvm::toString(cubin.takeError());
      for (const gpu::KernelResources &kernel : cubin->kernels) {
        EXPECT_EQ(kernel.localBytes, 0) << image.target << " " << kernel.symbol;
        byTensorCores += kernel.count("HMMA") > 0;
        ofTf32 += kernel.count("HMMA.1688.TF32") > 0 || kernel.count("HMMA.TF32") > 0;
        inPieces += kernel.count("LDG.128") > 0 && kernel.count("STG.128") > 0;
        copyAsynchronously += kernel.count("LDGSTS") > 0;
        if (kernel.count("HGMMA") > 0) {
          ++byWarpGroups;
          EXPECT_TRUE(hasWarpGroups) << image.target << " " << kernel.symbol;
          EXPECT_GT(kernel.count("UTMALDG"), 0) << kernel.symbol;
        }
        // A kernel for tensor cores keeps them fed: its loads do not wait.
        if (kernel.count("LDGSTS") > 0)
          EXPECT_GT(kernel.count("HMMA"), 0) << image.target << " " << kernel.symbol;
      }
    }
  }
  EXPECT_GT(cubins, 0);
  EXPECT_GT(inPieces, 0) << "maps read and write 16 bytes at a time";
  EXPECT_EQ(byTensorCores > 0, isMixed(GetParam()) || isTf32(GetParam()))
      << "f32 is computed in f32 unless TF32 is asked for";
  EXPECT_EQ(byWarpGroups > 0, isMixed(GetParam()) && takesWarpGroups);
  EXPECT_EQ(ofTf32 > 0, isTf32(GetParam()));
  EXPECT_EQ(copyAsynchronously > 0, isMixed(GetParam()) || isTf32(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Models, ModelsForGpus, testing::ValuesIn(models()),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
} // namespace ingot::test
