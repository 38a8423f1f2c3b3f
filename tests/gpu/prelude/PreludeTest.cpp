// The language of kernels for NVIDIA's compiler: everything in it compiles for every architecture,
// and kernels by hand become the instructions that they were written for.
#include "backends/gpu/prelude/Prelude.h"
#include "tests/gpu/nvrtc/NvrtcFixture.h"

#include <fstream>
#include <sstream>

namespace ingot::gpu {
namespace {

std::string kernelsOf(const char *file) {
  std::ostringstream text;
  text << cudaPrelude().str();
  for (const char *name : {"exp.k", file})
    text << std::ifstream(std::string(INGOT_SOURCE_DIR "/tests/gpu/kernels/") + name).rdbuf();
  return text.str();
}

class PreludeTest : public NvrtcTest {
protected:
  std::map<std::string, KernelResources> kernels(const char *file, Architecture architecture) {
    const Nvrtc::Compiled &compiled = compile(kernelsOf(file), architecture.name());
    EXPECT_EQ(compiled.log, "") << file << " for " << architecture.name();
    std::map<std::string, KernelResources> result;
    auto cubin = readCubin(compiled.bytes);
    EXPECT_TRUE(static_cast<bool>(cubin)) << llvm::toString(cubin.takeError());
    if (cubin)
      for (const KernelResources &kernel : cubin->kernels)
        result[kernel.symbol] = kernel;
    return result;
  }
};

TEST_F(PreludeTest, EverythingCompilesForEveryArchitectureWithoutAWarning) {
  for (Architecture architecture : architectures()) {
    EXPECT_EQ(kernels("numbers.k", architecture).size(), 1u);
    EXPECT_EQ(kernels("intrinsics.k", architecture).size(), architecture.number == 90 ? 7u : 1u);
    for (const char *file : {"numbers.k", "intrinsics.k"})
      EXPECT_NE(compile(kernelsOf(file), architecture.ptxTarget()).bytes, "");
  }
}

TEST_F(PreludeTest, SimtKernelsKeepTheirValuesInRegisters) {
  for (Architecture architecture : architectures())
    for (const char *file : {"softmax.k", "reduce.k", "gemm_simt.k"})
      for (const auto &[name, kernel] : kernels(file, architecture)) {
        EXPECT_EQ(kernel.localBytes, 0) << name << " for " << architecture.name();
        EXPECT_GT(kernel.maxThreads, 0) << name;
        if (!name.starts_with("softmax")) // which have k_fma_f32
          EXPECT_EQ(kernel.count("FFMA"), 0) << name << ": nothing is contracted";
      }
}

TEST_F(PreludeTest, KernelsForTensorCoresHaveTheirInstructions) {
  for (Architecture architecture : architectures()) {
    if (architecture.number < 80)
      continue;
    SCOPED_TRACE(architecture.name());
    for (auto [file, name] : {std::pair("gemm_mma.k", "gemm_mma"), {"attention.k", "attention"}}) {
      KernelResources kernel = kernels(file, architecture)[name];
      EXPECT_GT(kernel.count("HMMA.16816"), 0) << name;
      EXPECT_GT(kernel.count("LDSM"), 0) << name;
      EXPECT_GT(kernel.count("LDGSTS.128"), 0) << name;
      EXPECT_EQ(kernel.localBytes, 0) << name;
    }
  }
}

TEST_F(PreludeTest, KernelsForWarpGroupsHaveTheirInstructions) {
  for (Architecture architecture : architectures()) {
    if (!architecture.isSpecific)
      continue;
    for (auto &[name, kernel] : kernels("gemm_wgmma.k", architecture)) {
      EXPECT_GT(kernel.count("HGMMA"), 0) << name;
      EXPECT_EQ(kernel.count("UTMALDG"), name == "gemm_wgmma" ? 4 : 2) << name;
      EXPECT_EQ(kernel.localBytes, 0) << name;
    }
  }
}

TEST(Preludes, AreTheFilesBesideTheirHeader) {
  const std::string directory = INGOT_SOURCE_DIR "/backends/gpu/prelude/";
  auto read = [&](const char *name) {
    std::ostringstream text;
    text << std::ifstream(directory + name).rdbuf();
    return text.str();
  };
  EXPECT_EQ(cudaPrelude().str(), read("cuda.h"));
  EXPECT_EQ(openclPrelude().str(), read("opencl.h"));
  EXPECT_EQ(shimPrelude().str(), read("shim_abi.h") + "\n" + read("shim.h"));
}

} // namespace
} // namespace ingot::gpu
