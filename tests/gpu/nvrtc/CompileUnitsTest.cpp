// Units become images in one order and with the same bytes, each text is compiled once, and kernels
// that are not as they must be are refused.
#include "backends/gpu/nvrtc/CompileUnits.h"
#include "compiler/Compile.h"
#include "tests/gpu/nvrtc/Kernels.h"
#include "tests/gpu/nvrtc/NvrtcFixture.h"
#include <filesystem>

namespace ingot::gpu {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const Unit kAddUnit = {kAddKernel, {{"add", "dense_1", 256, 0, 3}}};
const Unit kSharedUnit = {kSharedKernel, {{"shared", "softmax_2", 256, 1024, 2}}};
const Unit kSpillUnit = {kSpillKernel, {{"spill", "dense_3", 1024, 0, 3}}};
const Unit kFrameUnit = {kFrameKernel, {{"frame", "gather_4", 128, 0, 3}}};

std::vector<Architecture> architecturesOf(llvm::StringRef list) {
  return llvm::cantFail(parseArchitectures(list));
}

class CompileUnitsTest : public NvrtcTest {
protected:
  CompileUnitsTest() {
    char name[] = "/tmp/ingot-units-XXXXXX";
    root = mkdtemp(name);
    cache.directory = root / "cache";
  }
  ~CompileUnitsTest() override { fs::remove_all(root); }

  CompiledUnits compileAll(llvm::ArrayRef<Unit> units, llvm::StringRef list,
                           const CompileUnitsOptions &options = {}) const {
    auto compiled = compileUnits(units, architecturesOf(list), options);
    EXPECT_TRUE(static_cast<bool>(compiled)) << llvm::toString(compiled.takeError());
    return compiled ? std::move(*compiled) : CompiledUnits();
  }
  static std::string errorOf(llvm::ArrayRef<Unit> units, llvm::StringRef list,
                             const CompileUnitsOptions &options = {}) {
    auto compiled = compileUnits(units, architecturesOf(list), options);
    return compiled ? "" : llvm::toString(compiled.takeError());
  }
  /// "0 sm_80", and whether the bytes are what NVRTC gives alone.
  std::vector<std::string> imagesOf(const CompiledUnits &compiled,
                                    llvm::ArrayRef<Unit> units) const {
    std::vector<std::string> result;
    for (const Image &image : compiled.images) {
      bool isSame = image.bytes == compile(units[image.unit].source, image.target).bytes;
      result.push_back(std::to_string(image.unit) + " " + image.target +
                       (isSame ? "" : " differs"));
      EXPECT_EQ(image.kind, llvm::StringRef(image.target).starts_with("sm_") ? INGOT_IMAGE_CUBIN
                                                                             : INGOT_IMAGE_PTX);
    }
    return result;
  }

