// What a cubin says of its kernels is what NVIDIA's assembler says; a damaged one is refused.
#include "tests/gpu/nvrtc/Kernels.h"
#include "tests/gpu/nvrtc/NvrtcFixture.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"
#include <elf.h>
#include <random>
#include <regex>

namespace ingot::gpu {
namespace {

using testing::HasSubstr;

class CubinTest : public NvrtcTest {};

/// Kernels that every architecture has code for.
std::string plainKernels() { return kAddKernel + kFrameKernel + kSpillKernel + kSharedKernel; }

/// "ptxas info" of a kernel.
struct PtxasReport {
  int64_t registers, frame, shared;
};
PtxasReport reportOf(const std::string &log, const std::string &kernel) {
  std::string text = log.substr(log.find("entry function '" + kernel + "'"));
  auto number = [&](const char *pattern) {
    std::smatch match;
    // Each kernel's report is two lines; shared memory is named where there is some.
    std::string lines = text.substr(0, text.find("Compiling", 1));
    return std::regex_search(lines, match, std::regex(pattern)) ? std::stoll(match[1]) : 0;
  };
  return {number("Used (\\d+) registers"), number("(\\d+) bytes stack frame"),
          number("(\\d+) bytes smem")};
}

const std::vector<std::string> kVerbose = {"--ptxas-options=-v"};

TEST_F(CubinTest, ItSaysWhatTheAssemblerSays) {
  for (Architecture architecture : architectures()) {
    SCOPED_TRACE(architecture.name());
    const Nvrtc::Compiled &compiled = compile(plainKernels(), architecture.name(), kVerbose);
    auto cubin = readCubin(compiled.bytes);
    ASSERT_TRUE(static_cast<bool>(cubin)) << llvm::toString(cubin.takeError());
    EXPECT_EQ(cubin->architecture, architecture.number);
    std::vector<std::string> names;
    for (const KernelResources &kernel : cubin->kernels) {
      PtxasReport report = reportOf(compiled.log, kernel.symbol);
      EXPECT_GT(report.registers, 0) << compiled.log;
      EXPECT_EQ(kernel.registers, report.registers) << kernel.symbol;
      EXPECT_EQ(kernel.localBytes, report.frame) << kernel.symbol;
      EXPECT_EQ(kernel.sharedBytes, report.shared) << kernel.symbol;
      names.push_back(kernel.symbol);
    }
    EXPECT_THAT(names, testing::ElementsAre("add", "frame", "shared", "spill"));
  }
}

TEST_F(CubinTest, ItSaysHowAKernelIsCalled) {
  for (Architecture architecture : architectures()) {
    KernelResources add = resources(kAddKernel, architecture.name());
    EXPECT_EQ(add.maxThreads, 256);
    ASSERT_EQ(add.parameters.size(), 3u);
    for (int64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(add.parameters[i].bytes, 8);
      EXPECT_EQ(add.parameters[i].offset, 8 * i);
    }
  }
}

TEST_F(CubinTest, InstructionsAreCountedByNameAndWidth) {
  for (Architecture architecture : architectures()) {
    SCOPED_TRACE(architecture.name());
    auto cubin = readCubin(compile(plainKernels(), architecture.name(), kVerbose).bytes);
    ASSERT_TRUE(static_cast<bool>(cubin)) << llvm::toString(cubin.takeError());
    ASSERT_EQ(cubin->kernels.size(), 4u);
    const KernelResources &add = cubin->kernels[0], &shared = cubin->kernels[2],
                          &spill = cubin->kernels[3];
    EXPECT_EQ(add.count("LDG"), 2);
    EXPECT_EQ(add.count("LDG.128"), 0);
    EXPECT_EQ(add.count("STG"), 1);
    EXPECT_EQ(add.count("LDL") + add.count("STL"), 0);
    EXPECT_EQ(add.count("FFMA"), 0);
    EXPECT_EQ(shared.count("LDG"), 2);
    EXPECT_EQ(shared.count("LDG.128"), 1);
    EXPECT_EQ(shared.count("STG.128"), 1);
    EXPECT_EQ(shared.count("BAR"), 1);
    EXPECT_GT(spill.count("LDL"), 0);
    EXPECT_GT(spill.count("STL"), 0);
    EXPECT_GT(spill.count("FMUL"), 79);
  }
}

TEST_F(CubinTest, TensorCoresAndAsynchronousCopiesAreSeen) {
  for (Architecture architecture : architectures()) {
    if (architecture.number < 80)
      continue;
    SCOPED_TRACE(architecture.name());
    KernelResources tensor = resources(kTensorKernel, architecture.name());
    EXPECT_EQ(tensor.count("LDGSTS"), 4);
    EXPECT_EQ(tensor.count("LDGSTS.64"), 1);
    EXPECT_EQ(tensor.count("LDGSTS.128"), 2);
    EXPECT_EQ(tensor.count("LDSM"), 1);
    EXPECT_EQ(tensor.count("LDSM.4"), 1);
    EXPECT_EQ(tensor.count("HMMA.16816"), 2);
    EXPECT_EQ(tensor.count("HMMA.BF16"), 1);
    EXPECT_EQ(tensor.count("HMMA.TF32"), tensor.count("HMMA.1688"));
    EXPECT_GE(tensor.count("HMMA.TF32"), 1);
  }
}

TEST_F(CubinTest, HoppersBulkCopiesAndWarpGroupProductsAreSeen) {
  KernelResources hopper = resources(kHopperKernel, "sm_90a");
  EXPECT_EQ(hopper.count("UTMALDG"), 1);
  EXPECT_EQ(hopper.count("HGMMA"), 1);
  EXPECT_EQ(hopper.count("HGMMA.64x8x16"), 1);
  EXPECT_GE(hopper.count("SYNCS"), 2);
  ASSERT_EQ(hopper.parameters.size(), 2u);
  EXPECT_EQ(hopper.parameters[0].bytes, 128);
  EXPECT_EQ(hopper.parameters[1].bytes, 8);
}

TEST_F(CubinTest, TheInnermostLoopThatComputesIsFoundWithItsInstructions) {
  for (Architecture architecture : architectures()) {
    SCOPED_TRACE(architecture.name());
    KernelResources kernel = resources(kLoopKernel, architecture.name());
    ASSERT_EQ(kernel.loops.size(), 1u);
    const InstructionLoop &loop = kernel.loops.front();
    EXPECT_EQ(loop.count("FFMA"), 4);
    EXPECT_EQ(loop.count("LDS"), 5);
    EXPECT_EQ(loop.count("BRA"), 2);
    EXPECT_EQ(loop.count("LDG") + loop.count("BAR"), 0);
    EXPECT_LT(loop.last - loop.first, 40);
    EXPECT_GT(kernel.count("FFMA"), 4); // of the division
  }
}

TEST_F(CubinTest, ALoopSaysHowManyGroupsOfCopiesAreUnderWay) {
  for (Architecture architecture : architectures()) {
    if (architecture.number < 80)
      continue;
    SCOPED_TRACE(architecture.name());
    KernelResources kernel = resources(kPipelineKernel, architecture.name());
    ASSERT_EQ(kernel.loops.size(), 1u);
    EXPECT_EQ(kernel.loops.front().count("LDGSTS.128"), 1);
    EXPECT_EQ(kernel.loops.front().groupsUnderWay, 2);
  }
  EXPECT_TRUE(resources(kAddKernel, "sm_80").loops.empty());
}

/// The message, or nothing.
std::string readError(llvm::StringRef bytes) {
  auto cubin = readCubin(bytes);
  return cubin ? "" : llvm::toString(cubin.takeError());
}

TEST(DamagedCubinTest, OtherFilesAreRefused) {
  EXPECT_THAT(readError(""), HasSubstr("the machine code cannot be read"));
  EXPECT_THAT(readError(std::string(5000, '\x7f')), HasSubstr("no 64-bit little-endian ELF file"));
  std::string header("\x7f"
                     "ELF\2\1\1",
                     7);
  header.resize(64);
  EXPECT_THAT(readError(header), HasSubstr("not for NVIDIA's GPUs"));
}

/// Of the file's header: where the sections' headers are.
constexpr size_t kSectionsOffset = 40;

std::string withOverlappingCode(std::string bytes) {
  auto *header = reinterpret_cast<Elf64_Ehdr *>(bytes.data());
  auto *sections = reinterpret_cast<Elf64_Shdr *>(bytes.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i)
    if (sections[i].sh_flags & SHF_EXECINSTR) {
      sections[i].sh_offset = 0;
      sections[i].sh_size = bytes.size() / 16 * 16;
    }
  return bytes;
}

TEST_F(CubinTest, SectionsThatOverlapAreRefused) {
  std::string bytes = compile(plainKernels(), "sm_80", kVerbose).bytes;
  ASSERT_EQ(readError(bytes), "");
  EXPECT_THAT(readError(withOverlappingCode(bytes)), HasSubstr("its sections overlap"));
}

/// kAddKernel, as NVRTC 12.9 compiled it for sm_80 and sm_90a with Nvrtc::flags().
TEST(OldCubinTest, WhatCuda12MadeIsRead) {
  for (int architecture : {80, 90}) {
    std::string path = INGOT_FIXTURES "/add_sm" + std::to_string(architecture) + "_cuda12.cubin";
    auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false);
    ASSERT_TRUE(static_cast<bool>(file)) << path;
    auto cubin = readCubin((*file)->getBuffer());
    ASSERT_TRUE(static_cast<bool>(cubin)) << llvm::toString(cubin.takeError());
    EXPECT_EQ(cubin->architecture, architecture);
    ASSERT_EQ(cubin->kernels.size(), 1u);
    const KernelResources &add = cubin->kernels.front();
    EXPECT_EQ(add.symbol, "add");
    EXPECT_EQ(add.registers, 10);
    EXPECT_EQ(add.sharedBytes, 0);
    EXPECT_EQ(add.maxThreads, 256);
    EXPECT_EQ(add.parameters.size(), 3u);
    EXPECT_EQ(add.count("LDG"), 2);
    EXPECT_EQ(add.count("FMUL"), 1);
  }
}

TEST_F(CubinTest, OneThatIsCutOffIsRefused) {
  for (const char *target : {"sm_75", "sm_90a"}) {
    std::string whole = compile(kAddKernel, target).bytes;
    ASSERT_EQ(readError(whole), "");
    size_t cut = 0;
    // The last bytes are program headers, which say nothing of kernels.
    for (size_t size = 0; size < whole.size(); size += 7)
      cut += !readError(llvm::StringRef(whole).take_front(size)).empty();
    EXPECT_GT(cut, whole.size() / 7 * 9 / 10);
  }
}

TEST_F(CubinTest, DamageIsRefusedOrHarmless) {
  const char *runs = std::getenv("INGOT_FUZZ_RUNS");
  long count = runs ? std::strtol(runs, nullptr, 10) : 3000;
  std::mt19937 random(1);
  std::string whole = compile(plainKernels(), "sm_90a", kVerbose).bytes;
  ASSERT_EQ(readError(whole), "");
  size_t sections = llvm::support::endian::read64le(whole.data() + kSectionsOffset);
  long refused = 0;
  for (long run = 0; run < count; ++run) {
    // A copy on the heap without room to spare, so that the address sanitizer sees each overrun.
    std::vector<char> damaged(whole.begin(), whole.end());
    for (unsigned changes = 1 + random() % 8; changes; --changes) {
      // Anywhere, in the file's header, or in the sections' headers, which are last.
      size_t sizes[] = {damaged.size(), 64, damaged.size() - sections};
      size_t kind = random() % 3, at = random() % sizes[kind];
      damaged[kind == 2 ? sections + at : at] = static_cast<char>(random() % 4 ? random() : 0xff);
    }
    auto cubin = readCubin(llvm::StringRef(damaged.data(), damaged.size()));
    refused += !cubin;
    if (!cubin)
      llvm::consumeError(cubin.takeError());
  }
  EXPECT_GT(refused, count / 10);
}

} // namespace
} // namespace ingot::gpu
