// NVRTC is found where it is, what went wrong is said, and it makes code for each architecture.
#include "tests/gpu/nvrtc/Kernels.h"
#include "tests/gpu/nvrtc/NvrtcFixture.h"
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace ingot::gpu {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

/// Changes the environment; as it was before at its end.
class SetEnvironment {
public:
  SetEnvironment(const char *name, const char *value) : name(name) {
    if (const char *old = std::getenv(name))
      before = old;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~SetEnvironment() { before ? setenv(name, before->c_str(), 1) : unsetenv(name); }

private:
  const char *name;
  std::optional<std::string> before;
};

std::string findError(const NvrtcSearch &search = searchNvrtc()) {
  auto found = Nvrtc::find(search);
  return found ? "found " + (*found)->path() : llvm::toString(found.takeError());
}

TEST(FindNvrtcTest, AChosenLibraryThatCannotBeUsedIsAnErrorWithoutASearch) {
  SetEnvironment chosen("INGOT_NVRTC", "/nonesuch/libnvrtc.so");
  EXPECT_THAT(findError(), AllOf(HasSubstr("INGOT_NVRTC names '/nonesuch/libnvrtc.so'"),
                                 HasSubstr("No such file"), testing::Not(HasSubstr("Tried"))));
}

TEST(FindNvrtcTest, ALibraryOfAnotherKindIsNamedWithWhatItLacks) {
  SetEnvironment chosen("INGOT_NVRTC", "libc.so.6");
  EXPECT_THAT(findError(), HasSubstr("it has no function nvrtcVersion"));
}

TEST(FindNvrtcTest, WithoutAnyTheErrorListsWhatWasTriedAndTheRemedies) {
  SetEnvironment chosen("INGOT_NVRTC", nullptr), home("CUDA_HOME", "/nonesuch/cuda"),
      path("PATH", "/nonesuch"), user("HOME", "/nonesuch");
  NvrtcSearch search = searchNvrtc();
  EXPECT_THAT(search.names, testing::IsSupersetOf({"libnvrtc.so.13", "libnvrtc.so.12"}));
  EXPECT_EQ(search.places.back().directory, "/usr/local/cuda/lib64");
  search.places.back().directory = "/nonesuch/lib64"; // this machine may have them
  search.names = {"libnonesuch.so.13"};
  EXPECT_THAT(findError(search),
              AllOf(HasSubstr("pip install nvidia-cuda-nvrtc"), HasSubstr("INGOT_NVRTC"),
                    HasSubstr("/nonesuch/cuda/lib64 (CUDA_HOME): it is not there"),
                    HasSubstr("/nonesuch/lib64 (the toolkit's usual place)"),
                    HasSubstr("libnonesuch.so.13: ")));
}

TEST_F(NvrtcTest, AWheelIsFoundByTheVirtualEnvironmentAndByPython) {
  if (nvrtc->path().find("nvidia/cu13/lib") == std::string::npos)
    GTEST_SKIP() << "NVRTC is not from a wheel here";
  char name[] = "/tmp/ingot-nvrtc-XXXXXX";
  fs::path root = mkdtemp(name), packages = root / "lib/python3.11/site-packages/nvidia/cu13";
  fs::create_directories(packages);
  fs::create_directories(root / "bin");
  fs::create_directory_symlink(fs::path(nvrtc->path()).parent_path(), packages / "lib");
  fs::create_symlink("/bin/true", root / "bin/python3");
  std::string found = "found " + (packages / "lib/libnvrtc.so.13").string();
  SetEnvironment chosen("INGOT_NVRTC", nullptr), home("CUDA_HOME", nullptr),
      path("CUDA_PATH", nullptr);
  {
    SetEnvironment venv("VIRTUAL_ENV", root.c_str());
    EXPECT_EQ(findError(), found);
  }
  {
    SetEnvironment venv("VIRTUAL_ENV", nullptr), programs("PATH", (root / "bin").c_str());
    EXPECT_EQ(findError(), found);
  }
  fs::create_directories(root / "cuda");
  fs::create_directory_symlink(packages / "lib", root / "cuda/lib64");
  SetEnvironment venv("VIRTUAL_ENV", root.c_str()), toolkit("CUDA_HOME", (root / "cuda").c_str());
  EXPECT_EQ(findError(), "found " + (root / "cuda/lib64/libnvrtc.so.13").string())
      << "CUDA_HOME comes first";
  fs::remove_all(root);
}

TEST_F(NvrtcTest, ItTellsItsVersionAndArchitectures) {
  EXPECT_THAT(nvrtc->version(), testing::MatchesRegex("1[0-9]\\.[0-9]+"));
  EXPECT_THAT(nvrtc->architectures(), testing::IsSupersetOf({75, 80, 86, 89, 90}));
  EXPECT_FALSE(static_cast<bool>(nvrtc->check({{80, false}, {90, true}})));
  EXPECT_THAT(llvm::toString(nvrtc->check({{80, false}, {990, false}})),
              AllOf(HasSubstr("has no sm_990, but sm_"), HasSubstr("leave that out of --gpu"),
                    HasSubstr("pip install")));
}

TEST_F(NvrtcTest, TheSameTextGivesTheSameBytes) {
  for (Architecture architecture : architectures()) {
    auto again = nvrtc->compile(kAddKernel, architecture.name());
    ASSERT_TRUE(static_cast<bool>(again)) << llvm::toString(again.takeError());
    EXPECT_EQ(again->bytes, compile(kAddKernel, architecture.name()).bytes);
  }
}

TEST_F(NvrtcTest, ThreadsCompileAtOnceAndGetTheSameBytes) {
  std::string alone = compile(kTensorKernel, "sm_80").bytes, other[4];
  std::vector<std::thread> threads;
  for (std::string &bytes : other)
    threads.emplace_back(
        [&] { bytes = llvm::cantFail(nvrtc->compile(kTensorKernel, "sm_80")).bytes; });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_THAT(other, testing::Each(alone));
}

TEST_F(NvrtcTest, PtxIsTextWithAZeroBehindIt) {
  std::string ptx = compile(kAddKernel, "compute_80").bytes;
  EXPECT_THAT(ptx, AllOf(HasSubstr(".target sm_80"), HasSubstr(".entry add(")));
  EXPECT_EQ(ptx.find('\0'), ptx.size() - 1);
}

TEST_F(NvrtcTest, ProductsAndSumsAreNotContractedAndDenormalsAreKept) {
  std::string ptx = compile(kAddKernel, "compute_80").bytes;
  EXPECT_THAT(ptx, AllOf(HasSubstr("mul.rn.f32"), HasSubstr("add.rn.f32"),
                         testing::Not(HasSubstr("fma.rn")), testing::Not(HasSubstr("ftz"))));
}

TEST_F(NvrtcTest, AMistakeIsToldWithItsLineAndKernel) {
  llvm::StringRef source = "#define K_KERNEL(name, threads) extern \"C\" __global__ void name\n"
                           "K_KERNEL(first, 32)(float *p) { *p = 1; }\n"
                           "K_KERNEL(second, 32)(float *p) {\n"
                           "  *p = nonesuch;\n"
                           "}\n";
  auto compiled = nvrtc->compile(source, "sm_80");
  ASSERT_FALSE(static_cast<bool>(compiled));
  EXPECT_THAT(llvm::toString(compiled.takeError()),
              AllOf(HasSubstr("for sm_80"), HasSubstr("kernels(4): error: identifier \"nonesuch\""),
                    HasSubstr("[kernel second]"), HasSubstr("*p = nonesuch;")));
}

TEST_F(NvrtcTest, TooMuchSharedMemoryIsAnError) {
  llvm::StringRef source = "extern \"C\" __global__ void big(float *p) {\n"
                           "  __shared__ float s[20000];\n"
                           "  s[threadIdx.x] = *p; __syncthreads(); *p = s[threadIdx.x + 1]; }\n";
  auto compiled = nvrtc->compile(source, "sm_80");
  ASSERT_FALSE(static_cast<bool>(compiled));
  EXPECT_THAT(llvm::toString(compiled.takeError()), HasSubstr("'big' uses too much shared data"));
}

} // namespace
} // namespace ingot::gpu