  fs::path root;
  CompileCache cache;
};

TEST_F(CompileUnitsTest, ImagesAreInTheOrderOfUnitsAndArchitectures) {
  std::vector<Unit> units = {kSharedUnit, kAddUnit};
  for (unsigned threads : {1, 4}) {
    CompileUnitsOptions options;
    options.threads = threads;
    CompiledUnits compiled = compileAll(units, "sm_90a,sm_80,sm_75", options);
    EXPECT_EQ(compiled.compiled, 8);
    EXPECT_THAT(imagesOf(compiled, units),
                ElementsAre("0 sm_75", "0 sm_80", "0 sm_90a", "0 compute_75", "1 sm_75", "1 sm_80",
                            "1 sm_90a", "1 compute_75"));
  }
}

TEST_F(CompileUnitsTest, PtxIsLeftOutWhereNoneIsWantedOrOfUse) {
  CompileUnitsOptions options;
  options.ptx = false;
  EXPECT_THAT(imagesOf(compileAll(kAddUnit, "sm_80", options), kAddUnit), ElementsAre("0 sm_80"));
  EXPECT_THAT(imagesOf(compileAll(kAddUnit, "sm_90a"), kAddUnit), ElementsAre("0 sm_90a"));
}

TEST_F(CompileUnitsTest, TheSameTextIsCompiledOnce) {
  std::vector<Unit> units = {kAddUnit, kSharedUnit, kAddUnit};
  CompiledUnits compiled = compileAll(units, "sm_80");
  EXPECT_EQ(compiled.compiled, 4);
  EXPECT_THAT(imagesOf(compiled, units), ElementsAre("0 sm_80", "0 compute_80", "1 sm_80",
                                                     "1 compute_80", "2 sm_80", "2 compute_80"));
}

TEST_F(CompileUnitsTest, WhatTheCacheHasIsNotCompiledAgain) {
  CompileUnitsOptions options;
  options.cache = &cache;
  EXPECT_EQ(compileAll(kAddUnit, "sm_80", options).compiled, 2);
  std::vector<Unit> units = {kSharedUnit, kAddUnit};
  CompiledUnits more = compileAll(units, "sm_80,sm_86", options);
  EXPECT_EQ(more.compiled, 4) << "of kAddUnit sm_86 alone is new";
  CompiledUnits again = compileAll(units, "sm_80,sm_86", options);
  EXPECT_EQ(again.compiled, 0);
  EXPECT_THAT(imagesOf(again, units), imagesOf(more, units));
  EXPECT_EQ(again.uses.size(), more.uses.size());
  EXPECT_EQ(again.cacheFailure, "");
}

TEST_F(CompileUnitsTest, ADamagedEntryIsCompiledAgain) {
  CompileUnitsOptions options;
  options.cache = &cache;
  compileAll(kAddUnit, "sm_80", options);
  for (const auto &entry : fs::directory_iterator(cache.directory))
    fs::resize_file(entry.path(), fs::file_size(entry.path()) - 1);
  CompiledUnits compiled = compileAll(kAddUnit, "sm_80", options);
  EXPECT_EQ(compiled.compiled, 2);
  EXPECT_THAT(imagesOf(compiled, kAddUnit), ElementsAre("0 sm_80", "0 compute_80"));
}

TEST_F(CompileUnitsTest, ACacheThatCannotBeWrittenIsTold) {
  cache.directory = "/proc/nonesuch";
  CompileUnitsOptions options;
  options.cache = &cache;
  CompiledUnits compiled = compileAll(kAddUnit, "sm_80", options);
  EXPECT_THAT(compiled.cacheFailure, HasSubstr("/proc/nonesuch"));
  EXPECT_EQ(compiled.images.size(), 2u);
}

TEST_F(CompileUnitsTest, ItTellsWhatEachKernelTakes) {
  CompiledUnits compiled = compileAll({kAddUnit, kSharedUnit}, "sm_75,sm_80");
  ASSERT_EQ(compiled.uses.size(), 4u);
  const KernelUse &shared = compiled.uses[3];
  EXPECT_EQ(shared.unit, 1);
  EXPECT_EQ(shared.kernel, 0);
  EXPECT_EQ(shared.architecture.name(), "sm_80");
  EXPECT_EQ(shared.resources.symbol, "shared");
  EXPECT_EQ(shared.resources.sharedBytes, 4000);
  EXPECT_EQ(shared.occupancy.blocks, 8);
  EXPECT_STREQ(shared.occupancy.limit, "threads");
}

TEST_F(CompileUnitsTest, SpilledRegistersAreAnErrorForTheFirstArchitectureThatHasThem) {
  std::string error = errorOf({kAddUnit, kSpillUnit}, "sm_80,sm_86");
  EXPECT_THAT(error,
              AllOf(HasSubstr("kernel spill (node dense_3) for sm_80 keeps values outside of "
                              "registers: "),
                    HasSubstr(" bytes a thread, "), HasSubstr(" loads and "),
                    HasSubstr("with 64 registers of 1024 threads"), HasSubstr("smaller tiles"),
                    HasSubstr("--gpu"), testing::Not(HasSubstr("sm_86")),
                    testing::Not(HasSubstr("\n"))));
}

TEST_F(CompileUnitsTest, StackFramesAreAnErrorAndAllFaultsAreToldAtOnce) {
  std::string error = errorOf({kFrameUnit, kSpillUnit}, "sm_75");
  EXPECT_THAT(error, AllOf(HasSubstr("kernel frame (node gather_4) for sm_75"),
                           HasSubstr("256 bytes a thread"),
                           HasSubstr("\nkernel spill (node dense_3) for sm_75")));
}

TEST_F(CompileUnitsTest, KernelsOfTheListMayUseLocalMemory) {
  CompileUnitsOptions options;
  options.mayUseLocalMemory = {"frame"};
  EXPECT_EQ(errorOf(kFrameUnit, "sm_80", options), "");
  EXPECT_THAT(errorOf({kFrameUnit, kSpillUnit}, "sm_80", options),
              AllOf(HasSubstr("kernel spill"), testing::Not(HasSubstr("kernel frame"))));
}

TEST_F(CompileUnitsTest, LaunchesThatDoNotFitTheKernelAreErrors) {
  Unit unit = kAddUnit;
  unit.kernels[0].parameters = 4;
  EXPECT_THAT(errorOf(unit, "sm_80"), HasSubstr("has 3 parameters, not 4"));
  unit = kAddUnit;
  unit.kernels[0].threads = 512;
  EXPECT_THAT(errorOf(unit, "sm_80"),
              HasSubstr("launched with 512 threads a block, but was compiled for 256 at most"));
  unit = kAddUnit;
  unit.kernels[0].symbol = "nonesuch";
  EXPECT_THAT(errorOf(unit, "sm_80"),
              HasSubstr("kernel nonesuch (node dense_1) is not in the code for sm_80"));
}

TEST_F(CompileUnitsTest, MoreSharedMemoryThanAnArchitectureHasIsAnError) {
  Unit unit = kSharedUnit;
  unit.kernels[0].sharedBytes = 120 << 10;
  EXPECT_EQ(errorOf(unit, "sm_80,sm_90a"), "");
  EXPECT_THAT(errorOf(unit, "sm_80,sm_86"),
              AllOf(HasSubstr("kernel shared (node softmax_2) for sm_86 cannot be launched, for "
                              "want of shared memory"),
                    HasSubstr("4000 bytes of static and 122880 of dynamic"),
                    HasSubstr("there are 101376 for a block")));
}

TEST_F(CompileUnitsTest, TextThatDoesNotCompileIsAnErrorOnceAUnit) {
  Unit bad = {"extern \"C\" __global__ void add(float *p) { *p = nonesuch; }", {}};
  std::string error = errorOf({kAddUnit, bad}, "sm_80,sm_86");
  EXPECT_THAT(error, AllOf(HasSubstr("identifier \"nonesuch\""), HasSubstr("sm_80"),
                           testing::Not(HasSubstr("sm_86"))));
}

TEST_F(CompileUnitsTest, AnArchitectureThatNvrtcLacksIsAnErrorAtOnce) {
  auto compiled = compileUnits(kAddUnit, {{80, false}, {990, false}});
  ASSERT_FALSE(static_cast<bool>(compiled));
  EXPECT_THAT(llvm::toString(compiled.takeError()), HasSubstr("has no sm_990"));
}

} // namespace
} // namespace ingot::gpu
